"""What answers are generated and judged with: an engine, a tokenizer, the judge."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rustml.chat import Tokenizer
from rustml.evaluation.scoring.llm_judge import Rater
from rustml.generation.engines import ENGINES
from rustml.generation.sampling import Generator
from rustml.generation.setup import Setup
from rustml.judge import Limits
from rustml.judge.judging import Judging
from rustml.models.compute import device
from rustml.profile import Profile
from rustml.progress import LabelledProgress, ProgressCallback, no_progress


@dataclass(frozen=True)
class EvalContext:
    """All that an evaluation needs beside its suites."""

    generator: Generator
    tokenizer: Tokenizer
    judge: Judging
    judge_protocol: Mapping[str, Any]
    """What judges (limits, toolchain), as JSON values: it belongs to every suite's protocol."""
    watch: LabelledProgress = no_progress
    rater: Rater | None = None
    """A language model that rates answers of hold-out suites; None for none."""
    ahead: bool = False
    """Whether answers are drawn while earlier ones are judged: where both compute on the same processors, both take
    longer together than one after the other."""


@contextmanager
def open_context(
    profile: Profile,
    model_dir: Path | None,
    judge: Judging,
    protocol: Mapping[str, Any],
    *,
    watch: LabelledProgress = no_progress,
    generated: ProgressCallback = no_progress,
    rater: Rater | None = None,
) -> Iterator[EvalContext]:
    """Load the model in `model_dir` into the engine that the profile names, its template prepared as `chat` says.

    The engine is closed at the end, however it comes: a process with vLLM's open would wait for it for ever.

    `protocol` is what `judge_protocol` says of the judge. `compute` of the profile names dtype and attention, neither
    of them `auto`. Engine `openai` takes no folder and asks the profile's server.

    `generated` is called with counts of answers generated, `watch` with those of answers judged. Raises
    EnvironmentFault when the engine is not installed.
    """
    section, compute = profile.evaluation, profile.compute
    setup = Setup(
        profile.chat,
        model_dir,
        compute.dtype,
        compute.attention,
        section.batch_size,
        server=section.server,
        progress=generated,
    )
    with closing(ENGINES[section.engine](setup)) as engine:
        ahead = section.engine == "openai" or device() != "cpu"
        yield EvalContext(engine, engine.tokenizer, judge, protocol, watch, rater, ahead)


def judge_protocol(limits: Limits, versions: Mapping[str, str]) -> dict[str, Any]:
    """The part of the judge that can move a score, as JSON values: its limits, versions of compiler and interpreter."""
    return {"limits": asdict(limits), **versions}
