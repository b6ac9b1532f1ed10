"""The mission centre: bulk actions of the command line as jobs, in the foreground and in a process of their own."""

from __future__ import annotations

import os
import random
import re
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from sharedbook import app as sharedbook_app
from sharedbook.app import App
from sharedbook.cli.terminal import as_job, json_keys
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.imports import transfer
from sharedbook.services.jobs import actions, batches, bulk, jobs, runner
from sharedbook.services.jobs.jobs import Job, State
from sharedbook.settings import Settings
from sharedbook.store.schema import jobs as job_rows
from tests.cli.conftest import CommandLine, Terminal
from tests.support.eventually import eventually
from tests.support.sites import CLIENT, CONSOLE, as_console, card


@pytest.fixture
def people(staffed: CommandLine) -> CommandLine:
    """Three contacts in customers, and the empty group press."""
    staffed("group", "add", "Press")
    for name in ("Minji Kim", "Ada Lovelace", "Jörg Müller"):
        staffed("contact", "add", "--name", name, "--group", "customers")
    return staffed


@pytest.fixture
def site(people: CommandLine, data_dir: Path) -> Iterator[App]:
    """The same site, opened beside the command line."""
    opened = sharedbook_app.open(Settings(data_dir=data_dir))
    yield opened
    opened.close()


def groups_of(sharedbook: CommandLine) -> list[list[str]]:
    return [each["groups"] for each in sharedbook.json("contact", "list")]


def test_a_bulk_action_tells_its_job_and_how_to_undo_it(people: CommandLine) -> None:
    done = people("contact", "move", "1", "2", "3", "--from", "customers", "--to", "press", "--yes").out
    assert done == "move from customers to press: 3 contacts (job 1)\n  undo: sharedbook job undo 1\n"
    (job,) = people.json("job", "list")
    assert job.keys() == json_keys.KEYS["job"].keys()
    assert (job["kind"], job["state"], job["done"], job["total"], job["counts"]) == ("move", "done", 3, 3, {"done": 3})
    assert job == people.json("job", "show", 1)
    assert groups_of(people) == [["press"]] * 3
    assert "add --yes" in people("job", "undo", 1, code=2).err
    undone = people.json("job", "undo", 1, "--yes")
    assert (undone["job"], undone["items"]) == (2, [1, 2, 3])
    assert groups_of(people) == [["customers"]] * 3
    tagged = [people.json("contact", "tag", *some, "+x", "--yes")["notes"] for some in ((1, 2), (1, 2, 3), (2, 3))]
    assert [each[:-1] for each in tagged[:2]] == [[], ["unchanged: 2"]] and tagged[2] == ["unchanged: 2"]
    assert people.json("job", "show", 2)["undoes"] == 1
    assert "left to undo" in people("job", "undo", 1, "--yes", code=5).err


def test_what_is_done_to_one_contact_is_not_asked_for_and_can_be_undone(people: CommandLine) -> None:
    done = people("contact", "copy", 1, "--to", "press").out
    assert done == "copy to press: 1 contact (job 1)\n  undo: sharedbook job undo 1\n"
    again = people.json("contact", "copy", 1, "--to", "press")
    assert (again["job"], again["notes"]) == (None, ["unchanged: 1"]), "it changed nothing"
    assert people.json("job", "list") == [people.json("job", "show", 1)]
    assert people.json("job", "undo", 1, "--yes")["job"] == people.json("job", "list")[0]["id"]
    assert groups_of(people) == [["customers"]] * 3
    people("contact", "move", 2, "--from", "press", "--to", "customers", code=4)
    assert len(people.json("job", "list")) == 2, "what was refused has left nothing"


def test_a_group_without_contacts_is_deleted_brought_back_and_deleted_again(people: CommandLine) -> None:
    deleted = people.json("group", "delete", "press", "--contacts", "keep", "--yes")["job"]
    for job, there in ((deleted, True), (deleted + 1, False), (deleted + 2, True)):
        people("job", "undo", job, "--yes")
        assert ("press" in [each["slug"] for each in people.json("group", "list")]) is there


def test_the_list_goes_on_where_it_ended(people: CommandLine) -> None:
    for tag in ("+a", "+b", "+c"):
        people("contact", "tag", 1, tag)
    first = people("job", "list", "--limit", 2)
    assert [line[0] for line in first.out.splitlines()] == ["J", "3", "2"]
    assert first.err == "there are more: add --before 2\n"
    rest = people("job", "list", "--limit", 2, "--before", 2, "--state", "done", "--kind", "tag")
    assert ([line[0] for line in rest.out.splitlines()], rest.err) == (["J", "1"], "")
    assert people("job", "list", "--by", "bob").err == "No jobs match.\n"


def test_a_member_takes_back_what_he_did_to_one_contact(people: CommandLine) -> None:
    bob = ("--as", "bob")

    def shown() -> dict[str, object]:
        return {**people.json(*bob, "contact", "show", 4), "version": None, "modified": None}

    people(*bob, "contact", "add", "--name", "Bob's Own", "--group", "customers")
    before = shown()
    for command in (["delete", 4], ["tag", 4, "+vip"], ["visibility", 4, "+carol"]):
        job = people.json(*bob, "contact", *command)["job"]
        people("--as", "carol", "job", "undo", job, "--yes", code=4)
        people(*bob, "job", "undo", job, "--yes")
        assert shown() == before, command


def test_refused_contacts_are_listed(people: CommandLine) -> None:
    people("contact", "move", 2, "--from", "customers", "--to", "contacts")
    answer = people("contact", "move", "1", "2", "--from", "customers", "--to", "press", "--yes", code=3).out
    assert "1 contact, 1 refused (job 2)" in answer and "\n  contact 2 is not in customers\n" in answer
    (error,) = people.json("job", "errors", 2)
    assert error.keys() == json_keys.KEYS["job_error"].keys()
    assert (error["contact"], error["line"], error["code"]) == (2, None, "contact-not-found")
    assert people("job", "errors", 2).out.split()[:3] == ["Contact", "Code", "Reason"]
    assert people.json("job", "errors", 2, "--after", 2) == []
    assert "read no file" in people("job", "errors", 2, "--output", "fix.csv", code=2).err
    watched = people("job", "watch", 2, code=3).out
    assert watched.startswith("job 2 part: 2 of 2, ") and watched.endswith("done: 1, error: 1\n")


def test_what_refuses_all_begins_nothing(people: CommandLine) -> None:
    people("contact", "copy", "1", "2", "--to", "nowhere", "--yes", code=4)
    people("--as", "carol", "contact", "owner", "set", "--where", "kim", "--to", "carol", "--yes", code=5)
    assert people.json("job", "list") == []


def test_a_dry_run_makes_a_plan_and_apply_does_it(people: CommandLine) -> None:
    shown = people("contact", "copy", "1", "2", "--to", "press", "--dry-run").out
    assert shown.startswith("Dry run, nothing is changed: copy to press: 2 contacts\n  1 Minji Kim\n")
    assert shown.endswith("  to do exactly this: sharedbook apply 1\n")
    assert groups_of(people) == [["customers"]] * 3
    assert people.json("job", "show", 1)["state"] == "planned"
    assert "sharedbook apply 1" in people("job", "resume", 1, code=5).err + people("job", "watch", 1, code=5).err
    done = people.json("apply", 1)
    assert (done["job"], done["items"]) == (1, [1, 2])
    assert sorted(groups_of(people)) == [["customers"], ["customers", "press"], ["customers", "press"]]
    people("apply", 1, code=5)


def test_a_plan_is_refused_when_a_contact_of_it_was_changed(people: CommandLine) -> None:
    plan = people.json("contact", "delete", "1", "2", "--dry-run")["job"]
    people("contact", "set", 2, "title=Countess")
    refused = people("apply", plan, code=5).err
    assert "contact 2" in refused and "--dry-run again" in refused
    assert len(people.json("contact", "list")) == 3


def test_without_a_trash_there_is_no_way_back(people: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHAREDBOOK_DELETION", "immediate")
    done = people("contact", "delete", "1", "2", "--yes").out
    assert "2 contacts (job 1)" in done and "undo" not in done
    assert people.json("job", "show", 1)["counts"] == {"done": 2}
    assert "gone for good" in people("job", "undo", 1, "--yes", code=5).err


def test_members_have_their_own_jobs(people: CommandLine) -> None:
    people("--as", "bob", "contact", "tag", "--where", "customers", "+vip", "--yes", code=None)
    people("--as", "bob", "contact", "tag", "1", "2", "+vip", "--yes", "--background")
    people("--as", "bob", "job", "watch", 1)
    assert people.json("job", "show", 1)["actor"] == "bob"
    people("--as", "carol", "job", "show", 1, code=4)
    people("--as", "bob", "job", "undo", 1, "--yes")


def add_many(site: App, count: int) -> list[int]:
    with as_console(site) as tx:
        cards = [vcard.parse(card(f"uid-{number}", f"Person {number}")) for number in range(count)]
        return contacts.add_many(tx, groups.get(tx, "customers"), cards)


def test_watched_on_a_terminal(
    people: CommandLine, site: App, terminal: Callable[..., Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch is shown before the next one begins, on one line; one contact is refused."""
    monkeypatch.setattr(batches, "BATCH_CONTACTS", 20)
    monkeypatch.setattr(batches, "CHUNK_CONTACTS", 10)
    ids = add_many(site, 60)
    with as_console(site) as tx:
        press, customers = groups.get(tx, "press"), groups.get(tx, "customers")
        contacts.move(tx, ids[-1:], customers, press)
        job = bulk.add(tx, actions.Move(customers.id, press.id), ids)
    watching = terminal("job", "watch", str(job.id))
    watching.until("job 1 waiting: 0 of 60")
    bulk.run(site, CONSOLE, CLIENT, job.id, lambda done: watching.until(f"{done.done} of 60"))
    assert watching.end() == 3
    *lines, end = watching.shown.split("\r\x1b[K")
    assert end.startswith("job 1 part: 60 of 60, ") and end.endswith(", done: 59, error: 1\r\n")
    assert [line for line in lines if re.fullmatch(r"job 1 running: 40 of 60, [\d.]+ a second(, \d+ s left)?", line)]
    assert max(map(len, lines)) < 80 and not any("\n" in line for line in lines)


def test_what_cannot_begin_in_the_background_is_told_by_watch(people: CommandLine, site: App, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("name\nZoe\n")
    transfer.import_file(site, CONSOLE, CLIENT, file, group="customers", wait=True)
    people("job", "cancel", 1)
    assert "waits no more: it is cancelled" in people("job", "resume", 1, "--waiting", code=5).err
    file.write_text("name\nEve\n")
    people("job", "resume", 1, "--background")
    watched = people("job", "watch", 1, code=1).out
    assert watched.startswith("job 1 failed: 0") and "people.csv was changed since job 1 began" in watched


def look(site: App) -> Job:
    with as_console(site, write=False) as tx:
        return jobs.list_jobs(tx)[0]


def kill_its_runner(site: App) -> None:
    """Kills the process of the last job, which has a session of its own."""
    with as_console(site, write=False) as tx:
        name = tx.db.execute(select(job_rows.c.runner).order_by(job_rows.c.id.desc())).scalars().first()
    assert name is not None and name != runner.me()
    pid = int(name.split(" ")[-2])
    assert os.getsid(pid) == pid
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: look(site).state, State.KILLED)


STOPPING = """
import signal
from sharedbook.services.jobs import batches
chunk = batches.Run._chunk
def stopping(run, *given):
    done = chunk(run, *given)
    if run.counts.total() > batches.BATCH_CONTACTS:
        signal.pause()
    return done
batches.Run._chunk = stopping
"""
"""What makes the process of a job stop within a batch, behind one that is committed."""


@pytest.mark.soak
def test_killed_in_the_background_it_goes_on_with_the_rest(
    people: CommandLine, site: App, monkeypatch: pytest.MonkeyPatch, soak: bool
) -> None:
    """Each time it is killed while it does a later batch than the last time."""
    count, kills = (30_000, 40) if soak else (1_100, 1)
    ids = add_many(site, count)
    with monkeypatch.context() as patch:
        if not soak:  # with so few it would have ended before a busy machine looks again
            patch.setattr(as_job, "PROGRAM", f"{STOPPING}{as_job.PROGRAM}")
        started = people.json("contact", "copy", "--where", "person", "--to", "press", "--yes", "--background")
    assert started["notes"] == ["follow it: sharedbook job watch 1"]
    before = 0
    for _ in range(kills):
        eventually(lambda before=before: look(site).done > before, True)  # type: ignore[misc]
        if soak:
            threading.Event().wait(random.random() / 4)
        kill_its_runner(site)
        done = look(site).done
        assert before < done < count
        assert people("job", "watch", 1, code=1).out.startswith(f"job 1 killed: {done} of {count}, ")
        people("job", "cancel", 1)
        people("job", "cancel", 1, code=5)
        people("job", "resume", 1, "--background")
        before = done
    ended = people.json("job", "watch", 1)
    assert (ended["state"], ended["counts"]) == ("done", {"done": count})
    with as_console(site, write=False) as tx:
        assert {len(contacts.history(tx, key)) for key in ids} == {2}, "added, and copied once"
