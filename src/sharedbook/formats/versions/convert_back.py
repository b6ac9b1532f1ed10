"""A converted card that comes back: what the client changed is patched into the stored card, in the stored version.

The stored version stays, also when a client would rather have the other one: every other client goes on reading what it
knows, the history shows what was edited and not a new form, and what conversion left out is still there. What the
stored version cannot say is stored as it came; nothing that a client sends is thrown away.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import unquote

from sharedbook.formats.vcards import images, vcard
from sharedbook.formats.vcards.content_line import Property, Raw, escape_text
from sharedbook.formats.vcards.vcard import Card
from sharedbook.formats.versions import convert
from sharedbook.formats.versions import convert_parts as parts
from sharedbook.formats.versions.convert_parts import Unit

_OF_THE_VALUE = frozenset({"ENCODING", "VALUE", "MEDIATYPE", "CHARSET", parts.OMIT_YEAR})
"""Parameters that say how the value is written: they go with it."""

_ABOUT_THE_VALUE = frozenset({"CC", "DERIVED", "GEO", "JSCOMPS", "TZ"})
"""Parameters that an edited value makes wrong."""

_SINGLE = parts.SINGLE | {"X-ADDRESSBOOKSERVER-KIND", "X-GENDER", "X-ANNIVERSARY"}
"""What a card has once: a client that was not told of it and sends its own replaces it."""

_TAKEN_BACK = frozenset({"LABEL", "SORT-STRING"})
"""Properties of 3.0 that are a parameter in 4.0: gone there, they go here. Other partners stay."""


def patched(stored: Card, put: Card) -> str:
    """The text of the stored card with what ``put``, of the other version, says otherwise than the served copy.

    The stored text itself if it says the same. Raises InvalidCard for a value that no line can carry; the result is
    not checked against limits.
    """
    served = convert.units(stored, put.version)
    changed, left = _compared(served, put)
    come = convert.units_of(left, stored.version)
    back = _Back(stored, put, _taken_groups(stored, served, put))
    pairs, gone, new = _paired(changed, come)
    for unit in gone:
        back.lines.update(dict.fromkeys(unit.sources, ""))
    for unit, edited in pairs:
        back.edit(unit, edited)
    silent = {unit.sources[0].name: unit.sources[0] for unit in served if not unit.lines}
    for unit in new:
        back.add(unit, silent)
    return vcard.replaced(stored, back.lines, back.added)


# ---- what is the same


def _value(found: Property) -> Hashable:
    """A value without what programs write differently: escapes, empty components, encodings, formats of dates, tel:."""
    text = found.text().strip()
    if found.name in parts.BINARY:
        return images.inline_data(found) or text
    if found.name in (*parts.STRUCTURED, "ORG"):
        components = [tuple(map(str.strip, part)) for part in found.parts()]
        while components and not any(components[-1]):
            components.pop()
        return tuple(components)
    if found.name in parts.LISTS:
        return found.values()
    if found.name in ("BDAY", "ANNIVERSARY", "REV"):
        return parts.date_for_4(found) or text
    return parts.number_for_3(text) if found.name == "TEL" else text


def _params(found: Property) -> Hashable:
    """The parameters that say something of the property, whatever their order."""
    words = found.types() - {"pref", "internet"} if found.name not in parts.BINARY else frozenset[str]()
    others = frozenset(
        (name, values) for name, values in found.params if name not in _OF_THE_VALUE | {"TYPE", "PREF"} and name
    )
    return words, found.pref(), others


def _key(found: Property) -> Hashable:
    return found.name, found.group.lower(), _params(found), _value(found)


def _compared(served: Sequence[Unit], put: Card) -> tuple[list[Unit], list[Property]]:
    """The served units that did not come back as they were, and what came instead."""
    came: dict[Hashable, list[Property]] = {}
    for found in put.properties:
        came.setdefault(_key(found), []).append(found)
    changed, same = [], set()
    for unit in served:
        taken = []
        for line in unit.lines:
            if waiting := came.get(_key(line)):
                taken.append(waiting.pop(0))
        if len(taken) == len(unit.lines):
            same.update(taken)
            continue
        changed.append(unit)
        for found in reversed(taken):
            came[_key(found)].insert(0, found)
    return changed, [found for found in put.properties if found not in same]


def _paired(changed: Sequence[Unit], come: Sequence[Unit]) -> tuple[list[tuple[Unit, Unit]], list[Unit], list[Unit]]:
    """Which unit became which: of one name, first those with the same value, then the same parameters, then any."""
    pairs = []
    changed, come = list(changed), list(come)
    for same in (_value, lambda found: (found.group.lower(), _params(found)), lambda found: ""):
        waiting: dict[Hashable, list[Unit]] = {}
        for unit in come:
            waiting.setdefault((unit.sources[0].name, same(unit.sources[0])), []).append(unit)
        for unit in tuple(changed):
            if found := waiting.get((unit.lines[0].name, same(unit.lines[0]))):
                pairs.append((unit, found.pop(0)))
                changed.remove(unit)
                come.remove(pairs[-1][1])
    return pairs, changed, come


# ---- what is written


def _taken_groups(stored: Card, served: Sequence[Unit], put: Card) -> dict[str, str]:
    """Groups of what the client was not told -> a free name, for what it adds under the same name."""
    hidden = {found.group.lower() for unit in served for found in unit.sources[bool(unit.lines) :]} - {""}
    used = {found.group.lower() for found in (*stored.properties, *put.properties)}
    free = (f"item{number}" for number in count(1) if f"item{number}" not in used)
    return {name: next(free) for name in sorted(hidden)}


@dataclass(slots=True)
class _Back:
    """Collects lines for the stored card: other ones for its properties ("" removes one), and new ones by name."""

    stored: Card
    put: Card
    groups: dict[str, str]
    lines: dict[Property, str] = field(default_factory=dict)
    added: list[tuple[str, str]] = field(default_factory=list)

    def _written(self, line: Property, sources: Sequence[Property] = ()) -> str:
        if line.group.lower() in self.groups:
            return convert.line_text(self.put, line._replace(group=self.groups[line.group.lower()]), ())
        return convert.line_text(self.put, line, sources)

    def add(self, unit: Unit, silent: dict[str, Property]) -> None:
        """What the client has made new."""
        for line in unit.lines or unit.sources:
            text = self._written(line, unit.sources)
            if line.name in _SINGLE and line.name in silent:
                self.lines[silent[line.name]] = text
            else:
                self.added.append((line.name, text))

    def edit(self, unit: Unit, edited: Unit) -> None:
        """What the client has changed: value, parameters, or both."""
        if not unit.sources:
            self.add(edited, {})
            return
        lines = list(edited.lines or edited.sources)
        source = unit.sources[0]
        self._edit_main(source, unit, edited, _as_named(lines.pop(0), source.name))
        for partner in unit.sources[1:]:
            line = next((each for each in lines if each.name == partner.name), None)
            if line is not None:
                lines.remove(line)
                if _value(line) != _value(partner):
                    self.lines[partner] = vcard.rewritten(self.stored, partner, Raw(line.raw), None)
            elif partner.name in _TAKEN_BACK:
                self.lines[partner] = ""
        self.added += [(source.name, self._written(line)) for line in lines]

    def _edit_main(self, source: Property, unit: Unit, edited: Unit, line: Property) -> None:
        was, now = unit.lines[0], edited.sources[0]
        same_value = _value(was) == _value(now)
        same_rest = set(map(_key, unit.lines[1:])) == set(map(_key, edited.sources[1:]))
        if same_rest and _params(was) == _params(now):
            params = tuple(each for each in source.params if same_value or each[0] not in _ABOUT_THE_VALUE)
        else:
            params = (*line.params, *self._unsaid(source, unit, line, same_value=same_value))
        written = source if same_value else line
        tied = _OF_THE_VALUE | ({"TYPE"} if source.name in parts.BINARY else set())
        params = (
            *(each for each in written.params if each[0] in tied),
            *(each for each in params if each[0] not in tied),
        )
        params = source.params if set(params) == set(source.params) else params
        group = source.group if was.group.lower() == now.group.lower() else now.group
        result = source._replace(name=line.name, group=group, params=params, raw=written.raw)
        if result == source._replace(raw=result.raw):  # the head may stay as it is written
            text = vcard.rewritten(self.stored, source, Raw(result.raw), None)
        else:
            text = self._written(result) if group != source.group else convert.line_text(self.stored, result, ())
        if _key(result) != _key(source) or not same_value:
            self.lines[source] = text

    def _unsaid(
        self, source: Property, unit: Unit, line: Property, *, same_value: bool
    ) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The stored parameters of which the client was not told, but for those that its edit makes wrong."""
        [told, *_] = convert.units_of(unit.lines, self.stored.version)
        known = told.lines[0].params if told.lines else ()
        names = {name for name, _ in (*known, *line.params)} | {"TYPE"}
        for name, values in source.params:
            if name not in names and (same_value or name not in _ABOUT_THE_VALUE):
                yield name, values
        said = told.lines[0].types() if told.lines else frozenset()
        for word in parts.types_of(source):
            if word not in said | line.types():
                yield "TYPE", (word if self.stored.version == "4.0" else word.upper(),)


def _as_named(line: Property, name: str) -> Property:
    """A line under the name that the stored card has for the same thing."""
    if line.name == "X-ANNIVERSARY" and name in parts.ANNIVERSARIES:
        return line._replace(name=name)
    scheme, _, address = line.raw.partition(":")
    if line.name == "IMPP" and parts.MESSENGERS.get(name) == scheme.lower():
        return line._replace(name=name, raw=escape_text(unquote(address)))
    return line
