"""Shop: a headless commerce backend with a pure core.

`import shop` costs next to nothing: `shop.open_shop` loads what it needs when it is first called.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "open_shop"]

if TYPE_CHECKING:
    from shop.entrypoints.embed import open_shop


def __getattr__(name: str) -> Any:
    if name == "open_shop":
        from shop.entrypoints.embed import open_shop

        return open_shop
    raise AttributeError(f"module 'shop' has no attribute {name!r}")
