
// Stylesheets, swapped in place.

// Swaps the sheets of these paths, or says why only loading the page anew would.
async function reachStyles(paths, stamp, guessed) {
  if (!paths.length) return;
  const find = finder(paths);
  const owners = all(SHEET_OWNERS).filter((owner) => addressesOf(owner).some((address) => find(address)));
  // The importing sheet gets a new address, the imported one does not: its cached copy has to be renewed first.
  const imported = new Set(owners.flatMap((owner) => importsOf(owner.sheet)).filter((address) => find(address)));
  const reached = new Set(owners.flatMap((owner) => addressesOf(owner).map(ownPath)));
  await Promise.all([...imported].map(renew));
  await Promise.all(owners.map((owner) => swapSheet(owner, stamp)));
  dropFaces();
  for (const path of paths.filter((one) => !reached.has(ownPath(one)) && hasLoaded(one))) {
    if (!(await replaceAdopted(path))) throw new Unreached(`${path} was loaded by a script`);
  }
  if (guessed && !owners.length) throw new Unreached(`${paths[0]} may stand under another address`);
}

const renew = (address) =>
  fetch(address, { cache: "reload", signal: AbortSignal.timeout(ANSWER_LIMIT_MS) }).then(
    (answer) => (answer.ok ? answer.text() : null),
    () => null,
  );

// Whether a sheet that is put into the page afterwards loads.
function settled(owner) {
  return new Promise((done) => {
    const end = (loaded) => () => {
      clearTimeout(patience);
      done(loaded);
    };
    const patience = setTimeout(end(false), ANSWER_LIMIT_MS);
    owner.addEventListener("load", end(true), { once: true });
    owner.addEventListener("error", end(false), { once: true });
  });
}

// The old sheet applies until the new one has loaded, and stays when it does not load.
async function swapSheet(owner, stamp) {
  const next = owner.cloneNode(true);
  if (stamped.has(owner)) stamped.set(next, new Map(stamped.get(owner)));
  if (owner.href) stampAttribute(next, "href", fresh(new URL(owner.href), stamp));
  if (owner.hasAttribute("disabled")) return owner.replaceWith(next);
  // A script may have switched it on or off without an attribute.
  const keepSwitch = () => {
    if (next.sheet && owner.sheet && next.sheet.disabled !== owner.sheet.disabled) next.sheet.disabled = owner.sheet.disabled;
  };
  const loaded = settled(next);
  ownNodes.add(next);
  // A sheet applies some frames before it says that it has loaded: too early for one that names refreshed pictures.
  if (renewedPaths.size) next.media = "not all";
  owner.after(next);
  keepSwitch();
  const applies = await loaded;
  if (applies) renewKnown();
  reveal(next, owner);
  keepSwitch();
  (applies ? owner : next).remove();
}

// Sheets that a script made of a fetched text: those whose rules are the ones of the text the browser still has.
async function replaceAdopted(path) {
  const adopted = adoptedSheets();
  if (!adopted.length) return false;
  const old = await fetch(path, { cache: "force-cache" }).then((answer) => answer.text(), () => "");
  const looks = ruleTexts(parseSheet(old));
  const [now, same] = [await renew(path), adopted.filter((sheet) => ruleTexts(sheet) === looks)];
  if (now === null || !looks || !same.length) return false;
  try {
    for (const sheet of same) sheet.replaceSync(now);
    return true;
  } catch {
    return false;
  }
}

function parseSheet(text) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  return sheet;
}

const ruleTexts = (sheet) => rulesOf(sheet).map(({ cssText }) => cssText).join("\n");
