"""Choose the prompts of reinforcement learning: those whose answers differ, since only they carry a gradient."""

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rustml.generation.sampling import Engine, Prompt, Sampling
from rustml.judge.completions import judge_completions
from rustml.judge.judging import Judging
from rustml.profile.grpo import GrpoSection
from rustml.progress import ProgressCallback
from rustml.records import Problem, Verdict

PROBE_BATCH = 32
"""Problems whose answers are drawn and judged at once."""
Solve = Callable[[int, Engine, Sequence[Problem]], list[int | None]]
"""Counts the passed answers to a batch of problems, of which the first has this number in the pool."""


@dataclass(frozen=True)
class Chosen:
    """The problems to train on, and counts of those kept and left out."""

    problems: Sequence[Problem]
    counts: Mapping[str, int]
    rates: Mapping[str, float] = field(default_factory=dict)
    """Pass rates of the problems, by id, where they were measured."""
    difficulty: Mapping[int, int] = field(default_factory=dict)
    """Problems of the pool by how many of their samples passed."""


def choose(
    open_engine: Callable[[], Engine],
    pool: Sequence[Problem],
    judge: Judging,
    section: GrpoSection,
    seed: int,
    progress: ProgressCallback,
    kept: Path,
) -> Chosen:
    """Answer each problem `probe_samples` times and keep those that were neither always nor never solved.

    The engine is closed before this returns: training loads the model again, and two of them may not fit. With
    `probe_samples` 0 it is not opened, and all problems are kept. A group of answers with equal rewards has advantage
    0 and teaches nothing (its share is logged by the trainer as `frac_reward_zero_std`). What was measured is kept in
    the file `kept`, which belongs to this model and protocol: a probing that was killed goes on there. A problem that
    the judge could not judge is kept, and measured anew next time.
    """
    if section.probe_samples == 0:
        return all_of(pool)
    solved = _probed(open_engine, pool, kept, progress, partial(_solved, judge, section, seed))
    known = {problem.id: solved[problem.id] for problem in pool if problem.id in solved}
    dull = {name for name, count in known.items() if count in (0, section.probe_samples)}
    informative = [problem for problem in pool if problem.id not in dull]
    random.Random(seed).shuffle(informative)
    by_count = Counter(known.values())
    counts = {"kept": len(informative), "always": by_count[section.probe_samples], "never": by_count[0]}
    rates = {problem.id: known[problem.id] / section.probe_samples for problem in informative if problem.id in known}
    return Chosen(informative, counts, rates, by_count)


def all_of(pool: Sequence[Problem]) -> Chosen:
    """Every problem, unmeasured."""
    return Chosen(pool, {"kept": len(pool)})


def _probed(
    open_engine: Callable[[], Engine], pool: Sequence[Problem], kept: Path, progress: ProgressCallback, solve: Solve
) -> dict[str, int]:
    """Passed answers by problem, without those of which the judge could not judge every answer."""
    solved = _kept(kept)
    batches = {start: pool[start : start + PROBE_BATCH] for start in range(0, len(pool), PROBE_BATCH)}
    missing = [start for start, batch in batches.items() if any(problem.id not in solved for problem in batch)]
    if not missing:
        return solved
    kept.parent.mkdir(parents=True, exist_ok=True)
    with closing(open_engine()) as engine, kept.open("a", encoding="utf-8") as file:
        for start in missing:
            batch = batches[start]
            counts = zip(batch, solve(start, engine, batch), strict=True)
            found = {problem.id: count for problem, count in counts if count is not None}
            file.write(f"\n{json.dumps(found)}\n")
            file.flush()
            solved |= found
            progress(start + len(batch), len(pool))
    return solved


def _kept(path: Path) -> dict[str, int]:
    """What was measured before; a line that was cut short by a kill is left out."""
    solved: dict[str, int] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            solved |= json.loads(line)
        except ValueError:
            continue
    return solved


def _solved(
    judge: Judging, section: GrpoSection, seed: int, start: int, engine: Engine, problems: Sequence[Problem]
) -> list[int | None]:
    """Passed answers per problem, drawn at the temperature of training; None where the judge was at fault."""
    sampling = Sampling(
        temperature=section.temperature,
        top_p=1.0,
        samples=section.probe_samples,
        max_new_tokens=section.max_new_tokens,
        stops=(),
        seed=seed + start,
    )
    prompts = [Prompt.question(engine.tokenizer, problem.instruction) for problem in problems]
    answers = [answer for samples in engine.generate(prompts, sampling) for answer in samples]
    repeated = [problem for problem in problems for _ in range(section.probe_samples)]
    verdicts = judge_completions(judge, repeated, answers)
    groups = [verdicts[at : at + section.probe_samples] for at in range(0, len(verdicts), section.probe_samples)]
    return [_passed(group) for group in groups]


def _passed(verdicts: Sequence[Verdict | None]) -> int | None:
    statuses = [verdict.status for verdict in verdicts if verdict is not None]
    return None if "infrastructure" in statuses else statuses.count("passed")
