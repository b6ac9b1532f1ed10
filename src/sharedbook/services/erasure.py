"""Irreversible deletion: the rows go, dead names become keyed hashes, the file is rewritten, and a byte scan proves it.

A client's stale PUT is refused for ever by the hashed href and UID. As nobody may be told the erased href any more, the
floor of its books rises: their clients fetch the book anew once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sharedbook.domain import access
from sharedbook.domain.errors import ContactNotFound
from sharedbook.domain.model import CardState, ChangeKind, Client, Contact, Departed
from sharedbook.formats import fields, vcard
from sharedbook.services import records, residue
from sharedbook.services.residue import Residue
from sharedbook.services.tx import Actor, Site, Tx, begin
from sharedbook.store import contacts, groups, jobs, living, memberships, meta, revisions, sync
from sharedbook.store.memberships import Membership

PENDING = "erasure.pending"


@dataclass(frozen=True, slots=True)
class Report:
    """What an erasure did. ``clean`` False: a reader still pins old pages; ``resume`` ends it.

    ``residue``: files in which pieces of the erased values were still found (empty: proved gone from ``scanned``).
    """

    contacts: list[int]
    books: list[str]
    job_rows: int
    clean: bool
    scanned: list[str]
    residue: list[Residue]


def erase(site: Site, actor: Actor, client: Client, contact_ids: Sequence[int]) -> Report:
    """Erases contacts with their history, index and names. Raises ContactNotFound, Forbidden: then none is erased.

    Not undoable. The caller tells the person what ``Report`` says; a copy in a client or a backup is out of reach.
    """
    with begin(site, actor, client, write=True) as tx:
        access.require_manage(tx.viewer, "erase contacts")
        found = contacts.fetch(tx.db, contact_ids)
        missing = set(contact_ids) - {contact.id for contact in found}
        if missing:
            raise ContactNotFound(f"there is no contact {min(missing)}", hint="find it with: sharedbook contact find")
        values = {value for contact in found for value in _values(tx, contact)}
        job_rows = _erase_job_rows(tx, found)
        books = _erase_rows(tx, found)
        meta.put(tx.db, PENDING, "1")
        tx.audit("contact.erase", contacts=[contact.id for contact in found])
    return _report(site, found, books, job_rows, values)


def resume(site: Site) -> bool:
    """Ends an erasure that a reader held up. Returns whether the files are clean now."""
    clean = site.database.vacuum()
    if clean:
        with site.database.begin(write=True) as connection:
            meta.put(connection, PENDING, "")
    return clean


def pending(tx: Tx) -> bool:
    """Whether an erasure waits for ``resume``."""
    return bool(meta.get(tx.db, PENDING))


def _report(site: Site, found: Sequence[Contact], books: list[str], job_rows: int, values: set[str]) -> Report:
    clean = resume(site)
    path = site.database.path
    files = sorted(file for file in site.settings.data_dir.rglob("*") if file.is_file()) if path is not None else []
    left: list[Residue] = []
    if clean and files:
        with site.database.begin(write=False) as connection:
            left = residue.scan(files, residue.pieces_of(values), lambda: living.texts(connection))
    return Report([contact.id for contact in found], books, job_rows, clean, [file.name for file in files], left)


def _values(tx: Tx, contact: Contact) -> set[str]:
    """Everything that was kept of a contact: values of its card and of each earlier one, UID and hrefs."""
    values = {contact.uid, contact.name}
    texts = [contact.vcard, *(step.before for step in revisions.of_contact(tx.db, contact.id) if step.before)]
    for text in texts:
        card = vcard.load(text)
        values.update(found.raw for found in card.properties if found.name != "VERSION")
        values.update(found.value for found in fields.instances(card, tx.site.settings.default_region))
    rows = memberships.of_contacts(tx.db, [contact.id]) + memberships.dead_of(tx.db, [contact.id])
    return values | {row.href for row in rows}


def _erase_rows(tx: Tx, found: Sequence[Contact]) -> list[str]:
    """Removes contacts and buries their names; returns the slugs of the books that clients must fetch anew."""
    ids = [contact.id for contact in found]
    rows = memberships.of_contacts(tx.db, ids) + memberships.dead_of(tx.db, ids)
    for contact in found:
        tx.tick(ChangeKind.CONTACT, contact.id)
    touched = sorted({row.group_id for row in rows})
    for row in rows:
        sync.forget_hrefs(tx.db, row.group_id, [row.href])
        _bury(tx, row)
    contacts.remove(tx.db, ids)
    slugs: list[str] = []
    for group_id in touched:
        seq = tx.tick(ChangeKind.GROUP, group_id)
        groups.stamp(tx.db, [group_id], seq, tx.now)
        groups.change(tx.db, group_id, floor_seq=seq)
        group = groups.by_id(tx.db, group_id)
        slugs += [group.slug] if group is not None else []
    return slugs


def _bury(tx: Tx, row: Membership) -> None:
    """Href and UID become keyed hashes: they refuse a stale copy and tell nothing."""
    if row.reason == Departed.ERASED:
        return
    buried = records.buried_name(tx, row.group_id, "href", row.href)
    memberships.change(
        tx.db,
        row.group_id,
        row.href,
        href=buried,
        uid=records.buried_name(tx, row.group_id, "uid", row.uid),
        contact_id=None,
        was_contact_id=row.contact_id or row.was_contact_id,
        etag="",
        state=CardState.DEAD,
        reason=Departed.ERASED.value,
        died_at=tx.now,
    )


def _erase_job_rows(tx: Tx, found: Sequence[Contact]) -> int:
    """Removes refused import rows that hold a mail address, number, name or UID of an erased contact."""
    marks: set[str] = set()
    for contact in found:
        read = fields.read(vcard.load(contact.vcard))
        marks |= {contact.uid, contact.name, *(each.value for each in (*read.emails, *read.phones))}
    wanted = {mark for mark in marks if len(mark.encode()) >= residue.PIECE}
    doomed = [(job, line) for job, line, cells in jobs.every_cells(tx.db) if any(mark in cells for mark in wanted)]
    jobs.delete_rows(tx.db, doomed)
    return len(doomed)
