"""`shop api`: calls to a running shop, with the key that is at hand."""

import json
import os
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

import typer

from shop.domain.kernel.errors import Invalid
from shop.entrypoints.cli.output import AsJson, draw, for_people, readable, say
from shop.entrypoints.cli.session import commands

app = commands("Call a running shop: 0 it did, 1 it refused, 2 it was not reached or not asked properly.")

CARD = Path("shop-demo") / "card.json"
TIMEOUT_SECONDS = 30.0
EXIT_REFUSED, EXIT_NOT_ASKED = 1, 2
_COLUMNS_MAX = 6
_TELLING = ("number", "slug", "sku", "name", "title", "email", "total", "price_from", "status", "payment_status")

PathArgument = Annotated[str, typer.Argument(help="The path below /api, such as /products or /admin/orders.")]
Query = Annotated[list[str] | None, typer.Option("-q", "--query", help="A parameter, as name=value; may be repeated.")]
Data = Annotated[str, typer.Option("-d", "--data", help="The JSON to send; @file reads it from a file.")]
Header = Annotated[list[str] | None, typer.Option("-H", "--header", help="A header, as Name: value.")]
Url = Annotated[str, typer.Option("--url", envvar="SHOP_API_URL", help="The API; the demo's by default.")]


@app.command()
def get(path: PathArgument, query: Query = None, header: Header = None, url: Url = "", as_json: AsJson = False) -> None:
    """Read."""
    _call("GET", path, query, "", header, url, as_json)


@app.command()
def post(
    path: PathArgument,
    data: Data = "",
    query: Query = None,
    header: Header = None,
    url: Url = "",
    as_json: AsJson = False,
) -> None:
    """Make or do something. An Idempotency-Key is sent along, so that a repeated try is harmless."""
    _call("POST", path, query, data, header, url, as_json)


@app.command()
def patch(
    path: PathArgument,
    data: Data = "",
    query: Query = None,
    header: Header = None,
    url: Url = "",
    as_json: AsJson = False,
) -> None:
    """Change parts of something."""
    _call("PATCH", path, query, data, header, url, as_json)


@app.command()
def put(
    path: PathArgument,
    data: Data = "",
    query: Query = None,
    header: Header = None,
    url: Url = "",
    as_json: AsJson = False,
) -> None:
    """Replace something."""
    _call("PUT", path, query, data, header, url, as_json)


@app.command()
def delete(
    path: PathArgument, query: Query = None, header: Header = None, url: Url = "", as_json: AsJson = False
) -> None:
    """Remove something."""
    _call("DELETE", path, query, "", header, url, as_json)


def _call(
    method: str, path: str, query: list[str] | None, data: str, header: list[str] | None, url: str, as_json: bool
) -> None:
    card = _card()
    base = url or card.get("api_url") or "http://127.0.0.1:8000/api"
    if urlsplit(base).scheme not in ("http", "https"):
        raise Invalid(f"“{base}” is no http URL.")
    target = base.rstrip("/") + "/" + path.removeprefix("/api/").lstrip("/")
    if query:
        target += ("&" if "?" in target else "?") + urlencode([_pair(pair, "=") for pair in query])
    headers = _headers(method, data, card) | dict(_pair(pair, ":") for pair in header or ())
    status, body = _send(method, target, _body(data), headers)
    _show(status, body, as_json)
    if status >= 400:
        raise typer.Exit(EXIT_REFUSED)


def _card() -> dict[str, Any]:
    try:
        card: dict[str, Any] = json.loads(CARD.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return card


def _headers(method: str, data: str, card: dict[str, Any]) -> dict[str, str]:
    headers = {"Accept": "application/json"}
    if key := os.environ.get("SHOP_API_KEY") or card.get("secret_key"):
        headers["Authorization"] = f"Bearer {key}"
    if data:
        headers["Content-Type"] = "application/json"
    if method == "POST":
        headers["Idempotency-Key"] = os.urandom(16).hex()
    return headers


def _pair(text: str, separator: str) -> tuple[str, str]:
    name, found, value = text.partition(separator)
    if not found or not name.strip():
        raise Invalid(f"“{text}” is not of the form name{separator}value.")
    return name.strip(), value.strip()


def _body(data: str) -> bytes | None:
    if not data:
        return None
    try:
        text = Path(data[1:]).read_text(encoding="utf-8") if data.startswith("@") else data
        json.loads(text)
    except (OSError, ValueError) as error:
        raise Invalid(f"--data is no JSON: {error}.") from None
    return text.encode()


def _send(method: str, url: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
    # Loaded here only: `shop --help` has to be quick.
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    request = Request(url, data=body, headers=headers, method=method)  # noqa: S310 - http and https only, see _call
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError as error:
        say(f"✗ {url} does not answer: {getattr(error, 'reason', error)}")
        say("  Is the shop running? shop demo, or shop serve. Elsewhere: --url or SHOP_API_URL.")
        raise typer.Exit(EXIT_NOT_ASKED) from None


def _show(status: int, body: bytes, as_json: bool) -> None:
    try:
        value = json.loads(body) if body else None
    except ValueError:
        typer.echo(body.decode(errors="replace"))
        return
    if status >= 400 and isinstance(value, dict):
        say(f"✗ {status} {value.get('code', '')}: {value.get('detail') or value.get('title', '')}")
        if hint := value.get("hint"):
            say(f"  {hint}")
        if request_id := value.get("request_id"):
            say(f"  ({request_id})")
    elif value is not None and not for_people(as_json):
        typer.echo(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    elif isinstance(value, dict) and isinstance(value.get("data"), list):
        _table(value["data"])
        if (page := value.get("page")) and page.get("next"):
            say(f"There is more: -q after={page['next']}")
    elif value is not None:
        typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def _table(rows: list[Any]) -> None:
    objects = [row for row in rows if isinstance(row, dict)]
    if not objects:
        say("Nothing.")
        return
    names = [name for name in _TELLING if name in objects[0]][: _COLUMNS_MAX - 1]
    names = [*names, "id"] if "id" in objects[0] else names or list(objects[0])[:_COLUMNS_MAX]
    draw({name: _cell(name) for name in names}, objects)


def _cell(name: str) -> Any:
    return lambda row: readable(row.get(name))
