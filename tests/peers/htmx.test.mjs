// htmx, in both generations: fragments stay as the app sent them, a boosted page brings no second client, and a reload works after it.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';

import { open, socket } from './chromium.mjs';
import { dev, project, until, write } from './everlit.mjs';

// The fourth generation wants to be told that a child inherits an attribute.
const app = (version) => `import http from 'node:http';
import fs from 'node:fs';
const page = (name, more) => \`<!doctype html>
<html>
  <head><meta charset="utf-8"><title>\${name}</title><script src="/htmx.js"></script></head>
  <body hx-boost="true" hx-boost:inherited="true">
    <h1>\${name}, version ${version}</h1>
    <a id="other" href="\${more}">other</a>
    <button hx-get="/fragment" hx-target="#place">get</button>
    <form hx-post="/fragment" hx-target="#place"><input name="typed" value="something"><button id="post">post</button></form>
    <div id="place"></div>
  </body>
</html>\`;
http.createServer((request, response) => {
  if (request.url === '/htmx.js') return response.end(fs.readFileSync('htmx.js'));
  response.setHeader('content-type', 'text/html; charset=utf-8');
  if (request.url.startsWith('/fragment')) return response.end('<p id="fragment">' + request.method + ' fragment</p>');
  response.end(request.url === '/two' ? page('Two', '/') : page('One', '/two'));
}).listen(process.env.PORT, () => console.log('listening'));
`;

for (const generation of ['htmx-2', 'htmx-4']) {
  test(`pages of ${generation}`, async (t) => {
    const folder = project(t, {
      'everlit.toml': '[app]\nrun = ["node", "app.mjs"]\nwatch = ["app.mjs"]\nready_line = "^listening"\n',
      'app.mjs': app(1),
      'htmx.js': fs.readFileSync(`node_modules/${generation}/dist/htmx.min.js`, 'utf8'),
    });
    const everlit = await dev(t, folder);
    await everlit.generation(1);
    const seen = await open(t, everlit.url);
    const { page } = seen;
    const answers = [];
    page.on('response', async (response) => {
      const body = await response.text().catch(() => '');
      answers.push([new URL(response.url()).pathname, response.headers(), body]);
    });
    const content = (selector) => page.textContent(selector).catch(() => '');
    const shows = (selector, text) => until(async () => (await content(selector)) === text, () => `${selector}: ${text}`);
    const answer = (path) => until(() => answers.findLast(([asked]) => asked === path), () => `an answer to ${path}`);
    await socket(seen, '/__everlit/ws');

    await page.click('button[hx-get]');
    await shows('#fragment', 'GET fragment');
    const [, headers, body] = await answer('/fragment');
    assert.equal(body, '<p id="fragment">GET fragment</p>');
    assert.match(headers['everlit-inject'], /^skipped/);
    await page.click('#post');
    await shows('#fragment', 'POST fragment');

    // A boosted link puts the body of another page into this document, which goes on.
    await page.evaluate('window.mark = 1');
    await page.click('#other');
    await shows('h1', 'Two, version 1');
    assert.equal(new URL(page.url()).pathname, '/two');
    assert.equal(await page.evaluate('window.mark'), 1);
    await page.click('#other');
    await shows('h1', 'One, version 1');
    await page.goBack();
    await shows('h1', 'Two, version 1');
    assert.equal(await page.evaluate('window.mark'), 1);
    assert.equal(seen.loads, 1);
    assert.equal(await page.locator('script[src*="/__everlit/"]').count(), 1);
    assert.equal(seen.sockets.length, 1, 'one client, one socket');

    // A save is shown in the page that stands there, and what htmx does still works in it.
    write(folder, 'app.mjs', app(2));
    await shows('h1', 'Two, version 2');
    await socket(seen, '/__everlit/ws');
    await page.click('button[hx-get]');
    await shows('#fragment', 'GET fragment');
    await page.click('#other');
    await shows('h1', 'One, version 2');
    assert(seen.loads <= 2, `${seen.loads} loads`);
    assert.deepEqual(seen.errors, []);
  });
}
