"""Measure a model on Rust, retention and hold-out suites."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from rustml.profile import Profile
from rustml.release import versions
from rustml.release.find_evidence import WEIGHTS_RUN_TAG
from rustml.release.ladder import maker_label
from rustml.release.registry import STEP_TAG, open_registry
from rustml.runs import tracking
from rustml.runs.contents import directory_source_contents
from rustml.runs.environment import libraries_and_device
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, ProfilePath, Stage, Workspace
from rustml.stages.judging import judging_environment

if TYPE_CHECKING:
    from rustml.evaluation.suites.assembly import HoldoutMaker, Suite
    from rustml.judge import Limits
    from rustml.profile.evaluation import SuiteSection


def contents(profile: Profile) -> Mapping[ProfilePath, str]:
    """The digest of the crates that hold-out crates are built with, where the profile names them."""
    folder = profile.evaluation.dependencies
    if not (folder and Path(folder).is_dir()):
        return {}
    return {("evaluation", "dependencies"): directory_source_contents(Path(folder))}


def environment(profile: Profile) -> Mapping[str, str]:
    """The engine that answers, and what judges: a protocol records both, and unequal protocols are not compared."""
    return {**libraries_and_device("transformers", profile.evaluation.engine), **judging_environment()}


STAGE = Stage("evaluate", ("evaluation", "judge", "pairs"), __name__, contents, environment)


def run(
    profile: Profile,
    *,
    model: str,
    bank: str,
    pairs: str = "",
    suites: tuple[str, ...] = (),
    contaminated: str = "",
    parent: str | None = None,
    reuse: bool = True,
) -> tracking.Finished:
    """Run the stage, or find the run that measured the same weights in the same way.

    `pairs` is a run of the `pairs` stage: its hold-out is what hold-out suites are made of, and its training records
    are searched for the problems that are measured on. `contaminated` is a file of further ids of such problems.
    """
    checkpoint = versions.checkpoint(model, profile.registered_model)
    listed = Path(contaminated).read_text(encoding="utf-8") if contaminated else ""

    def body(space: Workspace) -> Outcome:
        return _measure(profile, checkpoint, suites, Path(contaminated) if contaminated else None, space)

    params = {"weights": checkpoint.digest, "suites": ",".join(sorted(suites)), "contaminated": listed}
    inputs = {"bank": bank, **({"pairs": pairs} if pairs else {})}
    title = f"evaluate {named(model, profile.registered_model)}"
    return tracking.run_stage(
        STAGE, profile, body, inputs=inputs, params=params, parent=parent, reuse=reuse, title=title
    )


def named(model: str, registered_model: str) -> str:
    """A model as the UI names it: its step and its version, as in `base` or `sft v1`; else its folder."""
    if model.isdigit() or model.startswith(versions.SCHEME):
        name, _, number = model.removeprefix(versions.SCHEME).rpartition("/")
        version = open_registry(name or registered_model).version(number)
        return f"{version.tags.get(STEP_TAG) or _maker(version.run_id)} v{number}".strip()
    elsewhere = Path(model).is_dir() or "/" in model
    return Path(model).name[:60] if elsewhere else _maker(model)


def _maker(run_id: str) -> str:
    stage = tracking.finished(run_id).tags.get(tracking.STAGE, "") if run_id else ""
    return maker_label(stage)


def _measure(
    profile: Profile,
    checkpoint: versions.Checkpoint,
    only: tuple[str, ...],
    contaminated: Path | None,
    space: Workspace,
) -> Outcome:
    from rustml.evaluation import sample_completions  # noqa: PLC0415  torch takes seconds to load
    from rustml.evaluation.context import open_bench  # noqa: PLC0415
    from rustml.evaluation.evaluate import evaluate  # noqa: PLC0415
    from rustml.evaluation.report.plots import draw_evaluation  # noqa: PLC0415
    from rustml.evaluation.scoring.llm_judge import open_rater  # noqa: PLC0415
    from rustml.judge import Judge, Limits  # noqa: PLC0415

    limits = Limits.from_section(profile.judge)
    rater = open_rater(profile.evaluation.rater)
    with (
        Judge(limits, batch_size=profile.judge.batch_size, cache=space.cache.verdicts) as judge,
        ExitStack() as stack,
        Progress("answers judged") as progress,
    ):

        def watch(suite: str, done: int, total: int) -> None:
            progress.begin(f"{suite} answers judged")
            progress(done, total)

        chosen = _suites(profile, only, contaminated, space, limits, stack)
        bench = open_bench(profile.evaluation, checkpoint.folder, judge, limits, watch=watch, rater=rater)
        read = sample_completions.completions(
            profile.evaluation.behaviour, bench.generator, bench.tokenizer, profile.seed
        )
        found = evaluate(checkpoint.folder, chosen, bench, space.out, model=checkpoint.name)
    draw_evaluation(found, space.report / "plots")
    tables = {sample_completions.TABLE: read} if read else {}
    return Outcome(found.metrics(), tables, tags={WEIGHTS_RUN_TAG: checkpoint.digest, "rustml.model": checkpoint.name})


def _suites(
    profile: Profile,
    only: tuple[str, ...],
    contaminated: Path | None,
    space: Workspace,
    limits: "Limits",
    stack: ExitStack,
) -> "list[Suite]":
    """The suites, their contaminated items marked. What hold-out suites need ends with `stack`."""
    from rustml.evaluation.suites import contamination  # noqa: PLC0415
    from rustml.evaluation.suites.assembly import marked, suites_of  # noqa: PLC0415

    pairs = space.inputs.get("pairs")
    make = _holdout(profile, pairs, space, limits, stack) if pairs else None
    chosen = suites_of(profile.evaluation, space.inputs["bank"], seed=profile.seed, only=only, holdout=make)
    problems = [problem for suite in chosen if suite.group != "holdout" for problem in suite.problems]
    ids = contamination.listed(contaminated, [problem.id for problem in problems]) if contaminated else frozenset()
    if pairs is not None:
        ids |= contamination.in_training(problems, pairs, profile.pairs.decontamination, space.cache.contamination)
    return marked(chosen, ids)


def _holdout(profile: Profile, pairs: Path, space: Workspace, limits: "Limits", stack: ExitStack) -> "HoldoutMaker":
    from rustml.evaluation.suites.holdout import Holdout, Sources  # noqa: PLC0415

    cache = space.cache
    sources = Sources(cache.unpacked_crates, profile.evaluation.dependencies, cache.built_crates)

    def make(name: str, section: "SuiteSection", seed: int) -> "Suite":
        with Progress("crates of the hold-out") as progress:
            return stack.enter_context(Holdout(pairs, sources, limits, progress)).suite(name, section, seed)

    return make
