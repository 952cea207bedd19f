"""What the README and the documentation show is run here, so that it stays true."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from shop.entrypoints.cli.app import app
from tests.demo import running_demo
from tests.project.fences import Fence, fences

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
# Reference pages are generated or, as decisions, hold nothing to run.
PAGES = [
    README,
    *sorted(path for path in ROOT.glob("docs/**/*.md") if path.parent.name not in ("reference", "decisions")),
]
LINKED = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
BINARIES = Path(sys.executable).parent


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def with_language(language: str) -> list[Path]:
    return [page for page in PAGES if any(fence.language == language for fence in fences(page))]


def run(command: list[str], folder: Path, **more: str) -> str:
    """What it prints. Fails the test with what it says on stderr."""
    env = {"PATH": f"{BINARIES}:/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), **more}
    env |= {variable: value for variable, value in os.environ.items() if variable.startswith("COVERAGE")}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("page", with_language("python"), ids=name)
def test_python_runs_as_it_stands(page: Path, tmp_path: Path) -> None:
    for number, fence in enumerate(fence for fence in fences(page) if fence.language == "python"):
        file = tmp_path / (fence.file or f"{'test_' * fence.is_test}block_{number}.py")
        file.write_text(fence.code, encoding="utf-8")
        if fence.is_test:
            printed = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file.name], tmp_path)
            assert re.search(r"\d+ passed", printed), printed
        else:
            assert fence.says, f"{name(page)}: say what block {number} prints"
            assert fence.says in run([sys.executable, file.name], tmp_path)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The folder of a demo that answers, and its card."""
    folder = tmp_path_factory.mktemp("clone")
    with running_demo(folder) as card:
        yield folder, card


@pytest.mark.journey
@pytest.mark.parametrize("page", with_language("bash"), ids=name)
def test_bash_runs_from_top_to_bottom(page: Path, demo: tuple[Path, dict[str, Any]]) -> None:
    """All blocks of a page are one script: what one sets the next ones use."""
    folder, card = demo
    blocks = [fence for fence in fences(page) if fence.language == "bash"]
    end = "#----- end of block -----#"
    script = "\n".join(f"{fence.code}\necho '{end}'" for fence in blocks)
    printed = run(["bash", "-euo", "pipefail", "-c", script], folder, B=card["api_url"]).split(end)
    assert any(fence.says for fence in blocks)
    for fence, said in zip(blocks, printed, strict=False):
        assert fence.says.lower() in said.lower(), said


@pytest.mark.journey
def test_the_nine_calls_of_the_readme_end_in_a_paid_order(demo: tuple[Path, dict[str, Any]]) -> None:
    """Their last word is the order itself, and nothing else. Newcomers try them more than once."""
    folder, card = demo
    [script] = [fence.code for fence in fences(README) if fence.language == "bash"]
    for _ in range(3):
        order = json.loads(run(["bash", "-euo", "pipefail", "-c", script], folder, B=card["api_url"]))
        assert (order["status"], order["payment_status"]) == ("confirmed", "paid")


def test_the_example_ends_in_a_paid_order() -> None:
    assert run([sys.executable, "examples/embed.py"], ROOT) == "1001 confirmed paid 64.88 EUR\n"


def typed(page: Path) -> Iterator[list[str]]:
    """The words of each `shop` command that a page shows, in console blocks or between backticks."""
    text = page.read_text(encoding="utf-8")
    shown = re.findall(r"`(shop [^`\n]+)`", text)
    lines = [line[2:] for fence in fences(page) if fence.language == "console" for line in fence.code.splitlines()]
    lines += [line for fence in fences(page) if fence.language == "bash" for line in fence.code.splitlines()]
    for line in [*shown, *lines]:
        for found in re.finditer(r"(?:^|&& |ExecStart=\S*/)shop ([a-z][a-z-]*(?: [a-z][a-z-]*)*)", line):
            yield found[1].split()


@pytest.mark.parametrize("page", LINKED, ids=name)
def test_commands_exist(page: Path) -> None:
    for words in typed(page):
        command: Any = get_command(app)
        for word in words:
            children = getattr(command, "commands", None)
            if children is None:
                break
            assert word in children, f"{name(page)}: there is no `shop {' '.join(words)}`"
            command = children[word]


@pytest.mark.parametrize("page", LINKED, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{name(page)} links to {target}, which is not there"


@pytest.mark.parametrize("page", LINKED, ids=name)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|\$ )make ([a-z]+)", page.read_text(encoding="utf-8"))) <= targets


@pytest.mark.parametrize("page", LINKED, ids=name)
def test_settings_exist(page: Path) -> None:
    """Those of the shop and of its tests; an adapter that is made up may have its own."""
    known = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    others = {
        "SHOP_TEST_DATABASE_URL",
        "SHOP_TEST_REDIS_URL",
        "SHOP_TEST_STORAGE",
        "SHOP_API_URL",
        "SHOP_API_KEY",
        "SHOP_PROVE",
    }
    made_up = {"SHOP_ADYEN_KEY", "SHOP_GENEROUS_TO"}
    named = set(re.findall(r"\bSHOP_[A-Z_]+[A-Z]\b", page.read_text(encoding="utf-8")))
    assert {variable for variable in named if f"`{variable}`" not in known} <= others | made_up


@pytest.mark.parametrize("page", with_language("yaml"), ids=name)
def test_yaml_can_be_read(page: Path) -> None:
    for fence in fences(page):
        if fence.language == "yaml":
            services = yaml.safe_load(fence.code)["services"]
            assert {"migrate", "api", "worker", "db", "redis"} == services.keys()


def test_promises_of_blocks_are_read(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- file: a.py -->\n<!-- says: b: c -->\n```python\nd\n```\n<!-- pytest -->\n```python\n```\n")
    assert list(fences(page)) == [
        Fence("python", "d\n", "b: c", "a.py", False),
        Fence("python", "", "", "", True),
    ]
