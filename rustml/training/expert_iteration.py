"""Expert iteration: draw answers, judge them, fine-tune on the best, and again with the model that came out.

Each round fine-tunes the version that training starts from, on the best answers of all rounds so far, as ReST-EM does
(Singh et al., "Beyond human data", 2024): errors of the rounds do not add up, and an adapter stays one on the version.
"""

import gc
import json
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from rustml.errors import RustmlError
from rustml.generation.sampling import Engine
from rustml.io import write_bytes
from rustml.judge.judging import Judging
from rustml.models import checkpoint
from rustml.profile.expert_iteration import ExpertIterationSection
from rustml.profile.launch import LaunchSection
from rustml.profile.sft import SftSection
from rustml.progress import ProgressCallback
from rustml.records import Problem, write_jsonl
from rustml.training import answers, data, launch, selection, sft, sources
from rustml.training.answers import Round
from rustml.training.job import Job
from rustml.training.selection import Judged, Selected

RECORDS, PROVENANCE = "train.jsonl", "provenance.jsonl"
MODEL, PARTIAL, DONE = "model", "model.partial", "done.json"
Told = Callable[[str], ProgressCallback]
"""Takes what begins, and returns what is told of its progress."""


@dataclass(frozen=True)
class Plan:
    """What every round works with."""

    problems: Sequence[Problem]
    texts: Mapping[str, Sequence[data.Text]]
    """Records that are mixed in with the answers, by source."""
    judge: Judging
    open_engine: Callable[[Path], Engine]
    """Opens an engine on a checkpoint."""
    section: ExpertIterationSection
    training: SftSection
    """How each round is fine-tuned."""
    launch: LaunchSection
    records: Path
    """Folder of answers and records, one folder per round."""
    told: Told


def train(plan: Plan, job: Job) -> dict[str, float]:
    """Walk all rounds from the checkpoint `job.parent` and write the last one's model to `job.out`.

    A killed training goes on in the round that it was in: its answers are kept, and so is what was trained before.
    Returns the facts of the last round. Raises JudgeFault where the judge fails, and RustmlError where no answer of a
    round comes through; InputError for a source of `expert_iteration.sources` of which no record is short enough.
    """
    _mixture(plan, {}, job)  # a source that cannot be mixed in ends it here, before an answer is drawn
    judged: list[Judged] = []
    facts: dict[str, float] = {}
    for number in range(1, plan.section.rounds + 1):
        this = Round(number, asked(plan, job.seed, number), plan.records / str(number))
        judged += _judged(plan, this, job)
        facts = _finished(job, number) or _round(plan, this, judged, job)
        job.log(number, {f"round.{name}": value for name, value in facts.items()})
    if not job.out.is_dir():
        (_folder(job, plan.section.rounds) / MODEL).rename(job.out)
    return facts


def asked(plan: Plan, seed: int, number: int) -> list[Problem]:
    """The problems of a round: the next ones of a shuffled pool, from the first again after the last."""
    pool = sorted(plan.problems, key=lambda problem: problem.id)
    random.Random(seed).shuffle(pool)
    count = min(plan.section.problems or len(pool), len(pool))
    return [pool[(count * (number - 1) + place) % len(pool)] for place in range(count)]


def _folder(job: Job, number: int) -> Path:
    return job.scratch / f"round-{number}"


def _finished(job: Job, number: int) -> dict[str, float]:
    """Facts of a round that was finished before; none of one that was not."""
    done = _folder(job, number) / DONE
    facts: dict[str, float] = json.loads(done.read_bytes()) if done.is_file() else {}
    return facts


def _judged(plan: Plan, this: Round, job: Job) -> list[Judged]:
    """The round's answers, drawn by the model of the round before it."""
    sampler = job.parent if this.number == 1 else _folder(job, this.number - 1) / MODEL
    drawing, judging = (plan.told(f"round {this.number}: {what}") for what in ("batches drawn", "batches judged"))
    answers.draw(this, partial(plan.open_engine, sampler), plan.section, job.seed, drawing)
    return answers.judge_drawn(this, plan.judge, plan.section, judging)


def _round(plan: Plan, this: Round, judged: Sequence[Judged], job: Job) -> dict[str, float]:
    """Select the records, fine-tune on them, and drop the model of the round before, which drew the answers."""
    by_id = {problem.id: problem for problem in plan.problems}
    selected = selection.best(judged, by_id, plan.section, this.number, job.parent_name)
    if not selected:
        raise RustmlError(
            f"no answer of {len(judged)} came through the thresholds of round {this.number}: lower "
            "expert_iteration.thresholds, draw more samples, or start from a version that solves some of the problems"
        )
    write_jsonl(this.folder / RECORDS, (made.pair for made in selected))
    write_jsonl(this.folder / PROVENANCE, (made.provenance for made in selected))
    facts = {**_counts(judged, selected, this), **_fine_tuned(plan, this, selected, job)}
    write_bytes(_folder(job, this.number) / DONE, json.dumps(facts).encode())
    shutil.rmtree(_folder(job, this.number - 1) / MODEL, ignore_errors=True)
    return facts


def _counts(judged: Sequence[Judged], selected: Sequence[Selected], this: Round) -> dict[str, float]:
    """What the round's answers were, and what the records of all rounds so far are."""
    now = [each for each in judged if each.answer.round == this.number]
    verdicts = [each.verdict for each in now if each.verdict is not None]
    totals = [made.provenance.scores["score"] for made in selected]
    return {
        "answers": float(len(now)),
        "passed": sum(each.passed for each in now) / len(now),
        "compiled": sum(bool(verdict.compiles) for verdict in verdicts) / len(now),
        "malformed": 1 - len(verdicts) / len(now),
        "faults": float(sum(each.is_fault for each in now)),
        "solved": len({each.answer.problem for each in now if each.passed}) / len(this.problems),
        "records": float(len(selected)),
        "record_problems": float(len({made.provenance.problem for made in selected})),
        "records_repair": float(sum(bool(made.provenance.repairs) for made in selected)),
        "records_new": float(sum(made.provenance.round == this.number for made in selected)),
        "score": sum(totals) / len(totals),
    }


def _fine_tuned(plan: Plan, this: Round, selected: Sequence[Selected], job: Job) -> dict[str, float]:
    """Fine-tune `job.parent` on the records and what is mixed in; a killed training resumes from its last save."""
    folder = _folder(job, this.number)
    shutil.rmtree(folder / PARTIAL, ignore_errors=True)
    section, seed = plan.training, job.seed + this.number
    mixed = _mixture(plan, {"answers": data.written(made.pair for made in selected)}, replace(job, seed=seed))
    steps = sft.length(mixed.rows, section, seed)
    progress = plan.told(f"round {this.number}: steps")

    def log(step: int, metrics: dict[str, float]) -> None:
        progress(step, steps)
        job.log(steps * (this.number - 1) + step, metrics)

    # An adapter of an earlier round is read here and then deleted: it names the folder of its base.
    name = job.parent_name if this.number == plan.section.rounds else ""
    inner = replace(job, out=folder / PARTIAL, scratch=folder / "training", seed=seed, log=log, parent_name=name)
    facts = launch.train(partial(sft.train, mixed.rows, section), inner, plan.launch)
    _free_memory()
    shutil.rmtree(folder / MODEL, ignore_errors=True)
    (folder / PARTIAL).rename(folder / MODEL)
    shutil.rmtree(folder / "training", ignore_errors=True)
    return {**facts, **{f"rows.{part}": float(count) for part, count in mixed.counts.items()}}


def _mixture(plan: Plan, answers: Mapping[str, Sequence[data.Text]], job: Job) -> data.Mixture:
    """The answers and what is mixed in. Raises InputError for a part of which no record is short enough."""
    tokenizer, context = checkpoint.load_tokenizer(job.parent), plan.training.context
    amounts = sources.amounts(plan.section.sources)
    mixed = data.mix(tokenizer, {**answers, **plan.texts}, context, job.seed, amounts)
    sources.check_filled(mixed, "expert_iteration.sources", context)
    return mixed


def _free_memory() -> None:
    """Give back what the training took: model and trainer refer to each other, and the next engine needs the room."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
