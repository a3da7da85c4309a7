// The page of the control listener: the last requests, and one of them. All it shows is put in as text.

/** How often it is looked whether there is something new, in milliseconds. */
const LOOK_AGAIN = 1000;

/** How many requests are listed. */
const LISTED = 100;

/** Where the token is kept: for this tab alone, and until it is closed. */
const PLACE = "everlit-control-token";

const at = (id) => document.getElementById(id);
const mayChange = (method) => !["GET", "HEAD", "OPTIONS"].includes(method);

let token = "";
let shown = 0;
let listed = "";

/** The words of an answer that is none. */
async function words(answer) {
  const problem = await answer.json().catch(() => ({}));
  return problem.detail ?? `the answer is ${answer.status}`;
}

async function ask(path, order) {
  const headers = { Accept: "application/json", Authorization: `Bearer ${token}` };
  if (order === undefined) {
    return fetch(path, { headers });
  }
  return fetch(path, { method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(order) });
}

/** The code of a link is traded for the token, and does not stay in the address. */
async function enter() {
  const code = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  if (code) {
    const answer = await ask("/api/session", { code });
    if (!answer.ok) {
      return leave(await words(answer));
    }
    const session = await answer.json();
    sessionStorage.setItem(PLACE, session.token);
    sessionStorage.setItem(`${PLACE}-project`, session.project);
  }
  token = sessionStorage.getItem(PLACE) ?? "";
  if (token) {
    at("project").textContent = sessionStorage.getItem(`${PLACE}-project`) ?? "";
    await look();
  }
}

/** Nothing is shown to somebody who may not see it. */
function leave(why) {
  token = "";
  sessionStorage.removeItem(PLACE);
  at("main").hidden = true;
  at("state").textContent = why;
}

async function look() {
  if (!document.hidden) {
    try {
      const answer = await ask(`/api/exchanges?limit=${LISTED}`);
      if (answer.status === 401) {
        return leave("This page is of an earlier run: press i in the terminal.");
      }
      list(await answer.json());
      at("state").textContent = "The newest first. Heads and bodies are kept from the first look on, in memory alone.";
    } catch {
      at("state").textContent = "Everlit does not answer.";
    }
  }
  setTimeout(look, LOOK_AGAIN);
}

function list(exchanges) {
  at("main").hidden = false;
  at("none").hidden = exchanges.length > 0;
  const now = JSON.stringify([exchanges.map((exchange) => exchange.id), shown]);
  if (now === listed) {
    return;
  }
  listed = now;
  at("exchanges").replaceChildren(...exchanges.map(row));
}

function cell(text, kind = "") {
  const cell = document.createElement("td");
  cell.textContent = text;
  cell.className = kind;
  return cell;
}

function row(exchange) {
  const row = document.createElement("tr");
  const open = document.createElement("button");
  open.type = "button";
  open.textContent = exchange.path;
  open.addEventListener("click", () => show(exchange.id));
  const path = cell("");
  path.append(open);
  row.ariaSelected = String(exchange.id === shown);
  const kind = exchange.status < 400 ? "good" : "bad";
  row.append(cell(exchange.status, kind), cell(exchange.method), path, cell(`${(exchange.took_us / 1000).toFixed(1)} ms`));
  return row;
}

/** Shows one, unless another has been asked for before its answer is there. */
async function show(id) {
  [shown, listed] = [id, ""];
  at("command").hidden = true;
  const answer = await ask(`/api/exchanges/${id}`);
  const found = answer.ok ? await answer.json() : await words(answer);
  if (shown !== id) {
    return;
  }
  at("said").textContent = answer.ok ? "" : found;
  if (!answer.ok) {
    return;
  }
  const exchange = found;
  at("one").hidden = false;
  at("title").textContent = `${exchange.method} ${exchange.url ?? exchange.path}`;
  at("replay").onclick = () => replay(exchange);
  at("curl").onclick = () => command(id);
  if (!exchange.captured) {
    at("said").textContent = "A line alone is kept of this one: heads and bodies are from the first look on.";
  }
  await Promise.all([side("asked", "request", exchange), side("answered", "response", exchange)]);
}

async function side(place, of, exchange) {
  const { headers, body } = exchange[of] ?? { headers: [], body: { size: 0 } };
  at(place).replaceChildren(...headers.flatMap(({ name, value }) => {
    const [term, text] = [document.createElement("dt"), document.createElement("dd")];
    [term.textContent, text.textContent] = [name, value];
    return [term, text];
  }));
  const box = at(`${place}-body`);
  box.hidden = body.size === 0;
  if (body.size > 0) {
    box.textContent = "";
    const answer = await ask(`/api/exchanges/${exchange.id}/body?of=${of}`);
    const isText = answer.headers.get("Content-Type")?.startsWith("text/plain");
    const rest = body.whole ? "" : `\n… ${body.size} bytes, of which the first ${body.kept} are kept`;
    const plain = isText ? (await answer.text()) + rest : `${body.size} bytes that are no text`;
    const text = answer.ok ? plain : await words(answer);
    if (shown === exchange.id) {
      box.textContent = text;
    }
  }
}

async function command(id) {
  const answer = await ask(`/api/exchanges/${id}/curl`);
  const text = answer.ok ? await answer.text() : await words(answer);
  if (shown !== id) {
    return;
  }
  at("command").hidden = !answer.ok;
  at("command").textContent = answer.ok ? text : "";
  at("said").textContent = answer.ok ? "" : text;
}

async function replay(exchange) {
  const may = mayChange(exchange.method) ? confirm(`${exchange.method} ${exchange.path} may change something once more.`) : true;
  if (!may) {
    return;
  }
  const answer = await ask("/api/replay", { id: exchange.id, confirm: mayChange(exchange.method) });
  if (!answer.ok) {
    at("said").textContent = await words(answer);
    return;
  }
  const { id, status, left_out: lacks } = await answer.json();
  if (id) {
    await show(id);
  }
  at("said").textContent = `Answered with ${status}${lacks.length > 0 ? `, without ${lacks.join(", ")}: secrets are not kept` : ""}.`;
}

// A link that is opened where the page is already changes what stands behind the # alone.
addEventListener("hashchange", () => location.hash.length > 1 && location.reload());
enter().catch(() => leave("Everlit does not answer."));
