"""The sync state machine's rule that makes several contacts one."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from sharedbook.app import App
from sharedbook.services import merging, subjects
from tests.services.sync_model import Model
from tests.support.sites import as_console


class MergeRule(RuleBasedStateMachine):
    """What it needs of the machine: the site, its model, and the hrefs that the product chose."""

    site: App
    model: Model
    text: dict[int, str]

    def href_of(self, key: int, slug: str) -> str:
        raise NotImplementedError

    @precondition(lambda self: sum(not each.trashed for each in self.model.contacts.values()) > 1)
    @rule(data=st.data())
    def merge(self, data: st.DataObject) -> None:
        """Owner and visibility are the product's to choose, as long as nobody is shown more than he saw."""
        living = [key for key, each in sorted(self.model.contacts.items()) if not each.trashed]
        keys = data.draw(st.lists(st.sampled_from(living), min_size=2, max_size=3, unique=True))
        saw = set.intersection(*(self.model.seers(self.model.contacts[key]) for key in keys))
        with as_console(self.site) as tx:
            kept = merging.merge(tx, keys).kept
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
