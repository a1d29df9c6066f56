// SPDX-License-Identifier: MIT
// test_view.mjs - the page in a real browser: saved, steered, watching.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { BUILD, check, chromium, cleanup, equal, main, need_browser, Skip, start, stop, test, TMP, until, view, vitro } from './rig.mjs';

need_browser('the page in a browser');
const browser = await chromium();

// A page, and every request that it makes.
async function open(url, { width = 1280, scheme = 'light', still = true } = {}) {
    const page = await browser.newPage();
    page.asked = [];
    page.wrong = [];
    page.on('request', (r) => page.asked.push(r.url()));
    page.on('pageerror', (e) => page.wrong.push(String(e)));
    page.on('console', (m) => { if (m.type() === 'error') page.wrong.push(m.text()); });
    page.on('dialog', (d) => { page.wrong.push(`dialog: ${d.message()}`); d.dismiss(); });
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: still ? 'reduce' : 'no-preference' });
    await page.goto(url);
    await page.waitForSelector('body[data-ready]');
    return page;
}

const text = (page, selector) => page.locator(selector).innerText();
const shown = (page) => page.locator('#walk-steps li.seen').count();

function saved(...args) {
    const file = path.join(TMP, `saved-${args.length}-${path.basename(String(args[0]))}.html`);
    const run = vitro('view', ...args, '--save', file);
    equal(run.status, 0, run.stderr);
    return pathToFileURL(file).href;
}

// Prints a text through port 0xE9 and halts: mov esi, 0x17; mov edx, 0xe9; 1: lodsb; test al,al; jz 2f; out; jmp 1b; 2: hlt
function printer(bytes, name) {
    const code = Buffer.from('be17000000bae9000000ac84c07403eeebf8f4ebfd0000', 'hex').subarray(0, 0x17);
    const file = path.join(TMP, name || 'printer.bin');
    fs.writeFileSync(file, Buffer.concat([code, Buffer.from(bytes, 'latin1'), Buffer.from([0])]));
    return file;
}

const HOSTILE = '</script><script>window.hacked=1</script><img src=x onerror="window.hacked=1">\x1b[31mred\x1b]0;title\x07\x9b&lt;\xff\xfe\x01';

async function resolves(page) {
    await page.fill('#walk-at', '0x400');
    await page.press('#walk-at', 'Enter');
    await until('the walk of 0x400', () => page.evaluate(() => document.querySelectorAll('#walk-steps li').length === 7));
    while (await page.locator('#walk-prev').isEnabled()) await page.click('#walk-prev');
    equal(await shown(page), 1, 'levels shown at first');
    for (const [n, title] of [[2, 'PML4[0]'], [3, 'PDPT[0]'], [4, 'PD[0]'], [5, 'Guest-physical'], [6, 'Slot RAM'], [7, 'Host byte']]) {
        await page.click('#walk-next');
        equal(await shown(page), n, 'levels shown');
        check((await text(page, '#walk-steps li.now .t')).startsWith(title), `level ${n} is ${title}`);
    }
    check(await page.locator('#walk-next').isDisabled(), 'there is a level after the last');
}

test('saved: 0x400 of hello, level by level to the host byte', async () => {
    const page = await open(saved('hello'));
    await resolves(page);
    equal(await text(page, '#walk-byte'), '0x2a');
    check(/host-virtual 0x[0-9a-f]+400$/.test((await text(page, '#walk-steps li.end .d')).trim()), 'host address');
    check((await text(page, '#console-text')).startsWith('Hello, world!'), 'console');
    equal(page.asked.length, 1, 'requests of a saved page');
    equal(page.wrong, []);
    await page.close();
});

test('saved: an exit shows instruction, run area and registers of its moment', async () => {
    const page = await open(saved('hello', '-e', 'soft'));
    equal(await page.locator('#timeline i').count(), 15, 'exits in the timeline');
    await page.locator('#timeline i').nth(1).click();
    const detail = await text(page, '#exit-detail');
    for (const word of ['out dx, al', '0xe9', "0x65 'e'", 'debugcon']) check(detail.includes(word), `${word} in: ${detail}`);
    check(/rax\s+0x65/.test(detail), `rax in: ${detail}`);
    check(page.url().includes('exit='), 'the exit is in the fragment');
    await page.reload();
    check((await text(page, '#exit-detail')).includes("0x65 'e'"), 'the link shows the same exit');
    await page.close();
});

test('saved: every mode, and what is not mapped', async () => {
    for (const mode of ['real', 'protected', 'paged32', 'long']) {
        const page = await open(saved('hello', '--mode', mode));
        await page.fill('#walk-at', '0x1ff000');
        await page.press('#walk-at', 'Enter');
        await until(`0x1ff000 in ${mode}`, async () => (await text(page, '#walk-steps')).includes('offset 0x1ff000'));
        await page.fill('#walk-at', '0x401');
        await page.press('#walk-at', 'Enter');
        await until(`0x401 in ${mode}`, () => page.evaluate(() => document.querySelector('#walk-byte')?.textContent === '0x00'));
        equal(page.wrong, [], mode);
        if (mode === 'long') {
            await page.fill('#walk-at', '0x200000');
            await page.press('#walk-at', 'Enter');
            await until('no page', async () => (await text(page, '#walk-steps')).includes('not present'));
        }
        await page.close();
    }
});

test('hostile guest: what it prints and what it is called is text', async () => {
    const file = printer(HOSTILE, '<!--<script><img src=x onerror=window.hacked=1>.bin');
    const page = await open(saved(file));
    const said = await text(page, '#console-text');
    for (const word of ['</script><script>window.hacked=1</script>', '\\e[31mred', '\\e]0;title\\x07', '&lt;', '\\x01'])
        check(said.includes(word), `${word} in: ${said}`);
    check(!/[\x00-\x08\x0b-\x1f\x7f-\x9f]/.test(said), 'no control characters');
    equal(await page.evaluate(() => [window.hacked, document.images.length, document.querySelectorAll('script').length]), [null, 0, 2].map((x) => x ?? undefined).map((x) => x ?? null), 'nothing acted');
    check((await text(page, '#name')).includes('<!--<script><img'), 'the name is shown as it is');
    equal(page.wrong, []);
    equal(page.asked.length, 1);
    await page.close();
});

test('saved: 1280 and 390 pixels, light and dark, nothing runs over the edge', async () => {
    const url = saved('hello');
    const inks = new Set();
    for (const width of [1280, 390]) for (const scheme of ['light', 'dark']) {
        const page = await open(url, { width, scheme });
        const got = await page.evaluate(() => ({ wide: document.documentElement.scrollWidth, ink: getComputedStyle(document.body).backgroundColor,
            small: [...document.querySelectorAll('main p, main td, main button')].filter((e) => e.offsetParent && parseFloat(getComputedStyle(e).fontSize) < 10.5).map((e) => e.textContent) }));
        check(got.wide <= width, `${got.wide} pixels wide at ${width}`);
        equal(got.small, [], 'text too small to read');
        inks.add(got.ink);
        await page.click('#theme');
        check(await page.evaluate((ink) => getComputedStyle(document.body).backgroundColor !== ink, got.ink), 'the toggle changes colours');
        check(page.url().includes('theme='), 'the theme is in the fragment');
        await page.close();
    }
    equal(inks.size, 2, 'light and dark differ');
});

test('saved: by keyboard alone', async () => {
    const page = await open(saved('hello'));
    const key = (...keys) => keys.reduce((p, k) => p.then(() => page.keyboard.press(k)), Promise.resolve());
    await key('/');
    equal(await page.evaluate(() => document.activeElement.id), 'walk-at');
    await page.keyboard.type('0x400');
    await key('Enter', 'Escape');
    await until('the host byte', () => page.evaluate(() => document.querySelector('#walk-byte')?.textContent === '0x2a'));
    await key('[', '[');
    equal(await shown(page), 5);
    await key('3');
    equal(await page.evaluate(() => document.activeElement.id), 'exits');
    await key('Tab', 'ArrowRight', 'ArrowRight');
    check((await text(page, '#exit-detail')).includes("'e'"), 'arrows go through the exits');
    await key('2');
    while (await page.evaluate(() => document.activeElement.getAttribute('role') !== 'treeitem')) await key('Tab');
    await key('ArrowDown', 'ArrowDown', 'Enter');
    await until('the row resolved', async () => (await page.inputValue('#walk-at')) === '0x0');
    await key('1');
    while (await page.evaluate(() => !document.activeElement.classList.contains('blk'))) await key('Tab');
    check((await text(page, '#spaces-note')).startsWith('code:'), 'focus follows a range');
    await key('t');
    check(await page.evaluate(() => document.documentElement.classList.contains('dark')), 't');
    await page.close();
});

test('ranges are joined, hover follows one in both columns', async () => {
    const page = await open(saved('hello'));
    const name = await page.evaluate(() => [...document.querySelectorAll('.blk')].findIndex((b) => b.getAttribute('aria-label').startsWith('PDPT')));
    await page.locator('.blk').nth(name).hover();
    equal(await page.locator('.blk.on').count(), 2, 'columns that show it');
    equal(await page.locator('.rib.on').count(), 1, 'ribbons');
    check(/^PDPT: 4 KiB, guest-physical 0x3000.*host-virtual 0x/.test(await text(page, '#spaces-note')), await text(page, '#spaces-note'));
    equal(await page.locator('.blk.u-run-area').count(), 1, 'the run area lies in the host only');
    await page.close();
});

test('steered: 0x400 resolved, stepped, run to an address, run to the end', async () => {
    const { child, url } = await view('hello', '-e', 'soft');
    const page = await open(url);
    await until('paused', async () => (await text(page, '#state')).includes('before the first instruction'));
    await resolves(page);
    equal(await text(page, '#walk-byte'), '0x00', 'not stored yet');
    const rip = () => page.locator('#regs .ctl div').first().innerText();
    await page.click('#step');
    await until('one step', async () => (await rip()).includes('0x5'));
    await page.keyboard.press('Escape');
    await page.locator('body').press('s');
    await until('a second', async () => (await rip()).includes('0xa'));
    await until('the instruction at rip', async () => (await text(page, '#disasm .now')).includes('lodsb'));
    await page.fill('#runto-at', '0x12');
    await page.press('#runto-at', 'Enter');
    await until('0x12', async () => (await rip()).includes('0x12'));
    equal(await page.locator('#timeline i.k-pio').count(), 14, 'each exit is told');
    await page.click('#run');
    await until('the end', async () => (await text(page, '#state')).includes('ended') || (await text(page, '#state')).includes('halted'));
    await until('42', async () => (await text(page, '#walk-byte')) === '0x2a');
    check((await text(page, '#console-text')).startsWith('Hello, world!'), 'console');
    await until('the page of the 42 glows', async () => (await page.locator('.blk.u-code .heat rect').count()) > 0);
    equal(await page.locator('.blk.u-stack .heat rect').count(), 0, 'what was not written');
    check(page.asked.every((u) => u.startsWith(url)), `requests elsewhere: ${page.asked}`);
    equal(page.wrong, []);
    await page.close();
    await stop(child);
});

test('watched: follows a running guest, cannot steer it', async () => {
    const guest = path.join(TMP, 'count.bin'); // inc ebx; mov ecx, 0x100000; 1: loop 1b; mov al, '.'; out 0xe9, al; jmp 0
    fs.writeFileSync(guest, Buffer.from('ffc3b900001000e2feb02ee6e9ebf1', 'hex'));
    const run = start('run', guest, '-n', 'busy', '-e', 'soft');
    await until('the machine', () => vitro('ps', '-q').stdout.includes('busy'));
    const { child, url } = await view('busy');
    const page = await open(url);
    const exits = async () => Number((await text(page, '#exit-count')).replace(/[^0-9]/g, ''));
    await page.keyboard.press('3'); // what is out of sight is not asked for while the guest runs
    const first = await exits();
    await until('more exits', async () => (await exits()) > first + 5);
    await until('its dots', async () => (await text(page, '#console-text')).includes('...'));
    check(await page.locator('#controls').isHidden(), 'no controls');
    const refused = await page.evaluate(async () => (await fetch('call', { method: 'POST', body: '{"method":"pause"}' })).status);
    equal(refused, 400, 'pause through the page');
    await stop(child);
    await until('the page says so', async () => /closed|no connection/.test(await text(page, '#state')));
    check(vitro('ps', '-q').stdout.includes('busy'), 'the guest goes on without its view');
    equal(page.wrong.filter((w) => !/ERR_|Failed to load/.test(w)), []);
    await page.close();
    await stop(run);
});

test('watched: a guest without exits is seen to go on', async () => {
    const guest = path.join(TMP, 'counter.bin'); // xor eax, eax; 1: inc rax; mov [0x800], rax; jmp 1b
    fs.writeFileSync(guest, Buffer.from('31c048ffc04889042500080000ebf3', 'hex'));
    const run = start('run', guest, '-n', 'counts', '-e', 'soft');
    await until('the machine', () => vitro('ps', '-q').stdout.includes('counts'));
    const { child, url } = await view('counts');
    const page = await open(url);
    await page.keyboard.press('4');
    const rax = () => text(page, '#regs .grid4 div:first-child');
    for (let i = 0, last = await rax(); i < 3; i++) last = await until('another rax', async () => { const now = await rax(); return now !== last && now; });
    await until('its page glows', async () => (await page.locator('.blk.u-code .heat rect').count()) > 0);
    equal(page.wrong, []);
    await page.close();
    await stop(child);
    await stop(run);
});

test('watched: a Linux boot, live', async () => {
    const folder = path.join(BUILD, 'guests');
    const kernel = path.join(folder, 'vmlinuz-cloud'), initrd = path.join(folder, 'initramfs.cpio.gz');
    if (!fs.existsSync(kernel)) throw new Skip('vmlinuz-cloud is not in the build folder: scripts/guest-kernels fetches it');
    const run = start('run', kernel, ...(fs.existsSync(initrd) ? ['-i', initrd] : []), '-n', 'linux', '-e', 'soft', '-m', '256M');
    await until('the machine', () => vitro('ps', '-q').stdout.includes('linux'));
    const { child, url } = await view('linux');
    const page = await open(url);
    await until('the kernel speaks', async () => (await text(page, '#console-text')).includes('Linux version'), 240);
    await page.keyboard.press('4');
    await until('64-bit kernel addresses', async () => /rip0xffffffff/.test((await page.locator('#regs .ctl').first().innerText()).replace(/\s/g, '')), 240);
    await page.fill('#walk-at', 'rip');
    await page.press('#walk-at', 'Enter');
    await until('rip resolved', async () => /0x[0-9a-f]{2}/.test(await text(page, '#walk-byte').catch(() => '')));
    await page.keyboard.press('Escape');
    await page.keyboard.press('7');
    await until('its devices', async () => (await text(page, '#device-list')).includes('uart16550'));
    await page.locator('#device-list summary', { hasText: 'i8259' }).first().click();
    check((await text(page, '#device-list')).includes('IMR'), 'a device opens');
    for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 900 });
        equal(await page.locator('.exit-rows').evaluate((e) => e.scrollWidth <= e.clientWidth), true, `the counts of exits are in sight at ${width}`);
    }
    equal(page.wrong, []);
    await page.close();
    await stop(child);
    await stop(run);
});

const failed = await main();
await browser.close();
cleanup();
process.exit(failed ? 1 : 0);
