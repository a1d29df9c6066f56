// SPDX-License-Identifier: MIT
// cpu.js - registers, instructions, bytes, what the guest printed, devices.

const cpu = { before: null, rip: null, console: '' };

const RFLAGS_QUIET = new Set(['FIXED']);

function show_regs(r) {
    const changed = cpu.before && cpu.before.cpu === r.cpu ? cpu.before : null;
    const bits = (name, v) => h('div', {}, h('span', { class: 'k' }, name), v.value, ...v.bits.filter((b) => !RFLAGS_QUIET.has(b)).map((b) => h('span', { class: 'tag' }, b)));
    const plain = (name, v) => h('div', {}, h('span', { class: 'k' }, name), v);
    $('cpu-facts').textContent = `CPU ${r.cpu}: ${r.mode}, ring ${r.cpl}${r.symbol ? `, in ${r.symbol}` : ''}`;
    put($('regs'),
        h('div', { class: 'ctl' }, h('div', {}, h('span', { class: 'k' }, 'rip'), h('span', { class: changed && changed.rip !== r.rip ? 'changed' : '' }, r.rip)), bits('rflags', r.rflags)),
        gprs(r.gpr, changed && changed.gpr),
        h('div', { class: 'ctl' }, bits('cr0', r.cr0), plain('cr2', r.cr2), plain('cr3', r.cr3), bits('cr4', r.cr4), bits('efer', r.efer)));
    if (!changed || changed.rip !== r.rip || JSON.stringify(changed.gpr) !== JSON.stringify(r.gpr)) cpu.before = r;
}

function show_disasm(doc) {
    const rows = [];
    for (const x of doc.instructions) {
        if (x.symbol && /^[^+]*(\+0x0)?$/.test(x.symbol)) rows.push(h('div', { class: 'sym' }, x.symbol));
        rows.push(h('div', { class: x.current ? 'now' : '', 'aria-current': x.current ? 'true' : null }, h('span', { class: 'a' }, x.addr), h('span', { class: 'x' }, x.hex),
            h('span', {}, x.text, x.target_symbol ? h('span', { class: 'quiet' }, `  ${x.target_symbol}`) : null)));
    }
    put($('disasm'), rows);
}

const printable = (b) => { const n = parseInt(b, 16); return n >= 32 && n < 127 ? String.fromCharCode(n) : '·'; };

// Sixteen bytes a row, or eight where sixteen with their characters do not fit.
function row_of(box, wide) {
    const probe = box.appendChild(h('span', {}, '0'.repeat(100)));
    const char = probe.getBoundingClientRect().width / 100;
    probe.remove();
    return (wide + 1 + 16 * 4 + 4) * char < box.clientWidth ? 16 : 8;
}

function show_mem(doc, pick) {
    const bytes = doc.extents.flatMap((e) => (e.mapped ? e.hex.match(/../g) || [] : Array(e.bytes).fill('--')));
    const at = BigInt(doc.addr), wide = Math.max(10, hex(at + 255n).length), lines = [];
    const per = row_of($('mem'), wide);
    for (let i = 0; i < bytes.length; i += per) {
        const row = bytes.slice(i, i + per), line = [h('span', { class: 'a' }, hex(at + BigInt(i)).padEnd(wide)), ' '];
        row.forEach((b, j) => line.push(h('span', { class: at + BigInt(i + j) === pick ? 'pick' : b === '00' || b === '--' ? 'z' : null }, b), j % 8 === 7 ? '  ' : ' '));
        lines.push(h('div', {}, line, '   '.repeat(per - row.length), h('span', { class: 'a' }, row.map((b) => (b === '--' ? ' ' : printable(b))).join(''))));
    }
    put($('mem'), lines);
}

// Console bytes as text: UTF-8 where it is, everything that is no text shown by its code.
function console_spans(text) {
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0) & 0xff);
    const shown = new TextDecoder().decode(bytes).replace(/\r\n/g, '\n');
    const out = [];
    let plain = '';
    for (const c of shown) {
        const n = c.codePointAt(0);
        const odd = (n < 32 && c !== '\n' && c !== '\t') || (n >= 127 && n < 160) || n === 0xfffd || n === 0x061c || (n >= 0x200b && n <= 0x200f) || (n >= 0x2028 && n <= 0x202e) || (n >= 0x2066 && n <= 0x2069) || n === 0xfeff;
        if (!odd) { plain += c; continue; }
        if (plain) out.push(plain);
        plain = '';
        out.push(h('span', { class: 'esc' }, n === 27 ? '\\e' : n < 256 ? `\\x${n.toString(16).padStart(2, '0')}` : `\\u${n.toString(16)}`));
    }
    out.push(plain);
    return out;
}

function add_console(ev) {
    cpu.console = ((ev.all ? '' : cpu.console) + ev.text).slice(-65536);
    cpu.drawing ??= setTimeout(draw_console, ev.all ? 0 : 100);
}

function draw_console() {
    cpu.drawing = null;
    const box = $('console-text'), stick = box.scrollTop + box.clientHeight >= box.scrollHeight - 8;
    put(box, console_spans(cpu.console));
    if (stick) box.scrollTop = box.scrollHeight;
    $('console-facts').textContent = cpu.console ? '' : 'nothing printed yet';
}

function device_regs(d) {
    return h('div', { class: 'kv' }, d.registers.map((r) => h('div', {}, h('span', { class: 'k' }, `${r.name} `), r.value, ...Object.entries(r.bits || {}).filter(([, v]) => v).map(([name, v]) => h('span', { class: 'tag' }, v > 1 ? `${name} ${v}` : name)))));
}

function show_devices(doc) {
    const key = JSON.stringify(doc);
    if (key === cpu.devices) return;
    cpu.devices = key;
    const open = new Set([...$('device-list').querySelectorAll('details[open]')].map((d) => d.dataset.name));
    $('device-facts').textContent = `${doc.devices.length} places where something answers; ${count(doc.unclaimed.port + doc.unclaimed.memory)} accesses that nothing answered`;
    put($('device-list'), doc.devices.map((d) => {
        const name = `${d.name} ${d.base || ''}`;
        return h('details', { 'data-name': name, open: open.has(name), class: d.registers.length ? '' : 'none' },
            h('summary', {}, h('span', {}, d.name), h('span', { class: 'quiet small' }, d.reads + d.writes ? `${count(d.reads)} r ${count(d.writes)} w` : ''),
                h('span', { class: 'at' }, d.base ? `${d.space} ${d.base}` : '')), d.registers.length ? device_regs(d) : null);
    }));
}
