// Takes the place of a service worker that another project left behind on this port: it unregisters itself and shows the pages it
// held anew, from the server. What that project keeps in its caches and stores is left alone.

addEventListener("install", () => skipWaiting());

addEventListener("activate", (event) => event.waitUntil(leave()));

async function leave() {
  await registration.unregister();
  const held = await clients.matchAll({ type: "window" });
  await Promise.allSettled(held.map((client) => client.navigate(client.url)));
}
