// A Next project as people have it: components of the server and of the browser, and its own updates, which keep their state.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { open, socket } from './chromium.mjs';
import { dev, until, write } from './everlit.mjs';

const counter = (text) => `'use client';
import { useState } from 'react';
export default function Counter() {
  const [count, setCount] = useState(0);
  return <p><span id="text">${text}</span> <button onClick={() => setCount(count + 1)}>{count}</button></p>;
}
`;
const page = (heading) => `import Counter from './counter';
export default function Page() {
  return <main><h1>${heading}</h1><Counter /></main>;
}
`;

const FILES = {
  // Without it Next looks for the outermost lock file.
  'next.config.mjs': 'export default { turbopack: { root: import.meta.dirname } };\n',
  '.env': 'NEXT_TELEMETRY_DISABLED=1\n',
  'app/layout.js': `export default function Layout({ children }) {
  return <html><body>{children}</body></html>;
}
`,
  'app/page.js': page('Next'),
  'app/counter.js': counter('hello'),
};

test('a Next project keeps its own updates behind Everlit', async (t) => {
  const folder = path.resolve('next');
  fs.rmSync(path.join(folder, '.next'), { recursive: true, force: true });
  for (const [name, text] of Object.entries(FILES)) write(folder, name, text);
  const everlit = await dev(t, folder);
  await everlit.generation(1);
  const seen = await open(t, everlit.url);
  const shows = (selector, text) => until(async () => (await seen.page.textContent(selector)) === text, () => `${selector}: ${text}`);
  const theirs = await socket(seen, '/_next/');
  const ours = await socket(seen, '/__everlit/ws');
  assert.equal(new URL(theirs.url).port, String(everlit.port));

  // A click before React has taken over does nothing.
  await until(async () => {
    await seen.page.click('button');
    return (await seen.page.textContent('button')) !== '0';
  }, () => 'a click counts');
  const count = await seen.page.textContent('button');

  write(folder, 'app/counter.js', counter('good morning'));
  await shows('#text', 'good morning');
  write(folder, 'app/page.js', page('Next, again'));
  await shows('h1', 'Next, again');
  assert.equal(await seen.page.textContent('button'), count, 'the state is kept');
  assert.equal(seen.loads, 1);
  assert(theirs.open && ours.open);
  assert.deepEqual(everlit.events.filter(({ event, pages }) => event === 'reloaded' && pages > 0), []);
  assert.deepEqual(seen.errors, []);
});
