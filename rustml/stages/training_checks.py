"""What can be checked of a profile's SFT without doing it: memory, tokenizer, one batch learnt by heart."""

from collections.abc import Callable

from rustml.errors import InputError
from rustml.profile import Profile
from rustml.release.find_evidence import step_to_make
from rustml.release.ladder import profile_of
from rustml.stages import memory_check, overfit_check, sft, tokenizer_check


def run(check: str, profile: Profile, *, gpu: str, say: Callable[[str], None], step: str, **runs: str) -> None:
    """Do the check of this name for a step of the ladder; `say` takes its lines, `runs` are those of the stage.

    Raises what the check raises.
    """
    profile = profile_of(profile, step_to_make(profile, sft.STAGE.name, step).name)
    data = {"start": runs["version"] or runs["base"], "bank": runs["bank"], "pairs": runs["pairs"]}
    match check:
        case "memory":
            say(memory_check.table(profile, base=runs["base"], gpu=gpu))
        case "tokenizer":
            say(tokenizer_check.table(profile, **data))
        case "overfit":
            overfit_check.run(profile, **data, say=say)
        case _:
            raise InputError(f"check: no check {check!r}")
