"""An independent model of who sees what: sets and loops over plain data, nothing of the product's rules or tables."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class ModelContact:
    """What a contact is to the model: hrefs by group slug, who is on its list, whether it is in the trash."""

    places: dict[str, str]
    etag: str
    owner: str | None
    kind: str = "all"
    listed: set[str] = field(default_factory=set)
    trashed: bool = False


@dataclass(frozen=True)
class Copy:
    """What a device keeps of a card. ``spoiled``: a write that was refused has made it other than what is stored."""

    etag: str
    spoiled: bool = False


@dataclass
class Device:
    """One client of one book: what it holds as of a token."""

    member: str
    group: str
    token: str = ""
    held: dict[str, Copy] = field(default_factory=dict)

    def take(self, token: str, changed: dict[str, str], removed: list[str]) -> Device:
        """After one answer: it replaces a copy only when its ETag differs, as Thunderbird does."""
        kept = {href: copy for href, copy in self.held.items() if href not in removed}
        kept |= {href: Copy(etag) for href, etag in changed.items() if href not in kept or kept[href].etag != etag}
        return Device(self.member, self.group, token, kept)


@dataclass
class Model:
    """Members see a card when they view the group and stand in its audience; teams are written ``@team``."""

    members: list[str]
    contacts: dict[int, ModelContact] = field(default_factory=dict)
    teams: dict[str, set[str]] = field(default_factory=dict)
    viewers: dict[str, set[str]] = field(default_factory=dict)
    ever: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    refused: set[tuple[str, str, str]] = field(default_factory=set)

    def subjects(self, member: str) -> set[str]:
        """What a member answers to."""
        return {member, "everyone"} | {f"@{team}" for team, joined in self.teams.items() if member in joined}

    def views(self, member: str, group: str) -> bool:
        """Whether a grant lets the member view the group."""
        return bool(self.viewers.get(group, set()) & self.subjects(member))

    def sees(self, member: str, contact: ModelContact) -> bool:
        """Whether the member is in the contact's audience."""
        if contact.trashed:
            return False
        if contact.kind == "all" or contact.owner == member:
            return True
        return contact.kind == "listed" and bool(contact.listed & self.subjects(member))

    def seers(self, contact: ModelContact) -> set[str]:
        """Who sees a contact in any group."""
        groups = [group for group in contact.places if group in self.viewers]
        return {
            member
            for member in self.members
            if self.sees(member, contact) and any(self.views(member, group) for group in groups)
        }

    def book(self, member: str, group: str) -> dict[str, str]:
        """href -> etag of what the member sees in a group."""
        if not self.views(member, group):
            return {}
        return {
            contact.places[group]: contact.etag
            for contact in self.contacts.values()
            if group in contact.places and self.sees(member, contact)
        }

    def refuse(self, member: str, group: str, href: str) -> None:
        """A write of his was refused: what stands there has an ETag of his own from now on; the name he knows."""
        self.refused.add((member, group, href))
        self.ever.setdefault((member, group), set()).add(href)

    def marked(self, member: str, group: str) -> set[str]:
        """Hrefs of what the member sees under an ETag of his own."""
        return {href for href in self.book(member, group) if (member, group, href) in self.refused}

    def remember(self) -> None:
        """Notes for every member what he can see now: he may be told of it later."""
        for member in self.members:
            for group in self.viewers:
                self.ever.setdefault((member, group), set()).update(self.book(member, group))
