"""Google's and Outlook's csv of 200 people of six languages: imported, found in every script, imported again, fixed."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.real_input.office import BASE, Entry, Member, Office
from tests.real_input.people import COUNT, LANGUAGES, PEOPLE, PRODUCTS, Language, Person, Product, Sheet, sheet
from tests.support.eventually import eventually
from tests.support.postgres import Cluster

CJK = ("김", "민", "궁", "빛", "王", "陈", "陳", "小", "林", "田", "髙", "さ", "ジ", "渡")
OTHERS = {
    "GROSS": ("Groß",),
    "müller": ("Müller",),
    "MÜLLER": ("Müller",),
    "özdemir-SCHÖN": ("Özdemir-Schön",),
    "γιώργοσ": ("Γιώργος",),
    "ΓΙΏΡΓΟΣ": ("Γιώργος",),
    "ibrahim": ("İbrahim",),
    "İNCE": ("İnce",),
    "ÇELİK": ("Çelik",),
    "YILMAZ": ("Yılmaz",),
    "ışık": ("Işık",),
}
"""What is typed, and whose family or given name it is."""


@dataclass(frozen=True)
class Imported:
    """A product's file, and the group into which it was imported."""

    product: Product
    sheet: Sheet
    path: Path
    member: Member
    group: str
    report: Mapping[str, Any]


@pytest.fixture(scope="module", params=PRODUCTS, ids=lambda product: product.name)
def imported(
    request: pytest.FixtureRequest, office: Office, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Imported:
    """One product's file, imported by the command line into a group of its own."""
    product: Product = request.param
    rows = sheet(product, shared_data)
    path = tmp_path_factory.mktemp(product.name) / "contacts.csv"
    path.write_bytes(rows.data(product.encoding))
    member = office.member()
    group = member.new_group()
    report = office.json("import", path, "--group", group)
    eventually(lambda: len(member.search("(mail=*)")), COUNT)
    return Imported(product, rows, path, member, group, report)


def counts(record: Mapping[str, Any]) -> dict[str, int]:
    """The counts of an import or a job that are not 0."""
    return {name: number for name, number in record["counts"].items() if number}


def mails(people: Iterable[Person]) -> list[str]:
    """Their addresses, sorted."""
    return sorted(person.mail for person in people)


def found(entries: Iterable[Entry]) -> list[str]:
    """The addresses of entries, sorted."""
    return sorted(entry["mail"][0] for entry in entries)


def named(name: str) -> list[str]:
    """Addresses of all with a text in a name."""
    return mails(person for person in PEOPLE if name in person.family or name in person.given)


def address(record: Mapping[str, Any]) -> str:
    """The first mail address of a contact in JSON."""
    return str(record["emails"][0]["value"])


def test_every_row_is_added(office: Office, imported: Imported) -> None:
    assert (counts(imported.report), imported.report["problems"]) == ({"added": COUNT}, [])
    assert imported.report["product"] == imported.product.name
    assert imported.report["encoding"].lower().startswith("utf-8")
    job = office.json("job", "show", str(imported.report["job"]))
    assert (job["kind"], job["state"], counts(job)) == ("import", "done", {"added": COUNT})
    assert office.json("job", "errors", str(imported.report["job"])) == []
    assert len(imported.member.etags(imported.group)) == COUNT


def test_everybody_is_found_by_mail_and_by_the_number_as_it_is_dialled_at_home(imported: Imported) -> None:
    with imported.member.connect() as connection:
        for person in PEOPLE:
            digits = re.sub("[^0-9]", "", person.mobile)
            for filter_ in (f"(mail={person.mail.upper()})", f"(mobile={person.mobile})", f"(mobile={digits})"):
                connection.search(BASE, filter_, attributes=["mail", "sn", "givenName", "o"])
                [entry] = connection.entries
                said = {name: values for name, values in entry.entry_attributes_as_dict.items() if values}
                assert said == {
                    "mail": [person.mail],
                    "sn": [person.family],
                    "givenName": [person.given],
                    "o": [person.language.company],
                }, filter_
            connection.search(BASE, f"(mobile={person.dialled})", attributes=["mail"])
            assert person.mail in [entry.mail.value for entry in connection.entries], person.dialled


@pytest.mark.needs("ldap-utils")
@pytest.mark.parametrize("character", CJK)
def test_ldapsearch_finds_one_character(imported: Imported, character: str) -> None:
    wanted = named(character)
    assert wanted or character == "陈"  # only the traditional form is in the file
    assert found(imported.member.ldapsearch(f"(cn=*{character}*)", "mail")) == wanted
    assert found(imported.member.ldapsearch(f"(|(sn=*{character}*)(givenName=*{character}*))", "mail")) == wanted


@pytest.mark.needs("ldap-utils")
def test_ldapsearch_finds_any_case_and_says_names_as_they_are(imported: Imported) -> None:
    for typed, names in OTHERS.items():
        entries = imported.member.ldapsearch(f"(|(sn={typed})(givenName={typed}))", "mail", "sn", "givenName")
        assert found(entries) == sorted(mail for name in names for mail in named(name)), typed
        assert all(set(names) & {*entry["sn"], *entry["givenName"]} for entry in entries)


@pytest.mark.needs("ldap-utils")
def test_ldapsearch_finds_names_without_the_space(imported: Imported) -> None:
    for language in ("ko", "zh", "ja"):
        for person in [person for person in PEOPLE if person.language.code == language][:36:5]:
            wanted = mails(other for other in PEOPLE if person.family + person.given[0] in other.family + other.given)
            assert found(imported.member.ldapsearch(f"(cn=*{person.family}{person.given[0]}*)", "mail")) == wanted


@pytest.mark.parametrize("character", ["김", "王", "さ"])
def test_the_command_line_finds_one_character(office: Office, imported: Imported, character: str) -> None:
    wanted = mails(person for person in PEOPLE if _is_in(imported, person, character))
    records = office.json("contact", "find", character, "--group", imported.group)
    assert wanted
    assert sorted(map(address, records)) == wanted
    assert all(record["groups"] == [imported.group] for record in records)


def _is_in(imported: Imported, person: Person, text: str) -> bool:
    reading = person.reading if "Phonetic Last Name" in imported.sheet.header else ""
    return any(text in part for part in (person.family, person.given, person.language.company, reading))


def test_the_command_line_finds_initials_and_readings(office: Office, imported: Imported) -> None:
    records = office.json("contact", "find", "ㄴㄱㅁㅈ", "--group", imported.group)
    wanted = mails(person for person in PEOPLE if (person.family, person.given) == ("남궁", "민준"))
    assert wanted
    assert sorted(map(address, records)) == wanted
    if imported.product.name == "google":
        records = office.json("contact", "find", "わたなべ", "--group", imported.group)
        assert sorted(map(address, records)) == named("渡邉")


@pytest.mark.parametrize("duplicates", ["skip", "fill", "update", "replace"])
def test_the_same_file_again_changes_nothing(office: Office, imported: Imported, duplicates: str) -> None:
    member, group = imported.member, imported.group
    before, token = member.etags(group), member.dav.sync(member.book(group)).token()
    report = office.json("import", imported.path, "--group", group, "--duplicates", duplicates, "--yes")
    result = "skipped_duplicate" if duplicates == "skip" else "unchanged"
    assert counts(report) == {result: COUNT}
    assert member.etags(group) == before
    assert member.dav.sync(member.book(group), token).found() == {}
    if duplicates == "skip":
        latest = office.json("job", "list")[0]
        assert (latest["id"], latest["state"], counts(latest)) == (report["job"], "done", {result: COUNT})


BAD = {
    7: ("mail", "nobody at all"),
    60: ("birthday", "1985-02-30"),
    199: ("last_name", "Wolfe" * 30),
}
"""Place of a row, what is wrong in it, and how."""
HEADERS = {
    "google": {"mail": "E-mail 1 - Value", "birthday": "Birthday", "last_name": "Last Name"},
    "outlook": {"mail": "E-mail Address", "birthday": "Birthday", "last_name": "Last Name"},
}


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_bad_rows_are_refused_fixed_and_added(
    office: Office, member: Member, shared_data: Path, tmp_path: Path, product: Product
) -> None:
    rows, group, path, fix = sheet(product, shared_data), member.new_group(), tmp_path / "bad.csv", tmp_path / "fix.csv"
    headers = {place: HEADERS[product.name][what] for place, (what, _) in BAD.items()}
    right = {place: rows.rows[place] for place in BAD}
    for place, (_, value) in BAD.items():
        rows.rows[place] = {**right[place], headers[place]: value}
    path.write_bytes(rows.data(product.encoding))

    report = office.json("import", path, "--group", group, code=3)
    assert counts(report) == {"added": COUNT - 3, "error": 3}
    job = office.json("job", "show", str(report["job"]))
    assert (job["state"], counts(job)) == ("part", counts(report))
    errors = office.json("job", "errors", str(report["job"]))
    assert [(each["line"], each["column"], each["result"]) for each in errors] == [
        (rows.line(place), headers[place], "error") for place in BAD
    ]
    assert all(each["message"].startswith(each["column"]) and each["code"] for each in errors)
    eventually(lambda: found(member.search("(mail=*)")), mails(p for p in PEOPLE if p.number not in BAD))

    office.run("job", "errors", str(report["job"]), "--output", fix)
    with fix.open(encoding="utf-8-sig", newline="") as file:
        refused = list(csv.DictReader(file))
    assert [{name: row[name] for name in rows.header if row[name]} for row in refused] == [
        {name: cell for name, cell in rows.rows[place].items() if cell} for place in BAD
    ]
    for row, (place, header) in zip(refused, headers.items(), strict=True):
        row[header] = right[place].get(header, "")
    fix.write_bytes(Sheet(list(refused[0]), refused).data("utf-8"))

    again = office.json("import", fix, "--group", group)
    assert counts(again) == {"added": 3}
    eventually(lambda: found(member.search("(mail=*)")), mails(PEOPLE))
    assert office.json("job", "errors", str(again["job"])) == []


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_a_code_page_is_recognised(
    office: Office, member: Member, shared_data: Path, tmp_path: Path, language: Language
) -> None:
    speakers = [person for person in PEOPLE if person.language is language]
    group, path = member.new_group(), tmp_path / "contacts.csv"
    path.write_bytes(sheet(PRODUCTS[1], shared_data, speakers).data(language.code_page))
    report = office.json("import", path, "--group", group)
    assert (report["encoding"], counts(report)) == (language.code_page, {"added": len(speakers)})
    wanted = sorted((person.mail, person.family, person.given) for person in speakers)
    eventually(lambda: sorted(map(_named, member.search("(mail=*)"))), wanted)


def _named(entry: Entry) -> tuple[str, str, str]:
    return entry["mail"][0], entry["sn"][0], entry["givenName"][0]


def test_on_postgresql_too(postgres_cluster: Cluster, shared_data: Path, tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_bytes(sheet(PRODUCTS[0], shared_data).data("utf-8"))
    with postgres_cluster.database() as url, Office(tmp_path / "site", url) as office:
        member = office.member()
        group = member.new_group()
        assert counts(office.json("import", path, "--group", group)) == {"added": COUNT}
        eventually(lambda: found(member.search("(cn=*김*)")), named("김"))
        assert sorted(map(address, office.json("contact", "find", "김"))) == named("김")
        before = member.etags(group)
        report = office.json("import", path, "--group", group, "--duplicates", "update", "--yes")
        assert (counts(report), member.etags(group)) == ({"unchanged": COUNT}, before)
