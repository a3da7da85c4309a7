// Answers that come piece by piece, and uploads that do not come to their end. Each piece is sent only after the one before
// it was received, so that one held back anywhere would stop its test for good.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import test from 'node:test';
import zlib from 'node:zlib';

import { open } from './chromium.mjs';
import { before, request, until } from './everlit.mjs';

const MIB = 1024 ** 2;

// What browsers offer for everything they load.
const ENCODINGS = 'gzip, deflate, br, zstd';
const NAVIGATION = {
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'accept-encoding': ENCODINGS,
  'sec-fetch-dest': 'document',
  'sec-fetch-mode': 'navigate',
};

/** Starts an app whose answer the test writes piece by piece. */
async function start(t, headers) {
  const answers = [];
  const everlit = await before(t, http.createServer((request, response) => {
    response.writeHead(200, headers);
    response.flushHeaders();
    answers.push(response);
  }));
  return { everlit, answer: () => until(() => answers.at(-1), () => 'a request') };
}

/** Asks without a library that would decode: what comes is what was sent. */
async function ask(url, headers) {
  const [answer] = await once(request(url, { headers }).end(), 'response');
  return answer;
}

async function reads(answer, wanted) {
  let read = '';
  while (!read.includes(wanted)) {
    const piece = answer.read();
    if (piece === null) {
      assert(!answer.readableEnded, `it ended before ${wanted}`);
      await once(answer, 'readable');
    } else {
      read += piece;
    }
  }
  return read;
}

for (const type of ['text/plain; charset=utf-8', 'application/x-ndjson', 'application/json', 'application/octet-stream', 'text/css']) {
  test(`${type} comes piece by piece, as it is`, async (t) => {
    const { everlit, answer } = await start(t, { 'content-type': type });
    const reading = await ask(everlit.url, { 'accept-encoding': ENCODINGS });
    assert.equal(reading.headers['content-encoding'], undefined);
    reading.setEncoding('utf8');
    const writing = await answer();
    for (let piece = 1; piece <= 20; piece += 1) {
      writing.write(`piece ${piece}\n`);
      await reads(reading, `piece ${piece}\n`);
    }
    writing.end();
    await once(reading.resume(), 'end');
  });
}

const PAGES = {
  'with a head': ['<!doctype html><html><head><title>', 'One</title></head><body>', '<p>first</p>', '<p>second</p></body></html>'],
  'without a head': ['<!doctype html>\n<p>first</p>', '<p>second</p>', '<p>third</p>'],
  'that begins with text': ['first line<br>', 'second line<br>', 'third line<br>'],
};

for (const [what, pieces] of Object.entries(PAGES)) {
  test(`a page ${what} is shown while it still comes, script and all`, async (t) => {
    const { everlit, answer } = await start(t, { 'content-type': 'text/html; charset=utf-8' });
    const reading = await ask(everlit.url, NAVIGATION);
    reading.setEncoding('utf8');
    const writing = await answer();
    let all = '';
    for (const piece of pieces) {
      writing.write(piece);
      // The end of a piece may be the begin of a tag that decides where the script belongs.
      all += await reads(reading, piece.slice(-8));
    }
    writing.end();
    for await (const rest of reading) all += rest;
    assert.equal(all.match(/<script src="\/__everlit\/client\.js"/g)?.length, 1);
    assert.equal(all.replace(/<script src="\/__everlit.*?<\/script>/, ''), pieces.join(''));
  });
}

test('a page that the app compresses piece by piece is shown while it still comes', async (t) => {
  const { everlit, answer } = await start(t, { 'content-type': 'text/html', 'content-encoding': 'gzip' });
  const reading = await ask(everlit.url, NAVIGATION);
  const gunzip = zlib.createGunzip({ flush: zlib.constants.Z_SYNC_FLUSH });
  const text = reading.headers['content-encoding'] === 'gzip' ? reading.pipe(gunzip) : reading;
  text.setEncoding('utf8');
  const gzip = zlib.createGzip();
  gzip.pipe(await answer());
  gzip.write('<!doctype html><html><head></head><body>');
  for (let piece = 1; piece <= 20; piece += 1) {
    gzip.write(`<p>piece ${piece}</p>`);
    gzip.flush();
    await reads(text, `<p>piece ${piece}</p>`);
  }
  gzip.end();
  await once(text.resume(), 'end');
});

// Many times, since what is lost is lost by chance: by which of two things is noticed first, the answer or the close.
const UPLOADS = 20;

// What each of them announces, and sends at most.
const UPLOADED = 512 * MIB;

test('an answer that comes before the end of the upload arrives, though the app closes', async (t) => {
  const everlit = await before(t, http.createServer((_, response) => {
    response.writeHead(413, { connection: 'close', 'content-type': 'text/plain' });
    response.end('too large');
  }));
  for (let upload = 0; upload < UPLOADS; upload += 1) {
    const sending = request(everlit.url, { method: 'POST', headers: upload % 2 ? {} : { 'content-length': UPLOADED } });
    sending.on('error', () => {});
    const answered = new Promise((resolve, reject) => {
      sending.on('response', resolve);
      sending.on('close', () => reject(new Error(`upload ${upload} got no answer`)));
    });
    const piece = Buffer.alloc(MIB);
    let left = UPLOADED / MIB;
    const more = () => {
      if (sending.destroyed) return;
      if (left === 0) return sending.end();
      left -= 1;
      // The turn in between lets the answer in: whoever is read as fast as he writes would never come to listen.
      sending.write(piece, () => setImmediate(more));
    };
    more();
    const answer = await answered;
    assert.equal(answer.statusCode, 413);
    assert.equal((await answer.setEncoding('utf8').toArray()).join(''), 'too large');
    sending.destroy();
  }
});

test('a client that asks first whether it may send is told, and heard', async (t) => {
  const everlit = await before(t, http.createServer((request, response) => {
    if (request.url === '/no') return response.writeHead(403).end('no');
    request.resume().on('end', () => response.end('received'));
  }));
  const offer = async (path) => {
    const headers = { expect: '100-continue', 'content-length': 4 };
    const sending = request(everlit.url + path, { method: 'POST', headers });
    sending.flushHeaders();
    sending.on('continue', () => sending.end('body'));
    const [answer] = await once(sending, 'response');
    const text = (await answer.setEncoding('utf8').toArray()).join('');
    sending.destroy();
    return [answer.statusCode, text];
  };
  assert.deepEqual(await offer('yes'), [200, 'received']);
  assert.deepEqual(await offer('no'), [403, 'no']);
});

test('an upload that a page breaks off is broken off for the app', async (t) => {
  const uploads = [];
  const everlit = await before(t, http.createServer((request, response) => {
    if (request.method === 'GET') return response.setHeader('content-type', 'text/html').end('<!doctype html><title>Upload</title>');
    const upload = { received: 0, ended: false, closed: new Promise((resolve) => request.once('close', resolve)) };
    // Slower than the page sends, so that it is still at it.
    request.on('data', (piece) => {
      upload.received += piece.length;
      request.pause();
      setTimeout(() => request.resume(), 5);
    });
    request.on('end', () => (upload.ended = true));
    request.on('error', () => {});
    uploads.push(upload);
  }));
  const seen = await open(t, everlit.url);
  const send = `
    window.sending = new XMLHttpRequest();
    sending.open('POST', '/upload');
    sending.send(new Blob([new Uint8Array(${64 * MIB})]));
  `;
  for (const leave of [() => seen.page.evaluate('sending.abort()'), () => seen.page.goto('about:blank')]) {
    await seen.page.goto(everlit.url);
    const before = uploads.length;
    await seen.page.evaluate(send);
    const upload = await until(() => uploads[before], () => 'an upload');
    await until(() => upload.received > 0, () => 'a first piece');
    await leave();
    await upload.closed;
    assert(!upload.ended);
    assert(upload.received < 64 * MIB);
  }
});

test('hints that come before the answer, and fields that come after it', async (t) => {
  const everlit = await before(t, http.createServer((_, response) => {
    response.writeEarlyHints({ link: '</site.css>; rel=preload; as=style' });
    response.writeHead(200, { 'content-type': 'application/octet-stream', trailer: 'x-sum' });
    response.write('body');
    response.addTrailers({ 'x-sum': '7' });
    response.end();
  }));
  const asking = request(everlit.url, { headers: { te: 'trailers' } }).end();
  const hinted = once(asking, 'information');
  const [answer] = await once(asking, 'response');
  assert.equal((await hinted)[0].headers.link, '</site.css>; rel=preload; as=style');
  assert.equal((await answer.setEncoding('utf8').toArray()).join(''), 'body');
  assert.equal(answer.trailers['x-sum'], '7');
});
