
// What is to be done to the page, in one queue: a step takes all that came, so that only the newest is done.

const nothing = () => ({
  styles: new Set(),
  assets: new Set(),
  modules: new Set(),
  hashes: {},
  html: null,
  guessed: false,
  generation: NaN,
});

let queue = nothing();
let working = false;
// The id of the HTML this page was made from, as the server knows it, and its text once it is known.
let pageId = document.currentScript?.dataset.page ?? null;
let shownHtml = null;
const pageAddress = () => location.pathname + location.search;
const servedAt = pageAddress();
// What the files of the project were when this page heard of them last.
const told = new Map();

// The newest generation anything came for.
let aim = NaN;

// The generation this page has once all that came is done.
const expected = () => ((working || hasWork()) && aim > generation ? aim : generation);

function take(change) {
  if (change.generation <= generation) return;
  // A page that waits for a person gets its code and its HTML with the rest.
  if (held) change = { ...change, modules: [], html: null, generation: NaN };
  for (const kind of ["styles", "assets", "modules"]) for (const path of news(change[kind], change.hashes)) queue[kind].add(path);
  Object.assign(queue.hashes, change.hashes);
  queue.guessed ||= change.guessed === true;
  if (change.html) queue.html = newer(queue.html, change.html);
  if (change.generation) aim = queue.generation = change.generation;
  workOff();
}

// The base is what the page is now, the target the newest there is; a change of other files names neither.
function newer(first, next) {
  if (next.target === null) return first ?? { ...next, page: next.page ?? pageId };
  return first?.target != null ? { ...next, base: first.base } : next;
}

// The paths whose content this page has not heard of.
function news(paths = [], hashes = {}) {
  return paths.filter((path) => !(path in hashes) || told.get(path) !== hashes[path]);
}

async function workOff() {
  if (working) return;
  working = true;
  while (hasWork() && !leaving && !mustWait()) await step();
  working = false;
}

function hasWork() {
  const files = queue.styles.size + queue.assets.size + queue.modules.size;
  return files > 0 || queue.html !== null || !Number.isNaN(queue.generation);
}

// Nobody sees a hidden page: what may cost its state waits, and the newest is done when it is shown.
const mustWait = () => document.visibilityState === "hidden" && (queue.html?.target != null || [...queue.modules].some(concerns));

async function step() {
  const work = queue;
  queue = nothing();
  try {
    await reach(work);
  } catch (error) {
    return reloadTo(Number.isNaN(work.generation) ? aim : work.generation, error.message);
  }
  remember(work.hashes);
  if (!Number.isNaN(work.generation)) generation = work.generation;
  if (work.html) {
    pageId = work.html.page;
    shownHtml = work.html.target ?? shownHtml;
    sendPage();
  }
  paintedSoon();
  render();
}

async function reach({ styles, assets, modules, html, guessed, generation: stamp }) {
  const version = Number.isNaN(stamp) ? aim : stamp;
  await reachStyles([...styles], version, guessed);
  await reachAssets([...assets], version, guessed);
  await reachModules([...modules], version);
  if (html?.target == null) return;
  if (pageAddress() !== servedAt) throw new Unreached("a script went to another address");
  if (html.base === null && shownHtml === null) throw new Unreached("nobody knows what this page was served");
  await parsed;
  await morph(shownHtml ?? html.base, html.target);
  renewKnown();
}

function remember(hashes) {
  for (const [path, hash] of Object.entries(hashes)) told.set(path, hash);
}

// ---- where things stand ------------------------------------------------------------------------------------------------

// Compares what the server serves with what this page is.
function compare({ generation: current, program, pages, resources }) {
  const mine = expected();
  if (Number.isNaN(mine)) generation = current;
  const files = Object.entries(resources ?? {});
  const hashes = Object.fromEntries(files.map(([path, [, hash]]) => [path, hash]));
  if (!(current > mine)) return remember(hashes);
  const says = [program, pages, resources].some((member) => member !== undefined);
  if (!says || program > mine || resources === null) return reloadTo(current);
  for (const [path, [since, hash]] of files) if (!(since > mine)) told.set(path, hash);
  aim = current;
  // Of newer pages the server tells, having heard which one this is.
  take({ ...sorted(Object.keys(hashes)), hashes, generation: pages > mine ? NaN : current });
}

function sorted(paths) {
  const styles = paths.filter((path) => /\.css$/i.test(path));
  const assets = paths.filter((path) => isPicture(path) || isFont(path));
  return { styles, assets, modules: paths.filter((path) => !styles.includes(path) && !assets.includes(path)) };
}

// ---- on the screen -----------------------------------------------------------------------------------------------------

// What was painted while nobody listened.
let unsaid = false;

const afterFrames = (then) => requestAnimationFrame(() => requestAnimationFrame(then));

function paintedSoon() {
  if (document.visibilityState === "hidden") nowPainted();
  else afterFrames(nowPainted);
}

function nowPainted() {
  sayPainted();
  measurePainted();
}

function sayPainted() {
  unsaid = !greeted;
  if (greeted && known() !== null) send({ type: "painted", generation });
}

const isParsed = () => document.readyState !== "loading";

const whenParsed = (then) => (isParsed() ? then() : document.addEventListener("DOMContentLoaded", then, { once: true }));

const parsed = new Promise((done) => whenParsed(done));
