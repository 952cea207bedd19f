"""S-49, S-59: bytes on a line to the real server as we run it. Whatever they are, nobody gets an answer too many."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from shop.entrypoints import run
from shop.entrypoints.http import bodies
from shop.entrypoints.settings import Settings
from tests.servers import free_port

pytestmark = pytest.mark.integration
POST = b"POST /api/carts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET = b"GET /api/store HTTP/1.1\r\nHost: localhost\r\n"
HIDDEN = b"GET /health/live HTTP/1.1\r\nHost: hidden\r\n\r\n"
LARGE = b"x" * 65_536

# What to send, and which answers may come: none of these is ever followed by one to the hidden request.
REFUSED = {
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}" + HIDDEN,
    "a list of lengths": POST + b"Content-Length: 2, 2\r\n\r\n{}" + HIDDEN,
    "a length with a sign": POST + b"Content-Length: +2\r\n\r\n{}" + HIDDEN,
    "a negative length": POST + b"Content-Length: -1\r\n\r\n{}" + HIDDEN,
    "a hexadecimal length": POST + b"Content-Length: 0x2\r\n\r\n{}" + HIDDEN,
    "a length beyond all numbers": POST + b"Content-Length: 99999999999999999999999\r\n\r\n{}" + HIDDEN,
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "chunked not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "two codings": POST
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    + HIDDEN,
    "a vertical tab": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "a space before the colon": POST + b"Transfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\n{}" + HIDDEN,
    "chunks in HTTP/1.0": POST.replace(b"1.1", b"1.0")
    + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    + HIDDEN,
    "a line feed in a chunk's extension": POST
    + b"Transfer-Encoding: chunked\r\n\r\n2;a\nxx\r\n{}\r\n0\r\n\r\n"
    + HIDDEN,
    "chunks with bare line feeds": POST + b"Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n" + HIDDEN,
    "a chunk size with 0x": POST + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "a negative chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "a chunk size that overflows": POST
    + b"Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n"
    + HIDDEN,
    "a chunk longer than it says": POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n" + HIDDEN,
    "obs-fold": GET + b"X-A: a\r\n b\r\n\r\n",
    "obs-fold of Host": b"GET /api/store HTTP/1.1\r\nHost:\r\n localhost\r\n\r\n",
    "a bare carriage return": GET + b"X-A: a\rX-B: b\r\n\r\n",
    "a null character": GET + b"X-A: a\x00b\r\n\r\n",
    "a space in a name": GET + b"X A: a\r\n\r\n",
    "no name": GET + b": a\r\n\r\n",
    "HTTP/0.9": b"GET /api/store\r\n\r\n" + HIDDEN,
    "HTTP/1.9": GET.replace(b"1.1", b"1.9") + b"\r\n",
    "tabs between the parts": GET.replace(b" /api/store ", b"\t/api/store\t") + b"\r\n",
    "a space in the address": GET.replace(b"store", b"store x") + b"\r\n",
    "a space in front": b" " + GET + b"\r\n",
    "no Host": b"GET /api/store HTTP/1.1\r\n\r\n",
    "two Hosts": GET + b"Host: evil.example\r\n\r\n",
    "another Host under our address": b"GET http://localhost/api/store HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "a header of 64 kB": GET + b"X-A: " + LARGE + b"\r\n\r\n",
    "a megabyte of header": GET + b"X-A: " + LARGE * 16 + b"\r\n\r\n",
    "10,000 headers": GET + b"".join(b"X-%d: a\r\n" % number for number in range(10_000)) + b"\r\n",
    "an address of 64 kB": b"GET /" + LARGE + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a body that is too large": POST + b"Content-Length: 2000000\r\n\r\n" + HIDDEN * 20,
    "a size beyond what is taken, in chunks": POST + b"Transfer-Encoding: chunked\r\n\r\n200000\r\n" + LARGE * 24,
    "a proxy's request": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
}
# What is one request for everybody: answered once, and what is in its body stays a body.
ANSWERED_ONCE = {
    "length and chunks": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "chunks and length": POST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 50\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    + HIDDEN,
    "a GET with a body": GET + b"Content-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
    "another site's address": b"GET http://evil.example/api/store HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an upgrade": GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    "a fragment": GET.replace(b"store", b"store#" + b"x" * 20) + b"\r\n",
    "trailers": POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nAuthorization: Bearer x\r\nHost: y\r\n\r\n",
    "an underscore for a dash": POST + b"Content_Length: 40\r\n\r\n",
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times that a test can wait for."""
    monkeypatch.setattr(run, "HEAD_MILLISECONDS_MAX", 700)
    monkeypatch.setattr(bodies, "BODY_SECONDS_MAX", 0.7)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Where our server listens, in this loop."""
    chosen, up = free_port(), asyncio.Event()
    serving = asyncio.create_task(
        run._serve_here(Settings(rate_limit="off"), "127.0.0.1", chosen, with_worker=False, announce=up.set)
    )
    await asyncio.wait({serving, asyncio.create_task(up.wait())}, return_when=asyncio.FIRST_COMPLETED, timeout=20)
    yield chosen
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def told(port: int, *parts: bytes, pause: float = 0.0, listen: float = 0.4) -> tuple[list[int], bytes, bool]:
    """The statuses that came back, all the bytes, and whether the server hung up by itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got, hung_up = b"", False

    async def hear() -> None:
        nonlocal got, hung_up
        try:
            while part := await reader.read(65_536):
                got += part
        except OSError:
            pass
        hung_up = True

    hearing = asyncio.create_task(hear())
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
    except OSError:
        pass
    await asyncio.wait({hearing}, timeout=listen)
    hearing.cancel()
    writer.close()
    statuses = [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", got)]
    return [status for status in statuses if status != 100], got, hung_up


async def test_s59_what_could_be_two_requests_is_refused(port: int) -> None:
    for name, sent in REFUSED.items():
        statuses, got, hung_up = await told(port, sent)
        assert len(statuses) <= 1, name
        assert all(400 <= status < 500 for status in statuses), (name, statuses)
        assert statuses or hung_up, name
        assert b'"live"' not in got, name
    assert (await told(port, HIDDEN))[0] == [200]


async def test_s59_what_is_one_request_is_answered_once(port: int) -> None:
    for name, sent in ANSWERED_ONCE.items():
        statuses, got, _ = await told(port, sent)
        assert len(statuses) == 1, (name, statuses)
        assert statuses[0] < 300, (name, got)
        assert b'"live"' not in got, name
        assert b"evil.example" not in got, name


async def test_s59_lines_that_end_with_a_line_feed_alone_are_read_as_lines(port: int) -> None:
    """The server reads them as RFC 9112 allows; docs/how-to/deploy.md says what the proxy in front has to do."""
    assert (await told(port, GET.replace(b"\r\n", b"\n") + b"X-A: a\nX-B: b\n\n"))[0] == [200]


@pytest.mark.parametrize(
    "head",
    [GET, POST + b"Content-Length: 100\r\n\r\n", POST + b"Transfer-Encoding: chunked\r\n\r\n40\r\n"],
    ids=["head", "body", "chunks"],
)
async def test_s49_whoever_drips_is_cut_off(port: int, head: bytes) -> None:
    started = asyncio.get_running_loop().time()
    statuses, _, hung_up = await told(port, head, *[b" "] * 30, pause=0.05, listen=5.0)
    assert hung_up
    assert statuses in ([], [408])
    assert asyncio.get_running_loop().time() - started < 4.0


async def test_s49_a_body_shorter_than_it_says_makes_nothing(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(POST + b"Content-Length: 50\r\n\r\n{}")
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(65_536), 5)
    assert b" 201 " not in answer
    writer.close()
