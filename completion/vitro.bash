# SPDX-License-Identifier: MIT
# bash completion for vitro. Needs no library: works with and without the bash-completion package.
#
# Commands and options come from the program itself (vitro --list); what an option takes is below.

# What may follow an option. Prints words, one a line; fails when the option takes no value.
_vitro_values() {
    local option=$1 cur=$2
    case $option in
    -e | --engine) printf '%s\n' auto kvm soft ;;
    --tier) printf '%s\n' auto interp trans ;;
    --mode) printf '%s\n' real protected paged32 long ;;
    --kind) printf '%s\n' flat elf linux vmlinux pvh multiboot multiboot2 ;;
    --page-size) printf '%s\n' 4k 2m 4m ;;
    --to) printf '%s\n' text jsonl chrome ;;
    --stop-at | --at | --since) printf '%s\n' exit: insn: end ;;
    --screen) echo text ;;
    --switch) printf '%s\n' exit: insn: ;;
    --cpu) printf '%s\n' base host + - ;;
    --from) echo insn: ;;
    --arch) printf '%s\n' auto amd64 i386 i8086 ;;
    --files) compgen -d -- "$cur" || true ;; # an empty folder is no failure
    --trace | -o | --output | --socket | --save | -i | --initrd | --module | --symbols) compgen -f -- "$cur" || true ;;
    --then) # a list: what is typed already stays in front
        local before=
        [[ $cur != *,* ]] || before=${cur%,*},
        printf "$before%s\n" map walk: tables regs devices mem: disasm: exits symbols blocks
        ;;
    --grace | --interval | --gdb-port | --port | -m | --memory | -c | --cpus | --origin | -n | --name | --timeout | --range | --watch | --seed | --hash-every | --checkpoints | --count | -a | --append) ;;
    *) return 1 ;;
    esac
}

# The same for options whose value is optional and stands after '='.
_vitro_optional_values() {
    case $1 in
    --hypercalls) echo host-addr ;;
    --debug-exit) echo 0xf4 ;;
    *) return 1 ;;
    esac
}

# Keeps the lines of standard input that begin with $1, each with $2 in front, in COMPREPLY.
_vitro_reply() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        [[ $line != "$1"* ]] || COMPREPLY+=("$2$line")
    done
    # a value that is to be continued: no space after it
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[:=] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

# Operands before the word that is being typed.
_vitro_operands() {
    local i word n=0
    for ((i = 2; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ ${COMP_WORDS[i + 1]} == "=" && $word == --* ]]; then
            ((i += 2)) # --option = value, as the shell cuts it up
        elif [[ $word == -* && $word != - ]]; then
            [[ $word == *=* ]] || ! _vitro_values "$word" "" >/dev/null || ((i++))
        elif [[ $word != : && ${COMP_WORDS[i - 1]} != : ]]; then
            ((n++))
        fi
    done
    echo "$n"
}

_vitro_operand() {
    local vitro=$1 command=$2 cur=$3 n
    n=$(_vitro_operands)
    case $command:$n in
    help:0) _vitro_reply "$cur" "" < <("$vitro" --list 2>/dev/null) ;;
    guests:* | doctor:* | help:* | ps:*) ;;
    console:0 | gdb:0 | pause:0 | resume:0 | stop:0 | top:0) _vitro_reply "$cur" "" < <("$vitro" ps -q 2>/dev/null) ;;
    lab:0) compopt -o filenames 2>/dev/null; _vitro_reply "$cur" "" < <(compgen -f -- "$cur") ;;
    *:0)
        compopt -o filenames 2>/dev/null
        _vitro_reply "$cur" "" < <(
            [[ $cur == */* || $command == run || $command == explain ]] || "$vitro" ps -q 2>/dev/null
            [[ $cur == */* ]] || "$vitro" guests 2>/dev/null | awk '/^[^ ]/ { print $1 }'
            compgen -f -- "$cur"
        )
        ;;
    walk:1 | mem:1 | disasm:1) _vitro_reply "$cur" "" < <(printf '%s\n' rip rsp) ;;
    esac
}

_vitro() {
    local vitro=${COMP_WORDS[0]/#\~\//$HOME/} command=${COMP_WORDS[1]}
    local cur=${COMP_WORDS[COMP_CWORD]} prev="" option="" front="" values

    COMPREPLY=()
    command -v -- "$vitro" >/dev/null || return 0
    if ((COMP_CWORD == 1)); then
        _vitro_reply "$cur" "" < <("$vitro" --list 2>/dev/null; printf '%s\n' --help --version)
        return 0
    fi
    prev=${COMP_WORDS[COMP_CWORD - 1]}
    if [[ $cur == --*=* ]]; then # '=' is no word break here
        option=${cur%%=*} front=${cur%%=*}= cur=${cur#*=}
    elif [[ $cur == "=" ]]; then
        option=$prev cur=
    elif [[ $prev == "=" ]] && ((COMP_CWORD > 2)); then
        option=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    if [[ -n $option ]]; then
        values=$(_vitro_optional_values "$option" || _vitro_values "$option" "$cur") || return 0
    elif [[ $prev == -* ]] && values=$(_vitro_values "$prev" "$cur"); then
        option=$prev
    fi
    if [[ -n $option ]]; then
        case $option in --files | --socket | --save | --trace | --output | -o) compopt -o filenames 2>/dev/null ;; esac
        case $option in --then) compopt -o nospace 2>/dev/null ;; esac
        _vitro_reply "$cur" "$front" <<<"$values"
    elif [[ $cur == -* ]]; then
        _vitro_reply "$cur" "" < <("$vitro" --list "$command" 2>/dev/null)
    else
        _vitro_operand "$vitro" "$command" "$cur"
    fi
    return 0
}

complete -F _vitro vitro
