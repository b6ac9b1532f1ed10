"""The door for the plain ``radicale`` command: put around Radicale's Application when the plugin is imported.

Radicale 3.9 has no hook before it parses a body, and two inputs end or freeze its process (docs/carddav-server.md).
A Radicale that has not the names replaced here is refused at start, so that nobody runs unguarded.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable
from importlib import metadata
from typing import Any

import radicale.app
import radicale.app.base
import radicale.server

from radicale_storage import wsgi

RADICALE = "3.9."
_HINT = "install radicale==3.9.*"
REPLACED: tuple[tuple[Any, str, tuple[str, ...]], ...] = (
    (radicale.app.Application, "__call__", ("self", "environ", "start_response")),
    (radicale.server.RequestHandler, "get_environ", ("self",)),
    (radicale.app.base, "_check_path_format", ("self", "path", "validation_type")),
)
"""Class or module, method, its parameters: what is replaced, and what must be so for it to work."""


def self_test() -> None:
    """Raises RuntimeError when this Radicale is not the one that the replacements were written for."""
    version = metadata.version("radicale")
    if not version.startswith(RADICALE):
        raise RuntimeError(f"sharedbook guards Radicale {RADICALE}x, not {version}; {_HINT}")
    for owner, name, parameters in REPLACED:
        method = owner.__dict__.get(name)
        if method is None or tuple(inspect.signature(method).parameters) != parameters:
            raise RuntimeError(f"Radicale's {owner.__name__}.{name} is not what sharedbook guards; {_HINT}")


def install() -> None:
    """Replaces the methods, once."""
    if getattr(radicale.app.Application.__call__, "guarded", False):
        return
    self_test()
    _install_door()
    _install_environ()
    _install_names()


def _install_door() -> None:
    unguarded = radicale.app.Application.__call__

    @functools.wraps(unguarded)
    def call(self: Any, environ: dict[str, Any], start_response: wsgi.StartResponse) -> Iterable[bytes]:
        radicale_ = functools.partial(unguarded, self)
        return wsgi.door(lambda asked, _: wsgi.ask(radicale_, asked), environ, start_response)

    call.guarded = True  # type: ignore[attr-defined]
    radicale.app.Application.__call__ = call  # type: ignore[method-assign,assignment]


def _install_environ() -> None:
    """Radicale's own server shows the first of two lengths only, and the path as text; the door wants what WSGI has."""
    unguarded = radicale.server.RequestHandler.get_environ

    @functools.wraps(unguarded)
    def get_environ(self: Any) -> dict[str, Any]:
        environ = unguarded(self)
        environ["PATH_INFO"] = environ["PATH_INFO"].encode().decode("latin-1")
        lengths = set(self.headers.get_all("Content-Length", []))
        return environ if len(lengths) < 2 else environ | {"CONTENT_LENGTH": ", ".join(sorted(lengths))}

    radicale.server.RequestHandler.get_environ = get_environ  # type: ignore[method-assign]


def _install_names() -> None:
    """Radicale refuses commas, colons and more for the sake of file systems; the door has checked the names."""
    radicale.app.base._check_path_format = lambda self, path, validation_type: True
