"""Other programs' vCard files, read by the tests' own means: what is in them is not learned from the code under test.

Only what those files need is understood: vCard 2.1 with quoted-printable and base64, 3.0 and 4.0 with backslashes.
"""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FILES = (
    "John_Doe_ANDROID.vcf",
    "John_Doe_EVOLUTION.vcf",
    "John_Doe_GMAIL.vcf",
    "John_Doe_IPHONE.vcf",
    "John_Doe_MAC_ADDRESS_BOOK.vcf",
    "fullcontact.vcf",
    "gmail-single.vcf",
    "outlook-2007.vcf",
    "rfc6350-example.vcf",
)

_LINE = re.compile(r'(?:[^.;:"]+\.)?(?P<name>[^;:"]+)(?P<parameters>(?:[^:"]|"[^"]*")*):(?P<value>.*)', re.DOTALL)
_SOFT_BREAKS = re.compile(r"^[^:\n]*QUOTED-PRINTABLE[^:\n]*:(?:.*=\n)+", re.MULTILINE)
_ESCAPED = {"n": "\n", "N": "\n"}


@dataclass(frozen=True)
class Property:
    """One property: upper-case parameters as one text, and the decoded value; pictures and keys in base64 are bytes."""

    name: str
    parameters: str
    value: str | bytes

    @property
    def text(self) -> str:
        """The value of a property that is text."""
        assert isinstance(self.value, str)
        return self.value


@dataclass(frozen=True)
class Card:
    """One card; ``text`` as it stands in the file, with CRLF between lines and, if it has it there, behind the last."""

    text: str
    properties: tuple[Property, ...]

    def all(self, name: str) -> list[Property]:
        """The properties of a name."""
        return [found for found in self.properties if found.name == name]

    def texts(self, name: str) -> list[str]:
        """Their values, without white space around them."""
        return [found.text.strip() for found in self.all(name)]

    @property
    def version(self) -> str:
        """2.1, 3.0 or 4.0."""
        return self.texts("VERSION")[0]

    @property
    def title(self) -> str:
        """What a list shows: the name, else the first mail address."""
        return (self.texts("FN") or self.texts("EMAIL"))[0]

    def values(self) -> Mapping[str, Sequence[str | bytes]]:
        """The values of each property that a conversion must keep."""
        kept = {found.name for found in self.properties} - {"BEGIN", "VERSION", "END", "UID", "FN", "N"}
        return {name: [found.value for found in self.all(name)] for name in sorted(kept)}


def read(path: Path) -> list[Card]:
    """The cards of a file."""
    text = path.read_bytes().decode().replace("\r\r\n", "\n").replace("\r\n", "\n")
    return [card(found) for found in re.findall(r"^BEGIN:VCARD\n.*?^END:VCARD$\n?", text, re.MULTILINE | re.DOTALL)]


def card(text: str) -> Card:
    """One card with either kind of line ends."""
    text = text.replace("\r\n", "\n")
    is_old = re.search("^VERSION:2.1$", text, re.MULTILINE) is not None
    lines = re.sub(r"\n[ \t]", "", text)
    if is_old:
        lines = _SOFT_BREAKS.sub(lambda found: found[0].replace("=\n", ""), lines)
    return Card(text.replace("\n", "\r\n"), tuple(_property(line, is_old) for line in lines.split("\n") if line))


def _property(line: str, is_old: bool) -> Property:
    found = _LINE.fullmatch(line)
    assert found, line
    name, parameters, value = found["name"].upper(), found["parameters"].upper(), found["value"]
    if re.search(r"[;=](?:BASE64|B)(?:;|$)", parameters):
        return Property(name, parameters, _octets(value))
    if not is_old:
        return Property(name, parameters, re.sub(r"\\(.)", lambda escape: _ESCAPED.get(escape[1], escape[1]), value))
    if "QUOTED-PRINTABLE" in parameters:
        value = quopri.decodestring(value).decode(errors="replace").replace("\r\n", "\n")
    return Property(name, parameters, value)


def _octets(value: str) -> bytes:
    """What base64 stands for; one of the files was cut, and a last character alone stands for nothing."""
    characters = re.sub("[^A-Za-z0-9+/]", "", value)
    whole = characters[: len(characters) - (len(characters) % 4 == 1)]
    return base64.b64decode(whole + "=" * (-len(whole) % 4))


def digits(number: str) -> str:
    """The digits of a number without its extension."""
    return re.sub(r"[^0-9]", "", number.partition(";")[0])
