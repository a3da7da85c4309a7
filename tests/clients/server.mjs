// The servers the clients talk to, each on a copy of the data in a temporary folder, so that tests cannot disturb each other.
//
// SERVER says which one: `everlit` (the default), or `json-server-0` and `json-server-1` as oracles, which prove that the tests
// expect what json-server does. EVERLIT is the path of the binary. What Everlit stores is read from its files, never over HTTP.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

// How long a start may take; json-server needs half a second on an idle machine.
const START_LIMIT_MS = 20_000;

// How often a server that does not say when it is ready is asked.
const ASK_AGAIN_MS = 20;

// How long json-server 1 takes to read its file again after its own write; what is written meanwhile is undone by that.
const RELOAD_MS = 200;

// What a test that is given up leaves running is ended with the process that ran it.
const living = new Set();
process.once('exit', () => living.forEach((child) => child.kill('SIGKILL')));

export const NAME = process.env.SERVER ?? 'everlit';

const CHOICES = { everlit, 'json-server-0': jsonServer0, 'json-server-1': jsonServer1 };
assert(NAME in CHOICES, `SERVER is ${NAME}, but may be ${Object.keys(CHOICES).join(', ')}`);

/** Starts the chosen server on collections and singletons by name. */
export async function start(data) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'everlit-clients-'));
  return await CHOICES[NAME](folder, data);
}

/** Starts Everlit on a copy of a project. */
export async function startProject(project) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'everlit-clients-'));
  fs.cpSync(project, folder, { recursive: true });
  return await dev(folder);
}

async function everlit(folder, data) {
  fs.mkdirSync(path.join(folder, 'data'));
  for (const [name, value] of Object.entries(data)) {
    fs.writeFileSync(path.join(folder, 'data', `${name}.json`), JSON.stringify(value, null, 2));
  }
  return await dev(folder);
}

async function dev(folder) {
  assert(process.env.EVERLIT, 'EVERLIT must be the path of the binary');
  const child = spawn(process.env.EVERLIT, ['dev', folder, '--port', '0', '--log', 'json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  keep(child);
  const lines = readline.createInterface({ input: child.stdout });
  const [first] = await Promise.race([once(lines, 'line'), failed(child)]);
  lines.resume();
  const base = new URL('api', JSON.parse(first).url).href;
  return running(child, folder, base, async (name) => readJson(path.join(folder, 'data', `${name}.json`)));
}

async function jsonServer0(folder, data) {
  return await oracle(folder, data, 'json-server/lib/cli/bin.js', ['--host', '127.0.0.1', '--quiet']);
}

// The second generation knows only ids that are strings.
async function jsonServer1(folder, data) {
  const idsAsText = (key, value) => (/^id$|Id$/.test(key) ? String(value) : value);
  return await oracle(folder, JSON.parse(JSON.stringify(data), idsAsText), 'json-server-1/lib/bin.js', ['--host', '127.0.0.1']);
}

async function oracle(folder, data, program, more) {
  const file = path.join(folder, 'db.json');
  fs.writeFileSync(file, JSON.stringify(data));
  const port = await freePort();
  const script = path.join(path.dirname(fileURLToPath(import.meta.url)), 'node_modules', program);
  const child = spawn(process.execPath, [script, file, '--port', String(port), ...more], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  keep(child);
  const base = `http://127.0.0.1:${port}`;
  await Promise.race([answers(`${base}/${Object.keys(data)[0]}`), failed(child)]);
  // It answers before it writes, so that its file may say what was before.
  return running(child, folder, base, (name) => fetch(`${base}/${name}`).then((answer) => answer.json()));
}

function keep(child) {
  living.add(child);
  child.once('exit', () => living.delete(child));
}

function running(child, folder, base, stored) {
  const stop = async () => {
    const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
    child.kill('SIGTERM');
    await ended;
    fs.rmSync(folder, { recursive: true, force: true });
  };
  const settled = () => sleep(NAME === 'json-server-1' ? RELOAD_MS : 0);
  return { base, stored, settled, stop, call: (target, options) => call(base + target, options) };
}

/** Sends a request, its `json` as the body, and returns status, headers and the parsed body. */
async function call(url, { method = 'GET', json, headers = {} } = {}) {
  const body = json === undefined ? undefined : JSON.stringify(json);
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const answer = await fetch(url, { method, body, headers: { ...type, ...headers } });
  const text = await answer.text();
  return { url, status: answer.status, headers: answer.headers, text, body: parsed(text) };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The links of a `Link` header by relation, as absolute URLs. */
export function links({ url, headers }) {
  const found = (headers.get('link') ?? '').matchAll(/<([^>]*)>[^,<]*?;\s*rel="?([\w-]+)"?/g);
  return Object.fromEntries([...found].map(([, target, relation]) => [relation, new URL(target, url).href]));
}

const readJson = (file) => JSON.parse(fs.readFileSync(file, 'utf8'));

async function answers(url) {
  const deadline = Date.now() + START_LIMIT_MS;
  while (Date.now() < deadline) {
    const answer = await fetch(url).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.ok) return;
    await sleep(ASK_AGAIN_MS);
  }
  throw new Error(`${url} does not answer within ${START_LIMIT_MS} ms`);
}

async function failed(child) {
  const [code, signal] = await once(child, 'exit');
  throw new Error(`${child.spawnfile} ended with ${code ?? signal}`);
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
