"""The page behind ``sharedbook member link``: a member sets his own password, without a login.

Looking at it changes nothing, since programs look at links that are sent; only the form does, once. The page loads
nothing, runs nothing and is kept nowhere.
"""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import parse_qs

from radicale_storage import guards
from radicale_storage.errors import Refused, Response
from radicale_storage.site import app
from sharedbook.domain.errors import InvalidValue, NotFound
from sharedbook.services.members import password_links
from sharedbook.services.people import passwords

FOLDER = f"/{password_links.FOLDER}/"
FORM_BYTES = 16 * 1024
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Shared contacts</title>
<style>body {{ font: 1.1em sans-serif; max-width: 26em; margin: 3em auto; padding: 0 1em }}
input, button {{ font: inherit; display: block; width: 100%; margin: .3em 0 1em; box-sizing: border-box }}</style>
</head><body><h1>Shared contacts</h1>
{body}
</body></html>
"""
_FORM = """<p>{said}</p><form method="post">
<label>Login<input name="login" value="{login}" autocomplete="username" readonly></label>
<label>New password
<input name="password" type="password" autocomplete="new-password" minlength="{least}" required></label>
<label>Repeat the password<input name="again" type="password" autocomplete="new-password" required></label>
<button>Set the password</button></form>"""


def is_here(path: str) -> bool:
    """Whether a path is this page's."""
    return path.startswith(FOLDER)


def answer(environ: dict[str, Any], method: str) -> Response:
    """The page, or what became of its form. The door has seen to it that the password comes over TLS."""
    if method not in ("GET", "HEAD", "POST"):
        raise Refused(405, f"{method} is not supported here", Allow="GET, HEAD, POST")
    token = environ["PATH_INFO"].removeprefix(FOLDER)
    try:
        login = password_links.holder(app(), token)
        said = "Choose the password with which your programs log in."
        if method == "POST":
            try:
                return _page(200, _done(password_links.redeem(app(), token, _password(environ))))
            except InvalidValue as error:
                said = f"{error.message}."
    except NotFound as error:
        return _page(404, f"<p>{escape(str(error))}.</p>")
    form = _FORM.format(said=escape(said), login=escape(login), least=passwords.SHORTEST)
    return _page(422 if method == "POST" else 200, form)


def _password(environ: dict[str, Any]) -> str:
    """What the form holds. Raises InvalidValue, Refused."""
    body = guards.read_body(environ, FORM_BYTES).decode(errors="replace")
    try:
        form = parse_qs(body, keep_blank_values=True, max_num_fields=10)
    except ValueError:
        raise Refused(400, "this is not what the form sends") from None
    given, again = form.get("password", [""])[0], form.get("again", [""])[0]
    if given != again:
        raise InvalidValue("the two passwords differ", field="password")
    return given


def _done(login: str) -> str:
    return f"<p>The password of <b>{escape(login)}</b> is set. This link does not work any more.</p>"


def _page(status: int, body: str) -> Response:
    return Response(status, dict(_HEADERS), _PAGE.format(body=body).encode())
