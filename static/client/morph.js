
// The three-way morph.
//
// `base` is the HTML this tab was served, `target` the same address now. What differs between the two is done to the live
// document where that still is what base says; whatever else lives there (nodes and attributes of scripts, what a person
// typed, opened, scrolled or selected) is not touched. All of it is planned first: a conflict leaves the page as it was.

// Parsing and comparing more would stall the tab longer than a reload.
const MORPH_CHARS = 4_000_000;
// Cells of the table that compares two runs of siblings; more are paired one after the other.
const TABLE_CELLS = 250_000;

// Why something can only be reached by loading the page anew.
class Unreached extends Error {}

let policy = null;

// A document that runs and loads nothing.
function parseInert(html) {
  try {
    policy ??= window.trustedTypes?.createPolicy("everlit", { createHTML: (text) => text }) ?? { createHTML: String };
    return new DOMParser().parseFromString(policy.createHTML(html), "text/html");
  } catch {
    throw new Unreached("this page's policy allows no parsing");
  }
}

async function morph(baseText, targetText) {
  if (baseText === targetText) return;
  if (document.contentType !== "text/html") throw new Unreached("only HTML is changed in place");
  if (baseText.length + targetText.length > MORPH_CHARS) throw new Unreached("the page is too large to be changed in place");
  const [base, target] = [parseInert(baseText), parseInert(targetText)];
  const sheets = new Map();
  try {
    let plan = planMorph(base, target, sheets);
    if (plan.sheets.length) {
      await Promise.all(plan.sheets.map((link) => loadSheet(link, sheets)));
      // The page went on meanwhile.
      plan = planMorph(base, target, sheets);
    }
    for (const edit of [...plan.edits, ...plan.removals]) edit();
  } catch (error) {
    for (const link of sheets.values()) link?.remove();
    throw error instanceof Unreached ? error : new Unreached(String(error));
  }
}

// Loads the sheet of a link of the target, applying to nothing yet, so that what needs it never stands there without it.
async function loadSheet(link, sheets) {
  const copy = document.importNode(link);
  ownNodes.add(copy);
  copy.media = "not all";
  copy.removeAttribute("disabled");
  sheets.set(link, copy);
  const loaded = settled(copy);
  document.head.append(copy);
  if (await loaded) return;
  copy.remove();
  sheets.set(link, null);
}

// ---- what a subtree looks like -----------------------------------------------------------------------------------------

// Nodes the runtime itself put into the page.
const ownNodes = new WeakSet();
const OWN = 'everlit-overlay, everlit-badge, script[src*="/__everlit/client.js"]';
const OWN_NAMES = new Set(["everlit-overlay", "everlit-badge", "script", "link", "style"]);
const isElement = (node) => node.nodeType === Node.ELEMENT_NODE;
const isOwn = (node) => OWN_NAMES.has(node.localName) && (ownNodes.has(node) || node.matches(OWN));
const isText = (node) => node.nodeType === Node.TEXT_NODE;
const isBlank = (node) => isText(node) && !/\S/.test(node.data) && !node.parentElement?.closest("pre, textarea");
const isSheet = (node) => isElement(node) && node.matches('link[rel~="stylesheet" i][href]');
const declaresShadow = (node) => isElement(node) && node.localName === "template" && node.hasAttribute("shadowrootmode");
const insideOf = (node) => (node.localName === "template" && node.content ? node.content : node);

// A browser with scripts on sees text in `noscript` where the inert parser sees elements.
function kidsOf(node) {
  if (node.localName === "noscript") return [];
  return [...insideOf(node).childNodes].filter((kid) => !isOwn(kid) && !declaresShadow(kid));
}

function shadowTemplate(node) {
  for (let kid = node.firstElementChild ?? null; kid; kid = kid.nextElementSibling) if (declaresShadow(kid)) return kid;
  return null;
}

const shadowOf = (node) => (isElement(node) ? node.shadowRoot ?? shadowTemplate(node)?.content ?? null : null);

// The value the server sent, where a refreshed picture or sheet has another one now.
function servedValue(element, name) {
  const value = element.getAttribute(name);
  const stamp = stamped.get(element)?.get(name);
  return stamp && stamp.now === value ? stamp.served : value;
}

// A nonce is another one in every answer, and means nothing afterwards.
function namesOf(element) {
  const names = element.getAttributeNames();
  return names.length > 1 || names[0] === "nonce" ? names.filter((name) => name !== "nonce").sort() : names;
}

function attributesOf(element) {
  let text = "";
  for (const name of namesOf(element)) {
    const value = servedValue(element, name);
    text += ` ${name}=${value.length}:${value}`;
  }
  return text;
}

const unmarked = (text) => (text.startsWith(TITLE_MARK) ? text.slice(TITLE_MARK.length) : text);

const textOf = (node) => (node.parentNode?.localName === "title" ? unmarked(node.data) : node.data);

// Numbers for subtrees: equal ones have the same.
class Prints {
  #numbers = new Map();
  #known = new Map();

  of(node) {
    let number = this.#known.get(node);
    if (number === undefined) {
      const look = this.#look(node);
      number = this.#numbers.get(look) ?? this.#numbers.size;
      this.#numbers.set(look, number);
      this.#known.set(node, number);
    }
    return number;
  }

  #look(node) {
    if (isBlank(node)) return " ";
    if (isText(node)) return `"${textOf(node)}`;
    if (!isElement(node)) return `${node.nodeType} ${node.data ?? ""}${this.kids(node).join()}`;
    const shadow = shadowTemplate(node);
    const declared = shadow ? `${attributesOf(shadow)} ${this.of(shadow.content)}` : "";
    return `<${node.namespaceURI} ${node.localName}${attributesOf(node)}>${this.kids(node).join()} ${declared}`;
  }

  kids(node) {
    return kidsOf(node).map((kid) => this.of(kid));
  }
}

// ---- which node is which -----------------------------------------------------------------------------------------------

const NAMED = new Set(["input", "select", "textarea", "button", "meta", "iframe", "fieldset", "form", "slot", "map"]);

// What tells an element from its siblings whatever its content is.
function keyOf(node) {
  if (!isElement(node)) return null;
  const name = ["id", "data-key", "data-id", "key"].find((attribute) => node.getAttribute(attribute));
  if (name) return `${node.localName} ${name} ${node.getAttribute(name)}`;
  if (!NAMED.has(node.localName)) return null;
  const given = node.getAttribute("name") ?? node.getAttribute("property") ?? node.getAttribute("http-equiv");
  const choice = /^(radio|checkbox)$/i.test(node.getAttribute("type") ?? "") ? node.getAttribute("value") : "";
  return given && `${node.localName} name ${given} ${choice}`;
}

// Answers, for the nodes of one tree, those of another that are the same ones.
class Pairs {
  #prints;
  #twins = new Map();
  #taken = new Set();
  // Subtrees that look the same, whose insides are paired when somebody asks.
  #whole = new Set();

  constructor(first, second, prints) {
    this.#prints = prints;
    this.#pair(first, second);
    // An element with an id is the same one under another parent, too.
    const others = soleIds(second, (element) => !isWithin(element, this.#taken, this.#whole));
    for (const [id, one] of soleIds(first, (element) => !isWithin(element, this.#twins, this.#whole))) {
      const other = others.get(id);
      if (other?.localName === one.localName && !this.#twins.has(one) && !this.#taken.has(other)) this.#pair(one, other);
    }
  }

  // Pairs what is inside of a node.
  expand(node) {
    if (this.#whole.has(node)) this.#open(node, this.#twins.get(node));
  }

  get(node) {
    const up = node.parentNode;
    if (!this.#twins.has(node) && up && this.get(up)) this.expand(up);
    return this.#twins.get(node);
  }

  has = (node) => this.#twins.has(node);

  // The pairs outside of subtrees that look the same, and those subtrees.
  entries = () => [...this.#twins];

  #pair(one, other) {
    this.#twins.set(one, other);
    this.#taken.add(other);
    if (this.#prints.of(one) !== this.#prints.of(other)) return this.#open(one, other);
    this.#whole.add(one);
    this.#whole.add(other);
  }

  #open(one, other) {
    this.#whole.delete(one);
    for (const [kid, twin] of alignKids(kidsOf(one), kidsOf(other), this.#prints)) this.#pair(kid, twin);
    const [shadow, twin] = [shadowOf(one), shadowOf(other)];
    if (shadow && twin) this.#pair(shadow, twin);
  }
}

// Whether a node is one of these, or inside of one that is so as a whole.
function isWithin(node, some, whole) {
  let at = node;
  while (at && !some.has(at)) at = at.parentNode;
  return at === node || whole.has(at);
}

function soleIds(root, wanted) {
  const found = new Map();
  for (const element of root.querySelectorAll("[id]")) found.set(element.id, found.has(element.id) ? null : element);
  return new Map([...found].filter(([, element]) => element && wanted(element)));
}

// Pairs two runs of siblings: equal ends, then what occurs once in both by its key or its look, then what lies between by
// likeness, in order.
function alignKids(ones, others, prints) {
  const pairs = [];
  const same = (one, other) => prints.of(one) === prints.of(other);
  let [from, left, right] = [0, ones.length, others.length];
  while (from < left && from < right && same(ones[from], others[from])) pairs.push([ones[from], others[from++]]);
  while (left > from && right > from && same(ones[left - 1], others[right - 1])) pairs.push([ones[--left], others[--right]]);
  const [a, b] = [ones.slice(from, left), others.slice(from, right)];
  if (!a.length || !b.length) return pairs;

  const handle = (node) => keyOf(node) ?? (isBlank(node) ? null : prints.of(node));
  const [inA, inB] = [soleHandles(a, handle), soleHandles(b, handle)];
  const anchors = [...inA].filter(([key]) => inB.has(key)).map(([key, at]) => [at, inB.get(key)]);
  for (const [at, to] of anchors) pairs.push([a[at], b[to]]);
  const [anchoredA, anchoredB] = [new Set(anchors.map(([at]) => at)), new Set(anchors.map(([, to]) => to))];
  let [startA, startB] = [0, 0];
  for (const [at, to] of [...longestRise(anchors, ([, to]) => to), [a.length, b.length]]) {
    const free = (list, start, end, anchored) => list.slice(start, end).filter((_, index) => !anchored.has(start + index));
    pairs.push(...alignGap(free(a, startA, at, anchoredA), free(b, startB, to, anchoredB), prints));
    [startA, startB] = [at + 1, to + 1];
  }
  return pairs;
}

// Where the handles stand that occur once.
function soleHandles(nodes, handle) {
  const found = new Map();
  nodes.forEach((node, index) => {
    const key = handle(node);
    if (key !== null) found.set(key, found.has(key) ? -1 : index);
  });
  return new Map([...found].filter(([, index]) => index >= 0));
}

// The longest run of items, in their order, whose values rise (patience sorting).
function longestRise(items, value) {
  const ends = [];
  for (const item of items) {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value(ends[middle].item) < value(item)) low = middle + 1;
      else high = middle;
    }
    ends[low] = { item, before: ends[low - 1] ?? null };
  }
  const run = [];
  for (let end = ends.at(-1) ?? null; end; end = end.before) run.unshift(end.item);
  return run;
}

// The heaviest common run of two lists.
function alignGap(a, b, prints) {
  if (!a.length || !b.length) return [];
  if (a.length * b.length > TABLE_CELLS) return alignGreedily(a, b, prints);
  const width = b.length + 1;
  const best = new Float64Array((a.length + 1) * width);
  const weights = new Float64Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const weight = weights[i * width + j] = likeness(a[i], b[j], prints);
      const paired = weight > 0 ? weight + best[(i + 1) * width + j + 1] : 0;
      best[i * width + j] = Math.max(paired, best[(i + 1) * width + j], best[i * width + j + 1]);
    }
  }
  const pairs = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const here = best[i * width + j];
    const weight = weights[i * width + j];
    if (weight > 0 && here === weight + best[(i + 1) * width + j + 1]) pairs.push([a[i++], b[j++]]);
    else if (here === best[(i + 1) * width + j]) i++;
    else j++;
  }
  return pairs;
}

function alignGreedily(a, b, prints) {
  const pairs = [];
  let from = 0;
  for (const one of a) {
    const at = b.slice(from, from + 100).findIndex((other) => likeness(one, other, prints) > 0);
    if (at < 0) continue;
    pairs.push([one, b[from + at]]);
    from += at + 1;
  }
  return pairs;
}

// 0 for what cannot be the same node.
function likeness(one, other, prints) {
  if (one.nodeType !== other.nodeType || one.nodeName !== other.nodeName) return 0;
  if (prints.of(one) === prints.of(other)) return 8;
  if (!isElement(one)) return isBlank(one) === isBlank(other) ? 1 : 0;
  if (keyOf(one) !== keyOf(other)) return 0;
  const [kids, twins] = [prints.kids(one), new Set(prints.kids(other))];
  const shared = kids.filter((print) => twins.has(print)).length / Math.max(kids.length, twins.size, 1);
  return 1 + (attributesOf(one) === attributesOf(other) ? 1 : 0) + 4 * shared;
}

// ---- what has to be done -----------------------------------------------------------------------------------------------

// What scripts and the parser rest on cannot be exchanged below them.
const FOUNDATIONS = {
  script: "a script of the page",
  base: "the base address",
  'meta[http-equiv="content-security-policy" i]': "the page's policy",
  frameset: "a frameset",
};

function planMorph(base, target, sheets) {
  const prints = new Prints();
  refuseFoundations(base, target, prints);
  const kept = new Pairs(base.documentElement, target.documentElement, prints);
  const live = new Pairs(base.documentElement, document.documentElement, prints);
  const origin = new Map(kept.entries().map(([from, to]) => [to, from]));
  const staying = new Set([...origin.values()].map((from) => live.get(from)));
  const plan = { edits: [], removals: [], sheets: [] };
  // Nodes of the target that are new and have something in them that is not.
  const wrapping = new Set();
  for (const node of origin.keys()) {
    for (let up = node.parentNode; up && !origin.has(up) && !wrapping.has(up); up = up.parentNode) wrapping.add(up);
  }
  visit(base.documentElement, target.documentElement);
  return plan;

  function visit(from, to) {
    if (prints.of(from) === prints.of(to)) return;
    const node = live.get(from);
    if (!node) throw new Unreached(`${nameOf(from)} is not in the page any more`);
    if (isSheet(from) && isSheet(to)) return visitSheet(from, to, node);
    if (isElement(from)) visitAttributes(from, to, node);
    else if (from.nodeType !== Node.DOCUMENT_FRAGMENT_NODE) return visitText(from, to, node);
    live.expand(from);
    visitKids(from, to, node);
    visitShadow(from, to, node);
  }

  function visitText(from, to, node) {
    if (textOf(from) === textOf(to) || textOf(node) === textOf(to) || isBlank(from)) return;
    if (textOf(node) !== textOf(from)) throw new Unreached(`a script changed the text in ${nameOf(from.parentNode)}`);
    plan.edits.push(() => replaceText(node, textOf(to)));
  }

  function visitAttributes(from, to, node) {
    for (const [name, was, will] of attributeChanges(from, to)) {
      if (/^(on|srcdoc$)/.test(name)) throw new Unreached(`${name} of ${nameOf(from)} runs code`);
      const now = servedValue(node, name);
      if (now === will) continue;
      if (name === "class") plan.edits.push(() => mergeClasses(node, was, will));
      else if (name === "style" && now !== was) planStyle(from, to, node);
      else if (now === was) plan.edits.push(() => setAttribute(node, to, name));
      // A person or a script opened it, and so does the server now, or the other way round.
      else if (name !== "open" || (now === null) !== (will === null)) {
        throw new Unreached(`a script changed ${name} of ${nameOf(from)}`);
      }
    }
  }

  function planStyle(from, to, node) {
    for (const name of new Set([...from.style, ...to.style])) {
      const said = ({ style }) => `${style.getPropertyValue(name)} ${style.getPropertyPriority(name)}`;
      const [was, will, now] = [from, to, node].map(said);
      if (was === will || now === will) continue;
      if (now !== was) throw new Unreached(`a script changed the style of ${nameOf(from)}`);
      plan.edits.push(() => node.style.setProperty(name, to.style.getPropertyValue(name), to.style.getPropertyPriority(name)));
    }
  }

  function visitSheet(from, to, node) {
    for (const [name, was, will] of attributeChanges(from, to)) {
      const now = servedValue(node, name);
      if (now !== was && now !== will) throw new Unreached(`a script changed ${name} of ${nameOf(from)}`);
    }
    const loaded = sheets.get(to);
    if (loaded === undefined) plan.sheets.push(to);
    if (!loaded) return;
    plan.edits.push(() => {
      reveal(loaded, to);
      put(node.parentNode, loaded, node);
    });
    plan.removals.push(() => node.remove());
  }

  function visitShadow(from, to, node) {
    const [shadow, next] = [shadowOf(from), shadowOf(to)];
    if (!shadow && !next) return;
    if (!shadow || !next || attributesOf(shadowTemplate(from)) !== attributesOf(shadowTemplate(to))) {
      throw new Unreached(`the shadow root of ${nameOf(from)} is another one`);
    }
    if (prints.of(shadow) === prints.of(next)) return;
    if (!node.shadowRoot) throw new Unreached(`the shadow root of ${nameOf(from)} is closed`);
    visitKids(shadow, next, node.shadowRoot);
  }

  function visitKids(from, to, node) {
    const inside = insideOf(node);
    const [kids, next] = [kidsOf(from), kidsOf(to)];
    const rank = new Map(kids.map((kid, index) => [kid, index]));
    const ranked = next.filter((kid) => rank.has(origin.get(kid)));
    const inOrder = new Set(longestRise(ranked, (kid) => rank.get(origin.get(kid))));
    const isHere = (kid) => inOrder.has(kid) && live.get(origin.get(kid))?.parentNode === inside;
    let after = null;
    next.forEach((kid, index) => {
      const twin = origin.get(kid);
      if (twin) visit(twin, kid);
      if (isHere(kid)) after = { node: live.get(twin) };
      // Where a script moved or removed a node the server did not touch, it stays as the script left it.
      if (inOrder.has(kid) || (twin && !live.get(twin))) return;
      const place = after;
      const later = place ? null : next.slice(index + 1).find(isHere);
      const made = after = { node: null };
      const build = twin ? (insert) => insert(live.get(twin)) : planNew(kid);
      plan.edits.push(() =>
        build((fresh) => {
          const before = place ? place.node.nextSibling : later ? live.get(origin.get(later)) : null;
          put(inside, (made.node = fresh), before?.parentNode === inside ? before : null);
        }));
    });
    for (const kid of kids) if (!kept.has(kid)) planRemoval(kid);
  }

  // Answers a function that makes the node and hands it to `insert` before what is kept moves in.
  function planNew(to) {
    if (isSheet(to)) return planNewSheet(to);
    const loads = isElement(to) && to.querySelector('link[rel~="stylesheet" i]');
    if (!wrapping.has(to) && !loads) return (insert) => insert(copyOf(to));
    const parts = kidsOf(to).map((kid) => {
      const twin = origin.get(kid);
      if (!twin) return planNew(kid);
      if (!live.get(twin)) throw new Unreached(`${nameOf(kid)} is not in the page any more`);
      visit(twin, kid);
      return (insert) => insert(live.get(twin));
    });
    return (insert) => {
      const node = document.importNode(to);
      insert(node);
      attachDeclared(node, shadowTemplate(to));
      for (const part of parts) part((kid) => put(insideOf(node), kid, null));
    };
  }

  function planNewSheet(to) {
    if (!sheets.has(to)) plan.sheets.push(to);
    return (insert) => {
      const loaded = sheets.get(to) ?? document.importNode(to);
      insert(loaded);
      reveal(loaded, to);
    };
  }

  function planRemoval(from) {
    const node = live.get(from);
    if (!node) return;
    if (!isUntouched(from, node)) throw new Unreached(`a script changed ${nameOf(from)}, which is gone now`);
    if (holdsEdits(node)) throw new Unreached(`${nameOf(from)} has text in it, and is gone now`);
    plan.removals.push(() => node.remove());
  }

  // Whether a node is as it was served. What moves elsewhere does not count, nor what a person opened.
  function isUntouched(from, node) {
    if (prints.of(from) === prints.of(node)) return true;
    if (from.nodeName !== node.nodeName) return false;
    if (!isElement(from)) return textOf(from) === textOf(node);
    const open = (name) => name !== "open";
    const [names, now] = [namesOf(from).filter(open), namesOf(node).filter(open)];
    if (names.join() !== now.join() || names.some((name) => from.getAttribute(name) !== servedValue(node, name))) return false;
    const kids = kidsOf(from).filter((kid) => !kept.has(kid) && !isBlank(kid));
    const twins = kidsOf(node).filter((kid) => !staying.has(kid) && !isBlank(kid));
    return kids.length === twins.length && kids.every((kid, index) => isUntouched(kid, twins[index]));
  }
}

function refuseFoundations(base, target, prints) {
  const doctype = ({ doctype: type }) => type && [type.name, type.publicId, type.systemId].join();
  if (doctype(base) !== doctype(target)) throw new Unreached("the document type changed");
  if (attributesOf(base.documentElement) !== attributesOf(target.documentElement)) throw new Unreached("the root element changed");
  for (const [selector, name] of Object.entries(FOUNDATIONS)) {
    const looks = ({ documentElement }) => [...documentElement.querySelectorAll(selector)].map((one) => prints.of(one)).join();
    if (looks(base) !== looks(target)) throw new Unreached(`${name} changed`);
  }
}

function attributeChanges(from, to) {
  const names = new Set([...namesOf(from), ...namesOf(to)]);
  return [...names].map((name) => [name, from.getAttribute(name), to.getAttribute(name)]).filter(([, was, will]) => was !== will);
}

function nameOf(node) {
  if (!node || !isElement(node)) return "a text";
  const more = node.id ? `#${node.id}` : node.className && typeof node.className === "string" ? `.${node.className.split(" ")[0]}` : "";
  return `<${node.localName}${more}>`;
}

// ---- doing it ----------------------------------------------------------------------------------------------------------

// Only the middle that differs is exchanged: carets and selections beside it stay where they are.
function replaceText(node, text) {
  const old = node.data;
  const shorter = Math.min(old.length, text.length);
  let start = 0;
  while (start < shorter && old[start] === text[start]) start++;
  let end = 0;
  while (end < shorter - start && old.at(-1 - end) === text.at(-1 - end)) end++;
  node.replaceData(start, old.length - start - end, text.slice(start, text.length - end));
}

function mergeClasses(node, was, will) {
  const words = (text) => new Set((text ?? "").split(/\s+/).filter(Boolean));
  const [before, after] = [words(was), words(will)];
  node.classList.remove(...[...before].filter((word) => !after.has(word)));
  node.classList.add(...[...after].filter((word) => !before.has(word)));
  if (!node.classList.length && will === null) node.removeAttribute("class");
}

function setAttribute(node, like, name) {
  const attribute = like.getAttributeNode(name);
  if (attribute) node.setAttributeNS(attribute.namespaceURI, name, attribute.value);
  else node.removeAttribute(name);
}

// Makes a loaded sheet apply as the target says.
function reveal(loaded, like) {
  ownNodes.delete(loaded);
  if (loaded.getAttribute("media") !== like.getAttribute("media")) setAttribute(loaded, like, "media");
  if (like.hasAttribute("disabled")) setAttribute(loaded, like, "disabled");
}

function copyOf(node) {
  const copy = document.importNode(node, true);
  if (!isElement(copy)) return copy;
  for (const template of [...copy.querySelectorAll("template[shadowrootmode]")].reverse()) {
    attachDeclared(template.parentElement, template);
    template.remove();
  }
  return copy;
}

// Only the document's own parser makes shadow roots of templates.
function attachDeclared(host, template) {
  if (!template) return;
  const has = (name) => template.hasAttribute(`shadowroot${name}`);
  const mode = template.getAttribute("shadowrootmode") === "closed" ? "closed" : "open";
  const options = { mode, delegatesFocus: has("delegatesfocus"), clonable: has("clonable"), serializable: has("serializable") };
  host.attachShadow(options).append(copyOf(template.content));
}

function put(parent, node, before) {
  if (node.parentNode === parent && node.nextSibling === before) return;
  if (parent.moveBefore && parent.isConnected && node.isConnected && parent.getRootNode() === node.getRootNode()) {
    return parent.moveBefore(node, before);
  }
  // A node that leaves the document on its way loses its focus and its scroll positions.
  const focused = node.contains(document.activeElement) ? document.activeElement : null;
  const scrolled = isElement(node) && node.isConnected ? [node, ...node.querySelectorAll("*")].filter(isScrolled) : [];
  const positions = scrolled.map(({ scrollLeft, scrollTop }) => [scrollLeft, scrollTop]);
  parent.insertBefore(node, before);
  focused?.focus({ preventScroll: true });
  scrolled.forEach((element, index) => element.scrollTo({ left: positions[index][0], top: positions[index][1], behavior: "instant" }));
}

const isScrolled = ({ scrollLeft, scrollTop }) => scrollLeft !== 0 || scrollTop !== 0;
