"""Lines of the permission table that no door lets anybody come to."""

from __future__ import annotations

from sharedbook.domain import access
from sharedbook.domain.access import Held, Viewer
from sharedbook.domain.model import PRIVATE, VISIBLE_TO_ALL, Right


def test_nobody_owns_what_has_no_owner() -> None:
    assert not access.owns(Viewer(None, "login"), Held({1}, None, VISIBLE_TO_ALL))


def test_a_postmaster_describes_what_he_views() -> None:
    postmaster = Viewer(1, "dora", rights={1: Right.VIEW}, postmaster=True)
    assert [access.may_describe(postmaster, group) for group in (1, 2)] == [True, False]
    assert not access.may_describe(postmaster.as_read_only(), 1)


def test_what_he_does_not_see_he_does_not_export() -> None:
    bob = Viewer(1, "bob", rights={1: Right.VIEW | Right.EXPORT})
    assert [access.may_export(bob, Held({1}, 2, seen)) for seen in (VISIBLE_TO_ALL, PRIVATE)] == [True, False]


def test_a_job_of_the_console_is_nobodys() -> None:
    assert not access.may_see_job(Viewer(None, "login"), None)
