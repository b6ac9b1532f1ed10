"""Headers of other products mean columns: one filled row a product, and what the card then says."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from sharedbook.domain.errors import InvalidFile, InvalidValue
from sharedbook.domain.model import Limits
from sharedbook.formats.entries import columns, dates, entries, entry_cards
from sharedbook.formats.entries.columns import Column
from sharedbook.formats.entries.entries import Entry
from sharedbook.formats.rows import csv_rows
from sharedbook.formats.rows.problems import Problem

GOOGLE = {
    "First Name": "길동", "Last Name": "홍", "Phonetic First Name": "Gildong", "Phonetic Last Name": "Hong",
    "Nickname": "길", "Organization Name": "한빛", "Organization Title": "과장", "Organization Department": "영업",
    "Birthday": "1980-03-22", "Notes": "first\nsecond", "Labels": "* myContacts ::: VIP ::: Seoul",
    "E-mail 1 - Label": "* Work", "E-mail 1 - Value": "hong@example.com ::: gildong@example.com",
    "E-mail 2 - Label": "Home", "E-mail 2 - Value": "hong@home.example",
    "Phone 1 - Label": "Mobile", "Phone 1 - Value": "+82 10-1234-5678",
    "Phone 2 - Label": "Work Fax", "Phone 2 - Value": "02-123-4567",
    "Address 1 - Label": "Work", "Address 1 - Street": "세종대로 1", "Address 1 - City": "서울",
    "Address 1 - Postal Code": "04524", "Address 1 - Country": "KR", "Address 1 - Formatted": "all of it",
    "Relation 1 - Label": "Manager", "Relation 1 - Value": "박부장",
    "Website 1 - Label": "Work", "Website 1 - Value": "https://www.example.com/a,b;c",
    "Event 1 - Label": "Anniversary", "Event 1 - Value": "2005-05-05",
    "Custom Field 1 - Label": "Badge", "Custom Field 1 - Value": "B-12",
}  # fmt: skip
GOOGLE_CELLS = {
    "name": "홍길동", "first_name": "길동", "last_name": "홍", "phonetic_first_name": "Gildong",
    "phonetic_last_name": "Hong", "nickname": "길", "company": "한빛", "title": "과장", "department": "영업",
    "birthday": "1980-03-22", "note": "first\nsecond", "tags": "VIP;Seoul",
    "email": "hong@example.com", "email.type": "work", "email.2": "gildong@example.com", "email.2.type": "work",
    "email.3": "hong@home.example", "email.3.type": "home",
    "phone": "+82 10-1234-5678", "phone.type": "mobile", "phone.2": "02-123-4567", "phone.2.type": "work_fax",
    "address.type": "work", "address.street": "세종대로 1", "address.city": "서울", "address.postal_code": "04524",
    "address.country": "KR", "related": "박부장", "related.type": "Manager",
    "url": "https://www.example.com/a,b;c", "url.type": "work", "event": "2005-05-05", "event.type": "Anniversary",
    "custom": "B-12", "custom.type": "Badge",
}  # fmt: skip
CASES = {
    "google_current.csv": ("google", GOOGLE, GOOGLE_CELLS, ()),
    "google_legacy_fixed.csv": (
        "google-legacy",
        {
            "Name": "山田 太郎", "Given Name": "太郎", "Family Name": "山田", "Family Name Yomi": "やまだ",
            "Given Name Yomi": "たろう", "Birthday": " --03-22", "Occupation": "Engineer", "Hobby": "Go",
            "Group Membership": "* myContacts ::: 友人", "E-mail 1 - Type": "*",
            "E-mail 1 - Value": "taro@example.com",
            "Phone 1 - Type": "Pager", "Phone 1 - Value": "03-1234-5678", "Address 1 - Type": "Home",
            "Address 1 - Formatted": "渋谷1-2-3\n東京", "Organization 1 - Name": "サクラ",
            "Organization 1 - Title": "部長",
            "Organization 1 - Department": "開発",
        },
        {
            "name": "山田 太郎", "first_name": "太郎", "last_name": "山田", "phonetic_last_name": "やまだ",
            "phonetic_first_name": "たろう", "birthday": "--03-22", "role": "Engineer", "tags": "友人",
            "email": "taro@example.com", "phone": "03-1234-5678", "phone.type": "pager", "address.type": "home",
            "address.street": "渋谷1-2-3\n東京", "company": "サクラ", "title": "部長", "department": "開発",
        },
        ("Hobby",),
    ),
    "outlook_classic.csv": (
        "outlook",
        {
            "Title": "Herr", "First Name": "Jörg", "Last Name": "Müller", "Suffix": "Jr.", "Company": "Weiß GmbH",
            "Job Title": "Leiter", "Business Street": "Hauptstraße 1", "Business Street 2": "Hof",
            "Business City": "Köln",
            "Business Country/Region": "Deutschland", "Home City": "Bonn", "Business Phone": "+49 221 1234567",
            "Business Phone 2": "+49 221 7654321", "Business Fax": "+49 221 1", "Mobile Phone": "+49 171 1234567",
            "Assistant's Phone": "+49 221 99", "Birthday": "3/22/1980", "Anniversary": "0/0/00",
            "Gender": "Unspecified",
            "Categories": "Kunde;VIP", "E-mail Address": "joerg@example.com", "E-mail Type": "SMTP",
            "E-mail 2 Address": "mueller@example.com", "Manager's Name": "Anna Groß", "Office Location": "Raum 7",
            "Web Page": "https://example.com", "Priority": "Normal", "Spouse": "Käthe",
        },
        {
            "name": "Herr Jörg Müller Jr.", "prefix": "Herr", "first_name": "Jörg", "last_name": "Müller",
            "suffix": "Jr.",
            "company": "Weiß GmbH", "title": "Leiter", "address.type": "work", "address.street": "Hauptstraße 1\nHof",
            "address.city": "Köln", "address.country": "Deutschland", "address.extended": "Raum 7",
            "address.2.type": "home",
            "address.2.city": "Bonn", "phone": "+49 221 99", "phone.type": "assistant", "phone.2": "+49 221 1",
            "phone.2.type": "work_fax", "phone.3": "+49 221 1234567", "phone.3.type": "work",
            "phone.4": "+49 221 7654321", "phone.4.type": "work", "phone.5": "+49 171 1234567",
            "phone.5.type": "mobile",
            "birthday": "1980-03-22", "tags": "Kunde;VIP", "email": "joerg@example.com",
            "email.2": "mueller@example.com",
            "related": "Anna Groß", "related.type": "Manager", "related.2": "Käthe", "related.2.type": "Spouse",
            "url": "https://example.com",
        },
        ("E-mail Type", "Priority"),
    ),
    "outlook_com.csv": (
        "outlook-com",
        {
            "First Name": "Şükrü", "Last Name": "Öztürk", "Title": "Dr.", "Nickname": "Şuko",
            "Surname Yomi": "Shukru",
            "E-mail Address": "sukru@example.com", "IMAddress": "sukru@im.example", "Job Title": "Müdür",
            "Personal Web Page": "https://ev.example", "Web Page": "https://is.example", "Notes": "=1+1",
        },
        {
            "name": "Dr. Şükrü Öztürk", "prefix": "Dr.", "first_name": "Şükrü", "last_name": "Öztürk",
            "nickname": "Şuko",
            "phonetic_last_name": "Shukru", "email": "sukru@example.com", "im": "sukru@im.example", "title": "Müdür",
            "url": "https://ev.example", "url.type": "home", "url.2": "https://is.example", "url.2.type": "work",
            "note": "=1+1",
        },
        (),
    ),
    "m365_mailcontact.csv": (
        "m365",
        {
            "ExternalEmailAddress": "g.pap@example.com", "Name": "Γιώργος Παπαδόπουλος", "FirstName": "Γιώργος",
            "LastName": "Παπαδόπουλος", "StreetAddress": "Οδός 1", "City": "Αθήνα", "Phone": "+30 21 0123 4567",
            "Title": "Διευθυντής", "Department": "Πωλήσεις", "Fax": "+30 21 1", "Initials": "ΓΠ", "Manager": "Ελένη",
        },
        {
            "name": "Γιώργος Παπαδόπουλος", "first_name": "Γιώργος", "last_name": "Παπαδόπουλος",
            "email": "g.pap@example.com", "address.type": "work", "address.street": "Οδός 1", "address.city": "Αθήνα",
            "phone": "+30 21 0123 4567", "phone.type": "work", "phone.2": "+30 21 1", "phone.2.type": "work_fax",
            "title": "Διευθυντής", "department": "Πωλήσεις", "related": "Ελένη", "related.type": "Manager",
        },
        ("Initials",),
    ),
    "yeastar_p.csv": (
        "yeastar",
        {
            "First Name": "小明", "Last Name": "王", "Company Name": "公司", "Email": "ming@example.com",
            "Business Number": "+86 10 8888 8888", "Mobile": "13800138000", "Home": "010-1", "Other": "95588",
            "ZIP Code": "100000", "City": "北京", "Remark": "备注", "Phonebook": "Default",
        },
        {
            "name": "王小明", "first_name": "小明", "last_name": "王", "company": "公司", "email": "ming@example.com",
            "phone": "+86 10 8888 8888", "phone.type": "work", "phone.2": "13800138000", "phone.2.type": "mobile",
            "phone.3": "010-1", "phone.3.type": "home", "phone.4": "95588", "phone.4.type": "other",
            "address.type": "work",
            "address.postal_code": "100000", "address.city": "北京", "note": "备注", "tags": "Default",
        },
        (),
    ),
    "oro_contact.csv": (
        "oro",
        {
            "Id": "42", "First name": "Ada", "Last name": "Byron", "Description": "d", "Job Title": "Countess",
            "Fax": "+44 20 1", "Skype": "ada.b", "LinkedIn": "https://linkedin.example/ada", "Birthday": "10.12.1815",
            "Owner Username": "admin", "Emails 1 Email": "ada@example.com", "Emails 2 Email": "byron@example.com",
            "Phones 1 Phone": "+44 20 7946 0000", "Groups 1 Label": "Sales", "Groups 2 Label": "Press",
            "Accounts 1 Account name": "Engine Ltd", "Addresses 1 Label": "Billing", "Addresses 1 Street": "1 Row",
            "Addresses 1 Street 2": "Rear", "Addresses 1 City": "London", "Addresses 1 Country ISO2 code": "GB",
            "Tags": "vip",
        },
        {
            "external_id": "42", "name": "Ada Byron", "first_name": "Ada", "last_name": "Byron", "note": "d",
            "title": "Countess", "phone": "+44 20 1", "phone.type": "work_fax", "phone.2": "+44 20 7946 0000",
            "im": "ada.b", "im.type": "skype", "url": "https://linkedin.example/ada", "url.type": "linkedin",
            "birthday": "1815-12-10", "email": "ada@example.com", "email.2": "byron@example.com",
            "tags": "Sales;Press;vip", "company": "Engine Ltd", "address.type": "Billing",
            "address.street": "1 Row\nRear",
            "address.city": "London", "address.country": "GB",
        },
        ("Owner Username",),
    ),
}  # fmt: skip


def read(header: list[str], row: dict[str, str], region: str = "US") -> Entry | list[Problem]:
    text = io.StringIO()
    csv.DictWriter(text, header).writeheader()
    csv.DictWriter(text, header).writerow(row)
    table = csv_rows.open_table(io.BytesIO(text.getvalue().encode()))
    found = [dates.Cell(2, "birthday", row.get("birthday", ""))]
    style, _ = dates.of_file(found, ["birthday"], region=region)
    return entries.read(columns.layout(table.header), next(table.rows()), style=style, limits=Limits())


def cells(entry: Entry) -> dict[str, str]:
    """What the card of an entry says, without its UID."""
    card = entry_cards.build(entry)
    found = entry_cards.cells(entry_cards.of_card(card))
    return {column.name: text for column, text in found.items() if column.field != "uid"}


def header_of(folder: Path, name: str) -> list[str]:
    with (folder / "import-headers" / name).open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file))


@pytest.mark.parametrize("name", CASES)
def test_a_row_of_each_product(shared_data: Path, name: str) -> None:
    product, row, expected, left_out = CASES[name]
    header = header_of(shared_data, name)
    layout = columns.layout(header)
    assert layout.product == product
    entry = read(header, row)
    assert isinstance(entry, Entry)
    assert cells(entry) == expected
    unplaced = {title for title, column in zip(header, layout.columns, strict=True) if column is None}
    assert {title for title in row if title in unplaced} == set(left_out)


def test_every_product_has_a_header_file(shared_data: Path) -> None:
    assert {path.name for path in (shared_data / "import-headers").glob("*.csv")} == set(CASES)
    assert {case[0] for case in CASES.values()} | {columns.ANY} == set(columns.products())


def test_every_named_column_of_other_products_exists() -> None:
    for product in columns.products().values():
        for header, name in product.headers.items():
            assert name == columns.LEFT_OUT or columns.parse(name.replace("{n}", "2")), (product.name, header, name)


@pytest.mark.parametrize(("name", "column"), [
    ("email", Column("email")),
    ("email.2", Column("email", "", 2)),
    ("email.2.type", Column("email", "", 2, "type")),
    ("email.type", Column("email", "", 1, "type")),
    ("phone.work_fax", Column("phone", "work_fax")),
    ("phone.work.2", Column("phone", "work", 2)),
    ("address.street.2", Column("address", "", 1, "street.2")),
    ("address.2.city", Column("address", "", 2, "city")),
    ("address.work.2.postal_code", Column("address", "work", 2, "postal_code")),
    ("email.100.type", Column("email", "", 100, "type")),
    ("related.manager", Column("related", "manager")),
    ("tags", Column("tags")),
    ("note", Column("note")),
])  # fmt: skip
def test_column_names(name: str, column: Column) -> None:
    assert columns.parse(name) == column
    assert column.name == name


@pytest.mark.parametrize(
    "name", ["", "mail", "name.2", "note.work", "address", "address.work", "email.a.b", "email.0", "EMAIL"]
)
def test_no_columns(name: str) -> None:
    assert columns.parse(name) is None
    with pytest.raises(InvalidValue, match="no column"):
        columns.column(name)


def test_every_column_with_one_value_or_several_is_kept_by_a_card() -> None:
    row = dict.fromkeys(columns.FIELDS, "x") | {
        "uid": "", "birthday": "1985-04-23", "event": "2000-01-31", "email": "x@example.com", "phone": "1",
        "address": "", "address.city": "x",
    }  # fmt: skip
    given = {name: text for name, text in row.items() if text}
    entry = entries.of_columns(given, limits=Limits())
    assert isinstance(entry, Entry)
    assert cells(entry) == given


@pytest.mark.parametrize(("column", "cell", "text"), [
    ("phone", "'010-1234-5678", "010-1234-5678"),  # with the apostrophe that made it text in a sheet
    ("phone", "821012345678.0", "821012345678"),  # a number of a column that has gaps
    ("phone", "02.123.0", "02.123.0"),
    ("name", "\ufeff김민지", "김민지"),  # the first cell of a file that was put behind another
    ("email", "SMTP:kim@example.com", "kim@example.com"),  # as Exchange writes a mail contact's address
    ("email", "smtp:kim@example.com", "kim@example.com"),
    ("tags", "* myContacts;* My Contacts;VIP", "VIP"),  # Google's group of all contacts, now and once
])  # fmt: skip
def test_what_programs_add_is_no_part_of_a_value(column: str, cell: str, text: str) -> None:
    entry = entries.of_columns({"name": "Kim", column: cell}, limits=Limits())
    assert isinstance(entry, Entry)
    assert cells(entry)[column] == text


def test_mapping_names_what_a_header_is() -> None:
    layout = columns.layout(["Who", "Mail", "Junk"], {"who": "name", "JUNK": "-"})
    assert [column and column.name for column in layout.columns] == ["name", "email", None]
    with pytest.raises(InvalidValue, match="no column nonsense"):
        columns.layout(["Who"], {"Who": "nonsense"})
    with pytest.raises(InvalidValue, match=r"did you mean address\.street or .* or address\.city"):
        columns.layout(["Where"], {"Where": "address"})
    with pytest.raises(InvalidValue, match="the map names Absent,"):
        columns.layout(["Who"], {"Who": "name", "Absent": "note"})


def test_groups_are_a_column_of_files_alone() -> None:
    assert columns.layout(["name", "groups"]).columns[1] == columns.GROUPS
    assert columns.layout(["name", "Groups"]).columns[1] == columns.Column("tags")
    assert columns.layout(["name", "Groups"], {"Groups": "groups"}).columns[1] == columns.GROUPS
    with pytest.raises(InvalidFile, match="means groups, as groups in column 1 does"):
        columns.layout(["groups", "Teams"], {"Teams": "groups"})
    assert columns.meanings(["groups"]) == {"groups": "groups"}
    assert columns.parse("groups") is None


@pytest.mark.parametrize(("header", "message"), [
    (["name", "Shoe size"], "row 1, column 2: the header Shoe size is unknown"),
    (["First Name", "Given Name"], "row 1, column 2: Given Name means first_name, as First Name in column 1 does"),
])  # fmt: skip
def test_unknown_and_repeated_headers(header: list[str], message: str) -> None:
    with pytest.raises(InvalidFile, match=message):
        columns.layout(header)


@pytest.mark.parametrize(("row", "problems"), [
    ({"email": "nobody"}, [("email", "invalid-email")]),
    ({"email": "a b@example.com"}, [("email", "invalid-email")]),
    ({"email": "k@example.com", "phone": "1.23457E+11"}, [("phone", "mangled-number")]),
    ({"email": "k@example.com", "phone": "ask him"}, [("phone", "invalid-phone")]),
    ({"name": "Kim", "birthday": "31.02.1980"}, [("birthday", "invalid-date")]),
    ({"name": "Kim", "birthday": "soon"}, [("birthday", "invalid-date")]),
    ({"name": "K" * 101}, [("name", "too-long")]),
    ({"name": "Kim", "note": "n" * 4_001}, [("note", "too-long")]),
    ({"name": "Kim", "note": "bell \x07"}, [("note", "control-character")]),
    ({"note": "nobody"}, [("", "no-name")]),
    ({"email": "x", "birthday": "y"}, [("email", "invalid-email"), ("birthday", "invalid-date")]),
    ({"name": "Kim", "email": "; ".join(["k@example.com"] * 2)}, [("email", "invalid-email")]),
    ({"name": "Kim", "email": " ::: ".join(f"k{n}@example.com" for n in range(101))}, [("email", "too-many")]),
])  # fmt: skip
def test_everything_wrong_with_a_row_is_said(row: dict[str, str], problems: list[tuple[str, str]]) -> None:
    found = read(list(row), row)
    assert isinstance(found, list)
    assert [(problem.column, problem.code) for problem in found] == problems
    assert all(problem.line == 2 and problem.message for problem in found)


@pytest.mark.parametrize(("text", "region", "found"), [
    ("1985-04-23", "US", "1985-04-23"),
    ("19850423", "US", "1985-04-23"),
    ("1985/4/3", "US", "1985-04-03"),
    ("1985. 4. 3.", "KR", "1985-04-03"),
    ("1985년 4월 3일", "KR", "1985-04-03"),
    ("1985年4月3日", "JP", "1985-04-03"),
    ("1985-04-23T00:00:00Z", "US", "1985-04-23"),
    ("3/4/1985", "US", "1985-03-04"),
    ("3/4/1985", "DE", "1985-04-03"),
    ("23/4/1985", "US", "1985-04-23"),
    ("4/23/1985", "DE", "1985-04-23"),
    ("03.04.1985", "US", "1985-04-03"),
    ("--04-23", "US", "--04-23"),
    ("--0229", "US", "--02-29"),
    ("0/0/00", "US", ""),
])  # fmt: skip
def test_dates_of_each_product(text: str, region: str, found: str) -> None:
    entry = read(["name", "birthday"], {"name": "Kim", "birthday": text}, region)
    assert isinstance(entry, Entry)
    assert entry.single.get("birthday", "") == found
    if found:
        assert cells(entry)["birthday"] == found


@pytest.mark.parametrize("header", [
    "이름,성,전자 메일 주소,휴대폰,회사,직함,생일,메모",
    "名字,姓氏,电子邮件地址,手机,公司,职务,生日,备注",
    "名,姓,電子メール アドレス,携帯電話,会社名,役職,誕生日,メモ",
    "Vorname,Nachname,E-Mail-Adresse,Mobiltelefon,Firma,Berufsbezeichnung,Geburtstag,Notizen",
    "Prénom,Nom,Adresse de messagerie,Téléphone mobile,Société,Fonction,Anniversaire,Remarques",
    "Nombre,Apellidos,Correo electrónico,Móvil,Empresa,Cargo,Cumpleaños,Notas",
    "Όνομα,Επώνυμο,E-mail,Κινητό,Εταιρεία,Θέση,Γενέθλια,Σημειώσεις",
    "Ad,Soyad,E-posta Adresi,Cep Telefonu,Şirket,İş Unvanı,Doğum Günü,Notlar",
])  # fmt: skip
def test_native_headers(header: str) -> None:
    meant = [column and column.name for column in columns.layout(header.split(",")).columns]
    assert meant == ["first_name", "last_name", "email", "phone.mobile", "company", "title", "birthday", "note"]
