"""Every dialled form finds the number; the library's own opinion of numbers is not tested here."""

from __future__ import annotations

import subprocess
import sys

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharedbook.domain.folding import phone_equal
from sharedbook.formats.vcards import phone_plans, phones


@pytest.mark.parametrize(
    "dialled",
    [
        "01012345678",
        "010-1234-5678",
        "821012345678",
        "+82 10-1234-5678",
        "+82 (0)10 1234 5678",
        "0082 10 1234 5678",
        "00182 10 1234 5678",
        "tel:+82-10-1234-5678",
        "tel:+82-10-1234-5678;ext=77",
        "010-1234-5678 ext. 12",
        "010-1234-5678,12",
        "010-1234-5678 내선 12",
        "０１０－１２３４－５６７８",
        "12345678",
        "2345678",
    ],
)
@pytest.mark.parametrize("stored", ["+82 10-1234-5678", "010-1234-5678", "tel:+82-10-1234-5678"])
def test_korean_mobile_is_found_by(dialled: str, stored: str) -> None:
    assert phone_equal(phones.forms(stored, "KR"), phones.forms(dialled, "KR"))


@pytest.mark.parametrize("dialled", ["345678", "01012345679", "8210", "", "ext", "+81 10-1234-5679"])
def test_korean_mobile_is_not_found_by(dialled: str) -> None:
    assert not phone_equal(phones.forms("+82 10-1234-5678", "KR"), phones.forms(dialled, "KR"))


@pytest.mark.parametrize(
    ("number", "region", "keys"),
    [
        ("+82 10-1234-5678", "KR", phones.PhoneKeys("821012345678", "821012345678", "01012345678")),
        ("(418) 656-9254", "US", phones.PhoneKeys("4186569254", "14186569254", "4186569254")),
        ("tel:+1-418-656-9254;ext=102", "KR", phones.PhoneKeys("14186569254", "14186569254", "4186569254")),
        ("030 123456", "DE", phones.PhoneKeys("030123456", "4930123456", "030123456")),
        ("+39 06 1234 5678", "KR", phones.PhoneKeys("390612345678", "390612345678", "0612345678")),
        ("4930123456", "KR", phones.PhoneKeys("4930123456", "4930123456", "030123456")),
        ("1234", "KR", phones.PhoneKeys("1234")),
        ("010-1234-5678", "", phones.PhoneKeys("01012345678")),
        ("no number", "KR", phones.PhoneKeys("")),
        ("٠١٢٣", "EG", phones.PhoneKeys("0123")),
        ("9" * 400, "KR", phones.PhoneKeys("9" * 400)),
    ],
)
def test_keys(number: str, region: str, keys: phones.PhoneKeys) -> None:
    assert phones.keys(number, region) == keys


def test_forms_name_each_once_and_the_dialled_first() -> None:
    assert phones.forms("+82 10-1234-5678", "KR") == "821012345678 01012345678"
    assert phones.forms("010-1234-5678", "KR") == "01012345678 821012345678"
    assert phones.forms("119", "KR") == "119"
    assert phones.forms("-", "KR") == ""


@given(st.text(max_size=300), st.sampled_from(["KR", "US", "DE", "", "kr", "??"]))
def test_any_text_has_forms_and_equals_itself(text: str, region: str) -> None:
    forms = phones.forms(text, region)
    assert phone_equal(forms, forms) is bool(forms)


def _examples() -> list[str]:
    """A number of each kind in each country, in E.164."""
    kinds = [kind for kind in phonenumbers.PhoneNumberType.values() if kind != phonenumbers.PhoneNumberType.UNKNOWN]
    found = (
        phonenumbers.example_number_for_type(region, kind)
        for region in phonenumbers.SUPPORTED_REGIONS
        for kind in kinds
    )
    return sorted({phonenumbers.format_number(each, phonenumbers.PhoneNumberFormat.E164) for each in found if each})


def _dialled(number: str, region: str) -> str:
    """A number of E.164 as it is dialled in a region."""
    parsed = phonenumbers.parse(number)
    home = phonenumbers.region_code_for_country_code(parsed.country_code) == region
    formats = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(parsed, formats.NATIONAL if home else formats.INTERNATIONAL)


@given(
    st.sampled_from(_examples()), st.text("0123456789 .-()", max_size=6), st.integers(0, 14), st.booleans(), st.data()
)
@settings(max_examples=600)
def test_numbers_read_by_the_tables_are_what_the_library_reads(
    example: str, some: str, at: int, instead: bool, data: st.DataObject
) -> None:
    own = phonenumbers.region_code_for_number(phonenumbers.parse(example)) or "US"
    region = data.draw(st.sampled_from([own, own, "KR", "DE", "US", "IT", "MX", "AR", "BR", "AU", "??", ""]))
    written = data.draw(st.sampled_from([example, _dialled(example, own)]))
    number = written[:at] + some + written[at + len(some) * instead :]
    read = phone_plans.read(number, region)
    if read is None:
        return
    parsed = phonenumbers.parse(number, region or None)
    assert phonenumbers.is_valid_number(parsed)
    formats = phonenumbers.PhoneNumberFormat
    forms = [phonenumbers.format_number(parsed, form) for form in (formats.E164, formats.NATIONAL)]
    assert read == tuple(map(phones.digits, (number, *forms)))


def test_most_usual_numbers_are_read_by_the_tables() -> None:
    read = [phone_plans.read(example, "") is not None for example in _examples()]
    assert sum(read) > 0.7 * len(read)
    assert phone_plans.read("+82 10-1234-5678", "") == ("821012345678", "821012345678", "01012345678")
    for number in ("02-123-4567", "(02) 123-4567", "021234567"):
        assert phone_plans.read(number, "KR") == ("021234567", "8221234567", "021234567")
    assert phone_plans.read("+82 (0)10-1234-5678", "KR") is phone_plans.read("02-123-4567", "US") is None


def test_short_numbers_do_not_load_the_tables() -> None:
    program = "import sys; from sharedbook.formats.vcards import phones as p\n"
    program += "p.keys('12', 'KR'); print(sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "'sharedbook.formats.vcards.phones'" in done.stdout
    assert "'phonenumbers'" not in done.stdout
