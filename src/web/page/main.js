// SPDX-License-Identifier: MIT
// main.js - joins the parts: what is looked at, keys and buttons, and following a machine that runs.

const main = { source: null, info: {}, busy: false, again: null, target: null, cpu: 0, mem_at: null };

const PARTS = ['spaces', 'translate', 'exits', 'cpu', 'bytes', 'console', 'devices'];

function trouble(e) {
    $('trouble').hidden = !e;
    $('trouble').textContent = e ? String(e.message || e) : '';
}

// Resolves an address, from its first level or whole, and shows its bytes.
main.look = async function (word, whole) {
    try {
        const doc = await main.source.call('walk', { addr: String(word), cpu: main.cpu });
        let byte = null;
        if (doc.mapped && doc.target.in_memory) {
            const m = await main.source.call('mem', { addr: doc.gva, len: 1, cpu: main.cpu }).catch(() => null);
            byte = m && m.extents[0] && m.extents[0].mapped && m.extents[0].hex ? m.extents[0].hex : null;
        }
        trouble(null);
        main.target = doc.target;
        $('walk-at').value = doc.gva;
        walk.at = doc.gva;
        view.set({ at: doc.gva });
        show_walk(doc, byte, whole === undefined ? 0 : whole === 'as it is' ? walk.level : whole);
        if (whole === undefined) play();
        if (spaces.map) draw_spaces(spaces.map, main.target);
        main.mem_at = BigInt(doc.gva) & ~0xffn;
        await main.bytes();
    } catch (e) { trouble(e); }
};

// A click on a range: the first guest-virtual address that leads there, or the same number.
main.look_physical = async function (gpa) {
    const doc = await main.source.call('tables', { cpu: main.cpu }).catch(() => null);
    const row = doc && (doc.rows || []).find((r) => r.kind === 'pages' && BigInt(r.gpa) <= gpa && gpa < BigInt(r.gpa) + BigInt(r.bytes));
    await main.look(hex(row ? BigInt(row.gva) + (gpa - BigInt(row.gpa)) : gpa));
};

main.bytes = async function () {
    if (main.mem_at === null) return;
    $('mem-at').value = hex(main.mem_at);
    view.set({ mem: hex(main.mem_at) });
    const doc = await main.source.call('mem', { addr: hex(main.mem_at), len: 256, cpu: main.cpu });
    show_mem(doc, walk.at === null ? null : BigInt(walk.at));
};

// A guest that runs is not to be held up by being watched: most answers stop it for a moment. So each is asked
// for four times a second, the long ones once.
const asked = {};
function due(what, every = 1000) {
    const since = performance.now() - (asked[what] ?? -Infinity);
    if (since >= every) asked[what] = performance.now();
    else main.later ??= setTimeout(() => { main.later = null; main.update(); }, every - since);
    return since >= every;
}

// Everything that may have changed. What is out of sight while the machine runs is left alone.
const seen = new Set(PARTS);
async function refresh(all) {
    const want = (part) => all || seen.has(part);
    const ask = (method, params) => main.source.call(method, params);
    const which = { cpu: main.cpu };
    if (want('exits') && main.source.live && main.info.state && (all || due('recent', 250))) await recent();
    if (want('exits') && (all || due('exits'))) show_exits(await ask('exits', {}));
    if (want('spaces') && (all || due('map'))) draw_spaces(await ask('map', {}), main.target);
    if (want('cpu') && (all || due('cpu', 250))) {
        show_regs(await ask('regs', which));
        await ask('disasm', { addr: 'rip', count: 14, cpu: main.cpu }).then(show_disasm, () => put($('disasm'), h('p', { class: 'quiet' }, 'The instructions at rip cannot be read.')));
    }
    if (want('translate') && (all || due('tables'))) show_tree(await ask('tables', which), (gva) => main.look(gva));
    if (want('devices') && (all || due('devices'))) show_devices(await ask('devices', {}));
    if (want('bytes') && (all || due('bytes', 250)) && main.mem_at !== null) await main.bytes();
    if (all && walk.at !== null) await main.look(walk.at, 'as it is');
}

// The last exits before now, where no trace tells them all: those not seen yet are appended.
async function recent() {
    if (main.traced) return;
    const doc = await main.source.call('recent', { cpu: main.cpu });
    const total = main.info.exits || 0, fresh = Math.min(doc.recent.length, total - (main.seen_exits || 0));
    main.seen_exits = total;
    if (fresh > 0) add_exits(doc.recent.slice(-fresh).map((r, i) => ({ ...r, event: 'exit', cpu: doc.cpu, seq: total - fresh + i, data: r.data })));
}

// One refresh at a time; what is asked meanwhile follows once.
main.update = async function (all) {
    if (main.busy) { main.again = main.again || all; main.pending = true; return; }
    main.busy = true;
    try { await refresh(all); trouble(null); } catch (e) { if (!main.gone) trouble(e); }
    main.busy = false;
    if (main.pending) {
        const more = main.again;
        main.pending = main.again = false;
        setTimeout(() => main.update(more), 80);
    }
};

function show_info(info) {
    const was = main.info.state;
    main.info = { ...main.info, ...info };
    const i = main.info, running = i.state === 'running';
    document.title = `${i.name} · vitro`;
    $('name').textContent = i.name;
    $('facts').textContent = [i.guest && i.guest !== i.name ? i.guest : null, i.kind, i.mode ? `${i.mode} mode` : null, i.engine, `${i.cpus} CPU${i.cpus > 1 ? 's' : ''}`, size(i.mem_bytes)].filter(Boolean).join(' · ');
    $('facts').title = i.engine_why || '';
    $('state').className = `state ${i.reason === 'end' ? 'end' : i.state}`;
    $('state').textContent = (i.reason === 'end' && (i.text || i.end)) || (main.gone && i.end) || (running ? 'running' : `paused${i.reason && i.reason !== 'pause' ? `: ${{ start: 'before the first instruction', step: 'after a step', break: 'at the address', end: 'ended', watch: 'at a watchpoint' }[i.reason] || i.reason}` : ''}`);
    if (main.source.live && i.exits !== undefined) $('exit-count').textContent = `${count(i.exits)} exit${i.exits === 1 ? '' : 's'}`;
    $('controls').hidden = !i.control;
    $('run').textContent = running ? 'Pause' : 'Run';
    $('run').disabled = i.reason === 'end' || main.gone;
    $('step').disabled = $('runto').querySelector('button').disabled = running || i.reason === 'end' || main.gone;
    $('console-form').hidden = !(main.source.live && i.console && i.control);
    if (i.cpus > 1 && $('cpu-which').options.length !== i.cpus) {
        put($('cpu-which'), Array.from({ length: i.cpus }, (_, n) => h('option', { value: n }, String(n))));
        $('cpu-which').value = main.cpu;
        $('cpu-pick').hidden = false;
    }
    return was !== undefined && (was !== i.state);
}

function on_event(name, ev) {
    if (name === 'machine') {
        const turned = show_info(ev);
        main.update(turned || ev.state !== 'running');
    } else if (name === 'console') add_console(ev);
    else if (name === 'trace') {
        main.traced = true;
        add_exits(ev.events, ev.all);
        if (ev.paused) main.traced = false;
    } else if (name === 'heat') {
        add_heat(ev);
        main.update(); // also where no exit says that the guest goes on
    } else if (name === 'gone') {
        main.gone = true;
        show_info({ state: 'lost', end: ev.why || 'the machine has ended' });
    } else if (name === 'lost' && !main.gone) {
        $('state').className = 'state lost';
        $('state').textContent = 'no connection: what is shown is the last that was seen';
    } else if (name === 'open' && main.info.name) show_info({});
}

async function act(method, params) {
    try { await main.source.call(method, params); trouble(null); } catch (e) { trouble(e); }
}

const run_or_pause = () => act(main.info.state === 'running' ? 'pause' : 'resume');

function theme(word) {
    const dark = word ? word === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    document.documentElement.classList.toggle('dark', dark);
}

function go_part(part) {
    view.set({ part });
    $(part).scrollIntoView({ block: 'start' });
    $(part).focus({ preventScroll: true });
}

// The tab of the part that is being read: the last whose head is in the upper third.
function mark_part() {
    const end = scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
    const at = end ? PARTS.length - 1 : PARTS.findLastIndex((p) => $(p).getBoundingClientRect().top < innerHeight / 3);
    document.querySelectorAll('.tabs a').forEach((a, i) => {
        a.classList.toggle('here', i === Math.max(0, at));
        a.setAttribute('aria-current', i === Math.max(0, at));
    });
}

function keys(e) {
    if (e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|SELECT)$/.test(e.target.tagName)) {
        if (e.key === 'Escape') e.target.blur();
        return;
    }
    const keymap = {
        '/': () => { $('walk-at').focus(); $('walk-at').select(); }, '[': () => move_level(-1), ']': () => move_level(1),
        t: () => $('theme').click(), r: () => main.info.control && !$('run').disabled && run_or_pause(), s: () => main.info.control && !$('step').disabled && act('step', { cpu: main.cpu }),
    };
    const fn = /^[1-7]$/.test(e.key) ? () => go_part(PARTS[Number(e.key) - 1]) : keymap[e.key];
    if (!fn) return;
    e.preventDefault();
    fn();
}

function wire() {
    const submit = (id, fn) => $(id).addEventListener('submit', (e) => { e.preventDefault(); fn(); });
    submit('walk-form', () => main.look($('walk-at').value.trim()));
    submit('mem-form', () => main.source.call('walk', { addr: $('mem-at').value.trim(), cpu: main.cpu }).then((d) => { main.mem_at = BigInt(d.gva); return main.bytes(); }).catch(trouble));
    submit('runto', () => act('run_to', { addr: $('runto-at').value.trim() }));
    submit('console-form', async () => {
        const bytes = String.fromCharCode(...new TextEncoder().encode($('console-in').value + '\n'));
        $('console-in').value = '';
        await act('console.send', { text: bytes });
    });
    const by = (n) => () => { main.mem_at = BigInt.asUintN(64, (main.mem_at || 0n) + n); main.bytes().catch(trouble); };
    $('mem-up').addEventListener('click', by(-256n));
    $('mem-down').addEventListener('click', by(256n));
    $('walk-prev').addEventListener('click', () => move_level(-1));
    $('walk-next').addEventListener('click', () => move_level(1));
    $('run').addEventListener('click', run_or_pause);
    $('step').addEventListener('click', () => act('step', { cpu: main.cpu }));
    $('theme').addEventListener('click', () => {
        const word = document.documentElement.classList.contains('dark') ? 'light' : 'dark';
        view.set({ theme: word });
        theme(word);
    });
    $('cpu-which').addEventListener('change', () => { main.cpu = Number($('cpu-which').value); view.set({ cpu: main.cpu || null }); cpu.before = null; main.update(true); });
    document.addEventListener('keydown', keys);
    for (const a of document.querySelectorAll('.tabs a')) a.addEventListener('click', (e) => { e.preventDefault(); go_part(a.getAttribute('href').slice(1)); });
    document.querySelector('[data-skip]').addEventListener('click', (e) => { e.preventDefault(); $('walk-at').focus(); });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => theme(view.get('theme')));
    addEventListener('resize', () => { if (spaces.map) draw_spaces(spaces.map, main.target); });
    addEventListener('scroll', mark_part, { passive: true });
    const watch = new IntersectionObserver((list) => {
        for (const x of list) if (x.isIntersecting) seen.add(x.target.id); else seen.delete(x.target.id);
        if (main.source.live && main.info.state === 'running' && !main.gone) main.update();
    }, { rootMargin: '200px' });
    for (const part of PARTS) watch.observe($(part));
}

async function start() {
    const data = $('data');
    theme(view.get('theme'));
    main.source = data ? new Saved(JSON.parse(data.textContent)) : new Live();
    main.cpu = Math.max(0, Math.min(7, parseInt(view.get('cpu', '0'), 10) || 0));
    wire();
    const at = view.get('at'), level = view.get('level'), mem = view.get('mem'), part = view.get('part');
    try {
        show_info(await main.source.call('info'));
        await main.update(true);
        await main.look(at || main.first(), at ? (level === null || level === undefined ? 99 : Number(level)) : 99);
        if (mem && number(mem) !== null) { main.mem_at = number(mem); await main.bytes(); }
    } catch (e) { trouble(e); }
    $('foot').textContent = main.source.live ? `A live view by vitro ${main.info.version || ''}` : `Saved by vitro ${main.info.version || ''}: everything shown is in this file`;
    main.source.listen(on_event);
    if (PARTS.includes(part)) go_part(part);
    mark_part();
    document.body.dataset.ready = 'yes';
}

// What to resolve first: where the CPU is.
main.first = () => (main.info.guest === 'hello' ? '0x400' : cpu.before ? cpu.before.rip : 'rip');

start();
