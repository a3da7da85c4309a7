// Looks.

const PALETTE = `
  :host {
    --lit-paper: #fffdfa; --lit-ink: #221d1a; --lit-soft: #6f655e; --lit-line: #ebe3da; --lit-sunk: #f7f1ea;
    --lit-error: #c0322b; --lit-error-tint: #fdeeeb; --lit-error-mark: #fbe0da; --lit-warning-mark: #f9e8bf; --lit-warning: #94600a; --lit-warning-tint: #fdf3dc;
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
      --lit-error: #ff8d7d; --lit-error-tint: #3d2320; --lit-error-mark: #47251f; --lit-warning-mark: #423617; --lit-warning: #f2c063; --lit-warning-tint: #38301c;
      --lit-place: #9cc4fa; --lit-veil: rgb(8 6 5 / 0.62);
      --lit-shadow: 0 0 0 1px #3b332f, 0 24px 72px rgb(0 0 0 / 0.65);
      --lit-terminal: #151211;
    }
  }
  @media print { :host { display: none !important; } }
  * { box-sizing: border-box; margin: 0; padding: 0; }
  button { font: inherit; color: inherit; border: 0; background: none; }
  button:focus-visible, summary:focus-visible, .output:focus-visible, .excerpt:focus-visible { outline: 2px solid var(--lit-place); outline-offset: 2px; }
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
  .place {
    justify-self: start; margin: -3px -6px; padding: 3px 6px; border-radius: 6px; font: 600 13px/1.5 var(--lit-mono); color: var(--lit-place);
    text-align: start; overflow-wrap: anywhere; cursor: pointer; text-decoration: underline dotted 1.5px; text-underline-offset: 4px;
  }
  .place:hover { background: var(--lit-sunk); text-decoration-style: solid; }
  .message { grid-column: 1 / -1; font: 14px/1.5 var(--lit-mono); white-space: pre-wrap; overflow-wrap: anywhere; tab-size: 4; }
  .excerpt {
    grid-column: 1 / -1; display: grid; margin-block-start: 6px; padding-block: 8px; border-radius: 10px; background: var(--lit-sunk);
    overflow-x: auto; font: 13px/1.6 var(--lit-mono); tab-size: 4; outline-offset: -2px;
  }
  .row { display: grid; grid-template-columns: 52px max-content; gap: 16px; min-inline-size: max-content; padding-inline-end: 16px; }
  .number { text-align: end; color: var(--lit-soft); font-variant-numeric: tabular-nums; user-select: none; -webkit-user-select: none; }
  .code { font: inherit; white-space: pre; }
  .marked { background: var(--lit-error-mark); box-shadow: inset 3px 0 var(--lit-error); }
  .marked .number { color: var(--lit-error); font-weight: 600; }
  .warning .marked { background: var(--lit-warning-mark); box-shadow: inset 3px 0 var(--lit-warning); }
  .warning .marked .number { color: var(--lit-warning); }
  mark {
    color: inherit; background: none; text-decoration: underline wavy var(--lit-error) 1.5px; text-underline-offset: 4px;
    text-decoration-skip-ink: none;
  }
  .warning mark { text-decoration-color: var(--lit-warning); }
  .hint {
    grid-column: 1 / -1; margin-block-start: 4px; padding-inline-start: 12px; border-inline-start: 2px solid var(--lit-line);
    font-size: 13px; color: var(--lit-soft); white-space: pre-wrap; overflow-wrap: anywhere;
  }
  .terminal { background: var(--lit-terminal); color: var(--lit-terminal-ink); }
  .label { padding: 10px 24px; font-size: 12px; color: var(--lit-terminal-soft); cursor: pointer; outline-offset: -4px; }
  .label:hover { color: var(--lit-terminal-ink); }
  .output { padding: 0 24px 14px; font: 13px/1.55 var(--lit-mono); tab-size: 4; overflow-x: auto; white-space: pre; outline-offset: -4px; }
  .bold { font-weight: 700; } .dim { opacity: 0.7; } .italic { font-style: italic; } .underline { text-decoration: underline; }
  .inverse:not([style]) { color: var(--lit-terminal); background: var(--lit-terminal-ink); }
  .help { padding: 14px 24px; background: var(--lit-sunk); white-space: pre-wrap; overflow-wrap: anywhere; }
  .foot { display: flex; justify-content: space-between; gap: 12px; padding: 12px 24px; color: var(--lit-soft); font-size: 13px; }
  .told { overflow-wrap: anywhere; min-inline-size: 0; }
  .panel:focus { outline: none; }
  .keys { white-space: nowrap; }
  kbd { padding: 1px 6px; border: 1px solid var(--lit-line); border-block-end-width: 2px; border-radius: 5px; font: 12px var(--lit-mono); }
  @media (max-width: 560px) {
    .head { padding: 18px 16px 14px; } .title { font-size: 19px; } .diagnostic, .help { padding: 12px 16px; }
    .row { grid-template-columns: 34px max-content; gap: 12px; } .excerpt { margin-inline: -6px; font-size: 12px; } .place { padding-block: 8px; margin-block: -8px; }
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
  .live { display: flex; align-items: center; justify-content: end; gap: 6px; }
  .reload {
    flex: none; padding: 7px 14px; border-radius: 18px; cursor: pointer; background: var(--lit-place); color: var(--lit-paper); font-weight: 600;
    box-shadow: 0 6px 20px rgb(40 25 10 / 0.22);
  }
  .reload:hover { text-decoration: underline; text-underline-offset: 3px; }
  .reload[hidden] { display: none; }
  :host([data-mood="ready"]) .badge { color: var(--lit-ink); font-weight: 600; }
  :host([data-mood="ready"]) .light { background: var(--lit-place); }
  @media (pointer: coarse) { .badge, .reload { padding-block: 11px; } }
  :host([data-mood="warning"]) .badge { background: var(--lit-warning-tint); color: var(--lit-warning); font-weight: 600; }
  :host([data-busy="true"]) .light { animation: glow 1.2s ease-in-out infinite; }
  @keyframes glow { 50% { opacity: 0.25; } }
  @media (prefers-reduced-motion: reduce) { :host([data-busy="true"]) .light { animation: none; } }
`;
