// What goes wrong in a page by itself: errors nobody caught, requests and files that failed.

function watchErrors() {
  // Those of elements do not bubble, and are seen on their way down.
  addEventListener("error", (event) => (event.target === window ? hearError(event) : hearElement(event)), { capture: true });
  addEventListener("unhandledrejection", ({ reason }) => {
    hear("rejection", "error", () => describeAll([reason]), () => framesOf(reason?.stack)[0]?.place ?? {});
  });
}

function hearError({ message, filename, lineno, colno, error }) {
  const words = () => (error instanceof Error ? describeAll([error]) : String(message).replace(/^Uncaught /, "").slice(0, TEXT_CHARS));
  hear("error", "error", words, () => (filename ? placeAt(filename, lineno, colno) : {}));
}

function hearElement({ target: element, isTrusted }) {
  if (!isTrusted || !(element instanceof Element)) return;
  const address = element.currentSrc || element.src || element.href || element.data || "";
  hear("resource", "error", () => `<${element.localName}> ${shortened(address)}`, () => ({}));
}

// Of what stylesheets ask for no element tells.
function hearLoad({ name, initiatorType, responseStatus }) {
  if (forwards && initiatorType === "css" && responseStatus >= 400) hear("resource", "error", () => `${shortened(name)} ${responseStatus}`, () => ({}));
}

function watchRequests() {
  let asked = { method: "", address: "", place: {} };
  // The page gets a promise that follows the browser's: to look at that one is to care for its rejection, and nobody would be told
  // any more when the page does not.
  window.fetch = between(
    window.fetch,
    window,
    ([input, options]) => {
      const { method, url } = input instanceof Request ? input : { method: "GET", url: input };
      asked = { method: options?.method ?? method, address: typeof url === "string" || url instanceof URL ? String(url) : "", place: callPlace() };
    },
    (promise) => hearAnswer(promise, asked),
  );
  watchOldRequests();
}

function hearAnswer(promise, asked) {
  return promise.then(
    (answer) => {
      if (answer.status >= 400) hearRequest(asked, `${answer.status} ${answer.statusText}`.trim());
      return answer;
    },
    (error) => {
      // Whoever calls a request off knows.
      if (error?.name !== "AbortError") hearRequest(asked, describeError(error, true));
      throw error;
    },
  );
}

function watchOldRequests() {
  const asked = new WeakMap();
  const { open } = XMLHttpRequest.prototype;
  const told = ({ type, target }) => {
    if (type === "load" && target.status >= 400) hearRequest(asked.get(target), `${target.status} ${target.statusText}`.trim());
    if (type === "error" || type === "timeout") hearRequest(asked.get(target), type === "error" ? "no answer" : "no answer in time");
  };
  XMLHttpRequest.prototype.open = function (...args) {
    if (!asked.has(this)) for (const type of ["load", "error", "timeout"]) this.addEventListener(type, told);
    asked.set(this, { method: String(args[0]), address: String(args[1]), place: callPlace() });
    return Reflect.apply(open, this, args);
  };
}

function hearRequest({ method, address, place }, outcome) {
  const words = () => `${String(method).toUpperCase().slice(0, STRING_CHARS)} ${shortened(address)} ${outcome}`.slice(0, TEXT_CHARS);
  hear("request", "error", words, () => place);
}

function shortened(address) {
  const url = resolved(String(address), document.baseURI);
  const text = url?.origin === location.origin ? url.pathname + url.search : url?.href ?? String(address);
  return text.length > STRING_CHARS ? `${text.slice(0, STRING_CHARS)}…` : text;
}
