"""What is published: a core that needs attrs alone, a typed package and one console command."""

import re
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_string
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return message_from_string(wheel.read(name).decode())


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def test_the_core_needs_attrs_and_little_else(metadata: Message) -> None:
    core = [need for need in metadata.get_all("Requires-Dist", []) if "extra ==" not in need]
    assert [re.split(r"[^a-z0-9-]", need)[0] for need in core] == ["attrs", "dependency-injector", "msgspec"]


def test_the_wheel_says_who_it_is(metadata: Message) -> None:
    assert metadata["Name"] == "hexshop"
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"


def test_the_version_is_said_once_in_the_package_and_once_in_the_metadata(metadata: Message) -> None:
    import shop

    assert metadata["Version"] == shop.__version__


def test_the_wheel_holds_the_package_its_types_and_its_licence_only(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert "shop/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0] for name in names} == {"shop", "hexshop-0.1.0.dist-info"}


def test_every_module_of_the_tree_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    here = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src" / "shop").rglob("*.py")}
    assert here <= set(wheel.namelist())


def test_there_is_one_console_command() -> None:
    assert project()["scripts"] == {"shop": "shop.entrypoints.cli.app:main"}


def test_all_means_every_extra() -> None:
    def reach(extra: str) -> set[str]:
        needs = project()["optional-dependencies"][extra]
        within = [re.fullmatch(r"hexshop\[(.+)\]", need) for need in needs]
        named = {name for match in within if match for name in match[1].split(",")}
        return named.union(*(reach(name) for name in named))

    assert reach("all") == set(project()["optional-dependencies"]) - {"all"}
