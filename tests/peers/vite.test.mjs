// A Vite project as people have it, started by `everlit dev` as it is: the page has Vite's socket and Everlit's, both through
// Everlit, and who reloads what is never in doubt.

import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { open, socket } from './chromium.mjs';
import { dev, project, until, write } from './everlit.mjs';

// How long a person takes from a mistake to the next save, at least.
const PERSON_MS = 1000;

const page = (heading) => `<!doctype html>
<html>
  <head><meta charset="utf-8"><title>Front</title><link rel="stylesheet" href="/src/site.css"></head>
  <body>
    <h1>${heading}</h1><p id="greeting"></p><p id="name"></p><input id="typed">
    <script type="module" src="/src/main.js"></script>
  </body>
</html>
`;

const FILES = {
  'package.json': JSON.stringify({ name: 'front', private: true, type: 'module', scripts: { dev: 'vite --strictPort --port $PORT' } }),
  'index.html': page('One'),
  'vite.config.js': `export default { define: { NAME: '"first"' } };\n`,
  'src/main.js': `import { greeting } from './greeting.js';
const show = (text) => { document.querySelector('#greeting').textContent = text; };
show(greeting);
document.querySelector('#name').textContent = NAME;
import.meta.hot.accept('./greeting.js', (module) => show(module.greeting));
`,
  'src/greeting.js': `export const greeting = 'hello';\n`,
  'src/site.css': 'h1 { color: rgb(1, 2, 3); }\n',
};

test('a Vite project keeps its own hot updates behind Everlit', async (t) => {
  const folder = project(t, FILES);
  const everlit = await dev(t, folder);
  await everlit.generation(1);
  const seen = await open(t, everlit.url);
  const shows = (selector, text) => until(async () => (await seen.page.textContent(selector)) === text, () => `${selector}: ${text}`);
  await shows('#greeting', 'hello');

  const [ours, theirs] = [await socket(seen, '/__everlit/ws'), await socket(seen, '/?token=')];
  assert.equal(new URL(ours.url).port, String(everlit.port));
  assert.equal(new URL(theirs.url).port, String(everlit.port), 'Vite has not gone around Everlit');
  assert.equal(theirs.headers['sec-websocket-protocol'], 'vite-hmr');

  // A module and a stylesheet are exchanged in the page that stands there.
  await seen.page.fill('#typed', 'half a sentence');
  write(folder, 'src/greeting.js', `export const greeting = 'good morning';\n`);
  await shows('#greeting', 'good morning');
  write(folder, 'src/site.css', 'h1 { color: rgb(4, 5, 6); }\n');
  await seen.page.waitForFunction(() => getComputedStyle(document.querySelector('h1')).color === 'rgb(4, 5, 6)');
  assert.equal(await seen.page.inputValue('#typed'), 'half a sentence');
  assert.equal(seen.loads, 1);
  assert(ours.open && theirs.open);

  // What Vite cannot exchange it reloads, once; the update after it would come after a second reload.
  write(folder, 'index.html', page('Two'));
  await shows('h1', 'Two');
  await shows('#greeting', 'good morning');
  await socket(seen, '/?token=');
  await socket(seen, '/__everlit/ws');
  write(folder, 'src/greeting.js', `export const greeting = 'good night';\n`);
  await shows('#greeting', 'good night');
  assert.equal(seen.loads, 2);
  assert.deepEqual(everlit.events.filter(({ event, pages }) => event === 'reloaded' && pages > 0), []);
  assert.deepEqual(seen.errors, []);
});

test('a save of its settings starts Vite anew, once, and reloads the page once', async (t) => {
  const folder = project(t, FILES);
  const everlit = await dev(t, folder);
  await everlit.generation(1);
  const seen = await open(t, everlit.url);
  const shows = (selector, text) => until(async () => (await seen.page.textContent(selector).catch(() => '')) === text, () => text);
  await shows('#name', 'first');
  await socket(seen, '/?token=');
  write(folder, 'vite.config.js', `export default { define: { NAME: '"second"' } };\n`);
  await shows('#name', 'second');
  await socket(seen, '/?token=');
  write(folder, 'src/greeting.js', `export const greeting = 'good night';\n`);
  await shows('#greeting', 'good night');
  assert.equal(seen.loads, 2);
  assert.equal(everlit.events.filter(({ event }) => event === 'generation').length, 1);
});

test('a mistake shows in Vite’s overlay, and goes with it', async (t) => {
  const folder = project(t, FILES);
  const everlit = await dev(t, folder);
  await everlit.generation(1);
  const seen = await open(t, everlit.url);
  const greets = (text) => until(async () => (await seen.page.textContent('#greeting')) === text, () => text);
  await greets('hello');
  // Vite does not tell again what it said before its socket was open.
  await socket(seen, '/?token=');
  write(folder, 'src/greeting.js', `import './missing.js';\nexport const greeting = 'hello';\n`);
  await seen.page.waitForSelector('vite-error-overlay', { state: 'attached' });
  // Vite loses a save, also where nobody stands before it, that comes while it is still at the one before.
  await sleep(PERSON_MS);
  write(folder, 'src/greeting.js', `export const greeting = 'mended';\n`);
  await greets('mended');
  await seen.page.waitForSelector('vite-error-overlay', { state: 'detached' });
});
