"""A zip or a folder of import files is one import; its refused rows come back as files of their kinds."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import InvalidFile, InvalidValue
from sharedbook.services.books import groups
from sharedbook.services.jobs import jobs
from tests.formats.sheets import xlsx, zipped
from tests.services.transfers import CARD, all_of, counts, run
from tests.support.sites import as_console

FILES: Mapping[str, bytes] = {
    "a/people.csv": "name,email\n김민지,minji@example.com\nLee,no address\n".encode(),
    "b.xlsx": xlsx({"S": [("Name", "Mobile"), ("Wang", "+86 138 0013 8000"), ("Li", 1234567890123456789)]}),
    "c.vcf": CARD.encode() + b"BEGIN:VCARD\r\nVERSION:3.0\r\nno colon\r\nEND:VCARD\r\n",
    "d.json": b'[{"name": "Park", "email": "park@example.com"}, {"colour": "red"}, {"colour": "blue"}]',
    "e.ldif": b"dn: cn=Choi\nobjectClass: person\ncn: Choi\nmail: choi@example.com\n",
    "f.eml": b"From: Yu <yu@example.com>\n\nHello\n",
    "g draft.eml": b"Subject: Hello\n\nHello\n",
    "readme.docx": b"no contact",
    "__MACOSX/a.csv": b"\0",
}


@pytest.fixture(autouse=True)
def group(app: App) -> str:
    """A group to import into."""
    with as_console(app) as tx:
        return groups.add(tx, "People").slug


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_every_file_in_it(app: App, tmp_path: Path, kind: str) -> None:
    source = tmp_path / "in"
    if kind == "zip":
        source.write_bytes(zipped(FILES))
    else:
        for name, data in FILES.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(data)
        (source / "link.csv").symlink_to(source / "a/people.csv")
    report = run(app, source)
    assert counts(report) == {"added": 6, "error": 5}
    assert [(problem.line, problem.code) for problem in report.problems] == [
        (2, "invalid-email"), (4, "mangled-number"), (6, "invalid-card"), (8, "unknown-column"), (9, "unknown-column"),
    ]  # fmt: skip
    assert report.problems[0].message.startswith("a/people.csv, line 3: ")
    assert sorted(warning.message for warning in report.warnings) == [
        "__MACOSX/a.csv is left out", "g draft.eml is left out", "readme.docx is left out",
    ]  # fmt: skip
    assert counts(run(app, source)) == {"skipped_duplicate": 6, "error": 5}
    assert report.job_id is not None
    fixes = io.BytesIO()
    with as_console(app, write=False) as tx:
        assert jobs.error_file(tx, report.job_id, fixes) == 5
    with zipfile.ZipFile(fixes) as files:
        texts = {name: files.read(name) for name in files.namelist()}
    assert list(texts) == ["a/people.csv", "b.xlsx", "c.vcf", "d.json"]
    texts["a/people.csv"] = texts["a/people.csv"].replace(b"no address", b"lee@example.com")
    texts["d.json"] = texts["d.json"].replace(b'"colour"', b'"name"')
    assert counts(run(app, zipped(texts))) == {"added": 3, "error": 2}
    assert len(all_of(app)) == 9


@pytest.mark.parametrize(("files", "says"), [
    ({"../a.csv": b"name\nA\n"}, "points outside"), ({"/etc/a.csv": b"name\nA\n"}, "points outside"),
    ({"a.zip": zipped({"b.csv": b"name\nA\n"})}, "a.zip: it is a zip"),
    ({"a.csv": zipped({"b.csv": b"name\nA\n"})}, "a.csv: it is a zip"),
    ({"a.csv": b"name\nA\n", "b.csv": b"name,what\nA,b\n"}, "b.csv: row 1"), ({"a.txt.bin": b""}, "no contact"),
    ({f"{number}.csv": b"name\n" for number in range(10_001)}, "more than 10,000"),
])  # fmt: skip
def test_what_is_refused_leaves_nothing(app: App, files: Mapping[str, bytes], says: str) -> None:
    with pytest.raises(InvalidFile, match=says):
        run(app, zipped(files))
    assert all_of(app) == []


def test_a_map_is_for_all_of_the_files(app: App) -> None:
    files = {"a.csv": b"Wer\nA\n", "b.csv": b"Qui\nB\nC\n", "c.vcf": CARD.encode()}
    report = run(app, zipped(files), mapping={"Wer": "name", "qui": "name", "Kto": "name"})
    assert counts(report) == {"added": 4}
    assert [warning.message for warning in report.warnings] == ["the map names Kto, which none of the files has"]
    with pytest.raises(InvalidValue, match=r"b\.csv: there is no column nonsense"):
        run(app, zipped(files), mapping={"Wer": "name", "Qui": "nonsense"})


def test_a_damaged_part(app: App) -> None:
    data = bytearray(zipped({"a.csv": b"name\n" + b"Kim\n" * 100}))
    data[40:44] = b"\xff\xff\xff\xff"
    with pytest.raises(InvalidFile, match=r"a.csv: it is damaged"):
        run(app, bytes(data))
