"""One setting and its value: what is known of it, and how a value is written in the file and in the environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, get_args

from sharedbook.domain.errors import InvalidSetting

PREFIX = "SHAREDBOOK_"


class Address(NamedTuple):
    """Where a server listens (port 0 takes a free one), or is found."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only programs on this machine can reach it."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known about one setting. ``minimum`` bounds numbers; ``choices`` the words it may take (empty: any);
    ``form`` (of ``forms``) what else it must look like."""

    name: str
    kind: Any
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    secret: bool = False
    minimum: int = 0
    form: Callable[[Any], None] | None = None

    @property
    def attribute(self) -> str:
        """Its name in ``Settings``."""
        return self.name.replace(".", "_")

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return PREFIX + self.attribute.upper()


def write(value: Any) -> str:
    """A value as it is written in the environment; ``load`` reads it back as the same value."""
    if value is None or value == Path():
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple) and not isinstance(value, Address):
        return ",".join(value)
    return str(value)


def parse(setting: Setting, value: object, *, where: str, base: Path | None = None) -> Any:
    """A value from the file (any TOML type) or the environment (text). Relative paths start at ``base``."""
    try:
        parsed = _convert(setting.kind, value, base)
        _check(setting, parsed)
    except ValueError as error:
        shown = "the value" if setting.secret else repr(value)
        raise InvalidSetting(
            f"{setting.name}: {shown} {error}", name=setting.name, hint=f"change it in {where}"
        ) from None
    return parsed


def _convert(kind: Any, value: object, base: Path | None) -> Any:
    """Raises ValueError; its text continues a sentence that begins with the value."""
    if type(None) in get_args(kind):
        return None if value == "" else _convert(get_args(kind)[0], value, base)
    if kind == tuple[str, ...]:
        return _words(value)
    if kind is bool:
        return _boolean(value)
    if kind is int:
        return _integer(value)
    if not isinstance(value, str):
        raise ValueError("is not text; write it in quotes")
    if kind is Path:
        return (base or Path()) / Path(value).expanduser() if value else Path()
    return _address(value) if kind is Address else value


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [word.strip() for word in value.split(",") if word.strip()]
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise ValueError('is not a list of words; write ["one", "two"]')
    return tuple(value)


def _boolean(value: object) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    found = words.get(str(value).lower())
    if found is None:
        raise ValueError("is neither true nor false")
    return found


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("is not a whole number")
    try:
        return int(value)
    except ValueError:
        raise ValueError("is not a whole number") from None


def _address(value: str) -> Address:
    host, colon, port = value.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError("is not host:port, such as 127.0.0.1:5232")
    return Address(host, int(port))


def _check(setting: Setting, value: Any) -> None:
    """Raises ValueError when a well-formed value is outside what the setting allows."""
    given = value if isinstance(value, tuple) and not isinstance(value, Address) else (value,)
    if setting.choices and any(each not in setting.choices for each in given):
        raise ValueError(f"is not one of {', '.join(setting.choices)}")
    if setting.kind is int and value < setting.minimum:
        raise ValueError(f"is less than {setting.minimum}")
    if setting.form and value:
        setting.form(value)
