"""A pretrained base: the same bytes from the hub at every download, and only a checkpoint's files from a folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rustml.errors import InputError
from rustml.io import folder_digest
from rustml.models.fetch import fetch, licence_of
from rustml.profile.base import PathBase
from tests.support.loopback_hub import COMMIT, hub

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINT = ("config.json", "model.safetensors", "tokenizer.json")
SCRIPT = """
import sys
from pathlib import Path
from rustml.models.fetch import fetch, licence_of
from rustml.profile.base import HubBase
fetch(HubBase(repository="owner/model", revision=sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A checkpoint among files that are not taken."""
    folder = tmp_path / "hub" / "owner" / "model"
    folder.mkdir(parents=True)
    for name in (*CHECKPOINT, "pytorch_model.bin", "modeling_custom.py"):
        (folder / name).write_text(f"{name} as published")
    return folder


def test_the_hub_gives_the_same_folder_at_every_download(published: Path, tmp_path: Path) -> None:
    with hub(published.parents[1]) as endpoint:
        for name in ("first", "second"):
            environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1"}
            argv = [sys.executable, "-c", SCRIPT, COMMIT, str(tmp_path / name)]
            subprocess.run(argv, env=environment, cwd=ROOT, check=True, timeout=120)
    assert sorted(path.name for path in (tmp_path / "first").iterdir()) == list(CHECKPOINT)
    assert folder_digest(tmp_path / "first") == folder_digest(tmp_path / "second")


def test_a_folder_gives_its_checkpoint_alone(published: Path, tmp_path: Path) -> None:
    fetch(PathBase(folder=str(published)), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == list(CHECKPOINT)


def test_a_folder_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"base\.folder: .*no config\.json"):
        fetch(PathBase(folder=str(tmp_path)), tmp_path / "out")


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: apache-2.0\ntags: [x]\n---\n# Model\n", "apache-2.0"),
        ("---\nlicense: [a, b]\n---\n", ""),
        ("---\nlicense: : :\n---\n", ""),
        ("license: mit\n", ""),
        ("", ""),
    ],
)
def test_the_licence_is_the_one_that_the_card_names(tmp_path: Path, card: str, licence: str) -> None:
    (tmp_path / "README.md").write_text(card)
    assert licence_of(tmp_path) == licence
    assert licence_of(tmp_path / "nowhere") == ""
