"""Crates, a profile and processes for lifecycles in an empty folder."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.support.micro_lifecycle import BODIES, FUNCTION, Start, micro

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def crates(tmp_path: Path) -> Path:
    """A Cargo directory source of three small crates."""
    root = tmp_path / "crates"
    for name, (told, inside) in BODIES.items():
        files = {
            "Cargo.toml": f'[package]\nname = "{name}"\nversion = "1.0.0"\nedition = "2021"\nlicense = "MIT"\n',
            "src/lib.rs": FUNCTION.format(name=name, told=told, inside=inside),
        }
        for path, text in files.items():
            (root / name / path).parent.mkdir(parents=True, exist_ok=True)
            (root / name / path).write_text(text)
        sums = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in files.items()}
        (root / name / ".cargo-checksum.json").write_text(json.dumps({"package": "ab" * 32, "files": sums}))
    return root


@pytest.fixture
def profile(tmp_path: Path, crates: Path) -> Path:
    """The path of the micro profile."""
    path = tmp_path / "micro.yaml"
    path.write_text(yaml.safe_dump(micro(crates)))
    return path


@pytest.fixture
def start(tmp_path: Path, profile: Path) -> Start:
    """`start("lifecycle", ...)`: an entry point as a user's process in an empty folder; Popen with text on stdout."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}

    def begin(name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        settings = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
        return subprocess.Popen(
            [sys.executable, "-m", f"entrypoints.{name}", "--profile", str(profile), *arguments],
            cwd=tmp_path,
            env={**bare, **settings, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )

    return begin
