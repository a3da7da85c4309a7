// What both generations of json-server's documented queries are asked of.

export const DATA = {
  posts: [
    { id: 1, title: 'json-server', author: { name: 'typicode', town: 'Nice' }, views: 100 },
    { id: 2, title: 'The Internet of lamps', author: { name: 'ines', town: 'Porto' }, views: 9 },
    { id: 3, title: 'Server rooms', author: { name: 'typicode', town: 'Arles' }, views: 20 },
    { id: 4, title: 'another title', author: { name: 'ines', town: 'Porto' }, views: 20 },
  ],
  comments: [
    { id: 1, body: 'some comment', postId: 1, votes: 3 },
    { id: 2, body: 'found on the internet', postId: 1, votes: 70 },
    { id: 3, body: 'about lamps', postId: 2, votes: 1 },
    { id: 4, body: 'some other comment', postId: 1, votes: 12 },
  ],
  profile: { name: 'typicode', theme: 'dark' },
  // Enough for several pages, in an order that is not the one of the ids as text.
  entries: Array.from({ length: 45 }, (_, at) => ({ id: at + 1, square: (at + 1) ** 2 })),
};

/** The whole numbers from one to another, both included. */
export const range = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** The ids of a list, as numbers: the second generation keeps them as text. */
export const ids = (items) => items.map((item) => Number(item.id));
