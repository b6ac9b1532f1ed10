"""Import and export of files: what each row does is decided by one function, for a dry run and for good.

Matching: external id, UID, one mail, E.164 and name, or the whole card; never a name alone, and only in the target group.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from sharedbook.domain.model import Client, Progress
from sharedbook.domain.query import Query
from sharedbook.formats.problems import Problem
from sharedbook.services.tx import Actor

if TYPE_CHECKING:
    from sharedbook.app import App


class Duplicates(StrEnum):
    """What a row does whose contact the group has already. SKIP is the default.

    SKIP leaves the contact; FILL writes only what it lacks; UPDATE writes what the row has, keeps the rest; REPLACE makes
    it the row's card; ADD adds another contact; ASK keeps the row as needs_decision.
    """

    SKIP = "skip"
    FILL = "fill"
    UPDATE = "update"
    REPLACE = "replace"
    ADD = "add"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class JobReport:
    """What an import did, or (``dry_run``, without ``job_id``) would do.

    ``counts``: rows by ``jobs.Result``. ``problems``: the first 1,000 refused rows; all are in ``jobs.rows``.
    ``left_out``: columns of the file that have no place in a contact. ``samples``: up to three decoded cells with
    characters outside ASCII, to judge ``encoding`` by. ``over_quota``: rows that the quota refuses, known before the first write.
    """

    job_id: int | None
    dry_run: bool
    counts: Mapping[str, int]
    problems: tuple[Problem, ...]
    format: str
    encoding: str
    delimiter: str
    product: str
    left_out: tuple[str, ...]
    samples: tuple[str, ...]
    over_quota: int


def import_file(
    app: App,
    actor: Actor,
    client: Client,
    source: Path | BinaryIO,
    *,
    group: str,
    format: str | None = None,
    mapping: Mapping[str, str] | None = None,
    encoding: str | None = None,
    duplicates: Duplicates = Duplicates.SKIP,
    dry_run: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> JobReport:
    """Imports a csv (also tab, semicolon, pipe) or vcf file into a group; returns what each row became.

    ``format``: ``csv``, ``vcf``, or None to tell from name and content. ``mapping``: header -> column name of
    ``formats.columns``, or ``-`` to leave the column out. ``encoding``: for a file that is neither marked nor UTF-8.
    Raises, before anything is written: GroupNotFound, Forbidden (IMPORT on the group), InvalidFile, InvalidValue (mapping or
    encoding), Unavailable. Rows that are refused raise nothing: they are counted as ``error`` and kept with the job.
    """
    raise NotImplementedError


def export(
    app: App,
    actor: Actor,
    client: Client,
    target: Path | BinaryIO,
    *,
    group: str | None = None,
    query: Query | None = None,
    format: str = "csv",
    progress: Callable[[Progress], None] | None = None,
) -> int:
    """Writes the contacts that the actor may export, of one group or of all, to a csv or vcf file; returns how many.

    A path is written beside and then renamed: there is a whole file or none; it is readable by its user only.
    Raises GroupNotFound, Forbidden (EXPORT on the group, or on no group at all), InvalidValue (format), Unavailable.
    """
    raise NotImplementedError
