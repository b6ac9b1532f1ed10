"""Files in and out: import into a group, export of what one may export.

Personal data that is set aside while a file is read or written lies in an unnamed temporary file, never in another.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import copyfileobj
from typing import IO, BinaryIO

from sharedbook.domain import access
from sharedbook.domain.errors import Forbidden, GroupNotFound, InvalidFile, InvalidValue, JobStopped, Unavailable
from sharedbook.domain.model import Client, Progress, Right
from sharedbook.domain.query import EVERYTHING, Query
from sharedbook.formats.entries import columns, custom_values, incoming
from sharedbook.formats.entries.dates import Order
from sharedbook.formats.files import ldap_rows, outgoing, sources
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, custom_fields, search
from sharedbook.services.imports import given_file, targets
from sharedbook.services.imports.decisions import Duplicates
from sharedbook.services.imports.importing import KIND, Import, JobReport
from sharedbook.services.imports.promise import Promise
from sharedbook.services.jobs import bulk, jobs
from sharedbook.services.jobs.jobs import Job, Result, State
from sharedbook.services.people import ldap_source
from sharedbook.services.tx import Actor, App, Tx
from sharedbook.services.writing import photos, records
from sharedbook.store import contacts as contact_rows

__all__ = [
    "KIND",
    "Duplicates",
    "JobReport",
    "apply",
    "export",
    "import_directory",
    "import_file",
    "mapping_of",
    "resume",
]

PAGE = 500
"""Contacts that are read from the database at once."""


def import_file(
    app: App,
    actor: Actor,
    client: Client,
    source: Path | BinaryIO,
    *,
    group: str | None,
    format: str | None = None,
    mapping: Mapping[str, str] | None = None,
    encoding: str | None = None,
    sheet: str = "",
    dates: Order | None = None,
    recipients: int = 0,
    duplicates: Duplicates = Duplicates.SKIP,
    dry_run: bool = False,
    plan: bool = False,
    wait: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> JobReport:
    """Imports a csv (also tab, semicolon, pipe), xlsx, xls, ods, vcf, ldif or json file.

    Of an eml or mbox file the senders (``formats/files/mail_rows.py``); of a zip or a folder all of these in it.

    Returns what each row became. ``source`` need not be seekable (stdin). ``group``: slug or name of that for every
    row, whatever groups the file names; None if each row names its own. A new contact then goes into all of them; it
    is a duplicate if the first of them has it, and then stays where it is. ``format``: one of these, or None to tell
    from name and content. ``mapping``: header -> column name of ``formats.entries.columns``, ``custom:NAME``, or
    ``-`` to leave the column out.
    ``encoding``: for a file that is neither marked nor UTF-8. ``sheet``: which sheet of several; "" is the first.
    ``dates``: in which order dates such as 10/12/1815 are written; None: as the file tells. ``recipients``: those in
    To and Cc come, too, of messages that name at most so many. ``progress`` is called
    after each batch, and once before the first write, with ``done`` 0 and ``{"quota": n}``, if n rows will be refused
    as over the quota. ``wait``: only makes the job, for ``resume``. ``plan``: a dry run, of a file or folder on
    disk, that would change something is kept as a job, for ``apply``.
    Raises, before anything is written: GroupNotFound, Forbidden (IMPORT and ADD on the group), InvalidFile,
    InvalidValue (format, mapping, encoding; no ``group`` and no row that names groups; ``wait`` for what is no file
    on disk), Unavailable. Rows that are refused raise nothing: the job keeps them. Raises JobStopped when the job is
    cancelled meanwhile.
    """
    with app.begin(actor, client) as tx:
        custom = custom_fields.fillable(tx)
        target, room = None if group is None else targets.get(tx, group), records.room(tx)
    reading = incoming.Reading(
        app.site.settings.default_region, app.site.limits, encoding, mapping, custom, sheet, dates, recipients
    )
    on_disk = source if isinstance(source, Path) and (source.is_file() or source.is_dir()) else None
    digest = given_file.hash_beside(on_disk, reading) if on_disk else None
    with given_file.opened_source(source, format, reading) as rows:
        if group is None and not rows.names_groups:
            hint = f"name one with --group, or add a column {columns.GROUPS.name}"
            raise InvalidValue("the file does not say into which group the contacts go", field="group", hint=hint)
        promise = Promise() if dry_run and plan else None
        job = Import(app, actor, client, rows, target, duplicates, room, dry=dry_run, promise=promise)
        if on_disk and digest:
            how = {"format": format, "encoding": encoding, "dates": dates, "recipients": recipients}
            params = {"group": target.id if target else None, **how, "duplicates": str(duplicates)}
            texts = {"file": str(on_disk.resolve()), "sha256": digest.result(), "mapping": mapping, "sheet": sheet}
            job.told = params, texts
        if wait:
            if not job.told[1]:
                raise InvalidValue("only files on disk can be imported later", field="file", hint="save it as a file")
            job.open(State.WAITING)
            return job.report()
        if not dry_run and rows.size > room and progress:
            rehearsal = replace(job, dry=True, counts=Counter(), problems=[], notes=[])
            rehearsal.run(None)
            progress(Progress(0, {"quota": rehearsal.over_quota}))
        job.run(progress)
        if promise and job.told[1] and (job.counts[Result.ADDED] or job.counts[Result.UPDATED]):
            promised = {"promise": promise.digest(), "promised": dict(job.counts)}
            job.told = {**job.told[0], **promised}, job.told[1]
            job.open(State.PLANNED)
        return job.report()


def apply(
    app: App, actor: Actor, client: Client, plan_id: int, *, progress: Callable[[Progress], None] | None = None
) -> None:
    """Tries a planned import again; if it would do just what the plan has shown, lets its job wait for ``resume``.

    Raises JobNotFound, JobStopped (no plan, or it no longer knows its file), PlanOutdated, and as ``import_file``.
    """
    with app.begin(actor, client) as tx:
        found = bulk.planned(tx, plan_id)
    promise = Promise()
    with _again(app, actor, client, found, promise) as job:
        job.run(progress)
    if promise.digest() != found.params["promise"]:
        raise bulk.outdated(_difference(found.params["promised"], job.counts))
    with app.begin(actor, client, write=True) as tx:
        bulk.accept(tx, plan_id)
        tx.audit("import", job=plan_id, **({"group": job.group.id} if job.group else {}))


def _difference(planned: Mapping[str, int], now: Mapping[str, int]) -> str:
    """In words, how what rows would do differs from what was planned."""
    both = ((each, planned.get(each, 0), now.get(each, 0)) for each in Result)
    if differ := [f"{each}: {new} (planned: {old})".replace("_", " ") for each, old, new in both if old != new]:
        return f"rows would do something else than the plan has shown: {', '.join(differ)}"
    return "contacts or groups that rows of the file fit have changed since the plan was made"


def resume(
    app: App, actor: Actor, client: Client, job_id: int, *, progress: Callable[[Progress], None] | None = None
) -> JobReport:
    """Goes on with an import that waits or has stopped, behind the last row that it committed.

    Raises JobNotFound, JobStopped (it runs, has ended, or cannot go on), InvalidFile for a file that was changed, and
    as ``import_file``.
    """
    with app.begin(actor, client) as tx:
        found = jobs.get(tx, job_id)
        jobs.require_stopped(tx, found)
    with _again(app, actor, client, found) as job:
        with app.begin(actor, client, write=True) as tx:
            job.counts.update(jobs.claim(tx, job_id).counts)
        job.run(progress)
        return job.report()


@contextmanager
def _again(app: App, actor: Actor, client: Client, found: Job, promise: Promise | None = None) -> Iterator[Import]:
    """The import that a job was told to do, for good, or to try it with a ``promise``.

    Raises JobStopped, GroupNotFound, InvalidFile or (of a plan) PlanOutdated for a file that was changed.
    """
    if found.texts is None:
        what = "no longer knows its file" if found.params else "read no file that could be read again"
        hint = "import it again: rows already in are recognised (after --duplicates add, undo the job first)"
        raise JobStopped(f"job {found.id} {what}", hint=hint)
    with app.begin(actor, client) as tx:
        custom = custom_fields.fillable(tx)
        group = groups.names(tx).get(found.params["group"])
        if group is None and found.params["group"] is not None:
            raise GroupNotFound(f"the group that job {found.id} imports into is gone")
        target, room = None if group is None else targets.get(tx, group.slug), records.room(tx)
    file, how = Path(found.texts["file"]), found.params
    encoding, mapping, sheet = how["encoding"], found.texts["mapping"], found.texts["sheet"]
    region, limits = app.site.settings.default_region, app.site.limits
    order = Order(how["dates"]) if how["dates"] else None
    reading = incoming.Reading(region, limits, encoding, mapping, custom, sheet, order, how["recipients"])
    if given_file.hash_of(file, reading) != found.texts["sha256"]:
        if promise:
            raise bulk.outdated(f"{file} was changed since the plan was made")
        raise InvalidFile(f"{file} was changed since job {found.id} began", hint="import it as a new file")
    with given_file.opened_source(file, how["format"], reading) as rows:
        job = Import(app, actor, client, rows, target, Duplicates(how["duplicates"]), room, promise=promise)
        job.dry, job.job_id = (True, None) if promise else (False, found.id)
        yield job


def mapping_of(
    app: App,
    actor: Actor,
    client: Client,
    source: Path | BinaryIO,
    *,
    format: str | None = None,
    encoding: str | None = None,
    sheet: str = "",
    mapping: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """What ``import_file`` takes each header of a table for, as its ``mapping``; "" for one that it does not know.

    What a ``mapping`` says already stays. Raises InvalidFile, InvalidValue.
    """
    if isinstance(source, Path) and source.is_dir():
        raise InvalidValue("a folder has no headers to map", field="file", hint="name a csv or a sheet in it")
    with app.begin(actor, client) as tx:
        own = custom_fields.every(tx)
    reading = incoming.Reading(app.site.settings.default_region, app.site.limits, encoding, custom=own, sheet=sheet)
    with given_file.seekable(source, reading.limits.file_bytes) as file:
        header = sources.header_of(file, source.name if isinstance(source, Path) else "", format, reading)
    given = {columns.fold(name): meaning for name, meaning in (mapping or {}).items()}
    found = columns.meanings(header)
    for name, meaning in found.items():
        field = custom_values.named(own, name) if not meaning else None
        found[name] = given.get(columns.fold(name)) or (f"{custom_values.PREFIX}{field.name}" if field else meaning)
    return found


def import_directory(
    app: App,
    actor: Actor,
    client: Client,
    query: ldap_source.Query,
    *,
    group: str,
    mapping: Mapping[str, str] | None = None,
    dry_run: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> JobReport:
    """Makes the contacts that a directory keeps in a group what its entries say; returns what each became.

    They are found again by entryUUID, objectGUID or DN; nobody edits them here. An entry that fits a contact of ours
    needs a decision. ``mapping``: attribute -> column, beside those of ``ldif_rows``. All entries are read before
    anything is written. Raises as ``import_file``, and InvalidValue (filter, address).
    """
    origin, size = query.source_name, 0
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as entries:
        for each in ldap_source.entries(query, ldap_rows.attributes(mapping or {})):
            entries.write(json.dumps([each.dn, each.values]) + "\n")
            size += 1
        entries.flush()
        with app.begin(actor, client) as tx:
            target, room = targets.get(tx, group), records.room(tx)
            kept = frozenset(contact_rows.of_source(tx.db, origin, target.id))
        reading = incoming.Reading(app.site.settings.default_region, app.site.limits, mapping=mapping)
        source = ldap_rows.LdapSource(partial(_rows_of, entries), reading, size=size)
        job = Import(
            app, actor, client, source, target, Duplicates.REPLACE, room, dry=dry_run, origin=origin, kept=kept
        )
        job.run(progress)
        return job.report()


def _rows_of(entries: IO[str]) -> Iterator[ldap_rows.Row]:
    entries.seek(0)
    for line in entries:
        yield ldap_rows.Row(*json.loads(line))


# ---- export


def export(
    app: App,
    actor: Actor,
    client: Client,
    target: Path | BinaryIO,
    *,
    group: str | None = None,
    query: Query | None = None,
    format: str = "csv",
    reduced: bool = False,
    left_out: list[str] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> int:
    """Writes the contacts that the actor may export, of one group or of all, to a file; returns how many.

    ``format``: one of ``formats.files.outgoing.FORMATS``. They come by name; where whole cards are written, photos as
    they came, or with ``reduced`` as they are served. ``left_out`` is given what the format has no place for. A
    path is written beside and then renamed: there is a whole file or
    none; only its user may read it. Raises GroupNotFound, Forbidden (EXPORT on the group, or on no group at all),
    InvalidValue, Unavailable.
    """
    if format not in outgoing.FORMATS:
        raise InvalidValue(f"{format} cannot be exported", field="format", hint=", ".join(outgoing.FORMATS))
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as texts:
        with app.begin(actor, client) as tx:
            scope = search.Search(query or EVERYTHING, group=group)
            _require_export(tx, group)
            count = 0
            for exported in _exported(tx, scope, originals=format in outgoing.WITH_ORIGINALS and not reduced):
                texts.write(json.dumps(exported) + "\n")
                count += 1
                if progress and count % PAGE == 0:
                    progress(Progress(count, {}))
        with app.begin(actor, client, write=True) as tx:
            ids = {"group": groups.get(tx, group).id} if group else {}
            tx.audit("export", contacts=count, **ids)
        with whole_file(target) if isinstance(target, Path) else _as_it_is(target) as file:
            dropped = outgoing.write(format, file, partial(_read_back, texts))
    if left_out is not None:
        left_out += dropped
    return count


def _require_export(tx: Tx, group: str | None) -> None:
    if group is not None:
        found = groups.get(tx, group)
        access.require(tx.viewer, Right.EXPORT, found.id, found.slug)
    elif not any(tx.viewer.on(group_id) & Right.EXPORT for group_id in groups.names(tx)):
        raise Forbidden(
            f"{tx.viewer.name} may not export any group", right="export", hint="ask a postmaster for the right"
        )


def _exported(tx: Tx, scope: search.Search, *, originals: bool) -> Iterator[outgoing.Exported]:
    """Each contact, page by page of one snapshot."""
    named, ids = groups.names(tx).values(), search.find_ids(tx, scope)
    for at in range(0, len(ids), PAGE):
        page = contacts.seen(tx, ids[at : at + PAGE])
        allowed = [found for found in page if access.may_export(tx.viewer, contacts.held(found))]
        texts = photos.whole(tx, allowed) if originals else (found.vcard for found in allowed)
        custom = custom_fields.cells(tx, [found.id for found in allowed])
        for found, text in zip(allowed, texts, strict=True):
            slugs = [group.slug for group in named if group.id in found.groups]
            yield outgoing.Exported(text, custom.get(found.id, {}), slugs)


def _read_back(spool: IO[str]) -> Iterator[outgoing.Exported]:
    spool.seek(0)
    for line in spool:
        yield outgoing.Exported(*json.loads(line))


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A new file beside ``path`` that takes its place at the end, or goes."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
        beside.replace(path)
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}", hint="check folder and disk") from error
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def _as_it_is(target: BinaryIO) -> Iterator[BinaryIO]:
    """Written whole first, so that a reader at the other end of a pipe gets a whole file or none."""
    with tempfile.TemporaryFile() as file:
        yield file
        file.seek(0)
        copyfileobj(file, target)
