"""Writes every generated page of docs/reference. Run: python -m tools.pages"""

from tools.pages.table import FOLDER, PAGES

for page in PAGES:
    (FOLDER / page.file).write_text(page.text(), encoding="utf-8")
