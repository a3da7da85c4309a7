
// What a person typed and has not sent yet: nothing that happens by itself throws it away.

// A page that was sent leaves by itself; loading it anew before would stop what it sends.
const SUBMIT_LIMIT_MS = 30_000;
// A script that sends a form has its answer by then, or did not ask.
const ANSWERED_AFTER_MS = 10_000;
// Fields that a script empties fire no event.
const LOOK_AGAIN_MS = 500;
// The handlers of one `submit` event take no longer than this until they ask.
const SUBMIT_TASK_MS = 100;
const SENDERS = /^(fetch|xmlhttprequest|beacon)$/;
const NOT_TYPED = /^(checkbox|radio|range|color|button|submit|reset|image|hidden)$/;

// Fields a person edited → what stood there before, where the element itself does not know.
const edited = new Map();
let submitted = -Infinity;

function watchForms() {
  const capture = { capture: true };
  addEventListener("beforeinput", noteOriginal, capture);
  for (const type of ["input", "change"]) addEventListener(type, noteEdit, capture);
  addEventListener("submit", (event) => setTimeout(() => noteSubmit(event)));
  addEventListener("reset", () => setTimeout(releaseHeld));
}

const editingHost = (element) => {
  let host = element?.closest?.("[contenteditable]") ?? null;
  while (host?.parentElement?.isContentEditable) host = host.parentElement;
  return host?.isContentEditable ? host : null;
};

function noteOriginal(event) {
  const host = event.isTrusted ? editingHost(event.composedPath()[0]) : null;
  if (host && !edited.has(host)) edited.set(host, host.innerHTML);
}

function noteEdit(event) {
  if (!event.isTrusted) return;
  const field = event.composedPath()[0];
  if (isTyped(field)) edited.set(field, null);
  if (held) releaseHeld();
}

const isTyped = (element) =>
  element instanceof HTMLTextAreaElement || (element instanceof HTMLInputElement && !NOT_TYPED.test(element.type));

// The fields whose content would be lost.
function dirtyFields() {
  for (const field of edited.keys()) if (!field.isConnected) edited.delete(field);
  return [...edited.keys()].filter(isDirty);
}

function isDirty(field) {
  if (!isTyped(field)) return field.innerHTML !== edited.get(field);
  if (field.type === "file") return field.files.length > 0;
  return field.value !== "" && field.value !== field.defaultValue;
}

// The same asked of a frame, which goes when the page around it does.
function holdsUnsent(frame) {
  try {
    return frame[present]?.unsent === true;
  } catch {
    return false;
  }
}

const holdsEdits = (element) =>
  isElement(element) &&
  (dirtyFields().some((field) => element.contains(field)) ||
    [element, ...element.querySelectorAll("iframe")].some(({ contentWindow }) => contentWindow && holdsUnsent(contentWindow)));

const isSubmitting = () => performance.now() - submitted < SUBMIT_LIMIT_MS;

const mayLose = () => isSubmitting() || dirtyFields().length > 0 || Array.from(frames).some(holdsUnsent);

function noteSubmit(event) {
  const form = event.target;
  const fields = [...edited.keys()].filter((field) => field.form === form);
  const done = () => {
    for (const field of fields) edited.delete(field);
    releaseHeld();
  };
  if (event.defaultPrevented) return afterAnswer(done);
  const elsewhere = !/^(|_self|_top|_parent)$/i.test(form.getAttribute("target") ?? "");
  if (elsewhere || /^dialog$/i.test(form.getAttribute("method") ?? "")) return done();
  submitted = performance.now();
}

// Waits for what a script asks of a server: loading the page anew would stop it, and a form that was refused or found wanting
// still holds what was typed.
function afterAnswer(done) {
  const since = performance.now() - SUBMIT_TASK_MS;
  const patience = setTimeout(() => (heardLoads = () => {}), ANSWERED_AFTER_MS);
  heardLoads = (entries) => {
    const answers = entries.filter(({ initiatorType, startTime }) => SENDERS.test(initiatorType) && startTime >= since);
    if (!answers.length) return;
    heardLoads = () => {};
    clearTimeout(patience);
    // A script that goes on to another page comes first.
    if (answers.every(({ responseStatus }) => !(responseStatus >= 400))) afterFrames(done);
  };
}

// ---- an update that waits ----------------------------------------------------------------------------------------------

// What the page would be loaded anew for, if that lost nothing.
let held = null;
let heldClock = 0;

function hold(target, why) {
  held = { target, why };
  clearInterval(heldClock);
  heldClock = setInterval(releaseHeld, LOOK_AGAIN_MS);
  render();
}

function releaseHeld() {
  if (!held || mayLose()) return;
  const { target, why } = held;
  dropHeld();
  reload(target, why);
}

function dropHeld() {
  held = null;
  clearInterval(heldClock);
  render();
}

// A person says so.
function reloadAnyway() {
  dropHeld();
  leave("the update is ready");
}
