// What the person sees: the badge, the overlay, the marks in the title and on the icon.

// `broken`: modules whose update failed → why.
const status = { report: null, stale: false, building: 0, lost: false, note: "", broken: new Map() };
let clock = 0;
let lossTimer = 0;

// A frame of a page that has a client of its own leaves the words to that page.
function framed() {
  try {
    return parent !== window && Boolean(parent[present]);
  } catch {
    return false;
  }
}

function note(words) {
  status.note = words;
  render();
}

function setBuilding(building) {
  if (!building) status.building = 0;
  else status.building ||= Date.now();
  clearInterval(clock);
  if (building) clock = setInterval(render, 1_000);
  render();
}

function noticeLoss() {
  clearTimeout(lossTimer);
  lossTimer = setTimeout(() => {
    status.lost = !socket && !stopped && document.visibilityState === "visible";
    render();
  }, LOST_AFTER_MS);
}

const failureKey = ({ id }) => `${token} ${id}`;
// Who went back by hand wants to see the page.
const isDismissed = (report) =>
  [stored("dismissed"), dismissedHere].includes(failureKey(report)) || (report.kind === "choice" && openedHere !== failureKey(report));
let dismissedHere = "";
let openedHere = "";

function dismiss() {
  dismissedHere = failureKey(status.report);
  openedHere = "";
  store("dismissed", dismissedHere);
  render();
}

function reopen() {
  dismissedHere = "";
  openedHere = status.report ? failureKey(status.report) : "";
  store("dismissed", "");
  render();
}

function render() {
  // What a form in a frame waits for is said beside it.
  if (framed() && !held) return badge.remove();
  markTitle();
  markIcon();
  overlay.show(status.report && !isDismissed(status.report) && !framed() ? status.report : null);
  badge.show(badgeWords());
}

function markTitle() {
  const marked = document.title.startsWith(TITLE_MARK);
  if (status.stale && !marked) document.title = TITLE_MARK + document.title;
  if (!status.stale && marked) document.title = document.title.slice(TITLE_MARK.length);
}

function badgeWords() {
  const seconds = Math.floor((Date.now() - status.building) / 1_000);
  const words = [];
  if (held) words.push("update ready");
  if (status.note) words.push(status.note);
  words.push(...status.broken.values());
  if (status.building) words.push(seconds ? `building ${seconds} s` : "building");
  // An open overlay says so itself.
  if (status.stale && (!overlay.host || words.length)) words.push(isOlder(status.report) ? "rolled back · stale" : "stale");
  if (status.lost && !words.length) words.push("disconnected");
  if (words.length && !status.note && !status.broken.size && !held && known()) words.push(`generation ${generation}`);
  return words;
}

const isOlder = (report) => report?.kind === "rollback" || report?.kind === "choice";

// An element with a class and children. Text is only ever set as text.
function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null));
  return element;
}

// Puts an element above everything the page shows, its open dialogs included.
function raise(host) {
  if (!host.isConnected) document.documentElement.append(host);
  if (!host.showPopover) return;
  host.popover = "manual";
  if (host.matches(":popover-open")) host.hidePopover();
  host.showPopover();
}

const overlay = {
  host: null,
  shown: "",
  before: null,
  show(report) {
    if (!report) return this.remove();
    if (this.shown === failureKey(report) && this.host.isConnected) return;
    this.remove();
    this.shown = failureKey(report);
    this.host = document.createElement("everlit-overlay");
    this.host.report = report;
    this.before = document.activeElement;
    raise(this.host);
    // What a person is typing goes where it went.
    if (!isTypedInto(this.before)) this.host.shadowRoot.querySelector(".panel").focus({ preventScroll: true });
    addEventListener("keydown", onKey, { capture: true });
  },
  say(words) {
    this.host?.shadowRoot.querySelector(".told").replaceChildren(words);
  },
  remove() {
    removeEventListener("keydown", onKey, { capture: true });
    const held = this.host && document.activeElement === this.host;
    this.host?.remove();
    this.host = null;
    this.shown = "";
    if (held && this.before?.isConnected) this.before.focus({ preventScroll: true });
    this.before = null;
  },
};

const isTypedInto = (element) => Boolean(element?.isContentEditable || element?.matches?.("input, textarea, select"));

function onKey(event) {
  if (event.key === "Escape") onEscape(event);
  if (event.key === "Tab") keepInside(event);
}

// The page below is covered: the focus goes around in the overlay.
function keepInside(event) {
  const root = overlay.host.shadowRoot;
  const stops = [...root.querySelectorAll("button, summary, [tabindex='0']")].filter((stop) => stop.checkVisibility?.() ?? true);
  const at = stops.indexOf(root.activeElement);
  const next = at + (event.shiftKey ? -1 : 1);
  if (at >= 0 && next >= 0 && next < stops.length) return;
  event.preventDefault();
  stops.at(event.shiftKey ? -1 : 0).focus();
}

function onEscape(event) {
  if (event.isComposing) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  dismiss();
}

const badge = {
  host: null,
  text: "",
  show(words) {
    const text = words.join(" · ");
    const mood = held ? "ready" : status.stale || status.note || status.broken.size ? "warning" : status.building ? "busy" : "quiet";
    if (!text) return this.remove();
    if (text === this.text && mood === this.host?.dataset.mood && this.host.isConnected) return;
    this.text = text;
    this.host ??= document.createElement("everlit-badge");
    this.host.dataset.mood = mood;
    this.host.dataset.busy = String(status.building > 0);
    if (!this.host.isConnected) raise(this.host);
    this.host.say(text);
  },
  remove() {
    this.host?.remove();
    this.host = null;
    this.text = "";
  },
};

class Overlay extends HTMLElement {
  connectedCallback() {
    const root = openShadow(this, OVERLAY_STYLE);
    const panel = renderReport(this.report);
    root.replaceChildren(panel);
    this.addEventListener("click", (event) => event.composedPath()[0] === this && dismiss());
  }
}

class Badge extends HTMLElement {
  connectedCallback() {
    if (this.shadowRoot) return;
    this.words = make("span", "words");
    this.button = make("button", "badge", make("span", "light"), this.words);
    this.button.type = "button";
    this.button.addEventListener("click", reopen);
    this.reload = make("button", "reload", "Reload");
    this.reload.type = "button";
    this.reload.addEventListener("click", reloadAnyway);
    const live = make("div", "live", this.button, this.reload);
    live.setAttribute("role", "status");
    openShadow(this, BADGE_STYLE).replaceChildren(live);
  }

  say(text) {
    this.words.textContent = text;
    this.button.disabled = !status.report;
    const waits = held ? `${held.why}. Your text is kept until you reload or send it` : "";
    this.button.title = status.report ? "Show what failed" : waits;
    this.reload.hidden = !held;
  }
}

function openShadow(host, text) {
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(PALETTE + text);
  root.adoptedStyleSheets = [sheet];
  return root;
}
