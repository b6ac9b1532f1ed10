"""Damaged import files: rows, or the errors that are defined, in bounded memory; nothing else, whatever is in them.

In `make test` a few, in `make soak` for as many as docs/reliability.md says; the seed is printed.
"""

from __future__ import annotations

import io
import json
import random
import tempfile
import tracemalloc
import zipfile
from collections.abc import Sequence

import pytest

from sharedbook.domain.errors import SharedbookError
from sharedbook.domain.model import Limits
from sharedbook.formats.entries import incoming
from sharedbook.formats.files import sources
from sharedbook.services.imports.ready import Make
from tests.formats.sheets import xlsx, zipped

SOME, SOAK_FILES = 12, 20_000
SHEETS, SOAK_SHEETS = 8, 5_000
MOST_MEMORY = 50 * 1024 * 1024
LIMITS = Limits()

TABLE = (
    "name,email,phone.mobile,birthday,note,custom.size,address.work.city\r\n"
    '김민지,minji@example.com,+82 10-1234-5678,1985-04-23,"two\nlines, ""quoted""",41,서울\r\n'
    "Jörg Müller,joerg@example.com ::: j@example.org,030 123456,--04-23,'=SUM(A1),,Köln\r\n"
    "#sharedbook,,,,,,\r\n"
    "Ann Example,,,23.04.1985,,7,\r\n"
)
TABLES = [
    TABLE.encode(),
    TABLE.encode("utf-16"),
    TABLE.replace(",", ";").encode("cp949", "ignore"),
    ("sep=\t\r\n" + TABLE.replace(",", "\t")).encode("utf-8-sig"),
]
VCARD = """BEGIN:VCARD
VERSION:3.0
UID:u-1
FN:김민지
N:김;민지;;;
item1.EMAIL;TYPE=INTERNET,WORK:minji@example.com
item1.X-ABLabel:_$!<Work>!$_
TEL;TYPE=CELL:+82 10-1234-5678
ADR;TYPE=WORK:;;1\\, Road;Seoul;;04524;
NOTE:a note which is so long that it is folded, as every line is that has more
  than 75 octets
PHOTO;ENCODING=b;TYPE=PNG:iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==
X-SHAREDBOOK-GROUP:people
END:VCARD
BEGIN:VCARD
VERSION:2.1
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=EA=B9=80;=EB=AF=BC=
=EC=A7=80
TEL;CELL:1
END:VCARD
BEGIN:VCARD
VERSION:4.0
FN:Jörg
BDAY:--0423
RELATED;VALUE=uri;TYPE=manager:urn:uuid:u-1
EMAIL;PREF=1:j@example.org
END:VCARD
""".replace("\n", "\r\n")

LDIF = """version: 1

# a person
dn: cn=Ann,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
cn: Ann
sn:: S2lt
mail: ann@example.com
mail: a2@example.com
telephoneNumber: +82 2 1234 5678
description: a text that goes
  on in the next line
birthyear: 1985
birthmonth: 4
birthday: 23
sharedbookGroup: people
sharedbookField: Contract no.=A-1
jpegPhoto:: /9j/4AAQSkZJRgABAQAAAQABAAD/2Q==

dn: cn=Bob
changetype: add
objectClass: person
cn: Bob

dn: ou=people
objectClass: organizationalUnit
"""

JSON = json.dumps(
    [
        {"name": "김민지", "email": "minji@example.com", "groups": ["people"], "custom:Contract no.": "A-1;B-2"},
        {"vcard": VCARD[: VCARD.index("BEGIN:VCARD", 9)], "groups": "people;others", "note": "\\u0000\\ud800 \x7f"},
    ],
    ensure_ascii=False,
    indent=1,
)

MESSAGE = """From: =?euc-kr?B?sei5zsH2?= <minji@example.com>
To: "Müller, Jörg" <joerg@example.com>, undisclosed-recipients:;
Cc: =?utf-8?Q?J=C3=B6rg?= <j@example.org>,
 group: a@example.com, b@example.com;
Reply-To: <minji@example.com>
Date: Mon, 23 Apr 2026 10:00:00 +0900
Subject: hello
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/plain; charset=utf-8

From the start
--b
Content-Type: message/rfc822

From: x@example.com

nested
--b--
"""

FILES = {
    "vcf": [VCARD.encode(), VCARD.encode("utf-16"), VCARD.replace("\r\n", "\n").encode("cp949", "ignore")],
    "ldif": [LDIF.encode(), LDIF.replace("\n", "\r\n").encode("utf-8-sig")],
    "json": [JSON.encode(), JSON.encode("utf-16")],
    "eml": [MESSAGE.encode(), MESSAGE.replace("\n", "\r\n").encode("latin-1", "replace")],
    "mbox": [f"From minji@example.com Mon Apr 23 10:00:00 2026\n{MESSAGE}\n".encode() * 3],
    "csv": TABLES,
}
INTERESTING = {
    "csv": [b'"', b'""', b",", b";", b"\t", b"\r", b"\n", b"\0", b"'", b"=", b"\xff", b"\xef\xbb\xbf", b"1e9", b"-"],
    "vcf": [b":", b";", b",", b'"', b"\\", b"\r\n ", b"=\r\n", b"\xff", b"\0", b"BEGIN:VCARD\r\n",
            b"END:VCARD\r\n", b"^n", b"."],
    "ldif": [b":", b"::", b":<", b"\n ", b"\n\n", b"#", b"-", b"=", b"\xff", b"\0", b"dn: ", b"changetype: delete\n"],
    "json": [b"{", b"}", b"[", b"]", b'"', b"\\", b"\\ud800", b"null", b"1e999", b"\xff", b"\0", b",", b"//"],
    "eml": [b"<", b">", b"@", b'"', b"\\", b"=?", b"?=", b"=?utf-8?B?", b"(", b")",
            b"\n ", b"\n\n", b"\xff", b"\0", b"--b\n", b";"],
}  # fmt: skip
INTERESTING["mbox"] = [b"\nFrom ", *INTERESTING["eml"]]


def damaged(chance: random.Random, data: bytes, interesting: Sequence[bytes]) -> bytes:
    """A file with a few pieces changed, taken out, doubled, or put in; or cut off."""
    mutable = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(mutable) + 1)
        match chance.randrange(6):
            case 0:
                mutable[at:at] = chance.choice(interesting)
            case 1 if at < len(mutable):
                mutable[at] ^= 1 << chance.randrange(8)
            case 2:
                del mutable[at : at + chance.randint(1, 30)]
            case 3:
                mutable[at:at] = mutable[at : at + chance.randint(1, 80)]
            case 4:
                mutable[at:at] = chance.choice(interesting) * chance.choice((2, 70, 40_000))
            case _:
                del mutable[at:]
    return bytes(mutable)


def understood(chance: random.Random, data: bytes, name: str) -> bool:
    """Reads a file as an import does; whether it could be read. Raises what is no defined error."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        try:
            reading = incoming.Reading("KR", LIMITS, recipients=9, of_several=True)
            source = sources.open_source(file, name, name.rpartition(".")[2], reading)
            for block in Make("KR", LIMITS, whole=chance.random() < 0.5).ready(source):
                for _, row in block.rows(range(len(block.line))):
                    assert (row.problem is None) == (row.said is not None)
                    assert row.problem is None or row.problem.message.encode(), "it can be stored and shown"
                    assert row.problem is not None or (row.kept is None) == (row.refusal is not None)
        except SharedbookError as error:
            assert error.message
            return False
    return True


@pytest.mark.soak
@pytest.mark.parametrize("format", FILES)
def test_damaged_files(format: str, seed: int, soak: bool) -> None:
    chance, count, good = random.Random(seed), SOAK_FILES if soak else SOME, 0
    tracemalloc.start()
    for number in range(count):
        data = damaged(chance, chance.choice(FILES[format]), INTERESTING[format])
        try:
            good += understood(chance, data, f"damaged.{format}")
        except Exception as error:
            raise AssertionError(f"seed {seed}, file {number}: {data[:2000]!r}") from error
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"seed {seed}: {count} files, {good} of them read, at most {peak // 1024} KB")
    assert good and peak < MOST_MEMORY


@pytest.mark.soak
def test_damaged_sheets(seed: int, soak: bool) -> None:
    chance = random.Random(seed)
    rows = [line.split(",") for line in TABLE.split("\r\n")[:2]]
    whole = xlsx({"People": [rows[0], [1, 2.5, "+82 10", ("=1+1", ""), "x", "", "y"]]})
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for number in range(SOAK_SHEETS if soak else SHEETS):
        if number % 2:
            part = chance.choice(sorted(parts))
            data = zipped(parts | {part: damaged(chance, parts[part], INTERESTING["csv"])})
        else:
            data = damaged(chance, whole, INTERESTING["csv"])
        try:
            understood(chance, data, "damaged.xlsx")
        except Exception as error:
            raise AssertionError(f"seed {seed}, file {number}: {data.hex()}") from error
