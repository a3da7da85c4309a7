// Terminal colours.

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
