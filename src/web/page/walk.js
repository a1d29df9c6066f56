// SPDX-License-Identifier: MIT
// walk.js - one address, level by level, to its byte in the host; and the page table as a tree.

const walk = { at: null, doc: null, byte: null, level: 0, timer: null };

const BITS = { P: 'present', W: 'writable', U: 'user', PWT: 'write-through', PCD: 'cache off', A: 'accessed', D: 'dirty',
    PS: 'large page', G: 'global', PAT: 'PAT', XD: 'not executable' };

const tags = (bits) => bits.map((b) => h('span', { class: b === 'D' ? 'tag hot' : 'tag', title: BITS[b] || b }, b));

const pair = (k, v) => [`${k} `, h('b', {}, v), '  '];

// The levels as rows: where it starts, each entry, where it ends.
function levels(doc) {
    const rows = [{ title: 'Start', kind: '',
        text: doc.paging === 'none' ? ['no paging: the address is guest-physical as it is'] : [...pair('CR3', doc.cr3), `${doc.paging} paging`] }];
    for (const st of doc.steps) {
        const [hi, lo] = st.address_bits;
        rows.push({ title: `${st.table}[${st.index}]`, bits: st.bits, hi, lo, kind: '',
            text: [...pair('entry at guest', st.gpa || 'in the CPU'), ...(st.host ? pair('host', st.host) : []), h('br'), ...pair('holds', st.raw)] });
    }
    if (!doc.mapped) rows.push({ title: 'No page', kind: 'bad', text: [`${doc.gva} is not mapped: ${doc.why}`] });
    else rows.push(...ends(doc.target));
    return rows;
}

function ends(t) {
    const may = ['readable', t.writable && 'writable', t.executable && 'executable', t.user && 'user'].filter(Boolean).join(', ');
    const page = t.page_bytes ? `in a page of ${size(t.page_bytes)}: ${may}` : '';
    const out = [{ title: 'Guest-physical', kind: '', text: [...pair('', t.gpa), page] }];
    if (!t.in_memory) return [...out, { title: 'No memory there', kind: 'bad', text: ['a device or nothing answers at this address'] }];
    out.push({ title: `Slot ${t.slot}`, kind: '', text: [...pair('offset', t.slot_offset), ...(t.host_page ? [t.host_page.resident ? (t.host_page.huge ? 'resident, huge page' : 'resident in the host') : 'not touched yet: the host has given it no page'] : [])] });
    out.push({ title: 'Host byte', kind: 'end', byte: true, text: pair('host-virtual', t.host) });
    return out;
}

function show_bits(doc, level) {
    const steps = doc.steps, at = BigInt(doc.gva), boxes = [];
    const box = (name, value, hi, lo, i) => h('div', { class: i === level ? 'on' : i < level ? 'spent' : '' }, h('b', {}, value), `${name} ${hi}–${lo}`);
    steps.forEach((st, i) => boxes.push(box(st.table, String(st.index), st.address_bits[0], st.address_bits[1], i + 1)));
    const low = steps.length ? steps[steps.length - 1].address_bits[1] : 64;
    if (steps.length && doc.mapped) boxes.push(box('offset', hex(at & ((1n << BigInt(low)) - 1n)), low - 1, 0, steps.length + 1));
    put($('walk-bits'), boxes);
}

function show_level() {
    const items = $('walk-steps').children, n = items.length;
    walk.level = Math.max(0, Math.min(walk.level, n - 1));
    for (let i = 0; i < n; i++) {
        items[i].classList.toggle('seen', i <= walk.level);
        items[i].classList.toggle('now', i === walk.level);
        items[i].querySelector('.d').classList.toggle('veil', i > walk.level);
        items[i].setAttribute('aria-hidden', i > walk.level);
    }
    show_bits(walk.doc, walk.level);
    $('walk-prev').disabled = walk.level === 0;
    $('walk-next').disabled = walk.level >= n - 1;
    $('walk-where').textContent = `${walk.level + 1} of ${n}`;
    view.set({ level: walk.level >= n - 1 ? null : walk.level });
    mark_tree();
}

function show_walk(doc, byte, level) {
    walk.doc = doc;
    walk.byte = byte;
    put($('walk-steps'), levels(doc).map((row) => h('li', { class: row.kind },
        h('p', { class: 't' }, row.title, row.hi !== undefined ? h('span', { class: 'tag' }, `bits ${row.hi}–${row.lo}`) : null, ...(row.bits ? tags(row.bits) : [])),
        h('p', { class: 'd' }, row.byte ? h('span', { class: 'byte', id: 'walk-byte' }, byte === null ? '··' : '0x' + byte) : null, row.text))));
    walk.level = level;
    show_level();
}

function move_level(by) {
    clearInterval(walk.timer);
    if (!walk.doc) return;
    walk.level += by;
    show_level();
}

// Plays the levels from the first, unless the reader prefers stillness.
function play() {
    clearInterval(walk.timer);
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return move_level(99);
    walk.timer = setInterval(() => {
        if (walk.level >= $('walk-steps').children.length - 1) clearInterval(walk.timer);
        else { walk.level++; show_level(); }
    }, 320);
}

function mark_tree() {
    if (!walk.doc) return;
    const at = BigInt(walk.doc.gva);
    for (const b of $('tree').children) {
        const from = BigInt(b.dataset.from);
        b.classList.toggle('on', at >= from && at < from + BigInt(b.dataset.bytes) && Number(b.dataset.depth) < walk.level);
    }
}

function tree_row(row, i, look) {
    const span = row.first === row.last ? `[${row.first}]` : `[${row.first}–${row.last}]`;
    const may = row.kind === 'pages' ? ['r', row.writable && 'w', row.executable && 'x', row.user && 'u'].filter(Boolean).join('') : '';
    const n = row.last - row.first + 1;
    return h('button', { type: 'button', role: 'treeitem', 'aria-level': row.depth + 1, class: `d${row.depth}`, tabindex: i === 0 ? 0 : -1,
        'data-from': row.gva, 'data-bytes': row.bytes, 'data-depth': row.depth, on: { click: () => look(row.gva) } },
        h('span', { class: 'lv' }, row.table + span), h('span', {}, row.gva),
        h('span', { class: 'quiet' }, row.kind === 'pages' ? `${n > 1 ? `${count(n)} × ` : ''}${size(row.page_bytes || row.bytes)} ${may}` : ''),
        row.bits.includes('D') ? h('span', { class: 'tag hot', title: 'dirty' }, 'D') : row.bits.includes('A') ? h('span', { class: 'tag', title: 'accessed' }, 'A') : null,
        h('span', { class: 'to' }, row.gpa ? `→ ${row.gpa}` : ''));
}

function show_tree(doc, look) {
    const key = JSON.stringify(doc);
    if (key === walk.tree) return;
    walk.tree = key;
    const none = doc.paging === 'none';
    $('tree-facts').textContent = none ? 'This CPU has paging off: guest-virtual is guest-physical.'
        : `${doc.paging} paging from CR3 ${doc.cr3}: ${count(doc.table_pages)} tables map ${size(doc.mapped_bytes)}` +
          (doc.cut ? '; the tree is cut here' : '') + '. Choose a row to resolve its first address.';
    const max = 400;
    put($('tree'), (doc.rows || []).slice(0, max).map((row, i) => tree_row(row, i, look)));
    if (doc.rows && doc.rows.length > max) $('tree').append(h('p', { class: 'quiet' }, `and ${count(doc.rows.length - max)} more rows: 'vitro tables' prints all`));
    mark_tree();
}

$('tree').addEventListener('keydown', (e) => {
    const items = [...$('tree').querySelectorAll('button')], at = items.indexOf(document.activeElement);
    const to = arrows(e, items, at);
    if (to === null) return;
    items[at].tabIndex = -1;
    items[to].tabIndex = 0;
    items[to].focus();
});
