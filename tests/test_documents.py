"""What the documents name is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*.md")])
FOLDERS = "deploy|rustml|entrypoints|tests|profiles|docs|benchmarks|scripts|requirements|examples"
PATH = re.compile(rf"(?<![\w.~/-])(?:{FOLDERS})/[\w./-]*\w/?")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = {path.rstrip(".") for path in PATH.findall(text) if "..." not in path}
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
