"""Every setting, once: the fields of ``Settings`` are name, type, default and help. Nothing else reads the environment.

A setting ``section.name`` stands in ``sharedbook.toml`` as ``name`` under ``[section]``, in the environment as
``SHAREDBOOK_SECTION_NAME``, and in the code as ``settings.section_name``. The environment goes before the file.
"""

# ruff: noqa: RUF009 - _setting() is dataclasses.field() with our metadata, which the rule allows
from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_type_hints

from sharedbook.domain.errors import InvalidSetting
from sharedbook.domain.model import Limits
from sharedbook.settings import forms
from sharedbook.settings.values import PREFIX, Address, Setting, parse, write

__all__ = [
    "CONFIG_VARIABLE",
    "FILES",
    "PREFIX",
    "SETTINGS",
    "Address",
    "Setting",
    "Settings",
    "load",
    "unknown_variables",
    "write",
]

FILES = (Path("sharedbook.toml"), Path("/etc/sharedbook/sharedbook.toml"))
"""Where the file is looked for when neither --config nor SHAREDBOOK_CONFIG names one."""

CONFIG_VARIABLE = PREFIX + "CONFIG"

Source = Literal["default", "file", "environment"]
_LIMITS = Limits()


def _setting(name: str, default: Any, help: str, **more: Any) -> Any:
    return field(default=default, metadata={"name": name, "help": help, **more})


@dataclass(frozen=True)
class Settings:
    """The site's settings; made by ``load``, or directly in tests. Sizes are in bytes, lengths in characters."""

    data_dir: Path = _setting(
        "data_dir", Path("~/.local/share/sharedbook"), "Folder of the database, site.key and all other files."
    )
    key_file: Path = _setting(
        "key_file", Path(), "The site's secret, from which all others are derived. Empty: site.key in data_dir."
    )
    database_url: str = _setting(
        "database.url",
        "",
        "The database: sqlite:////path/file or postgresql+psycopg://user@host/name. Empty: SQLite in data_dir.",
        secret=True,
        form=forms.database,
    )

    deletion: str = _setting(
        "deletion",
        "trash",
        "What deleting a contact does: trash keeps it for trash_days, immediate removes it for good.",
        choices=("trash", "immediate"),
    )
    trash_days: int = _setting("trash_days", 90, "Days that a deleted contact stays in the trash. 0: until emptied.")
    history_days: int = _setting(
        "history_days", 60, "Days that a contact's edits are kept; its first state is always kept."
    )
    departure_days: int = _setting(
        "departure_days", 30, "Days that a book is still shown, empty, to members who may no longer view it.", minimum=1
    )
    tombstone_days: int = _setting(
        "tombstone_days", 400, "Days that a client may be away and still be told what was deleted.", minimum=1
    )
    hold_share: int = _setting(
        "hold.share",
        10,
        "Percent of a group that one mail client may delete within hold.window before it is held back. 100: all.",
        minimum=1,
    )
    hold_minimum: int = _setting(
        "hold.minimum", 20, "Cards of a group that one mail client may delete in any case.", minimum=1
    )
    hold_window: int = _setting("hold.window", 3600, "Seconds over which deletions are counted.", minimum=1)
    hold_release: int = _setting(
        "hold.release", 3600, "Seconds for which `hold release` lets a client continue deleting.", minimum=1
    )
    default_region: str = _setting(
        "default_region",
        "US",
        "Country (ISO 3166, two letters) of phone numbers written without a country code.",
        form=forms.region,
    )

    carddav_listen: Address | None = _setting(
        "carddav.listen", Address("127.0.0.1", 5232), "Where CardDAV listens in clear text. Empty: nowhere."
    )
    carddav_tls_listen: Address | None = _setting(
        "carddav.tls_listen", None, "Where CardDAV listens with TLS. Empty: nowhere."
    )
    carddav_workers: int = _setting("carddav.workers", 2, "Processes that answer CardDAV requests.", minimum=1)
    carddav_connections_per_address: int = _setting(
        "carddav.connections_per_address", 64, "Most CardDAV connections from one address.", minimum=1
    )
    carddav_merged_name: str = _setting(
        "carddav.merged_name",
        "Shared contacts",
        "Name of the merged book, for members who have one book for all groups.",
    )
    carddav_timeout: int = _setting(
        "carddav.timeout", 30, "Seconds that a client may take to send the headers of a request.", minimum=1
    )

    ldap_listen: Address | None = _setting(
        "ldap.listen", Address("127.0.0.1", 3389), "Where LDAP listens in clear text, with StartTLS. Empty: nowhere."
    )
    ldaps_listen: Address | None = _setting("ldaps.listen", None, "Where LDAP listens with TLS. Empty: nowhere.")
    ldap_base: str = _setting(
        "ldap.base", "ou=contacts,dc=example,dc=com", "DN under which the contacts are found.", form=forms.dn
    )
    ldap_attributes: tuple[str, ...] = _setting(
        "ldap.attributes",
        (),
        "What LDAP shows besides the usual attributes.",
        choices=("note", "birthday", "home-address", "home-phone"),
    )
    ldap_accents: str = _setting(
        "ldap.accents",
        "exact",
        "Whether LDAP filters distinguish é from e (exact) or not (blind).",
        choices=("exact", "blind"),
    )
    ldap_client_ca: Path | None = _setting(
        "ldap.client_ca",
        None,
        "Authorities (PEM, with or without revocation lists) whose certificates log clients in (SASL EXTERNAL)."
        " Empty: none.",
    )
    ldap_client_name: str = _setting(
        "ldap.client_name",
        "mail",
        "What names the member in a client certificate: its mail address, or the subject's CN.",
        choices=("mail", "cn"),
    )
    ldap_anonymous: bool = _setting(
        "ldap.anonymous", False, "Whether clients without a login may search what everyone may view."
    )
    ldap_size_limit: int = _setting("ldap.size_limit", 0, "Most entries that an unpaged search returns. 0: no limit.")
    ldap_time_limit: int = _setting("ldap.time_limit", 30, "Most seconds that a search may take.", minimum=1)
    ldap_message_bytes: int = _setting(
        "ldap.message_bytes", 1024 * 1024, "Most bytes in one LDAP message.", minimum=1024
    )
    ldap_filter_depth: int = _setting("ldap.filter_depth", 32, "How deeply an LDAP filter may be nested.", minimum=1)
    ldap_filter_terms: int = _setting("ldap.filter_terms", 256, "Most terms in one LDAP filter.", minimum=1)
    ldap_connections: int = _setting("ldap.connections", 1000, "Most LDAP connections to each worker.", minimum=1)
    ldap_connections_per_address: int = _setting(
        "ldap.connections_per_address", 100, "Most LDAP connections from one address to each worker.", minimum=1
    )
    ldap_workers: int = _setting(
        "ldap.workers", 1, "Processes that answer LDAP, each with all contacts in its memory.", minimum=1
    )
    ldap_metrics_listen: Address | None = _setting(
        "ldap.metrics_listen", None, "Where Prometheus finds the LDAP counters (loopback only). Empty: nowhere."
    )
    ldap_idle_timeout: int = _setting(
        "ldap.idle_timeout", 900, "Seconds until an idle LDAP client is disconnected.", minimum=1
    )

    public_carddav_url: str = _setting(
        "public.carddav_url",
        "",
        "CardDAV address that `onboard` shows: https://HOST/. Empty: this machine's.",
        form=forms.web_url,
    )
    public_ldap_url: str = _setting(
        "public.ldap_url",
        "",
        "LDAP address that `onboard` shows: ldaps://HOST. Empty: this machine's.",
        form=forms.directory_url,
    )

    tls_cert: Path | None = _setting(
        "tls.cert", None, "The certificate chain (PEM). Empty: `serve` makes a self-signed one in data_dir."
    )
    tls_key: Path | None = _setting("tls.key", None, "The certificate's private key (PEM).")
    plain_text_binds: bool = _setting(
        "plain_text_binds",
        False,
        "Whether to accept passwords without TLS from other machines (such as a proxy that ends TLS).",
    )
    trusted_proxies: tuple[str, ...] = _setting(
        "trusted_proxies",
        (),
        "Addresses or networks of proxies, whose X-Forwarded-For and X-Script-Name are trusted.",
        form=forms.networks,
    )

    login_free_failures: int = _setting(
        "login.free_failures", 5, "Wrong passwords for one login from one network before it has to wait.", minimum=1
    )
    login_network_failures: int = _setting(
        "login.network_failures", 30, "Wrong passwords a minute from one network, for all logins together.", minimum=1
    )
    login_longest_wait: int = _setting("login.longest_wait", 900, "Most seconds that a login has to wait.", minimum=1)

    login_ldap_uri: str = _setting(
        "login.ldap_uri",
        "",
        "Directory (ldaps://, or ldap:// with StartTLS) that checks the passwords of imported members. Empty: none.",
        form=forms.directory_url,
    )
    login_ldap_dn: str = _setting(
        "login.ldap_dn",
        "",
        "Their DN in the directory, such as uid={login},ou=people,dc=example,dc=com. Empty: it is searched for.",
        form=forms.with_login,
    )
    login_ldap_base: str = _setting("login.ldap_base", "", "DN below which members are searched for.")
    login_ldap_filter: str = _setting(
        "login.ldap_filter",
        "(uid={login})",
        "Filter that finds a member; it must find exactly one entry.",
        form=forms.with_login,
    )
    login_ldap_bind: str = _setting("login.ldap_bind", "", "DN to search as. Empty: anonymously.")
    login_ldap_password_file: Path | None = _setting(
        "login.ldap_password_file", None, "File with the password of login.ldap_bind."
    )
    login_ldap_ca: Path | None = _setting(
        "login.ldap_ca", None, "The authorities (PEM) to trust for the directory's certificate. Empty: the system's."
    )

    mail_server: Address | None = _setting(
        "mail.server", None, "The mail server for notices to the postmasters. Empty: none are mailed."
    )
    mail_sender: str = _setting("mail.sender", "", "Mail address that notices come from.", form=forms.mail_address)
    mail_security: str = _setting(
        "mail.security", "starttls", "How to connect to the mail server.", choices=("starttls", "tls", "none")
    )
    mail_login: str = _setting("mail.login", "", "Login at the mail server. Empty: no login.")
    mail_password_file: Path | None = _setting("mail.password_file", None, "File with the password of that login.")
    imap_server: Address | None = _setting(
        "imap.server", None, "Mail server with the mailbox that `contact mail` reads. Empty: none."
    )
    imap_security: str = _setting(
        "imap.security", "tls", "How to connect to that server.", choices=("starttls", "tls", "none")
    )
    imap_login: str = _setting("imap.login", "", "Login of that mailbox.")
    imap_password_file: Path | None = _setting("imap.password_file", None, "File with the password of that login.")
    imap_folders: tuple[str, ...] = _setting("imap.folders", ("INBOX", "Sent"), "Folders of the mailbox to read.")
    webhook_url: str = _setting(
        "webhook.url",
        "",
        "Address to which notices are posted as JSON: https, or http on this machine. Empty: nowhere.",
        secret=True,
        form=forms.webhook,
    )

    limits_contacts: int = _setting(
        "limits.contacts", _LIMITS.contacts, "Most contacts on the site, including the trash.", minimum=1
    )
    limits_values_per_field: int = _setting(
        "limits.values_per_field", _LIMITS.values_per_field, "Most values of one field in a contact.", minimum=1
    )
    limits_properties: int = _setting("limits.properties", _LIMITS.properties, "Most properties in a card.", minimum=1)
    limits_card_bytes: int = _setting("limits.card_bytes", _LIMITS.card_bytes, "Most bytes in a card.", minimum=1024)
    limits_photo_bytes: int = _setting(
        "limits.photo_bytes", _LIMITS.photo_bytes, "Most bytes in a photo.", minimum=1024
    )
    limits_photo_pixels: int = _setting(
        "limits.photo_pixels", _LIMITS.photo_pixels, "Most pixels in a photo.", minimum=1
    )
    limits_served_photo_bytes: int = _setting(
        "limits.served_photo_bytes",
        _LIMITS.served_photo_bytes,
        "Bytes above which a photo is served reduced; the original is kept.",
        minimum=16 * 1024,
    )
    limits_name_length: int = _setting(
        "limits.name_length", _LIMITS.name_length, "Most characters in a name.", minimum=1
    )
    limits_note_length: int = _setting(
        "limits.note_length", _LIMITS.note_length, "Most characters in a note.", minimum=1
    )
    limits_file_bytes: int = _setting(
        "limits.file_bytes", _LIMITS.file_bytes, "Most bytes in an import file.", minimum=1
    )

    sources: Mapping[str, Source] = field(default_factory=dict)
    config: Path | None = None

    def __post_init__(self) -> None:
        """Fills in what depends on data_dir."""
        data_dir = self.data_dir.expanduser().absolute()
        object.__setattr__(self, "data_dir", data_dir)
        if self.key_file == Path():
            object.__setattr__(self, "key_file", data_dir / "site.key")
        if not self.database_url:
            object.__setattr__(self, "database_url", f"sqlite:///{data_dir / 'sharedbook.sqlite'}")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise InvalidSetting(
                "of tls.cert and tls.key only one is set",
                name="tls.cert",
                hint="set both, or neither for a self-signed one",
            )

    def limits(self) -> Limits:
        """What the site accepts, as the domain knows it."""
        return Limits(**{each.name: getattr(self, f"limits_{each.name}") for each in fields(Limits)})

    def shown_database_url(self) -> str:
        """The database's address without its password."""
        return re.sub(r"(?<=://)([^:/@]*):[^@/]*@", r"\1:***@", self.database_url)

    def shown(self, setting: Setting) -> str:
        """A value as it may be shown to people: of a secret address, no password, and of a webhook's only the host."""
        if setting.attribute == "database_url":
            return self.shown_database_url()
        text = write(getattr(self, setting.attribute))
        return re.sub(r"(?<=://)(?:[^/@]*@)?([^/?#]+).+", r"\1/***", text) if setting.secret else text

    def source(self, setting: Setting) -> Source:
        """Where the value of a setting came from."""
        return self.sources.get(setting.name, "default")

    def as_environment(self) -> dict[str, str]:
        """All values as variables, so that a child process has the same settings."""
        return {setting.variable: write(getattr(self, setting.attribute)) for setting in SETTINGS}


def _declared(declaration: Field[Any]) -> Setting:
    return Setting(kind=_hints()[declaration.name], default=declaration.default, **declaration.metadata)


@cache
def _hints() -> dict[str, Any]:
    return get_type_hints(Settings)


SETTINGS: tuple[Setting, ...] = tuple(_declared(each) for each in fields(Settings) if each.metadata)
_BY_NAME = {setting.name: setting for setting in SETTINGS}


def load(config: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings from the file (see ``FILES``) and the environment.

    Raises InvalidSetting, in words for the postmaster: a file that cannot be read, an unknown name, a wrong value.
    """
    path = _find(config, environ)
    values: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    for name, value in (_read(path) if path else {}).items():
        values[_BY_NAME[name].attribute] = parse(_BY_NAME[name], value, where=str(path), base=path and path.parent)
        sources[name] = "file"
    for setting in SETTINGS:
        if setting.variable in environ:
            values[setting.attribute] = parse(setting, environ[setting.variable], where=setting.variable)
            sources[setting.name] = "environment"
    return Settings(**values, sources=sources, config=path)


def unknown_variables(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Variables that look like settings and are none: a misspelt one would otherwise have no effect, silently."""
    known = {setting.variable for setting in SETTINGS} | {CONFIG_VARIABLE}
    return sorted(
        name
        for name in environ
        if name.startswith(PREFIX) and name not in known and not name.startswith(PREFIX + "TEST_")
    )


def _find(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    named = config or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    if named is None:
        return next((path.absolute() for path in FILES if _is_there(path)), None)
    if not named.is_file():
        raise InvalidSetting(
            f"there is no settings file {named}", name="config", hint=f"check --config and {CONFIG_VARIABLE}"
        )
    return named.absolute()


def _is_there(path: Path) -> bool:
    """In a folder that this user may not look into, ours of /etc counts as there, so that it is not passed over; a file
    of the present folder (root's, for who runs this as the servers' user) does not."""
    try:
        return path.is_file()
    except PermissionError:
        return path.is_absolute()


def _read(path: Path) -> dict[str, Any]:
    """The file's values by setting name."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidSetting(
            f"{path} cannot be read: {error.strerror}",
            name="config",
            hint="run this as the user whom the servers run as, or let this user read it",
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidSetting(
            f"{path} cannot be read: {error}",
            name="config",
            hint="each line is a [section] or name = value, as TOML has it",
        ) from error
    values: dict[str, Any] = {}
    for key, value in document.items():
        values |= {f"{key}.{name}": inner for name, inner in value.items()} if isinstance(value, dict) else {key: value}
    for name in values:
        if name not in _BY_NAME:
            near = difflib.get_close_matches(name, _BY_NAME, n=1)
            hint = f"did you mean {near[0]}?" if near else "`sharedbook settings` lists all names"
            raise InvalidSetting(f"{path} sets {name}, which is not a setting", name=name, hint=hint)
    return values
