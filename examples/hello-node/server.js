import { createServer } from "node:http";

const port = Number(process.env.PORT ?? 3000);
const greeting = "Hello from Node";

const page = (text) => `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>${greeting}</title>
</head>
<body>
  <h1>${greeting}</h1>
  <p>${text}</p>
</body>
</html>
`;

const routes = {
  "/": () => page(`This process is ${process.pid}. <a href="/uptime">How long has it been up?</a>`),
  "/uptime": () => page(`For ${Math.round(process.uptime())} seconds. <a href="/">Back</a>`),
};

const server = createServer((request, response) => {
  const route = routes[new URL(request.url, "http://localhost").pathname];
  response.writeHead(route ? 200 : 404, { "content-type": "text/html; charset=utf-8" });
  response.end(route ? route() : page("Nothing here."));
});

server.listen(port, "127.0.0.1", () => console.log(`listening on ${port}`));
