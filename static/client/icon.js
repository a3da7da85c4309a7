// The mark on the page's icon: a dot while what is served is stale. Tabs that show no title show it all the same.

// In pixels; browsers make it smaller.
const ICON_SIZE = 64;
const ICON_DOT = { centre: 46, radius: 16, ring: 5, colour: "#e5484d", ringColour: "#ffffff" };

// What was marked: the picture with the dot, each link with the values it had before, and the link that had to be added.
let iconMark = null;

const iconLinks = () => [...document.querySelectorAll('link[rel~="icon" i][href]')];

function markIcon() {
  if (!status.stale) return restoreIcon();
  if (iconMark || framed()) return;
  const mark = iconMark = { address: null, links: [], added: null };
  drawIcon(iconLinks().at(-1)?.href ?? `${location.origin}/favicon.ico`).then((address) => {
    if (address && iconMark === mark) putIcon(mark, address);
  });
}

function putIcon(mark, address) {
  mark.address = address;
  const links = iconLinks();
  for (const link of links) {
    mark.links.push([link, link.getAttribute("href"), link.getAttribute("type")]);
    stampAttribute(link, "href", address);
    if (link.hasAttribute("type")) stampAttribute(link, "type", "image/png");
  }
  if (links.length) return;
  mark.added = make("link");
  mark.added.rel = "icon";
  mark.added.href = address;
  ownNodes.add(mark.added);
  document.head?.append(mark.added);
}

function restoreIcon() {
  const mark = iconMark;
  iconMark = null;
  for (const [link, href, type] of mark?.links ?? []) {
    // Somebody else has given it another one since.
    if (link.getAttribute("href") !== mark.address) continue;
    stampAttribute(link, "href", href);
    if (type !== null) stampAttribute(link, "type", type);
  }
  if (!mark?.added) return;
  // A link that is merely removed leaves its picture in the tab.
  mark.added.href = "/favicon.ico";
  requestAnimationFrame(() => mark.added.remove());
}

// The icon with the dot; null where the page's policy allows no such picture.
async function drawIcon(address) {
  const canvas = make("canvas");
  canvas.width = canvas.height = ICON_SIZE;
  const context = canvas.getContext("2d");
  const picture = await loadPicture(address);
  if (picture) context.drawImage(picture, 0, 0, ICON_SIZE, ICON_SIZE);
  const { centre, radius, ring, colour, ringColour } = ICON_DOT;
  for (const [size, fill] of [[radius + ring, ringColour], [radius, colour]]) {
    context.beginPath();
    context.arc(centre, centre, size, 0, 2 * Math.PI);
    context.fillStyle = fill;
    context.fill();
  }
  const drawn = canvas.toDataURL("image/png");
  return (await loadPicture(drawn)) ? drawn : null;
}

// A picture that may be drawn; null when there is none. One of another origin has to allow it, or nothing could be read back.
function loadPicture(address) {
  return new Promise((done) => {
    const picture = new Image();
    const patience = setTimeout(() => done(null), ANSWER_LIMIT_MS);
    const end = (loaded) => () => (clearTimeout(patience), done(loaded));
    picture.crossOrigin = "anonymous";
    picture.onload = end(picture);
    picture.onerror = end(null);
    picture.src = address;
  });
}
