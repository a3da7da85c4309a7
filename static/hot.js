// `import.meta.hot` for plain ES modules, as Vite users write it. The server imports `createHot` at the top of each script
// that mentions it.
//
// A module is its path: copies that were imported with a fresh address are the same one. There is no module graph; a module
// that is replaced reaches those who accept it, and who else imported it keeps the old one. So a module that is about to run
// anew and mentions one that was replaced before is not run: it would get the old one, and the page is loaded anew instead.
//
// Absent on purpose: `eval`, globals (the registry stands under a symbol, where the client runtime finds it), rewritten code.

const CACHE_KEY = "everlit";
const ANSWER_LIMIT_MS = 10_000;

const registry = (globalThis[Symbol.for("everlit.hot")] ??= { records: new Map(), client: null, update: null });

// The paths that run in another copy than the one their importers got.
const replaced = new Set();

// One per address without its stamp: what the module said, and what it keeps from one copy to the next.
function recordOf(url) {
  const address = new URL(url);
  address.searchParams.delete(CACHE_KEY);
  address.hash = "";
  const known = registry.records.get(address.href);
  if (known) return known;
  const record = { url: address.href, path: address.pathname, data: {}, own: null, ...silent() };
  registry.records.set(address.href, record);
  return record;
}

// What a copy of a module has said before it says anything.
const silent = () => ({ accepts: [], disposers: [], pruners: [], listeners: [], declined: false });

/** Answers the `import.meta.hot` of the module at `url`, and forgets what an earlier copy of it said. */
export function createHot(url) {
  const record = recordOf(url);
  Object.assign(record, silent());
  const pathOf = (dependency) => new URL(dependency, url).pathname;
  const hot = {
    get data() {
      return record.data;
    },
    accept(first, callback) {
      if (typeof first === "function" || first === undefined) {
        record.accepts.push({ paths: [record.path], call: ([module]) => first?.(module) });
      } else if (typeof first === "string") {
        record.accepts.push({ paths: [pathOf(first)], call: ([module]) => callback?.(module) });
      } else {
        record.accepts.push({ paths: first.map(pathOf), call: (modules) => callback?.(modules) });
      }
    },
    acceptExports(_names, callback) {
      hot.accept(callback);
    },
    dispose(callback) {
      record.disposers.push(callback);
    },
    prune(callback) {
      record.pruners.push(callback);
    },
    decline() {
      record.declined = true;
    },
    invalidate(message) {
      const why = message ?? `${record.path} cannot take its update`;
      tell("vite:invalidate", { path: record.path, message: why });
      invalidated.set(record, why);
      if (!updating && !passOn()) registry.client?.reload(why);
    },
    on(event, callback) {
      record.listeners.push({ event, callback });
    },
    off(event, callback) {
      record.listeners = record.listeners.filter((one) => one.event !== event || one.callback !== callback);
    },
    // In Vite this reaches plugins of the server. Here it reaches who listens in this page.
    send(event, data) {
      tell(event, data);
    },
  };
  return hot;
}

function tell(event, data) {
  const heard = [...registry.records.values()].flatMap(({ listeners }) => listeners);
  for (const listener of heard) if (listener.event === event) listener.callback(data);
}

// ---- updating ----------------------------------------------------------------------------------------------------------

let updating = false;
let stampNow = 0;
// Modules that cannot take their update → why.
const invalidated = new Map();

const recordsAt = (path) => [...registry.records.values()].filter((record) => record.path === path);

// Who accepts an update of a path: with itself, or from outside.
function acceptorsOf(path, outside = false) {
  return [...registry.records.values()].flatMap((record) =>
    record.accepts
      .filter(({ paths }) => paths.includes(path) && !(outside && record.path === path))
      .map((acceptance) => ({ record, acceptance })));
}

// Updates these paths; answers false when the page has to be loaded anew for them.
registry.update = async (paths, stamp) => {
  const declined = paths.some((path) => recordsAt(path).some((record) => record.declined));
  if (declined || paths.some((path) => !acceptorsOf(path).length && !isPruned(path))) return false;
  stampNow = stamp;
  updating = true;
  tell("vite:beforeUpdate", { type: "update", updates: paths.map((path) => describe(path, stamp)) });
  try {
    for (const path of paths) if (!(await updatePath(path))) return false;
  } finally {
    updating = false;
  }
  tell("vite:afterUpdate", { type: "update", updates: paths.map((path) => describe(path, stamp)) });
  return passOn();
};

const describe = (path, stamp) => ({ type: "js-update", path, acceptedPath: path, timestamp: stamp });

const isPruned = (path) => recordsAt(path).some(({ pruners }) => pruners.length > 0);

async function updatePath(path) {
  const acceptors = acceptorsOf(path);
  const copies = recordsAt(path);
  const urls = copies.length ? copies.map(({ url }) => url) : [new URL(path, location.origin).href];
  for (const url of urls) {
    const fresh = new URL(url);
    fresh.searchParams.set(CACHE_KEY, stampNow);
    const text = await read(fresh.href);
    if (text === null) return prune(path);
    // The old copy keeps running when the new one does not even arrive.
    if (text.error) fail(path, text.error);
    else if (importsOld(text.code, path)) return false;
    else await exchange(path, copies.find((record) => record.url === url), fresh.href, acceptors);
  }
  return true;
}

// The text of a module; nothing when it is gone.
async function read(address) {
  try {
    const answer = await fetch(address, { cache: "no-cache", signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    if (answer.status === 404 || answer.status === 410) return null;
    return answer.ok ? { code: await answer.text() } : { error: new Error(`the server answered ${answer.status}`) };
  } catch (error) {
    return { error };
  }
}

// Whether a module mentions one whose importers still have the old copy.
function importsOld(code, own) {
  return [...replaced].some((path) => path !== own && code.includes(path.slice(path.lastIndexOf("/") + 1)));
}

async function exchange(path, record, address, acceptors) {
  const before = record && Object.fromEntries(Object.keys(silent()).map((name) => [name, record[name]]));
  let arrived = false;
  try {
    for (const dispose of before?.disposers.splice(0) ?? []) await dispose(record.data);
    const module = await import(address);
    arrived = true;
    replaced.add(path);
    for (const { acceptance } of acceptors) {
      await acceptance.call(given(acceptance, path, module));
    }
  } catch (error) {
    // A copy that threw has said nothing that counts.
    if (record && !arrived) Object.assign(record, before);
    fail(path, error);
  }
}

// The modules a callback gets: the one that is new, in its place.
const given = ({ paths }, path, module) => paths.map((one) => (one === path ? module : undefined));

function prune(path) {
  if (!isPruned(path)) return false;
  for (const record of recordsAt(path)) {
    for (const callback of record.pruners) callback(record.data);
    registry.records.delete(record.url);
  }
  tell("vite:beforePrune", { type: "prune", paths: [path] });
  return true;
}

function fail(path, error) {
  console.error(`[everlit] ${path} was not updated`, error);
  tell("vite:error", { type: "error", err: { message: String(error?.message ?? error), stack: String(error?.stack ?? ""), id: path } });
  registry.client?.fail(path, `${path} was not updated: ${error?.message ?? error}`);
}

// Lets those who accept an invalidated module from outside take it; answers false when nobody does.
function passOn() {
  const refused = [...invalidated];
  invalidated.clear();
  for (const [record] of refused) {
    const outside = acceptorsOf(record.path, true);
    if (!outside.length) {
      tell("vite:beforeFullReload", { type: "full-reload", path: record.path });
      return false;
    }
    import(stampedUrl(record)).then(
      (module) => outside.forEach(({ acceptance }) => acceptance.call(given(acceptance, record.path, module))),
      (error) => fail(record.path, error),
    );
  }
  return true;
}

function stampedUrl(record) {
  const url = new URL(record.url);
  if (stampNow) url.searchParams.set(CACHE_KEY, stampNow);
  return url.href;
}
