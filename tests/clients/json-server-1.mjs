// What the README of json-server 1 promises, query by query.
//
// Where the generations clash Everlit keeps the first one's answer: a page is the plain array, with `Link` and `X-Total-Count`,
// and not an envelope; ids are what the file says, and not always text.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';

import { DATA, ids, range } from './data.mjs';
import { NAME, links, start } from './server.mjs';

const LISTS = [
  // Conditions
  ['/posts?views=100', [1]],
  ['/posts?title:eq=json-server', [1]],
  ['/posts?views:lt=20', [2]],
  ['/posts?views:lte=20', [2, 3, 4]],
  ['/posts?views:gt=20', [1]],
  ['/posts?views:gte=20', [1, 3, 4]],
  ['/posts?views:gte=10&views:lt=100', [3, 4]],
  ['/posts?views:ne=20', [1, 2]],
  ['/posts?views:in=9,100', [1, 2]],
  ['/posts?title:contains=SERVER', [1, 3]],
  ['/posts?title:startsWith=server', [3]],
  ['/posts?title:endsWith=Server', [1]],
  ['/posts?author.name:eq=typicode', [1, 3]],
  ['/posts?author.name=ines', [2, 4]],
  ['/posts?author.town:startsWith=po&views:gt=10', [4]],
  // The first beta's way to write operators
  ['/posts?views_gt=20', [1]],
  ['/posts?views_lt=20', [2]],
  // Complex filters, which take the place of the other conditions
  [where({ or: [{ views: { gt: 50 } }, { title: { startsWith: 'the' } }] }), [1, 2]],
  [where({ or: [{ views: { gt: 50 } }, { author: { name: { lt: 'm' } } }] }), [1, 2, 4]],
  [where({ views: { lte: 20 }, author: { town: { eq: 'Porto' } } }), [2, 4]],
  [`${where({ views: { gt: 50 } })}&views=9`, [1]],
  [`${where({ views: { lte: 20 } })}&_sort=-views`, [3, 4, 2]],
  // Sort
  ['/posts?_sort=views', [2, 3, 4, 1]],
  ['/posts?_sort=-views', [1, 3, 4, 2]],
  ['/posts?_sort=author.name,-views', [4, 2, 1, 3]],
  ['/posts?_sort=-author.town,-views', [4, 2, 1, 3]],
];

// Target, the ids on it, and the pages before, after and at the end.
const PAGES = [
  ['/entries?_page=1&_per_page=20', range(1, 20), { prev: undefined, next: 2, last: 3 }],
  ['/entries?_page=2&_per_page=20', range(21, 40), { prev: 1, next: 3, last: 3 }],
  ['/entries?_page=3&_per_page=20', range(41, 45), { prev: 2, next: undefined, last: 3 }],
  ['/entries?_page=2', range(11, 20), { prev: 1, next: 3, last: 5 }],
  ['/entries?_sort=-square&_page=2&_per_page=20', range(6, 25).reverse(), { prev: 1, next: 3, last: 3 }],
];

/** A query by a condition in JSON. */
function where(condition) {
  return `/posts?_where=${encodeURIComponent(JSON.stringify(condition))}`;
}

describe('json-server 1', { skip: NAME === 'json-server-0' && 'another generation' }, () => {
  describe('reads', () => {
    let server;
    before(async () => { server = await start(DATA); });
    after(() => server?.stop());

    for (const [target, expected] of LISTS) {
      test(`GET ${target}`, async () => {
        const answer = await server.call(target);
        assert.equal(answer.status, 200, answer.text);
        assert.deepEqual(ids(answer.body), expected);
      });
    }

    test('GET /posts?id:in=1,2,3', async () => {
      const { body } = await server.call('/posts?id:in=1,2,3');
      // The oracle takes 1 for a number, keeps ids as text, and finds none.
      assert.deepEqual(ids(body), NAME === 'everlit' ? [1, 2, 3] : []);
    });

    for (const [target, expected, around] of PAGES) {
      test(`GET ${target}`, async () => {
        const page = paged(await server.call(target));
        assert.deepEqual([ids(page.items), page.total], [expected, 45]);
        assert.deepEqual({ prev: page.prev, next: page.next, last: page.last }, around);
      });
    }

    test('an item, and one that is missing', async () => {
      const answer = await server.call('/posts/1');
      assert.deepEqual([answer.status, answer.body.title], [200, 'json-server']);
      assert.equal((await server.call('/posts/99')).status, 404);
      assert.equal((await server.call('/nothing')).status, 404);
    });

    test('_embed brings children and parents', async () => {
      const { body: posts } = await server.call('/posts?_embed=comments');
      assert.deepEqual(posts.map((post) => ids(post.comments)), [[1, 2, 4], [3], [], []]);
      const { body: comments } = await server.call('/comments?_embed=post');
      assert.deepEqual(comments.map(({ post }) => post.title), [0, 0, 1, 0].map((at) => DATA.posts[at].title));
      const { body: comment } = await server.call('/comments/3?_embed=post');
      assert.equal(comment.post.title, DATA.posts[1].title);
    });

    test('a singleton', async () => {
      assert.deepEqual((await server.call('/profile')).body, DATA.profile);
    });
  });

  describe('writes', () => {
    let server;
    beforeEach(async () => { server = await start(DATA); });
    afterEach(() => server?.stop());

    test('POST, PUT, PATCH and DELETE of an item', async () => {
      const made = await server.call('/posts', { method: 'POST', json: { title: 'new' } });
      assert.deepEqual([made.status, made.body.title], [201, 'new']);
      const target = `/posts/${made.body.id}`;
      assert.deepEqual((await server.call(target)).body, made.body);
      await server.settled();

      const replaced = await server.call(target, { method: 'PUT', json: { views: 1 } });
      assert.deepEqual([replaced.status, replaced.body], [200, { id: made.body.id, views: 1 }]);
      await server.settled();

      const patched = await server.call(target, { method: 'PATCH', json: { title: 'patched' } });
      assert.deepEqual([patched.status, patched.body], [200, { id: made.body.id, views: 1, title: 'patched' }]);
      await server.settled();
      assert.deepEqual((await server.stored('posts')).at(-1), patched.body);

      const removed = await server.call(target, { method: 'DELETE' });
      assert(removed.status === 200 || removed.status === 204, `${removed.status} ${removed.text}`);
      assert.equal((await server.call(target)).status, 404);
      assert.equal((await server.stored('posts')).length, DATA.posts.length);
    });

    test('DELETE takes along what depends on an item', async () => {
      const removed = await server.call('/posts/1?_dependent=comments', { method: 'DELETE' });
      assert(removed.status === 200 || removed.status === 204, `${removed.status} ${removed.text}`);
      assert.equal((await server.call('/posts/1')).status, 404);
      assert.deepEqual(ids((await server.call('/comments')).body), [3]);
      await server.settled();
      assert.deepEqual(ids(await server.stored('posts')), [2, 3, 4]);
      assert.deepEqual(ids(await server.stored('comments')), [3]);
    });

    test('DELETE leaves what depends on an item otherwise', async () => {
      await server.call('/posts/1', { method: 'DELETE' });
      await server.settled();
      assert.deepEqual(ids(await server.stored('comments')).length, DATA.comments.length);
    });

    test('PUT and PATCH of a singleton', async () => {
      const patched = await server.call('/profile', { method: 'PATCH', json: { theme: 'light' } });
      assert.deepEqual([patched.status, patched.body], [200, { name: 'typicode', theme: 'light' }]);
      await server.settled();
      const replaced = await server.call('/profile', { method: 'PUT', json: { name: 'ines' } });
      assert.deepEqual([replaced.status, replaced.body], [200, { name: 'ines' }]);
      assert.deepEqual(await server.stored('profile'), { name: 'ines' });
    });
  });
});

/** A page, whether it came in an envelope or with headers. */
function paged(answer) {
  assert.equal(answer.status, 200, answer.text);
  if (NAME !== 'everlit') {
    const { data, items, prev, next, last } = answer.body;
    return { items: data, total: items, prev: prev ?? undefined, next: next ?? undefined, last };
  }
  const found = links(answer);
  const page = (relation) => found[relation] && Number(new URL(found[relation]).searchParams.get('_page'));
  const total = Number(answer.headers.get('x-total-count'));
  return { items: answer.body, total, prev: page('prev'), next: page('next'), last: page('last') };
}
