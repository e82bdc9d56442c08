"""The API reference is the docstrings' own."""

from __future__ import annotations

from tools.write_api import PAGE, page

import mien


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tools.write_api"


def test_every_public_name_is_on_it():
    text = page()
    for name in mien.__all__:
        assert name.startswith("_") or f"\n## {name}\n" in text


def test_signatures_are_those_of_the_code():
    text = page()
    assert "FaceAsset.save(\n    out: Path | str,\n    *,\n    formats" in text
    assert "vertex_mask(*names: str)" in text
