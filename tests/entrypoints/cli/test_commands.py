"""The commands of a shop's day, as a person or a program types them."""

import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shop import __version__
from shop.application.commands.carts import AddToCart, ChooseShipping, DescribeCart, OpenCart
from shop.application.commands.checkout import CreateOrder
from shop.application.commands.payments import CreatePaymentSession, ProcessPayment
from shop.application.commands.plans import CreatePlan
from shop.application.commands.subscriptions import CarryOnSubscription, Subscribe
from shop.application.messages import Actor
from shop.application.queries.carts import GetCart
from shop.application.queries.catalog import GetProduct
from shop.application.shop import Shop
from shop.domain.kernel.address import Address
from shop.domain.kernel.identifiers import OrderId, UserId
from shop.domain.kernel.money import Money
from shop.domain.subscriptions import Interval, IntervalUnit
from shop.entrypoints.cli.demo import show_card
from shop.entrypoints.demo.card import Card
from shop.entrypoints.worker.deliveries import deliver_once
from tests.entrypoints.cli.catalogues import shopify_file
from tests.entrypoints.cli.conftest import Terminal


def ordered(terminal: Terminal, method: str = "fake_card") -> OrderId:
    """An order of two things; the catalogue is imported where it is not there yet."""
    terminal.type("import", "products", str(shopify_file(terminal.folder)))

    async def order(shop: Shop) -> OrderId:
        product = await shop.ask(GetProduct(id_or_slug="thing-0", expand=frozenset({"variants"})))
        assert product.variants
        cart_id = await shop.execute(OpenCart())
        await shop.execute(AddToCart(cart_id=cart_id, variant_id=product.variants[0].id, quantity=2))
        address = Address(name="Ada Byron", line1="Torstr. 1", postal_code="10119", city="Berlin", country="DE")
        await shop.execute(DescribeCart(cart_id=cart_id, email="ada@example.com", shipping_address=address))
        await shop.execute(ChooseShipping(cart_id=cart_id, option_id="standard"))
        session_id = await shop.execute(CreatePaymentSession(cart_id=cart_id, method=method))
        version = (await shop.ask(GetCart(cart_id=cart_id))).version
        order_id = await shop.execute(CreateOrder(cart_id=cart_id, cart_version=version, payment_session_id=session_id))
        return await shop.execute(ProcessPayment(order_id=order_id))

    return terminal.shop(order)


def test_help_is_quick_and_loads_no_server() -> None:
    program = """
import sys
from shop.entrypoints.cli.app import app
slow = {"litestar", "granian", "sqlalchemy", "alembic", "babel", "dependency_injector", "rich.progress"}
print(*sorted(slow & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "shop.entrypoints.cli.app", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "demo" in done.stdout
    assert time.perf_counter() - started < 5  # 0.25 s on a machine with nothing else to do


def test_version(bare: Terminal) -> None:
    assert bare.type("--version").out == f"shop {__version__}\n"


def test_the_schema_goes_up_and_down(bare: Terminal) -> None:
    behind = bare.type("db", "status")
    assert (behind.code, behind.json["up_to_date"]) == (6, False)
    assert "shop db upgrade" in behind.err
    assert bare.type("db", "upgrade").code == 0
    assert bare.type("db", "status").json["up_to_date"] is True
    assert bare.type("db", "downgrade", "base", input="n\n").code == 1
    unknown = bare.type("db", "downgrade", "nope", "--yes")
    assert (unknown.code, "no_such_revision" in unknown.err) == (2, True)
    assert bare.type("db", "status").code == 0
    assert bare.type("db", "downgrade", "base", "--yes").code == 0
    assert bare.type("db", "status").json["current"] == ""


def test_a_file_that_is_no_database_is_no_matter_of_a_moment(bare: Terminal) -> None:
    bare.file.write_bytes(b"no database at all" * 100)
    for command in (("db", "status"), ("doctor",), ("orders", "list")):
        told = bare.type(*command)
        assert told.code != 0
        assert "SHOP_DATABASE_URL" in told.out + told.err
        assert "Idempotency-Key" not in told.out + told.err


def test_memory_has_no_schema(bare: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_DATABASE_URL", "memory:")
    assert bare.type("db", "status").code == 0
    assert bare.type("db", "upgrade").code == 2


@pytest.mark.parametrize(
    "words", [["orders", "list"], ["worker"], ["serve", "--port", "1025"], ["serve", "--port", "1025", "--with-worker"]]
)
def test_whoever_needs_tables_says_which_command_makes_them(words: list[str], bare: Terminal) -> None:
    typed = bare.type(*words)
    assert typed.code == 6
    assert "shop db upgrade" in typed.err
    assert "Traceback" not in typed.err


def test_a_shop_that_is_not_there_leaves_nothing_behind(bare: Terminal) -> None:
    assert bare.type("orders", "list").code == 6
    assert not list(bare.folder.glob("shop.sqlite3*"))


def test_without_a_setting_the_demo_in_the_folder_is_meant(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_DATABASE_URL")
    assert terminal.type("products", "list").err == ""
    (terminal.folder / "shop-demo").mkdir()
    for file in terminal.folder.glob("shop.sqlite3*"):
        file.rename(terminal.folder / "shop-demo" / file.name)
    typed = terminal.type("products", "list")
    assert (typed.code, typed.json["data"]) == (0, [])
    assert "this is the demo in shop-demo" in typed.err
    assert {finding["check"]: finding["verdict"] for finding in terminal.type("doctor").json}["database"] == "fine"
    monkeypatch.setenv("SHOP_DATABASE_URL", "sqlite:///other.sqlite3")
    typed = terminal.type("products", "list")
    assert typed.code == 6
    assert "other.sqlite3" in typed.err


@pytest.mark.parametrize(
    ("called", "shown"), [(".venv/bin/shop", ".venv/bin/shop"), ("/opt/x/bin/shop", "shop"), ("app.py", "shop")]
)
def test_the_card_names_the_command_as_it_was_called(
    called: str, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [called])
    show_card(Card.at(8000, secret_key="sk_test_x", products=1, orders=1), Path("shop-demo"))
    assert f"sqlite:///shop-demo/shop.sqlite3 {shown} events tail" in capsys.readouterr().out


def test_settings_that_do_not_fit_are_told(bare: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_ENV", "production")
    typed = bare.type("orders", "list")
    assert typed.code == 2
    assert "SHOP_SECRET_KEY" in typed.err


def test_several_processes_on_sqlite_are_refused_in_a_sentence(terminal: Terminal) -> None:
    typed = terminal.type("serve", "--workers", "2")
    assert typed.code == 2
    assert "SQLite lets one process write at a time" in typed.err


def test_orders_are_listed_shown_and_called_off(terminal: Terminal) -> None:
    paid, waiting = ordered(terminal), ordered(terminal, "fake_card_3ds")
    rows = terminal.type("orders", "list").json["data"]
    assert [row["id"] for row in rows] == [str(waiting), str(paid)]
    assert [row["id"] for row in terminal.type("orders", "list", "--payment-status", "paid").json["data"]] == [
        str(paid)
    ]
    first = terminal.type("orders", "list", "--limit", "1").json
    assert terminal.type("orders", "list", "--after", first["next"]).json["data"][0]["id"] == str(paid)
    number = rows[0]["number"]
    assert terminal.type("orders", "show", number).json["id"] == str(waiting)
    assert terminal.type("orders", "cancel", number, "--reason", "typo").code == 0
    assert terminal.type("orders", "show", str(waiting)).json["status"] == "cancelled"
    assert terminal.type("orders", "cancel", str(paid)).code == 4
    assert terminal.type("orders", "show", "404404").code == 3
    assert terminal.type("orders", "list", "--status", "lost").code == 2
    assert terminal.type("orders", "show", "order_1").code == 2


def test_a_key_is_shown_once_and_can_be_revoked(terminal: Terminal) -> None:
    made = terminal.type("keys", "create", "--name", "bot", "--scopes", "orders:read, products:write").json
    assert made["secret"].startswith("sk_test_")
    listed = terminal.type("keys", "list")
    assert made["secret"] not in listed.out
    assert listed.json["data"][0]["scopes"] == ["orders:read", "products:write"]

    async def identify(shop: Shop) -> str:
        return str((await shop.ports.authenticator.identify(made["secret"])).id)

    assert terminal.shop(identify) == made["id"]
    assert terminal.type("keys", "revoke", made["id"]).code == 0
    assert terminal.type("keys", "list").json["data"][0]["revoked_at"]
    assert terminal.type("keys", "create", "--name", "bot", "--scopes", "everything").code == 2
    assert terminal.type("keys", "revoke", "prod_01kdvdnac8e008tvrm103k9vem").code == 2


def test_events_are_listed_followed_and_revived(terminal: Terminal) -> None:
    ordered(terminal)
    types = [event["type"] for event in terminal.type("events", "list", "--limit", "100").json["data"]]
    assert {"order.created", "payment.captured", "product.created"} <= set(types)
    only = terminal.type("events", "list", "--type", "order.created").json["data"]
    assert [event["type"] for event in only] == ["order.created"]

    async def fail(shop: Shop) -> None:
        shop._reactions = {}
        while await deliver_once(shop):
            pass

    terminal.shop(fail)
    aside = terminal.type("events", "list", "--set-aside", "--limit", "100").json["data"]
    assert aside
    sick = terminal.type("doctor")
    assert sick.code == 1
    assert "shop events revive" in sick.out
    assert "1 delivery is due again" in terminal.type("events", "revive", aside[0]["id"]).err
    assert terminal.type("events", "revive").code == 0
    assert terminal.type("events", "list", "--set-aside").json["data"] == []
    assert terminal.type("events", "tail", "--for", "0.2").out == ""


@pytest.mark.parametrize(("host", "where"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]")])
def test_the_owners_link_leads_to_the_port_that_is_served(
    host: str, where: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[str] = []
    monkeypatch.setattr("shop.entrypoints.run.serve", lambda settings, **_: served.append(settings.base_url))
    told = terminal.type("serve", "--host", host, "--port", "18975")
    assert f"http://{where}:18975/account/setup" in told.err
    monkeypatch.setenv("SHOP_BASE_URL", "https://shop.example")
    assert "https://shop.example/account/setup" in terminal.type("serve", "--port", "18975").err
    assert served == [f"http://{where}:18975", "https://shop.example"]


def test_the_settings_are_shown_changed_and_put_back(terminal: Terminal) -> None:
    shown = terminal.type("store", "show")
    assert shown.json["store"]["name"] == "Nordlicht"
    path = terminal.folder / "store.json"
    changed = shown.json | {"store": shown.json["store"] | {"name": "Südlicht", "unheld_methods": ["fake_debit"]}}
    path.write_text(json.dumps(changed), encoding="utf-8")
    assert terminal.type("store", "configure", str(path)).code == 0
    assert terminal.type("store", "show").json == changed


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "[1]",
        "[]",
        "{}",
        '"x"',
        '{"shop": {}}',
        '{"store": null}',
        '{"store": []}',
        '{"store": {"name": 5}}',
        '{"shipping_methods": {}}',
        '{"store": {"nam": "x"}}',
        '{"store": {"locales": "en"}}',
        '{"store": {"unheld_methods": "fake_debit"}}',
        '{"store": {"unheld_methods": ["fake_dbeit"]}}',
        '{"taxes": {"rates": [{"name": "x", "country": "DE"}]}}',
        '{"taxes": {"rates": [{"name": "x", "country": "DE", "rate": "much"}]}}',
        '{"shipping_methods": [{"code": "x", "name": "X"}]}',
        '{"shipping_methods": [{"code": "x", "name": "X", "flat": [{"amount": 4.9, "currency": "EUR"}]}]}',
    ],
)
def test_settings_of_the_wrong_shape_are_refused(document: str, terminal: Terminal) -> None:
    path = terminal.folder / "store.json"
    path.write_text(document, encoding="utf-8")
    before = terminal.type("store", "show").json
    assert terminal.type("store", "configure", str(path)).code == 2
    assert terminal.type("store", "show").json == before


def test_stock_is_adjusted_with_a_reason(terminal: Terminal) -> None:
    terminal.type("import", "products", str(shopify_file(terminal.folder, 1)))
    [level] = terminal.type("inventory", "list").json["data"]
    assert terminal.type("inventory", "adjust", "--reason", "broken", level["variant_id"], "--", "-2").code == 0
    assert terminal.type("inventory", "list", "--below", "4").json["data"][0]["available"] == 3
    assert terminal.type("inventory", "adjust", "--reason", "theft", level["variant_id"], "--", "-9").code == 4


def test_a_product_is_shown_with_its_variants(terminal: Terminal) -> None:
    terminal.type("import", "products", str(shopify_file(terminal.folder, 1)))
    shown = terminal.type("products", "show", "thing-0").json
    assert shown["variants"][0]["sku"] == "T-0"
    assert terminal.type("products", "show", shown["id"]).json["slug"] == "thing-0"
    assert terminal.type("products", "show", "nothing").code == 3


@pytest.mark.parametrize(
    "words",
    [["orders", "list"], ["orders", "show", "1001"], ["products", "list"], ["keys", "list"], ["events", "list"],
     ["inventory", "list"], ["store", "show"], ["db", "status"], ["doctor"]],
)  # fmt: skip
def test_people_see_words_and_not_json(words: list[str], terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    ordered(terminal)
    for module in ("output", "store", "database", "doctor", "keys"):
        monkeypatch.setattr(f"shop.entrypoints.cli.{module}.for_people", lambda as_json: not as_json)
    typed = terminal.type(*words)
    assert typed.code == 0
    said = typed.out + typed.err
    assert said.strip()
    assert not said.lstrip().startswith(("{", "["))


def test_the_doctor_finds_a_healthy_shop_healthy(terminal: Terminal) -> None:
    ordered(terminal)
    ordered(terminal, "fake_card_3ds")
    findings = {finding["check"]: finding["verdict"] for finding in terminal.type("doctor").json}
    assert findings.pop("secret key") == "note"
    assert set(findings.values()) == {"fine"}
    assert findings.keys() >= {"settings", "database", "redis", "payments", "events", "stock", "reservations", "ledger"}
    quick = {finding["check"] for finding in terminal.type("doctor", "--no-books").json}
    assert "stock" not in quick


def test_the_doctor_sees_slips_of_the_pen(bare: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_DATABSE_URL", "postgresql://db/shop")
    monkeypatch.setenv("SHOP_API_URL", "http://127.0.0.1:1/api")
    (slip,) = [finding for finding in bare.type("doctor").json if finding["check"] == "variables"]
    assert slip["verdict"] == "note"
    assert slip["hint"] == "Did you mean SHOP_DATABASE_URL?"


def test_the_doctor_says_what_helps(bare: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = bare.type("doctor")
    assert typed.code == 1
    assert typed.json[-1]["hint"].endswith("shop db upgrade")
    monkeypatch.setenv("SHOP_ENV", "production")
    [finding] = bare.type("doctor").json
    assert (finding["check"], finding["verdict"]) == ("settings", "wrong")


def test_the_doctor_notices_books_that_do_not_add_up(terminal: Terminal) -> None:
    """A movement that is left out of the count, as if a level had changed without one."""
    ordered(terminal)
    with sqlite3.connect(terminal.folder / "shop.sqlite3") as database:
        database.execute("UPDATE stock_levels SET on_hand = on_hand + 1")
    database.close()
    findings = {finding["check"]: finding for finding in terminal.type("doctor").json}
    assert findings["stock"]["verdict"] == "wrong"
    assert "is 6 and should be 5" in findings["stock"]["detail"]
    assert findings["ledger"]["verdict"] == "fine"


def test_redis_that_is_away_is_noticed(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_REDIS_URL", "redis://127.0.0.1:9/0")
    typed = terminal.type("doctor", "--no-books")
    assert typed.code == 1
    assert [finding["check"] for finding in typed.json if finding["verdict"] == "wrong"] == ["redis"]


def test_calls_to_a_shop_that_is_not_there(bare: Terminal) -> None:
    typed = bare.type("api", "get", "/products", "--url", "http://127.0.0.1:9/api")
    assert typed.code == 2
    assert "shop demo" in typed.err
    assert bare.type("api", "post", "/carts", "-d", "{").code == 2
    assert bare.type("api", "get", "/products", "-q", "limit").code == 2
    assert bare.type("api", "get", "/products", "--url", "ftp://x").code == 2


@pytest.mark.integration
def test_redis_that_is_there_is_found_well(terminal: Terminal, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_REDIS_URL", redis_url)
    findings = {finding["check"]: finding["detail"] for finding in terminal.type("doctor", "--no-books").json}
    assert findings["redis"] == "remembers"


def test_the_clock_moves_ahead_and_back(terminal: Terminal) -> None:
    assert terminal.type("clock", "show").json["offset_seconds"] == 0
    order_id = ordered(terminal, method="fake_card_3ds")
    moved = terminal.type("clock", "advance", "2d").json
    assert 172_800 - 60 < moved["offset_seconds"] <= 172_800
    assert {event["subject_id"] for event in moved["events"] if event["type"] == "order.cancelled"} == {str(order_id)}
    assert terminal.type("clock", "advance", "2019-01-01T00:00:00Z").code == 2
    assert terminal.type("clock", "advance", "2100-01-01").code == 2
    assert terminal.type("clock", "advance", "never-ever").code == 2
    assert terminal.type("clock", "reset").code == 0
    assert terminal.type("clock", "show").json["offset_seconds"] == 0


def test_subscriptions_are_looked_after(terminal: Terminal) -> None:
    terminal.type("import", "products", str(shopify_file(terminal.folder)))

    async def subscribed(shop: Shop) -> str:
        product = await shop.ask(GetProduct(id_or_slug="thing-0", expand=frozenset({"variants"})))
        assert product.variants
        plan_id = await shop.execute(
            CreatePlan(
                code="thing-monthly",
                name="A thing a month",
                variant_id=product.variants[0].id,
                interval=Interval(IntervalUnit.MONTH),
                prices=(Money(900, "EUR"),),
            )
        )
        address = Address(name="Ada Byron", line1="Torstr. 1", postal_code="10119", city="Berlin", country="DE")
        subscription_id = await shop.execute(
            Subscribe(
                plan_id=plan_id,
                method="fake_card",
                email="ada@example.com",
                shipping_address=address,
                shipping_option="standard",
            ),
            actor=Actor(kind="user", id=shop.ports.ids.new(UserId)),
        )
        return str(await shop.execute(CarryOnSubscription(subscription_id=subscription_id)))

    subscription = terminal.shop(subscribed)
    assert terminal.type("subscriptions", "plans").json["data"][0]["code"] == "thing-monthly"
    [listed] = terminal.type("subscriptions", "list", "--status", "active").json["data"]
    assert (listed["id"], listed["status"]) == (subscription, "active")
    assert terminal.type("subscriptions", "list", "--status", "past_due").json["data"] == []
    assert terminal.type("subscriptions", "list", "--status", "happy").code == 2
    assert terminal.type("subscriptions", "retry", subscription).code == 4
    moved = terminal.type("clock", "advance", "32d").json
    assert "subscription.renewed" in {event["type"] for event in moved["events"]}
    assert terminal.type("subscriptions", "pause", subscription).json["status"] == "paused"
    assert terminal.type("subscriptions", "resume", subscription).json["status"] == "active"
    assert terminal.type("subscriptions", "cancel", subscription, "--at-period-end").json["cancel_at_period_end"]
    assert terminal.type("subscriptions", "cancel", subscription, "--reason", "moved").json["status"] == "cancelled"
    assert terminal.type("subscriptions", "show", subscription).json["cancel_reason"] == "moved"
    assert terminal.type("subscriptions", "show", "sub_01jd8zc5w0e7ktmj9c2q8k4h1n").code == 3


def test_money_goes_back_and_the_books_say_so(terminal: Terminal) -> None:
    order = str(ordered(terminal))
    [payment] = terminal.type("payments", "list", "--status", "captured", "--json").json["data"]
    assert terminal.type("payments", "show", payment["id"], "--json").json["id"] == payment["id"]
    refund = terminal.type(
        "payments", "refund", payment["id"], "--amount", "1.50", "--reason", "goodwill", "--json"
    ).json
    assert (refund["status"], refund["amount"]["amount"]) == ("succeeded", 150)
    assert terminal.type("payments", "refund", payment["id"], "--all", "--json").json["status"] == "succeeded"
    assert terminal.type("payments", "refund", payment["id"], "--amount", "0").code != 0
    listed = terminal.type("payments", "refunds", "--status", "succeeded", "--json").json["data"]
    assert len(listed) == 2
    assert terminal.type("payments", "refuse", refund["id"]).code != 0
    assert terminal.type("payments", "approve", refund["id"]).code != 0
    assert terminal.type("payments", "list", "--status", "nonsense").code != 0
    entries = terminal.type("ledger", "show", order, "--json").json
    assert [entry["kind"] for entry in entries] == ["capture", "refund", "refund"]
    assert sum(posting["amount"]["amount"] for entry in entries for posting in entry["postings"]) == 0


def test_what_was_authorised_is_taken_or_let_go_of(terminal: Terminal) -> None:
    settings = terminal.type("store", "show", "--json").json
    settings["store"]["capture"] = "manual"
    file = terminal.folder / "store.json"
    file.write_text(json.dumps({"store": settings["store"]}))
    assert terminal.type("store", "configure", str(file)).code == 0
    assert terminal.type("store", "show", "--json").json["store"]["capture"] == "manual"
    settings["store"]["capture"] = "whenever"
    file.write_text(json.dumps({"store": settings["store"]}))
    assert terminal.type("store", "configure", str(file)).code == 2
    for _ in range(2):
        ordered(terminal)
    first, second = terminal.type("payments", "list", "--status", "authorized", "--json").json["data"]
    assert terminal.type("payments", "capture", first["id"], "--amount", "100000").code != 0
    taken = terminal.type("payments", "capture", first["id"], "--amount", "1.50", "--json").json
    assert (taken["status"], taken["captured"]["amount"]) == ("captured", 150)
    assert terminal.type("payments", "void", first["id"]).code != 0
    assert terminal.type("payments", "void", second["id"], "--json").json["status"] == "cancelled"
    assert terminal.type("payments", "capture", second["id"]).code != 0
    assert terminal.type("payments", "capture", "pay_01jd8zc5w0e7ktmj9c2q8k4h1n").code == 3


def test_f60_disputes_are_answered_and_messages_looked_at_again(terminal: Terminal, tmp_path: Path) -> None:
    order = str(ordered(terminal))
    [payment] = terminal.type("payments", "list", "--status", "captured", "--json").json["data"]
    played = terminal.type("payments", "simulate", payment["id"], "dispute", "--json").json
    assert (played["disputed"], played["id"]) == (True, payment["id"])
    assert terminal.type("payments", "simulate", payment["id"], "nonsense").code == 2
    refused = terminal.type("payments", "refund", payment["id"], "--all")
    assert refused.code != 0
    assert "disputed" in refused.err
    [dispute] = terminal.type("payments", "disputes", "list", "--status", "needs_response", "--json").json["data"]
    assert dispute["taken"]["amount"] == payment["amount"]["amount"]
    assert terminal.type("payments", "disputes", "show", dispute["id"], "--json").json == dispute
    assert terminal.type("payments", "disputes", "list", "--status", "nonsense").code == 2
    letter = tmp_path / "letter.txt"
    letter.write_text("They signed for it.", encoding="utf-8")
    noted = {one["check"]: one for one in terminal.type("doctor", "--no-books", "--json").json}
    assert (noted["disputes"]["verdict"], noted["disputes"]["detail"][:22]) == ("note", "1 wait for evidence, t")
    assert noted["messages"]["verdict"] == "fine"
    answer = ("payments", "disputes", "answer", dispute["id"])
    assert terminal.type(*answer, "customer_name").code == 2
    assert terminal.type(*answer, f"uncategorized_text=@{tmp_path / 'missing'}").code == 2
    draft = terminal.type(*answer, "customer_name=Ada", "--draft", "--json").json
    assert (draft["status"], draft["evidence_by"]) == ("needs_response", "")
    sent = terminal.type(*answer, "customer_name=Ada", f"uncategorized_text=@{letter}", "--json").json
    assert (sent["status"], sent["answerable"]) == ("under_review", False)
    terminal.type("payments", "simulate", payment["id"], "win")
    entries = terminal.type("ledger", "show", order, "--json").json
    assert [entry["kind"] for entry in entries] == ["capture", "dispute", "dispute_reversal"]
    assert terminal.type("doctor", "--json").code == 0
    assert terminal.type("payments", "inbox", "list", "--state", "parked", "--json").json["data"] == []
    assert terminal.type("payments", "inbox", "replay", "evt_unknown").code == 3
