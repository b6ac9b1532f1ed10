"""Numbers in the usual forms, +82 10-1234-5678 and 010-1234-5678, by the library's tables without its parser.

An import reads tens of thousands of them, and the library takes longer for one than all else takes for its row. Of any
other number, and of one that is not valid in the first country of its code, ``read`` says nothing: that is the
library's to say. ``tests/formats/test_phones.py`` holds the two against each other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from phonenumbers.phonemetadata import NumberFormat, PhoneMetadata

_ABROAD = r"\+[1-9][0-9]*+(?:[ .-][0-9]++)*+"
_ALL_ABROAD = re.compile(rf"{_ABROAD}(?:\n{_ABROAD})*+")
_AT_HOME = re.compile(r"(?:0[0-9]*+|\(0[0-9]*+\) ?[0-9]*+)(?:[ .-][0-9]++)*+")
SHORTEST = 5
"""Digits of a full number; fewer are extensions and service numbers, which have no other form."""

_LONGEST = 15  # of E.164
_NO_DIGITS = re.compile("[^0-9]+")
_GROUP = re.compile(r"(\\[0-9])")
_NOT_WRITTEN = re.compile(r"[^0-9\\]+")
_GROUPS_ALONE = re.compile(r"(?:\((?!\?)[^()]*\))+")
"""A pattern of which every digit is in one of its groups."""


class PhoneKeys(NamedTuple):
    """Digits as dialled, E.164 without plus, national with trunk prefix; the latter two "" if it is not a full one."""

    dialled: str
    e164: str = ""
    national: str = ""


class _Form(NamedTuple):
    """How national numbers are written: with digits before them; if ``before`` is None, by a template of ``re``."""

    before: str | None
    built: re.Pattern[str]
    written: str


class _Plan(NamedTuple):
    """National numbers of one length in one country: the valid ones, and by the name of a group how each is written."""

    valid: re.Pattern[str]
    forms: dict[str | None, _Form]

    def written(self, national: str) -> str:
        """The digits as they are dialled in the country; "" if they are no valid number."""
        found = self.valid.fullmatch(national)
        form = self.forms.get(found.lastgroup) if found else None
        if form is None:
            return national if found else ""
        if form.before is not None:
            return form.before + national
        return _NO_DIGITS.sub("", form.built.sub(form.written, national))


class _Home(NamedTuple):
    """How numbers are dialled in the first country of a calling code: prefix, and what is before that of a country."""

    code: str
    prefix: re.Pattern[str]
    abroad: re.Pattern[str]


def read_each(numbers: Sequence[str], region: str) -> list[PhoneKeys | None]:
    """The digits of numbers; None where only the library can tell.

    ``region``: as for ``phones.keys``, in capitals.
    """
    whole = "\n".join(numbers)
    if _ALL_ABROAD.fullmatch(whole) and whole.count("\n") < len(numbers):
        return [_read(full, full) for full in _without_signs(whole.replace("+", "")).split("\n")]
    return [read(number, region) for number in numbers]


def read(number: str, region: str) -> PhoneKeys | None:
    """As ``read_each``."""
    if _ALL_ABROAD.fullmatch(number) and "\n" not in number:
        full = _without_signs(number)[1:]
        return _read(full, full)
    if region and _AT_HOME.fullmatch(number):
        dialled = _without_signs(number).replace("(", "").replace(")", "")
        return _read(dialled, _from_home(dialled, region))
    return None


def _without_signs(number: str) -> str:
    return number.replace(" ", "").replace("-", "").replace(".", "")


def _read(dialled: str, full: str) -> PhoneKeys | None:
    """``full``: with the calling code."""
    planned = _plan_of(full[:3], len(full)) if SHORTEST <= len(full) <= _LONGEST and len(dialled) >= SHORTEST else None
    national = planned and planned[1].written(full[planned[0] :])
    return PhoneKeys(dialled, full, national) if national else None


def _from_home(digits: str, region: str) -> str:
    """The digits in E.164 of a number that is dialled with the prefix of its own country; "" for any other."""
    home = _home(region)
    found = home.prefix.match(digits) if home else None
    if home is None or found is None or not found.end() or found.lastindex or home.abroad.match(digits):
        return ""
    return home.code + digits[found.end() :]


@lru_cache(maxsize=256)
def _home(region: str) -> _Home | None:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    code = next((code for code, regions in COUNTRY_CODE_TO_REGION_CODE.items() if regions[0] == region), 0)
    data = _metadata(code) if code else None
    if data is None or not data.national_prefix_for_parsing:
        return None
    return _Home(str(code), re.compile(data.national_prefix_for_parsing), re.compile(data.international_prefix or "00"))


@lru_cache(maxsize=4096)
def _plan_of(begin: str, length: int) -> tuple[int, _Plan] | None:
    """The length of the calling code with which a number begins, and the plan for its rest; None if there is none."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    for digits in (1, 2, 3):
        if begin[:digits].isdigit() and int(begin[:digits]) in COUNTRY_CODE_TO_REGION_CODE:
            plan = _plan(int(begin[:digits]), length - digits)
            return (digits, plan) if plan else None
    return None


def _metadata(code: int) -> PhoneMetadata | None:
    """What the library knows of the first country of a calling code."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
    from phonenumbers.phonemetadata import PhoneMetadata

    return PhoneMetadata.metadata_for_region_or_calling_code(code, COUNTRY_CODE_TO_REGION_CODE[code][0])


@lru_cache(maxsize=2048)
def _plan(code: int, length: int) -> _Plan | None:
    """The plan of the first country of a calling code; None if it has no number of that length."""
    data = _metadata(code)
    assert data is not None and data.general_desc is not None
    kinds = (
        *(data.fixed_line, data.mobile, data.premium_rate, data.toll_free, data.shared_cost),
        *(data.voip, data.personal_number, data.pager, data.uan, data.voicemail),
    )
    patterns = [str(kind.national_number_pattern) for kind in kinds if kind and length in kind.possible_length]
    if not patterns:
        return None
    general = data.general_desc.national_number_pattern
    # Zeros that begin a national number are a part of it in some countries only.
    prefix = f"0|{data.national_prefix_for_parsing}" if data.national_prefix_for_parsing else "0"
    valid = f"(?!{prefix})(?={data.leading_digits or ''})(?=(?:{general})$)(?=(?:{'|'.join(patterns)})$)"
    forms = {f"form{nth}": form for nth, form in enumerate(data.number_format)}
    built = "|".join(f"(?P<{name}>(?={_begins(form)})(?:{form.pattern}))" for name, form in forms.items())
    return _Plan(re.compile(f"{valid}(?:{built or '.*'}|.*)"), {name: _form(form) for name, form in forms.items()})


def _begins(form: NumberFormat) -> str:
    return form.leading_digits_pattern[-1] if form.leading_digits_pattern else ""


def _form(form: NumberFormat) -> _Form:
    assert form.pattern is not None and form.format is not None
    written = _GROUP.sub(form.national_prefix_formatting_rule or r"\1", form.format, count=1)
    built = re.compile(form.pattern)
    text = _NOT_WRITTEN.sub("", written)
    before = text[: text.index("\\")]
    in_order = "".join(f"\\{nth + 1}" for nth in range(built.groups))
    is_whole = _GROUPS_ALONE.fullmatch(form.pattern) and text == before + in_order
    return _Form(before if is_whole else None, built, written)
