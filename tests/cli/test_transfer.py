"""import, export, template, job: files in and out, exit codes, and the error file that is the fix file."""

from __future__ import annotations

import csv
import io
import json
import tomllib
import zipfile
from pathlib import Path

import pytest

from sharedbook.cli.terminal import json_keys
from sharedbook.domain.errors import Unavailable
from sharedbook.formats.files import template
from sharedbook.services.imports import importing
from tests.cli.conftest import CommandLine
from tests.formats.sheets import xlsx

HEADER = "first_name,last_name,email,phone.mobile,tags"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where files go; the working directory of the `sharedbook` fixture."""
    return tmp_path


def write(folder: Path, rows: list[str], name: str = "in.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")
    return path


def test_rows_are_in_or_refused_and_the_fixed_file_adds_the_rest(staffed: CommandLine, folder: Path) -> None:
    rows = [f"Person,{n},p{n}@example.com,+82 10-1234-{n:04},a" for n in range(40)]
    rows[3] = rows[3].replace("@", " at ")
    rows[17] = rows[17].replace("+82 10-1234-0017", "none")
    path = write(folder, rows)
    planned = staffed.json("import", path, "--group", "customers", "--dry-run", code=3)
    assert sorted(planned) == sorted(json_keys.KEYS["import"])
    assert planned["dry_run"] and planned["counts"]["added"] == 38 and planned["counts"]["error"] == 2
    assert staffed.json("contact", "list") == []
    plan = planned["job"]
    assert f"sharedbook apply {plan}" in staffed("job", "errors", plan, code=5).err
    done = staffed.json("apply", plan, code=3)
    assert (done["job"], done["dry_run"]) == (plan, False)
    assert {**done, "dry_run": True} == {**planned, "samples": done["samples"]}
    (job,) = staffed.json("job", "list")
    assert sorted(job) == sorted(json_keys.KEYS["job"])
    assert (job["id"], job["kind"], job["state"], job["counts"]["error"]) == (done["job"], "import", "part", 2)
    assert staffed.json("job", "show", job["id"]) == job
    errors = staffed.json("job", "errors", job["id"])
    assert [sorted(each) for each in errors] == [sorted(json_keys.KEYS["job_error"])] * 2
    assert [(each["line"], each["column"], each["code"]) for each in errors] == [
        (5, "email", "invalid-email"),
        (19, "phone.mobile", "invalid-phone"),
    ]
    first = staffed("job", "errors", job["id"], "--json", "--limit", 1)
    assert json.loads(first.out) == errors[:1] and first.err == "there are more: add --after 5\n"
    assert staffed.json("job", "errors", job["id"], "--after", 5) == errors[1:]
    fix = folder / "fix.csv"
    staffed("job", "errors", job["id"], "--output", fix)
    assert not fix.stat().st_mode & 0o077
    fix.write_text(fix.read_text("utf-8-sig").replace(" at example", "@example").replace(",none,", ",+82 2 123 4567,"))
    assert staffed.json("import", fix, "--group", "customers")["counts"]["added"] == 2
    again = staffed.json("import", fix, "--group", "customers")
    assert again["counts"]["added"] == 0
    assert staffed("job", "errors", again["job"], "--output", fix).out == f"0 rows in {fix}\n"
    assert len(staffed.json("contact", "list")) == 40


def test_the_plan_of_an_import(staffed: CommandLine, folder: Path) -> None:
    path = write(folder, ["Minji,Kim,minji@example.com,,", "Ada,Lovelace,ada@example.com,,"])
    told = staffed("import", path, "--group", "customers", "--dry-run").out.splitlines()
    assert told == ["Dry run, nothing is changed. added: 2", "  to do exactly this: sharedbook apply 1"]
    assert "sharedbook apply 1" in staffed("job", "resume", 1, code=5).err + staffed("job", "undo", 1, code=5).err
    staffed("contact", "add", "--name", "Ada Lovelace", "--email", "ada@example.com", "--group", "customers")
    refused = staffed("apply", 1, "--background", code=5).err
    assert "added: 1 (planned: 2), skipped duplicate: 1 (planned: 0)" in refused and "--dry-run again" in refused
    staffed("contact", "delete", "Ada Lovelace", "--yes")
    staffed("apply", 1, "--background")
    assert staffed("job", "watch", 1).out.endswith("added: 2\n")
    staffed("job", "undo", 1, "--yes")
    assert staffed.json("contact", "list") == []
    source = path.read_text()
    piped = staffed("import", "-", "--group", "customers", "--dry-run", stdin=source)
    assert "apply" not in piped.out and "there is no plan to apply: only a file or folder" in piped.err
    assert staffed.json("import", "-", "--group", "customers", "--dry-run", stdin=source)["job"] is None


def test_what_exists_is_only_changed_when_told_twice(staffed: CommandLine, folder: Path) -> None:
    path = write(folder, ["Minji,Kim,minji@example.com,,"])
    staffed("import", path, "--group", "customers")
    write(folder, ["Minji,Kim,minji@example.com,,vip"])
    update = ("import", path, "--group", "customers", "--duplicates", "update")
    assert "--yes" in staffed(*update, code=2).err
    assert "tags" not in staffed.json("contact", "show", "minji@example.com")["fields"]
    assert "updated: 1" in staffed(*update, "--yes").out
    assert staffed.json("contact", "show", "minji@example.com")["fields"]["tags"] == "vip"


def test_a_mapping_teaches_other_headers(staffed: CommandLine, folder: Path) -> None:
    path = folder / "in.csv"
    path.write_text("Wer,Email,Unsinn\nMinji Kim,minji@example.com,x\n")
    assert "Wer" in staffed("import", path, "--group", "customers", code=1).err
    saved = staffed.json("import", path, "--group", "customers", "--save-map", folder / "map.toml")
    assert [note.rpartition(": ")[2] for note in saved["notes"]] == ["Wer", "Unsinn"]
    text = (folder / "map.toml").read_text()
    assert tomllib.loads(text) == {"Wer": "", "Email": "email", "Unsinn": ""} and staffed.json("contact", "list") == []
    staffed("import", path, "--group", "customers", "--map", folder / "map.toml", code=1)
    text = text.replace('"Wer" = ""', '"Wer" = "name"').replace('"Unsinn" = ""', '"Unsinn" = "-"')
    (folder / "map.toml").write_text(text, encoding="utf-8-sig")  # as Windows programs do
    staffed("import", path, "--group", "customers", "--map", folder / "map.toml")
    assert staffed.json("contact", "show", "minji@example.com")["name"] == "Minji Kim"
    assert "--map" in staffed("import", path, "--save-map", folder / "map.toml", code=2).err
    path.write_text("Wer,Email,Neu\n")
    staffed("import", path, "--map", folder / "map.toml", "--save-map", folder / "map.toml")
    kept = tomllib.loads((folder / "map.toml").read_text())
    assert kept == {"Wer": "name", "Email": "email", "Neu": ""}
    assert "folder has no headers" in staffed("import", folder, "--save-map", folder / "new.toml", code=2).err
    (folder / "map.toml").write_text("Wer = 5\n")
    assert "Wer" in staffed("import", path, "--group", "customers", "--map", folder / "map.toml", code=1).err


def test_stdin_and_stdout(staffed: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    staffed("import", "-", "--format", "csv", "--group", "customers", stdin=f"{HEADER}\nMinji,Kim,m@example.com,,\n")
    rows = list(csv.DictReader(io.StringIO(staffed("export", "-").out.removeprefix("\ufeff"))))
    assert [(each["first_name"], each["email"]) for each in rows] == [("Minji", "m@example.com")]
    card = staffed("export", "-", "--format", "vcf").out
    assert card.startswith("BEGIN:VCARD") and "m@example.com" in card
    staffed("export", "-", "--json", code=2)
    monkeypatch.setenv("SHAREDBOOK_LIMITS_FILE_BYTES", "20")
    assert (
        "larger than" in staffed("import", "-", "--format", "csv", "--group", "customers", stdin="x" * 21, code=1).err
    )


def test_an_export_is_of_a_group_or_a_search(staffed: CommandLine, folder: Path) -> None:
    for name in ("Minji Kim", "Ada Lovelace"):
        staffed("contact", "add", "--name", name, "--group", "customers")
    staffed("contact", "add", "--name", "Kim Elsewhere")
    staffed("export", "kim", "--group", "customers", folder / "kim.vcf")
    assert (folder / "kim.vcf").read_text().count("BEGIN:VCARD") == 1
    assert staffed.json("export", folder / "all.csv")["notes"] == ["contacts: 3"]
    assert not (folder / "all.csv").stat().st_mode & 0o077
    staffed("export", "--group", "nowhere", folder / "x.csv", code=4)
    staffed("--as", "carol", "export", "--group", "customers", folder / "x.csv", code=4)
    staffed("--as", "bob", "export", "--group", "customers", folder / "x.csv", code=5)
    assert not (folder / "x.csv").exists()


def test_a_name_that_says_another_kind_of_file_is_refused(staffed: CommandLine, folder: Path) -> None:
    into = (write(folder, ["Minji,Kim,minji@example.com,,", "Lee,,none,,"]), "--group", "customers")
    job = staffed.json("import", *into, code=3)["job"]
    named = (
        ("export", (), "all.foo", "a .csv, .xlsx, .vcf, .vcard, .ldif or .json file", "or say --format"),
        ("export", (), "all", ".csv", "or say --format"),
        ("template", (), "empty.xls", "a .csv or .xlsx file", "end so"),
        ("job", ("errors", job, "--output"), "fix.xlsx", "a .csv file", "end so"),
        ("subject", ("report", "minji@example.com"), "report.pdf", "a .zip file", "end so"),
        ("contact", ("qr", "minji@example.com", "--output"), "code.gif", "a .png or .svg file", "or say -"),
    )
    for command, words, name, known, step in named:
        said = staffed(command, *words, folder / name, code=2).err
        assert f"{name} is not the name of a" in said and known in said and step in said
    staffed("job", "errors", job, "--output", folder / "none.csv")
    staffed("export", folder / "all.foo", "--format", "vcf")
    staffed("export", folder / "ALL.VCARD")
    assert (folder / "all.foo").read_bytes() == (folder / "ALL.VCARD").read_bytes()
    assert {path.name for path in folder.iterdir()} == {"site", "in.csv", "none.csv", "all.foo", "ALL.VCARD"}


def test_members_import_with_their_right(staffed: CommandLine, folder: Path) -> None:
    path = write(folder, ["Minji,Kim,minji@example.com,,"])
    staffed("--as", "bob", "import", path, "--group", "customers", code=5)
    staffed("grant", "add", "customers", "bob", "import")
    staffed("--as", "bob", "import", path, "--group", "customers")
    assert [each["actor"] for each in staffed.json("--as", "bob", "job", "list")] == ["bob"]
    assert staffed.json("--as", "carol", "job", "list") == []
    staffed("--as", "carol", "job", "show", "1", code=4)


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (b"", 1, "empty"),
        (b"name,colour\nA,red\n", 1, "colour"),
        (b'name,email\nA,"open\n', 1, "row 2"),
        (b"name,email\nA\0,a@example.com\n", 1, "NUL"),
    ],
)
def test_a_file_that_cannot_be_read(staffed: CommandLine, folder: Path, content: bytes, code: int, says: str) -> None:
    (folder / "in.csv").write_bytes(content)
    assert says in staffed("import", folder / "in.csv", "--group", "customers", code=code).err
    assert staffed.json("job", "list") == []


def test_a_file_or_group_that_is_not_there(staffed: CommandLine, folder: Path) -> None:
    staffed("import", folder / "nowhere.csv", "--group", "customers", code=2)
    staffed("import", write(folder, []), "--group", "nowhere", code=4)
    staffed("job", "show", "99", code=4)


def test_how_many_more_were_refused_than_are_named(staffed: CommandLine, folder: Path) -> None:
    (folder / "bad.csv").write_text("name,email\n" + "Kim,none\n" * 1_030)
    said = staffed("import", folder / "bad.csv", "--group", "customers", code=3).err
    assert said.count("is not a mail address") == 20 and "\n... and 1010 more\n" in said


@pytest.mark.parametrize("ending", [KeyboardInterrupt(), Unavailable("the disk is full")])
def test_an_import_that_stops_says_how_to_go_on(
    staffed: CommandLine, folder: Path, monkeypatch: pytest.MonkeyPatch, ending: BaseException
) -> None:
    def strike(*_: object) -> None:
        raise ending

    (folder / "two.csv").write_text("name\nAda\nBob\n")
    monkeypatch.setattr(importing.Import, "_chunk", strike)
    said = staffed("import", folder / "two.csv", "--group", "customers", code=1).err
    assert "job 1 stopped: sharedbook job resume 1, or sharedbook job undo 1\n" in said
    assert "job 1 stopped" in staffed("job", "resume", "1", code=1).err


def test_rows_over_the_limit_are_said_with_the_next_step(
    staffed: CommandLine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHAREDBOOK_LIMITS_CONTACTS", "1")
    (folder / "two.csv").write_text("name\nAda\nBob\n")
    said = staffed("import", folder / "two.csv", "--group", "customers", code=3).err
    assert "rows over the limit of contacts: 1; raise limits.contacts, or empty the trash\n" in said
    assert said.endswith("--output fix.csv, and import that file when there is room\n")


def test_the_fixed_file_needs_the_map_again(staffed: CommandLine, folder: Path) -> None:
    (folder / "map.toml").write_text('"Who" = "name"\n')
    (folder / "two.csv").write_text("Who,email\nAda,ada@example.com\nBob,none\n")
    mapped = ("import", folder / "two.csv", "--group", "customers", "--map", folder / "map.toml")
    plan = staffed.json(*mapped, "--dry-run", code=3)["job"]
    for command in (("apply", plan), mapped):
        assert staffed(*command, code=3).err.endswith("fix that file, and import it with --map again\n")


def test_sheets_folders_and_every_format_on_the_way_out(staffed: CommandLine, folder: Path) -> None:
    (folder / "in").mkdir()
    sheets = {"Notes": [("x",)], "People": [("name", "email", "phone"), ("김", "kim@example.com", 1012345678)]}
    (folder / "in" / "people.xlsx").write_bytes(xlsx(sheets))
    staffed("import", folder / "in" / "people.xlsx", "--group", "customers", code=1)
    done = staffed.json("import", folder / "in" / "people.xlsx", "--group", "customers", "--sheet", "People")
    assert (done["format"], done["counts"]["added"]) == ("xlsx", 1)
    assert [(each["line"], each["code"]) for each in done["warnings"]] == [(2, "number-restored")]
    tried = staffed("import", folder / "in" / "people.xlsx", "--group", "customers", "--sheet", "People", "--dry-run")
    assert tried.err.startswith("look at line 2: phone: 1012345678 was a number"), "and nothing of an encoding"
    (folder / "in" / "people.xlsx").unlink()
    for name in ("a.csv", "a.xlsx", "a.vcf", "a.ldif", "a.json"):
        staffed("export", folder / "in" / name)
    (folder / "in" / "wrong.csv").write_text("name,email\nLee,none\n")
    again = staffed.json("import", folder / "in", "--group", "customers", code=3)
    assert (again["format"], again["counts"]["skipped_duplicate"], again["counts"]["error"]) == ("zip", 5, 1)
    assert "--output fix.zip" in staffed("import", folder / "in", "--group", "customers", code=3).err
    staffed("job", "errors", again["job"], "--output", folder / "fix.zip")
    assert zipfile.ZipFile(folder / "fix.zip").namelist() == ["wrong.csv"]
    for form in ("google", "outlook"):
        staffed("export", folder / f"{form}.csv", "--format", form)
        assert staffed.json("import", folder / f"{form}.csv", "--group", "customers")["product"] == form
    staffed("template", folder / "empty.xlsx")
    assert staffed.json("import", folder / "empty.xlsx", "--group", "customers")["counts"]["added"] == 0


@pytest.mark.parametrize("product", template.products())
def test_a_template_is_imported_as_it_is(staffed: CommandLine, folder: Path, product: str) -> None:
    """Its explanations are no contacts, and each of its headers has a place."""
    path = folder / "template.csv"
    staffed("template", product, path)
    done = staffed.json("import", path, "--group", "customers")
    assert (sum(done["counts"].values()), done["product"]) == (0, product)


def test_templates(staffed: CommandLine) -> None:
    assert staffed("template", "-").out.removeprefix("\ufeff").startswith("name,first_name")
    assert "sharedbook, google" in staffed("template", "goggle", "-", code=2).err
    staffed("template", "google", "outlook", "-", code=2)


def test_rows_may_name_their_groups(staffed: CommandLine, folder: Path) -> None:
    for who, has in (((), "contacts"), (("--as", "bob"), None)):
        rows = list(csv.DictReader(io.StringIO(staffed(*who, "template", "-").out.removeprefix("\ufeff"))))
        assert rows[1].get("groups") == has
    staffed("grant", "add", "customers", "bob", "import")
    assert "customers" in staffed("--as", "bob", "template", "-").out
    path = folder / "in.csv"
    path.write_text("name,groups\nAda,customers;contacts\nBob,\n")
    assert staffed.json("import", path, code=3)["problems"][0]["code"] == "no-group"
    assert sorted(staffed.json("contact", "show", "1")["groups"]) == ["contacts", "customers"]
    staffed("export", folder / "out.csv")
    assert staffed.json("import", folder / "out.csv")["counts"]["skipped_duplicate"] == 1
    assert "--group" in staffed("import", write(folder, []), code=2).err
    assert "--group" in staffed("import", "--ldap", "ldaps://localhost", "--base", "dc=example", code=2).err
