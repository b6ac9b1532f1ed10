"""That this is the Radicale we were written for: our overrides fit its classes, and the door is in place."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pytest
import radicale.app
import radicale.auth
import radicale.item
import radicale.rights
import radicale.server
import radicale.storage

from radicale_storage import patches
from radicale_storage.auth import Auth
from radicale_storage.item import STAND_IN, STAND_IN_UID, CardItem
from radicale_storage.rights import Rights
from radicale_storage.server import Application
from radicale_storage.storage import BookCollection, Folder, Storage

PAIRS = [
    (Storage, radicale.storage.BaseStorage),
    (Folder, radicale.storage.BaseCollection),
    (BookCollection, radicale.storage.BaseCollection),
    (Auth, radicale.auth.BaseAuth),
    (Rights, radicale.rights.BaseRights),
    (Application, radicale.app.Application),
    (CardItem, radicale.item.Item),
]


def parameters(method: Any) -> list[tuple[str, Any, Any]]:
    function = method.fget if isinstance(method, property) else method
    return [
        (name.rstrip("_"), parameter.kind, parameter.default)
        for name, parameter in inspect.signature(function).parameters.items()
    ]


OVERRIDES = [
    (ours, base, name)
    for ours, base in PAIRS
    for name in vars(ours)
    if name in dir(base)
    and name != "__init__"
    and (callable(getattr(ours, name)) or isinstance(vars(ours)[name], property))
]


@pytest.mark.parametrize(("ours", "base", "name"), OVERRIDES, ids=lambda value: getattr(value, "__name__", str(value)))
def test_an_override_has_the_signature_of_its_base(ours: type, base: type, name: str) -> None:
    mine, theirs = vars(ours)[name], inspect.getattr_static(base, name)
    assert isinstance(mine, property) == isinstance(theirs, property)
    assert parameters(mine) == parameters(theirs)


def test_everything_that_reads_a_whole_collection_is_overridden() -> None:
    whole = {"etag", "sync", "has_uid", "get_filtered", "get_all", "get_multi", "serialize", "tag", "last_modified"}
    assert whole <= set(vars(BookCollection))
    base = vars(radicale.storage.BaseCollection)
    methods = {name for name, each in base.items() if callable(each) or isinstance(each, property)}
    assert methods - {"owner", "is_principal"} <= {*vars(BookCollection), *vars(Folder)}


def test_the_door_is_around_radicale() -> None:
    assert getattr(radicale.app.Application.__call__, "guarded", False)
    before = radicale.app.Application.__call__
    patches.install()
    assert radicale.app.Application.__call__ is before


def test_another_radicale_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("radicale_storage.patches.metadata.version", lambda name: "3.10.0")
    with pytest.raises(RuntimeError, match=r"not 3\.10\.0; install radicale==3\.9"):
        patches.self_test()


@pytest.mark.parametrize(
    "change",
    [
        "del radicale.server.RequestHandler.get_environ",
        "radicale.app.Application.__call__ = lambda self, scope, receive, send: None",
        "del radicale.app.Application.__call__",
    ],
)
def test_a_radicale_without_the_names_is_refused_at_start(change: str) -> None:
    program = f"import radicale.app, radicale.server\n{change}\nimport radicale_storage\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "is not what sharedbook guards" in done.stderr


def test_the_stand_in_is_what_radicale_reads() -> None:
    [component] = radicale.item.read_components(STAND_IN.decode())
    assert (component.name, radicale.item.get_uid(component)) == ("VCARD", STAND_IN_UID)
