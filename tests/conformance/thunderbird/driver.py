"""Thunderbird as its user sees it: a window on a display of its own, a new profile, and no way out but loopback.

Everything is awaited by an event or a condition inside Thunderbird.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.conformance.thunderbird.marionette import ELEMENT, Marionette
from tests.support.processes import Server

Preferences = Mapping[str, str | int | bool]

STARTING_SECONDS = 90.0
CLOSED_PORT = 9
WINDOW = "Services.wm.getMostRecentWindow"
SIZE = (900, 560)
"""Width and height of the window that is typed in, in pixels."""

DISCOVER = """
const { CardDAVUtils } = ChromeUtils.importESModule("resource:///modules/CardDAVUtils.sys.mjs");
const [url, login, password] = args;
const books = await CardDAVUtils.detectAddressBooks(login, password, url, false, true);
"""
"""What the dialog "Add CardDAV Address Book" calls."""

QUIET: Preferences = {
    # whatever is not loopback goes to a proxy that does not exist, names included
    "network.proxy.type": 1,
    **{f"network.proxy.{kind}": "127.0.0.1" for kind in ("http", "ssl", "socks")},
    **{f"network.proxy.{kind}_port": CLOSED_PORT for kind in ("http", "ssl", "socks")},
    "network.proxy.socks_remote_dns": True,
    "datareporting.policy.dataSubmissionEnabled": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.rights.version": 1,
    "mailnews.start_page.enabled": False,
    "marionette.port": 0,
}


def mail_account(name: str, address: str) -> Preferences:
    """The preferences of an account that never connects, so that `name` <`address`> can write messages."""
    return {
        "mail.accountmanager.accounts": "account1",
        "mail.accountmanager.defaultaccount": "account1",
        "mail.account.account1.server": "server1",
        "mail.account.account1.identities": "id1",
        "mail.server.server1.type": "pop3",
        "mail.server.server1.hostname": "localhost",
        "mail.server.server1.userName": address.partition("@")[0],
        "mail.server.server1.name": "Mail",
        "mail.server.server1.login_at_startup": False,
        "mail.server.server1.check_new_mail": False,
        "mail.identity.id1.useremail": address,
        "mail.identity.id1.fullName": name,
        "mail.identity.id1.valid": True,
    }


@dataclass(frozen=True)
class Directory:
    """An LDAP directory that completes addresses: `origin` is `ldap://host:port`; `name` stands beside each address."""

    origin: str
    base: str
    bind_dn: str
    name: str = "sharedbook"

    @property
    def url(self) -> str:
        """The directory's URL (RFC 4516): all entries below the base."""
        return f"{self.origin}/{self.base}??sub"

    @property
    def preferences(self) -> Preferences:
        """What Thunderbird's own dialog writes for it."""
        branch = "ldap_2.servers.directory"
        return {
            f"{branch}.description": self.name,
            f"{branch}.uri": self.url,
            f"{branch}.auth.dn": self.bind_dn,
            "ldap_2.autoComplete.useDirectory": True,
            "ldap_2.autoComplete.directoryServer": branch,
        }


@dataclass(frozen=True)
class Book:
    """A CardDAV address book as Thunderbird shows it; `cards` is the display name of each UID."""

    name: str
    read_only: bool
    cards: Mapping[str, str]


class Thunderbird:
    """A running Thunderbird whose profile has `preferences` besides QUIET. Use it as a context manager.

    Raises AssertionError with Thunderbird's output if it does not start.
    """

    def __init__(self, preferences: Preferences) -> None:
        with ExitStack() as started:
            self.display = _display(started)
            home = Path(tempfile.mkdtemp(prefix="sharedbook-thunderbird-"))
            started.callback(shutil.rmtree, home, ignore_errors=True)
            lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in {**QUIET, **preferences}.items()]
            (home / "user.js").write_text("".join(lines), encoding="utf-8")
            self._server = started.enter_context(
                Server(
                    ["thunderbird", "--no-remote", "--profile", home, "--marionette", "--remote-allow-system-access"],
                    env={"DISPLAY": self.display, "HOME": str(home), "GDK_BACKEND": "x11", "LC_ALL": "C.UTF-8"},
                )
            )
            port = self._server.wait_for_line(r"Listening on port (\d+)", STARTING_SECONDS)[1]
            self.marionette = started.enter_context(Marionette(int(port)))
            self.marionette.wait_until(f"{WINDOW}('mail:3pane')?.document.readyState == 'complete'")
            self._started = started.pop_all()

    def remember_password(self, directory: Directory, password: str) -> None:
        """Saves the password of a directory's bind DN, which Thunderbird keeps under its URL, without a name."""
        self.marionette.run(
            """const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
            const [origin, url, password] = args;
            login.init(origin, null, url, "", password, "", "");
            await Services.logins.addLoginAsync(login);""",
            directory.origin, directory.url, password,
        )  # fmt: skip

    def compose(self, subject: str, body: str) -> None:
        """Opens a window for a new message (`body` is HTML), of SIZE; what follows happens there."""
        self.marionette.run(
            """const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
            const contract = "@mozilla.org/messengercompose/";
            const params = Cc[contract + "composeparams;1"].createInstance(Ci.nsIMsgComposeParams);
            params.composeFields = Cc[contract + "composefields;1"].createInstance(Ci.nsIMsgCompFields);
            [params.composeFields.subject, params.composeFields.body] = args;
            params.type = Ci.nsIMsgCompType.New;
            params.format = Ci.nsIMsgCompFormat.HTML;
            MailServices.compose.OpenComposeWindowWithParams(null, params);""",
            subject, body,
        )  # fmt: skip
        self.marionette.wait_until(f"{WINDOW}('msgcompose')?.composeEditorReady")
        for handle in self.marionette.command("WebDriver:GetWindowHandles"):
            self.marionette.command("WebDriver:SwitchToWindow", handle=handle)
            if self.marionette.command("Marionette:GetWindowType") == "msgcompose":
                break
        width, height = SIZE
        self.marionette.command("WebDriver:SetWindowRect", x=0, y=0, width=width, height=height)

    def complete(self, text: str) -> list[str]:
        """Types `text` as a recipient, key by key; returns the addresses that are offered then, as lines of a list.

        One address alone opens no list: Thunderbird writes the rest of it into the field.
        """
        field = self.marionette.command("WebDriver:FindElement", using="css selector", value="#toAddrInput")
        self.marionette.command("WebDriver:ElementSendKeys", id=field[ELEMENT], text=text)
        lines: list[str] = self.marionette.wait_until(
            """(() => {
              const input = window.document.getElementById("toAddrInput");
              const { controller, popup } = input;
              const { STATUS_COMPLETE_MATCH, STATUS_COMPLETE_NO_MATCH } = Ci.nsIAutoCompleteController;
              const ended = [STATUS_COMPLETE_MATCH, STATUS_COMPLETE_NO_MATCH].includes(controller.searchStatus);
              const shown = controller.matchCount < input.minResultsForPopup || popup.state == "open";
              if (!ended || !shown || controller.searchString != args[0]) return null;
              return Array.from({ length: controller.matchCount }, (_, row) => controller.getLabelAt(row));
            })()""",
            text,
        )
        return lines

    def search_directory(self, words: str) -> list[str]:
        """The names that the address book window finds in the LDAP directory, by the filter that it makes of words."""
        names: list[str] = self.marionette.run(
            """const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
            const utils = ChromeUtils.importESModule("resource:///modules/ABQueryUtils.sys.mjs");
            const directory = MailServices.ab.directories.find(each => each.isRemote);
            const query = utils.generateQueryURI(utils.getModelQuery("mail.addr_book.quicksearchquery.format"),
              utils.getSearchTokens(args[0]));
            const names = [];
            await new Promise(resolve => directory.search(query, args[0], {
              QueryInterface: ChromeUtils.generateQI(["nsIAbDirSearchListener"]),
              onSearchFoundCard: card => names.push(card.displayName),
              onSearchFinished: resolve,
            }));
            return names;""",
            words,
        )  # fmt: skip
        return names

    def picture(self, path: Path) -> None:
        """Writes what stands in the window's place as PNG, an open list included, with a thin border."""
        self.marionette.run("for (let n = 0; n < 2; n++) await new Promise(window.requestAnimationFrame);")
        self.marionette.wait_until("!window.windowUtils.isMozAfterPaintPending")
        width, height = SIZE
        place = f"{width}x{height}+0+0"
        grab = ["import", "-display", self.display, "-window", "root", "-crop", place, "+repage", "png:-"]
        shot = subprocess.run(grab, stdout=subprocess.PIPE, check=True, timeout=60).stdout
        smaller = ["-strip", "-bordercolor", "#b0b0b0", "-border", "1", "-dither", "None", "-colors", "128"]
        subprocess.run(["convert", "png:-", *smaller, f"png8:{path}"], input=shot, check=True, timeout=60)

    def find_books(self, url: str, login: str, password: str) -> dict[str, str]:
        """Name and URL of each address book that Thunderbird's own discovery finds from `url`.

        With an empty path it first asks DNS for the server, which leaves this machine; /.well-known/carddav does not.
        Raises ScriptFailed if there is no server or the password is wrong.
        """
        books: dict[str, str] = self.marionette.run(
            f"{DISCOVER} return Object.fromEntries(books.map(book => [book.name, book.url.href]));",
            url, login, password,
        )  # fmt: skip
        return books

    def add_books(self, url: str, login: str, password: str) -> list[Book]:
        """Adds every address book that it finds (see `find_books`), and waits until each has been read once."""
        books = self.marionette.run(
            f"""{DISCOVER}
            const added = [];
            for (const book of books) {{
              const topic = "addrbook-directory-synced";
              const synced = new Promise(resolve => {{
                const observer = () => {{ Services.obs.removeObserver(observer, topic); resolve(); }};
                Services.obs.addObserver(observer, topic);
              }});
              const directory = book.create();
              await synced;
              const cards = directory.childCards.map(card => [card.UID, card.displayName]);
              added.push([directory.dirName, directory.readOnly, Object.fromEntries(cards)]);
            }}
            return added;""",
            url, login, password,
        )  # fmt: skip
        return [Book(*book) for book in books]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._started.close()


def _display(started: ExitStack) -> str:
    """The name of a new X display without a screen, which ends with `started`; its number is one that is free."""
    # without a window manager the keyboard goes where the mouse rests, the middle: low in the window, off its lists
    width, height = SIZE[0], 2 * SIZE[1] - 100
    server = started.enter_context(
        Server(["Xvfb", "-displayfd", "1", "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp", "-noreset"])
    )
    return f":{server.wait_for_line(r'^[0-9]+$')[0]}"
