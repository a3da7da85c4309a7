// A failure, as the overlay shows it. Text is only ever set as text.

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
      diagnostics.length ? make("ol", "diagnostics", ...diagnostics.map((one, index) => renderDiagnostic(one, report, index))) : null,
      report.help ? make("p", "help", report.help) : null,
      report.output ? renderOutput(report.output, diagnostics.some(({ excerpt }) => excerpt)) : null,
    ),
    renderFoot(),
  );
  panel.tabIndex = -1;
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
  rollback: "rolled back",
  choice: "rolled back",
  config: "configuration",
  template: "template",
};

function duration(ms) {
  if (!(ms > 0)) return null;
  return make("span", "took", ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`);
}

function renderDiagnostic(diagnostic, report, index) {
  const { severity, file, message, excerpt, help } = diagnostic;
  return make(
    "li",
    `diagnostic ${severity === "warning" ? "warning" : "error"}`,
    make("span", "severity", severity),
    file ? renderPlace(diagnostic, report, index) : null,
    make("p", "message", message),
    excerpt ? renderExcerpt(diagnostic) : null,
    help ? make("p", "hint", help) : null,
  );
}

const placeOf = ({ file, line, column }) => [file, line, column].filter((part) => part != null).join(":");

function renderPlace(diagnostic, report, index) {
  const place = make("button", "place", placeOf(diagnostic));
  place.type = "button";
  place.title = "Open in your editor";
  place.addEventListener("click", () => openPlace(report, index));
  return place;
}

// The lines around the place; what the compiler points to is underlined.
function renderExcerpt({ line, column, excerpt: { first, lines } }) {
  const rows = lines.map((text, index) => {
    const marked = first + index === line;
    const number = make("span", "number", String(first + index));
    number.setAttribute("aria-hidden", "true");
    return make("div", marked ? "row marked" : "row", number, make("code", "code", ...(marked ? renderMarked(text, column) : [text])));
  });
  const excerpt = make("div", "excerpt", ...rows);
  excerpt.tabIndex = 0;
  excerpt.setAttribute("role", "group");
  excerpt.setAttribute("aria-label", "Source");
  return excerpt;
}

function renderMarked(text, column) {
  const from = column - 1;
  const token = column > 0 && from < text.length ? /^(?:[\p{L}\p{N}_$]+|\S)/u.exec(text.slice(from))?.[0] : "";
  return token ? [text.slice(0, from), make("mark", "", token), text.slice(from + token.length)] : [text];
}

// Where the source itself is shown, the compiler's drawing of it is one click away.
function renderOutput(output, folded) {
  const cut = output.length > OUTPUT_CHARS;
  const text = make("pre", "output", ...renderAnsi(cut ? output.slice(-OUTPUT_CHARS) : output));
  text.tabIndex = 0;
  text.setAttribute("aria-label", "Output");
  const box = make("details", "terminal", make("summary", "label", cut ? "the end of the output" : "output"), text);
  box.open = !folded;
  return box;
}

function renderFoot() {
  const serving = known() ? `generation ${generation} keeps serving, marked stale` : "nothing is served yet";
  const told = make("span", "told", serving);
  told.setAttribute("role", "status");
  return make("footer", "foot", told, make("span", "keys", make("kbd", "", "Esc"), " dismiss"));
}
