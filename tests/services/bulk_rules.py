"""What the machine of random lives does with bulk actions and their undo, and what the model makes of it."""

from __future__ import annotations

from copy import deepcopy

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from sharedbook.app import App
from sharedbook.domain.errors import UidConflict
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.jobs import actions, bulk, jobs
from sharedbook.services.jobs.jobs import Result, State
from tests.services.sync_model import Device, Model, ModelContact
from tests.support.sites import CLIENT, CONSOLE, as_console

KINDS = ["copy", "move", "delete", "tag", "hide", "owner"]
GROUPS = ["clients", "partners", "suppliers"]


class BulkRules(RuleBasedStateMachine):
    """A part of the machine of ``test_sync_machine``, which has the rest."""

    site: App
    model: Model
    devices: list[Device]
    number: int

    def href_of(self, key: int, slug: str) -> str:
        """The name that the product chose for a contact in a group."""
        raise NotImplementedError

    def sync(self, device: Device, limit: int | None = None) -> None:
        """A device asks what changed, and is right then."""
        raise NotImplementedError

    def remember(self) -> None:
        """Notes what everyone can see now."""
        raise NotImplementedError

    @precondition(lambda self: self.number % 3 == 0)  # it takes as long as several other steps
    @precondition(lambda self: any(not contact.trashed for contact in self.model.contacts.values()))
    @rule(
        data=st.data(),
        kind=st.sampled_from(["copy", "move", "delete", "tag", "hide", "owner"]),
        to=st.sampled_from(GROUPS),
    )
    def bulk_action_and_its_undo(self, data: st.DataObject, kind: str, to: str) -> None:
        """Clients sync before it, between the two, and behind it."""
        living = sorted(key for key, contact in self.model.contacts.items() if not contact.trashed)
        keys = sorted(data.draw(st.sets(st.sampled_from(living), min_size=1, max_size=3)))
        before = {key: deepcopy(self.model.contacts[key]) for key in keys}
        source = min(before[keys[0]].places)
        with as_console(self.site) as tx:
            ids = {info.group.slug: info.group.id for info in groups.list_groups(tx)}
            action = {
                "copy": actions.Copy(ids[to]),
                "move": actions.Move(ids[source], ids[to]),
                "delete": actions.Delete(),
                "tag": actions.Tag((f"tag {self.number}",), ()),
                "hide": actions.SetVisibility("private"),
                "owner": actions.Owner(None),
            }[kind]
            job = bulk.add(tx, action, keys)
        done = bulk.run(self.site, CONSOLE, CLIENT, job.id)
        with as_console(self.site, write=False) as tx:  # of two with one UID a group takes the first
            refused = {each.contact_id for each in jobs.told(tx, job.id) if each.code == UidConflict.code}
        for key in (each for each in keys if each not in refused):
            self.expect(self.model.contacts[key], kind, source, to)
        for key in keys:
            if to in self.model.contacts[key].places and not self.model.contacts[key].trashed:
                self.model.contacts[key].places[to] = self.href_of(key, to)
            with as_console(self.site, write=False) as tx:
                self.model.contacts[key].etag = contacts.get(tx, key).etag
        self.remember()
        for device in self.devices[-2:]:
            self.sync(device)
        if done.counts.get(Result.DONE):
            with as_console(self.site) as tx:
                undo = bulk.add(tx, *bulk.undo_of(tx, job.id))
            assert bulk.run(self.site, CONSOLE, CLIENT, undo.id).state is State.DONE
        self.model.contacts.update(before)

    def expect(self, contact: ModelContact, kind: str, source: str, to: str) -> None:
        """What a bulk action makes of a contact, but for names and ETags that the product chooses."""
        if kind == "delete":
            contact.trashed = True
        elif kind == "hide":
            contact.kind, contact.listed = "private", set()
        elif kind == "owner":
            contact.owner = None
        elif kind == "copy":
            contact.places.setdefault(to, "")
        elif kind == "move" and source in contact.places and source != to:
            del contact.places[source]
            contact.places.setdefault(to, "")
