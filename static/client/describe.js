// Values as text, for the terminal: short, whatever they are, and without running the page's code where that can be avoided.

const TEXT_CHARS = 1_500;
const STRING_CHARS = 200;
const DEPTH = 3;
const ITEMS = 30;
const FRAMES = 8;

// Characters that the present message may still have.
let room = 0;

function describeAll(args) {
  room = TEXT_CHARS;
  const rest = args.slice(0, TEXT_CHARS);
  const parts = [];
  if (typeof rest[0] === "string" && rest.length > 1) parts.push(leaf(filledIn(rest.shift().slice(0, TEXT_CHARS), rest)));
  while (rest.length && room > 0) parts.push(describe(rest.shift()));
  return (rest.length ? [...parts, "…"] : parts).join(" ");
}

// What `%s` and its like stand for is taken from the arguments; styles show nothing (console.spec.whatwg.org §2.2.1).
function filledIn(words, rest) {
  return words.replace(/%([sdifoOc%])/g, (whole, kind) => {
    if (kind === "%") return "%";
    if (!rest.length) return whole;
    const value = rest.shift();
    if (kind === "c") return "";
    if (kind === "d" || kind === "i") return typeof value === "number" ? String(Math.trunc(value)) : describe(value);
    return describe(value);
  });
}

function leaf(text) {
  const shown = text.length > room ? `${text.slice(0, Math.max(room, 0))}…` : text;
  room -= shown.length;
  return shown;
}

// `above` holds the objects that this value stands in.
function describe(value, above = []) {
  if (room <= 0) return "…";
  if (value === null || !/^(object|function)$/.test(typeof value)) return leaf(describePrimitive(value, above.length > 0));
  if (above.includes(value)) return leaf("[circular]");
  try {
    return describeObject(value, above);
  } catch {
    return leaf("[unreadable]");
  }
}

function describePrimitive(value, isInside) {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "string" || !isInside) return String(value);
  return JSON.stringify(value.length > STRING_CHARS ? `${value.slice(0, STRING_CHARS)}…` : value);
}

function describeObject(value, above) {
  if (typeof value === "function") return leaf(`ƒ ${ownValue(value, "name") ?? ""}`.trim());
  if (value instanceof Error || value instanceof DOMException) return leaf(describeError(value, above.length > 0));
  if (value instanceof Node) return leaf(describeNode(value));
  if (value instanceof Date) return leaf(Number.isNaN(Date.prototype.getTime.call(value)) ? "Invalid Date" : Date.prototype.toISOString.call(value));
  if (value instanceof RegExp) return leaf(RegExp.prototype.toString.call(value));
  const name = classNameOf(value);
  const inside = [...above, value];
  if (Array.isArray(value) || (ArrayBuffer.isView(value) && "length" in value)) {
    const prefix = leaf(Array.isArray(value) ? "" : `${name}(${value.length}) `);
    return prefix + list("[", Array.prototype.slice.call(value, 0, ITEMS), value.length, "]", inside, describe);
  }
  if (value instanceof Map) {
    const pair = ([key, one], within) => `${describe(key, within)} => ${describe(one, within)}`;
    return leaf(`Map(${value.size}) `) + list("{ ", firstOf(Map.prototype.entries.call(value)), value.size, " }", inside, pair);
  }
  if (value instanceof Set) {
    return leaf(`Set(${value.size}) `) + list("{ ", firstOf(Set.prototype.values.call(value)), value.size, " }", inside, describe);
  }
  const { keys, hasMore } = firstKeys(value);
  const member = (key, within) => `${leaf(key)}: ${describeMember(value, key, within)}`;
  return leaf(name === "Object" ? "" : `${name} `) + list("{ ", keys, keys.length + Number(hasMore), " }", inside, member);
}

function list(open, items, count, close, inside, each) {
  if (!count) return leaf(`${open}${close}`.replaceAll(" ", ""));
  if (inside.length > DEPTH) return leaf(`${open}…${close}`);
  const shown = [];
  for (const item of items) {
    if (room <= 0) break;
    shown.push(each(item, inside));
  }
  if (shown.length < count) shown.push("…");
  return open + shown.join(", ") + close;
}

// A getter is the page's code: it is not run.
function describeMember(value, key, within) {
  const property = Object.getOwnPropertyDescriptor(value, key);
  return property && "value" in property ? describe(property.value, within) : leaf("(…)");
}

function firstKeys(value) {
  const keys = [];
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue;
    if (keys.length === ITEMS) return { keys, hasMore: true };
    keys.push(key);
  }
  return { keys, hasMore: false };
}

function firstOf(iterator) {
  const items = [];
  for (let next = iterator.next(); !next.done && items.length < ITEMS; next = iterator.next()) items.push(next.value);
  return items;
}

const ownValue = (value, key) => Object.getOwnPropertyDescriptor(value, key)?.value;

const classNameOf = (value) => String(ownValue(ownValue(Object.getPrototypeOf(value) ?? {}, "constructor") ?? {}, "name") || "Object");

function describeError(error, isInside) {
  const name = String(error.name || "Error");
  const head = error.message ? `${name}: ${error.message}` : name;
  if (isInside) return head;
  const frames = framesOf(error.stack).slice(0, FRAMES);
  const lines = frames.map(({ name, place }) => `    at ${name ? `${name} ` : ""}(${place.source}:${place.line}:${place.column})`);
  const cause = error.cause === undefined ? [] : [`caused by ${describe(error.cause, [error])}`];
  return [head, ...lines, ...cause].join("\n");
}

function describeNode(node) {
  if (node instanceof Element) {
    const id = node.id ? `#${node.id}` : "";
    return `<${node.localName}${id}${[...node.classList].slice(0, ITEMS).map((name) => `.${name}`).join("")}>`;
  }
  return node instanceof CharacterData ? `${node.nodeName} ${JSON.stringify(node.data.slice(0, STRING_CHARS))}` : node.nodeName;
}
