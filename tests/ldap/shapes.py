"""What clients send: the recorded filters of 48 programs, and what people of fourteen locales type into them."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

from sharedbook.services.demo.people import PER_LOCALE, people

NEEDLES = [
    "kim",
    "mül",
    "민",
    "김",
    "田",
    "王",
    "ak",
    "o'n",
    "é",
    "i",
    "ı",
    "σ",
    "ng",
    "이 ",
    "example",
    "+82",
    "010",
    "1234",
    "%",
    "_",
    "zzz",
]


def shapes(data: Path) -> list[str]:
    """Every filter template of the recorded clients that is a filter."""
    recorded = json.loads((data / "ldap-client-queries.json").read_text(encoding="utf-8"))
    assert len(recorded) == 48
    return sorted({part for each in recorded for part in balanced(each["filter_template"])})


def balanced(text: str) -> Iterator[str]:
    """The parts of a text that are whole filters."""
    depth = start = 0
    for at, character in enumerate(text):
        if character == "(":
            start = start if depth else at
            depth += 1
        elif character == ")" and depth:
            depth -= 1
            if not depth and "=" in text[start:at].split(" ")[0]:
                yield text[start : at + 1]


def fill(template: str, needle: str) -> str:
    """A template with what a user typed."""
    escaped = re.sub(r"[\\()*\0]", lambda hit: f"\\{ord(hit[0]):02x}", needle)
    prefix = f"{escaped}*"
    text = template.replace("...)", ")").replace("..", escaped)
    text = re.sub(r"%v1|%v2|%v|@V|%s|\$VALUE\$|%1|w1", lambda _: escaped, text)
    text = text.replace("=%)", f"={prefix})").replace("<addr>", escaped)
    return re.sub(r"(?<=[=*])x(?=[*)])", lambda _: escaped, text)


def typed(count: int, seed: int = 7) -> list[str]:
    """NEEDLES, and pieces of the names, addresses and numbers of the demo's people: as many from each locale."""
    chance, everybody = random.Random(seed), people()
    locales = len(everybody) // PER_LOCALE
    found = dict.fromkeys(NEEDLES)
    while len(found) < count:
        person = everybody[len(found) % locales * PER_LOCALE + chance.randrange(PER_LOCALE)]
        lines = re.findall(r"^(?:FN|N|EMAIL|TEL|ORG)[^:\r\n]*:(.+?)\r?$", person.vcard, re.MULTILINE)
        value = chance.choice(lines).replace(";", " ").strip()
        start = chance.randrange(len(value))
        found[value[start : start + chance.randint(1, 6)]] = None
    return [each for each in found if each.strip()][:count]
