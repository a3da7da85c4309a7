// A GiB up and a GiB down: every byte arrives, Everlit's memory stays where it was, a slow end slows the other one, and who breaks
// off is heard of at once.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { open } from './chromium.mjs';
import { before, request, until } from './everlit.mjs';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

// How much more memory a transfer may take than one of a hundredth of its size did. A buffered body would take a thousand.
const GROWTH_LIMIT = 16 * MIB;

// What two TCP connections and two programs may hold between a fast end and one that has stopped. Linux lets a socket of the
// loopback hold up to 6 MiB for reading and 4 for writing.
const HELD_LIMIT = 64 * MIB;

// How often memory is looked at.
const LOOK_MS = 50;

// Each MiB is another, so that one that is lost, doubled or out of order changes the sum.
const PIECE = Buffer.alloc(MIB);
for (let index = 0; index < MIB; index += 1) PIECE[index] = (index * 31 + (index >> 8)) & 0xff;

function* pieces(bytes) {
  for (let sent = 0; sent < bytes; sent += MIB) {
    const piece = Buffer.from(PIECE);
    piece.writeUInt32LE(sent / MIB);
    yield piece;
  }
}

/** Writes a body as fast as it is taken. */
async function send(stream, bytes, note = () => {}) {
  for (const piece of pieces(bytes)) {
    if (stream.destroyed) return;
    if (!stream.write(piece)) await Promise.race([once(stream, 'drain'), once(stream, 'close')]);
    note(piece.length);
  }
  stream.end();
}

function sum(bytes) {
  const hash = createHash('sha256');
  for (const piece of pieces(bytes)) hash.update(piece);
  return hash.digest('hex');
}

async function receive(stream) {
  const hash = createHash('sha256');
  for await (const piece of stream) hash.update(piece);
  return hash.digest('hex');
}

/** The memory that a process alone has, and its share of what it has with others. */
function memory(pid) {
  const [, kib] = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Pss:\s+(\d+) kB/m);
  return Number(kib) * 1024;
}

/** The most memory a process had while something went on. */
async function peak(pid, work) {
  let most = 0;
  let over = false;
  const done = work.finally(() => (over = true));
  while (!over) {
    most = Math.max(most, memory(pid));
    await Promise.race([sleep(LOOK_MS), done]);
  }
  await done;
  return most;
}

/** Waits until a number has not grown for a while; it may only stop where something holds it. */
async function stopped(number) {
  for (let before = -1; before !== number(); await sleep(500)) before = number();
  return number();
}

async function upload(everlit, bytes, headers) {
  const sending = request(everlit.url, { method: 'POST', path: '/upload', headers });
  const answered = once(sending, 'response');
  await send(sending, bytes);
  const [answer] = await answered;
  return (await answer.setEncoding('utf8').toArray()).join('');
}

async function download(everlit, bytes) {
  const asking = request(everlit.url, { path: `/download/${bytes}` });
  asking.end();
  const [answer] = await once(asking, 'response');
  return await receive(answer);
}

function server() {
  return http.createServer(async (request, response) => {
    if (request.method === 'POST') return response.end(await receive(request));
    const bytes = Number(request.url.split('/').at(-1));
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes });
    await send(response, bytes);
  });
}

test('a GiB up and a GiB down, unchanged, in constant memory', async (t) => {
  const everlit = await before(t, server());
  const small = [sum(8 * MIB), sum(GIB)];
  assert.equal(await upload(everlit, 8 * MIB, {}), small[0]);
  assert.equal(await download(everlit, 8 * MIB), small[0]);
  const idle = memory(everlit.pid);
  for (const [what, work] of [
    ['an upload of known length', () => upload(everlit, GIB, { 'content-length': GIB })],
    ['an upload in chunks', () => upload(everlit, GIB, {})],
    ['a download', () => download(everlit, GIB)],
  ]) {
    const transfer = work();
    const most = await peak(everlit.pid, transfer);
    assert.equal(await transfer, small[1], what);
    t.diagnostic(`${what}: ${(idle / MIB).toFixed(1)} MiB before, at most ${(most / MIB).toFixed(1)} MiB meanwhile`);
    assert(most < idle + GROWTH_LIMIT, `${what} took ${most - idle} bytes more`);
  }
});

test('a reader that stops stops the app, and gets the rest when it goes on', async (t) => {
  let sent = 0;
  const everlit = await before(t, http.createServer(async (request, response) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': GIB / 4 });
    await send(response, GIB / 4, (bytes) => (sent += bytes));
  }));
  const asking = request(everlit.url, { path: '/' });
  asking.end();
  const [answer] = await once(asking, 'response');
  const held = await stopped(() => sent);
  t.diagnostic(`${held / MIB} MiB are under way`);
  assert(held > 0 && held < HELD_LIMIT, `${held} bytes went somewhere`);
  assert.equal(await receive(answer), sum(GIB / 4));
});

test('an app that stops reading stops the upload, and gets the rest when it goes on', async (t) => {
  let goOn;
  const wait = new Promise((resolve) => (goOn = resolve));
  const everlit = await before(t, http.createServer(async (request, response) => {
    await wait;
    response.end(await receive(request));
  }));
  let sent = 0;
  const sending = request(everlit.url, { method: 'PUT', path: '/' });
  const answered = once(sending, 'response');
  const all = send(sending, GIB / 4, (bytes) => (sent += bytes));
  const held = await stopped(() => sent);
  t.diagnostic(`${held / MIB} MiB are under way`);
  assert(held > 0 && held < HELD_LIMIT, `${held} bytes went somewhere`);
  goOn();
  await all;
  const [answer] = await answered;
  assert.equal((await answer.setEncoding('utf8').toArray()).join(''), sum(GIB / 4));
});

test('an upload that is broken off is broken off for the app, not ended', async (t) => {
  const uploads = [];
  const everlit = await before(t, http.createServer((request, response) => {
    const upload = { received: 0, ended: false, closed: new Promise((resolve) => request.once('close', resolve)) };
    request.on('data', (piece) => (upload.received += piece.length));
    request.on('end', () => (upload.ended = true));
    request.on('error', () => {});
    uploads.push(upload);
  }));
  for (const headers of [{ 'content-length': GIB }, {}]) {
    const sending = request(everlit.url, { method: 'POST', path: '/', headers });
    sending.on('error', () => {});
    sending.write(PIECE);
    const upload = await until(() => uploads.at(-1), () => 'an upload');
    await until(() => upload.received === MIB, () => 'a MiB');
    sending.destroy();
    await upload.closed;
    assert(!upload.ended);
    uploads.length = 0;
  }
});

test('a download that the browser breaks off is broken off for the app', async (t) => {
  const downloads = [];
  const everlit = await before(t, http.createServer(async (request, response) => {
    if (request.url !== '/endless') return response.setHeader('content-type', 'text/html').end('<!doctype html><title>Start</title>');
    const download = { closed: once(response, 'close'), finished: () => response.writableFinished };
    downloads.push(download);
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    await send(response, GIB);
  }));
  const seen = await open(t, everlit.url);
  await seen.page.evaluate(`
    const leave = new AbortController();
    const first = fetch('/endless', { signal: leave.signal }).then((answer) => answer.body.getReader().read());
    first.then(() => leave.abort());
  `);
  const aborted = await until(() => downloads[0], () => 'a download');
  await aborted.closed;
  assert(!aborted.finished());

  await seen.page.evaluate(`fetch('/endless').then((answer) => answer.body.getReader().read())`);
  const left = await until(() => downloads[1], () => 'a second download');
  await seen.page.goto('about:blank');
  await left.closed;
  assert(!left.finished());
});
