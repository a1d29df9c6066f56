// SPDX-License-Identifier: MIT
// rig.mjs - what the page's tests share: vitro, its page's server, a browser, and results as lines.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const BUILD = process.env.VITRO_BUILD || path.join(ROOT, 'build');
export const VITRO = process.env.VITRO || path.join(BUILD, 'src/cli/vitro');
export const TMP = fs.mkdtempSync(path.join(os.tmpdir(), 'vitro-web-'));
fs.mkdirSync(path.join(TMP, 'run'), { mode: 0o700 });
export const ENV = { ...process.env, XDG_RUNTIME_DIR: path.join(TMP, 'run'), DISPLAY: '', WAYLAND_DISPLAY: '' };
delete ENV.DISPLAY;
delete ENV.WAYLAND_DISPLAY;

const children = new Set();
const tests = [];
export const test = (name, fn) => tests.push([name, fn]);
export class Skip extends Error {}

export function check(ok, what) {
    if (!ok) throw new Error(what);
}
export function equal(got, want, what) {
    check(JSON.stringify(got) === JSON.stringify(want), `${what || 'value'}: ${JSON.stringify(got)}, not ${JSON.stringify(want)}`);
}

export function vitro(...args) {
    return spawnSync(VITRO, args, { env: ENV, encoding: 'utf8', timeout: 120000 });
}

export const start = (...args) => start_in({}, ...args);

export function start_in(env, ...args) {
    const child = spawn(VITRO, args, { env: { ...ENV, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    child.text = '';
    child.stdout.on('data', (d) => { child.text += d; });
    child.stderr.on('data', (d) => { child.text += d; });
    children.add(child);
    child.on('exit', () => children.delete(child));
    return child;
}

export async function until(what, fn, seconds = 60) {
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await new Promise((r) => setTimeout(r, 25))) {
        const got = await fn();
        if (got) return got;
    }
    throw new Error(`never came: ${what}`);
}

// vitro view: its child, and the page's address.
export async function view(...args) {
    const child = start('view', '--no-browser', ...args);
    const url = await until('the address of the page', () => {
        check(child.exitCode === null, `vitro view ended: ${child.text}`);
        return /http:\/\/127\.0\.0\.1:\d+\/[\w-]+\//.exec(child.text)?.[0];
    });
    return { child, url };
}

export async function stop(child) {
    const ended = new Promise((r) => child.on('exit', r));
    child.kill('SIGINT');
    await ended;
}

// A request as these very bytes; what came back until the server hung up or `ms` went by.
export function raw(url, text, { ms = 3000, end = false } = {}) {
    return new Promise((done) => {
        const s = net.connect(new URL(url).port, '127.0.0.1');
        let got = '';
        const finish = () => { s.destroy(); done(got); };
        s.on('data', (d) => { got += d.toString('latin1'); });
        s.on('close', finish);
        s.on('error', finish);
        setTimeout(finish, ms);
        if (end) s.end(text); else s.write(text);
    });
}

// Ends this file of tests, told as skipped, where there is no browser.
export function need_browser(what) {
    const missing = !fs.existsSync('/usr/bin/chromium') ? 'no chromium (scripts/setup)'
        : !fs.existsSync(path.join(BUILD, 'node/node_modules/playwright-core')) ? 'no playwright-core (scripts/web-tools fetches it from npm)' : null;
    if (!missing) return;
    console.log(`skip ${what}: ${missing}`);
    cleanup();
    process.exit(0);
}

export async function chromium() {
    const need = createRequire(path.join(BUILD, 'node/x.js'));
    const profile = fs.mkdtempSync(path.join(TMP, 'profile-'));
    return need('playwright-core').chromium.launchPersistentContext(profile, {
        executablePath: '/usr/bin/chromium', headless: true, viewport: { width: 1280, height: 900 },
        args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
}

export async function main() {
    const only = process.argv[2];
    let failed = 0;
    for (const [name, fn] of tests) {
        if (only && !name.includes(only)) continue;
        const before = new Set(children);
        try {
            await fn();
            console.log(`ok ${name}`);
        } catch (e) {
            if (e instanceof Skip) { console.log(`skip ${name}: ${e.message}`); continue; }
            failed++;
            console.log(`FAILED ${name}\n${String(e.stack || e).replace(/^/gm, '    ')}`);
        }
        for (const child of children) if (!before.has(child)) child.kill('SIGKILL');
    }
    return failed;
}
export const cleanup = () => fs.rmSync(TMP, { recursive: true, force: true });
