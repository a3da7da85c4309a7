
// Loading the page anew.

// More than these by themselves within the window, whatever for: something in the page causes them.
const ALL_RELOADS = 15;

let leaving = false;
// What a hidden page will be loaded anew for when it is shown.
let postponed = null;

function reloadTo(target, why = "") {
  reload(`generation ${target}`, why || `generation ${target} is ready`);
}

function reload(target, why) {
  if (leaving) return;
  if (document.visibilityState === "hidden") {
    postponed = { target, why };
    return;
  }
  if (mayLose()) return hold(target, why);
  const tries = countReload(`${target} ${token} ${location.href}`);
  if (tries.same > RELOADS) {
    return note(`${why}, but an older page keeps coming back; a cache or a service worker may answer`);
  }
  if (tries.all > ALL_RELOADS) {
    const often = `${ALL_RELOADS} times in ${RELOAD_WINDOW_MS / 1_000} s`;
    return note(`this page was loaded anew ${often}; it may cause that itself. Reload it to see the newest`);
  }
  leave(why);
}

function leave(why) {
  leaving = true;
  setTimeout(() => {
    leaving = false;
    note(`${why}; reload the page to see it`);
  }, LEAVE_LIMIT_MS);
  carryUnpainted();
  saveState();
  location.reload();
}

function showPostponed() {
  if (document.visibilityState !== "visible" || !postponed) return;
  const { target, why } = postponed;
  postponed = null;
  reload(target, why);
}

function countReload(target) {
  const now = Date.now();
  const recent = (stored("reloads") ?? []).filter(([when]) => now - when < RELOAD_WINDOW_MS);
  recent.push([now, target]);
  if (store("reloads", recent.slice(-2 * ALL_RELOADS))) {
    return { same: recent.filter(([, to]) => to === target).length, all: recent.length };
  }
  // Without storage (a sandboxed frame) a page that was itself just reloaded is all there is to tell a loop by.
  const again = performance.now() < RELOAD_WINDOW_MS && performance.getEntriesByType("navigation")[0]?.type === "reload";
  return { same: again ? Infinity : 0, all: 0 };
}

function stored(name) {
  try {
    return JSON.parse(sessionStorage.getItem(`everlit:${name}`));
  } catch {
    return null;
  }
}

function store(name, value) {
  try {
    sessionStorage.setItem(`everlit:${name}`, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}
