"""The sync state machine's rule that makes several contacts one."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from sharedbook.app import App
from sharedbook.formats.vcards import vcard
from sharedbook.services.contacts import contacts
from sharedbook.services.jobs import bulk, jobs
from sharedbook.services.jobs.actions import Action, Merge
from sharedbook.services.people import subjects
from tests.services.sync_model import Device, Model
from tests.support.sites import CLIENT, CONSOLE, as_console


class MergeRule(RuleBasedStateMachine):
    """What it needs of the machine: the site, its model, and the hrefs that the product chose."""

    site: App
    model: Model
    devices: list[Device]
    text: dict[int, str]

    def href_of(self, key: int, slug: str) -> str:
        raise NotImplementedError

    def sync(self, device: Device, limit: int | None = None) -> None:
        """A device asks what changed, and is right then."""
        raise NotImplementedError

    def remember(self) -> None:
        """Notes what everyone can see now."""
        raise NotImplementedError

    @precondition(lambda self: sum(not each.trashed for each in self.model.contacts.values()) > 1)
    @rule(data=st.data(), undos=st.integers(0, 2))
    def merge(self, data: st.DataObject, undos: int) -> None:
        """Clients sync before it, and before each undo: of the merge, then of that undo.

        Owner and visibility are the product's to choose, as long as nobody is shown more than he saw.

        It may be refused where another card has, or had, the UID of the kept one.
        """
        living = [key for key, each in sorted(self.model.contacts.items()) if not each.trashed]
        keys = data.draw(st.lists(st.sampled_from(living), min_size=2, max_size=3, unique=True))
        job = self.run_job(Merge((tuple(keys),)), keys)
        if job.state is jobs.State.PART:
            uids = [vcard.load(text).uid for text in self.text.values()]
            assert uids.count(vcard.load(self.text[keys[0]]).uid) > 1
            return
        apart = {key: deepcopy(self.model.contacts[key]) for key in keys}
        self.expect_merged(keys)
        merged = {key: self.model.contacts[key] for key in keys}
        for state in (apart, merged)[:undos]:
            self.remember()
            for device in self.devices[-2:]:
                self.sync(device)
            with as_console(self.site, write=False) as tx:
                back = bulk.undo_of(tx, job.id)
            job = self.run_job(*back)
            assert job.state is jobs.State.DONE
            self.model.contacts.update(state)
            self.text[keys[0]] = self.text_of(keys[0])

    def text_of(self, key: int) -> str:
        """The card as it is."""
        with as_console(self.site, write=False) as tx:
            return contacts.get(tx, key).vcard

    def expect_merged(self, keys: Sequence[int]) -> None:
        """What the model has of contacts that were merged; the product chose who sees them."""
        saw = set.intersection(*(self.model.seers(self.model.contacts[key]) for key in keys))
        with as_console(self.site, write=False) as tx:
            kept = contacts.get(tx, keys[0])
            named = subjects.by_ids(tx, {*kept.visibility.listed, *filter(None, [kept.owner_id])})
        contact = self.model.contacts[keys[0]]
        contact.owner = named[kept.owner_id].label if kept.owner_id else None
        contact.kind, contact.listed = str(kept.visibility.kind), {named[each].label for each in kept.visibility.listed}
        contact.etag, self.text[keys[0]] = kept.etag, kept.vcard
        for key in keys[1:]:
            other = self.model.contacts[key]
            other.trashed = True
            for slug in other.places.keys() - contact.places.keys():
                contact.places[slug] = self.href_of(keys[0], slug)
        assert self.model.seers(contact) <= saw

    def run_job(self, action: Action, ids: Sequence[int]) -> jobs.Job:
        """Does it as a job, to its end."""
        with as_console(self.site) as tx:
            job = bulk.add(tx, action, ids)
        return bulk.run(self.site, CONSOLE, CLIENT, job.id)
