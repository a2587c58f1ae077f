from pathlib import Path

import pytest

from rustml.errors import InputError
from rustml.evaluation import weights


def test_another_layout_of_the_same_files_has_the_same_digest(checkpoint: Path, tmp_path: Path) -> None:
    (checkpoint / "tokenizer.json").write_text("{}")
    moved = tmp_path / "registry"
    (moved / "components").mkdir(parents=True)
    (moved / "model").mkdir()
    for name in ("model.safetensors", "config.json"):
        (moved / "model" / name).write_bytes((checkpoint / name).read_bytes())
    (moved / "components" / "tokenizer.json").write_text("{}")
    assert weights.digest(moved) == weights.digest(checkpoint)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"])
def test_a_changed_byte_of_what_decides_answers_changes_the_digest(checkpoint: Path, name: str) -> None:
    (checkpoint / name).write_bytes(b"one")
    before = weights.digest(checkpoint)
    (checkpoint / name).write_bytes(b"two")
    assert weights.digest(checkpoint) != before


def test_an_added_shard_changes_the_digest(checkpoint: Path) -> None:
    before = weights.digest(checkpoint)
    (checkpoint / "extra.safetensors").write_bytes(b"")
    assert weights.digest(checkpoint) != before


def test_notes_do_not_change_the_digest(checkpoint: Path) -> None:
    before = weights.digest(checkpoint)
    (checkpoint / "README.md").write_text("a card")
    assert weights.digest(checkpoint) == before


def test_two_checkpoints_in_one_folder_are_refused(checkpoint: Path) -> None:
    (checkpoint / "checkpoint-10").mkdir()
    (checkpoint / "checkpoint-10" / "model.safetensors").write_bytes(b"earlier")
    with pytest.raises(InputError, match=r"different files named model\.safetensors"):
        weights.digest(checkpoint)
