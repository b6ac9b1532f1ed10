"""Numbers in the usual international form, such as +82 10-1234-5678, by the library's tables without its parser.

An import reads tens of thousands of them, and the library takes longer for one than all else takes for its row. Of any
other number, and of one that is not valid in the first country of its code, ``read`` says nothing: that is the
library's to say. ``tests/formats/test_phones.py`` holds the two against each other.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from phonenumbers.phonemetadata import NumberFormat

_USUAL = re.compile(r"\+[1-9][0-9]*(?:[ .-]?[0-9]+)*")
_LONGEST = 15  # digits, of E.164
_NO_DIGITS = re.compile("[^0-9]+")
_GROUP = re.compile(r"(\\[0-9])")


class _Form(NamedTuple):
    """How national numbers are written that begin so and are built so. ``written``: a template of ``re``."""

    begins: re.Pattern[str]
    built: re.Pattern[str]
    written: str


class _Plan(NamedTuple):
    """National numbers of one length in one country: which are valid, what would be a prefix, how they are written."""

    valid: re.Pattern[str]
    prefix: re.Pattern[str]
    forms: tuple[_Form, ...]


def read(number: str) -> tuple[str, str] | None:
    """The digits of a number in E.164, and as it is dialled in its own country."""
    if not _USUAL.fullmatch(number):
        return None
    found = _NO_DIGITS.sub("", number)
    if len(found) > _LONGEST:
        return None
    code = next((found[:length] for length in (1, 2, 3) if _has_countries(found[:length])), "")
    national = found[len(code) :]
    plan = _plan(code, len(national)) if code else None
    if plan is None or plan.prefix.match(national) or not plan.valid.fullmatch(national):
        return None
    return found, _NO_DIGITS.sub("", _written(plan, national))


def _written(plan: _Plan, national: str) -> str:
    for form in plan.forms:
        if form.begins.match(national) and form.built.fullmatch(national):
            return form.built.sub(form.written, national)
    return national


@lru_cache(maxsize=2048)
def _has_countries(code: str) -> bool:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    return int(code) in COUNTRY_CODE_TO_REGION_CODE


@lru_cache(maxsize=2048)
def _plan(code: str, length: int) -> _Plan | None:
    """The plan of the first country of a calling code; None if it has no number of that length."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
    from phonenumbers.phonemetadata import PhoneMetadata

    country = COUNTRY_CODE_TO_REGION_CODE[int(code)][0]
    data = PhoneMetadata.metadata_for_region_or_calling_code(int(code), country)
    assert data is not None and data.general_desc is not None
    kinds = (
        *(data.fixed_line, data.mobile, data.premium_rate, data.toll_free, data.shared_cost),
        *(data.voip, data.personal_number, data.pager, data.uan, data.voicemail),
    )
    patterns = [str(kind.national_number_pattern) for kind in kinds if kind and length in kind.possible_length]
    if not patterns:
        return None
    general = data.general_desc.national_number_pattern
    valid = f"(?={data.leading_digits or ''})(?=(?:{general})$)(?:{'|'.join(patterns)})"
    # Zeros that begin a national number are a part of it in some countries only.
    prefix = f"0|{data.national_prefix_for_parsing}" if data.national_prefix_for_parsing else "0"
    return _Plan(re.compile(valid), re.compile(prefix), tuple(map(_form, data.number_format)))


def _form(form: NumberFormat) -> _Form:
    assert form.pattern is not None and form.format is not None
    begins = form.leading_digits_pattern[-1] if form.leading_digits_pattern else ""
    written = _GROUP.sub(form.national_prefix_formatting_rule or r"\1", form.format, count=1)
    return _Form(re.compile(begins), re.compile(form.pattern), written)
