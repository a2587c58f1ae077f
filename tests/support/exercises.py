"""An exercise in Exercism's layout, written here."""

import json
from pathlib import Path

MANIFEST = '[package]\nname = "two-step"\nversion = "1.0.0"\nedition = "2021"\n'
TESTS = """use two_step::twice;

#[test]
fn doubles_one() {
    assert_eq!(twice(1), 2);
}

#[test]
#[ignore]
fn doubles_two() {
    assert_eq!(twice(2), 4);
}

#[test]
#[ignore = "slow"]
fn keeps_text() {
    assert_eq!("#[ignore]\\n\\nfn", "#[ignore]\\n\\nfn");
    assert_eq!(twice(3), 6);
}
"""
FILES = {
    "Cargo.toml": MANIFEST,
    "src/lib.rs": "pub fn twice(x: u32) -> u32 {\n    todo!()\n}\n",
    "tests/two-step.rs": TESTS,
    ".meta/example.rs": "pub fn twice(x: u32) -> u32 {\n    2 * x\n}\n",
    ".meta/config.json": json.dumps(
        {
            "authors": [],
            "files": {
                "solution": ["src/lib.rs", "Cargo.toml"],
                "test": ["tests/two-step.rs"],
                "example": [".meta/example.rs"],
            },
        }
    ),
    ".docs/instructions.md": "# Instructions\n\nDouble a number.\n",
    ".docs/introduction.md": "# Introduction\n\nNumbers.\n",
    ".docs/hints.md": "Use `*`.\n",
}


def exercise(folder: Path, name: str = "two-step", drop: str = "", **files: str) -> Path:
    """Write an exercise below `folder`; `files` are named with `__` for `/`."""
    changed = {key.replace("__", "/"): text for key, text in files.items()}
    for path, text in {**FILES, **changed}.items():
        if path != drop:
            target = folder / "exercises" / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    return folder
