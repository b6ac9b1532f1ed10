"""YAML as texts, lists and mappings with their lines, and back: always the same bytes for the same data.

Only what a person writes is taken: no anchors and aliases (a bomb of them is small in the file), no tags, one document.
Each scalar is text, whatever YAML would make of it: a phone number stays as it is written.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from sharedbook.domain.errors import InvalidFile
from sharedbook.formats.vcards.content_line import illegal_character

if TYPE_CHECKING:
    from ruamel.yaml.events import Event

MOST_BYTES = 20_000_000
MOST_DEPTH = 8
MOST_MISTAKES = 1_000
_WIDE = 1 << 30  # characters a line: none is folded


class At(NamedTuple):
    """Where something stands, both from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Text:
    """A scalar."""

    at: At
    text: str


@dataclass(slots=True)
class Items:
    """A list."""

    at: At
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Pairs:
    """A mapping, its keys in the order of the file."""

    at: At
    pairs: dict[str, Node] = field(default_factory=dict)


Node = Text | Items | Pairs

Data = str | Sequence["Data"] | Mapping[str, "Data"]
"""What is written: texts, lists, mappings in their order."""


def wrong(at: At, what: str, hint: str | None = None) -> InvalidFile:
    """The error for what stands somewhere."""
    return InvalidFile(f"line {at.line}, column {at.column}: {what}", line=at.line, column=at.column, hint=hint)


class Mistakes:
    """All that is wrong in a file, so that it can be corrected at once."""

    def __init__(self) -> None:
        self._found: list[InvalidFile] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Notes the mistake that ends what is done here, and goes on behind it."""
        try:
            yield
        except InvalidFile as error:
            self._found.append(error)

    def note(self, at: At, what: str, hint: str | None = None) -> None:
        """Notes a mistake."""
        self._found.append(wrong(at, what, hint))

    def refuse(self) -> None:
        """Raises InvalidFile with every mistake, by line, if there is any."""
        if len(self._found) == 1:
            raise self._found[0]
        if self._found:
            found = sorted(self._found, key=lambda each: (each.line or 0, each.column or 0))
            rest = [f"... and {len(found) - MOST_MISTAKES} more"] if len(found) > MOST_MISTAKES else []
            lines = "".join(f"\n  {each}" for each in [*found[:MOST_MISTAKES], *rest])
            raise InvalidFile(f"{len(found)} mistakes in the file:{lines}", line=found[0].line, hint="correct them all")


def read(data: bytes, mistakes: Mistakes) -> Node:
    """The one document of a file in UTF-8. Raises InvalidFile for what ends the reading, with the mistakes before."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if len(data) > MOST_BYTES:
        raise InvalidFile(f"the file is larger than {MOST_BYTES // 1_000_000} MB", hint="split it")
    try:
        text = data.decode("utf-8-sig")
        _refuse_control(text, At(1, 1))
        return _Builder(YAML(typ="safe", pure=True).parse(io.StringIO(text)), mistakes).document()
    except UnicodeDecodeError as error:
        before = data[: error.start]
        at = At(before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
        raise wrong(at, "this is not UTF-8", "save the file as UTF-8") from error
    except (YAMLError, OverflowError, ValueError) as error:  # the last two: an escape that is no character
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "this is not YAML"
        at = At(mark.line + 1, mark.column + 1) if mark else At(1, 1)
        mistakes.note(at, what, "a value with : or # in it needs quotes")
    except InvalidFile as error:
        with mistakes.noted():
            raise error from None
    mistakes.refuse()
    raise AssertionError("there was a mistake")


class _Builder:
    """Makes nodes of the parser's events, as deep as MOST_DEPTH."""

    def __init__(self, events: Iterator[Any], mistakes: Mistakes) -> None:
        self._events = events
        self._mistakes = mistakes

    def document(self) -> Node:
        found: Node | None = None
        for event in self._events:
            name = type(event).__name__
            if name in ("StreamStartEvent", "StreamEndEvent", "DocumentStartEvent", "DocumentEndEvent"):
                continue
            if found is not None:
                raise wrong(_at(event), "a second document begins here", "one file describes one group")
            found = self._node(event, 1)
        if found is None:
            raise InvalidFile("the file is empty", hint="see: sharedbook group export-plan GROUP -")
        return found

    def _node(self, event: Any, depth: int) -> Node:
        at, name = _at(event), type(event).__name__
        if name == "AliasEvent" or event.anchor is not None or event.tag is not None:
            self._mistakes.note(at, "anchors, aliases and tags are not allowed", "write the value itself")
        if name == "AliasEvent":
            return Text(at, "")
        if name == "ScalarEvent":
            with self._mistakes.noted():
                _refuse_control(event.value, at)
            return Text(at, event.value)
        if depth == MOST_DEPTH:
            raise wrong(at, "lists are nested too deeply")
        if name == "SequenceStartEvent":
            return Items(at, list(self._until("SequenceEndEvent", depth)))
        return self._pairs(at, depth)

    def _until(self, end: str, depth: int) -> Iterator[Node]:
        for event in self._events:
            if type(event).__name__ == end:
                return
            yield self._node(event, depth + 1)

    def _pairs(self, at: At, depth: int) -> Pairs:
        found = Pairs(at)
        nodes = self._until("MappingEndEvent", depth)
        for key in nodes:
            value = next(nodes)
            if not isinstance(key, Text):
                self._mistakes.note(key.at, "a key must be a word")
            elif key.text in found.pairs:
                self._mistakes.note(key.at, f"{key.text} is here twice")
            else:
                found.pairs[key.text] = value
        return found


def _refuse_control(text: str, at: At) -> None:
    """Raises InvalidFile; ``at``: where the text begins."""
    if found := illegal_character(text):
        before = text[: found.start()]
        column = found.start() - before.rfind("\n") if "\n" in before else at.column + found.start()
        raise wrong(At(at.line + before.count("\n"), column), "a control character, which no text may hold")


def _at(event: Any) -> At:
    return At(event.start_mark.line + 1, event.start_mark.column + 1)


def write(data: Data, head: str = "") -> bytes:
    """The file: plain words as keys, texts in quotes or, several plain lines, as blocks. ``head``: comment lines."""
    from ruamel.yaml import YAML, events

    yaml = YAML(typ="safe", pure=True)
    yaml.width, yaml.allow_unicode = _WIDE, True
    out = io.StringIO()
    start, end = events.DocumentStartEvent(explicit=False), events.DocumentEndEvent(explicit=False)
    stream = (events.StreamStartEvent(), start, *_events(data), end, events.StreamEndEvent())
    yaml.emit(stream, stream=out)
    return "".join([*(f"# {line}\n" for line in head.splitlines()), out.getvalue()]).encode()


def _events(data: Data) -> Iterator[Event]:
    from ruamel.yaml import events

    if isinstance(data, str):
        yield _scalar(data, "|" if _is_block(data) else '"')
    elif isinstance(data, Mapping):
        yield events.MappingStartEvent(None, None, True, flow_style=False)
        for key, value in data.items():
            yield _scalar(key, None if _KEY.fullmatch(key) else '"')
            yield from _events(value)
        yield events.MappingEndEvent()
    else:
        yield events.SequenceStartEvent(None, None, True, flow_style=not data)
        for each in data:
            yield from _events(each)
        yield events.SequenceEndEvent()


_KEY = re.compile(r"[@\w][\w .@-]*\w")


def _scalar(text: str, style: str | None) -> Event:
    from ruamel.yaml import events
    from ruamel.yaml.tag import Tag

    # without a tag of its own, the emitter fails on an empty text
    return events.ScalarEvent(None, Tag(suffix="tag:yaml.org,2002:str"), (style is None, True), text, style=style)


def _is_block(text: str) -> bool:
    """Whether a text is several lines that a block gives back as they are."""
    lines = text.split("\n")
    plain = all(line == line.strip() and line.isprintable() for line in lines)
    return len(lines) > 1 and lines[0] != "" and lines[-1] != "" and plain
