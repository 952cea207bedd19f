"""Lists which tests carry which failure case: `python -m tools.list_failure_cases` writes the page.

A test says in its name which cases it is about: `test_f17_f18_…`, `test_s63_…`.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "failure-cases.md"
PLACES = ("tests", "src/shop/adapters/contracts")
CARRIED = re.compile(r"(?:^|_)([fs])(\d\d)(?=_)")

CASES: Mapping[str, str] = {
    "F-01": "Two buyers want the last unit at the same moment",
    "F-02": "The same thing stands in several lines and each is checked alone",
    "F-03": "Stock is reserved past the guard, and what is reserved is no longer the sum of its holds",
    "F-04": "Stock is checked at one moment and taken at another",
    "F-05": "Stock is computed from what was read too early",
    "F-06": "Two orders lock the same rows in opposite order",
    "F-07": "One order locks the same row twice",
    "F-09": "A hold is never released",
    "F-10": "A hold is released twice",
    "F-12": "Staff set a level while sales go on",
    "F-13": "An import overwrites stock that orders hold",
    "F-15": "The hold runs out while the payment is under way",
    "F-17": "The same cart is submitted several times at once",
    "F-18": "A client repeats its request under a new key",
    "F-19": "The provider's answer is lost after it acted",
    "F-20": "Browser, message and sweeper capture at the same moment",
    "F-21": "The same message arrives many times at once",
    "F-22": "Two messages tell of one change",
    "F-23": "A subscription is renewed twice",
    "F-24": "A challenge leads to a second intent, and both take the money",
    "F-25": "The order is lost after money was taken",
    "F-26": "An idempotency key comes back with another request",
    "F-27": "Two requests with one key at the same moment",
    "F-28": "A request dies and its key stays taken",
    "F-29": "A key is repeated after it was forgotten",
    "F-30": "Two callers use the same key",
    "F-31": "The browser is closed after paying",
    "F-32": "The message is faster than the order's own record",
    "F-33": "Something an order needs is deleted after it was paid",
    "F-34": "A message is acknowledged and its effect fails",
    "F-35": "A message that means nothing to the shop is answered with an error",
    "F-36": "News of failure or cancelling are ignored",
    "F-37": "Money comes after the order was called off",
    "F-38": "An old message tells of the end of a payment that was made",
    "F-39": "A late message brings something back that was over",
    "F-40": "An authorisation lapses before it is captured",
    "F-41": "The process dies between the commit and telling others",
    "F-42": "Another sum is paid than was ordered",
    "F-43": "One order's payment is presented for another",
    "F-44": "A refund races with news of the payment, and is counted twice",
    "F-45": "One step fails after another was done, and nobody takes that back or carries it on",
    "F-46": "An order costs nothing",
    "F-47": "The money is on its way for days, and then fails",
    "F-48": "A currency has no cents, or three digits of them",
    "F-49": "A refund of nothing, or of less than nothing",
    "F-50": "Two refunds at once give back more than was taken",
    "F-51": "A refund fails after it was booked",
    "F-56": "A gift card is worth more than the order",
    "F-57": "The address changes after the delivery was priced",
    "F-58": "Rounded parts do not make the whole",
    "F-59": "The sum changes after it was ordered, and nobody settles the difference",
    "F-60": "Money that is disputed goes back as well",
    "F-61": "An event is told before its cause is written",
    "F-65": "A worker dies after its effect and before its note",
    "F-66": "One event can never be delivered",
    "F-67": "Several workers take the same deliveries, or overtake each other",
    "F-68": "A later event is committed before an earlier one",
    "F-69": "A worker goes on after its lease ran out",
    "F-70": "Events written by another version are read",
    "F-71": "The server is killed in the middle of checkouts",
    "F-72": "The connection is lost during the commit",
    "F-75": "The database reports a collision or a deadlock",
    "F-76": "A transaction waits for an outside system",
    "F-77": "Redis loses what it knew, or is away",
    "F-78": "A cancelled request leaves its answer to the next one on the connection",
    "F-79": "A request is cut short at any point",
    "F-81": "A transaction on SQLite begins to write late",
    "F-83": "The provider fails for a while",
    "F-84": "Very many buyers, very few units",
    "F-85": "The price changes between seeing and buying",
    "F-86": "Rows of ledger, orders or messages are deleted",
    "F-87": "Money is taken in the provider's dashboard",
    "F-88": "Stock is edited by SQL",
    "F-90": "The provider's messages do not come for four days",
    "S-01": "Somebody reads or changes what is another's",
    "S-02": "An order is opened by its number alone",
    "S-03": "An order is opened with an empty token, or with something that is none",
    "S-04": "Somebody's address is pointed at instead of written",
    "S-05": "Nobody in particular is taken for the owner of what has none",
    "S-06": "A guest's cart is taken along without its token",
    "S-07": "Somebody's address or password is changed from outside",
    "S-08": "Somebody gives themselves, or others, more rights than they have",
    "S-10": "A body sets what nobody may set",
    "S-11": "An answer shows what is not for its reader",
    "S-12": "An address of staff is asked for in another spelling, with another method, or as another version",
    "S-13": "A cheap cart is presented for a dear order",
    "S-14": "A list is filtered, sorted or widened by what is not shown",
    "S-15": "One person alone gives back a large sum",
    "S-16": "A quantity that is none",
    "S-28": "The number of an order tells how many there are",
    "S-29": "Somebody writes a text that would run in a reader's browser",
    "S-30": "Somebody finds out by an answer, or by its time, who has an account",
    "S-31": "A link that was mailed to one person is used by another",
    "S-32": "An address counts as proved after it was changed",
    "S-33": "A request names another host, so that links would lead there",
    "S-34": "Somebody is signed in, or changed, from another site",
    "S-35": "Passwords are tried by the thousand, from many networks",
    "S-36": "A password is cut, or so long that hashing it keeps the shop busy",
    "S-37": "Hundreds sign in at once and nothing else gets done",
    "S-38": "A password is still kept in an old way",
    "S-39": "A forged or foreign token is taken for an access token",
    "S-40": "A refresh token comes a second time",
    "S-41": "A session outlives its sign-out",
    "S-42": "Another site makes a signed-in browser send a request",
    "S-43": "A sign-in with another provider is hijacked on the way",
    "S-44": "A key that was revoked or has expired still opens something",
    "S-45": "A code of the second step is used twice, or guessed",
    "S-46": "A cookie can be read or planted, or a private answer is kept by a cache",
    "S-47": "A parameter carries a piece of SQL",
    "S-48": "JSON that is too deep, too wide, ambiguous or no text",
    "S-49": "A body that is too large, too slow, packed, or not as long as it says",
    "S-50": "A body in very many parts",
    "S-51": "A list asks for too much at once",
    "S-52": "A text makes a pattern run for minutes",
    "S-53": "Characters that databases, terminals or people read differently",
    "S-54": "A parameter, field or header stands there twice, or is of another type",
    "S-59": "Bytes that a proxy and the server take for different requests",
    "S-63": "A message with a forged, old or future signature",
    "S-64": "A genuine message is sent again and again",
    "S-65": "A genuine message with a hostile content",
    "S-67": "Secrets and personal data reach logs, errors, events or remembered answers",
    "S-68": "Somebody types a card number where text belongs",
    "S-69": "Production starts with what is for development only",
    "S-70": "Pages of other origins read answers",
    "S-71": "An answer lacks what makes browsers careful",
    "S-72": "A rate limit is gone round, or its counters are away",
    "S-73": "A person's data are not all exported, or something is left after they are erased",
    "S-74": "Somebody rewrites the audit log",
    "S-78": "A secret is guessed bit by bit from how long comparing it takes",
    "S-79": "A new address or message has no policy",
    "S-80": "An older version of the API still answers without the fix",
    "S-81": "Somebody registers another's address and waits in the account for its owner",
    "S-82": "A guest's token still opens what belongs to somebody by now",
    "S-83": "An invitation gives what whoever made it may not give any more",
    "S-84": "Somebody has the shop mail their own words to others",
}
ABOUT = """# Failure cases and the tests that carry them

Written by `python -m tools.list_failure_cases`; do not edit. A test names its cases in its own name, so
`pytest -k f17` runs all that is about F-17. How the shop deals with them is told in [reliability](../reliability.md).
"""


class CaseUnknown(LookupError):
    """A test carries a case that has no title here yet."""


def carriers(root: Path = ROOT) -> dict[str, list[tuple[str, str]]]:
    """(file, test) of each case, in order of the files and of the tests in them."""
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for place in PLACES:
        for path in sorted((root / place).rglob("*.py")):
            for name in _functions(path.read_text(encoding="utf-8")):
                for letter, number in CARRIED.findall(name):
                    found[f"{letter.upper()}-{number}"].append((path.relative_to(root).as_posix(), name))
    if unknown := found.keys() - CASES.keys():
        raise CaseUnknown(f"Say in CASES what these are: {', '.join(sorted(unknown))}")
    return dict(found)


def _functions(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def page(found: Mapping[str, list[tuple[str, str]]]) -> str:
    """The page, as it is committed."""
    rows = [ABOUT, "| Case | What happens | Tests |", "|---|---|---|"]
    for case in sorted(found):
        tests: defaultdict[str, list[str]] = defaultdict(list)
        for file, name in found[case]:
            tests[file].append(f"`{name}`")
        told = "<br>".join(f"{file}: {', '.join(names)}" for file, names in tests.items())
        rows.append(f"| {case} | {CASES[case]} | {told} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(carriers()), encoding="utf-8")
