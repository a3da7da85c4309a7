// What this page says on its console, and what goes wrong in it, told to the terminal.

// Messages that wait to be sent: those of a page that has no socket yet, or of a burst. Later ones are counted.
const WAITING = 100;
// The first message leaves soon, with what comes right behind it; after that one frame in a while, in which repeats are one.
const FIRST_WORD_MS = 50;
const WORDS_PAUSE_MS = 1_000;
// A frame of more than 64 KiB would end the socket.
const WORDS_BYTES = 48 * 1_024;

const CONSOLE_LEVELS = { debug: "debug", log: "log", info: "info", warn: "warn", error: "error", trace: "log", dir: "log", table: "log" };

const waiting = [];
let leftOut = 0;
let sending = 0;
let lastWords = -Infinity;
let deviceModel = "";
// What a page's own code logs while one of its values is looked at is not a message of the page.
let listening = true;

function watchConsole() {
  for (const [name, level] of Object.entries(CONSOLE_LEVELS)) {
    console[name] = between(console[name], console, (args) => hear("console", level, () => describeAll(args), callPlace));
  }
  console.assert = between(console.assert, console, ([holds, ...args]) => {
    if (!holds) hear("console", "error", () => `Assertion failed: ${describeAll(args)}`, callPlace);
  });
  watchErrors();
  watchRequests();
  navigator.userAgentData?.getHighEntropyValues(["model"]).then(({ model }) => (deviceModel = model), () => {});
}

function hear(kind, level, words, place) {
  if (!listening) return;
  // A page that logs without end must not look at each value for nothing.
  if (waiting.length === WAITING) return void (leftOut += 1);
  listening = false;
  try {
    add({ kind, level, text: words(), ...place() });
  } catch {
    // A page that breaks the language's own functions is not broken further by us.
  } finally {
    listening = true;
  }
}

function add(message) {
  const name = JSON.stringify(message);
  const last = waiting.at(-1);
  if (last?.name === name) last.message.times += 1;
  else waiting.push({ name, message: { ...message, times: 1 } });
  sending ||= setTimeout(sendWords, Math.max(FIRST_WORD_MS, lastWords + WORDS_PAUSE_MS - performance.now()));
}

function sendWords() {
  clearTimeout(sending);
  sending = 0;
  if (!greeted || !(waiting.length || leftOut)) return;
  lastWords = performance.now();
  const entries = takeWords();
  const page = location.pathname + location.search;
  send({ type: "console", page, device: deviceModel, entries, left_out: waiting.length ? 0 : leftOut });
  if (waiting.length) sending = setTimeout(sendWords, WORDS_PAUSE_MS);
  else leftOut = 0;
}

// As many as fit into a frame, and always one.
function takeWords() {
  const entries = [];
  for (let bytes = 0; waiting.length; entries.push(waiting.shift().message)) {
    bytes += new TextEncoder().encode(waiting[0].name).length + 20;
    if (entries.length && bytes > WORDS_BYTES) break;
  }
  return entries;
}

// ---- places ------------------------------------------------------------------------------------------------------------

// `    at name (address:1:2)` of Chromium, `name@address:1:2` of Firefox and Safari.
const FRAME = /^\s*(?:at (?:(.*?) \()?|(.*?)@)([a-z][a-z0-9+.-]*:\/\/\S*?):(\d+):(\d+)\)?$/i;

function framesOf(stack) {
  const frames = String(stack).split("\n").map((line) => FRAME.exec(line)).filter(Boolean);
  return frames
    .filter(([, , , address]) => address !== scriptAddress)
    .map(([, called, named, address, line, column]) => ({ name: called || named || "", place: placeAt(address, line, column) }));
}

function placeAt(address, line, column) {
  const url = resolved(address, location.href);
  if (url?.origin !== location.origin) return { source: address, line: Number(line), column: Number(column) };
  url.searchParams.delete(CACHE_KEY);
  return { source: url.pathname + url.search, line: Number(line), column: Number(column) };
}

const callPlace = () => framesOf(new Error().stack)[0]?.place ?? {};
