"""Measure a model on Rust, retention and hold-out suites."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from rustml.cargo.registry import resolve
from rustml.contents import directory_source_contents, file_contents
from rustml.errors import InputError
from rustml.evaluation.kinds import KINDS, ItemSource
from rustml.generation import served
from rustml.generation.served import ServedModel
from rustml.profile import Profile
from rustml.release import versions
from rustml.release.find_evidence import WEIGHTS_RUN_TAG
from rustml.runs import tracking
from rustml.runs.environment import libraries, libraries_and_device
from rustml.runs.progress import Progress
from rustml.runs.stage import Measured, Outcome, ProfilePath, Stage, SuiteData, Workspace
from rustml.stages import pinned_toolchains
from rustml.stages.computing import resolved
from rustml.stages.judging import judging_environment, open_judge
from rustml.stages.report import evaluation_note

if TYPE_CHECKING:
    from rustml.evaluation.results.report_file import Evaluation
    from rustml.evaluation.suites.account import Account
    from rustml.evaluation.suites.suite import HoldoutMaker, Suite
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
    judging = {**judging_environment(profile), **pinned_toolchains.versions(profile)}
    if profile.evaluation.engine == served.SCHEME:
        return {**libraries("openai"), **judging}
    return {**libraries_and_device("transformers", profile.evaluation.engine), **judging}


PROMPTS = "prompts answered"
STAGE = Stage(
    "evaluate",
    ("compute", "chat", "evaluation", "judge", "pairs.decontamination", "harvest.registry"),
    __name__,
    contents,
    environment,
    reads_for="evaluation",
)


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
    `model` may name one behind a server, as `openai:NAME@URL`. Raises InputError when something cannot be read, and
    where engine `openai` meets a checkpoint.
    """
    profile, subject = _subject(profile, model)
    listed = file_contents(Path(contaminated), "contaminated") if contaminated else ""

    def body(space: Workspace) -> Outcome:
        return _measure(profile, subject, suites, Path(contaminated) if contaminated else None, space)

    params = {"weights": subject.digest, "suites": ",".join(sorted(suites)), "contaminated": listed}
    inputs = {"bank": bank, **({"pairs": pairs} if pairs else {})}
    return tracking.run_stage(
        STAGE,
        profile,
        body,
        inputs=inputs,
        params=params,
        parent=parent,
        reuse=reuse,
        title=f"evaluate {subject.label}{_on(profile, suites)}, {profile.name}",
    )


def _on(profile: Profile, suites: tuple[str, ...]) -> str:
    """The part of a run's name that says which suites; empty for all, and for those of the lifecycle."""
    usual = {*profile.evaluation.lifecycle} or {*profile.evaluation.suites}
    return f" on {', '.join(suites)}" if suites and {*suites} != usual else ""


@dataclass(frozen=True)
class Subject:
    """What is measured."""

    name: str
    """As the user named it."""
    label: str
    """As the UI names it."""
    digest: str
    """Of the weights; of a server's model, its identity."""
    model: Path | ServedModel
    run: str = ""
    """That made the checkpoint; empty where no run of this store did."""


def _subject(profile: Profile, model: str) -> tuple[Profile, Subject]:
    """What is measured, and the profile with what decides how: dtype and attention, or the server."""
    if served.names_server(model):
        section = served.section_of(model, profile.evaluation.server)
        evaluation = replace(profile.evaluation, engine=served.SCHEME, server=section)
        listed = served.look_up(section)
        return replace(profile, evaluation=evaluation), Subject(listed.uri, listed.name, listed.digest, listed)
    if profile.evaluation.engine == served.SCHEME:
        raise InputError(
            f"evaluation.engine: openai measures a model behind a server, and {model} is a checkpoint: give -P "
            "model=openai for the server of the profile, or set the engine to transformers or vllm"
        )
    checkpoint = versions.checkpoint(model, profile.registered_model)
    label = versions.label(model, profile.registered_model)
    return resolved(profile), Subject(checkpoint.name, label, checkpoint.digest, checkpoint.folder, checkpoint.run)


def _measure(
    profile: Profile,
    subject: Subject,
    only: tuple[str, ...],
    contaminated: Path | None,
    space: Workspace,
) -> Outcome:
    from rustml.evaluation import sample_completions  # noqa: PLC0415  torch takes seconds to load
    from rustml.evaluation.context import judge_protocol, open_context  # noqa: PLC0415
    from rustml.evaluation.evaluate import evaluate  # noqa: PLC0415
    from rustml.evaluation.report.plots import draw_evaluation  # noqa: PLC0415
    from rustml.evaluation.scoring.llm_judge import open_rater  # noqa: PLC0415
    from rustml.judge import Limits  # noqa: PLC0415

    limits, rater = Limits.from_section(profile.judge), open_rater(profile.evaluation.rater)
    with (
        open_judge(profile, space.cache) as judge,
        ExitStack() as stack,
        Progress("answers judged") as progress,
    ):
        suites = _suites(profile, only, contaminated, space, limits, stack)
        _tell_exclusions(suites)
        accounts = _told({suite.name: suite.account for suite in suites if suite.account})
        folder = subject.model if isinstance(subject.model, Path) else None
        protocol = judge_protocol(limits, judging_environment(profile))
        watch, generated = _counters(progress)
        opened = open_context(profile, folder, judge, protocol, watch=watch, generated=generated, rater=rater)
        context = stack.enter_context(opened)
        completions = sample_completions.completions(
            profile.evaluation.behaviour, context.generator, context.tokenizer, profile.seed
        )
        report = evaluate(subject.model, suites, context, space.out, model=subject.name)
        _tell_alone(suites)
    draw_evaluation(report, space.report / "plots")
    tables: dict[str, list[dict[str, Any]]] = {f"crates-{name}.json": made.crates for name, made in accounts.items()}
    tables |= {sample_completions.TABLE: completions} if completions else {}
    return _outcome(profile, subject, report, tables)


def _outcome(
    profile: Profile, subject: Subject, report: "Evaluation", tables: dict[str, list[dict[str, Any]]]
) -> Outcome:
    tags = {WEIGHTS_RUN_TAG: subject.digest, "rustml.model": subject.name, **_protocols(report)}
    measured = Measured(subject.label, subject.digest, subject.run, _data(profile, report))
    return Outcome(
        report.metrics(), tables, tags=tags, measured=measured, note=evaluation_note.note(report, subject.label)
    )


def _data(profile: Profile, report: "Evaluation") -> dict[str, SuiteData]:
    """The file that each suite's items come from, by the prefix of its metrics."""
    return {
        result.metric_prefix: SuiteData(
            role="pairs" if KINDS[result.group].from_pairs else "bank",
            file=f"{profile.evaluation.suites[name].problems}.jsonl",
        )
        for name, result in report.suites.items()
    }


def _counters(progress: Progress) -> tuple[Callable[[str, int, int], object], Callable[[int, int], object]]:
    """What shows answers judged, by suite, and what shows prompts answered until the first of a suite are judged."""

    def judged(suite: str, done: int, total: int) -> None:
        progress.begin(f"{suite} answers judged")
        progress(done, total)

    def generated(done: int, total: int) -> None:
        if progress.label == PROMPTS or progress.done >= progress.total:
            progress.begin(PROMPTS)
            progress(done, total)

    return judged, generated


def _protocols(report: "Evaluation") -> dict[str, str]:
    """Tags with the digests of the suites' protocols, which are printed: no number means anything without its own."""
    for name, result in report.suites.items():
        click.echo(f"  {name}: {len(result.outcomes)} items, protocol {result.protocol_digest[:16]}")
    return {f"rustml.protocol.{name}": result.protocol_digest for name, result in report.suites.items()}


def _suites(
    profile: Profile,
    only: tuple[str, ...],
    contaminated: Path | None,
    space: Workspace,
    limits: "Limits",
    stack: ExitStack,
) -> "list[Suite]":
    """The suites, their contaminated items marked. Crates that hold-out suites need are released by `stack`."""
    from rustml.evaluation.suites.assembly import ContaminationCheck, checked_suites  # noqa: PLC0415

    pairs = space.inputs.get("pairs")
    holdout = _holdout(profile, pairs, space, limits, stack) if pairs else None
    source = ItemSource(space.inputs["bank"], profile.seed, holdout)
    check = ContaminationCheck(contaminated, pairs, profile.pairs.decontamination, space.cache.contamination)
    suites = checked_suites(profile.evaluation, source, only, check)
    return [pinned_toolchains.with_judge(profile, suite, space.cache, stack) for suite in suites]


def _tell_exclusions(suites: "Sequence[Suite]") -> None:
    """Print which problems a rule of a suite excluded."""
    for suite in suites:
        if suite.excluded_ids:
            reasons = ", ".join(f"{reason} {count}" for reason, count in suite.excluded.items())
            click.echo(
                f"  {suite.name}: excluded {len(suite.excluded_ids)} ({reasons}): {', '.join(suite.excluded_ids)}"
            )


def _tell_alone(suites: "Sequence[Suite]") -> None:
    """Print how many answers shared no build of their crate, by reason."""
    from rustml.judge.in_crate.judge import InCrateJudge  # noqa: PLC0415

    for suite in suites:
        if isinstance(suite.judge, InCrateJudge) and suite.judge.alone:
            reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(suite.judge.alone.items()))
            click.echo(f"  {suite.name}: {suite.judge.alone.total()} answers judged in builds of their own ({reasons})")


def _told(accounts: "Mapping[str, Account]") -> "Mapping[str, Account]":
    """The accounts of hold-out suites, printed."""
    for name, account in accounts.items():
        for line in account.lines(name):
            click.echo(f"  {line}")
        if account.warning(name):
            click.secho(f"  WARNING: {account.warning(name)}", fg="yellow")
    return accounts


def _holdout(profile: Profile, pairs: Path, space: Workspace, limits: "Limits", stack: ExitStack) -> "HoldoutMaker":
    from rustml.evaluation.suites.crates import Sources  # noqa: PLC0415
    from rustml.evaluation.suites.holdout import Holdout  # noqa: PLC0415
    from rustml.judge.in_crate.resolution import CargoSource  # noqa: PLC0415

    cache, named = space.cache, profile.harvest.registry

    def make(name: str, section: "SuiteSection", seed: int) -> "Suite":
        registry = CargoSource.of(resolve(named)) if named else None  # Cargo's settings are read only where needed
        dependencies = profile.evaluation.dependencies
        sources = Sources(cache.unpacked_crates, dependencies, cache.built_crates, cache.dependencies, registry)
        with Progress("crates of the hold-out") as progress:

            def watch(what: str, done: int, total: int) -> None:
                progress.begin(what)
                progress(done, total)

            holdout = Holdout(pairs, sources, limits, watch, sandbox=profile.judge.sandbox)
            return stack.enter_context(holdout).suite(name, section, seed)

    return make
