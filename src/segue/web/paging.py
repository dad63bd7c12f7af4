"""Lists in pages: how much and from where, and the answer with the cursor of the next page."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BeforeValidator

from segue.console.operator import Operator
from segue.console.paging import DESC, Cursors, Place
from segue.errors import InvalidCursor

USUAL, MOST = 100, 500
"""Items of a page: when nothing is said, and at most."""
FIRST, NEXT, REFUSED = "first", "next", "refused"
"""What came of a request for a page."""

LISTS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The limit is no number, or the cursor is not of this list (code `invalid_cursor`)."},
    503: {"description": "What is kept cannot be read now."},
}
"""How lists answer otherwise."""

T = TypeVar("T")


def capped(given: object) -> int:
    """The number of items that is used for the one that was asked for: the nearest from 1 to 500.

    Raises:
        ValueError: it is no whole number.
    """
    written = str(given)
    if not re.fullmatch(r"-?[0-9]+", written):
        raise ValueError("send a whole number")
    digits = written.lstrip("-").lstrip("0")
    if not digits or written.startswith("-"):
        return 1
    return MOST if len(digits) > len(str(MOST)) else min(int(digits), MOST)


Limit = Annotated[
    int,
    BeforeValidator(capped),
    Query(description="How many items; the nearest number from 1 to 500 is used, and told in `x-segue-limit`."),
]
CursorText = Annotated[
    str | None, Query(description="`next` of the page before; good for the same key, list, filter and direction.")
]


class Paged:
    """What a request asks of a list. For routes: `page: Page`."""

    def __init__(self, request: Request, limit: Limit = USUAL, cursor: CursorText = None) -> None:
        self.path = request.url.path
        self.limit = limit
        self.cursor = cursor


Page = Annotated[Paged, Depends(Paged)]


class Walk:
    """One page of a list on its way: read `take` rows beyond `place`, then `answer` with them."""

    def __init__(self, place: Place | None, limit: int, sign: Callable[[Place], str]) -> None:
        self.place = place
        """Where the page before ended; None at the beginning."""
        self.limit = limit
        self.take = limit + 1
        """One more than is told, which shows whether there is a next page."""
        self._sign = sign

    def answer(
        self, rows: Sequence[T], place: Callable[[T], Place], tell: Callable[[T], Mapping[str, Any]]
    ) -> JSONResponse:
        """The page: `{"items": […], "next": …}`. `place` gives what the list is sorted by, `tell` an item's JSON."""
        page = rows[: self.limit]
        following = self._sign(place(page[-1])) if len(rows) > self.limit else None
        return JSONResponse(
            {"items": [tell(row) for row in page], "next": following}, headers={"x-segue-limit": str(self.limit)}
        )


class Lists:
    """Begins pages; `counts` tells how many, by what came of them."""

    def __init__(self, cursors: Cursors) -> None:
        self._cursors = cursors
        self.counts: Counter[str] = Counter(dict.fromkeys((FIRST, NEXT, REFUSED), 0))

    def walk(self, page: Paged, by: Operator, wanted: Mapping[str, str] | None = None, direction: str = DESC) -> Walk:
        """Begin a page for an operator. `wanted` is the filter, in words; empty ones are as good as none.

        Raises:
            InvalidCursor: the cursor is none of ours, or was given to another operator, or for another list, filter
                or direction.
        """
        bound = (by.name, page.path, wanted or {}, direction)
        place = None
        if page.cursor is not None:
            try:
                place = self._cursors.read(page.cursor, *bound)
            except InvalidCursor:
                self.counts[REFUSED] += 1
                raise
        self.counts[FIRST if place is None else NEXT] += 1
        return Walk(place, page.limit, lambda last: self._cursors.sign(*bound, last))
