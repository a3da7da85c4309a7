// The client runtime: one per page, put there by the injected tag.
// The parts in `client/` stand inside this function, in the order of their names.
//
// A page knows its generation. On every (re)connection the server says which one it serves: the same means nothing to do,
// another means catching up: stylesheets, pictures, modules and what changed in the HTML in place, all else by one reload that
// gives back scroll positions, focus and forms. A failure is shown over the page until a build succeeds; a lost socket by
// itself never reloads anything, and nothing that happens by itself throws away what a person typed.
//
// Absent on purpose: `eval`, markup from strings, inline handlers and styles (all of it runs under a strict
// Content-Security-Policy), globals, dependencies.
(() => {
  "use strict";
  const token = "EVERLIT_TOKEN", project = "EVERLIT_PROJECT";
  const forwards = "EVERLIT_CONSOLE" === "true", mirrors = "EVERLIT_MIRROR" === "true";

  // Reconnection starts here and doubles up to the limit; a restart of the server takes about this long.
  const FIRST_RETRY_MS = 100;
  const LAST_RETRY_MS = 5_000;
  // A socket that neither opens nor fails (a sleeping phone) is given up, and so is an answer that never comes.
  const ANSWER_LIMIT_MS = 10_000;
  // More reloads than this towards one state of the server, within the window, are a loop: a cache answers, not the server.
  const RELOADS = 3;
  const RELOAD_WINDOW_MS = 10_000;
  // A reload that has not happened after this was refused: by a page that asks before it is left, or by a slow answer.
  const LEAVE_LIMIT_MS = 4_000;
  // A restart is over by then; only a longer absence is worth a word.
  const LOST_AFTER_MS = 1_500;
  // The end of a compiler's output says it; a page of megabytes would only stall the tab.
  const OUTPUT_CHARS = 100_000;
  const CACHE_KEY = "everlit";
  const TITLE_MARK = "⚠ ";

  const present = Symbol.for("everlit");
  if (window[present] || !location.host) return;
  // What tools and other frames may ask a page: which generation it is, whether it hears of the next one, and whether a person
  // typed something that a reload would lose.
  const state = Object.freeze({
    get generation() {
      return known();
    },
    get connected() {
      return greeted;
    },
    get unsent() {
      return mayLose();
    },
  });
  Object.defineProperty(window, present, { value: state });

  // What we ask for ourselves is no request of the page.
  const fetch = window.fetch.bind(window);

  let generation = Number(document.currentScript?.dataset.generation ?? NaN);

  // ---- the connection --------------------------------------------------------------------------------------------

  const scriptAddress = `${location.origin}/__everlit/client.js`;
  const openAddress = `${location.origin}/__everlit/open`;
  const socketAddress = `${location.origin.replace(/^http/, "ws")}/__everlit/ws?token=${token}`;
  let socket = null;
  let retry = 0;
  let attempt = 0;
  let greeted = false;
  let stopped = false;

  function connect() {
    clearTimeout(retry);
    if (stopped || socket) return;
    let opened = false;
    const mine = socket = new WebSocket(socketAddress);
    const patience = setTimeout(() => mine.close(), ANSWER_LIMIT_MS);
    mine.onopen = () => {
      opened = true;
      clearTimeout(patience);
      sendPage();
    };
    mine.onmessage = ({ data }) => mine === socket && receive(data);
    mine.onclose = () => {
      clearTimeout(patience);
      if (mine !== socket) return;
      forget();
      noticeLoss();
      if (opened) connectLater();
      else recognise();
    };
  }

  function disconnect() {
    clearTimeout(retry);
    const mine = socket;
    forget();
    mine?.close();
  }

  function forget() {
    socket = null;
    greeted = false;
  }

  function connectLater() {
    clearTimeout(retry);
    const longest = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt++);
    retry = setTimeout(connect, longest * (0.5 + Math.random() / 2));
  }

  function connectNow() {
    attempt = 0;
    connect();
  }

  // The handshake failed. A server that is away says nothing at all; one that runs anew has another token, and a server of
  // another project has another name.
  async function recognise() {
    const found = await readIdentity();
    if (stopped || socket) return;
    if (!found || (found.token === token && found.project === project)) return connectLater();
    if (found.project === project) return reload(`run ${found.token}`, "the server was restarted");
    stop(`another project (${found.project}) is on this port`);
  }

  async function readIdentity() {
    try {
      const answer = await fetch(scriptAddress, { cache: "no-store", signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
      const found = /const token = ("[^"]*"), project = ("(?:[^"\\]|\\.)*")/.exec(await answer.text());
      return answer.ok && found ? { token: JSON.parse(found[1]), project: JSON.parse(found[2]) } : null;
    } catch {
      return null;
    }
  }

  function stop(why) {
    stopped = true;
    disconnect();
    note(why);
  }

  // The path that the server knows of this page.
  let toldPath = null;

  function sendPage() {
    if (socket?.readyState !== WebSocket.OPEN) return;
    toldPath = location.pathname;
    send({ type: "page", url: location.href, generation: known(), page: pageId });
  }

  function sendPath() {
    if (location.pathname !== toldPath) sendPage();
  }

  function send(message) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }

  const known = () => (Number.isNaN(generation) ? null : generation);

  addEventListener("online", () => (disconnect(), connectNow()));
  addEventListener("pagehide", () => (sendWords(), disconnect()));
  addEventListener("pageshow", connectNow);
  addEventListener("load", sendPage);
  // A script went to another address.
  window.navigation?.addEventListener("currententrychange", sendPath);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible") return;
    showPostponed();
    connectNow();
    workOff();
  });
  document.addEventListener("securitypolicyviolation", ({ blockedURI }) => {
    if (blockedURI === socketAddress) stop("this page's Content-Security-Policy blocks the reload socket");
  });

  // ---- what the server says --------------------------------------------------------------------------------------

  const handlers = {
    hello(message) {
      attempt = 0;
      greeted = true;
      status.lost = false;
      status.note = "";
      if (unsaid) sayPainted();
      sendWords();
      compare(message);
      status.stale = message.stale === true;
      status.report = message.report ?? null;
      setBuilding(message.building === true);
    },
    styles({ generation: to, paths, hashes, otherwise }) {
      take({ generation: to, styles: paths, hashes, guessed: otherwise === "reload" });
    },
    assets({ generation: to, paths, hashes, otherwise }) {
      take({ generation: to, assets: paths, hashes, guessed: otherwise === "reload" });
    },
    patch({ generation: to, styles, assets, modules, hashes, page, base, target }) {
      take({ generation: to, styles, assets, modules, hashes, html: { page, base, target } });
    },
    reload(message) {
      if (!(message.generation <= generation)) reloadTo(message.generation);
    },
    building() {
      setBuilding(true);
    },
    failed(message) {
      status.stale = true;
      status.report = message.report;
      setBuilding(false);
    },
    ok(message) {
      generation = message.generation;
      sendPage();
      status.stale = false;
      status.report = null;
      setBuilding(false);
    },
    mirror(message) {
      if (mirrors) repeat(message);
    },
    notice({ text }) {
      note(text);
    },
    data({ resource, ids }) {
      dispatchEvent(new CustomEvent("everlit:data", { detail: { resource, ids } }));
    },
  };

  function receive(text) {
    const message = JSON.parse(text);
    noteTiming(message);
    if (Object.hasOwn(handlers, message.type)) handlers[message.type](message);
  }

  EVERLIT_PARTS

  customElements.define("everlit-overlay", Overlay);
  customElements.define("everlit-badge", Badge);
  watchLoads();
  watchForms();
  restoreState();
  if (mirrors) watchActs();

  // The script may be asynchronous: `pageshow` may be past then, and everything above has to be in place first.
  connect();
  // Last: where a page does not let its console be heard, all else works.
  if (forwards) watchConsole();
})();
