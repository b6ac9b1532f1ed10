"""What a dry run promises, as one digest: what is done later can be refused where it would not be the same.

It is made of what becomes of each row, and of the contacts that it fits, each in its version; no row is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from sharedbook.services.imports.blocks import Block, Ready
from sharedbook.services.imports.decisions import Decision
from sharedbook.services.imports.targets import Place
from sharedbook.services.jobs.jobs import Result
from sharedbook.services.tx import Tx
from sharedbook.store import contacts


class Promise:
    """Takes the blocks of one dry run, in their order."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def take(self, tx: Tx, block: Block, places: Sequence[Place], decided: Iterable[tuple[Ready, Decision]]) -> None:
        """Into which groups rows of a block go, and what becomes of those that were ``decided``; others are added."""
        named = dict(zip(block.groups, places, strict=True))
        groups = [[matcher.group.id for matcher in place] for place in named.values()]
        rows = [
            (row.line, str(found.result), [known.id for known in found.fits])
            for row, found in decided
            if found.result is not Result.ADDED
        ]
        ids = {each for _line, _result, fits in rows for each in fits if each is not None}
        versions = contacts.versions(tx.db, sorted(ids))
        self._hash.update(repr((groups, rows, sorted(versions.items()))).encode())

    def digest(self) -> str:
        """Of all that was taken, in hex."""
        return self._hash.hexdigest()
