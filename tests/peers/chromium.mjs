// A real Chromium, and what its pages do: how often they load, and which websockets they have.

import fs from 'node:fs';
import path from 'node:path';

import { chromium } from 'playwright-core';

import { SOON_MS, until } from './everlit.mjs';

const PROGRAM = (process.env.PATH ?? '').split(':').map((folder) => path.join(folder, 'chromium')).find(fs.existsSync);

/** Opens a page. `loads` counts its documents, `sockets` has each websocket with what was answered to its handshake. */
export async function open(t, url) {
  const browser = await chromium.launch({ executablePath: PROGRAM, args: ['--no-sandbox', '--disable-gpu'], timeout: SOON_MS });
  t.after(() => browser.close());
  // That browsers can be told to believe the certificate is another test's affair.
  const page = await browser.newPage({ ignoreHTTPSErrors: true });
  page.setDefaultTimeout(SOON_MS);
  const seen = { browser, page, loads: 0, sockets: [], errors: [] };
  page.on('domcontentloaded', () => (seen.loads += 1));
  page.on('pageerror', (error) => seen.errors.push(error.message));
  await watchSockets(page, seen.sockets);
  await page.goto(url);
  return seen;
}

/** Waits for an open websocket whose address contains a text. */
export async function socket(seen, text) {
  const isWanted = ({ url, open }) => open && url.includes(text);
  return await until(() => seen.sockets.find(isWanted), () => `a socket ${text} among ${JSON.stringify(seen.sockets)}`);
}

async function watchSockets(page, sockets) {
  const protocol = await page.context().newCDPSession(page);
  await protocol.send('Network.enable');
  await protocol.send('Page.enable');
  // Those of the document before are gone, whenever that is said. A new address in the same document, as frameworks write it into
  // the history, is none of these events.
  protocol.on('Page.frameNavigated', ({ frame }) => {
    if (!frame.parentId) for (const it of sockets) it.open = false;
  });
  protocol.on('Network.webSocketCreated', ({ requestId, url }) => sockets.push({ requestId, url, open: false }));
  protocol.on('Network.webSocketHandshakeResponseReceived', ({ requestId, response }) => {
    const found = sockets.find((it) => it.requestId === requestId);
    const headers = Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name.toLowerCase(), value]));
    Object.assign(found, { open: response.status === 101, headers });
  });
  protocol.on('Network.webSocketClosed', ({ requestId }) => {
    sockets.find((it) => it.requestId === requestId).open = false;
  });
}
