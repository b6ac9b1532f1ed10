"""Contacts, one and many: adding, finding, changing, moving, deleting, erasing; asking first, and who may."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sharedbook.cli.terminal import json_keys
from tests.cli.conftest import Answer, CommandLine


@pytest.fixture
def three(staffed: CommandLine) -> CommandLine:
    """Minji Kim, 홍길동 and Ada Lovelace in customers."""
    add = ("contact", "add", "--group", "customers")
    staffed(*add, "--name", "Minji Kim", "--email", "minji@example.com", "--field", "company=Hanbit")
    staffed(*add, "--field", "last_name=홍", "--field", "first_name=길동", "--phone", "+82 10-1234-5678")
    staffed(*add, "--name", "Ada Lovelace", "--email", "ada@example.com", "--field", "tags=vip;press")
    return staffed


def test_who_finds_waits_for_no_import_of_other_commands() -> None:
    program = "import sys, sharedbook.cli.contact.contact, sharedbook.app; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "sharedbook.services.contacts.search" in loaded
    slow = {"sqlalchemy.dialects.postgresql", "sharedbook.services.jobs.bulk", "phonenumbers", "PIL", "yaml"}
    assert not slow.intersection(loaded)


def names(answer: object) -> list[str]:
    assert isinstance(answer, list)
    return [each["name"] for each in answer]


def test_a_contact_has_its_documented_keys(staffed: CommandLine) -> None:
    made = staffed.json(
        "contact", "add", "--name", "Minji Kim", "--email", "minji@example.com", "--email", "m@home.example",
        "--phone", "010-1234-5678", "--field", "email.home=k@home.example", "--field", "company=Hanbit",
    )  # fmt: skip
    uid, modified = made.pop("uid"), made.pop("modified")
    assert len(uid) == 36 and modified.endswith("Z")
    assert made == {
        "id": 1,
        "kind": "individual",
        "name": "Minji Kim",
        "emails": [
            {"type": "", "value": "minji@example.com", "pref": None},
            {"type": "", "value": "m@home.example", "pref": None},
            {"type": "home", "value": "k@home.example", "pref": None},
        ],
        "phones": [{"type": "", "value": "010-1234-5678", "pref": None}],
        "organization": "Hanbit",
        "groups": ["contacts"],
        "owner": None,
        "assigned": None,
        "visibility": {"kind": "all", "subjects": []},
        "version": 1,
        "trashed": None,
    }
    shown = staffed.json("contact", "show", uid)
    assert shown["fields"]["email.2"] == "m@home.example"
    of_detail = {"fields", "members", "reports_to", "custom", "created", "source"}
    assert of_detail == shown.keys() - made.keys() - {"uid", "modified"}


GROUP_CARD = """BEGIN:VCARD
VERSION:3.0
UID:crew
FN:Crew
X-ADDRESSBOOKSERVER-KIND:group
X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:{uid}
X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:unknown
X-ADDRESSBOOKSERVER-MEMBER:mailto:guest@example.com
END:VCARD
"""


def test_a_group_card_is_marked_and_its_members_are_named(three: CommandLine, tmp_path: Path) -> None:
    uid = three.json("contact", "show", "Minji Kim")["uid"]
    (tmp_path / "crew.vcf").write_text(GROUP_CARD.format(uid=uid.upper()))
    three("import", str(tmp_path / "crew.vcf"), "--group", "customers")
    assert "Crew (group card)" in three("contact", "list").out
    shown = three.json("contact", "show", "crew")
    assert shown["kind"] == "group"
    assert [(each["uri"], each["name"]) for each in shown["members"]] == [
        (f"urn:uuid:{uid.upper()}", "Minji Kim"),
        ("urn:uuid:unknown", None),
        ("mailto:guest@example.com", None),
    ]
    lines = three("contact", "show", "crew").out
    assert "group card" in lines and "Minji Kim, urn:uuid:unknown, mailto:guest@example.com" in lines
    three("contact", "share", "Minji Kim", "off")
    assert three.json("--as", "bob", "contact", "show", "crew")["members"][0]["name"] is None


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--field", "nickname"), 2, "K=V"),
        (("--field", "colour=red"), 2, "no column"),
        (("--name", "A", "--email", "nonsense"), 2, "not a mail address"),
        (("--field", "title=Boss"), 2, "needs a name"),
        (("--name", "A" * 101), 2, "100"),
        (("--name", "A", "--group", "nowhere"), 4, "nowhere"),
        ((), 2, "needs a name"),
    ],
)
def test_a_contact_that_cannot_be_is_not_added(
    staffed: CommandLine, arguments: tuple[str, ...], code: int, says: str
) -> None:
    assert says in staffed("contact", "add", *arguments, code=code).err
    assert staffed.json("contact", "list") == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ((), ["Ada Lovelace", "Minji Kim", "홍길동"]),
        (("kim",), ["Minji Kim"]),
        (("kim", "HANBIT"), ["Minji Kim"]),
        (("kim", "lovelace"), []),
        (("홍",), ["홍길동"]),
        (("ㅎㄱㄷ",), ["홍길동"]),
        (("01012345678",), ["홍길동"]),
        (("+82 10 4321",), []),
        (('"+82 10 1234"',), ["홍길동"]),
        (("00821012345678",), ["홍길동"]),
        (("-kim",), ["Ada Lovelace", "홍길동"]),
        (("email:*",), ["Ada Lovelace", "Minji Kim"]),
        (("-email:*",), ["홍길동"]),
        (("company:hanbit",), ["Minji Kim"]),
        (("tag:vip", "-kim"), ["Ada Lovelace"]),
        (('"ada love"',), ["Ada Lovelace"]),
        (("--tag", "press"), ["Ada Lovelace"]),
        (("--company", "hanbit"), ["Minji Kim"]),
        (("--group", "customers", "--limit", "1"), ["Ada Lovelace"]),
        (("--group", "contacts"), []),
        (("--viewer", "bob"), ["Ada Lovelace", "Minji Kim", "홍길동"]),
        (("--viewer", "carol"), []),
        (("--no-owner",), ["Ada Lovelace", "Minji Kim", "홍길동"]),
        (("--no-viewers",), []),
        (("--trashed",), []),
    ],
)
def test_finding(three: CommandLine, query: tuple[str, ...], found: list[str]) -> None:
    assert names(three.json("contact", "find", *query)) == found


@pytest.mark.parametrize(
    ("query", "code", "says"),
    [
        ('"open', 2, "close the quotes"),
        ("emial:x", 2, "did you mean email"),
        ('""', 2, "nothing to look for"),
    ],
)
def test_a_search_that_cannot_be_understood(three: CommandLine, query: str, code: int, says: str) -> None:
    assert says in three("contact", "find", query, code=code).err


def test_filters_name_what_exists(three: CommandLine) -> None:
    three("contact", "find", "--group", "nowhere", code=4)
    three("contact", "find", "--owner", "nobody", code=4)


def test_single_columns_change_and_the_rest_stays(three: CommandLine) -> None:
    ref = "minji@example.com"
    changed = three.json(
        "contact", "set", ref, "title=Head", "email+=m@home.example", "phone.mobile=555 123 4567", "tags+=vip"
    )
    assert (changed["version"], changed["fields"]["title"], changed["fields"]["tags"]) == (2, "Head", "vip")
    assert [each["value"] for each in changed["emails"]] == ["minji@example.com", "m@home.example"]
    assert changed["phones"] == [{"type": "mobile", "value": "555 123 4567", "pref": None}]
    again = three.json("contact", "set", ref, "title=Head", "phone.mobile=555 123 4567")
    assert again["version"] == 2
    less = three.json("contact", "set", ref, "email-=minji@example.com", "title=", "tags-=vip", "company=Acme")
    assert [each["value"] for each in less["emails"]] == ["m@home.example"]
    assert less["organization"] == "Acme" and not {"title", "tags"} & less["fields"].keys()


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        (("colour=red",), 2, "no column"),
        (("email-=nobody@example.com",), 2, "no value"),
        (("email=nonsense",), 2, "not a mail address"),
        (("name=",), 2, "has a name"),
        (("uid=1",), 2, "cannot be changed"),
        (("note+=x",), 2, "has one value"),
        (("title",), 2, "K=V"),
        (("title=x", "--if-version", "7"), 5, "version 1"),
    ],
)
def test_a_change_that_cannot_be_changes_nothing(
    three: CommandLine, changes: tuple[str, ...], code: int, says: str
) -> None:
    assert says in three("contact", "set", "Minji Kim", "title=Boss", *changes, code=code).err
    assert three.json("contact", "show", "Minji Kim")["version"] == 1


def test_history_names_who_and_how_and_the_first_state(three: CommandLine) -> None:
    three("--as", "bob", "contact", "set", "Minji Kim", "company=Acme")
    steps = three.json("contact", "history", "Minji Kim")
    assert [(each["event"], each["actor"], each["client"]) for each in steps[1:]] == [("edited", "bob", "cli")]
    assert steps[0]["event"] == "added"
    assert three.json("contact", "history", "Minji Kim", "--initial")["fields"]["company"] == "Hanbit"


def test_copy_and_move(three: CommandLine) -> None:
    three("group", "add", "Press")
    three("contact", "copy", "Ada Lovelace", "--to", "press")
    assert three.json("contact", "show", "Ada Lovelace")["groups"] == ["customers", "press"]
    three("contact", "move", "Minji Kim", "--from", "customers", "--to", "press")
    assert three.json("contact", "show", "Minji Kim")["groups"] == ["press"]
    three("contact", "move", "Minji Kim", "--from", "customers", "--to", "press", code=4)
    three("contact", "move", "홍길동", "--from", "customers", "--to", "nowhere", code=4)
    assert three.json("contact", "show", "홍길동")["groups"] == ["customers"]


def test_more_than_one_is_asked_for(three: CommandLine) -> None:
    three("group", "add", "Press")
    several = ("contact", "move", "1", "2", "--from", "customers", "--to", "press")
    refused = three(*several, code=2)
    assert "--yes" in refused.err and "2 contacts" in refused.err
    shown = three(*several, "--dry-run").out
    assert "nothing is changed" in shown and "Minji Kim" in shown
    assert three.json("group", "show", "press")["contacts"] == 0
    assert three.json(*several, "--yes")["items"] == [1, 2]
    assert three.json("group", "show", "press")["contacts"] == 2


def test_refs_from_stdin_and_from_a_search(three: CommandLine) -> None:
    three("group", "add", "Press")
    three("contact", "copy", "-", "--to", "press", "--yes", stdin="1\n3\n")
    assert names(three.json("contact", "list", "--group", "press")) == ["Ada Lovelace", "Minji Kim"]
    three("contact", "add", "--name", "Ada")
    three("contact", "add", "--name", "Lovelace")
    shown = three("contact", "delete", "-", "--dry-run", stdin=" Ada Lovelace\n\n1 2\r\n").out
    assert [line.split()[0] for line in shown.splitlines()[1:-1]] == ["3", "1", "2"]
    three("contact", "delete", 4, 5, "--yes")
    assert three.json("contact", "delete", "--where", "email:*", "--yes")["count"] == 2
    assert names(three.json("contact", "list")) == ["홍길동"]
    three("contact", "delete", code=2)


def test_an_unclear_name_is_not_guessed(three: CommandLine) -> None:
    three("contact", "add", "--name", "Minji Kim", "--email", "other@example.com")
    assert "1, 4" in three("contact", "delete", "Minji Kim", code=5).err
    three("contact", "delete", "minji@example.com")
    three("contact", "show", "Nobody At All", code=4)


def test_trash_and_back(three: CommandLine) -> None:
    uid = three.json("contact", "show", "1")["uid"]
    deleted = three("contact", "delete", "Minji Kim").out
    assert deleted == "delete: 1 contact (job 1)\n  undo: sharedbook job undo 1\n"
    (lying,) = three.json("trash", "list")
    assert lying["name"] == "Minji Kim" and lying["trashed"]
    three("contact", "show", "minji@example.com", code=4)
    three("contact", "set", "1", "title=x", code=5)
    three("trash", "restore", "2", code=4)
    three("trash", "restore", "minji@example.com")
    back = three.json("contact", "show", "Minji Kim")
    assert (back["uid"], back["groups"], back["trashed"]) == (uid, ["customers"], None)
    three("--as", "bob", "trash", "list", code=5)


def erased(answer: Answer, data_dir: Path, piece: bytes) -> bool:
    """Whether the answer says so, and no file of the site holds the piece any more."""
    files = [path for path in data_dir.rglob("*") if path.is_file()]
    assert files
    return "erased: " in answer.out and not any(piece in path.read_bytes() for path in files)


def test_erasing_leaves_nothing(three: CommandLine, data_dir: Path) -> None:
    three("contact", "set", "1", "note=Zanzibar plans")
    three("contact", "set", "1", "note=")
    assert b"Zanzibar" in b"".join(path.read_bytes() for path in data_dir.rglob("*") if path.is_file())
    refused = three("contact", "erase", "Minji Kim", code=2)
    assert "--yes" in refused.err
    assert three.json("contact", "erase", "Minji Kim", "--dry-run")["dry_run"]
    three("--as", "alice", "contact", "erase", "Minji Kim", "--yes", code=5)
    assert names(three.json("contact", "list")) == ["Ada Lovelace", "Minji Kim", "홍길동"]
    assert erased(three("contact", "erase", "Minji Kim", "--yes"), data_dir, b"Zanzibar")
    three("contact", "show", "1", code=4)
    assert three.json("trash", "list") == []


def test_an_erasure_has_a_certificate(three: CommandLine, data_dir: Path, tmp_path: Path) -> None:
    proof = tmp_path / "proof.json"
    three("contact", "erase", "Minji Kim", "--yes", "--certificate", proof)
    assert "Minji" not in proof.read_text()
    assert three.json("erase", "verify", proof)["contacts"] == 1
    (listed,) = three.json("erase", "list")
    assert sorted(listed) == sorted(json_keys.KEYS["erasure"])
    assert (listed["contacts"], listed["pending"]) == (1, False)
    proof.write_text(proof.read_text().replace('"contacts": 1', '"contacts": 2'))
    assert "changed" in three("erase", "verify", proof, code=1).err


def test_nothing_is_erased_where_there_can_be_no_certificate(three: CommandLine, tmp_path: Path) -> None:
    refused = three("contact", "erase", "1", "--yes", "--certificate", tmp_path / "nowhere" / "proof.json", code=1)
    assert "nothing was erased" in refused.err
    assert three.json("contact", "show", "1")["name"] == "Minji Kim"


def test_a_certificate_says_what_the_scan_found(three: CommandLine, data_dir: Path, tmp_path: Path) -> None:
    (data_dir / "forgotten.csv").write_text("minji@example.com")
    three("contact", "erase", "1", "--yes", "--certificate", tmp_path / "proof.json", code=1)
    assert "pieces of them in forgotten.csv" in three("erase", "verify", tmp_path / "proof.json").out


def test_a_reader_holds_an_erasure_up_until_it_ends(impatient: None, three: CommandLine, data_dir: Path) -> None:
    reader = sqlite3.connect(data_dir / "sharedbook.sqlite", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM contacts").fetchone()
    answer = three("contact", "erase", "Minji Kim", "--yes", code=3)
    assert "erase resume" in answer.err and "Traceback" not in answer.err
    three("contact", "show", "1", code=4)
    assert three.json("erase", "list")[0]["pending"]
    assert "erase resume" in three("doctor", "--offline", code=1).out
    reader.close()
    assert three.json("erase", "resume")["count"] == 1
    assert not three.json("erase", "list")[0]["pending"]
    assert not any(b"minji@example.com" in path.read_bytes() for path in data_dir.rglob("*") if path.is_file())


def test_what_the_ledger_lost_is_put_into_it_again(three: CommandLine, data_dir: Path) -> None:
    three("contact", "erase", "Minji Kim", "--yes")
    ledger = data_dir / "erasures.log"
    whole = ledger.read_text()
    ledger.write_text(whole.replace("T", "t"))
    assert "line 1 of" in three("doctor", "--offline", code=1).out
    ledger.write_text("")
    assert "lacks 1 contact" in three("doctor", "--offline", code=1).out
    assert "put into the ledger again: 1 contact" in three("erase", "resume").out
    assert ledger.read_text().split()[1] == whole.split()[1]
    assert "the ledger is intact" in three("doctor", "--offline").out


def test_emptying_the_trash(three: CommandLine, data_dir: Path) -> None:
    three("contact", "delete", "minji@example.com")
    assert three.json("trash", "empty", "--older-than", "1", "--yes")["count"] == 0
    assert three("trash", "empty", code=2).err
    assert erased(three("trash", "empty", "--yes"), data_dir, b"minji@example.com")
    assert three("trash", "empty").out == "there is nothing to erase\n"


def test_a_site_without_trash_asks_first(three: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHAREDBOOK_DELETION", "immediate")
    assert "--yes" in three("contact", "delete", "1", code=2).err
    assert "gone for good" in three("contact", "delete", "1", "--yes").out
    assert three.json("trash", "list") == []
    three("contact", "show", "1", code=4)


def test_visibility(three: CommandLine) -> None:
    def seen(*change: str, code: int = 0) -> list[str]:
        three("contact", "visibility", "1", *change, code=code)
        kept = three.json("contact", "show", "1")["visibility"]
        assert (kept["kind"] == "listed") is bool(kept["subjects"])
        return [kept["kind"], *kept["subjects"]]

    three("grant", "add", "customers", "everyone", "view")
    assert seen("+carol,+@sales") == ["listed", "@sales", "carol"]
    assert seen("-@sales") == ["listed", "carol"]
    assert names(three.json("--as", "bob", "contact", "list")) == ["Ada Lovelace", "홍길동"]
    assert "Minji Kim" in names(three.json("--as", "carol", "contact", "list"))
    three("--as", "bob", "contact", "show", "1", code=4)
    three("--as", "carol", "contact", "visibility", "1", "all", code=5)
    three("contact", "share", "1", "off")
    assert three.json("contact", "show", "1")["visibility"]["kind"] == "private"
    three("contact", "share", "1", "on")
    assert seen("+carol") == ["listed", "carol"]
    assert seen("all") == ["all"]
    assert seen("-carol", code=2) == ["all"]
    assert seen("carol", code=2) == ["all"]
    assert seen("+nobody", code=4) == ["all"]
    three("contact", "share", "1", "maybe", code=2)


def test_owners(three: CommandLine) -> None:
    three("contact", "owner", "set", "1", "--to", "carol")
    assert names(three.json("contact", "list", "--owner", "carol")) == ["Minji Kim"]
    three("contact", "owner", "set", "1", code=2)
    three("contact", "owner", "set", "1", "--to", "nobody", code=4)
    three("--as", "bob", "contact", "owner", "set", "1", "--to", "bob", code=5)
    three("contact", "owner", "set", "1", "--unowned")
    assert three.json("contact", "show", "1")["owner"] is None


def test_members_act_with_their_rights(three: CommandLine) -> None:
    as_bob = ("--as", "bob", "contact")
    mine = three.json(*as_bob, "add", "--name", "Bob's own", "--group", "customers")
    assert mine["owner"] == "bob"
    three(*as_bob, "set", "Minji Kim", "title=x")
    three(*as_bob, "delete", "Minji Kim", code=5)
    three(*as_bob, "delete", "Bob's own")
    three("--as", "carol", "contact", "show", "Minji Kim", code=4)
    three("--as", "carol", "contact", "add", "--name", "X", "--group", "customers", code=4)
