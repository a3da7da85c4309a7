
// Stylesheets, swapped in place.

// Swaps the sheets of these paths, or says why only loading the page anew would.
async function reachStyles(paths, stamp, guessed) {
  if (!paths.length) return;
  const find = finder(paths);
  const owners = all(SHEET_OWNERS).filter((owner) => addressesOf(owner).some((address) => find(address)));
  const imported = owners.flatMap((owner) => importsOf(owner.sheet)).filter((address) => find(address));
  for (const address of imported) renewedImports.set(ownPath(address), stamp);
  const reached = new Set(owners.flatMap((owner) => addressesOf(owner).map(ownPath)));
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
  // A sheet applies some frames before it says that it has loaded: too early for one that names older files.
  if (renewedPaths.size || renewedImports.size) next.media = "not all";
  owner.after(next);
  keepSwitch();
  const applies = (await loaded) && (await renewNames(next.sheet));
  const sheet = next.sheet;
  const again = settled(next);
  reveal(next, owner);
  // Firefox loads a sheet another time when its media change, and forgets what its rules were changed to.
  if (applies && next.sheet !== sheet && (await again)) await renewNames(next.sheet);
  keepSwitch();
  (applies ? owner : next).remove();
}

// The generation each imported sheet was last changed in. A sheet that is loaded anew names them by their plain addresses, under
// which browsers keep them: as bytes, or parsed.
const renewedImports = new Map();
// Nothing says when a sheet that was named by an inserted rule has loaded.
const LOOK_FOR_SHEET_MS = 4;

// Makes a sheet name the files that changed by their fresh addresses.
async function renewNames(sheet) {
  const loaded = await renewImports(sheet);
  if (loaded) renewKnown();
  return loaded;
}

// Gives the imports that lead to changed sheets fresh addresses; answers whether all of them loaded.
async function renewImports(sheet) {
  if (!renewedImports.size) return true;
  const find = finder([...renewedImports.keys()]);
  for (const [index, rule] of rulesOf(sheet).entries()) {
    const url = rule instanceof CSSImportRule ? resolved(rule.href, sheet.href ?? document.baseURI) : null;
    if (url?.origin !== location.origin) continue;
    // A sheet that does not apply yet loads its imports when there is time.
    if (!find(url.href) && !(await leadsTo(find, await loadedImport(sheet, index)))) continue;
    const address = fresh(url, Math.max(...renewedImports.values()));
    // It is in the cache then, and one that is not there is not waited for.
    if ((await renew(address)) === null) return false;
    sheet.insertRule(rule.cssText.replace(/url\((["']).*?\1\)/, () => `url(${JSON.stringify(address)})`), index);
    sheet.deleteRule(index + 1);
    const loaded = await loadedImport(sheet, index);
    if (!loaded || !(await renewImports(loaded))) return false;
  }
  return true;
}

async function leadsTo(find, sheet) {
  for (const [index, rule] of rulesOf(sheet).entries()) {
    const url = rule instanceof CSSImportRule ? resolved(rule.href, sheet.href) : null;
    if (url?.origin !== location.origin) continue;
    if (find(url.href) || (await leadsTo(find, await loadedImport(sheet, index)))) return true;
  }
  return false;
}

async function loadedImport(sheet, index) {
  const deadline = performance.now() + ANSWER_LIMIT_MS;
  while (performance.now() < deadline) {
    const loaded = sheet.cssRules[index].styleSheet;
    try {
      if (loaded?.cssRules) return loaded;
    } catch {
      // It is still on its way.
    }
    await new Promise((done) => setTimeout(done, LOOK_FOR_SHEET_MS));
  }
  return null;
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
