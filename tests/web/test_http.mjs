// SPDX-License-Identifier: MIT
// test_http.mjs - what the page's server refuses, and that it serves others meanwhile.
import http from 'node:http';
import net from 'node:net';
import fs from 'node:fs';
import path from 'node:path';
import { check, cleanup, ENV, equal, main, raw, start, start_in, stop, test, TMP, until, view, vitro } from './rig.mjs';

const { child, url } = await view('hello', '-e', 'soft');
const at = new URL(url);
const ME = `Host: ${at.host}\r\n`;

function ask(path, { method = 'GET', headers = {}, body } = {}) {
    return new Promise((done, fail) => {
        const r = http.request({ host: '127.0.0.1', port: at.port, path, method, headers, agent: false }, (res) => {
            let text = '';
            res.on('data', (d) => { text += d; });
            res.on('end', () => done({ status: res.statusCode, headers: res.headers, text }));
        });
        r.on('error', fail);
        r.end(body);
    });
}
const status = async (...args) => (await ask(...args)).status;
const call = (doc, more) => ask(`${at.pathname}call`, { method: 'POST', body: typeof doc === 'string' ? doc : JSON.stringify(doc), ...more });
const alive = async () => equal(await status(at.pathname), 200, 'others are served');
// The status of a raw answer; 0: hung up without one.
const code = (text) => Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] || 0);

test('the token: none, wrong, short, long', async () => {
    const token = at.pathname.split('/')[1];
    check(token.length === 43, 'length of the token');
    for (const path of ['/', '/page.js', `/${token.slice(1)}A/`, `/${token.slice(0, 42)}/`, `/${token}A/`, `/${token}`, `//${token}/`, `/x/../${token}/`])
        equal(await status(path), 403, path);
    equal(await status(`/${token}/nothing`), 404);
    equal(await status(at.pathname), 200);
});

test('foreign Host and Origin', async () => {
    for (const host of ['evil.example', `evil.example:${at.port}`, '127.0.0.1', '127.0.0.1:1', `127.0.0.1.evil.example:${at.port}`])
        equal(await status(at.pathname, { headers: { host } }), 403, host);
    equal(await status(at.pathname, { headers: { host: `localhost:${at.port}` } }), 200);
    for (const origin of ['null', 'http://evil.example', `https://${at.host}`, `http://127.0.0.1:1`])
        equal((await call({ method: 'info' }, { headers: { origin } })).status, 403, origin);
    for (const site of ['cross-site', 'same-site'])
        equal((await call({ method: 'info' }, { headers: { 'sec-fetch-site': site } })).status, 403, site);
    equal((await call({ method: 'info' }, { headers: { origin: at.origin } })).status, 200);
});

test('nothing but loopback', async () => {
    const others = Object.values((await import('node:os')).networkInterfaces()).flat().filter((i) => i.family === 'IPv4' && !i.internal);
    for (const i of others)
        equal(await new Promise((done) => net.connect(at.port, i.address).on('connect', () => done('open')).on('error', () => done('closed'))), 'closed', i.address);
});

test('a link leads to the page, and to nothing but it', async () => {
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'document' };
    equal(await status(at.pathname, { headers: link }), 200);
    equal(await status(at.pathname, { headers: { ...link, 'sec-fetch-dest': 'iframe' } }), 403);
    equal(await status(`${at.pathname}page.js`, { headers: link }), 403);
    equal((await call({ method: 'info' }, { headers: link })).status, 403);
});

test('the browser is opened without telling other users the token', async () => {
    const bin = path.join(TMP, 'bin'), said = path.join(TMP, 'opened');
    fs.mkdirSync(bin);
    fs.writeFileSync(path.join(bin, 'xdg-open'), `#!/bin/sh\necho "$*" >"${said}.new"\nmv "${said}.new" "${said}"\n`, { mode: 0o755 });
    const child = start_in({ PATH: `${bin}:${ENV.PATH}`, DISPLAY: ':99' }, 'view', 'pages', '-e', 'soft');
    await until('the browser', () => fs.existsSync(said));
    const door = fs.readFileSync(said, 'utf8').trim(), url = /http:\/\/\S+\//.exec(child.text)[0];
    check(!door.includes(url.split('/')[3]), `token in the words of a command: ${door}`);
    equal(fs.statSync(door).mode & 0o777, 0o600, 'mode of the file');
    check(fs.readFileSync(door, 'utf8').includes(`url=${url}"`), 'leads to the page');
    await stop(child);
    check(!fs.existsSync(door), 'gone with the view');
});

test('answers that no other page can use', async () => {
    const { headers } = await ask(at.pathname);
    check(headers['content-security-policy'].startsWith("default-src 'none'; script-src 'self'"), headers['content-security-policy']);
    equal([headers['x-content-type-options'], headers['x-frame-options'], headers['cache-control'], headers['access-control-allow-origin'], headers['cross-origin-resource-policy']],
        ['nosniff', 'DENY', 'no-store', undefined, 'same-origin'].map((x) => x ?? null).map((x) => x ?? undefined));
});

test('calls that are none', async () => {
    for (const body of ['', 'null', '[]', '7', '{}', '{"method":"mem.write"}', '{"method":"debug.detach"}', '{"method":"stop"}', '{"method":"info","method":"info"}',
        '{"method":"info","params":7}', '{"method":"info","extra":1}', '{"method":"\xff"}', '{"method":"info"', '['.repeat(10000)]) {
        const got = await call(body);
        equal(got.status, 400, body.slice(0, 40));
        check(JSON.parse(got.text).error.message.length > 0, 'says why');
    }
    equal((await call({ method: 'info', params: { n: 'x'.repeat(60000) } })).status, 413);
    check(JSON.parse((await call({ method: 'info', params: { nonsense: 1 } })).text).error.message, 'the machine checks parameters');
    equal(JSON.parse((await call({ method: 'info' })).text).result.guest, 'hello');
});

test('values that are none (A1): refused, and nothing changed', async () => {
    const before = JSON.parse((await call({ method: 'regs' })).text).result;
    for (const params of ['{"addr":1e999}', '{"addr":18446744073709551616}', '{"addr":-1}', '{"addr":null}', '{"addr":[]}', '{"addr":"\\u0000"}', '{"addr":""}',
        '{"addr":"0x10000000000000000"}', '{"addr":"nobody"}', '{"addr":"0x400","len":0}', '{"addr":"0x400","len":1048577}', '{"addr":"0x400","len":"x"}', '{"addr":"0x400","cpu":1}',
        '{"addr":"0x400","cpu":-1}', '{"addr":"0x400","nonsense":1}', '{"addr":"0x400","addr":"0x400"}', '{}', '{"addr":"0x400\u0000"}', '{"addr":"0x400"}x']) {
        const got = await call(`{"method":"mem","params":${params}}`);
        check(got.status === 400 || (got.status === 200 && JSON.parse(got.text).error?.message), `${params}: ${got.status} ${got.text.slice(0, 100)}`);
        check(!JSON.parse(got.text).result, params);
    }
    for (const method of ['step', 'run_to', 'resume', 'pause'])
        check(JSON.parse((await call({ method, params: { nonsense: 1 } })).text).error?.message, method);
    equal(JSON.parse((await call({ method: 'regs' })).text).result, before, 'registers');
});

test('calls in the wrong state (A4), in words', async () => {
    const { child: other, url: there } = await view('pages', '-e', 'soft');
    const path = new URL(there).pathname, port = new URL(there).port;
    const say = async (method, params = {}) => JSON.parse(await raw(there, `POST ${path}call HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\nContent-Length: ${JSON.stringify({ method, params }).length}\r\n\r\n${JSON.stringify({ method, params })}`)
        .then((text) => text.slice(text.indexOf('\r\n\r\n') + 4)));
    await say('resume');
    await until('the end', async () => (await say('info')).result.reason === 'end');
    for (const [method, params] of [['step', {}], ['resume', {}], ['run_to', { addr: '0x0' }]])
        check(/over|is paused/.test((await say(method, params)).error?.message), `${method} after the end`);
    check((await say('regs')).result.rip, 'it can still be looked at');
    await stop(other);
});

test('requests that are none (A2)', async () => {
    const get = `GET ${at.pathname} HTTP/1.1\r\n`, post = `POST ${at.pathname}call HTTP/1.1\r\n${ME}`;
    const rows = [
        ['no line end', 'GET / HTTP/1.1', [0]],
        ['bytes', '\0\x01\xff\r\n\r\n', [0, 400]],
        ['a header of 64 KiB', `${get}${ME}X: ${'a'.repeat(65536)}\r\n\r\n`, [0, 400, 413, 431]],
        ['1,000 headers', `${get}${ME}${'X-Many: y\r\n'.repeat(4000)}\r\n`, [0, 400, 413, 431]],
        ['a URL of 64 KiB', `GET /${'a'.repeat(65536)} HTTP/1.1\r\n${ME}\r\n`, [0, 400, 414, 431]],
        ['a negative length', `${post}Content-Length: -1\r\n\r\n`, [0, 400]],
        ['a huge length', `${post}Content-Length: 99999999999999999999999\r\n\r\n`, [0, 400, 413]],
        ['a length of 2^63', `${post}Content-Length: 9223372036854775808\r\n\r\n`, [0, 400, 413]],
        ['two lengths', `${post}Content-Length: 17\r\nContent-Length: 18\r\n\r\n{"method":"info"}`, [0, 400]],
        ['chunked', `${post}Transfer-Encoding: chunked\r\n\r\n11\r\n{"method":"info"}\r\n0\r\n\r\n`, [400]],
        ['chunked and a length', `${post}Transfer-Encoding: chunked\r\nContent-Length: 17\r\n\r\n{"method":"info"}`, [0, 400]],
        ['two hosts', `${get}${ME}${ME}\r\n`, [400]],
        ['HTTP/1.0 without a host', `GET ${at.pathname} HTTP/1.0\r\n\r\n`, [400]],
        ['HTTP/1.1 without a host', `${get}\r\n`, [400]],
        ['HTTP/0.9', `GET ${at.pathname}\r\n\r\n`, [0, 400, 505]],
        ['an absolute URI', `GET http://${at.host}${at.pathname} HTTP/1.1\r\n${ME}\r\n`, [400, 403, 404]],
        ['a foreign absolute URI', `GET http://evil.example${at.pathname} HTTP/1.1\r\n${ME}\r\n`, [400, 403, 404]],
        ['CONNECT', `CONNECT ${at.host} HTTP/1.1\r\n${ME}\r\n`, [400, 403, 405]],
        ['OPTIONS', `OPTIONS ${at.pathname}call HTTP/1.1\r\n${ME}\r\n`, [405]],
        ['OPTIONS *', `OPTIONS * HTTP/1.1\r\n${ME}\r\n`, [400, 403, 405]],
        ['a method of its own', `PURGE ${at.pathname} HTTP/1.1\r\n${ME}\r\n`, [405]],
        ['half a body', `${post}Content-Length: 17\r\n\r\n{"met`, [0]],
    ];
    for (const [what, text, want] of rows) {
        const got = code(await raw(url, text, { ms: 700 }));
        check(want.includes(got), `${what}: status ${got}`);
    }
    await alive();
});

test('Expect, pipelining and HTTP/1.0 as they should be', async () => {
    const body = '{"method":"info"}', post = `POST ${at.pathname}call HTTP/1.1\r\n${ME}Content-Length: ${body.length}\r\n`;
    check(/^HTTP\/1\.1 100 [^]*HTTP\/1\.1 200 /.test(await raw(url, `${post}Expect: 100-continue\r\n\r\n${body}`, { ms: 700 })), 'Expect');
    equal((await raw(url, `${post}\r\n${body}${post}\r\n${body}`, { ms: 700 })).match(/HTTP\/1\.1 200 /g)?.length, 2, 'pipelining');
    equal(code(await raw(url, `GET ${at.pathname} HTTP/1.0\r\n${ME}\r\n`, { ms: 700 })), 200, 'HTTP/1.0');
});

test('slow clients are ended, and others served (A2, A3)', async () => {
    const slow = Array.from({ length: 20 }, () => new Promise((done) => {
        const s = net.connect(at.port, '127.0.0.1');
        const drip = setInterval(() => s.write('X'), 500); // half a request, then one byte after another
        s.write(`GET ${at.pathname} HTTP/1.1\r\n${ME}X-Slow: `);
        s.on('error', () => {});
        s.on('close', () => { clearInterval(drip); done(); });
    }));
    await alive();
    await Promise.all(slow);
    await alive();
});

test('clients that go away, and many of them (A3)', async () => {
    for (let i = 0; i < 200; i++) {
        const s = net.connect(at.port, '127.0.0.1');
        s.on('error', () => {});
        s.write(i % 2 ? `GET ${at.pathname}events HTTP/1.1\r\n${ME}\r\n` : `GET ${at.pathname} HTTP/1.1\r\n`);
        await new Promise((r) => setTimeout(r, 5));
        s.destroy();
    }
    await until('a place', async () => (await ask(at.pathname).catch(() => ({}))).status === 200);
});

test('event streams: several, and one that never reads', async () => {
    const deaf = net.connect(at.port, '127.0.0.1');
    deaf.on('error', () => {});
    deaf.pause();
    deaf.write(`GET ${at.pathname}events HTTP/1.1\r\n${ME}\r\n`);
    // Clients that went away hold their places until the next sign of life cannot be sent.
    const stream = () => until('the machine', async () => /event: machine\r?\ndata: \{"name":"hello"/.test(
        await raw(url, `GET ${at.pathname}events HTTP/1.1\r\n${ME}\r\n`, { ms: 1500 })));
    await Promise.all([1, 2, 3].map(stream));
    await alive();
    deaf.destroy();
});

test('the view ends alone: the machine, its name and its guest stay', async () => {
    const run = start('run', 'spin', '-n', 'spins', '-e', 'soft', '-q');
    await until('the machine', () => vitro('ps', '-q').stdout.includes('spins'));
    const watched = await view('spins');
    watched.child.kill('SIGTERM');
    await new Promise((r) => setTimeout(r, 300));
    check(vitro('ps', '-q').stdout.includes('spins'), 'gone with its view');
    const again = await view('spins');
    check(again.url !== watched.url, 'a token is used once');
    await stop(run);
    await until('the server ends by itself', () => again.child.exitCode !== null);
});

const failed = await main();
await stop(child).catch(() => {});
cleanup();
process.exit(failed ? 1 : 0);
