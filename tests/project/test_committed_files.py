"""No committed file names a package registry's host, a folder of somebody's machine, or holds a secret."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Each is spelt so that this file does not match itself.
FORBIDDEN = {
    "a registry's host": re.compile(
        r"py[p]i\.org|pythonhoste[d]\.org|registry\.npmj[s]\.(?:org|com)|deb\.debia[n]\.org|proxy\.golan[g]\.org"
    ),
    "a folder of somebody's machine": re.compile(r"(?<![\w.-])/(?:wor[k]|roo[t]|hom[e]/\w+|User[s]/\w+|tm[p])/"),
    "a private key": re.compile(r"-----BEGI[N] [A-Z ]*PRIVATE KEY-----"),
    "a provider's live key": re.compile(r"[sr]k_liv[e]_\w{8,}|whse[c]_[A-Za-z0-9]{24,}"),
}


def committed_texts() -> list[tuple[str, str]]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    if listing.returncode != 0:
        pytest.skip("this is not a git checkout, so there are no committed files to read")
    paths = [ROOT / name for name in listing.stdout.split("\0") if name]
    readable = [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:4096]]
    return [(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in readable]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_committed_file_names(what: str) -> None:
    found = [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in committed_texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if FORBIDDEN[what].search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a registry's host", "--index-url https://" + "pypi" + ".org/simple"),
        ("a folder of somebody's machine", "data = '/" + "work/shared/data'"),
        ("a folder of somebody's machine", "cd /" + "home/ada/shop"),
        ("a private key", "-----BEGIN" + " RSA PRIVATE KEY-----"),
        ("a provider's live key", "sk_" + "live_0123456789abcdef"),
    ],
)
def test_each_rule_bites(what: str, line: str) -> None:
    assert FORBIDDEN[what].search(line)


def test_locked_packages_all_carry_hashes() -> None:
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        blocks = re.split(r"\n(?=[a-z0-9])", lock.read_text(encoding="utf-8"))
        pinned = [block for block in blocks if re.match(r"[a-z0-9][\w.-]*(\[[^\]]*\])?==", block)]
        assert pinned, lock
        assert all("--hash=sha256:" in block for block in pinned), lock
