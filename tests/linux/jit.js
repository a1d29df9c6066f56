// SPDX-License-Identifier: MIT
// Work that V8 compiles again and again: typed arrays, regular expressions, JSON, BigInt, closures, exceptions,
// WebAssembly, code made at run time and thrown away, the garbage collector, two threads on one array. What it prints
// is the same on every machine.
"use strict";
const { Worker, isMainThread, workerData } = require("worker_threads");

if (!isMainThread) {
    const cell = new Int32Array(workerData);
    for (let i = 0; i < 300000; i++) Atomics.add(cell, i % 4, i & 15);
    Atomics.add(cell, 4, 1);
    Atomics.notify(cell, 4);
    return;
}

let seed = 12345;
const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0);

function hash(text) {
    let h = 2166136261;
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
    return (h >>> 0).toString(16);
}

function typedArrays() {
    const bytes = new Uint8Array(1 << 16), words = new Uint32Array(bytes.buffer);
    const wide = new Float64Array(4096), view = new DataView(bytes.buffer);
    for (let i = 0; i < words.length; i++) words[i] = random();
    let sum = 0, big = 0n;
    for (let round = 0; round < 40; round++) {
        for (let i = 0; i < bytes.length; i++) sum = (sum + (bytes[i] ^ (i & 255))) | 0;
        for (let i = 0; i + 8 <= 4096; i += 3) wide[i] = Math.sqrt(view.getUint32(i, i % 2 === 0)) / 3;
        bytes.copyWithin(round * 16, 20000, 30000);
    }
    for (const x of wide) sum += x;
    for (let i = 0; i < 512; i++) big += view.getBigUint64(i * 8);
    return `${sum} ${big} ${hash(String.fromCharCode(...bytes.subarray(0, 5000)))}`;
}

function regularExpressions() {
    let text = "";
    for (let i = 0; i < 4000; i++)
        text += `${random() % 1000}-${(random() % 46656).toString(36)}@host${i % 17}.example;`;
    const address = /(?<n>\d+)-(?<user>[a-z0-9]+)@(host(?:1[0-6]|\d))\.example;/g;
    let found = 0, users = 0;
    for (const m of text.matchAll(address)) {
        found += Number(m.groups.n);
        users += m.groups.user.length;
    }
    const turned = text.replace(/([a-z]+)(\d+)/g, (_, a, b) => b + a.toUpperCase());
    const words = turned.split(/[;@]/).filter((w) => /^(?!1)\d{3}-(?=.*[A-Z])/u.test(w));
    return `${found} ${users} ${words.length} ${hash(turned)} ${/(a+)+b/.test("a".repeat(18))}`;
}

function json() {
    const make = (depth) => depth === 0 ? random() % 3 === 0 ? null : random() / 7 :
        { name: `n\u00e4me "${depth}"`, list: [make(depth - 1), make(depth - 1)], odd: depth % 2 === 1 };
    const text = JSON.stringify(make(11));
    const again = JSON.stringify(JSON.parse(text, (k, v) => typeof v === "number" ? Math.round(v) : v));
    return `${text.length} ${hash(text)} ${hash(again)}`;
}

function bigInts() {
    let a = 1n, b = 1n;
    for (let i = 0; i < 6000; i++) [a, b] = [b, a + b];
    const p = (1n << 521n) - 1n;
    let power = 3n;
    for (let i = 0; i < 521; i++) power = power * power % p;
    return `${hash(b.toString())} ${BigInt.asUintN(64, power)} ${(b / 10n ** 1200n) % 1000003n}`;
}

function closuresAndClasses() {
    class Shape { constructor(n) { this.n = n; } area() { return 0; } }
    class Square extends Shape { area() { return this.n * this.n; } }
    class Round extends Shape { area() { return Math.PI * this.n ** 2; } }
    class Odd extends Square { get twice() { return super.area() * 2; } area() { return this.twice; } }
    const kinds = [Square, Round, Odd, Shape];
    const counter = (step) => { let n = 0; return () => (n += step); };
    const counters = Array.from({ length: 50 }, (_, i) => counter(i % 7));
    let area = 0;
    for (let i = 0; i < 400000; i++) {
        area += new kinds[i & 3](i % 100).area(); // seen as one class, then as four
        counters[i % 50]();
    }
    function* range(n) { for (let i = 0; i < n; i++) yield i; }
    let total = 0;
    for (const i of range(100000)) total += i % 3;
    return `${area.toFixed(6)} ${counters.map((c) => c()).join()} ${total}`;
}

function exceptions() {
    let caught = 0, last = "";
    const deep = (n) => { if (n === 0) throw new RangeError("end"); try { return deep(n - 1); } finally { caught++; } };
    for (let i = 0; i < 3000; i++) {
        try {
            if (i % 3 === 0) deep(i % 40);
            else if (i % 3 === 1) null.property;
            else (undefined)();
        } catch (e) {
            last += e.constructor.name[0];
        }
    }
    let depth = 0;
    const endless = () => { depth++; endless(); };
    try { endless(); } catch (e) { last += e instanceof RangeError && depth > 1000; }
    return `${caught} ${hash(last)} ${last.slice(-4)}`;
}

// Numbers that stop being small integers, objects that change their shape: optimized code is left and made anew.
function deoptimized() {
    const add = (a, b) => a + b;
    let out = "";
    for (const [a, b] of [[1, 2], [1.5, 2], [2 ** 31, 7], ["x", 1], [10n, 5n], [null, true], [{}, 1]]) {
        let r;
        for (let i = 0; i < 30000; i++) r = add(a, b);
        out += `${r};`;
    }
    const at = (o) => o.v;
    let sum = 0;
    for (let i = 0; i < 60000; i++) sum += at(i < 30000 ? { v: i } : i % 2 ? { w: 1, v: 2 } : { v: 0.5 });
    return `${out} ${sum}`;
}

function generatedCode() {
    let total = 0;
    for (let round = 1; round <= 60; round++) {
        const step = `s = (s * ${round + 2} + i) % 65521`;
        const f = new Function("n", `let s = ${round}; for (let i = 0; i < n; i++) ${step}; return s`);
        for (let i = 0; i < 20; i++) total += f(1000);
    }
    return total;
}

function garbage() {
    const map = new Map(), kept = [];
    for (let i = 0; i < 300000; i++) {
        const key = `k${i % 5000}`;
        map.set(key, { before: map.size, i });
        if (i % 1000 === 0) kept.push(new Array(500).fill(key));
    }
    let sum = 0;
    for (const { before, i } of map.values()) sum += before + i;
    const sorted = [...map.keys()].sort((a, b) => (a < b ? 1 : -1));
    return `${map.size} ${sum} ${kept.length} ${hash(sorted.join())}`;
}

function numbers() {
    let text = "";
    for (let i = 1; i < 3000; i++) text += (Math.sin(i) * 10 ** (i % 40 - 20)).toString() + (i / 7).toPrecision(9);
    return `${hash(text)} ${Math.hypot(3, 4)} ${(0.1 + 0.2).toString()} ${(255.5).toString(16)} ${-7 % 3} ${1 / -0}`;
}

// fib by recursion; mix: a loop over linear memory with 64-bit and floating-point arithmetic.
function webAssembly() {
    const leb = (n) => {
        const out = [];
        for (;;) {
            const low = n & 127;
            n >>= 7;
            if ((n === 0 && !(low & 64)) || (n === -1 && low & 64)) return [...out, low];
            out.push(low | 128);
        }
    };
    const sized = (body) => [body.length & 127 | 128, body.length >> 7, ...body];
    const name = (text, kind, index) => [text.length, ...Buffer.from(text), kind, index];
    const constant = (n) => [0x41, ...leb(n)], get = (n) => [0x20, n], i32 = 0x7f, f64 = 0x7c;
    const address = [...get(2), ...constant(65528), 0x71];
    const fib = [0, ...get(0), ...constant(2), 0x48, 0x04, i32, ...get(0), 0x05,
        ...get(0), ...constant(1), 0x6b, 0x10, 0, ...get(0), ...constant(2), 0x6b, 0x10, 0, 0x6a, 0x0b, 0x0b];
    const mix = [2, 2, i32, 1, f64, 0x03, 0x40, // locals i, h, x; loop
        ...get(2), ...constant(1664525), 0x6c, ...constant(1013904223), 0x6a, 0x21, 2,
        ...address, ...address, 0x29, 3, 0, ...get(1), 0xac, 0x7c, 0x37, 3, 0, // i64.load, extend, add, store
        ...get(3), ...get(2), 0xb7, 0x99, 0x9f, 0xa0, 0x21, 3, // x += sqrt(abs(h))
        ...get(1), ...constant(1), 0x6a, 0x22, 1, ...get(0), 0x48, 0x0d, 0, 0x0b, // until i is n
        ...get(3), ...constant(1000), 0xb7, 0xa3, 0xaa, ...get(2), 0x73, 0x0b]; // trunc(x / 1000) ^ h
    const section = (id, body) => [id, ...sized(body)];
    const bytes = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
        ...section(1, [1, 0x60, 1, i32, 1, i32]), ...section(3, [2, 0, 0]), ...section(5, [1, 0, 1]),
        ...section(7, [3, ...name("fib", 0, 0), ...name("mix", 0, 1), ...name("memory", 2, 0)]),
        ...section(10, [2, ...sized(fib), ...sized(mix)])];
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(bytes)));
    const memory = Buffer.from(exports.memory.buffer);
    let trap = "";
    const mixed = [exports.mix(100), exports.mix(400000)];
    try { exports.fib(1000000000); } catch (e) { trap = e.constructor.name; }
    return `${exports.fib(25)} ${mixed} ${hash(memory.toString("latin1"))} ${trap}`;
}

async function threads() {
    const cell = new Int32Array(new SharedArrayBuffer(64));
    const ended = [1, 2].map(() => new Promise((resolve, reject) => {
        new Worker(__filename, { workerData: cell.buffer }).on("exit", resolve).on("error", reject);
    }));
    for (let i = 0; i < 300000; i++) Atomics.add(cell, i % 4, i & 15);
    const codes = await Promise.all(ended);
    return `${codes} ${[...cell].slice(0, 5)}`;
}

async function main() {
    const parts = [typedArrays, regularExpressions, json, bigInts, closuresAndClasses, exceptions, deoptimized,
        generatedCode, garbage, numbers, webAssembly, threads];
    console.log("node begins", typeof WebAssembly); // no object under --jitless
    for (const part of parts) console.log(`${part.name} ${await part()}`);
    console.log("node ends");
}

main();
