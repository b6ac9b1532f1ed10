"""Two hundred people of six languages, as Google and Outlook write them into their csv files."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

COUNT = 200


@dataclass(frozen=True)
class Language:
    """Names of a language, and where its speakers live. ``mobile`` has one %04d; ``dialled``: the same at home.

    ``code_page``: in which Outlook writes its csv on a Windows of that language.
    """

    code: str
    family: tuple[str, ...]
    given: tuple[str, ...]
    company: str
    city: str
    mobile: str
    dialled: str
    code_page: str
    readings: Mapping[str, str]


LANGUAGES = (
    Language("ko", ("김", "이", "박", "최", "남궁", "황보"), ("민준", "서연", "지호", "하은", "도윤", "빛나라"),
             "한빛 주식회사", "서울", "+82 10-2345-%04d", "0102345%04d", "cp949", {}),
    Language("zh", ("王", "李", "欧阳", "陳", "劉", "張"), ("伟", "小明", "思远", "美玲", "建國", "雨桐"),
             "东方科技", "北京", "+86 138 0013 %04d", "1380013%04d", "gb18030", {}),
    Language("ja", ("田中", "佐藤", "髙橋", "渡邉", "小林", "林"), ("太郎", "花子", "さくら", "翔太", "美咲", "ケンジ"),
             "株式会社ひかり", "東京", "+81 90-1234-%04d", "0901234%04d", "cp932",
             {"田中": "たなか", "佐藤": "さとう", "髙橋": "たかはし", "渡邉": "わたなべ", "小林": "こばやし"}),
    Language("de", ("Müller", "Groß", "Jäger", "von der Heide", "Özdemir-Schön", "Köhler"),
             ("Jürgen", "Käthe", "Anna-Lena", "Björn", "Zoë", "Uwe"),
             "Grüne Brücke GmbH & Co. KG", "München", "+49 151 2345%04d", "01512345%04d", "cp1252", {}),
    Language("el", ("Παπαδόπουλος", "Γεωργίου", "Νικολαΐδης", "Αγγελίδου", "Οικονόμου", "Μακρής"),
             ("Γιώργος", "Μαρία", "Κωνσταντίνος", "Ελένη", "Σωτήρης", "Ζωή"),
             "Ήλιος ΑΕ", "Αθήνα", "+30 691 234 %04d", "691234%04d", "cp1253", {}),
    Language("tr", ("Yılmaz", "Şahin", "Çelik", "Öztürk", "Işık", "İnce"),
             ("İbrahim", "Ayşe", "Gülşen", "Çağrı", "Irmak", "Ümit"),
             "Güneş Ticaret A.Ş.", "İstanbul", "+90 532 123 %04d", "0532123%04d", "cp1254", {}),
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """One row."""

    number: int
    language: Language
    family: str
    given: str

    @property
    def mail(self) -> str:
        """The address that only this person has."""
        return f"person{self.number}@{self.language.code}.example"

    @property
    def mobile(self) -> str:
        """With country code."""
        return self.language.mobile % (1000 + self.number)

    @property
    def dialled(self) -> str:
        """As it is dialled in the same country."""
        return self.language.dialled % (1000 + self.number)

    @property
    def reading(self) -> str:
        """The family name as it is spoken, where that is written."""
        return self.language.readings.get(self.family, "")

    @property
    def note(self) -> str:
        """Several lines, a comma and quotes."""
        return f'met in {self.language.city},\n"{self.given}" to friends' if self.number % 3 == 0 else ""


def _person(number: int) -> Person:
    language = LANGUAGES[number % len(LANGUAGES)]
    place = number // len(LANGUAGES)
    return Person(number, language, language.family[place % 6], language.given[place // 6 % 6])


PEOPLE = tuple(_person(number) for number in range(COUNT))


def google(person: Person) -> dict[str, str]:
    """What Google's export has of a person."""
    return {
        "First Name": person.given,
        "Last Name": person.family,
        "Phonetic Last Name": person.reading,
        "Organization Name": person.language.company,
        "Birthday": "1985-04-23" if person.number % 2 else "",
        "Notes": person.note,
        "Labels": "Partners ::: * myContacts",
        "E-mail 1 - Label": "* Work",
        "E-mail 1 - Value": person.mail,
        "Phone 1 - Label": "Mobile",
        "Phone 1 - Value": person.mobile,
        "Address 1 - Label": "Work",
        "Address 1 - Formatted": f"Main Street {person.number}\n{person.language.city}",
        "Address 1 - Street": f"Main Street {person.number}",
        "Address 1 - City": person.language.city,
        "Website 1 - Label": "Profile",
        "Website 1 - Value": f"https://{person.language.code}.example/~{person.number}",
    }


def outlook(person: Person) -> dict[str, str]:
    """What Outlook's export has of a person; it fills columns that nobody ever filled in."""
    return {
        "First Name": person.given,
        "Last Name": person.family,
        "Company": person.language.company,
        "Business Street": f"Main Street {person.number}",
        "Business City": person.language.city,
        "Mobile Phone": person.mobile,
        "Anniversary": "0/0/00",
        "Birthday": "4/23/1985" if person.number % 2 else "0/0/00",
        "Categories": "Partners;Press",
        "E-mail Address": person.mail,
        "E-mail Type": "SMTP",
        "E-mail Display Name": f"{person.given} {person.family} ({person.mail})",
        "Gender": "Unspecified",
        "Initials": f"{person.given[0]}.{person.family[0]}.",
        "Notes": person.note.replace("\n", "\r\n"),
        "Priority": "Normal",
        "Private": "False",
        "Sensitivity": "Normal",
        "Web Page": f"https://{person.language.code}.example/~{person.number}",
    }


@dataclass(frozen=True)
class Product:
    """Whose csv it is: the file with its headers, what it writes of a person, and in which encoding."""

    name: str
    headers: str
    cells: Callable[[Person], dict[str, str]]
    encoding: str

    def header(self, shared_data: Path) -> list[str]:
        """Its columns."""
        text = (shared_data / "import-headers" / self.headers).read_text(encoding="utf-8-sig")
        [header] = csv.reader(text.splitlines())
        return header


PRODUCTS = (
    Product("google", "google_current.csv", google, "utf-8"),
    Product("outlook", "outlook_classic.csv", outlook, "utf-8-sig"),
)


@dataclass(frozen=True)
class Sheet:
    """The rows of a csv file, by header."""

    header: Sequence[str]
    rows: list[dict[str, str]]

    def data(self, encoding: str) -> bytes:
        """The file."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self.header, restval="")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue().encode(encoding)

    def line(self, place: int) -> int:
        """Line of the file on which the row of a place begins, from 1; a cell may hold line ends."""
        before = Sheet(self.header, self.rows[:place]).data("utf-8")
        return before.decode().replace("\r\n", "\n").count("\n") + 1


def sheet(product: Product, shared_data: Path, people: Sequence[Person] = PEOPLE) -> Sheet:
    """Everybody, or some, as a product exports them."""
    header = product.header(shared_data)
    rows = [product.cells(person) for person in people]
    assert all(row.keys() <= set(header) for row in rows)
    return Sheet(header, rows)
