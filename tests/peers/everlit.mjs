// Everlit in front of a project, for the tests of one file. EVERLIT is the path of the binary.
//
// PEERS_TLS=1 puts HTTPS between the clients and Everlit, over HTTP/2 where they speak it.
//
// What it did is read from `--log json`: `event` waits for a line, `events` has all of them so far. Everything that a test starts is
// ended with the test.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

// How long anything may take that has to happen: Astro alone needs ten seconds to start where others work on the same two cores.
export const SOON_MS = 60_000;

// How often a condition is looked at.
const LOOK_AGAIN_MS = 20;

const HERE = path.dirname(fileURLToPath(import.meta.url));

const SCHEME = process.env.PEERS_TLS === '1' ? ['--tls'] : [];

// A test that is given up ends what it left running.
const living = new Set();
process.once('exit', () => living.forEach((child) => child.kill('SIGKILL')));

/** A temporary folder with files by path; `node_modules` in it is the one that is installed here. */
export function project(t, files) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'everlit-peers-'));
  fs.symlinkSync(path.join(HERE, 'node_modules'), path.join(folder, 'node_modules'));
  for (const [name, text] of Object.entries(files)) write(folder, name, text);
  t.after(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** Writes a file of a project as most editors do: a new file that takes the old one's place. */
export function write(folder, name, text) {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(`${file}~`, text);
  fs.renameSync(`${file}~`, file);
}

/** Starts `everlit dev` on a folder and waits for its address. */
export async function dev(t, folder, ...options) {
  assert(process.env.EVERLIT, 'EVERLIT must be the path of the binary');
  const child = spawn(process.env.EVERLIT, ['dev', folder, '--port', '0', '--log', 'json', ...SCHEME, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  living.add(child);
  child.once('exit', () => living.delete(child));
  const events = [];
  readline.createInterface({ input: child.stdout }).on('line', (line) => events.push(JSON.parse(line)));
  t.after(() => end(child));

  const find = (wanted) => {
    const found = events.find(wanted);
    assert(found || isRunning(child), `Everlit ended with ${child.exitCode ?? child.signalCode} before ${wanted}`);
    return found;
  };
  const event = (wanted) => until(() => find(wanted), () => `${wanted} in ${JSON.stringify(events, null, 1)}`);
  const { url } = await event(({ event }) => event === 'ready');
  const port = Number(new URL(url).port);
  const generation = (number) => event((it) => it.event === 'generation' && it.generation >= number);
  return { url, port, pid: child.pid, events, event, generation };
}

/** Starts Everlit in front of a server of the test's own. */
export async function before(t, server, ...options) {
  const listeners = server.listeners('request');
  server.removeAllListeners('request').on('request', (request, response) => {
    if (isQuestion(request)) return response.end();
    for (const listener of listeners) listener.call(server, request, response);
  });
  const upstream = await listen(t, server);
  return await dev(t, project(t, {}), '--upstream', upstream, ...options);
}

// The fields that requests through Everlit have in any case.
const OF_PROXIES = /^(host|connection|via|forwarded|x-forwarded-.*)$/;

/** Whether Everlit asks by itself, to know whether the server is there. */
export const isQuestion = ({ headers }) => Object.keys(headers).every((name) => OF_PROXIES.test(name));

/** Lets a server of the test's own listen, and returns its address. */
export async function listen(t, server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections?.();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

/** A request on a connection of its own, over HTTP/1.1, whose body and answer are streams. */
export function request(url, { headers, ...options } = {}) {
  const { request } = url.startsWith('https:') ? https : http;
  return request(url, { agent: false, ...options, headers: { 'user-agent': 'tests', ...headers } });
}

/** Waits for a condition and returns what it gives. */
export async function until(condition, describe = condition) {
  const deadline = performance.now() + SOON_MS;
  for (;;) {
    const found = await condition();
    if (found) return found;
    assert(performance.now() < deadline, `not within ${SOON_MS} ms: ${describe()}`);
    await sleep(LOOK_AGAIN_MS);
  }
}

const isRunning = (child) => child.exitCode === null && child.signalCode === null;

async function end(child) {
  assert(isRunning(child), `Everlit ended during the test with ${child.exitCode ?? child.signalCode}`);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
