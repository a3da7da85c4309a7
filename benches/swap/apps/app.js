// The app under load. POST_LOG gets a line for each POST that was done, APP_PORT is a port to insist on.
const { createServer } = require("node:http");
const { openSync, writeSync } = require("node:fs");

const version = "v0";
const log = openSync(process.env.POST_LOG, "a");

createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    if (request.method === "POST") writeSync(log, `${body}\n`);
    response.setHeader("content-type", "text/html");
    response.end(`<!doctype html><html><head></head><body>[${version}]</body></html>`);
  });
}).listen(Number(process.env.APP_PORT || process.env.PORT), "127.0.0.1");
