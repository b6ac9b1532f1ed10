"""What Radicale may try: ``[rights] type = radicale_storage.rights``. Who may do what is decided by the services.

Writing a card is always tried, so that the answer says which right is missing; nothing is written into a collection
itself. Item paths get their rights from the book's.
"""

from __future__ import annotations

from radicale.rights import BaseRights

from radicale_storage.request import current
from sharedbook.domain.model import WRITE_RIGHTS

CARD_METHODS = frozenset({"PUT", "DELETE", "MOVE"})
CARD_SEGMENTS = 3


class Rights(BaseRights):
    """``R``, ``r``: read a folder, a book; ``w``: write cards; ``l``: no writing of properties."""

    def authorization(self, user: str, user_groups: set[str], path: str) -> str:
        """Radicale's letters for a collection path."""
        segments = [segment for segment in path.split("/") if segment]
        if not user or len(segments) >= CARD_SEGMENTS:
            return ""
        if len(segments) < CARD_SEGMENTS - 1:
            return "R"
        request = current()
        if segments[0] != user:
            return "rl"
        if request.method in CARD_METHODS:
            return "rwl" if len(request.segments) == CARD_SEGMENTS else "rl"
        book = request.books.get(segments[1])
        return "rwl" if book and book.rights & WRITE_RIGHTS else "rl"
