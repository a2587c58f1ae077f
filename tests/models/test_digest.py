from pathlib import Path

import pytest

from rustml.errors import InputError
from rustml.models import checkpoint as checkpoints


def test_another_layout_of_the_same_files_has_the_same_digest(checkpoint: Path, tmp_path: Path) -> None:
    (checkpoint / "tokenizer.json").write_text("{}")
    moved = tmp_path / "registry"
    (moved / "components").mkdir(parents=True)
    (moved / "model").mkdir()
    for name in ("model.safetensors", "config.json"):
        (moved / "model" / name).write_bytes((checkpoint / name).read_bytes())
    (moved / "components" / "tokenizer.json").write_text("{}")
    assert checkpoints.digest(moved) == checkpoints.digest(checkpoint)


@pytest.mark.parametrize(
    "name",
    [
        "model.safetensors",
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
    ],
)
def test_a_changed_byte_of_what_decides_answers_changes_the_digest(checkpoint: Path, name: str) -> None:
    (checkpoint / name).write_bytes(b"one")
    before = checkpoints.digest(checkpoint)
    (checkpoint / name).write_bytes(b"two")
    assert checkpoints.digest(checkpoint) != before


def test_an_added_shard_changes_the_digest(checkpoint: Path) -> None:
    before = checkpoints.digest(checkpoint)
    (checkpoint / "extra.safetensors").write_bytes(b"")
    assert checkpoints.digest(checkpoint) != before


def test_notes_do_not_change_the_digest(checkpoint: Path) -> None:
    before = checkpoints.digest(checkpoint)
    (checkpoint / "README.md").write_text("a card")
    assert checkpoints.digest(checkpoint) == before


def test_two_checkpoints_in_one_folder_are_refused(checkpoint: Path) -> None:
    (checkpoint / "checkpoint-10").mkdir()
    (checkpoint / "checkpoint-10" / "model.safetensors").write_bytes(b"earlier")
    with pytest.raises(InputError, match=r"different files named model\.safetensors"):
        checkpoints.digest(checkpoint)
