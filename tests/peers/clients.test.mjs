// The programs and libraries that people send requests with. Each does the same with an app and with Everlit in front of it: what it
// got, and what the app got, has to be the same.
//
// A client is a program that is given an address and prints, for each request, its name, the status and the SHA-256 of the body.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import test, { before } from 'node:test';
import { promisify } from 'node:util';
import zlib from 'node:zlib';

import { dev, isQuestion, listen, project, SOON_MS } from './everlit.mjs';

// The fields that a proxy has to change, those between neighbours (who asks whether it may send is told by Everlit), and the address
// that a client has.
const OF_A_HOP = /^(host|connection|keep-alive|te|expect|via|forwarded|x-forwarded-.*|x-real-ip|referer)$/;

// The middle of the text is asked for as a range.
const TEXT = Array.from({ length: 2000 }, (_, line) => `line ${line}\n`).join('');

const sum = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** The app, and what it got, in the order in which it was asked. */
function app() {
  const got = [];
  const server = http.createServer(async (request, response) => {
    if (isQuestion(request)) return response.end();
    const body = Buffer.concat(await request.toArray());
    const fields = Object.entries(request.headers).filter(([name]) => !OF_A_HOP.test(name)).sort();
    got.push([request.method, request.url, Object.fromEntries(fields), body.length, sum(body)]);
    answer(request, response, body);
  });
  return { server, got };
}

function answer(request, response, body) {
  const { pathname } = new URL(request.url, 'http://app');
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.setHeader('set-cookie', ['a=1', 'b=2; Path=/']);
  const range = request.headers.range?.match(/^bytes=(\d+)-(\d+)$/);
  if (pathname === '/text' && range) {
    const [from, to] = [Number(range[1]), Number(range[2])];
    response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${TEXT.length}`, 'content-length': to - from + 1 });
    response.end(TEXT.slice(from, to + 1));
  } else if (pathname === '/text') {
    response.writeHead(200, { 'content-length': TEXT.length, etag: '"text"' });
    response.end(TEXT);
  } else if (pathname === '/gzip') {
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': zlib.gzipSync(TEXT).length });
    response.end(zlib.gzipSync(TEXT));
  } else if (pathname === '/pieces') {
    for (let line = 0; line < 100; line += 1) response.write(`line ${line}\n`);
    response.end();
  } else if (pathname.startsWith('/status/')) {
    response.writeHead(Number(pathname.slice(8)));
    response.end();
  } else if (pathname.startsWith('/redirect/')) {
    response.writeHead(Number(pathname.slice(10)), { location: '/echo' });
    response.end();
  } else {
    response.end(`${request.method} ${request.url} ${body.length}`);
  }
}

const run = promisify(execFile);
const HERE = path.resolve('clients');
const limits = { timeout: SOON_MS, maxBuffer: 1024 ** 2 };

const CLIENTS = {
  curl: ['bash', path.join(HERE, 'curl.sh')],
  wget: ['bash', path.join(HERE, 'wget.sh')],
  'fetch of Node': [process.execPath, path.join(HERE, 'fetch.mjs')],
  'requests of Python': [path.resolve('httpbin/venv/bin/python'), path.join(HERE, 'client.py'), 'requests'],
  'httpx of Python': [path.resolve('httpbin/venv/bin/python'), path.join(HERE, 'client.py'), 'httpx'],
  'aiohttp of Python': [path.resolve('httpbin/venv/bin/python'), path.join(HERE, 'client.py'), 'aiohttp'],
  'net/http of Go': [path.join(HERE, 'client-go')],
};

// A compiler that starts with nothing in its cache, beside others.
const BUILD_LIMIT_MS = 300_000;

before(() => run('go', ['build', '-o', path.join(HERE, 'client-go'), path.join(HERE, 'client.go')], { timeout: BUILD_LIMIT_MS }));

for (const [name, [program, ...words]] of Object.entries(CLIENTS)) {
  test(`${name} sees no difference`, async (t) => {
    const { server, got } = app();
    const upstream = await listen(t, server);
    const everlit = await dev(t, project(t, {}), '--upstream', upstream);
    const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'everlit-peers-client-'));
    t.after(() => fs.rmSync(scratch, { recursive: true }));
    const seen = [];
    for (const address of [upstream, everlit.url.slice(0, -1)]) {
      got.length = 0;
      const { stdout } = await run(program, [...words, address], { ...limits, cwd: scratch });
      seen.push({ lines: stdout.trim().split('\n'), got: structuredClone(got) });
    }
    const [direct, behind] = seen;
    assert(direct.lines.length >= 10, direct.lines.join('\n'));
    assert.deepEqual(behind.lines, direct.lines);
    assert.deepEqual(behind.got, direct.got);
  });
}
