
// What a reload would forget, kept in the tab's storage under the page's address: scroll positions, focus and selection,
// form values, open details, where a video is.

// What scripts build is waited for this long, and so is a page that grows while its pictures load.
const RESTORE_LIMIT_MS = 3_000;
// A state that was not asked for by then belongs to a page nobody saw again.
const STATE_LIMIT_MS = 60_000;
// More of one kind is more than a person did.
const STATE_ITEMS = 500;
// Secrets are not written anywhere, and files cannot be given back.
const NOT_KEPT = /^(password|file|hidden|button|submit|reset|image)$/;

const stateName = () => `state ${location.href}`;

function saveState() {
  const viewports = [document.scrollingElement, document.documentElement];
  const scrolled = all("*").filter((element) => isScrolled(element) && !viewports.includes(element));
  const changed = all("input, textarea, select").filter((field) => !NOT_KEPT.test(field.type) && isChanged(field));
  const running = all("audio, video").filter(({ currentTime }) => currentTime > 0);
  const items = [
    ...changed.map((field) => ["value", field, { ...valueOf(field), edited: edited.has(field) }]),
    ...all("details").map((details) => ["open", details, details.open]),
    ...running.map((media) => ["time", media, [media.currentTime, media.paused]]),
    ...scrolled.map(({ scrollLeft, scrollTop }, index) => ["scroll", scrolled[index], [scrollLeft, scrollTop]]),
    ...[focusedElement()].filter(Boolean).map((element) => ["focus", element, caretOf(element)]),
  ];
  const kept = items.slice(0, STATE_ITEMS).map(([kind, element, value]) => [kind, locate(element), value]);
  store(stateName(), { at: Date.now(), window: [scrollX, scrollY], items: kept });
}

function takeState() {
  const state = stored(stateName());
  try {
    sessionStorage.removeItem(`everlit:${stateName()}`);
  } catch {
    return null;
  }
  return state && Date.now() - state.at < STATE_LIMIT_MS ? state : null;
}

// Gives everything back once it is there; what a person does meanwhile counts more.
function restoreState() {
  const state = takeState();
  if (!state) return;
  let [items, place] = [state.items, state.window];
  const give = () => {
    items = items.filter(([kind, where, value]) => {
      const element = find(where);
      return !element || !RESTORE[kind](element, value);
    });
    if (place && (scrollTo({ left: place[0], top: place[1], behavior: "instant" }), isAt(scrollX, scrollY, place))) place = null;
    if (!items.length && !place && document.readyState === "complete") end();
  };
  const observer = new MutationObserver(give);
  const patience = setTimeout(() => end(), RESTORE_LIMIT_MS);
  const acts = ["wheel", "touchstart", "keydown", "pointerdown"];
  const interrupted = ({ isTrusted }) => isTrusted && end();
  function end() {
    observer.disconnect();
    clearTimeout(patience);
    for (const act of acts) removeEventListener(act, interrupted, { capture: true });
    removeEventListener("load", give);
  }
  for (const act of acts) addEventListener(act, interrupted, { capture: true });
  addEventListener("load", give);
  whenParsed(() => {
    observer.observe(document.documentElement, { childList: true, subtree: true });
    give();
    paintedSoon();
  });
}

const isAt = (left, top, [x, y]) => Math.abs(left - x) < 2 && Math.abs(top - y) < 2;

// Each answers whether it is done, or has to be tried again.
const RESTORE = {
  value(field, value) {
    if (value.edited) edited.set(field, null);
    if ("options" in value) [...field.options].forEach((option, index) => (option.selected = value.options.includes(index)));
    else if ("checked" in value) field.checked = value.checked;
    else field.value = value.value;
    // What the page derives from a field follows it. No `change`: some pages send their form on it.
    field.dispatchEvent(new Event("input", { bubbles: true }));
    return true;
  },
  open(details, open) {
    details.open = open;
    return true;
  },
  time(media, [time, paused]) {
    const seek = () => {
      media.currentTime = time;
      // A browser may want a gesture first.
      if (!paused) media.play().catch(() => {});
    };
    if (media.readyState) seek();
    else media.addEventListener("loadedmetadata", seek, { once: true });
    return true;
  },
  scroll(element, place) {
    element.scrollTo({ left: place[0], top: place[1], behavior: "instant" });
    return isAt(element.scrollLeft, element.scrollTop, place);
  },
  focus(element, caret) {
    element.focus({ preventScroll: true });
    if (caret?.field) element.setSelectionRange(...caret.field);
    if (caret?.text) placeCaret(element, caret.text);
    return true;
  },
};

// ---- fields and carets -------------------------------------------------------------------------------------------------

function isChanged(field) {
  if (field instanceof HTMLSelectElement) return [...field.options].some((option) => option.selected !== option.defaultSelected);
  if (/^(checkbox|radio)$/.test(field.type)) return field.checked !== field.defaultChecked;
  return field.value !== field.defaultValue;
}

function valueOf(field) {
  if (field instanceof HTMLSelectElement) {
    return { options: [...field.options].flatMap(({ selected }, index) => (selected ? [index] : [])) };
  }
  return /^(checkbox|radio)$/.test(field.type) ? { checked: field.checked } : { value: field.value };
}

function focusedElement() {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element === document.body || element === document.documentElement ? null : element;
}

function caretOf(element) {
  if (isTyped(element)) {
    // Fields for numbers and addresses tell no caret.
    const { selectionStart, selectionEnd, selectionDirection } = element;
    return selectionStart === null ? null : { field: [selectionStart, selectionEnd, selectionDirection] };
  }
  const range = getSelection()?.rangeCount ? getSelection().getRangeAt(0) : null;
  if (!range || !element.isContentEditable || !element.contains(range.startContainer)) return null;
  const before = document.createRange();
  before.selectNodeContents(element);
  before.setEnd(range.startContainer, range.startOffset);
  return { text: [before.toString().length, range.toString().length] };
}

function placeCaret(element, [start, length]) {
  const range = document.createRange();
  range.selectNodeContents(element);
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let passed = 0;
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const inside = (at) => at >= passed && at <= passed + text.length;
    if (inside(start)) range.setStart(text, start - passed);
    if (inside(start + length)) range.setEnd(text, start + length - passed);
    passed += text.length;
  }
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}

// ---- where an element is -----------------------------------------------------------------------------------------------

// Selectors from the document inwards, one for each shadow root, and what the element has to be.
function locate(element) {
  const steps = [];
  for (let at = element, root; at; at = root.host ?? null) {
    root = at.getRootNode();
    steps.unshift(selectorOf(at, root));
  }
  return { steps, is: identityOf(element) };
}

const identityOf = ({ localName, type, name }) => [localName, type, name].filter((word) => typeof word === "string").join(" ");

function selectorOf(element, root) {
  const parts = [];
  for (let at = element; at; at = at.parentElement) {
    if (at.id && root.querySelectorAll(`#${CSS.escape(at.id)}`).length === 1) {
      parts.unshift(`#${CSS.escape(at.id)}`);
      break;
    }
    const twins = [...(at.parentNode?.children ?? [])].filter(({ localName }) => localName === at.localName);
    parts.unshift(`${CSS.escape(at.localName)}:nth-of-type(${twins.indexOf(at) + 1})`);
  }
  return parts.join(" > ");
}

function find({ steps, is }) {
  let [root, element] = [document, null];
  for (const step of steps) {
    element = root?.querySelector(step) ?? null;
    root = element?.shadowRoot ?? null;
  }
  if (element && identityOf(element) === is) return element;
  // The page has another shape now; a field with a name is found all the same.
  const twins = all("input, textarea, select").filter((field) => field.name && identityOf(field) === is);
  return twins.length === 1 ? twins[0] : null;
}
