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
