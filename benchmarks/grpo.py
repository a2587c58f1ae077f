"""GRPO with other settings from one version: what each brings to greedy and to drawn answers.

    python -m entrypoints.bank --profile tiny --set bank.rust_test=3000
    python -m benchmarks.grpo --version 1 --bank RUN "" "grpo.prompt_pool=800" "grpo.reward_compiled=0.3 seed=18"

Each argument is a setting as `--set` takes it, "" the profile as it is. Each trains from the version, outside of the
store; all answer the same held-out problems, greedy and once at temperature 1. Differences from the version are in
points, each with the lower end of its paired 95% interval over the problems; what another training would give is not in
it. `repaired` are the greedy answers that pass at once or after one repair, which sees what compiler and tests say.
`waiting` is the share of a step that the trainer waits for verdicts.
"""

import argparse
import shlex
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from rustml.evaluation.results.statistics import compare
from rustml.generation.engines.transformers import TransformersEngine
from rustml.generation.sampling import Engine, Prompt, Sampling
from rustml.generation.setup import Setup
from rustml.judge.completions import judge_completions, without_code
from rustml.judge.judging import Judging
from rustml.judge.repair_question import question
from rustml.models import compute
from rustml.profile import Profile, load
from rustml.records import Problem, Verdict
from rustml.release import versions
from rustml.runs import tracking
from rustml.runs.log_levels import quiet_libraries
from rustml.runs.progress import Progress
from rustml.stages.computing import resolved
from rustml.stages.held_out import held_out
from rustml.stages.judging import open_judge
from rustml.training import grpo
from rustml.training.job import Job
from rustml.training.sources import prompt_problems

TEMPERATURES = {"greedy": 0.0, "T=1": 1.0}
REPAIRED = "repaired"
Passed = Mapping[str, Sequence[Sequence[float]]]
"""By temperature, and under `repaired`: of each problem, whether its answer passed."""


def measured(profile: Profile, model: Path, problems: Sequence[Problem], judge: Judging) -> Passed:
    """What a checkpoint's answers come to."""
    setup = Setup(profile.chat, model, profile.compute.dtype, profile.compute.attention, profile.evaluation.batch_size)
    limit = profile.grpo.max_new_tokens
    passed: dict[str, list[list[float]]] = {}
    with closing(TransformersEngine(setup)) as engine:
        prompts = [Prompt.question(engine.tokenizer, problem.instruction) for problem in problems]
        for name, temperature in TEMPERATURES.items():
            how = Sampling(temperature=temperature, top_p=1.0, samples=1, max_new_tokens=limit, stops=(), seed=17)
            answers = [text for (text,) in engine.generate(prompts, how)]
            verdicts = judge_completions(judge, problems, answers, explained=True)
            passed[name] = [[float(one is not None and one.status == "passed")] for one in verdicts]
            if not temperature:
                tries = list(zip(problems, answers, verdicts, strict=True))
                passed[REPAIRED] = [[float(done)] for done in repaired(tries, engine, how, judge)]
    return passed


def repaired(
    tries: Sequence[tuple[Problem, str, Verdict | None]], engine: Engine, how: Sampling, judge: Judging
) -> list[bool]:
    """Of each answer, whether it passed, or its one repair does; what leaves no room for a repair has none."""
    done = [verdict is not None and verdict.status == "passed" for _, _, verdict in tries]
    room = engine.tokenizer.model_max_length - how.max_new_tokens  # type: ignore[attr-defined]
    asked = []
    for place, (problem, answer, verdict) in enumerate(tries):
        shown = question(verdict or without_code(problem, problem.id))
        prompt = Prompt.follow_up(engine.tokenizer, ((problem.instruction, answer),), shown)
        if not done[place] and len(engine.tokenizer.encode(prompt.text, add_special_tokens=False)) <= room:
            asked.append((place, problem, prompt))
    answers = [text for (text,) in engine.generate([prompt for _, _, prompt in asked], how)] if asked else []
    verdicts = judge_completions(judge, [problem for _, problem, _ in asked], answers)
    for (place, _, _), verdict in zip(asked, verdicts, strict=True):
        done[place] = verdict is not None and verdict.status == "passed"
    return done


def trained(profile: Profile, parent: Path, bank: Path, judge: Judging, folder: Path) -> tuple[Path, dict[str, float]]:
    """The checkpoint that the profile's GRPO makes of `parent`, with seconds and the mean share of a step's wait."""
    section, waits = profile.grpo, []
    problems = prompt_problems(bank, section.prompt_pool, section.prompt_files)
    started = time.monotonic()
    with Progress("grpo", grpo.length(len(problems), section)) as progress:

        def log(step: int, metrics: Mapping[str, float]) -> None:
            progress(step)
            waits.extend(value for name, value in metrics.items() if name == "judge.wait_share")

        machine = compute.of_profile(profile.compute)
        grpo.train(problems, judge, section, Job(parent, folder / "out", folder / "saves", profile.seed, machine, log))
    return folder / "out", {"seconds": time.monotonic() - started, "waiting": sum(waits) / len(waits)}


def rows(
    name: str, settings: Sequence[str], parent: Path, bank: Path, problems: Sequence[Problem]
) -> Iterator[tuple[str, ...]]:
    """The version's own rates, then of each setting the differences, seconds and share of them spent waiting."""
    plain = resolved(load(name))
    with open_judge(plain, tracking.cache_layout(), lints=False) as judge:
        before = measured(plain, parent, problems, judge)
        yield ("the version", *(f"{100 * sum(map(sum, one)) / len(one):.1f}%" for one in before.values()), "", "")
        for setting in settings:
            profile = resolved(load(name, shlex.split(setting)))
            with tempfile.TemporaryDirectory() as folder:
                model, spent = trained(profile, parent, bank, judge, Path(folder))
                after = measured(profile, model, problems, judge)
            cells = []
            for key, values in before.items():
                found = compare({key: (values, after[key])}, confidence=0.95, resamples=2000, seed=17)
                cells.append(f"{100 * found.delta:+.1f} (from {100 * found.low:+.1f})")
            yield (setting or "as it is", *cells, f"{spent['seconds']:.0f}", f"{100 * spent['waiting']:.0f}%")


def main() -> None:
    """Train with each setting and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", default=[""], metavar="SETTING")
    parser.add_argument("--version", required=True, help="of the registered model, or a checkpoint's folder")
    parser.add_argument("--bank", required=True, help="run of the stage `bank`")
    parser.add_argument("--problems", type=int, default=3000)
    parser.add_argument("--profile", default="tiny")
    options = parser.parse_args()
    quiet_libraries()
    bank, model = tracking.output(options.bank), load(options.profile).registered_model
    parent = versions.checkpoint(options.version, model).folder
    asked = held_out(bank, "rust-test", options.problems)
    table = Table(
        "setting",
        "greedy",
        REPAIRED,
        "T=1",
        "s",
        "waiting",
        title=f"GRPO from {options.version}, {len(asked)} problems",
    )
    for row in rows(options.profile, options.settings, parent, bank, asked):
        click.echo("  ".join(row), err=True)
        table.add_row(*row)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
