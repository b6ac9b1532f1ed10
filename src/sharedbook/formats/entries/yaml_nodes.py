"""YAML as texts, lists and mappings with their lines, and back: always the same bytes for the same data.

Only what a person writes is taken: no anchors and aliases (a bomb of them is small in the file), no tags, one document.
Each scalar is text, whatever YAML would make of it: a phone number stays as it is written.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sharedbook.domain.errors import InvalidFile
from sharedbook.formats.vcards.content_line import illegal_character

if TYPE_CHECKING:
    from ruamel.yaml.events import Event

MOST_BYTES = 20_000_000
MOST_DEPTH = 8
_WIDE = 1 << 30  # characters a line: none is folded


@dataclass(slots=True)
class Text:
    """A scalar. ``line`` from 1, as of each node."""

    line: int
    text: str


@dataclass(slots=True)
class Items:
    """A list."""

    line: int
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Pairs:
    """A mapping, its keys in the order of the file."""

    line: int
    pairs: dict[str, Node] = field(default_factory=dict)


Node = Text | Items | Pairs

Data = str | Sequence["Data"] | Mapping[str, "Data"]
"""What is written: texts, lists, mappings in their order."""


def wrong(line: int, what: str, hint: str | None = None) -> InvalidFile:
    """The error for what stands in a line."""
    return InvalidFile(f"line {line}: {what}", line=line, hint=hint)


def read(data: bytes) -> Node:
    """The one document of a file in UTF-8. Raises InvalidFile, naming the line."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if len(data) > MOST_BYTES:
        raise InvalidFile(f"the file is larger than {MOST_BYTES // 1_000_000} MB", hint="split it")
    try:
        text = data.decode("utf-8-sig")
        _refuse_control(text, 1)
        return _Builder(YAML(typ="safe", pure=True).parse(io.StringIO(text))).document()
    except UnicodeDecodeError as error:
        raise wrong(data[: error.start].count(b"\n") + 1, "this is no UTF-8", "save the file as UTF-8") from error
    except (YAMLError, OverflowError, ValueError) as error:  # the last two: an escape that is no character
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "this is no YAML"
        raise wrong(mark.line + 1 if mark else 1, what, "a value with : or # in it needs quotes") from error


class _Builder:
    """Makes nodes of the parser's events, as deep as MOST_DEPTH."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events

    def document(self) -> Node:
        found: Node | None = None
        for event in self._events:
            name = type(event).__name__
            if name in ("StreamStartEvent", "StreamEndEvent", "DocumentStartEvent", "DocumentEndEvent"):
                continue
            if found is not None:
                raise wrong(_line(event), "a second document begins here", "one file describes one group")
            found = self._node(event, 1)
        if found is None:
            raise InvalidFile("the file is empty", hint="see: sharedbook group export-plan GROUP -")
        return found

    def _node(self, event: Any, depth: int) -> Node:
        line, name = _line(event), type(event).__name__
        if name == "AliasEvent" or event.anchor is not None or event.tag is not None:
            raise wrong(line, "anchors, aliases and tags are not taken", "write the value itself")
        if name == "ScalarEvent":
            _refuse_control(event.value, line)
            return Text(line, event.value)
        if depth == MOST_DEPTH:
            raise wrong(line, "lists lie in each other too deep")
        if name == "SequenceStartEvent":
            return Items(line, list(self._until("SequenceEndEvent", depth)))
        return self._pairs(line, depth)

    def _until(self, end: str, depth: int) -> Iterator[Node]:
        for event in self._events:
            if type(event).__name__ == end:
                return
            yield self._node(event, depth + 1)

    def _pairs(self, line: int, depth: int) -> Pairs:
        found = Pairs(line)
        nodes = self._until("MappingEndEvent", depth)
        for key in nodes:
            if not isinstance(key, Text):
                raise wrong(key.line, "a key is a word")
            if key.text in found.pairs:
                raise wrong(key.line, f"{key.text} stands here twice")
            found.pairs[key.text] = next(nodes)
        return found


def _refuse_control(text: str, line: int) -> None:
    """Raises InvalidFile; ``line``: that on which the text begins."""
    if found := illegal_character(text):
        raise wrong(line + text[: found.start()].count("\n"), "a control character, which no text may hold")


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


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
