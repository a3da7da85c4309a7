// socket.io, server and client: both transports, the change from one to the other, and the end of a connection from either side.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import test from 'node:test';

import { Server } from 'socket.io';
import { io } from 'socket.io-client';

import { before, dev, project, until, write } from './everlit.mjs';

// A message larger than any buffer between two sockets, and larger than socket.io takes without being asked to.
const BIG = 8 * 1024 ** 2;

/** Starts a server that sends back what it gets and notes who leaves, and Everlit in front of it. */
async function echo(t) {
  const plain = http.createServer();
  const server = new Server(plain, { maxHttpBufferSize: 2 * BIG });
  const left = [];
  server.on('connection', (socket) => {
    socket.on('echo', (message, reply) => reply(message));
    socket.on('leave', () => socket.disconnect(true));
    socket.on('disconnect', (reason) => left.push(reason));
  });
  const everlit = await before(t, plain);
  t.after(() => server.disconnectSockets(true));
  return { everlit, server, left };
}

async function connect(t, url, options) {
  const client = io(url, { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 50, ...options });
  t.after(() => client.disconnect());
  await until(() => client.connected, () => `${url} connects`);
  return client;
}

for (const transport of ['polling', 'websocket']) {
  test(`messages small and large go both ways by ${transport}`, async (t) => {
    const { everlit, left } = await echo(t);
    const client = await connect(t, everlit.url, { transports: [transport] });
    for (let number = 0; number < 100; number += 1) assert.equal(await client.emitWithAck('echo', number), number);
    const bytes = randomBytes(BIG);
    const returned = await client.emitWithAck('echo', bytes);
    assert(Buffer.from(returned).equals(bytes), 'the bytes that were sent');
    const text = 'ß€😀'.repeat(100_000);
    assert.equal(await client.emitWithAck('echo', text), text);
    assert.equal(client.io.engine.transport.name, transport);

    client.disconnect();
    await until(() => left.length === 1, () => 'the server sees the client leave');
    assert.deepEqual(left, ['client namespace disconnect']);
  });
}

test('polling becomes a websocket, without a message lost on the way', async (t) => {
  const { everlit } = await echo(t);
  const client = await connect(t, everlit.url, {});
  const upgraded = client.io.engine.transport.name === 'websocket' ? undefined : once(client.io.engine, 'upgrade');
  const echoed = await Promise.all(Array.from({ length: 200 }, (_, number) => client.emitWithAck('echo', number)));
  assert.deepEqual(echoed, Array.from({ length: 200 }, (_, number) => number));
  await upgraded;
  assert.equal(client.io.engine.transport.name, 'websocket');
  assert.equal(await client.emitWithAck('echo', 'after'), 'after');
});

test('each side hears at once that the other one is gone', async (t) => {
  const { everlit, server, left } = await echo(t);

  // A client that is gone without a word, as a tab that crashes.
  const crashed = await connect(t, everlit.url, { transports: ['websocket'], reconnection: false });
  crashed.io.engine.transport.ws._socket.destroy();
  await until(() => left.length === 1, () => 'the server sees it');
  assert.equal(left[0], 'transport close');

  // A server that sends somebody away.
  const sent = await connect(t, everlit.url, { transports: ['websocket'], reconnection: false });
  const [[reason]] = await Promise.all([once(sent, 'disconnect'), sent.emit('leave')]);
  assert.equal(reason, 'io server disconnect');

  // A server whose connections break.
  const cut = await connect(t, everlit.url, { transports: ['websocket'], reconnection: false });
  const broken = once(cut, 'disconnect');
  for (const { conn } of server.sockets.sockets.values()) conn.transport.socket._socket.destroy();
  assert.equal((await broken)[0], 'transport close');
});

const program = (version) => `import http from 'node:http';
import { Server } from 'socket.io';
const plain = http.createServer();
new Server(plain).on('connection', (socket) => socket.emit('version', ${version}));
plain.listen(process.env.PORT, () => console.log('listening'));
`;

for (const transport of ['polling', 'websocket']) {
  test(`a client by ${transport} finds the new program after a save by itself`, async (t) => {
    const folder = project(t, {
      'everlit.toml': '[app]\nrun = ["node", "server.mjs"]\nwatch = ["server.mjs"]\nready_line = "^listening"\n',
      'server.mjs': program(1),
    });
    const everlit = await dev(t, folder);
    await everlit.generation(1);
    const versions = [];
    const client = io(everlit.url, { transports: [transport], forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 50 });
    t.after(() => client.disconnect());
    client.on('version', (version) => versions.push(version));
    await until(() => versions.length === 1, () => 'the first version');
    write(folder, 'server.mjs', program(2));
    await until(() => versions.length === 2, () => `a second version after ${versions}`);
    assert.deepEqual(versions, [1, 2]);
  });
}
