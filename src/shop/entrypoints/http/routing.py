"""Which row of the endpoint table answers: its addresses as a tree of their parts."""

from collections.abc import Iterable

from shop.entrypoints.http.calls import Prepared

Found = tuple[Prepared, dict[str, str]]
"""A row, and what stands in the path for its parameters."""


class _Part:
    """What may follow a part of a path, and the rows whose path ends with it, by method."""

    __slots__ = ("any", "named", "rows")

    def __init__(self) -> None:
        self.named: dict[str, _Part] = {}
        self.any: _Part | None = None
        self.rows: dict[str, Prepared] = {}

    def below(self, part: str) -> "_Part":
        """The part after this one, made where there is none."""
        if not part.startswith("{"):
            return self.named.setdefault(part, _Part())
        self.any = self.any or _Part()
        return self.any


class Routes:
    """Finds addresses that are written exactly as the table has them; a part by its name goes before a parameter."""

    def __init__(self, rows: Iterable[Prepared]) -> None:
        self._root = _Part()
        for row in rows:
            place = self._root
            for part in row.endpoint.path[1:].split("/"):
                place = place.below(part)
            place.rows[row.endpoint.method] = row
            if row.endpoint.method == "GET":
                place.rows["HEAD"] = row

    def find(self, method: str, path: str) -> Found | None:
        """The row of this method at this path, if the table has one."""
        place, values = self._root, []
        for part in path[1:].split("/"):
            following = place.named.get(part)
            if following is None:
                following = place.any
                if following is None or not part:
                    return None
                values.append(part)
            place = following
        row = place.rows.get(method)
        return (row, dict(zip(row.names, values, strict=True))) if row is not None else None
