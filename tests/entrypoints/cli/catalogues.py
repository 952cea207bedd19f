"""Small catalogue files for tests of the command line."""

from pathlib import Path


def shopify_file(folder: Path, count: int = 3, *, price: str = "9.90", name: str = "products.csv") -> Path:
    """Tracked products `thing-0`, `thing-1`, … with SKUs and five in stock."""
    path = folder / name
    lines = ["Handle,Title,Variant SKU,Variant Price,Variant Inventory Tracker,Variant Inventory Qty"]
    lines += [f"thing-{number},Thing {number},T-{number},{price},shopify,5" for number in range(count)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
