"""Rows of a file made ready: cards, what is kept of them, what they are matched by. No database is asked."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import NamedTuple

from sharedbook.domain.errors import InvalidCard
from sharedbook.domain.model import Limits
from sharedbook.formats.entries.incoming import Incoming, Source
from sharedbook.formats.files.table_source import TableSource
from sharedbook.formats.rows.csv_rows import Row
from sharedbook.formats.rows.problems import Problem
from sharedbook.formats.vcards import photo_reduction, vcard
from sharedbook.services.imports import apart, blocks
from sharedbook.services.imports.apart import Piece
from sharedbook.services.imports.blocks import Block, Line, Made, Ready
from sharedbook.services.imports.said import said_of
from sharedbook.services.imports.shapes import Shapes
from sharedbook.services.writing import kept
from sharedbook.services.writing.kept import Kept
from sharedbook.store import matches

WORTH_A_PROCESS = 2_000
"""Rows; for fewer a process costs more than it saves."""

CHUNK_ROWS, CHANGING_ROWS = 500, 100
"""Rows that are read, decided and written at once: new contacts together, of those that change contacts fewer."""


class Make(NamedTuple):
    """How rows are made ready: the site's region and limits; ``whole``: with ``Ready.row``."""

    region: str
    limits: Limits
    whole: bool

    def pieces(self, source: Source, skipped: int = 0) -> Generator[Piece, None, None]:
        """Every row of a source behind those ``skipped``, by another process if there are many and a second core."""
        made = partial(self.blocks, source, skipped)
        if source.size < WORTH_A_PROCESS or len(os.sched_getaffinity(0)) < 2:
            return (Piece(block) for block in made())
        return apart.pieces(source, made)

    def blocks(self, source: Source, skipped: int = 0) -> Iterator[Block]:
        """The same, made by this process."""
        if isinstance(source, TableSource) and not self.whole:
            return self._of_table(source, skipped)
        rows = map(self._ready, islice(source.rows(), skipped, None))
        return blocks.cut(rows, CHANGING_ROWS if self.whole else CHUNK_ROWS)

    def _of_table(self, source: TableSource, skipped: int) -> Iterator[Block]:
        """As of any source, most rows by their shapes."""
        shapes = Shapes(source.plain, partial(self._of_cells, source), self.region, self.limits)
        lines = source.lines()
        for row in islice(lines, skipped):
            source.incoming(row)  # for what it leaves out
        for rows in blocks.some_at_a_time(lines, CHUNK_ROWS, lambda row: len("".join(row.cells))):
            made = iter(shapes.made([row.cells for row in rows if not row.problem]))
            found = [self._in_table(source, row, None if row.problem else next(made)) for row in rows]
            yield Block.of([row for row, _ in found], [line for _, line in found])

    def _in_table(self, source: TableSource, row: Row, made: Made | None) -> tuple[Made | Ready, Line]:
        """A row of a table, of which this was made by its shape."""
        beside = source.beside(row) if made else None
        if made and beside:
            return made, (row.line, row.cells, *beside)
        found = self._ready(source.incoming(row))
        return blocks.made_of(found) or found, blocks.line_of(found)

    def _of_cells(self, source: TableSource, cells: tuple[str, ...]) -> Made | None:
        """What becomes of a row that holds these, if it has no problem and is not odd."""
        return blocks.made_of(self._ready(source.incoming(Row(0, cells))))

    def _ready(self, row: Incoming) -> Ready:
        if row.problems:
            first = row.problems[0]
            message = "; ".join(problem.message for problem in row.problems)
            return Ready(row.line, row.cells, Problem(row.line, first.column, first.code, message, first.value))
        try:
            if row.card is not None:
                row = replace(row, card=photo_reduction.fit(row.card, self.limits))
        except InvalidCard as error:
            return Ready(row.line, row.cells, Problem(row.line, "", error.code, error.message))
        found, refusal = self.kept_of(row)
        whole = row if self.whole else None
        said = said_of(row.entry, self.region)
        hashes = matches.hashes(said.external + said.emails + said.names)
        return Ready(row.line, row.cells, None, said, found, refusal, dict(row.custom), whole, row.groups, hashes)

    def kept_of(self, row: Incoming, uid: str = "") -> tuple[Kept | None, Problem | None]:
        """What is kept of a row's new card, or why there is none."""
        try:
            card = vcard.checked(row.new_card(uid=uid), self.limits)
            return kept.of(card, self.region, self.limits), None
        except InvalidCard as error:
            return None, Problem(row.line, "", error.code, str(error))
