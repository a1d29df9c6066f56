// SPDX-License-Identifier: MIT
// base.js - elements, numbers, and the state that lives in the URL's fragment.
// What a guest or a file says reaches the document as text only: nothing here parses HTML.

const $ = (id) => document.getElementById(id);

function h(tag, attrs, ...kids) {
    const el = document.createElement(tag);
    for (const [k, v] of Object.entries(attrs || {})) {
        if (v === null || v === undefined || v === false) continue;
        if (k === 'on') for (const [name, fn] of Object.entries(v)) el.addEventListener(name, fn);
        else el.setAttribute(k, v === true ? '' : String(v));
    }
    el.append(...kids.flat().filter((k) => k !== null && k !== undefined && k !== false));
    return el;
}

function s(tag, attrs, ...kids) {
    const el = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [k, v] of Object.entries(attrs || {})) el.setAttribute(k, String(v));
    el.append(...kids);
    return el;
}

function put(where, ...kids) {
    where.replaceChildren(...kids.flat().filter((k) => k !== null && k !== undefined && k !== false));
}

const hex = (n) => '0x' + BigInt(n).toString(16);

// A number as people write it, or null: 0x400, 1024, 64K.
function number(word) {
    const m = /^(0x[0-9a-f]{1,16}|[0-9]{1,20})([kmg]?)$/i.exec(word.trim().replace(/[_`]/g, ''));
    if (!m) return null;
    const n = BigInt(m[1]) << BigInt({ '': 0, k: 10, m: 20, g: 30 }[m[2].toLowerCase()]);
    return n < 1n << 64n ? n : null;
}

function size(bytes) {
    let n = Number(bytes), unit = 0;
    const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
    while (n >= 1024 && unit < units.length - 1) { n /= 1024; unit++; }
    return `${Number.isInteger(n) ? n : n.toFixed(1)} ${unit === 0 && n === 1 ? 'byte' : units[unit]}`;
}

function duration(ns) {
    if (ns < 1000) return `${ns} ns`;
    for (const [div, unit] of [[1e3, 'µs'], [1e6, 'ms'], [1e9, 's']])
        if (ns < div * 1000 || unit === 's') return `${(ns / div).toPrecision(3)} ${unit}`;
}

const count = (n) => Number(n).toLocaleString('en').replace(/,/g, '\u202f');

// The fragment: what is looked at, so that a link shows the same.
const view = {
    get(key, fallback) {
        return new URLSearchParams(location.hash.slice(1)).get(key) ?? fallback;
    },
    set(changes) {
        const p = new URLSearchParams(location.hash.slice(1));
        for (const [k, v] of Object.entries(changes)) {
            if (v === null || v === undefined) p.delete(k);
            else p.set(k, v);
        }
        const next = '#' + p.toString();
        if (next !== location.hash) history.replaceState(null, '', next);
    },
};

// Keys that move through a list of focusable things.
function arrows(event, items, at) {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const to = event.key === 'Home' ? 0 : event.key === 'End' ? items.length - 1 : step ? at + step : null;
    if (to === null || !items[to]) return null;
    event.preventDefault();
    return to;
}

function pressed(fn) {
    return {
        click: fn,
        keydown: (e) => {
            if (e.key === 'Enter' || e.key === ' ') { e.preventDefault(); fn(e); }
        },
    };
}
