// SPDX-License-Identifier: MIT
// page_images.mjs - the README's pictures of the web page, of real machines.
//   node scripts/page_images.mjs        build/ has to be there, with build/node (scripts/web-tools)
import path from 'node:path';
import { BUILD, chromium, cleanup, ROOT, stop, until, view } from '../tests/web/rig.mjs';

const browser = await chromium();
const picture = (name) => path.join(ROOT, 'docs/images', name);

async function open(url, { width = 1280, height = 860, scheme = 'light' } = {}) {
    const page = await browser.newPage();
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await page.goto(url);
    await page.waitForSelector('body[data-ready]');
    return page;
}

// The base case, run to where it has printed its line: the whole window, then the exits in the dark.
async function hello() {
    const { child, url } = await view('hello', '-e', 'soft');
    const page = await open(url);
    await page.fill('#runto-at', '0x12');
    await page.press('#runto-at', 'Enter');
    await until('its exits', async () => (await page.locator('#timeline i').count()) >= 14);
    await until('where it stands', async () => (await page.locator('#state').innerText()).includes('at the address'));
    await page.mouse.move(0, 0);
    await page.screenshot({ path: picture('page.png') });
    const dark = await open(url, { scheme: 'dark' });
    await until('its exits', async () => (await dark.locator('#timeline i').count()) >= 14);
    await dark.locator('#timeline i').nth(4).click();
    await until('the detail', async () => (await dark.locator('#exit-detail').innerText()).includes('out dx, al'));
    await dark.locator('#exits').screenshot({ path: picture('page-exits.png') });
    await stop(child);
}

// A Linux that boots, on a narrow screen.
async function linux() {
    const kernel = path.join(BUILD, 'guests/vmlinuz-cloud'), initrd = path.join(BUILD, 'guests/initramfs.cpio.gz');
    const { child, url } = await view(kernel, '-i', initrd, '-n', 'linux', '-e', 'soft', '-m', '256M');
    const page = await open(url, { width: 390, height: 844 });
    await page.click('#run');
    await until('memory that changes', async () => (await page.locator('.heat rect').count()) > 20);
    await page.screenshot({ path: picture('page-narrow.png') });
    await stop(child);
}

await hello();
await linux();
await browser.close();
cleanup();
process.exit(0);
