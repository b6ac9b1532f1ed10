"""docs/architecture.md and docs/words.md speak of files and tables that exist."""

from __future__ import annotations

import re
from pathlib import Path

from sharedbook.store.schema import metadata
from tests.access.test_matrix import ACTIONS, RIGHTS, VISIBILITIES, expected

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def test_every_file_of_the_tree_exists() -> None:
    tree = (DOCS / "architecture.md").read_text().split("```")[1]
    folders: list[str] = []
    for line in tree.strip().splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        words = [word for word in line.strip().split("   ")[0].split() if re.fullmatch(r"[\w/]+(\.py|/)", word)]
        assert words, line
        for word in words:
            if word.endswith("/"):
                folders = [*folders[:depth], word]
            path = (
                ROOT
                / "".join(folders[:depth] if not word.endswith("/") else folders)
                / ("" if word.endswith("/") else word)
            )
            assert path.exists(), f"{line!r} names {path.relative_to(ROOT)}"


def test_every_path_in_the_text_exists() -> None:
    for name in ("architecture.md", "words.md", "access.md"):
        for path in re.findall(
            r"`((?:src|plugins|ldap_gateway|tests|services|store|domain|cli)/[\w/]+\.py)`", (DOCS / name).read_text()
        ):
            found = [ROOT / path, ROOT / "src/sharedbook" / path]
            assert any(each.exists() for each in found), f"{name} names {path}"


def test_every_table_in_the_words_exists_and_is_explained() -> None:
    named = set(
        re.findall(
            r"`(\w+)(?:\.\w+)?`",
            "".join(
                row.rsplit("|", 2)[1] for row in (DOCS / "words.md").read_text().splitlines() if row.startswith("| ")
            ),
        )
    )
    tables = set(metadata.tables)
    assert {name for name in named if "." not in name} <= tables
    assert tables - named <= {"lost_views"}, "a table that no word explains"


def test_the_access_page_is_what_the_matrix_expects() -> None:
    rows = [line for line in (DOCS / "access.md").read_text().splitlines() if "●" in line or "· · ·" in line]
    rows = [line for line in rows if line.startswith("|")]
    assert len(rows) == len(RIGHTS)
    for person, row in zip(RIGHTS, rows, strict=True):
        cells = [cell.strip().split() for cell in row.strip("|").split("|")[2:]]
        for action, marks in zip(ACTIONS, cells, strict=True):
            should = [expected(person, action, visibility) for visibility in VISIBILITIES]
            assert [mark == "●" for mark in marks] == (should[:1] if action == "add" else should), (person, action)
