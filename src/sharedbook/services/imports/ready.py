"""Rows of a file made ready: cards, what is kept of them, what they are matched by. No database is asked."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, nullcontext
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
from sharedbook.services.imports.blocks import Block, Lines, Made, Ready
from sharedbook.services.imports.said import said_of
from sharedbook.services.imports.shapes import Shapes
from sharedbook.services.writing import kept
from sharedbook.services.writing.kept import Kept
from sharedbook.store import matches

WORTH_A_PROCESS = 2_000
"""Rows; for fewer a process costs more than it saves."""

CHUNK_ROWS, CHANGING_ROWS = 500, 100
"""Rows that are read, decided and written at once: new contacts together, of those that change contacts fewer."""

_NO_GROUPS: tuple[str, ...] = ()


class Make(NamedTuple):
    """How rows are made ready: the site's region and limits; ``whole``: with ``Ready.row``."""

    region: str
    limits: Limits
    whole: bool

    def ready(self, source: Source, skipped: int = 0) -> Generator[Block, None, None]:
        """Every row of a source behind those ``skipped``, by another process if there are many and a second core."""
        made = partial(self._blocks, source, skipped)
        is_here = source.size < WORTH_A_PROCESS or len(os.sched_getaffinity(0)) < 2
        with nullcontext(made()) if is_here else closing(apart.blocks_of(source, made)) as found:
            yield from map(Block.hashed, found)

    def _blocks(self, source: Source, skipped: int = 0) -> Iterator[Block]:
        """The same, not ``hashed`` yet, made by this process."""
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
            yield self._block(source, shapes, rows)

    def _block(self, source: TableSource, shapes: Shapes, rows: Sequence[Row]) -> Block:
        columns, unknown = shapes.made([() if row.problem else row.cells for row in rows])
        custom, groups = [blocks.NO_CUSTOM] * len(rows), [_NO_GROUPS] * len(rows)
        others: dict[int, Ready] = {}
        for at in range(len(rows)) if source.says_beside else sorted(unknown):
            beside = source.beside(rows[at]) if at not in unknown else None
            if beside is not None:
                custom[at], groups[at] = beside
                continue
            found = self._ready(source.incoming(rows[at]))
            custom[at], groups[at] = found.custom, found.groups
            made = blocks.made_of(found)
            if made is None:
                others[at] = found
            for column, value in zip(columns, made or blocks.NOTHING, strict=True):
                column[at] = value
        lines = Lines([row.line for row in rows], [row.cells for row in rows], custom, groups)
        return Block.of(columns, others, lines)

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
        hashes = matches.hashes(said.keys())
        return Ready(row.line, row.cells, None, said, found, refusal, dict(row.custom), whole, row.groups, hashes)

    def kept_of(self, row: Incoming, uid: str = "") -> tuple[Kept | None, Problem | None]:
        """What is kept of a row's new card, or why there is none."""
        try:
            card = vcard.checked(row.new_card(uid=uid), self.limits)
            return kept.of(card, self.region, self.limits), None
        except InvalidCard as error:
            return None, Problem(row.line, "", error.code, str(error))
