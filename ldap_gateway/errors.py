"""Domain errors to LDAP result codes: the one table, and the error with which this edge refuses a request.

A fault of ours is never 49: a mail client that hears 49 deletes the password it has stored.
"""

from __future__ import annotations

from collections.abc import Mapping

from ldap_gateway.messages import Code
from sharedbook.domain import errors

CODES: Mapping[type[Exception], Code] = {
    errors.LoginFailed: Code.INVALID_CREDENTIALS,
    errors.Throttled: Code.BUSY,
    errors.Busy: Code.BUSY,
    errors.Unavailable: Code.UNAVAILABLE,
    errors.InvalidQuery: Code.UNWILLING_TO_PERFORM,
    errors.CostlyQuery: Code.ADMIN_LIMIT_EXCEEDED,
    errors.Forbidden: Code.INSUFFICIENT_ACCESS_RIGHTS,
    errors.NotFound: Code.NO_SUCH_OBJECT,
}
"""By the nearest class; anything else is 80."""


class Refused(Exception):
    """A request that is answered with this code. ``matched``: the nearest DN that exists for this reader."""

    def __init__(self, code: Code, text: str = "", *, matched: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.matched = matched


def refusal(error: Exception) -> Refused:
    """How an error is answered. What is no error of the domain is answered without its words."""
    code = next((CODES[kind] for kind in type(error).__mro__ if kind in CODES), Code.OTHER)
    return Refused(code, str(error) if isinstance(error, errors.SharedbookError) else "internal error")
