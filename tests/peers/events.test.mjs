// Event streams and long polls. An event that were held back anywhere would stop its test for good, since each is sent only after
// the one before it was received.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import test from 'node:test';

import { open } from './chromium.mjs';
import { before, dev, project, until, write } from './everlit.mjs';

/** What a stream says, piece by piece. */
async function* texts(answer) {
  const decoder = new TextDecoder();
  for await (const piece of answer.body) yield decoder.decode(piece, { stream: true });
}

/** Reads until a text has come. */
async function reads(pieces, wanted) {
  let read = '';
  while (!read.includes(wanted)) {
    const { value, done } = await pieces.next();
    assert(!done, `the stream ended before ${wanted}, after ${read}`);
    read += value;
  }
}

test('events arrive one by one, uncompressed, and the app hears at once who leaves', async (t) => {
  const streams = [];
  const everlit = await before(t, http.createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    response.flushHeaders();
    streams.push({ request, response, closed: once(response, 'close') });
  }));
  const leave = new AbortController();
  const answer = await fetch(`${everlit.url}events`, {
    headers: { accept: 'text/event-stream', 'accept-encoding': 'gzip, br, zstd' },
    signal: leave.signal,
  });
  assert.equal(answer.headers.get('content-type'), 'text/event-stream');
  assert.equal(answer.headers.get('cache-control'), 'no-cache');
  assert.equal(answer.headers.get('content-encoding'), null);
  const pieces = texts(answer);
  for (let id = 1; id <= 100; id += 1) {
    streams[0].response.write(`id: ${id}\ndata: event ${id}\n\n`);
    await reads(pieces, `data: event ${id}\n\n`);
  }
  leave.abort();
  await streams[0].closed;
  assert(!streams[0].response.writableFinished, 'the app heard of it, and has not ended the stream itself');

  // The other way round: what the app ends, ends.
  const other = await fetch(`${everlit.url}events`, { headers: { accept: 'text/event-stream' } });
  streams[1].response.end('data: last\n\n');
  assert.equal(await other.text(), 'data: last\n\n');

  // And what it breaks off is no regular end.
  const broken = await fetch(`${everlit.url}events`, { headers: { accept: 'text/event-stream' } });
  streams[2].response.write('data: half');
  streams[2].response.destroy();
  await assert.rejects(broken.text());
});

test('an EventSource in a page goes on with the id after the last one', async (t) => {
  const streams = [];
  const everlit = await before(t, http.createServer((request, response) => {
    if (request.url !== '/events') {
      response.setHeader('content-type', 'text/html');
      response.end(`<!doctype html><title>Events</title><script>
        const heard = [];
        const source = new EventSource('/events');
        source.onmessage = ({ data, lastEventId }) => heard.push(lastEventId + ' ' + data);
      </script>`);
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('retry: 20\n\n');
    streams.push({ since: request.headers['last-event-id'], response, closed: once(response, 'close') });
  }));
  const seen = await open(t, everlit.url);
  const heard = (count) => until(async () => (await seen.page.evaluate('heard.length')) === count, () => `${count} events`);
  const stream = (index) => until(() => streams[index], () => `stream ${index}`);
  for (let id = 1; id <= 3; id += 1) {
    (await stream(0)).response.write(`id: ${id}\ndata: event\n\n`);
    await heard(id);
  }
  streams[0].response.end();
  assert.equal((await stream(1)).since, '3');
  streams[1].response.write('id: 4\ndata: event\n\n');
  await heard(4);
  assert.deepEqual(await seen.page.evaluate('heard'), ['1 event', '2 event', '3 event', '4 event']);
  assert.equal(seen.loads, 1);
  await seen.page.goto('about:blank');
  await streams[1].closed;
});

const feed = (version) => `import http from 'node:http';
http.createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('id: ${version}\\ndata: version ${version} after ' + request.headers['last-event-id'] + '\\n\\n');
}).listen(process.env.PORT, () => console.log('listening'));
`;

test('a save ends the streams of the old program, and the next ones are the new program’s', async (t) => {
  const folder = project(t, {
    'everlit.toml': '[app]\nrun = ["node", "feed.mjs"]\nwatch = ["feed.mjs"]\nready_line = "^listening"\n',
    'feed.mjs': feed(1),
  });
  const everlit = await dev(t, folder);
  await everlit.generation(1);
  const subscribe = (since) => fetch(everlit.url, { headers: { accept: 'text/event-stream', 'last-event-id': since } });
  const first = texts(await subscribe('nothing'));
  await reads(first, 'version 1 after nothing');
  write(folder, 'feed.mjs', feed(2));
  while (!(await first.next()).done);
  await reads(texts(await subscribe('1')), 'version 2 after 1');
});

test('a long poll waits as long as it has to, and the app hears who hangs up', async (t) => {
  const polls = [];
  const everlit = await before(t, http.createServer((request, response) => {
    polls.push({ response, closed: once(response, 'close') });
  }));
  const poll = (index) => until(() => polls[index], () => `poll ${index}`);

  const answer = fetch(`${everlit.url}poll`);
  (await poll(0)).response.end('news');
  assert.equal(await (await answer).text(), 'news');

  const hangUp = new AbortController();
  const given = fetch(`${everlit.url}poll`, { method: 'POST', body: 'since=7', signal: hangUp.signal });
  const { response, closed } = await poll(1);
  hangUp.abort();
  await assert.rejects(given, { name: 'AbortError' });
  await closed;
  assert(!response.headersSent);

  // A hundred at once, of which each second one leaves: the others are still answered.
  const leave = new AbortController();
  const ask = (_, index) => fetch(`${everlit.url}poll`, index % 2 ? { signal: leave.signal } : {});
  const crowd = Promise.allSettled(Array.from({ length: 100 }, ask));
  await poll(101);
  leave.abort();
  await until(() => polls.slice(2).filter(({ response }) => response.destroyed).length === 50, () => 'fifty have left');
  for (const { response } of polls.slice(2)) response.end('news');
  const answers = await crowd;
  assert.deepEqual(answers.map(({ status }) => status), answers.map((_, index) => (index % 2 ? 'rejected' : 'fulfilled')));
});
