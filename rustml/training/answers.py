"""The answers of a round of expert iteration: drawn and judged in batches, each kept in a file of its own.

A run that was killed finds the batches that it had, and draws and judges the others.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rustml.errors import JudgeFault
from rustml.generation.sampling import Engine, Prompt, Sampling, seed_of
from rustml.judge.completions import judge_completions
from rustml.judge.judging import Judging
from rustml.profile.expert_iteration import ExpertIterationSection
from rustml.progress import ProgressCallback
from rustml.records import Problem, read_jsonl, write_jsonl
from rustml.training.selection import Answer, Judged

BATCH = 32
"""Problems whose answers are drawn and judged at once."""


@dataclass(frozen=True)
class Round:
    """One round: which problems are asked, and where its answers are kept."""

    number: int
    """Counted from 1."""
    problems: Sequence[Problem]
    folder: Path

    def batches(self) -> list[Sequence[Problem]]:
        """The problems, some at a time."""
        return [self.problems[start : start + BATCH] for start in range(0, len(self.problems), BATCH)]

    def drawn(self, batch: int) -> Path:
        """The file of a batch's answers."""
        return self.folder / f"drawn-{batch:05}.jsonl"

    def judged(self, batch: int) -> Path:
        """The file of a batch's answers with their verdicts."""
        return self.folder / f"judged-{batch:05}.jsonl"


def draw(
    this: Round,
    open_engine: Callable[[], Engine],
    section: ExpertIterationSection,
    seed: int,
    progress: ProgressCallback,
) -> None:
    """Draw the answers that are not there yet. The engine is opened only for them, and closed before this returns."""
    batches = this.batches()
    missing = [number for number in range(len(batches)) if not this.drawn(number).is_file()]
    progress(len(batches) - len(missing), len(batches))
    if not missing:
        return
    sampling = Sampling(
        temperature=section.temperature,
        top_p=section.top_p,
        samples=section.samples,
        max_new_tokens=section.max_new_tokens,
        stops=(),
        seed=seed_of(seed, [f"round {this.number}"]),
    )
    with closing(open_engine()) as engine:
        for count, number in enumerate(missing, start=len(batches) - len(missing) + 1):
            write_jsonl(this.drawn(number), _answers(this.number, batches[number], engine, sampling))
            progress(count, len(batches))


def _answers(number: int, problems: Sequence[Problem], engine: Engine, sampling: Sampling) -> list[Answer]:
    prompts = [Prompt.question(engine.tokenizer, problem.instruction) for problem in problems]
    return [
        Answer(problem=problem.id, round=number, sample=sample, text=text)
        for problem, samples in zip(problems, engine.generate(prompts, sampling), strict=True)
        for sample, text in enumerate(samples)
    ]


def judge_drawn(
    this: Round, judge: Judging, section: ExpertIterationSection, progress: ProgressCallback
) -> list[Judged]:
    """The round's answers with their verdicts; those of a batch that was judged before are read.

    Raises JudgeFault for a batch of which the judge could not judge a larger share than `section.fault_share`: its
    verdicts are not kept, its answers are.
    """
    batches = this.batches()
    judged: list[Judged] = []
    for number, problems in enumerate(batches):
        if not this.judged(number).is_file():
            answers = list(read_jsonl(this.drawn(number), Answer))
            write_jsonl(this.judged(number), _verdicts(answers, problems, judge, section))
        judged += read_jsonl(this.judged(number), Judged)
        progress(number + 1, len(batches))
    return judged


def _verdicts(
    answers: Sequence[Answer], problems: Sequence[Problem], judge: Judging, section: ExpertIterationSection
) -> list[Judged]:
    by_id = {problem.id: problem for problem in problems}
    asked, texts = [by_id[answer.problem] for answer in answers], [each.text for each in answers]
    verdicts = judge_completions(judge, asked, texts, explained=section.repair_records > 0)
    judged = [Judged(answer=answer, verdict=verdict) for answer, verdict in zip(answers, verdicts, strict=True)]
    faults = [each.verdict for each in judged if each.is_fault]
    if len(faults) > section.fault_share * len(judged):
        detail = faults[0].detail if faults[0] else ""
        raise JudgeFault(
            f"the judge could not judge {len(faults)} of {len(judged)} answers (expert_iteration.fault_share: "
            f"{section.fault_share:g}); the first: {detail}. Run it again: the answers are kept"
        )
    return judged
