"""The tree: which entries there are for a reader, which of them a search finds, and how they are answered.

    <base>                              the contacts, uid=<key>, each once
    ou=groups,<base>                    the groups a reader may view
    ou=<slug>,ou=groups,<base>          one group, and its contacts once more: an address book of its own
    ou=members,<base>                   for binding only: to every reader it does not exist

A hidden entry and a missing one are answered alike. Above ou=groups, entries that are no contacts are found only by a
filter that names their class, or as the base of a base search: an address book shows people.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ldap_gateway import ber, dn, entries, schema, wire
from ldap_gateway import messages as m
from ldap_gateway.attributes import Attribute, Names, Unresolved
from ldap_gateway.columns import Plan
from ldap_gateway.dn import InvalidDN
from ldap_gateway.entries import BASE, DSE, GROUPS, SCHEMA, Row, Rows, Run, Selection, attributes_of, encode_values
from ldap_gateway.errors import Refused
from ldap_gateway.filters import Translator, canonical, mentions, names_structure
from ldap_gateway.index import Document, Index, Mask, Order
from ldap_gateway.messages import Code, Scope
from ldap_gateway.people import CONSTANTS, People, columns, instances
from ldap_gateway.structure import Structure
from ldap_gateway.superiors import MANAGER, Superiors
from ldap_gateway.templates import Templates
from sharedbook.domain import folding, query
from sharedbook.domain.model import Limits, Right
from sharedbook.domain.query import Query, Some
from sharedbook.services.feed import FeedGroup, FeedMember

SELECTIONS = 256
"""How many different lists of attributes are remembered."""


class Answer(NamedTuple):
    """Encoded entries, and how many contacts of which group they give away."""

    entries: list[bytes]
    read: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks: the ids of his subjects, and of the groups that they may view."""

    subjects: frozenset[int]
    groups: frozenset[int]


class Directory:
    """The tree over the index. ``base``: DN of the contacts. ``start_tls``: whether there is a certificate."""

    def __init__(self, base: str, *, names: Names, region: str, limits: Limits, start_tls: bool) -> None:
        """Raises InvalidDN when ``base`` is not a DN."""
        self.base = base
        self.names = names
        self.people = People(names, region, limits, base)
        self.index = Index(columns(names), instances(CONSTANTS), ranked="cn")
        self.members: dict[int, FeedMember] = {}
        self._logins: dict[str, int] = {}
        self._mails: dict[str, list[int]] = {}
        self._structure = Structure(base, names, start_tls=start_tls)
        self.groups = self._structure.groups
        self._region = region
        self._base = dn.parse(base)
        self._base_octets = base.encode()
        self._readers: dict[frozenset[int], Reader] = {}
        self._selections: dict[tuple[tuple[str, ...], bool], Selection] = {}
        self._constants = encode_values(CONSTANTS)
        self.superiors = Superiors(self.index, canonical(self._base))
        self._plain_member = re.compile(f"uid=([a-z0-9._-]+),ou=members,{re.escape(base)}", re.ASCII)
        self._subschema = dn.parse(schema.SUBSCHEMA)
        self.templates = Templates(self.index, names, region, self._translator(BASE), self._base_octets)

    # ---- who is who

    def set_groups(self, groups: Sequence[FeedGroup], gone: Sequence[int] = ()) -> None:
        """Adds or replaces groups, and forgets those that are gone."""
        self._structure.set_groups(groups, gone)
        self._readers.clear()

    def set_members(self, members: Sequence[FeedMember], gone: Sequence[int] = ()) -> None:
        """Adds or replaces members, and forgets those that are gone."""
        for member_id in gone:
            self.members.pop(member_id, None)
        self.members.update((member.id, member) for member in members)
        self._logins = {member.login: member.id for member in self.members.values()}
        self._mails.clear()
        for member in self.members.values():
            if member.email:
                self._mails.setdefault(member.email, []).append(member.id)

    def member_named(self, name: str) -> FeedMember | None:
        """The member with this login or, alone, with this mail address; both folded."""
        having = self._mails.get(name, [])
        found = self._logins.get(name, having[0] if len(having) == 1 else None)
        return None if found is None else self.members[found]

    def reader(self, subjects: frozenset[int]) -> Reader:
        """What these subjects may view now."""
        reader = self._readers.get(subjects)
        if reader is None:
            viewed = frozenset(
                group.id
                for group in self.groups.values()
                if any(group.rights.get(subject, 0) & Right.VIEW for subject in subjects)
            )
            reader = self._readers[subjects] = Reader(subjects, viewed)
        return reader

    def login_of(self, name: str) -> str:
        """The login behind a bind name: of ``uid=alice,ou=members,<base>`` alice, of anything else the name itself."""
        plain = self._plain_member.fullmatch(name)
        if plain is not None:
            return plain[1]
        try:
            below = dn.parse(name).under(self._base)
        except InvalidDN:
            return name
        if below is None or len(below) != 2 or dn.only(below[1], "ou") != "members":
            return name
        return dn.only(below[0], "uid") or name

    def member_dn(self, login: str) -> str:
        """The name that a member binds as."""
        return f"uid={dn.escape(login)},ou=members,{self.base}"

    # ---- where is what

    def locate(self, reader: Reader | None, name: bytes, root: int = DSE) -> Row:
        """The entry of a DN. ``reader`` None sees the rootDSE, which is ``root`` here, and the subschema only.

        Raises Refused: the DN is malformed, may not be read without a login, or does not exist for this reader.
        """
        if reader is not None and name == self._base_octets:
            return Row(BASE)
        try:
            parsed = dn.parse(name.decode())
        except (InvalidDN, UnicodeDecodeError) as error:
            raise Refused(Code.INVALID_DN_SYNTAX, str(error)) from None
        if not parsed.rdns:
            return Row(root)
        if parsed == self._subschema:
            return Row(SCHEMA)
        if reader is None:
            raise Refused(Code.INSUFFICIENT_ACCESS_RIGHTS, "log in first: bind with a login and its password")
        below = parsed.under(self._base)
        if below is None:
            raise Refused(Code.NO_SUCH_OBJECT, f"entries are under {self.base}")
        return self._below(reader, below)

    def _below(self, reader: Reader, below: tuple[dn.Rdn, ...]) -> Row:
        if not below:
            return Row(BASE)
        if dn.only(below[-1], "ou") != "groups":
            if len(below) == 1:
                return self._contact(reader, below[0], BASE)
            raise self._missing(BASE)
        if len(below) == 1:
            return Row(GROUPS)
        group_id = self._structure.group_named(dn.only(below[-2], "ou") or "")
        if group_id is None or group_id not in reader.groups:
            raise self._missing(GROUPS)
        if len(below) == 2:
            return Row(group_id)
        if len(below) == 3:
            return self._contact(reader, below[0], group_id)
        raise self._missing(group_id)

    def _contact(self, reader: Reader, rdn: dn.Rdn, place: int) -> Row:
        key = dn.only(rdn, "uid")
        document = self.index.by_key(self._mask(reader, place), key) if key else None
        if document is None:
            raise self._missing(place)
        return Row(place, document.id)

    def _missing(self, place: int) -> Refused:
        return Refused(Code.NO_SUCH_OBJECT, matched=self._structure.name(place))

    def _mask(self, reader: Reader, place: int) -> Mask:
        """The contacts that a reader sees in a place."""
        groups = reader.groups if place == BASE else reader.groups & {place}
        return self.index.visible(groups, reader.subjects)

    def exists(self, reader: Reader | None, row: Row) -> bool:
        """Whether an entry found earlier is still there for this reader."""
        if self._structure.is_fixed(row.place):
            return True
        if reader is None or (row.place > BASE and row.place not in reader.groups):
            return False
        return not row.contact or self.index.sees(self._mask(reader, row.place), row.contact)

    # ---- finding

    def search(
        self,
        reader: Reader | None,
        request: m.Search,
        *,
        root: int = DSE,
        order: Sequence[Order] = (),
        limit: int | None = None,
    ) -> Rows:
        """The entries that a search finds, at most ``limit`` of them, in order. Raises Refused."""
        start = self.locate(reader, request.base, root)
        if self._structure.is_fixed(start.place):
            if start.place != SCHEMA and request.scope is not Scope.BASE:
                # macOS searches below the empty base: there is one naming context
                return self.search(reader, replace(request, base=self.base.encode()), order=order, limit=limit)
            here = [start] if request.scope is not Scope.ONE else []
            return Rows.of(self._matching(None, here, self._query(BASE, request.filter)))
        assert reader is not None
        places, structure = self._within(reader, start, request)
        asked = self._query(BASE, request.filter)
        rows = Rows.of(self._matching(reader, structure, asked))
        mixed = bool(order) and (bool(rows) or len(places) > 1)
        for place in places:
            rest = None if limit is None or mixed else max(0, limit - len(rows))
            there = self._with_superiors(reader, asked if place == BASE else self._query(place, request.filter))
            mask = self._mask(reader, place)
            found = self.index.search(there, mask, order=order, limit=rest)
            if found:
                rows.runs.append(self._run(place, found, mask))
        if start.contact and request.scope is not Scope.ONE:
            rows.runs += Rows.of(self._only(reader, start, request.filter)).runs
        if mixed:
            rows = Rows.of(self._sorted(reader, rows, order))
        return rows if limit is None else rows.part(0, limit)

    def _sorted(self, reader: Reader | None, rows: Iterable[Row], order: Sequence[Order]) -> list[Row]:
        """Entries of several kinds in order."""
        ordered = list(rows)
        for each in reversed(order):
            ordered.sort(key=lambda row: self.sort_value(reader, row, each.property), reverse=each.reverse)
        return ordered

    def _within(self, reader: Reader, start: Row, request: m.Search) -> tuple[list[int], list[Row]]:
        """The places whose contacts are searched, and the structure entries that are."""
        if start.contact:
            return [], []
        if request.scope is Scope.BASE:
            return [], [start]
        subtree = request.scope is Scope.SUBTREE
        groups = sorted(reader.groups)
        if start.place == GROUPS:
            return (groups if subtree else []), [*([start] if subtree else []), *map(Row, groups)]
        if start.place != BASE:
            return [start.place], [start] if subtree else []
        if not names_structure(request.filter):
            return [BASE], []
        return [BASE], [start, Row(GROUPS), *map(Row, groups)] if subtree else [Row(GROUPS)]

    def _only(self, reader: Reader, row: Row, found: m.Filter) -> list[Row]:
        """The one contact that is the base of the search, if it matches."""
        asked = self._with_superiors(reader, self._query(row.place, found))
        return [row] if self.index.holds(asked, row.contact) else []

    def _matching(self, reader: Reader | None, rows: Sequence[Row], asked: Query) -> list[Row]:
        return [row for row in rows if self._is_true(asked, reader, row.place)]

    def find(self, reader: Reader, plan: Plan, order: Sequence[Order], limit: int | None) -> list[int]:
        """The contacts below the base for which a plan holds, as slots of the index. Raises CostlyQuery."""
        return self.index.find(plan, self._mask(reader, BASE), order=order, limit=limit)

    def rows(self, reader: Reader, slots: Sequence[int]) -> Rows:
        """The rows of contacts below the base that were just found for a reader."""
        return Rows([self._run(BASE, slots, self._mask(reader, BASE))])

    def _run(self, place: int, slots: Sequence[int], mask: Mask) -> Run:
        return Run(place, self.index.ids_at(slots), slots, mask)

    def _with_superiors(self, reader: Reader, asked: Query) -> Query:
        """A query over contacts, with their superiors as this reader sees them."""
        return self.superiors.asked(asked, self._mask(reader, BASE)) if mentions(asked, MANAGER) else asked

    def _query(self, place: int, found: m.Filter) -> Query:
        return self._translator(place).query(found)

    def _translator(self, place: int) -> Translator:
        name = self._base if place <= BASE else dn.parse(self._structure.name(place))
        return Translator(self.names, self._region, name)

    def sort_value(self, reader: Reader | None, row: Row, name: str) -> str:
        """By what an entry is sorted: its first value of an attribute, or what comes after all values."""
        if row.contact:
            return self.index.sort_value(row.contact, name)
        values = self._structure.values(row.place, seen=self._seen(reader, row.place)).get(name)
        return folding.pad(folding.fold(self.names.compared(name, values[0]))) if values else "\U0010ffff"

    def compare(self, reader: Reader | None, request: m.Compare, root: int = DSE) -> bool:
        """Whether an entry holds a value. Raises Refused."""
        row = self.locate(reader, request.dn, root)
        attribute = self.names.resolve(request.attribute)
        if attribute is Unresolved.UNKNOWN:
            raise Refused(Code.UNDEFINED_ATTRIBUTE_TYPE, f"{request.attribute} is not in the schema")
        if not isinstance(attribute, Attribute) or not self._holds(reader, row, Some(attribute.name)):
            raise Refused(Code.NO_SUCH_ATTRIBUTE)
        if not attribute.kind.equality:
            raise Refused(Code.INAPPROPRIATE_MATCHING)
        assertion = m.Assertion(m.Relation.EQUAL, request.attribute, request.value)
        return self._holds(reader, row, self._query(row.place, assertion))

    def _holds(self, reader: Reader | None, row: Row, asked: Query) -> bool:
        if row.contact and reader is not None:
            return self.index.holds(self._with_superiors(reader, asked), row.contact)
        return self._is_true(asked, reader, row.place)

    # ---- entries that are no contacts

    def _seen(self, reader: Reader | None, place: int) -> bool:
        """Whether a place is a group in which this reader sees a contact."""
        return place > BASE and reader is not None and 1 in self._mask(reader, place)

    def _members(self, reader: Reader, place: int, base: str) -> list[str]:
        """The DNs of the contacts that this reader sees in a group; ``base`` as they are to be written."""
        found = self.index.at(self.index.search(query.EVERYTHING, self._mask(reader, place)))
        return [f"uid={document.key},{base}" for document in found]

    def _is_true(self, asked: Query, reader: Reader | None, place: int) -> bool:
        record = self._structure.record(place, seen=self._seen(reader, place))
        if place > BASE and reader is not None and mentions(asked, "member"):
            record = {**record, **instances({"member": self._members(reader, place, canonical(self._base))})}
        return query.matches(asked, record) is True

    # ---- answering

    def selection(self, attributes: tuple[str, ...], *, types_only: bool) -> Selection:
        """What a client asks for; the same object for the same words, as contacts keep their answers by it."""
        asked = attributes, types_only
        found = self._selections.get(asked)
        if found is None:
            if len(self._selections) == SELECTIONS:
                self._selections.clear()
            found = self._selections[asked] = entries.select(attributes, self.names, types_only=types_only)
        return found

    def answer(self, reader: Reader, slots: Sequence[int], selection: Selection) -> Answer:
        """The entries of contacts below the base that were just found."""
        return Answer(self._encode_seen(reader, slots, BASE, selection), self._groups_of(slots, BASE, reader))

    def encode(self, reader: Reader | None, rows: Rows, selection: Selection) -> Answer:
        """The entries of rows; those that are gone or hidden by now are left out."""
        encoded: list[bytes] = []
        read: Counter[int] = Counter()
        for place, contacts, slots, mask in rows.runs:
            if not contacts[0]:
                if self.exists(reader, Row(place)):
                    encoded.append(self._encode_structure(reader, place, selection))
            elif reader is not None:
                now = self._mask(reader, place)
                if now is not mask:  # any change of a contact or a right makes another
                    slots = self.index.seen(now, contacts)
                encoded.extend(self._encode_seen(reader, slots, place, selection))
                read.update(self._groups_of(slots, place, reader))
        return Answer(encoded, read)

    def _encode_seen(self, reader: Reader, slots: Sequence[int], place: int, selection: Selection) -> list[bytes]:
        """Contacts as this reader has them: with the superiors that he sees."""
        made = self._encode_contacts(slots, place, selection)
        if self.superiors and selection.wants(MANAGER):
            mask = self._mask(reader, BASE)
            for at, document in enumerate(self.index.at(slots)):
                if above := self.superiors.of(document.id, mask):
                    manager = encode_values({MANAGER: [f"uid={above.key},{self.base}"]})
                    made[at] = wire.with_more(made[at], selection.encode(manager))
        return made

    def _encode_contacts(self, slots: Sequence[int], place: int, selection: Selection) -> list[bytes]:
        if place != BASE:
            return [self._encode_contact(document, place, selection) for document in self.index.at(slots)]
        if selection.usual:
            return self.index.entries(slots)
        made = self.index.answers(selection)
        for slot in slots:
            if not made[slot]:
                (document,) = self.index.at((slot,))
                made[slot] = self._encode_contact(document, BASE, selection)
        return [made[slot] for slot in slots]

    def _groups_of(self, slots: Sequence[int], place: int, reader: Reader) -> Mapping[int, int]:
        """How many contacts are of which group; one below the base counts for its first group in view."""
        if place > BASE or len(reader.groups) == 1:
            return {place if place > BASE else min(reader.groups): len(slots)}
        found: dict[int, int] = {}
        for groups, count in self.index.groups(slots).items():
            first = min(reader.groups.intersection(groups))
            found[first] = found.get(first, 0) + count
        return found

    def _encode_contact(self, document: Document, place: int, selection: Selection) -> bytes:
        name = f"uid={document.key},{self._structure.name(place)}"
        if selection.plain:
            return wire.entry(name.encode(), ber.chosen(document.entry, document.start, selection.plain))
        values = self._constants | attributes_of(document) | encode_values({"entryDN": [name]})
        return wire.entry(name.encode(), selection.encode(values))

    def _encode_structure(self, reader: Reader | None, place: int, selection: Selection) -> bytes:
        values = self._structure.values(place, seen=self._seen(reader, place))
        if self._structure.is_fixed(place) and (selection.user or selection.operational):
            # most clients ask the server about itself without knowing that its attributes are operational
            selection = replace(selection, user=True, operational=True)
        if place > BASE and reader is not None and selection.wants("member"):
            values = values | {"member": self._members(reader, place, self.base)}
        return wire.entry(self._structure.name(place).encode(), selection.encode(encode_values(values)))
