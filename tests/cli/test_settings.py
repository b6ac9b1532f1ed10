"""Settings: the file, the environment, what is refused and in which words."""

from __future__ import annotations

import re
from pathlib import Path

import phonenumbers
import pytest

from sharedbook import settings
from sharedbook.domain.errors import InvalidSetting
from sharedbook.settings import SETTINGS, Address, Settings, forms, load, unknown_variables, write


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_defaults(folder: Path) -> None:
    found = load(environ={"SHAREDBOOK_DATA_DIR": str(folder)})
    assert found.database_url == f"sqlite:///{folder}/sharedbook.sqlite"
    assert found.key_file == folder / "site.key"
    assert found.carddav_listen == Address("127.0.0.1", 5232)
    assert found.ldap_base == "ou=contacts,dc=example,dc=com"
    assert (found.history_days, found.trash_days, found.limits().contacts) == (60, 90, 50_000)


def test_every_setting_survives_the_environment_of_a_child() -> None:
    given = Settings(
        data_dir=Path("/x"), ldap_attributes=("note", "birthday"), ldaps_listen=Address("::1", 636), ldap_anonymous=True
    )
    again = load(environ=given.as_environment())
    assert {each.name: getattr(again, each.attribute) for each in SETTINGS} == {
        each.name: getattr(given, each.attribute) for each in SETTINGS
    }


def test_the_environment_goes_before_the_file(folder: Path) -> None:
    (folder / "sharedbook.toml").write_text('deletion = "immediate"\ntrash_days = 3\n[ldap]\nanonymous = true\n')
    found = load(environ={"SHAREDBOOK_TRASH_DAYS": "5"})
    assert (found.deletion, found.trash_days, found.ldap_anonymous) == ("immediate", 5, True)
    sources = {each.name: found.source(each) for each in SETTINGS}
    assert (sources["deletion"], sources["trash_days"], sources["history_days"]) == ("file", "environment", "default")


def test_the_file_is_found_where_it_is_named(folder: Path) -> None:
    (folder / "sharedbook.toml").write_text("trash_days = 1\n")
    (folder / "second.toml").write_text("trash_days = 2\n")
    (folder / "third.toml").write_text("trash_days = 3\n")
    named = {"SHAREDBOOK_CONFIG": "second.toml"}
    assert [load(environ={}).trash_days, load(environ=named).trash_days] == [1, 2]
    assert load(folder / "third.toml", named).trash_days == 3


def test_paths_in_the_file_start_at_the_file(folder: Path) -> None:
    (folder / "etc").mkdir()
    (folder / "etc" / "mine.toml").write_text('data_dir = "data"\n')
    assert load(folder / "etc" / "mine.toml", {}).data_dir == folder / "etc" / "data"


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("CARDDAV_LISTEN", "5232", "is not host:port"),
        ("CARDDAV_LISTEN", "localhost:70000", "is not host:port"),
        ("LDAP_ANONYMOUS", "perhaps", "neither true nor false"),
        ("TRASH_DAYS", "ten", "not a whole number"),
        ("TRASH_DAYS", "-1", "less than 0"),
        ("TOMBSTONE_DAYS", "0", "less than 1"),
        ("DELETION", "later", "not one of trash, immediate"),
        ("DEFAULT_REGION", "Korea", "two capital letters"),
        ("DEFAULT_REGION", "UK", "such as KR or GB"),
        ("DATABASE_URL", "postgres://user:secret@db/book", "the value begins neither"),
        ("TRUSTED_PROXIES", "127.0.0.1,proxy", "not an address or network"),
        ("LDAP_BASE", "example.com", "is not a DN"),
        ("PUBLIC_CARDDAV_URL", "contacts.example.com", "such as https://"),
        ("PUBLIC_LDAP_URL", "https://contacts.example.com", "such as ldaps://"),
        ("LOGIN_LDAP_URI", "ldap.example.com", "such as ldaps://"),
        ("LOGIN_LDAP_DN", "ou=people,dc=example", "no {login}"),
        ("MAIL_SENDER", "sharedbook", "not a mail address"),
        ("WEBHOOK_URL", "hooks.example.com/secret", "the value is not an address"),
        ("WEBHOOK_URL", "http://hooks.example.com/secret", "this machine only"),
        ("LDAP_ATTRIBUTES", "note,salary", "not one of note, birthday"),
        ("TLS_CERT", "/cert.pem", "only one is set"),
    ],
)
def test_a_wrong_value_is_named_with_its_setting(folder: Path, variable: str, value: str, says: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        load(environ={f"SHAREDBOOK_{variable}": value})
    assert says in refused.value.message and refused.value.hint
    assert refused.value.name in {each.name for each in SETTINGS}


def test_regions_are_those_whose_numbers_can_be_read() -> None:
    assert forms.REGIONS == phonenumbers.SUPPORTED_REGIONS


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("trash_day = 1", "did you mean trash_days?"),
        ("[ldap]\nlistne = 'x'", "did you mean ldap.listen?"),
        ("[nothing]\nlike = 'this'", "sharedbook settings"),
        ("trash_days = '", "cannot be read"),
        ("data_dir = 5", "is not text"),
        ("trash_days = true", "not a whole number"),
        ("trusted_proxies = [1]", "not a list of words"),
    ],
)
def test_a_wrong_file_is_one_sentence(folder: Path, text: str, says: str) -> None:
    (folder / "sharedbook.toml").write_text(text)
    with pytest.raises(InvalidSetting, match=re.escape(says)) as refused:
        load(environ={})
    assert "sharedbook.toml" in str(refused.value)


def test_a_file_that_is_named_must_be_there(folder: Path) -> None:
    with pytest.raises(InvalidSetting, match=re.escape("nowhere.toml")):
        load(environ={"SHAREDBOOK_CONFIG": "nowhere.toml"})


def test_a_folder_that_may_not_be_looked_into(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", locked)  # root, as whom tests may run, looks into every folder
    with pytest.raises(InvalidSetting, match=r"/etc/sharedbook/sharedbook\.toml") as refused:
        load(environ={})
    assert "user" in refused.value.hint
    monkeypatch.setattr(settings, "FILES", settings.FILES[:1])
    assert load(environ={}).config is None


def test_a_password_is_not_shown_in_an_error(folder: Path) -> None:
    (folder / "sharedbook.toml").write_text("[database]\nurl = 12345\n")
    with pytest.raises(InvalidSetting) as refused:
        load(environ={})
    assert "12345" not in str(refused.value)


def test_secrets_are_not_shown(folder: Path) -> None:
    found = Settings(
        data_dir=folder,
        database_url="postgresql+psycopg://user:secret@db/book",
        webhook_url="https://hooks.example/s3cret",
    )
    shown = {each.name: found.shown(each) for each in SETTINGS}
    assert shown["database.url"] == "postgresql+psycopg://user:***@db/book"
    assert shown["webhook.url"] == "https://hooks.example/***"
    assert Settings(data_dir=folder).shown(next(each for each in SETTINGS if each.name == "webhook.url")) == ""
    assert shown["data_dir"] == str(folder)


def test_misspelt_variables_are_found() -> None:
    environ = {"SHAREDBOOK_TRASH_DAY": "1", "SHAREDBOOK_TRASH_DAYS": "1", "SHAREDBOOK_TEST_SOAK": "1", "PATH": "/bin"}
    assert unknown_variables(environ) == ["SHAREDBOOK_TRASH_DAY"]


def test_every_setting_is_described() -> None:
    for each in SETTINGS:
        assert each.help.endswith((".", ")"))
        assert write(each.default) == write(each.default).strip()
