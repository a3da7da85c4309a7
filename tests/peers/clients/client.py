"""What people do with HTTP libraries of Python: clients/client.py requests|httpx|aiohttp ADDRESS."""

import asyncio
import hashlib
import sys

LARGE = bytes((index * 31 + (index >> 8)) % 256 for index in range(2**20))
PATH = "/a%2Fb/%C3%BC;v=1//c?x=1&x=2&y=a+b%20c&z"

# Name, method, path, what else.
REQUESTS = [
    ("get", "GET", "/text", {}),
    ("head", "HEAD", "/text", {}),
    ("pieces", "GET", "/pieces", {}),
    ("range", "GET", "/text", {"headers": {"Range": "bytes=100-299"}}),
    ("compressed", "GET", "/gzip", {}),
    ("post", "POST", "/echo", {"data": LARGE}),
    ("form", "POST", "/echo", {"data": {"a": "ß", "b": ""}}),
    ("json", "PUT", "/echo", {"json": {"a": "ß"}}),
    ("stream", "PUT", "/echo", {"stream": True}),
    ("options", "OPTIONS", "/echo", {}),
    ("delete", "DELETE", "/status/204", {}),
    ("redirected", "GET", "/redirect/302", {}),
    ("redirected post", "POST", "/redirect/303", {"data": {"a": "1"}}),
    ("repeated post", "POST", "/redirect/307", {"data": {"a": "1"}}),
    ("unchanged", "GET", "/status/304", {"headers": {"If-None-Match": '"text"'}}),
    ("error", "GET", "/status/500", {}),
    ("path", "GET", PATH, {}),
]


def pieces():
    for start in range(0, len(LARGE), 2**16):
        yield LARGE[start : start + 2**16]


async def pieces_later():
    for piece in pieces():
        yield piece


def show(name, status, cookies, body):
    print(name, status, cookies, hashlib.sha256(body).hexdigest())


def with_requests(address):
    import requests

    with requests.Session() as session:
        for name, method, path, more in REQUESTS:
            if more.pop("stream", False):
                more = {"data": pieces()}
            answer = session.request(method, address + path, timeout=30, **more)
            show(name, answer.status_code, sorted(session.cookies.items()), answer.content)


def with_httpx(address):
    import httpx

    with httpx.Client(follow_redirects=True, timeout=30) as session:
        for name, method, path, more in REQUESTS:
            if more.pop("stream", False):
                more = {"content": pieces()}
            elif isinstance(more.get("data"), bytes):
                more = {"content": more["data"]}
            answer = session.request(method, address + path, **more)
            show(name, answer.status_code, sorted({(it.name, it.value) for it in session.cookies.jar}), answer.content)


async def with_aiohttp(address):
    import aiohttp
    from yarl import URL

    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=aiohttp.ClientTimeout(30)) as session:
        for name, method, path, more in REQUESTS:
            if more.pop("stream", False):
                more = {"data": pieces_later()}
            async with session.request(method, URL(address + path, encoded=True), **more) as answer:
                show(name, answer.status, sorted((it.key, it.value) for it in jar), await answer.read())


if __name__ == "__main__":
    library, address = sys.argv[1:]
    if library == "aiohttp":
        asyncio.run(with_aiohttp(address))
    else:
        {"requests": with_requests, "httpx": with_httpx}[library](address)
