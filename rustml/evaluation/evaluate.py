"""Measure a model on suites: generate, extract, judge, answer by answer; a killed evaluation resumes.

Answers are made in chunks, journalled under a digest of the protocol and the weights. A chunk's answers depend
on nothing before it, so an interrupted evaluation comes to what an uninterrupted one would have come to.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from rustml import chat
from rustml.errors import JudgeFault
from rustml.evaluation.context import EvalContext
from rustml.evaluation.kinds import KINDS
from rustml.evaluation.results.journal import Chunk, Item, complete
from rustml.evaluation.results.outcome import Outcome, outcome
from rustml.evaluation.results.report_file import REPORT, Evaluation
from rustml.evaluation.results.suite_result import RATER, SuiteResult
from rustml.evaluation.scoring.llm_judge import Rater, ratings
from rustml.evaluation.suites.suite import Suite
from rustml.generation.sampling import Prompt
from rustml.generation.served import ServedModel
from rustml.io import write_bytes
from rustml.judge.verdicts import unjudged_verdict
from rustml.models import checkpoint
from rustml.records import Problem, Verdict, candidate_of, write_jsonl

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

    def make(number: int) -> Chunk:
        chunk = slice(number * size, (number + 1) * size)
        before = number * size * suite.sampling.samples
        return _chunk(number, suite, suite.problems[chunk], prompts[chunk], context, lambda done: watch(before + done))

    def watch(done: int) -> None:
        context.watch(suite.name, done, total)

    chunks = complete(journal, -(-len(prompts) // size), make, watch)
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
        "judge": dict(context.judge_protocol),
    }
    rater = _rater(suite, context)
    if rater is not None:
        protocol[RATER] = dict(rater.protocol)
    return dict(msgspec.json.decode(msgspec.json.encode(protocol)))


def _chunk(
    number: int,
    suite: Suite,
    problems: Sequence[Problem],
    prompts: Sequence[Prompt],
    context: EvalContext,
    watch: Callable[[int], object],
) -> Chunk:
    started = time.monotonic()
    answers = context.generator.generate(prompts, suite.sampling)
    generated = time.monotonic()
    drawn = [(index, sample, text) for index, texts in enumerate(answers) for sample, text in enumerate(texts)]
    codes = [suite.protocol.code(problems[index], text) for index, _, text in drawn]
    verdicts = _verdicts(
        [(problems[index], sample, code) for (index, sample, _), code in zip(drawn, codes, strict=True)],
        suite,
        context,
        watch,
    )
    drafts = [(problems[index], code) for (index, _, _), code in zip(drawn, codes, strict=True)]
    rated = ratings(_rater(suite, context), drafts)
    items = tuple(
        Item(
            id=problems[index].id,
            sample=sample,
            prompt=prompts[index].text,
            completion=text,
            code=code,
            verdict=verdict,
            seconds=(generated - started) / len(drawn),
            rating=rating,
        )
        for (index, sample, text), code, verdict, rating in zip(drawn, codes, verdicts, rated, strict=True)
    )
    return Chunk(
        number=number, items=items, seconds={"generate": generated - started, "judge": time.monotonic() - generated}
    )


Draft = tuple[Problem, int, str | None]
"""A problem, the number of the sample, and the code of the answer."""


def _verdicts(
    drafts: Sequence[Draft], suite: Suite, context: EvalContext, watch: Callable[[int], object]
) -> list[Verdict]:
    """One verdict per draft, in order; what the protocol itself decides on never reaches the judge."""
    decided = [_without_judge(draft, suite) for draft in drafts]
    candidates = [
        candidate_of(problem, code, f"{problem.id}#{sample}")
        for (problem, sample, code), verdict in zip(drafts, decided, strict=True)
        if code is not None and verdict is None
    ]

    def progress(done: int, _total: int) -> None:
        watch(done)

    judged = (suite.judge or context.judge).judge(candidates, progress) if candidates else []
    if [verdict.id for verdict in judged] != [candidate.id for candidate in candidates]:
        raise JudgeFault("the judge's verdicts are not those of the candidates it was given, in their order")
    given = iter(judged)
    return [next(given) if verdict is None else verdict for verdict in decided]


def _without_judge(draft: Draft, suite: Suite) -> Verdict | None:
    """The verdict on a draft without code, of status `format`, and on code that the protocol refuses, `policy`."""
    problem, sample, code = draft
    if code is None:
        detail = f"the answer holds no code block{' with ' if problem.entry_point else ''}{problem.entry_point}"
        return unjudged_verdict(f"{problem.id}#{sample}", "format", detail, "none")
    refusal = suite.protocol.refusal(problem, code)
    return unjudged_verdict(f"{problem.id}#{sample}", "policy", refusal, "none") if refusal else None


def _rater(suite: Suite, context: EvalContext) -> Rater | None:
    """The rater of the suite's answers; None where none is switched on, or the suite's kind is not rated."""
    return context.rater if KINDS[suite.group].rated else None


def _result(suite: Suite, protocol: dict[str, Any], chunks: Sequence[Chunk]) -> SuiteResult:
    outcomes: dict[str, tuple[Outcome, ...]] = {problem.id: () for problem in suite.problems}
    problems, kind = {problem.id: problem for problem in suite.problems}, KINDS[suite.group]
    for item in (item for chunk in chunks for item in chunk.items):
        scores = kind.scores(problems[item.id], item)
        unrated = item.rating.reason if item.rating is not None and item.rating.score is None else ""
        outcomes[item.id] += (outcome(item.verdict, item.completion, scores, unrated),)
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
