"""Measure a model on suites: generate, extract, judge, answer by answer; a killed evaluation resumes.

Answers are made in chunks, journalled under a digest of the protocol and the weights; where drawing leaves the
processors to the judge, a chunk is drawn while the one before it is judged. A chunk's answers depend on nothing before
it, so an interrupted evaluation comes to what an uninterrupted one would have come to.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from rustml import chat
from rustml.evaluation import repair
from rustml.evaluation.context import EvalContext
from rustml.evaluation.judged import judged
from rustml.evaluation.kinds import KINDS
from rustml.evaluation.results.journal import Attempt, Chunk, Item, complete
from rustml.evaluation.results.outcome import Outcome, outcome
from rustml.evaluation.results.report_file import REPORT, Evaluation
from rustml.evaluation.results.suite_result import RATER, SuiteResult
from rustml.evaluation.scoring.llm_judge import Rater, ratings
from rustml.evaluation.suites.suite import Suite
from rustml.generation.sampling import Prompt
from rustml.generation.served import ServedModel
from rustml.io import write_bytes
from rustml.judge import repair_question
from rustml.models import checkpoint
from rustml.records import Problem, Verdict, write_jsonl

CHUNK_BATCHES = 4  # batches per chunk: large enough for the judge to work well, small enough to lose little


def evaluate(
    measured: Path | ServedModel, suites: Sequence[Suite], context: EvalContext, out: Path, *, model: str = ""
) -> Evaluation:
    """Measure a checkpoint's folder or a server's model; write `items-<suite>.jsonl`, `report.json` etc. into `out`.

    Answers judged by an earlier, interrupted call with the same protocol and weights are taken over. `model` is how the
    user named it. Raises InputError when there is no checkpoint, or a prompt leaves no room for an answer.
    """
    out.mkdir(parents=True, exist_ok=True)
    digest = measured.digest if isinstance(measured, ServedModel) else checkpoint.digest(measured)
    results = {suite.name: _measure(suite, context, out, digest) for suite in suites}
    report = Evaluation(model=model or str(measured), weights_digest=digest, suites=results, recorded={})
    report = msgspec.structs.replace(report, recorded=report.metrics())
    report.save(out / REPORT)
    return report


def _measure(suite: Suite, context: EvalContext, out: Path, weights_digest: str) -> SuiteResult:
    prompts = [suite.protocol.prompt(problem, context.tokenizer, suite.shots) for problem in suite.problems]
    protocol = protocol_of(suite, prompts, context)
    size = max(1, CHUNK_BATCHES * int(context.generator.engine["batch_size"]) // suite.sampling.samples)
    key = hashlib.sha256(msgspec.json.encode([protocol, weights_digest, size], order="sorted")).hexdigest()
    journal = out / f"journal-{suite.name}-{key[:16]}.jsonl"
    total = len(prompts) * suite.sampling.samples

    def draw(number: int) -> _Draft:
        chunk, started = slice(number * size, (number + 1) * size), time.monotonic()
        return _Draft(_drawn(suite.problems[chunk], prompts[chunk], suite, context), time.monotonic() - started)

    def judge(number: int, draft: _Draft) -> Chunk:
        before = number * size * suite.sampling.samples
        return _chunk(number, suite, draft, context, lambda done: watch(before + done))

    def watch(done: int) -> None:
        context.watch(suite.name, done, total)

    # A second attempt is drawn while judging: the model cannot do both.
    ahead = context.ahead and not suite.repair
    chunks = complete(journal, -(-len(prompts) // size), draw, judge, watch, ahead=ahead)
    write_jsonl(out / f"items-{suite.name}.jsonl", (item for chunk in chunks for item in chunk.items))
    for name, content in KINDS[suite.group].files(suite, chunks).items():
        write_bytes(out / name, content)
    journal.unlink()
    return _result(suite, protocol, chunks)


def protocol_of(suite: Suite, prompts: Sequence[Prompt], context: EvalContext) -> dict[str, Any]:
    """Everything that moves a suite's score without touching the model, as JSON values."""
    pairs = zip(suite.problems, prompts, strict=True)
    rendered = "\0".join(f"{problem.id}\0{prompt.text}" for problem, prompt in pairs)
    protocol: dict[str, Any] = {
        "name": suite.protocol.name,
        "revision": suite.protocol.revision,
        "prompts": hashlib.sha256(rendered.encode()).hexdigest(),
        "data": suite.data_digest,
        "sampling": msgspec.to_builtins(suite.sampling),
        "engine": dict(context.generator.engine),
        "chat": chat.digest(context.tokenizer),
        "judge": {**context.judge_protocol, **suite.judge_versions},
    }
    if suite.repair:
        protocol["repair"] = repair_question.REVISION
    rater = _rater(suite, context)
    if rater is not None:
        protocol[RATER] = dict(rater.protocol)
    return dict(msgspec.json.decode(msgspec.json.encode(protocol)))


class _Drawn(NamedTuple):
    """An answer as it was drawn."""

    problem: Problem
    sample: int
    prompt: Prompt
    text: str
    code: str | None
    said: str = ""


class _Draft(NamedTuple):
    """A chunk's answers and the wall seconds that drawing them took."""

    answers: Sequence[_Drawn]
    seconds: float


def _chunk(number: int, suite: Suite, draft: _Draft, context: EvalContext, watch: Callable[[int], object]) -> Chunk:
    started, drawn = time.monotonic(), draft.answers
    verdicts = judged([(one.problem, one.sample, one.code) for one in drawn], suite, context, watch)
    rated = ratings(_rater(suite, context), [(one.problem, one.code) for one in drawn])
    seconds = _second_attempts(drawn, verdicts, suite, context)
    items = tuple(
        Item(
            id=one.problem.id,
            sample=one.sample,
            prompt=one.prompt.text,
            completion=one.text,
            code=one.code,
            verdict=verdict,
            seconds=draft.seconds / len(drawn),
            rating=rating,
            said=one.said,
            repair=second,
            repaired=repair.outcome(verdict, second) if suite.repair else None,
        )
        for one, verdict, rating, second in zip(drawn, verdicts, rated, seconds, strict=True)
    )
    return Chunk(number=number, items=items, seconds={"generate": draft.seconds, "judge": time.monotonic() - started})


def _drawn(problems: Sequence[Problem], prompts: Sequence[Prompt], suite: Suite, context: EvalContext) -> list[_Drawn]:
    """The answers that are judged; where the protocol asks twice, those to its second question."""
    answers = context.generator.generate(prompts, suite.sampling)
    first = [
        _Drawn(problem, sample, prompt, text, None)
        for problem, prompt, texts in zip(problems, prompts, answers, strict=True)
        for sample, text in enumerate(texts)
    ]
    then = suite.protocol.then
    if then is not None:
        asked = [then(one.problem, one.text, context.tokenizer) for one in first]
        once = msgspec.structs.replace(suite.sampling, samples=1)
        second = zip(first, asked, context.generator.generate(asked, once), strict=True)
        first = [one._replace(prompt=prompt, text=text, said=one.text) for one, prompt, (text,) in second]
    return [one._replace(code=suite.protocol.code(one.problem, one.text)) for one in first]


def _second_attempts(
    drawn: Sequence[_Drawn], verdicts: Sequence[Verdict], suite: Suite, context: EvalContext
) -> list[Attempt | None]:
    """Those of a suite that gives them; None for each answer of another."""
    if not suite.repair:
        return [None] * len(drawn)
    firsts = [
        repair.First(one.problem, one.sample, one.prompt, one.text, verdict)
        for one, verdict in zip(drawn, verdicts, strict=True)
    ]
    return repair.second_attempts(firsts, suite, context)


def _rater(suite: Suite, context: EvalContext) -> Rater | None:
    """The rater of the suite's answers; None where none is switched on, or the suite's kind is not rated."""
    return context.rater if KINDS[suite.group].rated else None


def _result(suite: Suite, protocol: dict[str, Any], chunks: Sequence[Chunk]) -> SuiteResult:
    outcomes: dict[str, tuple[Outcome, ...]] = {problem.id: () for problem in suite.problems}
    problems, kind = {problem.id: problem for problem in suite.problems}, KINDS[suite.group]
    for item in (item for chunk in chunks for item in chunk.items):
        scores = kind.scores(problems[item.id], item)
        unrated = item.rating.reason if item.rating is not None and item.rating.score is None else ""
        outcomes[item.id] += (outcome(repair.faulty(item) or item.verdict, item.completion, scores, unrated),)
    return SuiteResult(
        group=suite.group,
        metric_prefix=suite.metric_prefix,
        protocol=protocol,
        outcomes=outcomes,
        contaminated=suite.contaminated,
        excluded=dict(suite.excluded),
        tasks=kind.tasks(suite.problems),
        in_place=suite.account.counts() if suite.account else {},
        seconds={phase: sum(chunk.seconds[phase] for chunk in chunks) for phase in ("generate", "judge")},
    )
