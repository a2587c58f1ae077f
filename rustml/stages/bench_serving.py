"""Put the load of many clients on a server of each version, one version after the other, and judge what is answered."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import click
import msgspec

from rustml.errors import InputError
from rustml.judge.judging import Judging
from rustml.profile import Profile
from rustml.records import Problem
from rustml.release import versions
from rustml.release.evidence import check_evidence, last_gate
from rustml.release.ladder import Ladder, Step, ladder_of, thresholds_of
from rustml.release.registry import Registry, open_registry
from rustml.runs import tracking
from rustml.runs.environment import libraries_and_device
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.serving.engines import ENGINES
from rustml.serving.load_test import load, measured, report
from rustml.serving.load_test.load import Files, Subject
from rustml.serving.load_test.measured import Level
from rustml.serving.load_test.report import LoadTest
from rustml.serving.upstream import serving
from rustml.stages import served_versions
from rustml.stages.held_out import held_out
from rustml.stages.judging import judging_environment, open_judge


def environment(profile: Profile) -> Mapping[str, str]:
    """What answers, and what judges."""
    return {**libraries_and_device(ENGINES[profile.serve.engine].package), **judging_environment(profile)}


STAGE = Stage(
    "bench_serving", ("bench_serving", "serve", "judge", "evaluation.dependencies"), __name__, environment=environment
)
FIGURE = "load-test.png"


@dataclass(frozen=True)
class Version:
    """A version whose evidence holds."""

    number: str
    label: str
    step: Step
    """Whose gate let it through last."""
    folder: Path
    weights: str


def run(profile: Profile, *, names: Sequence[str], parent: str | None = None, reuse: bool = True) -> tracking.Finished:
    """Measure versions, each an alias of the ladder or a number; the first is what the others are compared with.

    Prints the table. Raises InputError for names that mean no version or one version twice, and for levels that
    `serve` does not let in; EvidenceError for a version that came through no gate, or whose evidence does not hold;
    EnvironmentFault where an engine or the client ends by itself.
    """
    _check_levels(profile)
    chosen = _versions(profile, open_registry(profile.registered_model), ladder_of(profile), names)
    bank = served_versions.bank_of(open_registry(profile.registered_model), chosen[0].number, chosen[0].step)

    def body(space: Workspace) -> Outcome:
        from rustml.serving.load_test.plots import draw  # noqa: PLC0415  matplotlib takes a second to load

        problems = _problems(profile, space.inputs["bank"])
        with open_judge(profile, space.cache, lints=False) as judge:
            levels = [level for version in chosen for level in _measure(profile, version, problems, judge, space)]
        test = LoadTest(machine=dict(environment(profile)), levels=tuple(levels))
        report.write(test, space.out)
        draw(test, space.report / FIGURE)
        return Outcome(test.metrics, {"load-test-levels.json": report.rows(test)})

    params = {
        "weights": ",".join(version.weights for version in chosen),
        "versions": ",".join(v.number for v in chosen),
    }
    title = f"bench_serving {', '.join(version.label for version in chosen)}, {profile.name}"
    done = tracking.run_stage(
        STAGE, profile, body, inputs={"bank": bank}, params=params, parent=parent, reuse=reuse, title=title
    )
    click.echo((tracking.output(done.run_id) / report.PAGE).read_text(encoding="utf-8"))
    return done


def _measure(
    profile: Profile, version: Version, problems: Sequence[Problem], judge: Judging, space: Workspace
) -> list[Level]:
    """Every level of one version, on one engine that ends afterwards. What was measured before a kill is kept."""
    from rustml.serving.smoke import judged  # noqa: PLC0415  openai takes a second to load

    section = profile.bench_serving
    files = {count: Files.of(space.out, space.report, f"v{version.number}-c{count}") for count in section.concurrency}
    levels = []
    with ExitStack() as stack:
        subject = None
        for count, place in files.items():
            if place.result.exists():  # from before the stage was killed
                result = measured.read(place.result)
            else:
                subject = subject or stack.enter_context(_subject(profile, version, space))
                result = load.put(subject, problems, count, section, profile.serve, place)
            answers = judged(judge, *measured.ended(problems, result))
            levels.append(measured.level(version.number, version.label, count, problems, result, answers))
            _tell(levels[-1])
    return levels


@contextmanager
def _subject(profile: Profile, version: Version, space: Workspace) -> Iterator[Subject]:
    """The version on an engine that answers nothing from memory."""
    engine, name = ENGINES[profile.serve.engine], profile.registered_model
    serve = msgspec.structs.replace(profile.serve, options=(*profile.serve.options, *engine.uncached))
    log = space.report / f"{engine.name}-v{version.number}.log"
    progress = Progress(f"seconds until version {version.number} answers", int(serve.startup_seconds))
    served, _ = served_versions.servable(profile, version.folder, space.scratch / f"v{version.number}")
    with serving(served, name, serve, log, progress, version.number) as upstream:
        yield Subject(upstream, name, served)


def _tell(level: Level) -> None:
    """One line of progress, and a warning of requests that failed."""
    click.echo(
        f"  {level.label}, {level.concurrency} at a time: {level.tokens_per_second:.1f} tokens/s, "
        f"{level.completed} of {level.requests} answered in {level.seconds:.1f} s, {level.passed} passed"
    )
    if level.failures:
        click.secho(f"  WARNING: {len(level.failures)} requests failed: {level.failures[0].reason}", fg="yellow")


def _problems(profile: Profile, bank: Path) -> list[Problem]:
    """Held-out problems, as many as a level has requests, from the first again where there are fewer."""
    requests = profile.bench_serving.requests
    return list(islice(cycle(held_out(bank, "rust-dev", requests)), requests))


def _check_levels(profile: Profile) -> None:
    section, serve = profile.bench_serving, profile.serve
    if max(section.concurrency) > serve.max_requests:
        raise InputError(
            f"bench_serving.concurrency: {max(section.concurrency)} at a time are more than serve.max_requests "
            f"({serve.max_requests}) lets in"
        )
    if section.requests < max(section.concurrency):
        raise InputError(
            f"bench_serving.requests: {section.requests} never are {max(section.concurrency)} at a time, as "
            "bench_serving.concurrency asks for"
        )
    if section.max_new_tokens >= serve.context:
        raise InputError(
            f"bench_serving.max_new_tokens: {section.max_new_tokens} leave no room for a prompt in serve.context "
            f"({serve.context})"
        )
    ENGINES[serve.engine].check_installed()


def _versions(profile: Profile, registry: Registry, ladder: Ladder, names: Sequence[str]) -> list[Version]:
    if not names:
        raise InputError(f"versions: name at least one, by number or alias ({', '.join(ladder.names)})")
    numbers = [_number(registry, ladder, name) for name in names]
    twice = [number for number in numbers if numbers.count(number) > 1]
    if twice:
        raise InputError(f"versions: {', '.join(names)} name version {twice[0]} twice")
    return [_version(profile, registry, ladder, number) for number in numbers]


def _number(registry: Registry, ladder: Ladder, name: str) -> str:
    if name not in ladder.names:
        return versions.version_number(name, registry.model)
    number = registry.holder(name)
    if not number:
        raise InputError(f"versions: no version of {registry.model} came through the gate of {name}")
    return number


def _version(profile: Profile, registry: Registry, ladder: Ladder, number: str) -> Version:
    step = last_gate(registry, number, ladder)
    verified = check_evidence(registry, number, step, thresholds=thresholds_of(profile, step.name))
    if verified.in_spite:
        click.secho(f"  WARNING: {verified.label} is {step.name}{verified.in_spite}", fg="yellow")
    label = versions.label(number, registry.model)
    return Version(number, label, step, verified.folder, verified.decision.candidate_weights)
