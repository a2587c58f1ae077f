"""The template of a fetched checkpoint: as the profile wants it, and untouched where it asks for nothing."""

from pathlib import Path

import pytest

from rustml import chat
from rustml.errors import InputError
from rustml.models import checkpoint as checkpoints
from rustml.models import template
from rustml.profile.chat import ChatSection
from tests.support.tokenizers import FAMILIES, tokenizer_of
from tests.support.toy_models import model


def fetched(folder: Path, family: str) -> dict[str, bytes]:
    tokenizer_of(family).save_pretrained(str(folder))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_profile_that_asks_for_nothing_changes_no_byte(family: str, tmp_path: Path) -> None:
    before = fetched(tmp_path, family)
    digest = template.apply(tmp_path, ChatSection(template="checkpoint", system=""))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert digest == chat.digest(tokenizer_of(family))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("system", ["", "You write Rust."])
def test_later_stages_find_the_profiles_template_beside_the_weights(family: str, system: str, tmp_path: Path) -> None:
    before = fetched(tmp_path, family)
    settings = ChatSection(template="chatml", system=system)
    digest = template.apply(tmp_path, settings)
    loaded = checkpoints.load_tokenizer(tmp_path)
    assert chat.digest(loaded) == digest
    assert chat.prompt(loaded, "Add.") == chat.prompt(chat.prepare(tokenizer_of(family), settings), "Add.")
    others = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != template.TEMPLATE}
    assert others == {name: content for name, content in before.items() if name != template.TEMPLATE}


def test_settings_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    tokenizer = tokenizer_of("starcoder2")
    tokenizer.eos_token = None
    tokenizer.save_pretrained(str(tmp_path))
    with pytest.raises(InputError, match="chatml"):
        template.apply(tmp_path, ChatSection(template="chatml", system=""))


@pytest.mark.parametrize("family", ["qwen2.5", "llama-3.1", "gemma-3"])
def test_a_saved_checkpoint_tells_servers_where_turns_end(family: str, tmp_path: Path) -> None:
    from transformers import GenerationConfig

    checkpoints.save(model(), tokenizer_of(family), tmp_path / "model")
    ends = GenerationConfig.from_pretrained(str(tmp_path / "model")).eos_token_id
    assert ends == chat.end_ids(tokenizer_of(family))
    assert tokenizer_of(family).convert_tokens_to_ids(FAMILIES[family].end_of_turn) in ends
