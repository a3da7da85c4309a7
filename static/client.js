// The client runtime: one per page, put there by the injected tag.
//
// A page knows its generation. On every (re)connection the server says which one it serves: the same means nothing to do,
// another means one reload. Stylesheets and images are swapped in place. A failure is shown over the page until a build
// succeeds; a lost socket by itself never reloads anything.
//
// Absent on purpose: `eval`, markup from strings, inline handlers and styles (all of it runs under a strict
// Content-Security-Policy), globals, dependencies.
(() => {
  "use strict";
  const token = "EVERLIT_TOKEN", project = "EVERLIT_PROJECT";

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
  // What tools may ask a page: which generation it is, and whether it hears of the next one.
  const state = Object.freeze({
    get generation() {
      return known();
    },
    get connected() {
      return greeted;
    },
  });
  Object.defineProperty(window, present, { value: state });

  let generation = Number(document.currentScript?.dataset.generation ?? NaN);

  // ---- the connection --------------------------------------------------------------------------------------------

  const scriptAddress = `${location.origin}/__everlit/client.js`;
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

  function sendPage() {
    if (socket?.readyState !== WebSocket.OPEN) return;
    const styles = all(SHEET_OWNERS).flatMap((owner) => addressesOf(owner)).map(ownPath).filter(Boolean);
    socket.send(JSON.stringify({ type: "page", url: location.href, generation: known(), styles: [...new Set(styles)] }));
  }

  const known = () => (Number.isNaN(generation) ? null : generation);

  addEventListener("online", () => (disconnect(), connectNow()));
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", connectNow);
  addEventListener("load", sendPage);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && connectNow());
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
      const expected = refreshing ? pending.generation : generation;
      if (Number.isNaN(expected)) generation = message.generation;
      else if (message.generation > expected) reloadTo(message.generation);
      status.stale = message.stale === true;
      status.report = message.report ?? null;
      setBuilding(message.building === true);
    },
    styles: refresh,
    assets: refresh,
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
      status.stale = false;
      status.report = null;
      setBuilding(false);
    },
    data({ resource, ids }) {
      dispatchEvent(new CustomEvent("everlit:data", { detail: { resource, ids } }));
    },
  };

  function receive(text) {
    const message = JSON.parse(text);
    if (Object.hasOwn(handlers, message.type)) handlers[message.type](message);
  }

  // ---- loading the page anew -------------------------------------------------------------------------------------

  let leaving = false;

  function reloadTo(target) {
    reload(`generation ${target}`, `generation ${target} is ready`);
  }

  function reload(target, why) {
    if (leaving) return;
    if (repeats(`${target} ${token} ${location.href}`)) {
      return note(`${why}, but an older page keeps coming back; a cache or a service worker may answer`);
    }
    leaving = true;
    setTimeout(() => {
      leaving = false;
      note(`${why}; reload the page to see it`);
    }, LEAVE_LIMIT_MS);
    location.reload();
  }

  function repeats(target) {
    const now = Date.now();
    const recent = (stored("reloads") ?? []).filter(([when]) => now - when < RELOAD_WINDOW_MS);
    recent.push([now, target]);
    if (store("reloads", recent.slice(-4 * RELOADS))) return recent.filter(([, to]) => to === target).length > RELOADS;
    // Without storage (a sandboxed frame) a page that was itself just reloaded is all there is to tell a loop by.
    return performance.now() < RELOAD_WINDOW_MS && performance.getEntriesByType("navigation")[0]?.type === "reload";
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

  // ---- finding what a page loaded --------------------------------------------------------------------------------

  const SHEET_OWNERS = 'link[rel~="stylesheet" i][href], style';

  function* roots(root = document) {
    yield root;
    for (const element of root.querySelectorAll("*")) if (element.shadowRoot) yield* roots(element.shadowRoot);
  }

  const all = (selector) => [...roots()].flatMap((root) => [...root.querySelectorAll(selector)]);

  const sheets = () => [...roots()].flatMap((root) => [...root.styleSheets, ...(root.adoptedStyleSheets ?? [])]);

  function resolved(address, base) {
    try {
      return new URL(address, base);
    } catch {
      return null;
    }
  }

  function ownPath(address) {
    const url = resolved(address, location.origin);
    return url?.origin === location.origin ? url.pathname : null;
  }

  // Answers, for an address, its URL when it is one of `paths` of this origin.
  function finder(paths) {
    const wanted = new Set(paths.map(ownPath));
    return (address, base = document.baseURI) => {
      const url = resolved(address, base);
      return url && url.origin === location.origin && wanted.has(url.pathname) ? url : null;
    };
  }

  function fresh(url, stamp) {
    url.searchParams.set(CACHE_KEY, stamp);
    return url.href;
  }

  // The rules of a sheet; none of those of another origin, which may not be read.
  function rulesOf(sheet) {
    try {
      return [...(sheet?.cssRules ?? [])];
    } catch {
      return [];
    }
  }

  function importsOf(sheet) {
    const imports = rulesOf(sheet).filter((rule) => rule instanceof CSSImportRule);
    return imports.flatMap((rule) => [
      resolved(rule.href, sheet.href ?? document.baseURI)?.href ?? "",
      ...importsOf(rule.styleSheet),
    ]);
  }

  const addressesOf = (owner) => [...(owner.href ? [owner.href] : []), ...importsOf(owner.sheet)];

  // ---- swapping in place -----------------------------------------------------------------------------------------

  // What came while a swap was under way; bounded by the number of files a page can load.
  const pending = { styles: new Set(), assets: new Set(), generation: NaN, guessed: false };
  let refreshing = false;

  async function refresh({ type, paths, generation: target, otherwise }) {
    if (target <= generation) return;
    pending.guessed ||= otherwise === "reload";
    for (const path of paths) pending[type].add(path);
    pending.generation = target;
    if (refreshing) return;
    refreshing = true;
    while (generation !== pending.generation && (await applyPending()));
    refreshing = false;
  }

  async function applyPending() {
    const target = pending.generation;
    const [styles, assets, guessed] = [[...pending.styles], [...pending.assets], pending.guessed];
    pending.guessed = false;
    pending.styles.clear();
    pending.assets.clear();
    const reached = (await reachStyles(styles, target, guessed)) && reachAssets(assets, target, guessed);
    if (reached) generation = target;
    else reloadTo(target);
    return reached;
  }

  // What this page loaded by other means (a module, a script, a closed shadow root) only a reload can renew.
  const loadedAnyway = (find) => performance.getEntriesByType("resource").some(({ name }) => find(name));

  async function reachStyles(paths, stamp, guessed) {
    if (!paths.length) return true;
    const find = finder(paths);
    const owners = all(SHEET_OWNERS).filter((owner) => addressesOf(owner).some((address) => find(address)));
    // The importing sheet gets a new address, the imported one does not: its cached copy has to be renewed first.
    const imported = new Set(owners.flatMap((owner) => importsOf(owner.sheet)).filter((address) => find(address)));
    await Promise.all([...imported].map(renew));
    await Promise.all(owners.map((owner) => swapSheet(owner, stamp)));
    return owners.length > 0 || !(guessed || loadedAnyway(find));
  }

  const renew = (address) =>
    fetch(address, { cache: "reload", signal: AbortSignal.timeout(ANSWER_LIMIT_MS) }).then(
      (answer) => answer.arrayBuffer(),
      () => null,
    );

  // The old sheet applies until the new one has loaded, and stays when it does not load.
  function swapSheet(owner, stamp) {
    const next = owner.cloneNode(true);
    if (owner.href) next.href = fresh(new URL(owner.href), stamp);
    if (owner.hasAttribute("disabled")) return owner.replaceWith(next);
    return new Promise((done) => {
      const keep = (obsolete) => () => {
        clearTimeout(patience);
        obsolete.remove();
        done();
      };
      const patience = setTimeout(keep(next), ANSWER_LIMIT_MS);
      next.addEventListener("load", keep(owner), { once: true });
      next.addEventListener("error", keep(next), { once: true });
      owner.after(next);
    });
  }

  const ASSET_ATTRIBUTES = {
    src: "img[src], input[src], embed[src]",
    srcset: "img[srcset], picture > source[srcset]",
    poster: "video[poster]",
    data: "object[data]",
    href: 'image[href], use[href], feImage[href], link[rel~="icon" i][href]',
    "xlink:href": "image, use, feImage",
  };

  function reachAssets(paths, stamp, guessed) {
    if (!paths.length) return true;
    const find = finder(paths);
    const renewed = (address, base) => {
      const url = find(address, base);
      return url ? fresh(url, stamp) : null;
    };
    const inMarkup = Object.keys(ASSET_ATTRIBUTES).map((name) => renewAttributes(name, renewed));
    const inStyles = [
      ...all("[style]").map((element) => renewDeclarations(element.style, document.baseURI, renewed)),
      ...sheets().map((sheet) => renewRules(sheet, renewed)),
    ];
    return inMarkup.includes(true) || inStyles.includes(true) || !(guessed || loadedAnyway(find));
  }

  function renewAttributes(name, renewed) {
    // Any address in these attributes stands between blanks, or blanks and a comma: `a.png 1x, b.png 2x`.
    const renewWord = (word) => {
      const [, address, commas] = /^(.*?)(,*)$/.exec(word);
      const next = renewed(address);
      return next ? next + commas : word;
    };
    const changed = all(ASSET_ATTRIBUTES[name]).filter((element) => {
      const value = element.getAttribute(name) ?? "";
      const next = value.replace(/\S+/g, renewWord);
      if (next !== value) element.setAttribute(name, next);
      return next !== value;
    });
    return changed.length > 0;
  }

  function renewRules(sheet, renewed, base = sheet.href ?? document.baseURI) {
    const changed = rulesOf(sheet).map((rule) => {
      // A loaded font is not loaded again because its rule changed.
      if (rule instanceof CSSFontFaceRule) return false;
      const inside = rule.styleSheet ? renewRules(rule.styleSheet, renewed) : renewRules(rule, renewed, base);
      return (rule.style ? renewDeclarations(rule.style, base, renewed) : false) || inside;
    });
    return changed.includes(true);
  }

  function renewDeclarations(style, base, renewed) {
    const changed = [...style].filter((name) => {
      const value = style.getPropertyValue(name);
      let found = false;
      const next = value.replace(/url\((["']?)([^#].*?)\1\)/g, (whole, quote, address) => {
        const url = renewed(address, base);
        found ||= url !== null;
        return `url(${JSON.stringify(url ?? resolved(address, base)?.href ?? address)})`;
      });
      if (found) style.setProperty(name, next, style.getPropertyPriority(name));
      return found;
    });
    return changed.length > 0;
  }

  // ---- what the person sees --------------------------------------------------------------------------------------

  const status = { report: null, stale: false, building: 0, lost: false, note: "" };
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
  const isDismissed = (report) => stored("dismissed") === failureKey(report) || dismissedHere === failureKey(report);
  let dismissedHere = "";

  function dismiss() {
    dismissedHere = failureKey(status.report);
    store("dismissed", dismissedHere);
    render();
  }

  function reopen() {
    dismissedHere = "";
    store("dismissed", "");
    render();
  }

  function render() {
    if (framed()) return;
    markTitle();
    overlay.show(status.report && !isDismissed(status.report) ? status.report : null);
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
    if (status.note) words.push(status.note);
    if (status.building) words.push(seconds ? `building ${seconds} s` : "building");
    // An open overlay says so itself.
    if (status.stale && (!overlay.host || words.length)) words.push("stale");
    if (status.lost && !words.length) words.push("disconnected");
    if (words.length && !status.note && known()) words.push(`generation ${generation}`);
    return words;
  }

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
    shown: NaN,
    show(report) {
      if (!report) return this.remove();
      if (this.shown === report.id && this.host.isConnected) return;
      this.remove();
      this.shown = report.id;
      this.host = document.createElement("everlit-overlay");
      this.host.report = report;
      raise(this.host);
      addEventListener("keydown", onEscape, { capture: true });
    },
    remove() {
      this.host?.remove();
      this.host = null;
      this.shown = NaN;
      removeEventListener("keydown", onEscape, { capture: true });
    },
  };

  function onEscape(event) {
    if (event.key !== "Escape" || event.isComposing) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    dismiss();
  }

  const badge = {
    host: null,
    text: "",
    show(words) {
      const text = words.join(" · ");
      const mood = status.stale || status.note ? "warning" : status.building ? "busy" : "quiet";
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
      const live = make("div", "live", this.button);
      live.setAttribute("role", "status");
      openShadow(this, BADGE_STYLE).replaceChildren(live);
    }

    say(text) {
      this.words.textContent = text;
      this.button.disabled = !status.report;
      this.button.title = status.report ? "Show what failed" : "";
    }
  }

  function openShadow(host, text) {
    const root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(PALETTE + text);
    root.adoptedStyleSheets = [sheet];
    return root;
  }

  function renderReport(report) {
    const diagnostics = report.diagnostics ?? [];
    const title = make("h1", "title", report.title);
    title.id = "title";
    const panel = make(
      "section",
      "panel",
      renderHead(report, title),
      make(
        "div",
        "body",
        diagnostics.length ? make("ol", "diagnostics", ...diagnostics.map(renderDiagnostic)) : null,
        report.output ? renderOutput(report.output) : null,
        report.help ? make("p", "help", report.help) : null,
      ),
      renderFoot(),
    );
    panel.setAttribute("role", "alertdialog");
    panel.setAttribute("aria-labelledby", "title");
    return panel;
  }

  function renderHead(report, title) {
    const close = make("button", "close", "×");
    close.type = "button";
    close.setAttribute("aria-label", "Dismiss");
    close.addEventListener("click", dismiss);
    return make(
      "header",
      "head",
      make("p", "eyebrow", make("span", "light"), KIND_WORDS[report.kind] ?? "failure", duration(report.took_ms)),
      close,
      title,
      report.command ? make("code", "command", report.command) : null,
    );
  }

  const KIND_WORDS = {
    build: "build",
    start: "start",
    crash: "app",
    config: "configuration",
    template: "template",
  };

  function duration(ms) {
    if (!(ms > 0)) return null;
    return make("span", "took", ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`);
  }

  function renderDiagnostic({ severity, file, line, column, message }) {
    const place = [file, line, column].filter((part) => part != null).join(":");
    return make(
      "li",
      `diagnostic ${severity === "warning" ? "warning" : "error"}`,
      make("span", "severity", severity),
      file ? make("code", "place", place) : null,
      make("p", "message", message),
    );
  }

  function renderOutput(output) {
    const cut = output.length > OUTPUT_CHARS;
    const text = make("pre", "output", ...renderAnsi(cut ? output.slice(-OUTPUT_CHARS) : output));
    text.tabIndex = 0;
    text.setAttribute("aria-label", "Output");
    return make("div", "terminal", make("p", "label", cut ? "the end of the output" : "output"), text);
  }

  function renderFoot() {
    const serving = known() ? `generation ${generation} keeps serving, marked stale` : "nothing is served yet";
    return make("footer", "foot", make("span", "", serving), make("span", "keys", make("kbd", "", "Esc"), " dismiss"));
  }

  // ---- terminal colours ------------------------------------------------------------------------------------------

  // CSI sequences, OSC and other strings up to their end, and the remaining two-byte escapes.
  const ESCAPES = /(?:\x1b\[|\x9b)([0-?]*)[ -/]*([@-~])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]?/g;
  const CONTROLS = /[\0-\x08\x0b-\x1f\x7f-\x9f]/g;

  // Text with SGR colours as spans; every other escape sequence is left out.
  function renderAnsi(text) {
    const spans = [];
    let style = {};
    let from = 0;
    // A line that was drawn over (a progress bar) shows what was drawn last.
    const drawn = text.replace(/\r+\n/g, "\n").replace(/[^\n]*\r(?=[^\n])/g, "");
    for (const match of drawn.matchAll(ESCAPES)) {
      spans.push(renderRun(drawn.slice(from, match.index), style));
      from = match.index + match[0].length;
      if (match[2] === "m") style = applySgr(style, match[1]);
    }
    spans.push(renderRun(drawn.slice(from), style));
    return spans.filter(Boolean);
  }

  function renderRun(raw, style) {
    const text = raw.replace(CONTROLS, "");
    if (!text) return null;
    const [color, background] = style.inverse ? [style.background, style.color] : [style.color, style.background];
    const flags = ["bold", "dim", "italic", "underline", "inverse"].filter((name) => style[name]);
    const run = make("span", flags.join(" "), text);
    if (color) run.style.color = color;
    if (background) run.style.backgroundColor = background;
    return run;
  }

  const SGR_ON = { 1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse" };
  const SGR_OFF = { 22: ["bold", "dim"], 23: ["italic"], 24: ["underline"], 27: ["inverse"] };

  function applySgr(before, parameters) {
    let style = { ...before };
    const codes = parameters.split(/[;:]/).map(Number);
    while (codes.length) {
      const code = codes.shift();
      if (code === 0) style = {};
      else if (SGR_ON[code]) style[SGR_ON[code]] = true;
      else if (SGR_OFF[code]) for (const name of SGR_OFF[code]) style[name] = false;
      else if (code === 38) style.color = extendedColor(codes);
      else if (code === 48) style.background = extendedColor(codes);
      else if (code === 39) style.color = null;
      else if (code === 49) style.background = null;
      else if (code >= 30 && code <= 37) style.color = namedColor(code - 30);
      else if (code >= 90 && code <= 97) style.color = namedColor(code - 82);
      else if (code >= 40 && code <= 47) style.background = namedColor(code - 40);
      else if (code >= 100 && code <= 107) style.background = namedColor(code - 92);
    }
    return style;
  }

  const namedColor = (index) => `var(--lit-ansi-${index})`;

  function extendedColor(codes) {
    const mode = codes.shift();
    if (mode === 2) return `rgb(${codes.splice(0, 3).join(" ")})`;
    if (mode !== 5) return null;
    const index = codes.shift();
    if (index < 16) return namedColor(index);
    if (index > 231) return `rgb(${Array(3).fill((index - 232) * 10 + 8).join(" ")})`;
    const level = (step) => (step ? step * 40 + 55 : 0);
    const cube = index - 16;
    return `rgb(${level(Math.floor(cube / 36))} ${level(Math.floor(cube / 6) % 6)} ${level(cube % 6)})`;
  }

  // ---- looks -----------------------------------------------------------------------------------------------------

  const PALETTE = `
    :host {
      --lit-paper: #fffdfa; --lit-ink: #221d1a; --lit-soft: #6f655e; --lit-line: #ebe3da; --lit-sunk: #f7f1ea;
      --lit-error: #c0322b; --lit-error-tint: #fdeeeb; --lit-warning: #94600a; --lit-warning-tint: #fdf3dc;
      --lit-place: #20518f; --lit-veil: rgb(48 38 30 / 0.38);
      --lit-shadow: 0 1px 2px rgb(60 40 20 / 0.1), 0 24px 64px rgb(60 40 20 / 0.28);
      --lit-sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
      --lit-mono: ui-monospace, "SF Mono", "Cascadia Code", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
      --lit-terminal: #241f1d; --lit-terminal-ink: #eee5dc; --lit-terminal-soft: #a3968b;
      --lit-ansi-0: #4d4541; --lit-ansi-1: #ff8272; --lit-ansi-2: #a5d18a; --lit-ansi-3: #f0c674;
      --lit-ansi-4: #86b7f5; --lit-ansi-5: #d8a3e8; --lit-ansi-6: #7fd1cb; --lit-ansi-7: #e3d8ce;
      --lit-ansi-8: #94877d; --lit-ansi-9: #ff9d90; --lit-ansi-10: #bfe3a8; --lit-ansi-11: #ffdd96;
      --lit-ansi-12: #a9cdfb; --lit-ansi-13: #e6bdf2; --lit-ansi-14: #a3e5e0; --lit-ansi-15: #ffffff;
    }
    @media (prefers-color-scheme: dark) {
      :host {
        --lit-paper: #1f1b1a; --lit-ink: #f3ebe4; --lit-soft: #ab9f95; --lit-line: #38312d; --lit-sunk: #2a2522;
        --lit-error: #ff8d7d; --lit-error-tint: #3d2320; --lit-warning: #f2c063; --lit-warning-tint: #38301c;
        --lit-place: #9cc4fa; --lit-veil: rgb(8 6 5 / 0.62);
        --lit-shadow: 0 0 0 1px #3b332f, 0 24px 72px rgb(0 0 0 / 0.65);
        --lit-terminal: #151211;
      }
    }
    @media print { :host { display: none !important; } }
    * { box-sizing: border-box; margin: 0; padding: 0; }
    button { font: inherit; color: inherit; border: 0; background: none; }
    button:focus-visible, .output:focus-visible { outline: 2px solid var(--lit-place); outline-offset: 2px; }
    .light { display: inline-block; flex: none; inline-size: 8px; block-size: 8px; border-radius: 50%; background: currentColor; }
  `;

  const OVERLAY_STYLE = `
    :host {
      all: initial !important; position: fixed !important; inset: 0 !important; z-index: 2147483646 !important;
      display: grid !important; place-items: start center !important; padding: clamp(12px, 6vh, 64px) 12px 12px !important;
      inline-size: 100% !important; block-size: 100% !important; max-inline-size: none !important; max-block-size: none !important;
      overflow: hidden !important; direction: ltr !important; box-sizing: border-box !important; background: var(--lit-veil) !important;
      color: var(--lit-ink) !important; font: 15px/1.5 var(--lit-sans) !important; color-scheme: light dark !important;
    }
    .panel {
      display: grid; grid-template-rows: auto minmax(0, 1fr) auto; inline-size: min(880px, 100%); max-block-size: 100%;
      background: var(--lit-paper); border-radius: 14px; box-shadow: var(--lit-shadow);
      overflow: hidden; text-align: start; animation: arrive 0.18s ease-out;
    }
    @keyframes arrive { from { opacity: 0; transform: translateY(-8px); } }
    @media (prefers-reduced-motion: reduce) { .panel { animation: none; } }
    .head {
      display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 4px 12px; padding: 22px 24px 18px; align-items: center;
      background: linear-gradient(var(--lit-error) 4px, transparent 4px);
    }
    .eyebrow { display: flex; align-items: center; gap: 8px; color: var(--lit-error); font-size: 13px; font-weight: 600; }
    .took { color: var(--lit-soft); font-weight: 400; font-variant-numeric: tabular-nums; }
    .took::before { content: "· "; }
    .close {
      inline-size: 36px; block-size: 36px; margin: -6px -10px -6px 0; border-radius: 10px; font-size: 22px; line-height: 1;
      color: var(--lit-soft); cursor: pointer;
    }
    .close:hover { background: var(--lit-sunk); color: var(--lit-ink); }
    .title { grid-column: 1 / -1; font-size: 22px; line-height: 1.25; font-weight: 650; letter-spacing: -0.01em; overflow-wrap: anywhere; }
    .command { grid-column: 1 / -1; font: 13px/1.5 var(--lit-mono); color: var(--lit-soft); overflow-wrap: anywhere; }
    .command::before { content: "$ "; opacity: 0.6; }
    .body { overflow: auto; overscroll-behavior: contain; border-block: 1px solid var(--lit-line); }
    .body > * + * { border-block-start: 1px solid var(--lit-line); }
    .diagnostics { list-style: none; }
    .diagnostic {
      display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 4px 12px; align-items: baseline; padding: 14px 24px;
    }
    .diagnostic + .diagnostic { border-block-start: 1px solid var(--lit-line); }
    .severity { padding: 1px 8px; border-radius: 99px; font-size: 12px; font-weight: 600; line-height: 1.5; }
    .error .severity { color: var(--lit-error); background: var(--lit-error-tint); }
    .warning .severity { color: var(--lit-warning); background: var(--lit-warning-tint); }
    .place { font: 600 13px/1.5 var(--lit-mono); color: var(--lit-place); overflow-wrap: anywhere; }
    .message { grid-column: 1 / -1; font: 14px/1.5 var(--lit-mono); white-space: pre-wrap; overflow-wrap: anywhere; }
    .terminal { background: var(--lit-terminal); color: var(--lit-terminal-ink); padding: 14px 0; }
    .label { padding: 0 24px 6px; font-size: 12px; color: var(--lit-terminal-soft); }
    .output { padding: 0 24px; font: 13px/1.55 var(--lit-mono); tab-size: 4; overflow-x: auto; white-space: pre; outline-offset: -4px; }
    .bold { font-weight: 700; } .dim { opacity: 0.7; } .italic { font-style: italic; } .underline { text-decoration: underline; }
    .inverse:not([style]) { color: var(--lit-terminal); background: var(--lit-terminal-ink); }
    .help { padding: 14px 24px; background: var(--lit-sunk); white-space: pre-wrap; overflow-wrap: anywhere; }
    .foot { display: flex; justify-content: space-between; gap: 12px; padding: 12px 24px; color: var(--lit-soft); font-size: 13px; }
    .keys { white-space: nowrap; }
    kbd { padding: 1px 6px; border: 1px solid var(--lit-line); border-block-end-width: 2px; border-radius: 5px; font: 12px var(--lit-mono); }
    @media (max-width: 560px) {
      .head { padding: 18px 16px 14px; } .title { font-size: 19px; } .diagnostic, .help { padding: 12px 16px; }
      .label { padding-inline: 16px; } .output { padding-inline: 16px; font-size: 12px; } .foot { padding: 10px 16px; }
      .message { font-size: 13px; } .close { inline-size: 44px; block-size: 44px; margin: -10px -12px -10px 0; }
    }
    @media (pointer: coarse) { .keys { display: none; } }
  `;

  const BADGE_STYLE = `
    :host {
      all: initial !important; position: fixed !important; inset: auto 14px 14px auto !important; z-index: 2147483647 !important;
      inset-block-end: calc(14px + env(safe-area-inset-bottom, 0px)) !important; max-inline-size: calc(100% - 28px) !important;
      overflow: visible !important; direction: ltr !important; background: none !important; font: 13px/1.4 var(--lit-sans) !important; color-scheme: light dark !important;
    }
    .badge {
      display: flex; align-items: center; gap: 8px; padding: 7px 13px; border-radius: 18px; background: var(--lit-paper); color: var(--lit-soft);
      text-align: start; font-variant-numeric: tabular-nums; font-weight: 500; overflow-wrap: anywhere;
      box-shadow: 0 0 0 1px var(--lit-line), 0 6px 20px rgb(40 25 10 / 0.22);
    }
    .badge:enabled { cursor: pointer; }
    .badge:enabled:hover .words { text-decoration: underline; text-underline-offset: 3px; }
    :host([data-mood="warning"]) .badge { background: var(--lit-warning-tint); color: var(--lit-warning); font-weight: 600; }
    :host([data-busy="true"]) .light { animation: glow 1.2s ease-in-out infinite; }
    @keyframes glow { 50% { opacity: 0.25; } }
    @media (prefers-reduced-motion: reduce) { :host([data-busy="true"]) .light { animation: none; } }
  `;

  customElements.define("everlit-overlay", Overlay);
  customElements.define("everlit-badge", Badge);

  // The script is asynchronous: `pageshow` may be past, and everything above has to be in place first.
  connect();
})();
