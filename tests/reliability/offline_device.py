"""A mail client's copy of one book, kept in step in one of the ways in which programs do it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.carddav.dav import CS, Client, D
from tests.support.sites import card

WAYS = ("token", "pages", "etags", "ctag")
"""By sync token, whole or page by page; by the ETags of a listing, always or when the ctag has moved."""

LIMIT, AT_ONCE = "5", 50
TAG, CTAG = f"{D}getetag", f"{CS}getctag"
DONE, FORBIDDEN, CONFLICT = (201, 204), 403, (404, 409, 412)


@dataclass
class Device:
    """``held``: ETag and text by href. ``named``: what a first sync that is not over has told of.

    ``patient``: keeps its copy of a book that is gone, in case it comes back.
    """

    client: Client
    slug: str
    way: str
    patient: bool
    held: dict[str, tuple[str, str]] = field(default_factory=dict)
    token: str = ""
    ctag: str = ""
    named: set[str] | None = None

    @property
    def path(self) -> str:
        """Its book."""
        return f"/{self.client.login}/{self.slug}/"

    def has_book(self) -> bool:
        """Whether the book is in its member's home. A disabled member has none."""
        home = self.client.propfind(f"/{self.client.login}/", TAG, depth="1")
        return home.status == 207 and self.path in home.found()

    def sync(self, pages: int) -> bool:
        """Asks what has changed, at most so many pages of it; whether that was all."""
        if not self.has_book():
            if not self.patient:
                self.held, self.token, self.ctag, self.named = {}, "", "", None
            return False
        if self.way in ("token", "pages"):
            return any(self._page() for _ in range(pages))
        ctag = self.client.propfind(self.path, CTAG).found()[self.path][CTAG].text or ""
        if self.way == "etags" or ctag != self.ctag:
            self._compare()
        self.ctag = ctag
        return True

    def _compare(self) -> None:
        listed = self.client.propfind(self.path, TAG, depth="1").etags()
        listed.pop(self.path, None)
        self._keep(set(listed))
        self._fetch(listed)

    def _page(self) -> bool:
        """Fetches what one answer names; whether it was the last. A foreign token begins anew, with what is held."""
        reply = self.client.sync(self.path, self.token, limit=LIMIT if self.way == "pages" else "")
        if reply.status != 207:
            assert self.token and reply.conditions == [f"{D}valid-sync-token"], (reply.status, reply.text)
            self.token = ""
            return False
        found, statuses = reply.etags(), reply.statuses()
        gone = {href for href, status in statuses.items() if status == 404}
        if not self.token:
            assert not gone, "a first sync has no tombstones"
            self.named = set()
        if self.named is not None:
            self.named = (self.named | found.keys()) - gone
        self._keep(self.held.keys() - gone)
        self._fetch(found)
        self.token = reply.token()
        if 507 in statuses.values():
            return False
        if self.named is not None:
            self._keep(self.named)
            self.named = None
        return True

    def _keep(self, hrefs: set[str]) -> None:
        self.held = {href: copy for href, copy in self.held.items() if href in hrefs}

    def _fetch(self, etags: Mapping[str, str]) -> None:
        """Fetches what it holds under another ETag, or not."""
        wanted = [href for href, etag in etags.items() if self.held.get(href, ("", ""))[0] != etag]
        for start in range(0, len(wanted), AT_ONCE):
            reply = self.client.multiget(self.path, *wanted[start : start + AT_ONCE])
            tags, texts = reply.etags(), reply.cards()
            self.held |= {href: (tags[href], texts[href].replace("\r", "")) for href in tags}

    def write(self, chance: random.Random, number: int) -> None:
        """Adds, edits or deletes a card; what is refused it keeps as it wrote it, until it is told otherwise.

        What is forbidden it keeps under the ETag that it knew; where the card is not as it knew it, without one.
        """
        href = chance.choice([f"{self.path}new-{number}.vcf", *sorted(self.held)])
        etag, text = self.held.get(href, ("", ""))
        sent = {"If_Match": etag} if etag and chance.random() < 0.5 else {}
        if text and chance.random() < 0.3:
            status = self.client.request("DELETE", href, **sent).status
            assert status in (200, *DONE, FORBIDDEN, *CONFLICT), status
            del self.held[href]
            return
        text = text or card(f"uid-{number}", f"Device {number}").replace("\r", "")
        text = text.replace("END:VCARD", f"X-DEVICE:{number}\nEND:VCARD")
        reply = self.client.put(href, text.replace("\n", "\r\n"), **sent)
        assert reply.status in (*DONE, FORBIDDEN, *CONFLICT), (reply.status, reply.text)
        self.held[href] = (etag if reply.status == FORBIDDEN else reply.headers.get("etag", ""), text)
