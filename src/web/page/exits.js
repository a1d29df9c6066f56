// SPDX-License-Identifier: MIT
// exits.js - why the CPU left the guest: in their order, and summed up by place.

const exits = { events: [], dropped: 0, sum: null, on: null, kept: 2000 };

const GPR = ['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'rsp', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'];

const RUN_REASON = { pio: 'KVM_EXIT_IO', mmio: 'KVM_EXIT_MMIO', hlt: 'KVM_EXIT_HLT', shutdown: 'KVM_EXIT_SHUTDOWN', debug: 'KVM_EXIT_DEBUG',
    refused: 'KVM_EXIT_INTERNAL_ERROR', 'irq-window': 'KVM_EXIT_IRQ_WINDOW_OPEN', eoi: 'KVM_EXIT_IOAPIC_EOI', failed: 'KVM_EXIT_FAIL_ENTRY' };

const place = (e) => (e.other ? 'elsewhere' : e.address ? `${e.direction ? e.direction + ' ' : ''}${e.address}` : '');

function add_exits(list, all) {
    if (all) exits.events = [];
    const first = exits.events.length === 0;
    for (const e of list) if (e.event === 'exit') exits.events.push(e);
    const over = exits.events.length - exits.kept;
    if (over > 0) { exits.events.splice(0, over); exits.dropped += over; }
    draw_timeline();
    const want = view.get('exit');
    if (first && want !== undefined && want !== null) pick_exit(exits.events.findIndex((e) => String(e.seq) === want));
}

function draw_timeline() {
    const shown = exits.events.slice(-400);
    const worst = Math.max(1, ...shown.map((e) => Math.log2(2 + (e.guest_ns || 0) + (e.monitor_ns || 0))));
    const low = Math.min(worst - 1, ...shown.map((e) => Math.log2(2 + (e.monitor_ns || 0)))) - 1;
    const scale = (ns) => Math.max(0, 100 * (Math.log2(2 + ns) - low) / (worst - low));
    const box = $('timeline'), stick = box.scrollLeft + box.clientWidth >= box.scrollWidth - 8;
    put(box, shown.map((e) => {
        const all = scale((e.guest_ns || 0) + (e.monitor_ns || 0)), mon = Math.min(all, scale(e.monitor_ns || 0));
        const guest = h('b'), monitor = h('u');
        guest.style.height = `${all - mon}%`;
        monitor.style.height = `${mon}%`;
        return h('i', { class: `k-${/^[a-z-]+$/.test(e.reason) ? e.reason : 'other'}`, role: 'option', 'data-seq': e.seq, id: `exit-${e.seq}`,
            'aria-label': `${e.reason} ${place(e)}`, title: `${e.reason} ${place(e)} ${e.data || ''}`, on: { click: () => pick_exit(exits.events.indexOf(e)) } }, guest, monitor);
    }));
    if (stick && exits.on === null) box.scrollLeft = box.scrollWidth;
    mark_exit();
    const before = exits.dropped + exits.events.length - shown.length;
    $('timeline-note').textContent = shown.length === 0 ? 'No exit yet.'
        : `Each bar is an exit: its height is time (logarithmic), strong in the monitor, pale in the guest.${before ? ` The last ${count(shown.length)}; ${count(before)} before them.` : ''}`;
}

function mark_exit() {
    for (const i of $('timeline').children) {
        const on = exits.on !== null && i.dataset.seq === String(exits.on.seq);
        i.classList.toggle('on', on);
        i.setAttribute('aria-selected', on);
        if (on) $('timeline').setAttribute('aria-activedescendant', i.id);
    }
}

function pick_exit(i) {
    const e = exits.events[i];
    if (!e) return;
    exits.on = e;
    view.set({ exit: e.seq });
    mark_exit();
    $('timeline').querySelector('.on')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    show_exit(e, exits.events[i - 1]);
}

$('timeline').addEventListener('keydown', (e) => {
    const items = exits.events, at = exits.on ? items.indexOf(exits.on) : -1;
    const to = arrows(e, items, at);
    if (to !== null) pick_exit(to);
});

const char_of = (data) => {
    const n = number(data || '');
    return n !== null && n >= 32n && n < 127n ? ` '${String.fromCharCode(Number(n))}'` : n === 10n ? ' (newline)' : '';
};

const kv = (rows) => h('div', { class: 'kv' }, rows.filter(([, v]) => v !== null && v !== undefined && v !== '').flatMap(([k, v]) => [h('span', {}, k), h('span', {}, v)]));

function run_area(e) {
    const area = spaces.map && spaces.map.ranges.find((r) => r.use === 'run-area' && r.cpu === e.cpu);
    return kv([['lies at', area ? `${area.host} in the host, ${size(area.bytes)}` : ''], ['reason', main.info.engine === 'kvm' ? RUN_REASON[e.reason] || e.reason : e.reason],
        ['direction', e.direction], ['size', e.width ? size(e.width) : ''], [e.reason === 'pio' ? 'port' : 'address', e.address],
        ['data', e.data ? e.data + char_of(e.data) : '']]);
}

function gprs(regs, before) {
    return h('div', { class: 'grid4' }, GPR.filter((r) => regs[r] !== undefined).map((r) => h('div', {}, h('span', { class: 'k' }, r),
        h('span', { class: before && before[r] !== undefined && before[r] !== regs[r] ? 'changed' : '' }, regs[r]))));
}

async function show_exit(e, prev) {
    const insn = await main.source.call('disasm', { addr: e.rip, count: 1, cpu: e.cpu }).then((d) => d.instructions[0], () => null);
    if (exits.on !== e) return;
    put($('exit-detail'), h('h3', {}, `${e.reason} ${place(e)}${e.device ? ` · ${e.device}` : ''}`),
        kv([['cpu', String(e.cpu)], ['at', e.t_ns !== undefined ? duration(e.t_ns) : ''], ['in guest', e.guest_ns !== undefined ? duration(e.guest_ns) : ''], ['in monitor', e.monitor_ns !== undefined ? duration(e.monitor_ns) : '']]),
        h('h4', {}, 'Instruction'), h('div', { class: 'code' }, h('div', { class: 'now' }, h('span', { class: 'a' }, e.rip), h('span', {}, insn ? insn.text : 'not readable now'))),
        h('h4', {}, 'Run area at that moment'), run_area(e),
        h('h4', {}, 'Registers at that moment'),
        e.regs ? gprs(e.regs, prev && prev.regs) : h('p', { class: 'quiet' }, 'Not kept for this exit: it was seen in passing, on a machine that runs on.'));
}

const NOTHING_PICKED = 'Choose an exit, in the timeline or the table, to see its instruction, the run area and the registers of that moment.';

function show_exits(sum) {
    if (exits.on === null) put($('exit-detail'), h('p', { class: 'quiet' }, NOTHING_PICKED));
    const key = JSON.stringify(sum);
    if (key === exits.key) return;
    exits.key = key;
    exits.sum = sum;
    const total = sum.guest_ns + sum.monitor_ns;
    $('exit-facts').textContent = (main.source.live ? '' : `${count(sum.exits)} exits, `) + `${count(sum.accesses)} accesses` + (total ? `; ${duration(sum.guest_ns)} in the guest, ${duration(sum.monitor_ns)} in the monitor` : '');
    put($('exit-table').tBodies[0], sum.rows.slice(0, 60).map((r) => {
        const share = sum.exits ? r.exits / sum.exits : 0, bar = h('span', { class: 'share' });
        bar.style.width = `${(share * 3.2).toFixed(2)}rem`;
        const go = () => {
            const i = exits.events.findLastIndex((e) => e.reason === r.reason && e.rip === r.rip && (e.address || null) === r.address);
            if (i >= 0) pick_exit(i);
            if (r.rip) main.look(r.rip);
        };
        return h('tr', { tabindex: 0, on: pressed(go) }, h('td', {}, r.reason), h('td', { class: 'm' }, place(r).replace(' ', '\u00a0'), ' ', h('span', { class: 'quiet' }, r.device || '')),
            h('td', { class: 'm' }, r.rip || '', ' ', h('span', { class: 'quiet' }, r.symbol || '')), h('td', { class: 'num' }, count(r.exits)),
            h('td', { class: 'num' }, bar, `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`), h('td', { class: 'num' }, duration(Math.round(r.monitor_ns / Math.max(1, r.exits)))));
    }));
}
