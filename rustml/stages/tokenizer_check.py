"""The tokenizer of a profile's base on Rust, by itself: no weights are read."""

from typing import Any

from rustml.errors import InputError
from rustml.profile import Profile
from rustml.profile.base import HubBase
from rustml.release import versions
from rustml.runs import tracking
from rustml.training import sources


def table(profile: Profile, *, start: str = "", bank: str = "", pairs: str = "") -> str:
    """The table for the checkpoint that `start` names, or for the profile's base on the hub where that is empty.

    With the runs of bank and pairs, answers that SFT would train on are tried beside the constructs. Raises InputError
    where there is no tokenizer.
    """
    from rustml.models import checkpoint  # noqa: PLC0415
    from rustml.training.methods.base import model_shape  # noqa: PLC0415  torch takes seconds to load
    from rustml.training.report.tokenizer_probe import probe, rust_answers  # noqa: PLC0415

    data = (tracking.output(bank), tracking.output(pairs)) if bank and pairs else ()
    parts = sources.texts(profile.sft.sources, *data, profile.seed) if data else {}
    if start:
        folder = versions.checkpoint(start, profile.registered_model).folder
        tokenizer, config = checkpoint.load_tokenizer(folder), model_shape(folder).config
    else:
        tokenizer, config = _of_the_hub(profile)
    return probe(tokenizer, rust_answers(parts.values()), config.get_text_config().vocab_size).table()


def _of_the_hub(profile: Profile) -> tuple[Any, Any]:
    """Tokenizer, with the profile's template, and configuration."""
    from transformers import AutoConfig, AutoTokenizer  # noqa: PLC0415  seconds to load

    from rustml import chat  # noqa: PLC0415

    if not isinstance(profile.base, HubBase):
        raise InputError("check=tokenizer reads the tokenizer of a checkpoint: give the run of the base, or a version")
    name, revision = profile.base.repository, profile.base.revision
    try:
        options: dict[str, Any] = {"revision": revision, "trust_remote_code": False}
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
        return chat.prepare(tokenizer, profile.chat), AutoConfig.from_pretrained(name, **options)
    except (OSError, ValueError) as error:
        raise InputError(f"base: no tokenizer can be fetched ({str(error)[:160]}): give the run of the base") from error
