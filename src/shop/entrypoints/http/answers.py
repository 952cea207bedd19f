"""Answers as bytes: what handlers give back, sent as they are."""

from typing import Any, Self

from litestar.types import Receive, Scope, Send

Header = tuple[bytes, bytes]
JSON = b"application/json"
HTML = b"text/html; charset=utf-8"


class Answer:
    """A status, headers and a body that is ready to send. The body of an answer to HEAD stays here."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self, status: int, body: bytes = b"", media_type: bytes = JSON, headers: list[Header] | None = None
    ) -> None:
        self.status = status
        self.body = body
        self.headers: list[Header] = [] if headers is None else headers
        if body:
            self.headers.append((b"content-type", media_type))
        if status not in (204, 304):
            self.headers.append((b"content-length", b"%d" % len(body)))

    @classmethod
    def ready(cls, status: int, body: bytes, headers: list[Header]) -> Self:
        """One that has all of its headers already."""
        answer = cls.__new__(cls)
        answer.status, answer.body, answer.headers = status, body, headers
        return answer

    def header(self, name: bytes) -> bytes | None:
        return next((value for key, value in self.headers if key == name), None)

    def if_none_match(self, tags: bytes | None) -> "Answer":
        """Itself, or 304 for somebody who has it already."""
        if not tags or self.status != 200:
            return self
        etag = self.header(b"etag")
        if etag is None:
            return self
        known = [tag.strip().removeprefix(b"W/") for tag in tags.split(b",")]
        if etag not in known and known != [b"*"]:
            return self
        kept = [pair for pair in self.headers if pair[0] not in (b"content-type", b"content-length")]
        return Answer.ready(304, b"", kept)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: Any = {"type": "http.response.start", "status": self.status, "headers": self.headers}
        await send(start)
        body: Any = {
            "type": "http.response.body",
            "body": b"" if scope.get("method") == "HEAD" else self.body,
            "more_body": False,
        }
        await send(body)
