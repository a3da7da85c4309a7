// What a person does in this page, repeated in the other pages of the project, and what they did there, repeated here.
//
// Nothing of this runs, and nothing is listened to, unless the project asks for it. Only what a person does counts: an act that is repeated
// is none, so that nothing echoes. Secrets stay in their page, and so does a form that holds one.

// Positions and texts leave at most this often; the newest is always among them. The server takes no more than 100 acts a second.
const ACT_PAUSE_MS = 25;
// A page scrolls on by itself for a while after a wheel or a finger; a script that scrolls later does so on its own account.
const SCROLLS_ON_MS = 1_000;
// What a browser does because of a click or a key, and what a script does, it does within this time.
const GOES_ON_MS = 1_000;
// A click that is repeated leads where it leads; only a page that it did not lead there is sent.
const FOLLOW_MS = 500;
// A frame of more than 64 KiB would end the socket.
const ACT_BYTES = 48 * 1_024;
const SECRET = /^(cc-.*|one-time-code|current-password|new-password)$/i;
const NEVER_MIRRORED = /^(password|file|hidden|button|submit|reset|image)$/;
const SENDS_FORM = 'button:not([type]), button[type="submit" i], input[type="submit" i], input[type="image" i]';

const pendingActs = new Map();
// Fields that were ever hidden behind dots: a page may show what was typed into them.
const secrets = new WeakSet();
// Where an element was scrolled to by another page, in pixels.
const scrolledTo = new WeakMap();
let repeating = false;
let actFrame = 0;
let lastFlush = -Infinity;
let lastPush = -Infinity;
let lastClick = -Infinity;
let lastFollowed = -Infinity;
let clickedSender = null;
let lastAddress = location.href;

function watchActs() {
  const listen = (type, hear) => {
    const heard = (event) => event.isTrusted && !repeating && !isOurs(event) && hear(event);
    addEventListener(type, heard, { capture: true, passive: true });
  };
  for (const type of ["wheel", "touchmove", "keydown", "pointerdown"]) listen(type, () => (lastPush = performance.now()));
  listen("scroll", noteScroll);
  listen("click", noteClick);
  addEventListener("click", () => tellLink());
  listen("focusin", ({ target }) => noteSecret(target));
  listen("input", (event) => noteInput(event, false));
  listen("change", (event) => noteInput(event, true));
  listen("submit", noteSend);
  window.navigation?.addEventListener("navigate", noteTraverse);
  window.navigation?.addEventListener("currententrychange", noteAddress);
}

const isRecent = (time) => performance.now() - time < GOES_ON_MS;

const isOurs = (event) => event.composedPath().some(({ localName }) => localName?.startsWith("everlit-"));

function act(details) {
  // The server lets pages of the same path alone do the same.
  if (location.href !== lastAddress) sayAddress();
  const message = { type: "mirror", act: details };
  if (new TextEncoder().encode(JSON.stringify(message)).length <= ACT_BYTES) send(message);
}

function sayAddress() {
  lastAddress = location.href;
  sendPath();
}

// The newest of its kind, with the next frame.
function actSoon(key, details) {
  pendingActs.delete(key);
  pendingActs.set(key, details);
  if (!actFrame) actFrame = requestAnimationFrame(flushActs);
}

function flushActs() {
  actFrame = 0;
  if (performance.now() - lastFlush < ACT_PAUSE_MS) {
    actFrame = requestAnimationFrame(flushActs);
    return;
  }
  sendActs();
}

// What waits comes before what a click or a form makes of it.
function sendActs() {
  lastFlush = performance.now();
  const acts = [...pendingActs.values()];
  pendingActs.clear();
  acts.forEach(act);
}

function actNow(details) {
  sendActs();
  act(details);
}

// ---- what is done here -------------------------------------------------------------------------------------------------

const scrollerOf = (target) => (target === document ? document.scrollingElement : target);
const share = (at, whole, shown) => (whole > shown ? Math.min(1, Math.max(0, at / (whole - shown))) : 0);

function noteScroll({ target }) {
  const scroller = scrollerOf(target);
  if (!scroller) return;
  const { scrollLeft, scrollTop, scrollWidth, scrollHeight, clientWidth, clientHeight } = scroller;
  const given = scrolledTo.get(scroller);
  const now = performance.now();
  if ((given && isAt(scrollLeft, scrollTop, given)) || now - lastPush > SCROLLS_ON_MS) return;
  scrolledTo.delete(scroller);
  lastPush = now;
  const element = target === document ? null : locate(target);
  const [x, y] = [share(scrollLeft, scrollWidth, clientWidth), share(scrollTop, scrollHeight, clientHeight)];
  actSoon(scroller, { kind: "scroll", element, x, y });
}

// Says what became of the last click on a link, once.
let tellLink = () => {};

function noteClick(event) {
  lastClick = performance.now();
  const element = event.composedPath()[0];
  if (!isElement(element) || event.button !== 0) return;
  const sender = element.closest(SENDS_FORM);
  clickedSender = sender?.form ? sender : null;
  if (clickedSender && holdsSecret(clickedSender.form)) return;
  // A field says itself what became of it.
  if (element.closest("input, textarea, select, option") && !element.closest('input[type="button" i], input[type="reset" i]') && !clickedSender) return;
  if (element.closest("label")?.control) return;
  const [place, link] = [locate(element), linkOf(event)];
  if (!link) return actNow({ kind: "click", element: place });
  // Handlers come first: a page may go there in its own way. The page may be gone before a timer runs, which is for those that let
  // nobody else hear of a click.
  tellLink = () => {
    tellLink = () => {};
    if (event.defaultPrevented) actNow({ kind: "click", element: place });
    else if (link.leads) actNow({ kind: "visit", address: link.leads });
  };
  setTimeout(() => tellLink());
}

// Where a click leads that the page leaves to the browser; `leads` is null where that concerns no other page.
function linkOf(event) {
  const link = event.composedPath().find((one) => isElement(one) && one.matches("a[href], area[href]"));
  const url = link ? resolved(link.href, location.href) : null;
  if (!url) return null;
  // Within the page it is a click like any other.
  if (url.origin === location.origin && url.pathname + url.search === pageAddress() && url.hash) return null;
  const elsewhere = url.origin !== location.origin || link.hasAttribute("download") || !/^(|_self)$/i.test(link.target);
  const opens = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  return { leads: elsewhere || opens ? null : addressOf(url) };
}

const addressOf = ({ pathname, search, hash }) => pathname + search + hash;

function noteInput(event, done) {
  const field = event.composedPath()[0];
  if (!isField(field) || !mayTell(field)) return;
  const ticks = /^(checkbox|radio)$/.test(field.type);
  // Of those a browser tells both at once, and also where a script clicked.
  if (ticks && (!done || !isRecent(lastClick))) return;
  const details = { kind: "input", element: locate(field), done, ...valueOf(field) };
  if (!done) return actSoon(field, details);
  pendingActs.delete(field);
  actNow(details);
}

const isField = (element) =>
  element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement || element instanceof HTMLSelectElement;

function noteSecret(field) {
  if (field instanceof HTMLInputElement && field.type === "password") secrets.add(field);
}

function isSecret(field) {
  noteSecret(field);
  return secrets.has(field) || field.type === "file" || field.autocomplete.split(/\s+/).some((word) => SECRET.test(word));
}

const isFilledIn = (field) => {
  try {
    return field.matches(":autofill");
  } catch {
    return false;
  }
};

const mayTell = (field) => !isSecret(field) && !NEVER_MIRRORED.test(field.type) && !isFilledIn(field);

// A form that other pages could not send as it is.
const holdsSecret = (form) => [...form.elements].some((field) => isField(field) && isSecret(field));

function noteSend(event) {
  const form = event.target;
  // Its click is told, and what a script sends is no act.
  const isTold = event.submitter && event.submitter === clickedSender;
  if (isTold || !isRecent(Math.max(lastPush, lastClick)) || holdsSecret(form)) return;
  actNow({ kind: "submit", element: locate(form) });
}

// Back and forward, by a person.
function noteTraverse({ navigationType, userInitiated, destination }) {
  const url = resolved(destination.url, location.href);
  if (navigationType === "traverse" && userInitiated && url?.origin === location.origin) {
    actNow({ kind: "visit", address: addressOf(url) });
  }
}

// A script went on because of a click.
function noteAddress({ navigationType }) {
  if (location.href === lastAddress) return;
  sayAddress();
  if (navigationType !== "traverse" && isRecent(lastClick)) {
    actNow({ kind: "visit", address: addressOf(location) });
  }
}

// ---- what was done elsewhere -------------------------------------------------------------------------------------------

function repeat({ path, act: { kind, ...details } }) {
  if (kind === "visit") return visit(details.address);
  if (path !== location.pathname || !Object.hasOwn(REPEAT, kind)) return;
  const element = details.element ? find(details.element) : null;
  if (details.element && !element) return;
  repeating = true;
  try {
    REPEAT[kind](element, details);
  } finally {
    repeating = false;
  }
}

function visit(address) {
  const go = () => {
    const url = resolved(address, location.origin);
    // What a person typed here stays.
    if (url?.origin !== location.origin || url.href === location.href || mayLose()) return;
    location.assign(url);
  };
  const waits = performance.now() - lastFollowed < FOLLOW_MS;
  setTimeout(go, waits ? FOLLOW_MS : 0);
}

const REPEAT = {
  scroll(element, { x, y }) {
    const scroller = element ?? document.scrollingElement;
    const { scrollWidth, scrollHeight, clientWidth, clientHeight } = scroller;
    scroller.scrollTo({ left: x * (scrollWidth - clientWidth), top: y * (scrollHeight - clientHeight), behavior: "instant" });
    scrolledTo.set(scroller, [scroller.scrollLeft, scroller.scrollTop]);
  },
  click(element) {
    const sender = element.closest(SENDS_FORM);
    if (sender?.form && holdsSecret(sender.form)) return;
    lastFollowed = performance.now();
    // Pictures made of lines have no method of their own.
    if (element.click) element.click();
    else element.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, composed: true, view: window }));
  },
  input(field, { done, value, checked, options }) {
    if (!isField(field) || !mayTell(field)) return;
    if (typeof checked === "boolean") {
      if (field.checked !== checked) field.click();
      return;
    }
    if (options) [...field.options].forEach((option, index) => (option.selected = options.includes(index)));
    else setText(field, value);
    field.dispatchEvent(new Event(done ? "change" : "input", { bubbles: true, composed: !done }));
  },
  submit(form) {
    if (form instanceof HTMLFormElement && !holdsSecret(form)) form.requestSubmit();
  },
};

// As a person's keyboard does it: frameworks put a property of their own before the one of the element.
function setText(field, value) {
  const kind = field instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement;
  Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(field, value);
}

