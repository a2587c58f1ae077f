"""Measure a model on suites: generate, extract, judge, answer by answer; a killed evaluation goes on where it was.

Answers are worked off in chunks, journalled under a digest of the protocol and the weights. A chunk's answers depend on
nothing before it, so an interrupted evaluation finds what an uninterrupted one would have found.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from rustml.errors import JudgeFault
from rustml.evaluation.context import Bench, Judging
from rustml.evaluation.results.journal import Chunk, Item, complete
from rustml.evaluation.results.outcomes import RATER, REPORT, Evaluation, Outcome, SuiteResult, outcome
from rustml.evaluation.scoring.llm_judge import ratings
from rustml.evaluation.scoring.per_task_scores import scores
from rustml.evaluation.suites.assembly import Suite
from rustml.evaluation.suites.holdout import TASK
from rustml.models import checkpoint
from rustml.records import Problem, Verdict, candidate_of, write_jsonl
from rustml.rust.style import summary

CHUNK_BATCHES = 4  # batches a chunk: large enough for the judge to work well, small enough to lose little


def evaluate(model_dir: Path, suites: Sequence[Suite], bench: Bench, out: Path, *, model: str = "") -> Evaluation:
    """Measure the checkpoint in `model_dir`; write `items-<suite>.jsonl`, `report.json` and the like into `out`.

    Answers judged by an earlier, interrupted call with the same protocol and weights are taken over. `model` is how the
    user named it. Raises InputError when there is no checkpoint, or a prompt leaves no room for an answer.
    """
    out.mkdir(parents=True, exist_ok=True)
    digest = checkpoint.digest(model_dir)
    results = {suite.name: _measure(suite, bench, out, digest) for suite in suites}
    report = Evaluation(model=model or str(model_dir), weights_digest=digest, suites=results, recorded={})
    report = msgspec.structs.replace(report, recorded=report.metrics())
    report.save(out / REPORT)
    return report


def _measure(suite: Suite, bench: Bench, out: Path, weights_digest: str) -> SuiteResult:
    prompts = [suite.protocol.prompt(problem, bench.tokenizer, suite.shots) for problem in suite.problems]
    protocol = protocol_of(suite, prompts, bench)
    size = max(1, CHUNK_BATCHES * int(bench.generator.engine["batch_size"]) // suite.sampling.samples)
    key = hashlib.sha256(msgspec.json.encode([protocol, weights_digest, size], order="sorted")).hexdigest()
    journal = out / f"journal-{suite.name}-{key[:16]}.jsonl"
    total = len(prompts) * suite.sampling.samples

    def make(number: int) -> Chunk:
        places = slice(number * size, (number + 1) * size)
        before = number * size * suite.sampling.samples
        return _chunk(number, suite, suite.problems[places], prompts[places], bench, lambda done: watch(before + done))

    def watch(done: int) -> None:
        bench.watch(suite.name, done, total)

    chunks = complete(journal, -(-len(prompts) // size), make, watch)
    write_jsonl(out / f"items-{suite.name}.jsonl", (item for chunk in chunks for item in chunk.items))
    if suite.group == "rust":
        _write_style(suite, chunks, out / f"style-{suite.name}.json")
    journal.unlink()
    return _result(suite, protocol, chunks)


def protocol_of(suite: Suite, prompts: Sequence[str], bench: Bench) -> dict[str, Any]:
    """Everything that moves a suite's score without touching the model, as JSON values."""
    rendered = "\0".join(f"{problem.id}\0{prompt}" for problem, prompt in zip(suite.problems, prompts, strict=True))
    protocol: dict[str, Any] = {
        "name": suite.protocol.name,
        "revision": suite.protocol.revision,
        "prompts": hashlib.sha256(rendered.encode()).hexdigest(),
        "data": suite.data_digest,
        "sampling": msgspec.to_builtins(suite.sampling),
        "engine": dict(bench.generator.engine),
        "judge": dict(bench.judge_protocol),
    }
    if bench.rater is not None and suite.group == "holdout":
        protocol[RATER] = dict(bench.rater.protocol)
    return dict(msgspec.json.decode(msgspec.json.encode(protocol)))


def _chunk(
    number: int,
    suite: Suite,
    problems: Sequence[Problem],
    prompts: Sequence[str],
    bench: Bench,
    watch: Callable[[int], object],
) -> Chunk:
    started = time.monotonic()
    answers = bench.generator.generate(prompts, suite.sampling)
    generated = time.monotonic()
    drawn = [(place, sample, text) for place, texts in enumerate(answers) for sample, text in enumerate(texts)]
    codes = [suite.protocol.code(problems[place], text) for place, _, text in drawn]
    verdicts = _verdicts(
        [(problems[place], sample, code) for (place, sample, _), code in zip(drawn, codes, strict=True)],
        suite.judge or bench.judge,
        watch,
    )
    drafts = [(problems[place], code) for (place, _, _), code in zip(drawn, codes, strict=True)]
    rated = ratings(bench.rater, suite.group, drafts)
    items = tuple(
        Item(
            id=problems[place].id,
            sample=sample,
            prompt=prompts[place],
            completion=text,
            code=code,
            verdict=verdict,
            seconds=(generated - started) / len(drawn),
            rating=rating,
        )
        for (place, sample, text), code, verdict, rating in zip(drawn, codes, verdicts, rated, strict=True)
    )
    return Chunk(
        number=number, items=items, seconds={"generate": generated - started, "judge": time.monotonic() - generated}
    )


def _verdicts(
    drafts: Sequence[tuple[Problem, int, str | None]], judge: Judging, watch: Callable[[int], object]
) -> list[Verdict]:
    """A verdict a draft, in order; a draft without code is of status `format` and never reaches the judge."""
    candidates = [
        candidate_of(problem, code, f"{problem.id}#{sample}") for problem, sample, code in drafts if code is not None
    ]

    def progress(done: int, _total: int) -> None:
        watch(done)

    judged = judge.judge(candidates, progress) if candidates else []
    if [verdict.id for verdict in judged] != [asked.id for asked in candidates]:
        raise JudgeFault("the judge's verdicts are not those of the candidates it was given, in their order")
    given = iter(judged)
    return [_no_code(problem, sample) if code is None else next(given) for problem, sample, code in drafts]


def _no_code(problem: Problem, sample: int) -> Verdict:
    return Verdict(
        id=f"{problem.id}#{sample}",
        status="format",
        compiles=None,
        tests_passed=0,
        tests_expected=0,
        clippy_clean=None,
        lints=(),
        errors=(),
        seconds={},
        sandbox="none",
        detail=f"the answer holds no code block with {problem.entry_point}",
    )


def _write_style(suite: Suite, chunks: Sequence[Chunk], path: Path) -> None:
    """Style beside the outcomes: it describes, and no gate asks for it."""
    asked = {problem.id: problem.instruction for problem in suite.problems}
    codes = [(item.code, asked[item.id]) for chunk in chunks for item in chunk.items if item.code is not None]
    path.write_bytes(msgspec.json.format(msgspec.json.encode(summary(codes))))


def _result(suite: Suite, protocol: dict[str, Any], chunks: Sequence[Chunk]) -> SuiteResult:
    outcomes: dict[str, tuple[Outcome, ...]] = {problem.id: () for problem in suite.problems}
    problems = {problem.id: problem for problem in suite.problems}
    held = suite.group == "holdout"
    for item in (item for chunk in chunks for item in chunk.items):
        found = scores(problems[item.id], item.code, item.verdict, item.rating) if held else {}
        unrated = item.rating.reason if item.rating is not None and item.rating.score is None else ""
        outcomes[item.id] += (outcome(item.verdict, item.completion, found, unrated),)
    return SuiteResult(
        group=suite.group,
        metric_prefix=suite.metric_prefix,
        protocol=protocol,
        outcomes=outcomes,
        contaminated=suite.contaminated,
        excluded=dict(suite.excluded),
        tasks={problem.id: problem.tags[TASK] for problem in suite.problems} if held else {},
        seconds={phase: sum(chunk.seconds[phase] for chunk in chunks) for phase in ("generate", "judge")},
    )
