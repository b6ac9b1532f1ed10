"""The typed messages of RFC 4511 that a server receives, and the words of its answers. No bytes and no rules here.

Attribute descriptions and OIDs are text as the client wrote them; assertion values stay octets until their attribute
is known. A filter is immutable and hashable: a paging cookie is bound to it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Code(enum.IntEnum):
    """Result codes (RFC 4511 appendix A.1; RFC 3909 for the last two) that the gateway answers with."""

    SUCCESS = 0
    OPERATIONS_ERROR = 1
    PROTOCOL_ERROR = 2
    TIME_LIMIT_EXCEEDED = 3
    SIZE_LIMIT_EXCEEDED = 4
    COMPARE_FALSE = 5
    COMPARE_TRUE = 6
    AUTH_METHOD_NOT_SUPPORTED = 7
    ADMIN_LIMIT_EXCEEDED = 11
    UNAVAILABLE_CRITICAL_EXTENSION = 12
    CONFIDENTIALITY_REQUIRED = 13
    NO_SUCH_ATTRIBUTE = 16
    UNDEFINED_ATTRIBUTE_TYPE = 17
    INAPPROPRIATE_MATCHING = 18
    NO_SUCH_OBJECT = 32
    INVALID_DN_SYNTAX = 34
    INVALID_CREDENTIALS = 49
    INSUFFICIENT_ACCESS_RIGHTS = 50
    BUSY = 51
    UNAVAILABLE = 52
    UNWILLING_TO_PERFORM = 53
    SORT_CONTROL_MISSING = 60
    OFFSET_RANGE_ERROR = 61
    OTHER = 80
    CANCELED = 118
    NO_SUCH_OPERATION = 119


class Scope(enum.IntEnum):
    """Scope of a search (RFC 4511 section 4.5.1.2)."""

    BASE = 0
    ONE = 1
    SUBTREE = 2


# ---- filters, RFC 4511 section 4.5.1.7


@dataclass(frozen=True, slots=True)
class And:
    """``(&...)``; no parts: true (RFC 4526)."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """``(|...)``; no parts: false (RFC 4526)."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """``(!...)``."""

    part: Filter


@dataclass(frozen=True, slots=True)
class Present:
    """``(attribute=*)``."""

    attribute: str


class Relation(enum.StrEnum):
    """The relations of an attribute value assertion, as a filter string writes them."""

    EQUAL = "="
    AT_LEAST = ">="
    AT_MOST = "<="
    APPROX = "~="


@dataclass(frozen=True, slots=True)
class Assertion:
    """``(attribute=value)`` and its kin."""

    relation: Relation
    attribute: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Substrings:
    """``(attribute=initial*any*any*final)``; an absent initial or final is empty."""

    attribute: str
    initial: bytes
    any: tuple[bytes, ...]
    final: bytes


@dataclass(frozen=True, slots=True)
class Extensible:
    """``(attribute:dn:rule:=value)``; rule and attribute may be empty, not both."""

    rule: str
    attribute: str
    value: bytes
    dn_attributes: bool


Filter = And | Or | Not | Present | Assertion | Substrings | Extensible


# ---- requests


@dataclass(frozen=True, slots=True)
class Bind:
    """``mechanism`` None: simple, ``credentials`` is the password; "" : a choice that RFC 4511 does not know."""

    version: int
    name: bytes
    mechanism: str | None
    credentials: bytes


@dataclass(frozen=True, slots=True)
class Unbind:
    """The client closes."""


@dataclass(frozen=True, slots=True)
class Search:
    """Limits are 0 for none; ``time_limit`` in seconds."""

    base: bytes
    scope: Scope
    size_limit: int
    time_limit: int
    types_only: bool
    filter: Filter
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """Whether an entry holds a value."""

    dn: bytes
    attribute: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Abandon:
    """Forget an operation; never answered."""

    message_id: int


@dataclass(frozen=True, slots=True)
class Extended:
    """An operation named by its OID."""

    oid: str
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Write:
    """Add, delete, modify or modify DN: refused whatever it holds. ``answer`` is the tag of its answer."""

    answer: int


Operation = Bind | Unbind | Search | Compare | Abandon | Extended | Write


@dataclass(frozen=True, slots=True)
class Control:
    """A request control (RFC 4511 section 4.1.11)."""

    oid: str
    critical: bool
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Message:
    """One request."""

    id: int
    operation: Operation
    controls: tuple[Control, ...] = ()
