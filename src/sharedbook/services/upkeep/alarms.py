"""What postmasters should hear of before it hurts: looked for by housekeeping, and told again while it lasts."""

from __future__ import annotations

from collections.abc import Mapping

from sharedbook.services.erasing import erasure
from sharedbook.services.jobs import jobs
from sharedbook.services.notices import notices
from sharedbook.services.tx import Tx
from sharedbook.store import contacts

NEARLY_FULL = 0.9
"""Share of ``limits.contacts`` from which on the postmasters are told."""


def look(tx: Tx) -> None:
    """Tells of a site that is nearly full, of jobs that were killed, and of an erasure that a reader holds up."""
    _quota(tx)
    for job in jobs.killed(tx):
        text = (
            f"Its process ended while it ran. What was done stays.\n\n  sharedbook job resume {job.id}    continue\n"
            f"  sharedbook job undo {job.id}      take back what was done\n"
        )
        notices.add_once(tx, "job.killed", f"job {job.id} was killed", text, job=job.id)
    if erasure.pending(tx):
        notices.remind(
            tx,
            "erasure.pending",
            "an erasure is pending",
            "Erased contacts are gone, but a program that was reading still holds their old pages in the files. Let it"
            " end, or restart it, then run:\n\n  sharedbook erase resume\n",
            days=1,
        )


def _quota(tx: Tx) -> None:
    most = tx.site.limits.contacts
    if contacts.most(tx.db) < NEARLY_FULL * most:
        return
    count = contacts.count(tx.db)
    if count >= NEARLY_FULL * most:
        notices.remind(
            tx,
            "quota.near",
            f"{count} of {most} contacts",
            f"The site holds {count} contacts, including the trash, and accepts at most {most}. Make room, or raise"
            " limits.contacts:\n\n  sharedbook trash empty\n  sharedbook contact list --no-viewers\n",
            days=7,
            contacts=count,
        )


def housekeeping_failed(tx: Tx, failed: Mapping[str, Exception]) -> None:
    """Tells which steps failed, by the kind of error alone: a message may hold what stands in a contact."""
    lines = (f"  {name}: {type(error).__name__}\n" for name, error in failed.items())
    notices.remind(
        tx,
        "housekeeping.failed",
        f"housekeeping failed: {', '.join(failed)}",
        f"These steps failed and are tried again every hour:\n\n{''.join(lines)}\n"
        "The log of `sharedbook serve` has their messages. Then run:\n\n  sharedbook doctor\n",
        days=1,
    )
