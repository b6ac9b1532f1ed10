"""Every example of the help runs, in a site that has what the examples name, and ends well.

Elsewhere: what needs an organisation's directory (tests/directory/test_examples.py), what a shell does
(test_completion.py), `contact mail` (test_mail.py), `serve` (test_site.py) and `notice test` (test_holds.py).
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import pytest
import xlsxwriter
from rich.cells import cell_len

from sharedbook import app
from sharedbook.cli.terminal.errors import DONE, FAILED, IN_PART
from sharedbook.domain.errors import DeletionHeld
from sharedbook.domain.model import Client
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import breaker, cards, groups
from sharedbook.services.jobs import actions, bulk
from sharedbook.services.refused import suggestions
from sharedbook.services.tx import MemberActor
from sharedbook.services.writing import records
from sharedbook.services.writing.kept import Columns
from sharedbook.settings import Settings
from tests.cli.conftest import Answer, CommandLine
from tests.support.codes import with_code
from tests.support.examples import ALL, EVERY, PATH
from tests.support.pictures import picture
from tests.support.screens import COLUMNS, Screen
from tests.support.sites import as_console, card

Found = TypeVar("Found")
PHONE = Client("carddav", "Phone/1.0")

SETUP = """
    init
    member add alice --postmaster --email alice@example.com
    member add bob
    member add carol
    team add sales
    team join sales bob
    group add Customers
    group add Suppliers
    group add Partners
    group add Press
    group add "Team One"
    grant add customers @sales view,add,edit
    grant add press everyone view
    grant add suppliers bob view
    grant add partners bob view,delete
    field add "Contract no."
    field add Papers --kind link --several
    member app-password add alice "Desk phone"
    import contacts.csv --group customers
    contact set 12 email+=old@example.com title=Buyer "custom:Contract no.=2024-1"
    contact add --name "Minji Kim" --email minji@example.com --group customers
    contact set minji@example.com title=Head phone.mobile=02-1
    contact add --name "Kim van der Berg" --email kim@hanbit.example --group customers --field company=Hanbit
    contact add --name Ada --email ada@example.com --group customers
    contact photo minji@example.com minji.jpg
"""
"""What a postmaster did before: contacts 1 to 95 are of a file with a bad row, 96 is Minji."""

FIRST = {
    "restore": ["backup backups/2026-01-31"],
    "trash restore": ["contact delete 12 --yes"],
    "contact distinct 12 57 --remove": ["contact distinct 12 57"],
    "contact share minji@example.com on": ["contact share minji@example.com off"],
    "erase verify": ["contact erase 12 --yes --certificate certificate.json"],
    "member enable": ["member disable bob"],
    "apply": ["contact tag --where company:acme +partner --dry-run"],
    "plan": ["group export-plan customers customers.yaml"],
    "job undo": ["job resume 2"],
}
"""How an example begins -> what is done before it."""

EXIT_CODES = {"doctor": FAILED, "import contacts.csv": IN_PART, "job watch": IN_PART}
"""How an example begins that does not end with 0: a client is held back here, and the file has a bad row."""
ESCAPE = "\x1b"
ELSEWHERE = re.compile(r"--ldap|contact detach|contact mail|sharedbook (completion|serve|notice test)")
HERE = [(path, example) for path, example in EVERY if not ELSEWHERE.search(example)]


@pytest.fixture
def town(bare: CommandLine, molds: Path, tmp_path: Path, data_dir: Path) -> CommandLine:
    """The site, made once and copied, and beside it the files that the examples read."""
    mold = molds / "town"
    if not mold.exists():
        write_files(tmp_path)
        for line in SETUP.strip().splitlines():
            bare(*shlex.split(line), code=3 if "import" in line else 0)
        what_others_did(data_dir)
        shutil.copytree(tmp_path, mold)
    else:
        shutil.copytree(mold, tmp_path, dirs_exist_ok=True)
    return bare


def write_files(folder: Path) -> None:
    """The files that the examples read, beside the site."""
    rows = [f"Person {each},p{each}@example.com,{'Acme' if 9 < each < 16 else ''}," for each in range(1, 96)]
    rows[19] += "obsolete"
    (folder / "contacts.csv").write_text("\n".join(["name,email,company,tags", *rows, "Nobody,no mail,,", ""]))
    (folder / "contacts.vcf").write_text(card("of-a-file", "Person 30", "EMAIL:p30@example.com", "TITLE:Head"))
    (folder / "sent.mbox").write_text("From -\nFrom: p1@example.com\nTo: p2@example.com\n\nHello\n")
    (folder / "old.txt").write_bytes("name,email\n김철수,chulsoo@example.com\n".encode("cp949"))
    (folder / "minji.jpg").write_bytes(picture("JPEG"))
    (folder / "card.jpg").write_bytes(with_code("BEGIN:VCARD\nVERSION:3.0\nFN:Anne Lee\nEND:VCARD"))
    (folder / "ids.txt").write_text("14 15\n")
    (folder / "odd.toml").write_text('"Mail of the person" = "email"\n')
    (folder / "test.toml").write_text('default_region = "KR"\n')
    with xlsxwriter.Workbook(folder / "odd.xlsx") as book:
        sheet = book.add_worksheet("People")
        sheet.write_row(0, 0, ["Name", "Mail of the person"])
        sheet.write_row(1, 0, ["Odd Person", "odd@example.com"])


def what_others_did(data_dir: Path) -> None:
    """Bob's phone wanted to change four suppliers, which he may only view, and took 20 of 30 partners: one hold.

    Job 2 waits, as in the background.
    """
    site = app.open(Settings(data_dir=data_dir))
    with as_console(site) as tx:
        for slug, number in (("suppliers", 4), ("partners", 30)):
            made = [records.kept_of(tx, vcard.parse(card(f"{slug}{each}", slug))) for each in range(number)]
            hrefs = [f"{each}.vcf" for each in range(len(made))]
            records.create(tx, groups.get(tx, slug).id, Columns.of(made), hrefs)
    with site.begin(MemberActor("bob"), PHONE) as tx:
        bob = tx.viewer
    for each in range(4):
        wanted = card(f"suppliers{each}", "suppliers", "TITLE:Clerk").encode()
        suggestions.keep(site, bob, PHONE, "suppliers", f"{each}.vcf", wanted)
    with pytest.raises(DeletionHeld) as refused:
        for each in range(21):
            with site.begin(bob, PHONE, write=True) as tx:
                cards.remove(tx, groups.book(tx, "partners"), f"{each}.vcf")
    breaker.hold(site, bob, PHONE, refused.value)
    with as_console(site) as tx:
        bulk.add(tx, actions.Tag(("vip",), ()), [10, 11])
    site.close()


def run(line: CommandLine, path: PATH, text: str, patch: pytest.MonkeyPatch) -> Answer:
    """What a shell would do with VARIABLE=value, a pipe from echo, and files for stdin and stdout."""
    text, _, to = text.partition(" > ")
    text, _, source = text.partition(" < ")
    stdin = Path(source).read_text() if source else ""
    if " | " in text:
        said, _, text = text.partition(" | ")
        stdin = " ".join(shlex.split(os.path.expandvars(said))[1:]) + "\n"
    words = shlex.split(os.path.expandvars(text))
    while words[0] != "sharedbook":
        patch.setenv(*words.pop(0).split("=", 1))
    asks = any("--yes" in each.opts for each in ALL[path].params) and not {"--yes", "--dry-run"} & set(words)
    answer = line(*words[1:], *(["--yes"] if asks else []), stdin=stdin, code=None)
    if to:
        Path(to).write_text(answer.out)
    return answer


def found(table: Mapping[str, Found], example: str, otherwise: Found) -> Found:
    """What a table has for an example that begins with one of its keys."""
    return next((each for key, each in table.items() if example.startswith(f"sharedbook {key}")), otherwise)


@pytest.mark.parametrize(("path", "example"), HERE, ids=[example for _, example in HERE])
def test_an_example_runs(town: CommandLine, path: PATH, example: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "correct horse battery")
    monkeypatch.setenv("HEAD", town("audit", "verify").out.split()[-1] if "$HEAD" in example else "")
    for first in found(FIRST, example, ()):
        town(*shlex.split(first))
    if example == "sharedbook restore backups/2026-01-31":
        Path("site/sharedbook.sqlite").unlink()
    if "--save-map" in example:
        Path("odd.toml").unlink()
    answer = run(town, path, example, monkeypatch)
    background = "--background" in example
    assert answer.code == (DONE if background else found(EXIT_CODES, example, DONE)), answer
    assert ESCAPE not in answer.out + answer.err
    if background:
        town("job", "watch", town.json("job", "list")[0]["id"], code=None)


READING = {"list", "show", "find", "history", "why", "errors", "who-can-see", "duplicates"}
READ_ALL = """
import shlex, sys
from sharedbook.cli import main
for line in open("lines.txt"):
    print("$", line.strip()[:70], flush=True)
    try:
        main(shlex.split(line)[1:])
    except SystemExit:
        pass
print("all" + " was read")
"""


@pytest.mark.needs("shells")
def test_on_a_terminal_of_80_columns_without_colour(town: CommandLine, tmp_path: Path) -> None:
    """No list is wider, whatever is in it; tmux tells which lines it had to wrap."""
    town("contact", "set", "minji@example.com", "company=A company with a rather long name", "note=" + "word " * 40)
    town("group", "describe", "team-one", "A description that says more than fits on one line of a terminal, for whom")
    shown = [example for path, example in HERE if READING.intersection(path[-1:])]
    read = [example for example in shown if "--json" not in example and "$" not in example]
    (tmp_path / "lines.txt").write_text("\n".join(read))
    (tmp_path / "read_all.py").write_text(READ_ALL)
    with Screen(tmp_path, sys.executable, "read_all.py", env={"NO_COLOR": "1"}) as screen:
        screen.until("all was read")
        lines, coloured = screen.lines(), screen.lines(colours=True)
    assert len(read) > 25 and len(lines) > 200
    assert [line for line in lines if cell_len(line.rstrip()) > COLUMNS] == []
    assert not re.search(r"\x1b\[[0-9;]*[34][0-7]", "".join(coloured))
