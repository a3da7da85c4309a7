// What a change took, from the save to the screen: entries on a track of their own in the Performance panel of DevTools
// (`performance.measure` with `detail.devtools`). The server tells how long ago what happened; the page places it on its clock.

// Changes whose entries stay: a day's saves do not fill the page's timeline.
const TIMED_CHANGES = 32;
// A change that was on its way for longer waited for a person.
const TIMED_LIMIT_MS = 60_000;
const TIMED_FILES = 5;
const TIMED_NAME = "timing";

const wallClock = () => performance.timeOrigin + performance.now();

// Told and not on the screen yet. Their times count from 1970: a page that is loaded anew has another clock.
let unpainted = takeUnpainted();
const timedNames = [];

function noteTiming({ type, generation: to, cause, timing }) {
  if (!timing || to <= generation) return;
  const told = wallClock();
  const { saved_ms_ago, build_ms = null, swap_ms = null } = timing;
  unpainted.push({ kind: type, generation: to, files: cause, told, saved: told - saved_ms_ago, build_ms, swap_ms });
  unpainted = unpainted.slice(-TIMED_CHANGES);
}

// All that this page now is can be seen, unless nobody looks.
function measurePainted() {
  const painted = wallClock();
  const shown = unpainted.filter((change) => change.generation <= generation);
  unpainted = unpainted.filter((change) => !shown.includes(change));
  if (document.visibilityState === "hidden") return;
  for (const change of shown) {
    const whole = describeTiming(change, painted);
    const ours = [measureSpan(change, "change", change.saved, painted, "primary", whole)];
    // The page before this one measured what came before it.
    if (!change.carried) ours.push(...measureBehind(change));
    const last = change.carried ? "reload" : "paint";
    ours.push(measureSpan(change, last, change.told, painted, "primary-light", [["Kind", change.kind]]));
    timedNames.push(ours);
  }
  for (const names of timedNames.splice(0, timedNames.length - TIMED_CHANGES)) {
    for (const name of names) performance.clearMeasures(name);
  }
}

// What the server did before it told of a change.
function measureBehind(change) {
  const { told, saved, build_ms, swap_ms } = change;
  const built = told - (swap_ms ?? 0);
  const began = built - (build_ms ?? 0);
  const spans = [["settle", saved, Math.max(saved, began), "tertiary-light"]];
  if (build_ms !== null) spans.push(["build", began, built, "secondary"]);
  if (swap_ms !== null) spans.push(["swap", built, told, "secondary-light"]);
  return spans.map(([part, from, to, color]) => measureSpan(change, part, from, to, color, []));
}

function measureSpan(change, part, from, to, color, more) {
  const name = `everlit ${part} ${change.generation}`;
  const properties = [["Generation", String(change.generation)], ["Files", filesInWords(change.files)], ...more];
  const devtools = { dataType: "track-entry", track: "Everlit", trackGroup: project, color, properties };
  // The beginning may lie before this page: a span of a certain length may begin there, a moment may not be given there.
  const end = Math.max(0, to - performance.timeOrigin);
  try {
    performance.measure(name, { end, duration: Math.max(0, to - from), detail: { devtools } });
  } catch {
    // A figure is lost, and nothing else.
  }
  return name;
}

function describeTiming({ told, saved, build_ms, swap_ms }, painted) {
  const spans = [["Build", build_ms], ["Swap", swap_ms], ["Save to message", told - saved], ["Message to paint", painted - told]];
  return spans.filter(([, ms]) => ms !== null).map(([name, ms]) => [name, `${ms.toFixed(1)} ms`]);
}

function filesInWords(files = []) {
  const more = files.length - TIMED_FILES;
  return files.slice(0, TIMED_FILES).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

// The page is about to be loaded anew.
function carryUnpainted() {
  if (!unpainted.length) return;
  for (const change of unpainted) measureBehind(change);
  store(TIMED_NAME, unpainted.map((change) => ({ ...change, carried: true })));
}

function takeUnpainted() {
  const carried = stored(TIMED_NAME);
  if (!Array.isArray(carried)) return [];
  sessionStorage.removeItem(`everlit:${TIMED_NAME}`);
  return carried.filter(({ told }) => wallClock() - told < TIMED_LIMIT_MS);
}
