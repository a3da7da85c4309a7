
// Pictures and fonts, refreshed in place.

const ASSET_ATTRIBUTES = {
  src: "img[src], input[src], embed[src]",
  srcset: "img[srcset], picture > source[srcset]",
  poster: "video[poster]",
  data: "object[data]",
  href: 'image[href], use[href], feImage[href], link[rel~="icon" i][href]',
  "xlink:href": "image, use, feImage",
};

// The generation each path was refreshed to: a sheet that is loaded anew has the plain addresses again.
const renewedPaths = new Map();

async function reachAssets(paths, stamp, guessed) {
  if (!paths.length) return;
  const known = await Promise.all(paths.map((path) => !isPicture(path) || canLoad(new URL(path, location.origin), stamp)));
  const there = paths.filter((_, index) => known[index]);
  for (const path of there) renewedPaths.set(ownPath(path), stamp);
  const reached = renewAddresses(there);
  for (const path of await renewFonts(there, stamp)) reached.add(path);
  const missed = there.find((path) => !reached.has(ownPath(path)) && hasLoaded(path));
  if (missed) throw new Unreached(`${missed} was loaded by a script`);
  if (guessed && !reached.size) throw new Unreached(`${paths[0]} may stand under another address`);
}

const isPicture = (path) => /\.(a?png|jpe?g|gif|svg|webp|avif|ico|bmp)$/i.test(path);
const isFont = (path) => /\.(woff2?|[ot]tf|ttc|eot)$/i.test(path);

// Loads a picture before anything asks for it by its new address: nothing blinks, and a broken one leaves the old.
function canLoad(url, stamp) {
  return new Promise((done) => {
    const picture = new Image();
    const patience = setTimeout(() => done(true), ANSWER_LIMIT_MS);
    const end = (loaded) => () => (clearTimeout(patience), done(loaded));
    picture.onload = end(true);
    picture.onerror = end(false);
    picture.src = fresh(url, stamp);
  });
}

const renewKnown = () => renewAddresses([...renewedPaths.keys()]);

// Gives these paths their fresh addresses wherever they stand; answers those that do stand somewhere.
function renewAddresses(paths) {
  const reached = new Set();
  if (!paths.length) return reached;
  const find = finder(paths);
  const renewed = (address, base) => {
    const url = find(address, base);
    if (!url) return null;
    reached.add(url.pathname);
    return fresh(url, renewedPaths.get(url.pathname));
  };
  for (const name of Object.keys(ASSET_ATTRIBUTES)) renewAttributes(name, renewed);
  for (const element of all("[style]")) renewStyleAttribute(element, renewed);
  for (const sheet of sheets()) renewRules(sheet, renewed);
  return reached;
}

function renewAttributes(name, renewed) {
  // Any address in these attributes stands between blanks, or blanks and a comma: `a.png 1x, b.png 2x`.
  const renewWord = (word) => {
    const [, address, commas] = /^(.*?)(,*)$/.exec(word);
    const next = renewed(address);
    return next ? next + commas : word;
  };
  for (const element of all(ASSET_ATTRIBUTES[name])) {
    const value = element.getAttribute(name) ?? "";
    const next = value.replace(/\S+/g, renewWord);
    if (next !== value) stampAttribute(element, name, next);
  }
}

function renewStyleAttribute(element, renewed) {
  const served = servedValue(element, "style");
  if (!renewDeclarations(element.style, document.baseURI, renewed)) return;
  const stamps = stamped.get(element) ?? new Map();
  stamped.set(element, stamps.set("style", { served, now: element.getAttribute("style") }));
}

function renewRules(sheet, renewed, base = sheet.href ?? document.baseURI) {
  for (const rule of rulesOf(sheet)) {
    // A loaded font is not loaded again because its rule changed.
    if (rule instanceof CSSFontFaceRule) continue;
    if (rule.styleSheet) renewRules(rule.styleSheet, renewed);
    else renewRules(rule, renewed, base);
    if (rule.style) renewDeclarations(rule.style, base, renewed);
  }
}

const URLS = /url\((["']?)([^#].*?)\1\)/g;

function renewDeclarations(style, base, renewed) {
  const changed = [...style].filter((name) => {
    const value = style.getPropertyValue(name);
    const next = renewUrls(value, base, renewed);
    if (next === null) return false;
    style.setProperty(name, next, style.getPropertyPriority(name));
    return true;
  });
  return changed.length > 0;
}

// A value with fresh addresses; nothing when it already has them, or has none of them.
function renewUrls(value, base, renewed) {
  let found = false;
  const next = value.replace(URLS, (whole, quote, address) => {
    const url = renewed(address, base);
    found ||= url !== null && url !== resolved(address, base)?.href;
    return `url(${JSON.stringify(url ?? resolved(address, base)?.href ?? address)})`;
  });
  return found ? next : null;
}

// ---- fonts -------------------------------------------------------------------------------------------------------------

const FONT_DESCRIPTORS = {
  style: "font-style",
  weight: "font-weight",
  stretch: "font-stretch",
  unicodeRange: "unicode-range",
  featureSettings: "font-feature-settings",
  variationSettings: "font-variation-settings",
  display: "font-display",
  ascentOverride: "ascent-override",
  descentOverride: "descent-override",
  lineGapOverride: "line-gap-override",
  sizeAdjust: "size-adjust",
};

// The faces that stand in for those of the rules: a rule loads its font once. Key: what the rule says.
const freshFaces = new Map();

// Loads the fonts of these paths beside the old ones, which are used until then. Answers the paths that were in use.
async function renewFonts(paths, stamp) {
  const find = finder(paths.filter(isFont));
  const reached = new Set();
  await Promise.all(allFontRules().map(async ({ rule, base }) => {
    const source = renewUrls(rule.style.getPropertyValue("src"), base, (address) => {
      const url = find(address, base);
      if (url) reached.add(url.pathname);
      return url ? fresh(url, stamp) : null;
    });
    if (source === null) return;
    const said = Object.entries(FONT_DESCRIPTORS).map(([name, property]) => [name, rule.style.getPropertyValue(property)]);
    const family = rule.style.getPropertyValue("font-family").replace(/^(["'])(.*)\1$/, "$2");
    const face = new FontFace(family, source, Object.fromEntries(said.filter(([, value]) => value)));
    try {
      await face.load();
    } catch {
      return;
    }
    document.fonts.add(face);
    if (freshFaces.has(rule.cssText)) document.fonts.delete(freshFaces.get(rule.cssText));
    freshFaces.set(rule.cssText, face);
  }));
  return reached;
}

// Lets go of the faces whose rules are gone.
function dropFaces() {
  if (!freshFaces.size) return;
  const named = new Set(allFontRules().map(({ rule }) => rule.cssText));
  for (const [text, face] of freshFaces) if (!named.has(text)) document.fonts.delete(face) && freshFaces.delete(text);
}

const allFontRules = () => sheets().flatMap((sheet) => fontRules(sheet));

function fontRules(sheet, base = sheet.href ?? document.baseURI) {
  return rulesOf(sheet).flatMap((rule) => {
    if (rule instanceof CSSFontFaceRule) return [{ rule, base }];
    return rule.styleSheet ? fontRules(rule.styleSheet) : fontRules(rule, base);
  });
}
