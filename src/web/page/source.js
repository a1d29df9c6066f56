// SPDX-License-Identifier: MIT
// source.js - where the page's data comes from: a running machine, or the file itself.
// Both answer call(method, params) as the control socket does, so the rest does not know which it is.

class Live {
    constructor() {
        this.token = location.pathname.split('/')[1];
        this.live = true;
    }

    async call(method, params) {
        const answer = await fetch(`/${this.token}/call`, {
            method: 'POST', headers: { 'Content-Type': 'application/json' }, cache: 'no-store',
            body: JSON.stringify({ method, params: params || {} }),
        });
        const doc = await answer.json();
        if (doc.error) throw new Error(doc.error.message);
        return doc.result;
    }

    listen(on) {
        const events = new EventSource(`/${this.token}/events`);
        for (const name of ['machine', 'console', 'trace', 'heat', 'gone'])
            events.addEventListener(name, (e) => on(name, JSON.parse(e.data)));
        events.onerror = () => on('lost', {});
        events.onopen = () => on('open', {});
        return events;
    }
}

// A file made by --save. Walks were made for one address of every page; those beside it share the entries.
class Saved {
    constructor(data) {
        this.data = data;
        this.live = false;
    }

    async call(method, params) {
        const fn = this['on_' + method];
        if (!fn) throw new Error('not in a saved page');
        return fn.call(this, params || {});
    }

    listen(on) {
        on('machine', this.data.info);
        on('console', { text: this.data.console, all: true });
        on('trace', { events: this.data.events });
    }

    on_info() { return this.data.info; }
    on_map() { return this.data.map; }
    on_exits() { return this.data.exits; }
    on_devices() { return this.data.devices; }
    on_regs(p) { return this.data.regs[p.cpu || 0]; }
    on_tables(p) { return this.data.tables[p.cpu || 0]; }

    // The word as an address: a number or a register.
    address(word, cpu) {
        const n = number(String(word));
        const regs = this.data.regs[cpu || 0];
        if (n !== null) return n;
        if (word === 'rip') return BigInt(regs.rip);
        if (regs.gpr[word]) return BigInt(regs.gpr[word]);
        throw new Error(`${word}: neither a number nor a register`);
    }

    on_walk(p) {
        const at = this.address(p.addr, p.cpu);
        const near = this.data.walks.find((w) => w.cpu === (p.cpu || 0) && covers(w, at, this.data.map));
        if (!near) throw new Error(`${hex(at)} is not in this file; 'vitro walk' resolves any address`);
        if (BigInt(near.gva) === at) return near;
        const w = structuredClone(near);
        const off = at - BigInt(near.gva);
        w.gva = hex(at);
        if (w.target) {
            for (const key of ['gpa', 'slot_offset', 'host'])
                if (w.target[key]) w.target[key] = hex(BigInt.asUintN(64, BigInt(w.target[key]) + off));
            delete w.target.host_page;
        }
        return w;
    }

    byte(gpa) {
        const page = this.data.memory.pages[hex(gpa & ~0xfffn)];
        const off = Number(gpa & 0xfffn) * 2;
        if (page) return page.slice(off, off + 2);
        return this.data.memory.complete ? '00' : null;
    }

    on_mem(p) {
        const at = this.address(p.addr, p.cpu), extents = [];
        for (let i = 0n; i < BigInt(p.len); i++) {
            const gva = BigInt.asUintN(64, at + i);
            let b = null;
            try {
                const w = p.physical ? null : this.on_walk({ addr: hex(gva), cpu: p.cpu });
                if (p.physical || (w.mapped && w.target.in_memory)) b = this.byte(p.physical ? gva : BigInt(w.target.gpa));
            } catch { b = null; }
            let last = extents[extents.length - 1];
            if (!last || last.mapped !== (b !== null))
                extents.push(last = { addr: hex(gva), bytes: 0, mapped: b !== null, hex: '' });
            last.bytes++;
            last.hex += b || '';
        }
        return { addr: hex(at), bytes: p.len, extents };
    }

    on_disasm(p) {
        const at = hex(this.address(p.addr, p.cpu));
        for (const list of this.data.disasm) {
            const i = list.instructions.findIndex((x) => x.addr === at);
            if (i >= 0) return { ...list, instructions: list.instructions.slice(i, i + p.count) };
        }
        throw new Error(`the instructions at ${at} are not in this file`);
    }
}

// Whether an address takes the same way through the tables as the walk's.
function covers(w, at, map) {
    const slot = w.paging === 'none' && map.ranges.find((r) => r.slot && at >= BigInt(r.gpa) && at < BigInt(r.gpa) + BigInt(r.bytes));
    if (slot) return BigInt(w.gva) >= BigInt(slot.gpa) && BigInt(w.gva) < BigInt(slot.gpa) + BigInt(slot.bytes);
    if (w.why === 'address not canonical') return at >= 1n << 47n && at < (1n << 64n) - (1n << 47n);
    const last = w.steps[w.steps.length - 1];
    const low = BigInt(last ? last.address_bits[1] : 12);
    return at >> low === BigInt(w.gva) >> low;
}
