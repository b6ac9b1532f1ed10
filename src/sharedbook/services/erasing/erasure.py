"""Irreversible deletion: the rows go, dead names become keyed hashes, the file is rewritten, and a byte scan proves it.

A client's stale PUT is refused for ever by the hashed href and UID. As nobody may be told the erased href any more, the
floor of its books rises: their clients fetch the book anew once. What was done is told by a signed certificate; until
it is written the erasure is pending, and ``resume`` ends it, also after a crash.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sharedbook.domain import access, folding
from sharedbook.domain.errors import ContactNotFound, ErasurePending
from sharedbook.domain.model import Client, Contact
from sharedbook.services.contacts import mentions
from sharedbook.services.erasing import ledger, left_over, marks, removal, sealed
from sharedbook.services.erasing.marks import Marks
from sharedbook.services.jobs import jobs
from sharedbook.services.keys import attest
from sharedbook.services.tx import Actor, Site, Tx, begin
from sharedbook.store import contacts, copies, erasures, merged_contacts, photos
from sharedbook.store.database import Cleaned
from sharedbook.store.erasures import Erasure as Erasure

if TYPE_CHECKING:
    from sharedbook.services.erasing.residue import Pieces

CERTIFICATE = "sharedbook erasure certificate"
OUT_OF_REACH = (
    "copies in mail clients and phones, until they reload the book",
    "backups and exported files made before; a restored backup is erased again by the ledger",
    "blocks of rewritten files that the file system or the disk still keeps",
)
OUT_OF_REACH_POSTGRESQL = (
    "PostgreSQL's data directory, which was rewritten but is not this program's to read",
    "PostgreSQL's replicas, log archives and server log",
)


@dataclass(frozen=True, slots=True)
class Report:
    """What an erasure did. ``clean`` False: a reader still pins old pages; ``resume`` ends it.

    ``residue``: file -> pieces of the erased values still found there (empty: proved gone from ``scanned``).
    ``certificate``: the signed document, None while not clean.
    """

    contacts: list[int]
    books: list[str]
    job_rows: int
    clean: bool
    scanned: list[str]
    residue: dict[str, int]
    certificate: attest.Document | None


def erase(
    site: Site,
    actor: Actor,
    client: Client,
    contact_ids: Sequence[int],
    *,
    subject: str = "",
    again: bool = False,
) -> Report:
    """Erases contacts with their history, index and names. Raises ContactNotFound, Forbidden: then none is erased.

    What was merged into them goes with them (``with_merged``). ``subject``: a mail address that is forgotten in kept
    import rows and in other contacts' history, too. ``again``: the ledger named them, with all that went along then.
    Not undoable. The caller tells the person what ``Report`` says; a copy in a client or a backup is out of reach.
    """
    with begin(site, actor, client, write=True) as tx:
        access.require_manage(tx.viewer, "erase contacts")
        found = contacts.fetch(tx.db, contact_ids) if again else with_merged(tx, contact_ids)
        begun = start(tx, found, subject)
        if len(found) > 1:
            job_id = jobs.start(tx, "erase", total=len(found), label=f"erase (erasure {begun.id})")
            jobs.record(tx, job_id, jobs.State.DONE, {jobs.Result.ERASED.value: len(found)})
    enter(site, begun)
    return _report(site, begun)


@dataclass(frozen=True, slots=True)
class Begun:
    """An erasure whose rows are gone with its transaction."""

    id: int
    at: datetime
    removed: dict[str, Any]


def start(tx: Tx, found: Sequence[Contact], subject: str = "") -> Begun:
    """Removes contacts and all that is kept of them; once it is committed, ``enter`` it, then ``resume``.

    Raises Forbidden.
    """
    access.require_manage(tx.viewer, "erase contacts")
    site, contact_ids = tx.site, [contact.id for contact in found]
    kept = removal.kept_of(tx, found)
    about = Marks([marks.of_words(subject), *kept.marks])
    erasure_id = erasures.add(tx.db, tx.now, tx.viewer.name, len(found))
    removed = {
        "contacts": [{"id": each.id, "hash": ledger.hash_of(site.secrets, each.key)} for each in found],
        "subject": ledger.hash_of_mail(site.secrets, folding.fold(subject)) if subject else None,
        "revisions": kept.revisions + (removal.forget_in_history(tx, subject, contact_ids) if subject else 0),
        "photos": sum(map(len, photos.known(tx.db, contact_ids).values())),
        "references": mentions.forget(tx, found),
        "suggestions": removal.remove_suggestions(tx, contact_ids, subject),
        "job_rows": removal.remove_job_rows(tx, contact_ids, about),
        "books": removal.remove(tx, found),
    }
    tx.audit("contact.erase", contacts=[contact.id for contact in found], erasure=erasure_id)
    sealed.write(site, erasure_id, {"removed": removed, **_written(kept.values | ({subject} - {""}))})
    return Begun(erasure_id, tx.now, removed)


def enter(site: Site, begun: Begun) -> None:
    """Enters an erasure that is committed into the ledger."""
    ledger.append(site.secrets, ledger_path(site), begun.at, _hashes(begun.removed))


def with_merged(tx: Tx, contact_ids: Sequence[int]) -> list[Contact]:
    """Contacts, and those in the trash that were merged into them: what came from these is theirs.

    Raises ContactNotFound.
    """
    found = contacts.fetch(tx.db, [*contact_ids, *merged_contacts.into(tx.db, contact_ids)])
    if missing := set(contact_ids) - {contact.id for contact in found}:
        raise ContactNotFound(f"there is no contact {min(missing)}", hint="find it with: sharedbook contact find")
    return found


def left_elsewhere(tx: Tx, found: Sequence[Contact]) -> list[str]:
    """What an erasure of these leaves: contacts that they were merged into keep what came from them."""
    own = {contact.id for contact in found}
    into = merged_contacts.kept(tx.db, sorted(own))
    return [
        f"contact {each} was merged into {kept}, which keeps what came from it"
        for each, kept in sorted(into.items())
        if kept not in own
    ]


def resume(site: Site, *, lost: bool = False) -> list[attest.Document]:
    """Ends every pending erasure that was begun on this machine; returns their certificates.

    ``lost``: those, too, of which what to look for is not kept here, without a scan; a SQLite file has no other
    machine. Raises ErasurePending while a reader holds the files.
    """
    left_over.remove(site)
    kept = {erasure.id: (erasure, sealed.read(site, erasure.id)) for erasure in _pending(site)}
    waiting = [erasure for erasure, found in kept.values() if found or lost or site.database.sqlite]
    if not waiting:
        return []
    cleaned = site.database.clean()
    if not cleaned.done:
        raise ErasurePending(
            "the contacts are gone, but a program that was reading still holds their old pages",
            hint="let it end (or restart it), then run: sharedbook erase resume",
        )
    scans = _scans(site, {key: _read(found) for key, (_, found) in kept.items() if found})
    return [_complete(site, each, cleaned, kept[each.id][1], scans.get(each.id)) for each in waiting]


def pending(tx: Tx) -> bool:
    """Whether an erasure waits for ``resume``."""
    return bool(erasures.every(tx.db, pending=True))


def list_erasures(tx: Tx) -> list[Erasure]:
    """Every erasure, the oldest first."""
    access.require_manage(tx.viewer, "list erasures")
    return erasures.every(tx.db)


def verify(tx: Tx, data: bytes, name: str) -> attest.Document:
    """The certificate in a file's bytes. Raises InvalidFile, Conflict (signed by another site)."""
    document = attest.verify(tx.site.secrets, data, name, CERTIFICATE)
    hashes = {contact["id"]: contact["hash"] for contact in document["removed"]["contacts"]}
    found = contacts.fetch(tx.db, list(hashes))
    again = [each.id for each in found if ledger.hash_of(tx.site.secrets, each.key) == hashes[each.id]]
    return {**document, "in_database_again": again}


def ledger_path(site: Site) -> Path:
    """The file of the erasure ledger."""
    return site.settings.data_dir / ledger.NAME


def unlisted(site: Site, path: Path) -> dict[str, datetime]:
    """Hash -> time of what the database's erasures name and the ledger at this path lacks. Raises Unavailable."""
    listed, found = ledger.read(path), dict[str, datetime]()
    with site.database.begin(write=False) as connection:
        every = erasures.every(connection)
    for each in every:
        told = json.loads(each.certificate) if each.certificate else sealed.read(site, each.id) or _UNTOLD
        found |= {known: each.at for known in _hashes(told["removed"]) if known not in listed}
    return found


def _hashes(removed: Mapping[str, Any]) -> list[str]:
    """What the ledger has of an erasure."""
    subject = removed.get("subject")
    return [*(contact["hash"] for contact in removed["contacts"]), *([subject] if subject else [])]


_UNTOLD: Mapping[str, Any] = {"removed": {"contacts": []}}


def list_again(site: Site, path: Path) -> int:
    """Adds ``unlisted`` to the ledger at this path; returns how many. Raises Unavailable, OSError."""
    found = unlisted(site, path)
    for each, at in found.items():
        ledger.append(site.secrets, path, at, [each])
    return len(found)


def _pending(site: Site) -> list[Erasure]:
    with site.database.begin(write=False) as connection:
        return erasures.every(connection, pending=True)


def _report(site: Site, begun: Begun) -> Report:
    removed = begun.removed
    try:
        certificate = next((each for each in resume(site) if each["erasure"] == begun.id), None)
    except ErasurePending:
        certificate = None
    scan = certificate["scan"] if certificate else {"files": [], "found": {}}
    return Report(
        [contact["id"] for contact in removed["contacts"]],
        removed["books"],
        removed["job_rows"],
        certificate is not None,
        [file["file"] for file in scan["files"]],
        scan["found"],
        certificate,
    )


def _complete(
    site: Site, erasure: Erasure, cleaned: Cleaned, kept: Mapping[str, Any] | None, scan: Mapping[str, Any] | None
) -> attest.Document:
    """Writes the certificate. Without what was ``kept`` for it (the file is lost) scan is null."""
    removed = kept["removed"] if kept else {"contacts": []}
    ledger.append(site.secrets, ledger_path(site), erasure.at, _hashes(removed))
    certificate = attest.sign(
        site.secrets,
        {
            "document": CERTIFICATE,
            "version": 1,
            "erasure": erasure.id,
            "contacts": erasure.contacts,
            "erased": erasure.at.isoformat(),
            "completed": datetime.now(UTC).isoformat(timespec="seconds"),
            "by": erasure.actor,
            "removed": removed,
            "method": list(cleaned.steps),
            "scan": scan,
            "out_of_reach": [*OUT_OF_REACH, *(() if site.database.sqlite else OUT_OF_REACH_POSTGRESQL)],
        },
    )
    with site.database.begin(write=True) as connection:
        erasures.complete(connection, erasure.id, attest.text_of(certificate))
    sealed.destroy(site, erasure.id)
    return certificate


def _written(values: set[str | bytes]) -> dict[str, list[str]]:
    """Texts, and data in base64, as JSON has them."""
    return {
        "values": sorted(each for each in values if isinstance(each, str)),
        "data": sorted(base64.b64encode(each).decode() for each in values if isinstance(each, bytes)),
    }


def _read(kept: Mapping[str, Any]) -> list[str | bytes]:
    return [*kept["values"], *map(base64.b64decode, kept["data"])]


def _scans(site: Site, values: Mapping[int, Sequence[str | bytes]]) -> dict[int, dict[str, Any]]:
    """The scan of each erasure by its values: one of all together or, where that finds something, one of each."""
    # numpy takes a tenth of a second to import, which every other command would wait for
    from sharedbook.services.erasing import residue

    pieces = {key: residue.pieces_of(found) for key, found in values.items()}
    if len(pieces) > 1:
        together = _scan(site, residue.pieces_of(chain.from_iterable(values.values())))
        if not together["found"]:
            return {key: {**together, "pieces": len(each)} for key, each in pieces.items()}
    return {key: _scan(site, each) for key, each in pieces.items()}


def _scan(site: Site, pieces: Pieces) -> dict[str, Any]:
    """What was looked for, where, and what was found: for the certificate.

    What is rightly there is told by a fresh copy of the database, made row by row: where two living values stand side
    by side, a piece may begin in one and end in the next. The ledger's hashes are rightly there, too, and the servers'
    certificate: its names are the site's, also where contacts have mail addresses with the same domain.
    """
    from sharedbook.services.erasing import residue
    from sharedbook.services.keys import certificate

    folder, path = site.settings.data_dir, site.database.path
    copy = folder / "scan.sqlite"
    copy.unlink(missing_ok=True)
    beside = path.parent.glob(f"{path.name}*") if path is not None else ()
    files = sorted({file for file in (*folder.rglob("*"), *beside) if file.is_file()})
    rightful = {ledger_path(site), site.settings.tls_cert or folder / certificate.OWN} & {*files}

    def living() -> Iterator[bytes]:
        copies.save(site.database, copy)
        for file in (copy, *rightful):
            yield from residue.blocks_of(file)

    try:
        left = residue.scan(files, pieces, living)
    finally:
        copy.unlink(missing_ok=True)
    return {
        "pieces": len(pieces),
        "piece_bytes": residue.PIECE,
        "forms": ["UTF-8", "UTF-16", "base64"],
        "of_data": f"{removal.RUN} bytes in each {removal.RUN_EVERY} of pictures over {removal.LONG}",
        "files": [{"file": _shown(folder, file), "bytes": file.stat().st_size} for file in files],
        "found": {_shown(folder, each.path): each.pieces for each in left},
    }


def _shown(folder: Path, file: Path) -> str:
    """A file's path in the data folder; only its name where the database is elsewhere."""
    return str(file.relative_to(folder)) if file.is_relative_to(folder) else file.name
