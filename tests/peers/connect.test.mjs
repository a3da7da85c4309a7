// Connect and gRPC-web: their official server for Node, their official clients in Node and in a page.

import assert from 'node:assert/strict';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';

import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-web';
import esbuild from 'esbuild';

import { open } from './chromium.mjs';
import { before, until } from './everlit.mjs';
import { Clock } from './clock.mjs';

const TRANSPORTS = { connect: createConnectTransport, 'gRPC-web': createGrpcWebTransport };

// Larger than what any side buffers.
const BIG = 'x'.repeat(1024 ** 2);

/** The server; a tick is sent only once the one before it was acknowledged, so that one held back would stop the test. */
function clock() {
  const seen = { acknowledged: 0, cancelled: 0 };
  const routes = (router) =>
    router.service(Clock, {
      say: ({ value }) => {
        if (value === 'wrong') throw new ConnectError('das geht nicht: ß', Code.FailedPrecondition, { 'x-detail': 'why' });
        return { value: `${value}!` };
      },
      acknowledge: ({ value }) => {
        seen.acknowledged = Number(value);
        return { value };
      },
      async *tick({ value }, { signal }) {
        seen.acknowledged = 0;
        signal.addEventListener('abort', () => (seen.cancelled += 1));
        for (let number = 1; number <= Number(value); number += 1) {
          yield { value: String(number) };
          while (seen.acknowledged < number && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 2));
          if (signal.aborted) return;
        }
        throw new ConnectError('no more ticks', Code.OutOfRange, { 'x-detail': 'the end' });
      },
    });
  const handler = connectNodeAdapter({ routes });
  return { seen, handler };
}

/** Everything a client may ask; also run in the page, so it uses nothing from outside of it. */
async function converse(client, { ConnectError, BIG }) {
  const found = { ticks: [] };
  found.said = (await client.say({ value: 'hello' })).value;
  found.big = (await client.say({ value: BIG })).value.length;
  try {
    await client.say({ value: 'wrong' });
  } catch (reason) {
    const error = ConnectError.from(reason);
    found.wrong = [error.code, error.rawMessage, error.metadata.get('x-detail')];
  }
  try {
    for await (const { value } of client.tick({ value: '20' })) {
      found.ticks.push(Number(value));
      await client.acknowledge({ value });
    }
  } catch (reason) {
    const error = ConnectError.from(reason);
    found.end = [error.code, error.rawMessage, error.metadata.get('x-detail')];
  }
  const leave = new AbortController();
  try {
    for await (const _ of client.tick({ value: '20' }, { signal: leave.signal })) leave.abort();
  } catch (reason) {
    found.left = ConnectError.from(reason).code;
  }
  return found;
}

const EXPECTED = {
  said: 'hello!',
  big: BIG.length + 1,
  wrong: [Code.FailedPrecondition, 'das geht nicht: ß', 'why'],
  ticks: Array.from({ length: 20 }, (_, index) => index + 1),
  end: [Code.OutOfRange, 'no more ticks', 'the end'],
  left: Code.Canceled,
};

for (const [name, transport] of Object.entries(TRANSPORTS)) {
  test(`a ${name} client gets answers, streams, errors in trailers, and is heard leaving`, async (t) => {
    const { seen, handler } = clock();
    const everlit = await before(t, http.createServer(handler));
    const client = createClient(Clock, transport({ baseUrl: everlit.url }));
    assert.deepEqual(await converse(client, { ConnectError, BIG }), EXPECTED);
    await until(() => seen.cancelled > 0, () => 'the server hears of it');
  });
}

test('Connect and gRPC-web work in a page', async (t) => {
  const { seen, handler } = clock();
  const contents = `import { ConnectError, createClient } from '@connectrpc/connect';
    import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-web';
    import { Clock } from './clock.mjs';
    const converse = ${converse};
    window.run = async (name) => {
      const transport = name === 'connect' ? createConnectTransport : createGrpcWebTransport;
      const client = createClient(Clock, transport({ baseUrl: location.origin }));
      return await converse(client, { ConnectError, BIG: 'x'.repeat(${BIG.length}) });
    };`;
  const stdin = { contents, resolveDir: path.resolve('.') };
  const [script] = (await esbuild.build({ stdin, bundle: true, format: 'esm', write: false })).outputFiles;
  const html = '<!doctype html><title>Clock</title><script type="module" src="/page.mjs"></script>';
  const everlit = await before(t, http.createServer((request, response) => {
    if (request.url === '/page.mjs') return response.setHeader('content-type', 'text/javascript').end(script.text);
    if (request.method === 'POST') return handler(request, response);
    response.setHeader('content-type', 'text/html').end(html);
  }));
  const page = await open(t, everlit.url);
  await page.page.waitForFunction('window.run');
  for (const name of Object.keys(TRANSPORTS)) {
    seen.cancelled = 0;
    assert.deepEqual(await page.page.evaluate((name) => window.run(name), name), EXPECTED, name);
    await until(() => seen.cancelled > 0, () => 'the server hears of it');
  }
  assert.deepEqual(page.errors, []);
});
