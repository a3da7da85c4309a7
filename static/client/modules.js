
// Modules that accept their own updates. They and this runtime meet in a registry, whichever runs first; `hot.js` does the
// updating.

const registry = (globalThis[Symbol.for("everlit.hot")] ??= { records: new Map(), client: null, update: null });
registry.client = {
  reload: (why) => reloadTo(expected(), why),
  fail(path, words) {
    status.broken.set(path, words);
    render();
  },
};

async function reachModules(paths, stamp) {
  const hot = paths.filter((path) => isHot(ownPath(path)));
  const cold = paths.find((path) => !hot.includes(path) && hasLoaded(path));
  if (cold) throw new Unreached(`${cold} changed`);
  for (const path of paths) if (!hot.includes(path) && toldUnloaded.size < LOADED_PATHS) toldUnloaded.set(ownPath(path), performance.now());
  for (const path of hot) status.broken.delete(ownPath(path));
  if (hot.length && !(await registry.update(hot.map(ownPath), stamp))) throw new Unreached(`${hot[0]} does not accept its update`);
}

const concerns = (path) => isHot(ownPath(path)) || hasLoaded(path);

function isHot(path) {
  const records = [...registry.records.values()];
  return records.some((record) => record.path === path || record.accepts.some(({ paths }) => paths.includes(path)));
}
