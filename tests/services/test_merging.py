"""Several contacts made one: nothing lost, nobody shown more than he saw, clients and references follow."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sharedbook import app
from sharedbook.app import App
from sharedbook.domain.errors import (
    Conflict,
    ContactNotFound,
    Forbidden,
    InvalidValue,
    Protected,
    UidConflict,
    VersionConflict,
)
from sharedbook.domain.model import PRIVATE, Contact, Event, Right, Visibility, VisibilityKind
from sharedbook.formats.vcards import fields, vcard
from sharedbook.services.audit import audit_log
from sharedbook.services.books import cards, groups, sync
from sharedbook.services.contacts import contacts, custom_fields, history, trash
from sharedbook.services.erasing import erasure
from sharedbook.services.jobs import bulk, jobs, snapshots
from sharedbook.services.jobs.actions import Action, Merge
from sharedbook.services.jobs.jobs import Job, State
from sharedbook.services.members import grants, members
from sharedbook.services.merging import duplicates, merging
from sharedbook.services.merging.merging import Merged
from sharedbook.services.upkeep import backup
from sharedbook.services.writing import photos
from sharedbook.settings import Settings
from sharedbook.store.schema import merged_contacts
from tests.services.people import add_members
from tests.support.pictures import picture
from tests.support.sites import CLIENT, CONSOLE, as_console, as_member, card, new_site

RIGHTS = Right.VIEW | Right.EDIT | Right.DELETE


def fill(site: App) -> None:
    """Groups clients (viewed by ann and bob) and partners (viewed by ann and cat)."""
    add_members(site, "ann", "bob", "cat")
    with as_console(site) as tx:
        for name in ("Clients", "Partners"):
            groups.add(tx, name)
        for slug, login in (("clients", "ann"), ("clients", "bob"), ("partners", "ann"), ("partners", "cat")):
            grants.grant(tx, slug, login, RIGHTS)


@pytest.fixture(scope="module")
def mold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a filled site, to be copied."""
    folder = tmp_path_factory.mktemp("mold") / "site"
    made = new_site(folder, default_region="KR")
    fill(made)
    made.close()
    return folder


@pytest.fixture
def site(mold: Path, tmp_path: Path) -> Iterator[App]:
    folder = shutil.copytree(mold, tmp_path / "site")
    made = app.open(Settings(data_dir=folder, default_region="KR"))
    yield made
    made.close()


@pytest.fixture
def on_both(database_url: str, tmp_path: Path) -> Iterator[App]:
    """The same on either database, for the tests that write into every table."""
    made = new_site(tmp_path / "both", database_url, default_region="KR")
    fill(made)
    yield made
    made.close()


def add(site: App, name: str, *lines: str, group: str = "clients", uid: str = "", owner: str = "") -> int:
    with as_console(site) as tx:
        owner_id = members.get(tx, owner).id if owner else None
        made = vcard.parse(card(uid or f"uid-{name}", name, *lines))
        return contacts.add(tx, groups.get(tx, group), made, owner_id=owner_id).id


def merge(site: App, *ids: int, **more: object) -> Merged:
    with as_console(site) as tx:
        return merging.merge(tx, ids, **more)  # type: ignore[arg-type]


def run(site: App, action: Action, ids: Sequence[int]) -> Job:
    """Does it as a job."""
    with as_console(site) as tx:
        job = bulk.add(tx, action, ids)
    return bulk.run(site, CONSOLE, CLIENT, job.id)


def undo(site: App, job_id: int) -> Job:
    with as_console(site, write=False) as tx:
        back = bulk.undo_of(tx, job_id)
    return run(site, *back)


def get(site: App, contact_id: int) -> Contact:
    with as_console(site, write=False) as tx:
        return contacts.get(tx, contact_id)


def seers(site: App, contact_id: int) -> list[str]:
    with as_console(site, write=False) as tx:
        return [each.member.name for each in grants.who_can_see(tx, contact_id)]


def listed(site: App, login: str, slug: str) -> dict[str, str]:
    with as_member(site, login) as tx:
        return {each.href: each.etag for each in cards.listing(tx, groups.book(tx, slug))}


class Client:
    """A mail client that has synced a book once."""

    def __init__(self, site: App, login: str, slug: str) -> None:
        self.site, self.login, self.slug = site, login, slug
        self.token, self.held = "", dict[str, str]()
        self.sync()

    def sync(self) -> None:
        with as_member(self.site, self.login) as tx:
            found = sync.changes(tx, groups.book(tx, self.slug), self.token)
        self.token = found.token
        self.held = {href: etag for href, etag in self.held.items() if href not in found.removed}
        self.held |= {each.href: each.etag for each in found.changed}
        assert self.held == listed(self.site, self.login, self.slug)


def test_the_others_go_and_the_kept_one_has_all(on_both: App) -> None:
    site = on_both
    one = add(site, "Minji Kim", "EMAIL:minji@example.com", "NOTE:Tea")
    two = add(site, "Kim Minji", "EMAIL:m@home.example", "X-SKYPE:mk", group="partners")
    with as_console(site) as tx:
        before = contacts.get_many(tx, [one, two])
    clients = [
        Client(site, login, slug) for login, slug in (("ann", "clients"), ("bob", "clients"), ("ann", "partners"))
    ]
    found = merge(site, one, two)
    assert [contact.id for contact in found.contacts] == [one, two] and found.groups == ("partners",)
    kept, gone = get(site, one), get(site, two)
    assert (kept.uid, gone.vcard) == (before[0].uid, before[1].vcard)
    assert [each.value for each in fields.read(vcard.load(kept.vcard)).emails] == [
        "minji@example.com",
        "m@home.example",
    ]
    assert "X-SKYPE:mk" in kept.vcard and len(kept.groups) == 2 and gone.trashed_at is not None
    for client in clients:
        client.sync()
    assert [len(client.held) for client in clients] == [1, 0, 1], "bob did not see the one of partners"
    with as_console(site) as tx:
        events = [[step.event for step in contacts.history(tx, each)] for each in (one, two)]
        assert {Event.COMBINED, Event.VISIBILITY} <= set(events[0]) and events[1] == [Event.ADDED, Event.COMBINED]
        assert history.why(tx, one, "email.2").revision.event is Event.COMBINED
        assert [each.action for each in audit_log.entries(tx)][-1] == "contact.merge"
        restored = trash.restore(tx, [two])
        assert "merged into contact 1" in restored[0].note
        assert tx.db.execute(merged_contacts.select()).all() == []
        assert contacts.get(tx, two).vcard == before[1].vcard


def test_a_merge_that_changes_no_text_is_a_step_all_the_same(site: App) -> None:
    """Whoever has seen the version before is told that his is old."""
    one, two = add(site, "Minji Kim"), add(site, "Minji Kim", uid="another")
    before = get(site, one)
    assert merge(site, one, two).kept == replace(before, version=before.version + 1)
    with as_console(site) as tx:
        assert [step.event for step in contacts.history(tx, one)] == [Event.ADDED, Event.COMBINED]


def test_nobody_is_shown_what_he_could_not_see(site: App) -> None:
    one, two = add(site, "A"), add(site, "B", group="partners")
    assert (seers(site, one), seers(site, two)) == (["ann", "bob"], ["ann", "cat"])
    found = merge(site, one, two)
    assert seers(site, one) == ["ann"]
    assert found.notes[0].startswith("no longer seen by bob, cat")
    three, four = add(site, "C"), add(site, "D", owner="bob")
    merge(site, three, four)
    assert get(site, three).visibility.kind is VisibilityKind.ALL, "the same people saw both"


def test_the_strictest_visibility(site: App) -> None:
    one, two, three = (add(site, name) for name in "ABC")
    with as_console(site) as tx:
        ann, bob = (members.get(tx, login).id for login in ("ann", "bob"))
        contacts.set_visibility(tx, [one], Visibility(VisibilityKind.LISTED, frozenset({ann, bob})))
        contacts.set_visibility(tx, [two], Visibility(VisibilityKind.LISTED, frozenset({ann})))
    merge(site, one, two, three)
    assert get(site, one).visibility == Visibility(VisibilityKind.LISTED, frozenset({ann}))
    hidden = add(site, "Hidden")
    with as_console(site) as tx:
        contacts.set_visibility(tx, [hidden], PRIVATE)
        merging.merge(tx, [one, hidden])
        contacts.share(tx, [one], True)
    assert get(site, one).visibility == Visibility(VisibilityKind.LISTED, frozenset({ann})), "not all, as it never was"
    four, five = add(site, "D", owner="bob"), add(site, "E")
    with as_console(site) as tx:
        contacts.set_visibility(tx, [four], PRIVATE)
    merge(site, five, four)
    kept = get(site, five)
    assert (kept.visibility.kind, seers(site, five)) == (VisibilityKind.PRIVATE, [])


def test_an_owner_who_did_not_see_all_owns_it_no_more(site: App) -> None:
    one, two = add(site, "A", owner="bob"), add(site, "B", group="partners")
    found = merge(site, one, two)
    assert get(site, one).owner_id is None and seers(site, one) == ["ann"]
    assert "the owner changes" in found.notes
    with as_console(site, write=False) as tx:
        assert Event.OWNER in {step.event for step in contacts.history(tx, one)}
    three, four = add(site, "C", owner="ann"), add(site, "D", group="partners")
    merge(site, three, four)
    assert get(site, three).owner_id is not None


def test_a_visibility_that_was_asked_for(site: App) -> None:
    one, two = add(site, "A"), add(site, "B", group="partners", owner="cat")
    found = merge(site, one, two, chosen={"visibility": two, "owner": two})
    assert seers(site, one) == ["ann", "bob", "cat"] and get(site, one).owner_id == found.contacts[1].owner_id
    assert any(note.startswith("seen by bob, cat, who did not") for note in found.notes)


def test_what_a_member_may_merge(site: App) -> None:
    one, two, three = add(site, "A"), add(site, "B"), add(site, "C", group="partners")
    with as_console(site) as tx:
        grants.grant(tx, "clients", "bob", Right.VIEW | Right.EDIT)
    with as_member(site, "bob", write=True) as tx, pytest.raises(Forbidden, match="delete contact 2"):
        merging.merge(tx, [one, two])
    with as_member(site, "cat", write=True) as tx, pytest.raises(ContactNotFound):
        merging.merge(tx, [one, two])
    with as_member(site, "ann", write=True) as tx:
        for chosen in ({"owner": three}, {"visibility": three}):
            with pytest.raises(Forbidden):
                merging.merge(tx, [one, three], chosen)
    with as_member(site, "ann", write=True) as tx:
        assert merging.merge(tx, [one, two, three]).notes[0].startswith("no longer seen by 2 members")


def test_what_cannot_be_merged(site: App) -> None:
    one, two = add(site, "A"), add(site, "B", "TITLE:T")
    group = add(site, "G", "KIND:group")
    same = add(site, "Same", group="partners", uid="uid-A")
    other = add(site, "Other", group="partners")
    ours = [add(site, str(number)) for number in range(6)]
    for ids, error in (
        ([one], InvalidValue),
        ([one, one], InvalidValue),
        (ours, InvalidValue),
        ([one, group], Conflict),
        ([one, other], UidConflict),
    ):
        with pytest.raises(error):
            merge(site, *ids)
    for chosen in ({"title": one}, {"title": other}, {"colour": one}):
        with pytest.raises(InvalidValue):
            merge(site, one, two, chosen=chosen)
    with pytest.raises(VersionConflict):
        merge(site, one, two, if_versions={two: 2})
    with as_console(site) as tx:
        duplicates.mark_distinct(tx, [one, two])
    with pytest.raises(Conflict, match="different"):
        merge(site, one, two)
    with as_console(site) as tx:
        contacts.delete(tx, [two])
    with pytest.raises(Protected):
        merge(site, one, two)
    assert get(site, one).version == 1, "nothing was done"
    merge(site, one, same)
    assert len(get(site, one).groups) == 2, "the same UID is no obstacle when both are merged"


def test_custom_fields(site: App) -> None:
    ids = [add(site, name) for name in "ABC"]
    with as_console(site) as tx:
        contract = custom_fields.add(tx, "Contract").id
        cars = custom_fields.add(tx, "Cars", several=True).id
        for contact_id, numbers, models in zip(ids, ("", "17", "18"), (("a",), ("b", "a"), ()), strict=True):
            custom_fields.write(tx, contact_id, {contract: (numbers,) if numbers else (), cars: models})
    with pytest.raises(InvalidValue, match="no custom:Cars"):
        merge(site, *ids, chosen={"custom:cars": ids[2]})
    many = add(site, "Many")
    with as_console(site) as tx:
        custom_fields.write(tx, many, {cars: tuple(f"car {number}" for number in range(9))})
    with pytest.raises(InvalidValue, match="would have 11 values") as refused:
        merge(site, ids[1], many)
    assert refused.value.hint == "let one contact give it: --field custom:Cars=REF"
    found = merge(site, *ids)
    with as_console(site) as tx:
        assert custom_fields.values(tx, ids[0]) == {contract: ("17",), cars: ("a", "b")}
    told = [(each.field, each.value, each.source, each.also, each.taken) for each in found.pieces[-4:]]
    assert told == [
        ("custom:Contract", "17", 1, (), True),
        ("custom:Contract", "18", 2, (), False),
        ("custom:Cars", "a", 0, (1,), True),
        ("custom:Cars", "b", 1, (), True),
    ]


def test_other_cards_name_the_kept_one(site: App) -> None:
    one, two = add(site, "A", uid="1111-a"), add(site, "B", "RELATED:urn:uuid:1111-a", uid="2222-b")
    apple = ["X-ADDRESSBOOKSERVER-KIND:group"]
    first = add(site, "First", *apple, "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:2222-B")
    both = add(
        site, "Both", "KIND:group", "MEMBER:urn:uuid:1111-a", "MEMBER:urn:uuid:2222-b", "MEMBER:mailto:b@b.example"
    )
    friend = add(site, "Friend", "item1.RELATED;TYPE=friend:2222-b", "RELATED;TYPE=spouse:1111-a")
    before = [get(site, each) for each in (one, two, first, both, friend)]
    job = run(site, Merge(((one, two),)), [one, two])
    assert job.counts == {"done": 5}
    assert get(site, first).vcard == card("uid-First", "First", *apple, "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:1111-a")
    assert get(site, both).vcard == card(
        "uid-Both", "Both", "KIND:group", "MEMBER:urn:uuid:1111-a", "MEMBER:mailto:b@b.example"
    )
    lines = ("item1.RELATED;TYPE=friend:1111-a", "RELATED;TYPE=spouse:1111-a")
    assert get(site, friend).vcard == card("uid-Friend", "Friend", *lines)
    assert "RELATED" not in get(site, one).vcard, "nobody is related to himself"
    undo(site, job.id)
    for contact in before:
        now = get(site, contact.id)
        assert replace(now, version=0, modified=now.created) == replace(contact, version=0, modified=now.created)


def test_a_line_that_names_both_stays(site: App) -> None:
    one, two = add(site, "A", uid="same"), add(site, "B", uid="same", group="partners")
    group = add(site, "G", "KIND:group", "MEMBER:urn:uuid:same")
    run(site, Merge(((one, two),)), [one, two])
    assert get(site, group).vcard == card("uid-G", "G", "KIND:group", "MEMBER:urn:uuid:same")


def test_a_photo_comes_with_its_original(tmp_path: Path) -> None:
    site = new_site(tmp_path / "site", limits_served_photo_bytes=3_000)
    data = picture()
    assert len(data) > 3_000
    one = add(site, "A", group="contacts")
    two = add(site, "B", f"PHOTO;ENCODING=b;TYPE=PNG:{base64.b64encode(data).decode()}", group="contacts")
    with as_console(site) as tx:
        merging.merge(tx, [one, two])
        shown = photos.picture(tx, contacts.get(tx, one))
    assert shown == ("image/png", data)
    site.close()


def test_without_a_trash(tmp_path: Path) -> None:
    site = new_site(tmp_path / "site", deletion="immediate")
    one, two = add(site, "A", group="contacts"), add(site, "B", "NOTE:x", group="contacts")
    assert "cannot be undone" in merge(site, one, two).notes[-1]
    with as_console(site) as tx:
        assert [contact.id for contact in contacts.seen(tx, [one, two])] == [one]
    site.close()


def test_erasing_the_kept_one_erases_what_was_merged_into_it(on_both: App) -> None:
    site = on_both
    ids = [add(site, name, f"NOTE:{name * 8}") for name in ("Qwa", "Wex", "Yvo", "Zub")]
    merge(site, *ids[:2])
    merge(site, ids[2], ids[0])
    merge(site, ids[2], ids[3])
    with as_console(site) as tx:
        assert erasure.left_elsewhere(tx, contacts.get_many(tx, [ids[3]])) == [
            f"contact {ids[3]} was merged into {ids[2]}, which keeps what came from it"
        ]
    report = erasure.erase(site.site, CONSOLE, CLIENT, [ids[3]])
    assert (report.contacts, report.residue) == ([ids[3]], {})
    assert "NOTE:YvoYvo" in get(site, ids[2]).vcard and "ZubZub" in get(site, ids[2]).vcard
    report = erasure.erase(site.site, CONSOLE, CLIENT, [ids[2]])
    assert (sorted(report.contacts), report.residue) == (ids[:3], {})


def test_a_restored_backup_loses_only_what_was_erased(site: App, tmp_path: Path) -> None:
    one, two = add(site, "A"), add(site, "B")
    merge(site, one, two)
    backup.save(site.site, CONSOLE, CLIENT, tmp_path / "backup")
    with as_console(site) as tx:
        trash.restore(tx, [two])
    assert erasure.erase(site.site, CONSOLE, CLIENT, [one]).contacts == [one]
    site.close()
    restored = backup.restore(site.settings, CONSOLE, CLIENT, tmp_path / "backup", replace_present=True)
    assert (restored.contacts, restored.erased_again) == (1, 1)
    again = app.open(site.settings)
    with as_console(again, write=False) as tx:
        assert [each.id for each in trash.list_trash(tx)] == [two]
    again.close()


def test_undo_gives_back_every_contact_and_its_place(on_both: App) -> None:
    site = on_both
    ids = [
        add(site, "A", "NOTE:a", uid="same", owner="bob"),
        add(site, "B", "NOTE:b"),
        add(site, "C", group="partners"),
    ]
    ids.append(add(site, "Same", "NOTE:d", group="partners", uid="same"))
    with as_console(site) as tx:
        contract = custom_fields.add(tx, "Contract").id
        custom_fields.write(tx, ids[1], {contract: ("17",)})
        contacts.set_visibility(tx, [ids[2]], PRIVATE)
    books = [("ann", "clients"), ("bob", "clients"), ("ann", "partners"), ("cat", "partners")]
    clients = [Client(site, *book) for book in books]
    with as_console(site) as tx:
        before = snapshots.take(tx, ids), [each.vcard for each in contacts.get_many(tx, ids)]
    for kept in (ids[0], ids[3]):
        job = run(site, Merge(((kept, *(each for each in ids if each != kept)),)), ids)
        assert job.counts == {"done": 4}
        clients[0].sync()
        assert undo(site, job.id).counts == {"done": 4}
        with as_console(site) as tx:
            assert (snapshots.take(tx, ids), [each.vcard for each in contacts.get_many(tx, ids)]) == before
            assert custom_fields.values(tx, ids[0]) == {} and custom_fields.values(tx, ids[1]) == {contract: ("17",)}
            assert tx.db.execute(merged_contacts.select()).all() == []
        for client in clients:
            client.sync()


def test_undo_leaves_what_was_changed_since_and_refuses_what_is_gone(site: App) -> None:
    one, two, three = (add(site, name, f"NOTE:{name}") for name in "ABC")
    job = run(site, Merge(((one, two),)), [one, two])
    with as_console(site) as tx:
        contacts.replace(tx, one, vcard.parse(card("uid-A", "Edited")))
    back = undo(site, job.id)
    assert (back.state, back.counts) == (State.PART, {"done": 1, "error": 1})
    assert (get(site, one).name, get(site, two).trashed_at) == ("Edited", None)
    job = run(site, Merge(((one, three),)), [one, three])
    erasure.erase(site.site, CONSOLE, CLIENT, [three])
    assert undo(site, job.id).counts == {"error": 1}
    with as_console(site) as tx:
        [told] = jobs.told(tx, job.id + 1)
    assert told.message == f"contact {three}, which was merged, is gone for good"
    assert "NOTE:C" in get(site, one).vcard


def test_a_job_merges_all_or_none(site: App) -> None:
    one, two, third = add(site, "A"), add(site, "B"), add(site, "C", group="partners")
    other = add(site, "Other", group="partners", uid="uid-A")
    job = run(site, Merge(((one, two, third),)), [one, two, third])
    assert (job.state, job.counts) == (State.PART, {"error": 3})
    assert get(site, two).trashed_at is None and get(site, other).groups == get(site, third).groups
    with as_console(site) as tx, pytest.raises(VersionConflict):
        assert {each.code for each in jobs.told(tx, job.id)} == {"uid-conflict"}
        bulk.add(tx, Merge(((one, two),), (), ((one, 7),)), [one, two])
