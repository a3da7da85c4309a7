// react-admin's own data provider for json-server, on a copy of the shop: what it returns, and what is in the files afterwards.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import jsonServerProvider from 'ra-data-json-server';

import { NAME, startProject } from './server.mjs';

// As far away from tests/clients as from target/clients, where the tests run.
const SHOP = fileURLToPath(new URL('../../examples/shop', import.meta.url));

const names = (products) => products.map(({ name }) => name);

describe('ra-data-json-server', { skip: NAME !== 'everlit' && 'the shop is a project of Everlit' }, () => {
  let server;
  let provider;
  beforeEach(async () => {
    server = await startProject(SHOP);
    provider = jsonServerProvider(server.base);
  });
  afterEach(() => server?.stop());

  const list = (resource, filter, sort = { field: 'id', order: 'ASC' }, pagination = { page: 1, perPage: 10 }) =>
    provider.getList(resource, { filter, sort, pagination });

  test('getList sorts, and counts what lies beyond the page', async () => {
    const cheapest = await list('products', {}, { field: 'price', order: 'ASC' }, { page: 1, perPage: 2 });
    assert.deepEqual([names(cheapest.data), cheapest.total], [['Pilot', 'Ferry'], 6]);
    const next = await list('products', {}, { field: 'price', order: 'ASC' }, { page: 2, perPage: 2 });
    assert.deepEqual([names(next.data), next.total], [['Ember', 'Moth'], 6]);
    const dearest = await list('products', {}, { field: 'price', order: 'DESC' }, { page: 1, perPage: 2 });
    assert.deepEqual([names(dearest.data), dearest.total], [['Heron', 'Reed'], 6]);
    const beyond = await list('products', {}, { field: 'price', order: 'ASC' }, { page: 9, perPage: 2 });
    assert.deepEqual([beyond.data, beyond.total], [[], 6]);
  });

  test('getList filters', async () => {
    const filters = [
      [{ category: 'table' }, ['Moth', 'Ember']],
      [{ category: 'table', stock: 3 }, ['Ember']],
      [{ price_gte: 150, price_lte: 300 }, ['Moth', 'Reed']],
      [{ q: 'walnut' }, []],
      [{ q: 'ORREFORS' }, ['Ember']],
      [{ name_like: 'e' }, ['Ember', 'Heron', 'Reed', 'Ferry']],
    ];
    for (const [filter, expected] of filters) {
      const found = await list('products', filter);
      assert.deepEqual([names(found.data), found.total], [expected, expected.length], JSON.stringify(filter));
    }
  });

  test('getOne finds an item by a number and by a text', async () => {
    assert.equal((await provider.getOne('products', { id: 3 })).data.name, 'Heron');
    assert.equal((await provider.getOne('categories', { id: 'carry' })).data.name, 'Carry');
    await assert.rejects(provider.getOne('products', { id: 99 }), (error) => error.status === 404);
  });

  test('getMany finds several, in any number', async () => {
    assert.deepEqual(names((await provider.getMany('products', { ids: [1, 5] })).data), ['Moth', 'Ferry']);
    assert.deepEqual(names((await provider.getMany('products', { ids: [2] })).data), ['Ember']);
    assert.deepEqual(names((await provider.getMany('categories', { ids: ['table', 'floor'] })).data), ['Table', 'Floor']);
  });

  test('getManyReference finds the reviews of a product', async () => {
    const page = { pagination: { page: 1, perPage: 1 }, sort: { field: 'stars', order: 'DESC' }, filter: {} };
    const found = await provider.getManyReference('reviews', { target: 'product', id: 1, ...page });
    assert.deepEqual([found.data.map(({ author }) => author), found.total], [['Ines M.'], 2]);
    const filtered = { ...page, filter: { stars_lte: 4 } };
    const fewer = await provider.getManyReference('reviews', { target: 'product', id: 1, ...filtered });
    assert.deepEqual([fewer.data.map(({ author }) => author), fewer.total], [['Tobias'], 1]);
  });

  test('create assigns an id and stores', async () => {
    const review = { product: 4, author: 'Ana', stars: 5, text: 'Leans beautifully' };
    const { data } = await provider.create('reviews', { data: review });
    assert.deepEqual(data, { ...review, id: 9 });
    assert.deepEqual((await server.stored('reviews')).at(-1), data);
    assert.equal((await provider.getOne('reviews', { id: 9 })).data.author, 'Ana');
  });

  test('update replaces and stores', async () => {
    const { data: previousData } = await provider.getOne('products', { id: 4 });
    const { data } = await provider.update('products', { id: 4, data: { ...previousData, stock: 8 }, previousData });
    assert.deepEqual(data, { ...previousData, stock: 8 });
    assert.deepEqual((await server.stored('products'))[3], data);
  });

  test('updateMany replaces each, at the same time', async () => {
    const data = { product: 6, author: 'everybody', stars: 4, text: 'As one' };
    const ids = [1, 2, 3, 4, 5];
    assert.deepEqual((await provider.updateMany('reviews', { ids, data })).data, ids);
    const stored = await server.stored('reviews');
    assert.deepEqual(stored.slice(0, 5), ids.map((id) => ({ id, ...data })));
    assert.equal(stored.length, 8);
  });

  test('delete removes', async () => {
    const { data: previousData } = await provider.getOne('reviews', { id: 8 });
    await provider.delete('reviews', { id: 8, previousData });
    assert.deepEqual((await server.stored('reviews')).map(({ id }) => id), [1, 2, 3, 4, 5, 6, 7]);
    await assert.rejects(provider.getOne('reviews', { id: 8 }), (error) => error.status === 404);
  });

  test('deleteMany removes each, at the same time', async () => {
    const { data } = await provider.deleteMany('reviews', { ids: [1, 3, 5] });
    assert.equal(data.length, 3);
    assert.deepEqual((await server.stored('reviews')).map(({ id }) => id), [2, 4, 6, 7, 8]);
  });

  test('what is refused is told as react-admin expects it', async () => {
    await assert.rejects(provider.update('products', { id: 99, data: { name: 'x' } }), (error) => error.status === 404);
    await assert.rejects(provider.create('reviews', { data: { id: 1, text: 'taken' } }), (error) => error.status === 409);
    assert.equal((await server.stored('reviews')).length, 8);
  });
});
