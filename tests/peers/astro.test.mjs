// An Astro project as people have it: its pages are rendered on the server and streamed, and its development server reloads them.

import assert from 'node:assert/strict';
import test from 'node:test';

import { open, socket } from './chromium.mjs';
import { dev, project, until, write } from './everlit.mjs';

const component = (text, colour) => `<p id="greeting">${text}</p>\n<style>p { color: ${colour}; }</style>\n`;

const FILES = {
  // Without the question to a server of Astro's.
  'package.json': JSON.stringify({
    name: 'blog',
    private: true,
    type: 'module',
    scripts: { dev: 'ASTRO_TELEMETRY_DISABLED=1 astro dev --port $PORT' },
  }),
  'astro.config.mjs': `export default { devToolbar: { enabled: false } };\n`,
  'src/pages/index.astro': `---
import Greeting from '../components/Greeting.astro';
---
<!doctype html>
<html>
  <head><meta charset="utf-8"><title>Blog</title></head>
  <body><h1>Blog</h1><Greeting /></body>
</html>
`,
  'src/components/Greeting.astro': component('hello', 'rgb(1, 2, 3)'),
};

test('an Astro project shows its edits behind Everlit, each by one reload of its own', async (t) => {
  const folder = project(t, FILES);
  const everlit = await dev(t, folder);
  await everlit.generation(1);
  const seen = await open(t, everlit.url);
  const shows = (text) => until(async () => (await seen.page.textContent('#greeting').catch(() => '')) === text, () => text);
  const coloured = (colour) =>
    seen.page.waitForFunction((wanted) => getComputedStyle(document.querySelector('#greeting')).color === wanted, colour);
  await shows('hello');
  await coloured('rgb(1, 2, 3)');
  const theirs = await socket(seen, '/?token=');
  await socket(seen, '/__everlit/ws');
  assert.equal(new URL(theirs.url).port, String(everlit.port), 'Astro has not gone around Everlit');
  assert.equal(theirs.headers['sec-websocket-protocol'], 'vite-hmr');

  // The scripts of the page, in which each reload of Astro's has to find its socket open.
  const before = seen.loads;
  write(folder, 'src/components/Greeting.astro', component('good morning', 'rgb(1, 2, 3)'));
  await shows('good morning');
  await until(() => seen.loads === before + 1, () => 'a load');
  await socket(seen, '/?token=');
  await socket(seen, '/__everlit/ws');
  write(folder, 'src/components/Greeting.astro', component('good night', 'rgb(1, 2, 3)'));
  await shows('good night');
  await until(() => seen.loads === before + 2, () => `two loads, not ${seen.loads - before}`);
  assert.deepEqual(everlit.events.filter(({ event, pages }) => event === 'reloaded' && pages > 0), []);
  assert.deepEqual(seen.errors, []);
});
