
// Finding what a page loaded.

const SHEET_OWNERS = 'link[rel~="stylesheet" i][href], style';
// A page that loads more than this by scripts reloads for what it cannot tell.
const LOADED_PATHS = 50_000;

function* roots(root = document) {
  yield root;
  for (const element of root.querySelectorAll("*")) if (element.shadowRoot) yield* roots(element.shadowRoot);
}

const all = (selector) => [...roots()].flatMap((root) => [...root.querySelectorAll(selector)]);

const adoptedSheets = () => [...new Set([...roots()].flatMap((root) => [...(root.adoptedStyleSheets ?? [])]))];

const sheets = () => [...[...roots()].flatMap((root) => [...root.styleSheets]), ...adoptedSheets()];

function resolved(address, base) {
  try {
    return new URL(address, base);
  } catch {
    return null;
  }
}

function ownPath(address) {
  const url = resolved(address, location.origin);
  return url?.origin === location.origin ? url.pathname : null;
}

// Answers, for an address, its URL when it is one of `paths` of this origin.
function finder(paths) {
  const wanted = new Set(paths.map(ownPath));
  return (address, base = document.baseURI) => {
    const url = resolved(address, base);
    return url && url.origin === location.origin && wanted.has(url.pathname) ? url : null;
  };
}

function fresh(url, stamp) {
  url.searchParams.set(CACHE_KEY, stamp);
  return url.href;
}

// What an attribute was before it got a fresh address, and since: element → name → { served, now }.
const stamped = new WeakMap();

function stampAttribute(element, name, now) {
  const stamps = stamped.get(element) ?? new Map();
  stamps.set(name, { served: servedValue(element, name), now });
  stamped.set(element, stamps);
  element.setAttribute(name, now);
}

// The rules of a sheet; none of those of another origin, which may not be read.
function rulesOf(sheet) {
  try {
    return [...(sheet?.cssRules ?? [])];
  } catch {
    return [];
  }
}

function importsOf(sheet) {
  const imports = rulesOf(sheet).filter((rule) => rule instanceof CSSImportRule);
  return imports.flatMap((rule) => [
    resolved(rule.href, sheet.href ?? document.baseURI)?.href ?? "",
    ...importsOf(rule.styleSheet),
  ]);
}

const addressesOf = (owner) => [...(owner.href ? [owner.href] : []), ...importsOf(owner.sheet)];

// ---- by any means ------------------------------------------------------------------------------------------------------

// The paths this page loaded. The browser's own list ends after 250; an observer hears of all.
const loadedPaths = new Set();
let loads = null;
let heardLoads = () => {};
// Paths that this page had not loaded when it was told of their change → when it was told. What was on its way then may be older.
const toldUnloaded = new Map();
// What was on its way at that moment is there after this time, or never.
const UNDER_WAY_MS = 60_000;

function watchLoads() {
  loads = new PerformanceObserver((list) => noteLoads(list.getEntries()));
  loads.observe({ type: "resource", buffered: true });
}

function noteLoads(entries) {
  const now = performance.now();
  for (const [told, when] of toldUnloaded) if (now - when > UNDER_WAY_MS) toldUnloaded.delete(told);
  for (const entry of entries) {
    const { name, initiatorType, startTime } = entry;
    hearLoad(entry);
    // A frame is a page with a client of its own.
    if (/^i?frame$/.test(initiatorType) || loadedPaths.size >= LOADED_PATHS) continue;
    const path = ownPath(name);
    if (!path) continue;
    loadedPaths.add(path);
    for (const [told, when] of toldUnloaded) if (startTime < when && isAtOrBeneath(path, told)) reloadTo(expected(), `${told} changed`);
  }
  heardLoads(entries);
}

// Whether this page loaded a path, or one beneath it: answers of an API are told of by where they begin.
function hasLoaded(path) {
  noteLoads(loads.takeRecords());
  const own = ownPath(path);
  if (loadedPaths.size >= LOADED_PATHS || loadedPaths.has(own)) return true;
  return [...loadedPaths].some((loaded) => isAtOrBeneath(loaded, own)) || all("script[src]").some(({ src }) => ownPath(src) === own);
}

const isAtOrBeneath = (loaded, path) => loaded === path || loaded.startsWith(`${path}/`);
