"""The card of a demo: where it is and what opens it, for people and for programs."""

import json
import os
from pathlib import Path
from typing import Self

from attrs import asdict, frozen


@frozen(kw_only=True)
class Card:
    """Only what is built has an address here."""

    shop: str
    base_url: str
    api_url: str
    docs_url: str
    openapi_url: str
    health_url: str
    secret_key: str
    curl: str
    products: int
    orders: int
    setup_url: str
    """Makes the owner, once; empty when there is one."""

    @classmethod
    def at(cls, port: int, *, secret_key: str, products: int, orders: int, setup_url: str = "") -> Self:
        base = f"http://127.0.0.1:{port}"
        return cls(
            shop="Nordlicht",
            base_url=base,
            api_url=f"{base}/api",
            docs_url=f"{base}/api/docs",
            openapi_url=f"{base}/api/openapi.json",
            health_url=f"{base}/health/ready",
            secret_key=secret_key,
            curl=f"curl -s '{base}/api/products?limit=1&expand=variants'",
            products=products,
            orders=orders,
            setup_url=setup_url,
        )

    def write(self, path: Path) -> None:
        """Only its owner may read it: it holds a secret."""
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file, indent=2)
            file.write("\n")
        draft.replace(path)
