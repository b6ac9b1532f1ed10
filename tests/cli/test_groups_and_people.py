"""Groups, members, teams and grants: what people and programs are told, and the exit codes."""

from __future__ import annotations

import pytest

from tests.cli.conftest import CommandLine


def test_a_group_is_called_by_its_slug(sharedbook: CommandLine) -> None:
    assert sharedbook("group", "add", "Team One").out == "team-one\n"
    assert "has the path team-one;" in sharedbook("group", "add", "Team One!").err
    assert sharedbook("group", "add", "🎉").err == ""
    assert sharedbook.json("group", "add", "서울 지사", "--description", "Seoul")["slug"] == "서울-지사"
    assert sharedbook.json("group", "show", "Team One") == {
        "slug": "team-one",
        "name": "Team One",
        "description": "",
        "default": False,
        "contacts": 0,
        "rights": ["view", "add", "edit", "delete", "import", "export"],
    }


def test_groups_are_renamed_described_reordered(sharedbook: CommandLine) -> None:
    for name in ("One", "Two"):
        sharedbook("group", "add", name)
    sharedbook("group", "rename", "one", "Eins")
    sharedbook("group", "describe", "one", "The first")
    sharedbook("group", "default", "two")
    found = sharedbook.json("group", "reorder", "two", "one")
    assert [(each["slug"], each["name"], each["description"], each["default"]) for each in found] == [
        ("two", "Two", "", True),
        ("one", "Eins", "The first", False),
        ("contacts", "Contacts", "", False),
    ]


def test_a_group_is_not_deleted_without_saying_where_its_contacts_go(staffed: CommandLine) -> None:
    assert "--contacts" in staffed("group", "delete", "customers", code=2).err


@pytest.mark.parametrize(
    ("word", "where"), [("keep", ["contacts"]), ("trash", []), ("move:press", ["press"])], ids=["keep", "trash", "move"]
)
def test_a_deleted_group_leaves_its_contacts_where_it_was_told(
    staffed: CommandLine, word: str, where: list[str]
) -> None:
    staffed("group", "add", "Press")
    staffed("contact", "add", "--name", "Minji Kim", "--group", "customers")
    refused = staffed("group", "delete", "customers", "--contacts", word, code=2)
    assert "--yes" in refused.err and "Delete the group customers" in refused.err
    planned = staffed.json("group", "delete", "customers", "--contacts", word, "--dry-run")
    done = staffed.json("group", "delete", "customers", "--contacts", word, "--yes")
    assert planned["dry_run"] and planned["notes"][:-1] == done["notes"][:-1]
    assert planned["notes"][-1].endswith(f"apply {planned['job']}")
    assert done["notes"][-1].endswith(f"job undo {done['job']}")
    assert [each["groups"] for each in staffed.json("contact", "list")] == ([where] if where else [])
    assert len(staffed.json("trash", "list")) == (word == "trash")


def test_who_would_newly_see_the_contacts_is_said(staffed: CommandLine) -> None:
    staffed("contact", "add", "--name", "Minji Kim", "--group", "customers")
    staffed("grant", "add", "contacts", "everyone", "view")
    planned = staffed("group", "delete", "customers", "--contacts", "keep", "--dry-run").out
    assert "see the moved contacts for the first time: alice, carol" in planned
    assert "bob" not in planned  # he sees them in customers already
    assert "for the first time" not in staffed("group", "delete", "customers", "--contacts", "trash", "--dry-run").out


def test_the_default_group_is_not_deleted(sharedbook: CommandLine) -> None:
    answer = sharedbook("group", "delete", "contacts", "--contacts", "keep", "--yes", code=5)
    assert "default group" in answer.err and "next:" in answer.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("group", "show", "nowhere"), 4),
        (("group", "add", ""), 2),
        (("group", "add", "Clients"), 0),
        (("group", "add", "Customers"), 5),
        (("member", "add", "Not A Login", "--generate"), 2),
        (("member", "add", "alice", "--generate"), 5),
        (("member", "set", "nobody", "email=a@example.com"), 4),
        (("member", "set", "bob", "phone=1"), 2),
        (("member", "set", "bob", "postmaster=perhaps"), 2),
        (("member", "password", "bob"), 2),
        (("member", "delete", "bob", "--yes"), 2),
        (("member", "delete", "alice", "--unowned", "--yes"), 5),
        (("team", "add", "sales"), 5),
        (("team", "join", "sales", "nobody"), 4),
        (("team", "delete", "sales"), 2),
        (("grant", "add", "customers", "@nobody", "view"), 4),
        (("grant", "add", "customers", "bob", "fly"), 2),
        (("grant", "revoke", "customers", "carol"), 4),
        (("--as", "nobody", "group", "list"), 4),
        (("--as", "bob", "group", "add", "Mine"), 5),
        (("--as", "bob", "member", "list"), 5),
        (("--as", "bob", "init"), 5),
        (("gruop", "list"), 2),
        (("group", "list", "--jsno"), 2),
    ],
)
def test_exit_codes(staffed: CommandLine, arguments: tuple[str, ...], code: int) -> None:
    answer = staffed(*arguments, code=None)
    assert answer.code == code, answer
    assert bool(answer.err) is (code != 0)
    assert "Traceback" not in answer.err


def test_members_are_listed_changed_disabled(staffed: CommandLine) -> None:
    staffed("member", "set", "bob", "email=Bob@Example.com", "display-name=Bob B.", "postmaster=yes")
    staffed("member", "disable", "carol")
    columns = ("login", "display_name", "email", "postmaster", "disabled", "merged_book")
    assert [tuple(each[name] for name in columns) for each in staffed.json("member", "list")] == [
        ("alice", "", "", True, False, False),
        ("bob", "Bob B.", "bob@example.com", True, False, False),
        ("carol", "", "", False, True, False),
    ]
    assert "disabled" in staffed("--as", "carol", "group", "list", code=5).err
    staffed("member", "enable", "carol")
    staffed("--as", "carol", "group", "list")


def test_a_member_switches_a_merged_book_on_for_himself_and_changes_nothing_else(staffed: CommandLine) -> None:
    assert staffed.json("--as", "bob", "member", "set", "bob", "merged-book=on")["merged_book"] is True
    staffed("--as", "bob", "member", "set", "alice", "merged-book=on", code=5)
    staffed("--as", "bob", "member", "set", "bob", "merged-book=off", "email=b@example.com", code=5)
    assert "on or off" in staffed("member", "set", "bob", "merged-book=maybe", code=2).err
    assert staffed.json("member", "set", "bob", "merged-book=off")["merged_book"] is False


def test_a_made_password_is_shown_once(staffed: CommandLine) -> None:
    made = staffed.json("member", "password", "bob", "--generate")
    assert made["login"] == "bob" and len(made["password"]) >= 20
    assert made["password"] not in staffed("member", "list", "--json").out
    assert made["password"] != staffed.json("member", "password", "bob", "--generate")["password"]


def test_a_member_without_a_password_is_pointed_out(sharedbook: CommandLine) -> None:
    answer = sharedbook("member", "add", "dave")
    assert "sharedbook member link dave" in answer.err


def test_too_short_a_password_makes_no_member(sharedbook: CommandLine) -> None:
    assert "8" in sharedbook("member", "add", "dave", "--password-stdin", stdin="short\n", code=2).err
    assert sharedbook.json("member", "list") == []


def test_app_passwords_have_a_scope_and_an_end(staffed: CommandLine) -> None:
    add = ("member", "app-password", "add", "bob")
    made = staffed.json(*add, "desk phone", "--scope", "ldap,read", "--expires", "2099-12-31")
    assert made.pop("password")
    assert made == {
        "login": "bob",
        "label": "desk phone",
        "doors": ["ldap"],
        "write": False,
        "expires": "2099-12-31T23:59:59Z",
        "last_used": None,
    }
    assert staffed.json("member", "app-password", "list", "bob") == [made]
    staffed(*add, "desk phone", code=5)
    staffed(*add, "x", "--scope", "smtp", code=2)
    staffed(*add, "x", "--expires", "2001-01-01", code=2)
    staffed("member", "app-password", "revoke", "bob", "desk phone")
    assert staffed.json("member", "app-password", "list", "bob") == []
    staffed("member", "app-password", "revoke", "bob", "desk phone", code=4)


def test_a_member_keeps_his_own_app_passwords(staffed: CommandLine) -> None:
    staffed("--as", "bob", "member", "app-password", "add", "bob", "phone")
    staffed("--as", "bob", "member", "app-password", "add", "carol", "phone", code=5)


def test_contacts_of_a_deleted_member_pass_on(staffed: CommandLine) -> None:
    staffed("--as", "bob", "contact", "add", "--name", "Minji Kim", "--group", "customers")
    answer = staffed("member", "delete", "bob", "--give-to", "carol", "--yes")
    assert "1 contact" in answer.out and "pass to carol" in answer.out
    assert staffed.json("contact", "show", "Minji Kim")["owner"] == "carol"


def test_teams_and_grants(staffed: CommandLine) -> None:
    assert staffed.json("team", "join", "@sales", "carol") == {"name": "sales", "members": ["bob", "carol"]}
    assert staffed.json("grant", "add", "customers", "everyone", "view")["rights"] == ["view"]
    staffed("grant", "add", "customers", "carol", "edit")
    assert staffed.json("grant", "list", "customers") == [
        {"group": "customers", "subject": "everyone", "rights": ["view"]},
        {"group": "customers", "subject": "carol", "rights": ["view", "edit"]},
        {"group": "customers", "subject": "@sales", "rights": ["view", "add", "edit"]},
    ]
    staffed("team", "leave", "sales", "carol")
    staffed("grant", "revoke", "customers", "everyone")
    assert [each["subject"] for each in staffed.json("grant", "list")] == ["carol", "@sales"]
    staffed("contact", "add", "--name", "Minji Kim", "--group", "customers")
    assert staffed.json("grant", "who-can-see", "Minji Kim") == [
        {"subject": "bob", "groups": ["customers"]},
        {"subject": "carol", "groups": ["customers"]},
    ]
    staffed("team", "delete", "@sales", "--yes")
    assert staffed.json("team", "list") == []
    assert [each["subject"] for each in staffed.json("grant", "who-can-see", "Minji Kim")] == ["carol"]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("group", "show", "customer"), "did you mean customers?"),
        (("group", "show", "nowhere"), "sharedbook group list"),
        (("member", "disable", "carrol"), "did you mean carol?"),
        (("team", "leave", "sale", "bob"), "did you mean @sales?"),
        (("--as", "bob", "group", "show", "secret"), "sharedbook group list"),
    ],
)
def test_a_mistyped_name_is_told_the_one_it_is_like(
    staffed: CommandLine, arguments: tuple[str, ...], hint: str
) -> None:
    """Only of what the actor may see: bob has no rights on the group Secrets."""
    staffed("group", "add", "Secrets")
    assert f"next: {hint}" in staffed(*arguments, code=4).err


def test_a_group_whose_path_is_taken_says_so(staffed: CommandLine) -> None:
    answer = staffed("group", "add", "customers")
    assert answer.out == "customers-2\n" and "customers-2" in answer.err


def test_a_job_is_named_by_its_number(staffed: CommandLine) -> None:
    assert "sharedbook job list" in staffed("apply", "book.yaml", code=2).err


def test_a_field_written_with_an_equals_sign_is_told(staffed: CommandLine) -> None:
    assert "company:Acme" in staffed("contact", "find", "company=Acme").err
