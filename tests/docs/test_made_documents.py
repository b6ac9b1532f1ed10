"""What the code says about itself is what docs/ says."""

from __future__ import annotations

import pytest

from tools.write_docs import DOCS, DOCUMENTS


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text() == DOCUMENTS[name](), "run `make docs`"
