"""Conversion between the versions: what each property becomes, and that what comes out is a card of that version."""

from __future__ import annotations

from pathlib import Path

import pytest
import vobject

from sharedbook.formats.vcards import vcard
from sharedbook.formats.vcards.content_line import unfold
from sharedbook.formats.versions import convert
from tests.formats.samples import GOLDEN, card, golden_cards

CONVERTED = sorted((GOLDEN / "converted").glob("*.vcf"))
"""Converted cards, each read against RFC 2426 or RFC 6350 by eye; named as the card that they are made of."""


def other(version: str) -> str:
    """The version that it is not."""
    return "4.0" if version == "3.0" else "3.0"


NAMED = ["UID:1", "FN:Ann", "N:Ann;;;;"]


def converted(lines: list[str], version: str) -> list[str]:
    """What the lines of a card of the other version become, without VERSION and what stands in ``NAMED``."""
    text = convert.converted(card(lines, other(version)).decode(), version)
    read = vcard.parse(text)
    assert read.version == version
    unfolded = [unfold(text[found.start : found.end]) for found in read.properties[1:]]
    return [line for line in unfolded if line not in NAMED]


@pytest.mark.parametrize("path", CONVERTED, ids=lambda path: path.stem)
def test_golden_conversions(path: Path) -> None:
    stored = vcard.parse((GOLDEN / path.name).read_bytes())
    assert convert.converted(stored.text, other(stored.version)).encode() == path.read_bytes()


def test_there_are_enough_of_both_directions() -> None:
    versions = [vcard.parse(path.read_bytes()).version for path in CONVERTED]
    assert min(versions.count("3.0"), versions.count("4.0")) >= 10


@pytest.mark.parametrize("path", golden_cards(), ids=lambda path: path.stem)
def test_every_hard_card_becomes_a_card_of_the_other_version(path: Path) -> None:
    stored = vcard.parse(path.read_bytes())
    assert convert.converted(stored.text, stored.version) == stored.text
    made = vcard.parse(convert.converted(stored.text, other(stored.version)))
    assert (made.version, made.properties[0].name) == (other(stored.version), "VERSION")
    assert [found.raw for found in made.all("UID")] == [found.raw for found in stored.all("UID")]
    assert made.first("FN") is not None
    if made.version == "3.0":
        assert len(made.all("FN")) == len(made.all("N")) == 1
        assert not {"PREF", "ALTID", "PID", "MEDIATYPE"} & {
            name for found in made.properties for name, _ in found.params if found.name in RFC_2426
        }
    else:
        assert not {"AGENT", "LABEL", "SORT-STRING", "CLASS", "MAILER", "PROFILE"} & {f.name for f in made.properties}
        own = [found for found in made.properties if not found.name.startswith("X-")]
        assert not any(found.param("ENCODING") or found.param("CHARSET") for found in own)
        assert all(len(made.all(name)) <= 1 for name in ("N", "BDAY", "ANNIVERSARY", "GENDER", "KIND", "REV"))


@pytest.mark.parametrize("path", golden_cards(), ids=lambda path: path.stem)
def test_another_library_finds_the_converted_card_valid(path: Path) -> None:
    stored = vcard.parse(path.read_bytes())
    if stored.version == "4.0":
        assert vobject.readOne(convert.converted(stored.text, "3.0")).validate()


RFC_2426 = frozenset(
    {"FN", "N", "NICKNAME", "BDAY", "ADR", "LABEL", "TEL", "EMAIL", "TZ", "GEO", "TITLE", "ROLE", "ORG"}
)

GIF = "R0lGODlhAQABAIAAAP///wAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="
BOTH_WAYS = [
    (["BDAY:1980-03-22"], ["BDAY:19800322"]),
    (["BDAY;X-APPLE-OMIT-YEAR=1604:1604-03-22"], ["BDAY:--0322"]),
    (["BDAY:1953-10-15T23:10:00Z"], ["BDAY:19531015T231000Z"]),
    (["BDAY:1987-09-27T08:30:00-06:00"], ["BDAY:19870927T083000-0600"]),
    (["REV:1995-10-31T22:27:10Z"], ["REV:19951031T222710Z"]),
    (["X-ANNIVERSARY:2011-09-03"], ["ANNIVERSARY:20110903"]),
    (["X-GENDER:Female"], ["GENDER:F"]),
    (["X-GENDER:O;it's complicated"], ["GENDER:O;it's complicated"]),
    (["X-ADDRESSBOOKSERVER-KIND:group"], ["KIND:group"]),
    (["X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:a"], ["MEMBER:urn:uuid:a"]),
    (["GEO:37.38;-122.08"], ["GEO:geo:37.38,-122.08"]),
    (["TZ:-05:00"], ["TZ;VALUE=utc-offset:-0500"]),
    (["TZ;VALUE=text:Raleigh/North America"], ["TZ:Raleigh/North America"]),
    ([f"PHOTO;ENCODING=b;TYPE=GIF:{GIF}"], [f"PHOTO:data:image/gif;base64,{GIF}"]),
    (["PHOTO;VALUE=uri;TYPE=JPEG:https://a.example/p"], ["PHOTO;MEDIATYPE=image/jpeg:https://a.example/p"]),
    (["LOGO;ENCODING=b;TYPE=SVG:PHN2Zy8+"], ["LOGO:data:image/svg+xml;base64,PHN2Zy8+"]),
    (["SOUND;ENCODING=b;TYPE=OGG:T2dnUw=="], ["SOUND:data:audio/ogg;base64,T2dnUw=="]),
    (["KEY;ENCODING=b;TYPE=PGP:TUlJQw=="], ["KEY:data:application/pgp-keys;base64,TUlJQw=="]),
    (["KEY;VALUE=text:ascii armour"], ["KEY;VALUE=text:ascii armour"]),
    (["TEL;TYPE=HOME;TYPE=PREF:+1-418-656-9254"], ["TEL;TYPE=home;PREF=1;VALUE=uri:tel:+1-418-656-9254"]),
    (["TEL:+1-418-656-9254 ext. 102"], ["TEL;VALUE=uri:tel:+1-418-656-9254;ext=102"]),
    (["TEL;TYPE=CELL:010-1234-5678"], ["TEL;TYPE=cell:010-1234-5678"]),
    (["EMAIL;TYPE=INTERNET;TYPE=WORK:a@b.example"], ["EMAIL;TYPE=work:a@b.example"]),
    (["ADR;TYPE=HOME:;;a;b;;;", "LABEL;TYPE=HOME:a\\nb"], ["ADR;TYPE=home;LABEL=a^nb:;;a;b;;;"]),
    (["N:Harten;Rene;;;", "SORT-STRING:Harten"], ["N;SORT-AS=Harten:Harten;Rene;;;"]),
    (["AGENT;VALUE=uri:urn:uuid:a"], ["RELATED;TYPE=agent:urn:uuid:a"]),
    (["i.URL:https://a.example/b,c", "i.X-ABLabel:x"], ["i.URL:https://a.example/b,c", "i.X-ABLabel:x"]),
    (["X-PHONETIC-LAST-NAME:x", "NICKNAME:a,b"], ["X-PHONETIC-LAST-NAME:x", "NICKNAME:a,b"]),
    (["NOTE;LANGUAGE=de:a\\nb\\,c\\;d\\\\e"], ["NOTE;LANGUAGE=de:a\\nb\\,c\\;d\\\\e"]),
    (["RELATED;TYPE=friend:urn:a", "HOBBY;LEVEL=high:x"], ["RELATED;TYPE=friend:urn:a", "HOBBY;LEVEL=high:x"]),
    (["IMPP;TYPE=HOME:xmpp:a@b.example"], ["IMPP;TYPE=home:xmpp:a@b.example"]),
]  # fmt: skip


@pytest.mark.parametrize(("three", "four"), BOTH_WAYS, ids=lambda lines: lines[0][:40])
def test_both_ways(three: list[str], four: list[str]) -> None:
    named = NAMED[: 2 if three[0].startswith("N:") else 3]
    assert converted(named + three, "4.0") == four
    assert converted(named + four, "3.0") == three


@pytest.mark.parametrize(
    ("lines", "version", "expected"),
    [
        (["CLASS:PUBLIC", "MAILER:x", "NAME:x", "PROFILE:VCARD"], "4.0", []),
        (["AGENT:BEGIN:VCARD\\nFN:Ana\\nEND:VCARD\\n"], "4.0", []),
        (["LABEL;TYPE=HOME:x"], "4.0", ["ADR;TYPE=home;LABEL=x:;;;;;;"]),
        (["REV:yesterday", "GEO:here", "PHOTO:"], "4.0", []),
        (["BDAY:in spring\\, they say"], "4.0", ["BDAY;VALUE=text:in spring\\, they say"]),
        (["X-ANNIVERSARY:2001-01-01", "X-EVOLUTION-ANNIVERSARY:2002-02-02"], "4.0", ["ANNIVERSARY:20010101"]),
        (["i.X-ABDATE:2011-09-03", "i.X-ABLabel:_$!<Anniversary>!$_"], "4.0", ["i.ANNIVERSARY:20110903"]),
        (["i.X-ABDATE:2011-09-03", "i.X-ABLabel:First"], "4.0", ["i.X-ABDATE:2011-09-03", "i.X-ABLabel:First"]),
        (["X-AIM:ann b", "X-SKYPE-USERNAME:ann"], "4.0", ["IMPP:aim:ann%20b", "IMPP:skype:ann"]),
        (["URL:https\\://a.example"], "4.0", ["URL:https://a.example"]),
        (["URL:https://a.example/\\n b"], "4.0", ["URL:https://a.example/b"]),
        (["PHOTO;VALUE=uri:https://a.example/\\nb"], "4.0", ["PHOTO:https://a.example/b"]),
        (["NOTE;CHARSET=UTF-8:said \\\"x\\\""], "4.0", ['NOTE:said "x"']),
        (["TEL;HOME;PREF:1"], "4.0", ["TEL;TYPE=home;PREF=1:1"]),
        (["TEL:+49 (0)30 1", "TEL:+1 555 CALL"], "4.0", ["TEL:+49 (0)30 1", "TEL:+1 555 CALL"]),
        (["TEL;VALUE=uri:sip:a@b.example"], "4.0", ["TEL;VALUE=uri:sip:a@b.example"]),
        (["PHOTO;VALUE=uri:data:image/gif;base64," + GIF], "4.0", [f"PHOTO:data:image/gif;base64,{GIF}"]),
        (["BDAY:1985-04", "BDAY;VALUE=text:x", "CLIENTPIDMAP:1;urn:a"], "3.0", []),
        (["TEL;VALUE=uri:sip:a@b", "TZ;VALUE=uri:https://a", "KEY:https://a", "GEO:here"], "3.0", []),
        (['TITLE;ALTID=1;LANGUAGE=fr:a', 'TITLE;ALTID=1;LANGUAGE=en:b'], "3.0", ["TITLE;LANGUAGE=fr:a"]),
        (["URL;PID=1.1;PREF=7:a:b", "URL;PREF=9:a:c"], "3.0", ["URL;TYPE=PREF:a:b", "URL:a:c"]),
        (['NOTE;X-A="b^nc";X-D=e:f'], "3.0", ["NOTE;X-D=e:f"]),
        (["N:A,B;C;;D;;E;F"], "3.0", ["N:A,B;C;;D;"]),
        (['TEL;TYPE="voice,home":1'], "3.0", ["TEL;TYPE=VOICE;TYPE=HOME:1"]),
    ],
    ids=lambda value: value[0][:30] if isinstance(value, list) and value else "",
)  # fmt: skip
def test_one_way(lines: list[str], version: str, expected: list[str]) -> None:
    named = NAMED[: 2 if lines[0].startswith("N:") else 3]
    assert converted(named + lines, version) == expected


def test_a_long_number_takes_no_time() -> None:
    spaces = " " * 300_000
    assert converted([*NAMED, f"TEL:+1{spaces}1{spaces}x{spaces}1"], "4.0")[0].startswith("TEL:+1 ")


def test_a_required_name_is_made() -> None:
    assert converted(["UID:1", "N:Vega;Luz;;;"], "4.0") == ["FN:Luz Vega", "N:Vega;Luz;;;"]
    assert converted(["UID:1", "FN:Luz Vega"], "3.0") == ["N:Luz Vega;;;;", "FN:Luz Vega"]
    assert converted(["UID:1", "FN;PREF=2:Second", "FN;PREF=1:First"], "3.0") == ["N:First;;;;", "FN:First"]
    assert converted(["UID:1", "KIND:org", "FN:Firm"], "3.0") == ["N:;;;;", "X-ADDRESSBOOKSERVER-KIND:org", "FN:Firm"]
