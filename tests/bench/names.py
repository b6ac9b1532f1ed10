"""Names of fourteen locales, many different ones: what a search finds must be as rare as in an organisation's book."""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass
from pathlib import Path

SOUNDS = [first + second for first in "bktrmnlsvzpdgfh" for second in "aeiou"]


@dataclass(frozen=True, slots=True)
class Locale:
    """Names are put together of beginnings and endings. ``weight``: how many of a hundred people are of it."""

    weight: int
    family_first: bool
    family: tuple[list[str], list[str]]
    given: tuple[list[str], list[str]]


def _locales() -> list[Locale]:
    with Path(__file__).with_name("names.csv").open(encoding="utf-8", newline="") as file:
        return [
            Locale(
                int(row["weight"]),
                row["family_first"] == "1",
                (row["family"].split(" "), row["family_ends"].split(" ")),
                (row["given"].split(" "), row["given_ends"].split(" ")),
            )
            for row in csv.DictReader(file, delimiter=";")
        ]


LOCALES = _locales()


@dataclass(frozen=True, slots=True)
class Name:
    """``full`` as its locale writes it; ``mail``: what stands before the @ of an address, once in the whole book."""

    family: str
    given: str
    full: str
    mail: str


def name(chance: random.Random, number: int) -> Name:
    """The name of a person."""
    (locale,) = chance.choices(LOCALES, [each.weight for each in LOCALES])
    family, given = (chance.choice(starts) + chance.choice(ends) for starts, ends in (locale.family, locale.given))
    full = f"{family}{given}" if locale.family_first else f"{given} {family}"
    sounds = f"{given}.{family}".lower().replace(" ", "")
    mail = sounds if sounds.isascii() else "".join(chance.choices(SOUNDS, k=4))
    return Name(family, given, full, f"{mail}{number}")
