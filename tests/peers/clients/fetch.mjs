// What people do with `fetch`: clients/fetch.mjs ADDRESS.

import { createHash } from 'node:crypto';

const address = process.argv[2];
const LARGE = new Uint8Array(2 ** 20).map((_, index) => index * 31 + (index >> 8));

async function ask(name, path, options = {}) {
  const answer = await fetch(address + path, options);
  const body = new Uint8Array(await answer.arrayBuffer());
  const cookies = answer.headers.getSetCookie().join(' and ');
  console.log(name, answer.status, answer.redirected, cookies, createHash('sha256').update(body).digest('hex'));
}

function stream() {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (sent === LARGE.length) return controller.close();
      controller.enqueue(LARGE.subarray(sent, sent + 2 ** 16));
      sent += 2 ** 16;
    },
  });
}

const form = new FormData();
form.set('name', 'ß');
form.set('file', new Blob([LARGE]), 'large');

await ask('get', '/text');
await ask('head', '/text', { method: 'HEAD' });
await ask('pieces', '/pieces');
await ask('range', '/text', { headers: { range: 'bytes=100-299' } });
await ask('compressed', '/gzip');
await ask('post', '/echo', { method: 'POST', body: LARGE });
await ask('stream', '/echo', { method: 'PUT', body: stream(), duplex: 'half' });
await ask('query', '/echo', { method: 'POST', body: new URLSearchParams({ a: 'ß', b: '' }) });
await ask('patch', '/echo', { method: 'PATCH', body: '{}', headers: { 'content-type': 'application/json' } });
await ask('options', '/echo', { method: 'OPTIONS' });
await ask('delete', '/status/204', { method: 'DELETE' });
await ask('redirected', '/redirect/302');
await ask('redirected post', '/redirect/303', { method: 'POST', body: 'a=1' });
await ask('repeated post', '/redirect/307', { method: 'POST', body: 'a=1' });
await ask('unchanged', '/status/304');
await ask('error', '/status/500');
await ask('path', '/a%2Fb/%C3%BC;v=1//c?x=1&x=2&y=a+b%20c&z');
await Promise.all(Array.from({ length: 20 }, () => fetch(`${address}/text`).then((answer) => answer.text())));
