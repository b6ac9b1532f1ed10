"""One tree of errors, born without a protocol.

Each class has a stable ``code``; its message says what and where, its ``hint`` the next step. Edges translate once:
``cli/terminal/errors.py`` to exit codes, ``radicale_storage/errors.py`` to HTTP, ``ldap_gateway/errors.py`` to LDAP.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import ClassVar


class SharedbookError(Exception):
    """Anything that sharedbook refuses or cannot do. Never raised itself."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


# ---- not found: the thing named does not exist, or this actor may not know that it does


class NotFound(SharedbookError):
    """The named thing does not exist for this actor."""

    code = "not-found"


class GroupNotFound(NotFound):
    """No such group, or the actor may not view it."""

    code = "group-not-found"


class ContactNotFound(NotFound):
    """No such contact, or the actor may not see it."""

    code = "contact-not-found"


class SubjectNotFound(NotFound):
    """No such member or team."""

    code = "subject-not-found"


class JobNotFound(NotFound):
    """No such job."""

    code = "job-not-found"


class HoldNotFound(NotFound):
    """No such hold."""

    code = "hold-not-found"


# ---- forbidden: it exists and is known to the actor, but the right is missing


class Forbidden(SharedbookError):
    """A right is missing.

    ``right`` names it, ``group`` the slug (None: only postmasters may).
    """

    code = "forbidden"

    def __init__(
        self, message: str, *, right: str | None = None, group: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.right = right
        self.group = group


class LoginFailed(SharedbookError):
    """The password is wrong, or there is no such member; both get the same answer."""

    code = "login-failed"


class Throttled(SharedbookError):
    """Too many failed logins; wait before the next one.

    ``retry_after`` is in whole seconds.
    """

    code = "throttled"

    def __init__(self, message: str, *, retry_after: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


# ---- conflict: refused by a rule or by the present state


class Conflict(SharedbookError):
    """A rule, or the current state of the data, does not allow this."""

    code = "conflict"


class VersionConflict(Conflict):
    """The thing was changed since the caller read it (If-Match, --if-version)."""

    code = "version-conflict"


class UidConflict(Conflict):
    """Another card in this group has the same UID.

    ``href`` is given only when the actor may see that card.
    """

    code = "uid-conflict"

    def __init__(self, message: str, *, href: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.href = href


class HrefTaken(Conflict):
    """The name is in use by a card that the actor may not see or overwrite."""

    code = "href-taken"


class CardGone(Conflict):
    """A card with this name or UID was deleted; an old copy must not bring it back."""

    code = "card-gone"


class CardErased(Conflict):
    """A card with this name or UID was erased; it can never come back."""

    code = "card-erased"


class NameTaken(Conflict):
    """A login, team, group or label with this name already exists."""

    code = "name-taken"


class Ambiguous(Conflict):
    """A reference matches more than one contact."""

    code = "ambiguous"


class Protected(Conflict):
    """The site cannot do without this, such as the default group or the last postmaster."""

    code = "protected"


class JobStopped(Conflict):
    """The job is in the wrong state for this: it was cancelled, has ended, or runs in another process."""

    code = "job-stopped"


class PlanOutdated(Conflict):
    """A contact, group, member, grant or file of the plan has changed since the dry run that made it."""

    code = "plan-outdated"


class NotUndoable(Conflict):
    """What the job did cannot be undone: it is gone for good, or has changed since."""

    code = "not-undoable"


class DeletionHeld(Conflict):
    """This mail client deleted so much from a group that it may delete no more until a postmaster has decided.

    ``taken`` of the ``size`` cards of group ``group_id`` at the time ``at``; ``known``: it was held back before.
    """

    code = "deletion-held"

    def __init__(
        self, message: str, *, group_id: int, at: datetime, taken: int, size: int, known: bool, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.group_id = group_id
        self.at = at
        self.taken = taken
        self.size = size
        self.known = known


class QuotaExceeded(Conflict):
    """The organisation's limit of contacts is reached."""

    code = "quota"


class ErasurePending(Conflict):
    """The contacts are gone, but a reader still holds old pages of the file; run `sharedbook erase resume`."""

    code = "erasure-pending"


# ---- invalid: what was given cannot be right


class Invalid(SharedbookError):
    """The input is wrong."""

    code = "invalid"


class InvalidName(Invalid):
    """A login, team or group name breaks the rules for names."""

    code = "invalid-name"


class InvalidQuery(Invalid):
    """A search or filter cannot be understood."""

    code = "invalid-query"


class CostlyQuery(InvalidQuery):
    """A filter has so many terms, matching so many contacts, that it would hold up everybody else."""

    code = "costly-query"


class InvalidValue(Invalid):
    """The value of a field is wrong.

    ``field`` is the column name; ``each``: column and reason, where several are wrong.
    """

    code = "invalid-value"

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        hint: str | None = None,
        each: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message, hint=hint)
        self.field = field
        self.each = each


class InvalidFile(Invalid):
    """An import file cannot be read in the format that it claims to have.

    ``line`` and ``column`` are 1-based where known.
    """

    code = "invalid-file"

    def __init__(
        self, message: str, *, line: int | None = None, column: int | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.line = line
        self.column = column


class InvalidCard(Invalid):
    """A vCard breaks its grammar or the site's limits.

    ``line`` is 1-based where known.
    """

    code = "invalid-card"

    def __init__(self, message: str, *, line: int | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.line = line


class UnsupportedCard(InvalidCard):
    """Well-formed, but not a vCard 3.0 or 4.0."""

    code = "unsupported-card"


class CardTooLarge(InvalidCard):
    """The card or its photo is over the site's limit."""

    code = "card-too-large"


class InvalidToken(Invalid):
    """A sync token or paging cookie is from another site, or too old."""

    code = "invalid-token"


class InvalidSetting(Invalid):
    """A setting has a value that cannot be used.

    ``name`` is the setting's name.
    """

    code = "invalid-setting"

    def __init__(self, message: str, *, name: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.name = name


class NeedsConfirmation(Invalid):
    """A wide or irreversible change needs --yes, or a terminal to ask on."""

    code = "needs-confirmation"


# ---- unavailable: nothing is wrong with the request


class Unavailable(SharedbookError):
    """The site cannot do this at the moment."""

    code = "unavailable"


class NotInitialized(Unavailable):
    """There is no database yet, or no site.key."""

    code = "not-initialized"


class DatabaseNewer(Unavailable):
    """The database was written by a newer sharedbook."""

    code = "database-newer"


class WrongKey(Unavailable):
    """The site.key is not the one that the database was created with."""

    code = "wrong-key"


class DatabaseExposed(Unavailable):
    """Other users of this machine can read the database or site.key."""

    code = "database-exposed"


class Busy(Unavailable):
    """The site is too busy; try again."""

    code = "busy"


def near_hint(word: str, known: Iterable[str], otherwise: str) -> str:
    """The next step where a name is unknown: the one of those ``known`` that it is most like, if any."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {near[0]}?" if near else otherwise
