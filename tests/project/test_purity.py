"""What an import loads: `import shop` next to nothing, the whole inside attrs and the standard library only."""

import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
INSIDE = sorted(
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for layer in ("domain", "application")
    for path in (SOURCE / "shop" / layer).rglob("*.py")
)
PROGRAM = """
import importlib, sys
started = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sorted(set(sys.modules) - started))
"""


def loaded_by(*modules: str, source: Path = SOURCE) -> set[str]:
    """What a fresh interpreter loads to import these."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(source)!r})\n{PROGRAM}", *modules],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def strangers(names: set[str]) -> set[str]:
    """The packages among these that are neither ours nor attrs nor part of Python."""
    roots = {name.split(".")[0] for name in names}
    return roots - {"shop", "attr", "attrs"} - sys.stdlib_module_names


def test_importing_shop_loads_itself_only() -> None:
    loaded = loaded_by("shop")
    assert {name for name in loaded if name.split(".")[0] == "shop"} == {"shop"}
    assert strangers(loaded) == set()
    assert "attrs" not in loaded
    assert "asyncio" not in loaded


def test_the_whole_inside_loads_attrs_and_the_standard_library_only() -> None:
    loaded = loaded_by(*INSIDE)
    assert set(INSIDE) <= loaded | {"shop"}
    assert strangers(loaded) == set()
    assert not [name for name in loaded if name.startswith(("shop.adapters", "shop.entrypoints"))]


@pytest.mark.parametrize("name", ["shop.domain", "shop.application"])
def test_each_layer_has_modules_to_look_at(name: str) -> None:
    assert sum(module.startswith(name + ".") for module in INSIDE) > 10


def test_a_stranger_inside_is_seen(tmp_path: Path) -> None:
    """Planted: a module of the inside that imports msgspec."""
    pytest.importorskip("msgspec")
    (tmp_path / "planted.py").write_text("import msgspec\n")
    assert strangers(loaded_by("planted", source=tmp_path)) >= {"planted", "msgspec"}
