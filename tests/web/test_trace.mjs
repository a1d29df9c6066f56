// SPDX-License-Identifier: MIT
// test_trace.mjs - vitro run --trace --to chrome in Chromium: what its trace viewer makes of it is what was written.
//
// chrome://tracing is not in every build of Chromium; the Performance panel is, and its importer is asked itself.
import fs from 'node:fs';
import path from 'node:path';
import { BUILD, check, chromium, cleanup, equal, main, need_browser, Skip, test, TMP, vitro } from './rig.mjs';

need_browser('a trace in a browser');
const browser = await chromium();

// By the viewer: whether it takes it for a trace of no web page, slices by thread and name.
async function seen(file) {
    const page = await browser.newPage();
    await page.goto('devtools://devtools/bundled/devtools_app.html');
    const got = await page.evaluate(async (text) => {
        const { TraceModel } = await import('devtools://devtools/bundled/models/trace/trace.js');
        const model = TraceModel.Model.createWithAllHandlers();
        await model.parse(JSON.parse(text), { isFreshRecording: false });
        const { Meta, Renderer } = model.parsedTrace(0).data;
        const threads = {};
        for (const process of Renderer.processes.values()) {
            for (const thread of process.threads.values()) {
                const names = threads[thread.name] = {};
                for (const slice of thread.entries) names[slice.name] = (names[slice.name] || 0) + 1;
            }
        }
        return { generic: Meta.traceIsGeneric, threads };
    }, fs.readFileSync(file, 'utf8'));
    await page.close();
    return got;
}

// The same from the file.
function written(file) {
    const events = JSON.parse(fs.readFileSync(file, 'utf8'));
    const names = {}, threads = {}, slices = events.filter((e) => e.ph === 'X');
    for (const e of events) if (e.name === 'thread_name') names[e.tid] = e.args.name;
    for (const e of slices) {
        const thread = threads[names[e.tid]] ??= {};
        thread[e.name] = (thread[e.name] || 0) + 1;
    }
    return { generic: true, threads };
}

const sorted = (o) => (o && typeof o === 'object' ? Object.fromEntries(Object.keys(o).sort().map((k) => [k, sorted(o[k])])) : o);

async function compare(file) {
    const got = await seen(file);
    equal(sorted(got), sorted(written(file)), path.basename(file));
    return got;
}

test('a trace of a bare guest in Chromium', async () => {
    const file = path.join(TMP, 'hello.json');
    equal(vitro('run', 'hello', '-q', '--trace', file, '--to', 'chrome').status, 0);
    const got = await compare(file);
    equal(got.threads['CPU 0'].debugcon, 14, 'accesses to debugcon');
});

test('a trace of a boot of Linux in Chromium', async () => {
    const kernel = path.join(BUILD, 'guests/vmlinuz-cloud');
    if (!fs.existsSync(kernel)) throw new Skip('cannot boot here: no vmlinuz-cloud (scripts/guest-kernels)');
    const file = path.join(TMP, 'boot.json');
    const run = vitro('run', kernel, '-e', 'soft', '-q', '--trace', file, '--to', 'chrome');
    equal(run.status, 4, 'exit code: it panics without an initrd');
    const got = await compare(file);
    for (const chip of ['uart16550', 'lapic', 'ioapic', 'i8254', 'mc146818']) {
        check(got.threads['CPU 0'][chip] > 0, `${chip}: ${JSON.stringify(got.threads['CPU 0'])}`);
    }
});

const failed = await main();
await browser.close();
cleanup();
process.exit(failed ? 1 : 0);
