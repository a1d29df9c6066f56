# SPDX-License-Identifier: MIT
# What the Linux tests run in the guest and natively, with the same busybox; the outputs must be equal.
# It runs in an empty folder of its own with work.c's program as $1. No output may depend on pids, on the
# host's name or on the time of day.
set -u
program=$1

part() {
    echo "== $*"
}

part files
mkdir -p tree/a/b tree/c
for i in 1 2 3 4 5 6 7 8; do
    seq $((i * 100)) >tree/a/file$i
done
ln -s ../a/file1 tree/c/link
ln tree/a/file2 tree/c/hard
cat tree/c/link | tail -1
chmod 640 tree/a/file3
stat -c '%n %a %h %s' tree/a/file2 tree/a/file3
mv tree/a/file4 tree/a/b/moved
rm tree/a/file5
find tree | sort
tar -c -C tree . | tar -t | sort | md5sum
dd if=/dev/zero of=sparse bs=1 count=1 seek=1048575 2>/dev/null
wc -c sparse | cut -d' ' -f1
sha256sum tree/a/file8 sparse
cp -r tree copy && diff -r tree copy && echo same
truncate -s 1000 tree/a/file8 && wc -c tree/a/file8
seq 200000 | gzip -c | gunzip -c | md5sum
seq 50000 | bzip2 -c | bunzip2 -c | sha1sum

part pipes
seq 20000 | sort -r | sort -n | uniq | wc -l
seq 3000 | awk '{ s += $1 * $1; f += 1 / $1 } END { printf "%.0f %.12f\n", s, f }'
seq 1000 | sed -n 's/\([0-9]\)7$/\1-seven/p' | md5sum
yes abcdefgh | head -c 300000 | md5sum
seq 1000 | tr 0-9 a-j | grep -c 'ab' || true
mkfifo fifo
seq 5 >fifo &
cat fifo
wait

part processes
i=0
while [ $i -lt 60 ]; do
    (exit $((i % 7))) || echo -n "$? "
    i=$((i + 1))
done
echo
for i in 1 2 3 4; do
    (seq $((i * 5000)) | md5sum >out$i) &
done
wait
cat out1 out2 out3 out4
(ulimit -n 20; ulimit -n)
expr 1234567 \* 89
echo $((0x7fffffff * 3)) $((-7 / 2)) $((-7 % 3)) $((1 << 40))

part signals
trap 'echo got USR1' USR1
kill -USR1 $$
sh -c 'kill -KILL $$'
echo "killed: $?"
sleep 100 &
kill $!
wait $! 2>/dev/null
echo "terminated: $?"
timeout -s INT 1 sleep 30
echo "timeout: $?"

part time
before=$(date +%s)
sleep 2
took=$(($(date +%s) - before))
[ $took -ge 2 ] && [ $took -le 30 ] && echo "slept two seconds"
date -u -d @1000000000
TZ=UTC0 date -d '2024-02-29 12:34:56' +%s

part proc
cat /proc/self/comm
tr '\0' ' ' </proc/self/cmdline
echo
sed -n -e '/^Threads/p' -e '/^SigBlk/p' /proc/self/status
[ "$(grep -c ^processor /proc/cpuinfo)" = "$(nproc)" ] && echo "as many CPUs as said"
ls /proc/self/task | wc -l
[ "$(cat /proc/sys/kernel/ostype)" = Linux ] && echo Linux

part program
"$program"
echo "ends: $?"
