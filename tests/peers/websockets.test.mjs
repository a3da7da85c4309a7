// Websockets of `ws`, the library most servers in Node have: what goes over them, and how each way of ending arrives.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { WebSocket, WebSocketServer } from 'ws';

import { open } from './chromium.mjs';
import { before, until } from './everlit.mjs';

const MIB = 1024 ** 2;

// What two connections and two programs may hold between a fast end and one that has stopped.
const HELD_LIMIT = 64 * MIB;

/** Starts a server whose sockets the test gets, and Everlit in front of it. */
async function start(t, options = {}) {
  const plain = http.createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>Sockets</title>');
  });
  const server = new WebSocketServer({ server: plain, maxPayload: 64 * MIB, ...options });
  const sockets = [];
  server.on('connection', (socket, request) => {
    const closed = once(socket, 'close').then(([code, reason]) => [code, reason.toString()]);
    socket.on('error', () => {});
    sockets.push(Object.assign(socket, { request, closed }));
  });
  const everlit = await before(t, plain);
  t.after(() => sockets.forEach((socket) => socket.terminate()));
  const url = everlit.url.replace('http', 'ws');
  const accepted = (index = 0) => until(() => sockets[index], () => `socket ${index}`);
  const connect = async (options, ...protocols) => {
    const client = new WebSocket(url, protocols, options);
    client.closed = once(client, 'close').then(([code, reason]) => [code, reason.toString()]);
    t.after(() => client.terminate());
    await once(client, 'open');
    return [client, await accepted(sockets.length - 1)];
  };
  return { everlit, url, server, sockets, accepted, connect };
}

const echo = (socket) => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));

async function echoed(client, data, options = {}) {
  client.send(data, options);
  return (await once(client, 'message'))[0];
}

for (const perMessageDeflate of [false, true]) {
  test(`texts and bytes of all sizes ${perMessageDeflate ? 'with' : 'without'} compression`, async (t) => {
    const { connect } = await start(t, { perMessageDeflate });
    const [client, socket] = await connect({ perMessageDeflate });
    assert.equal(client.extensions, perMessageDeflate ? 'permessage-deflate' : '');
    echo(socket);
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 16 * MIB]) {
      const bytes = randomBytes(size);
      assert(bytes.equals(await echoed(client, bytes)), `${size} bytes`);
    }
    assert.equal((await echoed(client, 'ß€😀'.repeat(100_000))).toString(), 'ß€😀'.repeat(100_000));
    // In fragments, with a ping between them.
    const whole = once(client, 'message');
    const pong = once(client, 'pong');
    client.send('one, ', { fin: false });
    client.ping('are you there');
    client.send('two');
    assert.equal((await pong)[0].toString(), 'are you there');
    assert.equal((await whole)[0].toString(), 'one, two');
  });
}

test('each way of closing arrives as it was meant', async (t) => {
  const { connect } = await start(t);
  const [leaves, left] = await connect();
  leaves.close(4001, 'enough');
  assert.deepEqual(await left.closed, [4001, 'enough']);
  assert.deepEqual(await leaves.closed, [4001, 'enough']);

  const [sent, sender] = await connect();
  sender.close(4002, 'go away: ß');
  assert.deepEqual(await sent.closed, [4002, 'go away: ß']);
  assert.deepEqual(await sender.closed, [4002, 'go away: ß']);

  // Without a word.
  const [crashes, alone] = await connect();
  crashes.terminate();
  assert.deepEqual(await alone.closed, [1006, '']);
  const [abandoned, crashed] = await connect();
  crashed.terminate();
  assert.deepEqual(await abandoned.closed, [1006, '']);
});

test('a server may choose a protocol, and refuse', async (t) => {
  const { connect, url } = await start(t, {
    handleProtocols: (offered) => [...offered].at(-1),
    verifyClient: ({ req }, done) => (req.url === '/no' ? done(false, 401, 'who are you', { 'x-reason': 'none' }) : done(true)),
  });
  const [client] = await connect({}, 'first', 'second');
  assert.equal(client.protocol, 'second');
  const refused = new WebSocket(`${url}no`);
  const [, answer] = await once(refused, 'unexpected-response');
  assert.equal(answer.statusCode, 401);
  assert.equal(answer.headers['x-reason'], 'none');
  assert.equal((await answer.setEncoding('utf8').toArray()).join(''), 'who are you');
});

test('a reader that stops stops the writer', async (t) => {
  const { connect } = await start(t, { perMessageDeflate: false });
  const [client, socket] = await connect({ perMessageDeflate: false });
  client.pause();
  let sent = 0;
  const send = () => {
    if (socket.readyState !== WebSocket.OPEN) return;
    socket.send(Buffer.alloc(MIB), (error) => {
      if (error) return;
      sent += MIB;
      if (sent < 256 * MIB) send();
    });
  };
  send();
  for (let before = -1; before !== sent; await sleep(500)) before = sent;
  t.diagnostic(`${sent / MIB} MiB are under way`);
  assert(sent < HELD_LIMIT, `${sent} bytes went somewhere`);
  let received = 0;
  client.on('message', ({ length }) => (received += length));
  client.resume();
  await until(() => received === 256 * MIB, () => `all of it, not ${received}`);
});

test('five hundred sockets are all heard, and all heard leaving', async (t) => {
  const { connect, sockets } = await start(t);
  const clients = [];
  for (let count = 0; count < 500; count += 50) {
    clients.push(...(await Promise.all(Array.from({ length: 50 }, () => connect()))).map(([client]) => client));
  }
  const greeted = Promise.all(clients.map((client) => once(client, 'message')));
  assert.equal(sockets.length, 500);
  for (const socket of sockets) socket.send('all');
  await greeted;
  for (const client of clients) client.terminate();
  await Promise.all(sockets.map(({ closed }) => closed));
});

test('the app hears a tab that goes elsewhere, and one that is closed', async (t) => {
  const { everlit, accepted } = await start(t);
  const seen = await open(t, everlit.url);
  const connect = () =>
    seen.page.evaluate(async () => {
      const socket = new WebSocket(location.href.replace('http', 'ws'));
      await new Promise((resolve) => socket.addEventListener('open', resolve));
    });
  await connect();
  const first = await accepted(0);
  assert.equal(first.request.headers.origin, everlit.url.slice(0, -1));
  await seen.page.goto('about:blank');
  assert.equal((await first.closed)[0], 1001);
  await seen.page.goto(everlit.url);
  await connect();
  const second = await accepted(1);
  await seen.page.close();
  await second.closed;
});
