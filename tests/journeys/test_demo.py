"""The demo, from an empty folder to a paid order, a restart, an import, and a purchase of what was imported."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from attrs import frozen

from tests.demo import free_port, running_demo
from tests.entrypoints.cli.catalogues import shopify_file

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]
APPAREL = Path(__file__).parents[3] / "shared" / "data" / "shopify-csv" / "apparel.csv"
ADDRESS = {"name": "Ada Byron", "line1": "Torstr. 1", "postal_code": "10119", "city": "Berlin", "country": "DE"}


@frozen
class Api:
    """The demo's API as a storefront calls it."""

    url: str

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The JSON of the answer; anything but a 2xx fails the test with what the shop said."""
        told = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, told, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                text = answer.read()
        except HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None
        return json.loads(text) if text else None

    def buy(self, variant_id: str, quantity: int = 1) -> Any:
        """The nine calls; the order that they come to."""
        cart = self.call("POST", "/carts", {"currency": "EUR"})
        at, token = f"/carts/{cart['id']}", cart["cart_token"]
        self.call("POST", f"{at}/items", {"variant_id": variant_id, "quantity": quantity}, Cart_Token=token)
        self.call("PATCH", at, {"email": "ada@example.com", "shipping_address": ADDRESS}, Cart_Token=token)
        options = self.call("GET", f"{at}/shipping-options", Cart_Token=token)["data"]
        assert {option["id"] for option in options} >= {"standard", "express"}
        self.call("PUT", f"{at}/shipping-option", {"option_id": "standard"}, Cart_Token=token)
        key = os.urandom(8).hex()
        paying = {"cart_id": cart["id"], "method": "fake_card"}
        session = self.call("POST", "/payments/sessions", paying, Cart_Token=token, Idempotency_Key=f"s-{key}")
        version = self.call("GET", at, Cart_Token=token)["version"]
        ordering = {"cart_id": cart["id"], "cart_version": version, "payment_session_id": session["id"]}
        return self.call("POST", "/orders", ordering, Cart_Token=token, Idempotency_Key=f"o-{key}")


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo's folder after its first start: opening a shop takes longer than opening it again."""
    folder = tmp_path_factory.mktemp("demo")
    with running_demo(folder):
        pass
    return folder / "shop-demo"


@pytest.fixture
def second(seeded: Path, tmp_path: Path) -> Path:
    """A folder with a demo of this test's own, which was started before."""
    shutil.copytree(seeded, tmp_path / "shop-demo")
    return tmp_path


def mail_beside(folder: Path) -> Any:
    """The mail that the shop wrote, as `shop mail` shows it in a second terminal."""
    command = [sys.executable, "-m", "shop.entrypoints.cli.app", "mail", "list"]
    until = time.monotonic() + 20
    while time.monotonic() < until:
        said = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30, check=True)
        if mails := json.loads(said.stdout)["data"]:
            return mails[0]
    raise AssertionError("no mail came")


def a_variant(api: Api, slug: str) -> Any:
    return api.call("GET", f"/products/{slug}?expand=variants")["variants"][0]


def test_from_nothing_to_a_paid_order_and_a_second_start(tmp_path: Path) -> None:
    with running_demo(tmp_path) as card:
        assert stat.S_IMODE((tmp_path / "shop-demo" / "card.json").stat().st_mode) == 0o600
        api = Api(card["api_url"])
        order = api.buy(api.call("GET", "/products?limit=1&expand=variants")["data"][0]["variants"][0]["id"], 2)
        assert (order["status"], order["payment_status"]) == ("confirmed", "paid")
        plans = {plan["code"]: plan for plan in api.call("GET", "/plans")["data"]}
        assert plans["coffee-monthly"]["interval"] == "month"
        assert plans["tea-fortnightly"]["trial_days"] == 14
        cart = api.call("POST", "/carts", {"currency": "EUR"})
        for plan in plans.values():
            wanted = {"variant_id": plan["variant_id"], "quantity": 1, "plan_id": plan["id"]}
            cart |= api.call("POST", f"/carts/{cart['id']}/items", wanted, Cart_Token=cart["cart_token"])
        assert len(cart["items"]) == len(plans)
        for name in ("docs_url", "openapi_url", "health_url"):
            with urllib.request.urlopen(card[name], timeout=20) as answer:
                assert answer.status == 200
        said = subprocess.run(card["curl"], shell=True, capture_output=True, text=True, timeout=30, check=True)
        assert json.loads(said.stdout)["data"]
        mine = {"Authorization": f"Bearer {card['secret_key']}"}
        assert api.call("GET", f"/admin/orders/{order['id']}", **mine)["number"] == order["number"]
        registering = {"email": "eva@example.com", "password": "a staple that no horse has"}
        assert api.call("POST", "/auth/register", registering)["object"] == "accepted"
        assert mail_beside(tmp_path)["to"] == "eva@example.com"
        told = (tmp_path / "demo.log").read_text(encoding="utf-8")
        assert card["secret_key"] in told
        assert card["curl"] in told
        assert "ERROR" not in told, "the first thing that anybody sees of the shop"

    with running_demo(tmp_path) as again:
        assert again["secret_key"] == card["secret_key"]
        api = Api(again["api_url"])
        assert api.call("GET", f"/admin/orders/{order['id']}", **mine)["payment_status"] == "paid"
        path = APPAREL if APPAREL.exists() else shopify_file(tmp_path, 20)
        settings = os.environ | {"SHOP_DATABASE_URL": f"sqlite:///{tmp_path}/shop-demo/shop.sqlite3"}
        command = [sys.executable, "-m", "shop.entrypoints.cli.app", "import", "products", str(path)]
        done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60, check=True)
        assert json.loads(done.stdout)["created"] == 20
        variant = a_variant(api, "ocean-blue-shirt" if APPAREL.exists() else "thing-0")
        imported = api.buy(variant["id"])
        assert imported["payment_status"] == "paid"
        assert imported["lines"][0]["unit_price"]["amount"] == variant["price"]["amount"]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_second_start_makes_nothing_anew_and_the_end_is_orderly(ending: signal.Signals, second: Path) -> None:
    before = sold_in(second)
    port = free_port()
    with started(second, port) as process:
        wait_until_ready(port)
        process.send_signal(ending)
        assert process.wait(timeout=30) == 0
    assert sold_in(second) == before


def test_a_port_that_is_taken_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with started(tmp_path, other.getsockname()[1]) as process:
            out, _ = process.communicate(timeout=60)
    assert process.returncode == 4
    assert "--port" in out
    assert "Traceback" not in out
    assert not (tmp_path / "shop-demo").exists()


def test_a_first_start_that_was_cut_short_begins_anew(tmp_path: Path) -> None:
    with started(tmp_path, free_port()) as process:
        until = time.monotonic() + 60
        while not list((tmp_path / "shop-demo").glob("under-construction.sqlite3")) and time.monotonic() < until:
            time.sleep(0.01)
        process.kill()
        process.wait(timeout=30)
    assert not (tmp_path / "shop-demo" / "shop.sqlite3").exists()
    with running_demo(tmp_path) as card:
        assert len(Api(card["api_url"]).call("GET", "/products?limit=100")["data"]) == 48


def test_calls_from_the_command_line(second: Path) -> None:
    with running_demo(second) as card:
        orders = shop(second, "api", "get", "/admin/orders", "-q", "limit=2", "-q", "status=confirmed")
        assert orders.returncode == 0
        assert len(json.loads(orders.stdout)["data"]) == 2
        cart = shop(second, "api", "post", "/carts", "-d", '{"currency": "EUR"}')
        assert json.loads(cart.stdout)["object"] == "cart"
        lost = shop(second, "api", "get", "/products/nothing")
        assert (lost.returncode, lost.stdout) == (1, "")
        assert "404 not_found" in lost.stderr
        nobody = shop(second, "api", "get", "/admin/orders", "--url", card["api_url"], SHOP_API_KEY="sk_test_no")
        assert nobody.returncode == 1


def shop(folder: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "shop.entrypoints.cli.app", *words]
    return subprocess.run(
        command, cwd=folder, env=os.environ | variables, capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def started(folder: Path, port: int) -> "Iterator[subprocess.Popen[str]]":
    command = [sys.executable, "-m", "shop.entrypoints.cli.app", "demo", "--port", str(port)]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=30)
        assert process.stdout is not None
        process.stdout.close()


def sold_in(folder: Path) -> list[Any]:
    """What a demo sells and has sold, with the moments at which all that was made, and when its tables were."""
    [file] = (folder / "shop-demo").glob("shop.sqlite3")
    with closing(sqlite3.connect(file)) as shop:
        tables = ("products", "orders", "stock_movements")
        return [
            shop.execute("PRAGMA schema_version").fetchone(),
            *(shop.execute(f"SELECT * FROM {table} ORDER BY id").fetchall() for table in tables),
        ]


def wait_until_ready(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1):
                return
        except OSError:
            time.sleep(0.02)
    raise AssertionError("it does not answer")
