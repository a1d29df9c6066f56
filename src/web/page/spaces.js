// SPDX-License-Identifier: MIT
// spaces.js - guest-physical and host-virtual side by side, a range joined to itself by a ribbon.

const spaces = { map: null, blocks: [], on: null, heat: new Map() };

const USES = { code: 'code', data: 'data', 'page-tables': 'page tables', stack: 'stack', boot: 'boot data',
    result: 'result', ram: 'memory', rom: 'read-only memory', 'run-area': 'run area' };

// Slots cut into the ranges that lie in them and what is between; then what has no guest address.
function pieces(map) {
    const out = [];
    const inner = map.ranges.filter((r) => !r.slot && r.gpa !== null).sort((a, b) => (BigInt(a.gpa) < BigInt(b.gpa) ? -1 : 1));
    for (const slot of map.ranges.filter((r) => r.slot)) {
        const base = BigInt(slot.gpa), end = base + BigInt(slot.bytes), host = BigInt(slot.host);
        const piece = (r, from, to, name) => out.push({ use: r.use, name, slot: slot.name, gpa: from, host: host + (from - base),
            bytes: to - from, pages: r.slot ? null : r.host_pages, whole: slot });
        let at = base;
        for (const r of inner) {
            const from = BigInt(r.gpa), to = from + BigInt(r.bytes);
            if (from < at || from >= end) continue;
            if (from > at) piece(slot, at, from, null);
            piece(r, from, to < end ? to : end, r.name);
            at = to;
        }
        if (at < end) piece(slot, at, end, null);
    }
    for (const r of map.ranges.filter((x) => x.gpa === null))
        out.push({ use: r.use, name: r.name, gpa: null, host: BigInt(r.host), bytes: BigInt(r.bytes), pages: r.host_pages });
    return out;
}

function column(list, key) {
    const rows = [];
    let end = null;
    for (const p of list.filter((x) => x[key] !== null).sort((a, b) => (a[key] < b[key] ? -1 : 1))) {
        if (end !== null && p[key] > end) rows.push({ gap: p[key] - end });
        rows.push({ piece: p, at: p[key] });
        end = p[key] + p.bytes;
    }
    let y = 34;
    for (const row of rows) {
        row.y = y;
        row.h = row.gap !== undefined ? 22 : row.piece.name === null ? 30 : 26 + 2 * Math.log2(Number(row.piece.bytes) / 4096 + 1);
        y += row.h + 3;
    }
    return { rows, height: y };
}

function describe(p) {
    const from = p.gpa === null ? 'no guest address' : `guest-physical ${hex(p.gpa)}–${hex(p.gpa + p.bytes - 1n)}`;
    const res = p.pages ? `, ${size(p.pages.resident)} resident${p.pages.huge ? `, ${size(p.pages.huge)} in huge pages` : ''}` : '';
    return `${p.name ?? `${p.slot}, the guest's to use`}: ${size(p.bytes)}, ${from}, host-virtual ${hex(p.host)}–${hex(p.host + p.bytes - 1n)}${res}`;
}

function light(i) {
    spaces.on = i;
    for (const el of $('spaces-draw').querySelectorAll('[data-i]')) el.classList.toggle('on', Number(el.dataset.i) === i);
    $('spaces-note').textContent = i === null ? spaces.rest : describe(spaces.blocks[i]);
}

function block(row, i, x, w, narrow) {
    const p = row.piece;
    const label = p.name ?? p.slot;
    const g = s('g', { class: `blk u-${p.use}`, 'data-i': i, tabindex: 0, role: 'button', 'aria-label': describe(p) });
    g.append(s('rect', { class: 'body', x, y: row.y, width: w, height: row.h, rx: 4 }));
    if (p.pages && p.bytes > 0n) {
        const share = Math.min(1, p.pages.resident / Number(p.bytes));
        if (share > 0) g.append(s('rect', { class: 'res', x, y: row.y + row.h * (1 - share), width: 4, height: row.h * share, rx: 2 }));
    }
    g.append(s('g', { class: 'heat', 'data-heat': i }));
    const max = narrow ? 15 : 40;
    const name = s('text', { class: 'nm', x: x + 12, y: row.y + (narrow && row.h > 36 ? 15 : row.h / 2 + 4), stroke: 'none' });
    name.textContent = label.length > max ? label.slice(0, max - 1) + '…' : label;
    const at = s('text', narrow ? { x: x + 12, y: row.y + 30, stroke: 'none' } : { x: x + w - 16, y: row.y + row.h / 2 + 4, 'text-anchor': 'end', stroke: 'none' });
    at.textContent = narrow ? hex(row.at) : `${hex(row.at)}  ${size(p.bytes)}`;
    if (!narrow || row.h > 36) g.append(at);
    g.append(name);
    g.addEventListener('mouseenter', () => light(i));
    g.addEventListener('mouseleave', () => light(null));
    g.addEventListener('focus', () => light(i));
    g.addEventListener('blur', () => light(null));
    for (const [ev, fn] of Object.entries(pressed(() => p.gpa !== null && main.look_physical(p.gpa)))) g.addEventListener(ev, fn);
    return g;
}

// Where memory has changed lately: strips in a block, at the height of what they stand for, that fade.
const STRIPS = 24, KEPT = 0.55, FADED = 0.04;

function add_heat(doc) {
    for (const [key, c] of spaces.heat) {
        c.heat *= KEPT;
        if (c.heat < FADED) spaces.heat.delete(key);
    }
    for (const c of doc.hot) spaces.heat.set(c.gpa, { from: BigInt(c.gpa), end: BigInt(c.gpa) + BigInt(c.bytes), at: c.at.map(BigInt), heat: Math.max(0.5, c.changed / c.looked) });
    draw_heat();
}

function strips_of(p) {
    // A cell of many pages says nothing of a small range but where a page of that range was looked at.
    const parts = (c) => (p.bytes >= c.end - c.from ? [[c.from, c.end]] : c.at.map((gpa) => [gpa, gpa + 4096n]));
    const n = Math.min(STRIPS, Math.max(1, Number(p.bytes / 4096n))), strips = Array(n).fill(0);
    const place = (gpa) => Number(((gpa - p.gpa) * BigInt(n)) / p.bytes);
    for (const c of spaces.heat.values()) for (const [from, end] of parts(c)) {
        if (end <= p.gpa || from >= p.gpa + p.bytes) continue;
        const first = Math.max(0, place(from > p.gpa ? from : p.gpa)), last = Math.min(n - 1, place(end - 1n));
        for (let i = first; i <= last; i++) strips[i] = Math.max(strips[i], c.heat);
    }
    return strips;
}

function draw_heat() {
    for (const g of $('spaces-draw').querySelectorAll('.heat')) {
        const p = spaces.blocks[Number(g.dataset.heat)], box = g.parentNode.querySelector('.body');
        if (p.gpa === null) continue;
        const [x, y, w, tall] = ['x', 'y', 'width', 'height'].map((k) => Number(box.getAttribute(k)));
        const strips = strips_of(p), each = (tall - 2) / strips.length;
        put(g, strips.map((v, i) => {
            if (v === 0) return null;
            const r = s('rect', { x: x + w - 9, y: y + 1 + i * each, width: 8, height: Math.max(1.5, each), rx: 1 });
            r.style.opacity = v.toFixed(2);
            return r;
        }));
        g.parentNode.classList.toggle('hot', strips.some((v) => v > 0));
    }
}

function draw_column(svg, col, x, w, title, narrow) {
    const head = s('text', { class: 'hd', x, y: 14 });
    head.textContent = title;
    svg.append(head);
    for (const row of col.rows) {
        if (row.gap === undefined) continue;
        const t = s('text', { class: 'gap', x: x + w / 2, y: row.y + 15, 'text-anchor': 'middle' });
        t.textContent = narrow ? `· ${size(row.gap)} ·` : `· · ·  ${size(row.gap)} of something else  · · ·`;
        svg.append(t);
    }
}

function ribbon(a, b, i, use, x0, x1) {
    const mid = (x0 + x1) / 2;
    return s('path', { class: `rib u-${use}`, 'data-i': i,
        d: `M${x0} ${a.y}C${mid} ${a.y} ${mid} ${b.y} ${x1} ${b.y}V${b.y + b.h}C${mid} ${b.y + b.h} ${mid} ${a.y + a.h} ${x0} ${a.y + a.h}Z` });
}

// The address looked at, as a line across both columns.
function pins(svg, guest, host, target, x, w, x2) {
    if (!target || !target.host) return;
    const find = (col, at) => col.rows.find((r) => r.piece && at >= r.at && at < r.at + r.piece.bytes);
    const line = (row, at, left) => {
        if (!row) return null;
        const y = row.y + row.h * (Number(at - row.at) / Number(row.piece.bytes));
        svg.append(s('line', { class: 'pin', x1: left, x2: left + w, y1: y, y2: y }));
        return y;
    };
    const y1 = line(find(guest, BigInt(target.gpa)), BigInt(target.gpa), x);
    const y2 = line(find(host, BigInt(target.host)), BigInt(target.host), x2);
    if (y1 !== null && y2 !== null) {
        const mid = (x + w + x2) / 2;
        svg.append(s('path', { class: 'pin', d: `M${x + w} ${y1}C${mid} ${y1} ${mid} ${y2} ${x2} ${y2}` }));
    }
}

function draw_spaces(map, target) {
    const narrow = $('spaces-draw').clientWidth < 620;
    const width = narrow ? 360 : 1180, w = narrow ? 140 : 430, x2 = width - w;
    const key = JSON.stringify([map, narrow, target && target.gpa]);
    if (key === spaces.key) return;
    spaces.key = key;
    spaces.map = map;
    spaces.blocks = pieces(map);
    spaces.rest = `${map.name}: ${size(map.bytes)} of guest memory. Point at a range to follow it. The bar at its left edge is what the host holds in real pages; strips at its right edge glow where memory has just changed.`;
    const guest = column(spaces.blocks, 'gpa'), host = column(spaces.blocks, 'host');
    const svg = s('svg', { viewBox: `0 0 ${width} ${Math.max(guest.height, host.height)}`, role: 'group', 'aria-label': 'Guest-physical and host-virtual address space' });
    spaces.blocks.forEach((p, i) => {
        const a = guest.rows.find((r) => r.piece === p), b = host.rows.find((r) => r.piece === p);
        if (a && b) svg.append(ribbon(a, b, i, p.use, w, x2));
    });
    draw_column(svg, guest, 0, w, 'Guest-physical', narrow);
    draw_column(svg, host, x2, w, 'Host-virtual', narrow);
    for (const row of guest.rows) if (row.piece) svg.append(block(row, spaces.blocks.indexOf(row.piece), 0, w, narrow));
    for (const row of host.rows) if (row.piece) svg.append(block(row, spaces.blocks.indexOf(row.piece), x2, w, narrow));
    pins(svg, guest, host, target, 0, w, x2);
    put($('spaces-draw'), svg);
    draw_heat();
    const uses = [...new Set(spaces.blocks.map((p) => p.use))];
    put($('spaces-legend'), uses.map((u) => h('span', {}, h('i', { class: `u-${u}` }), USES[u] || u)), main.source.live ? h('span', {}, h('i', { class: 'hot' }), 'changing') : null);
    light(null);
}
