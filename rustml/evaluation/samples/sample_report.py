"""What the compiler, clippy and the syntax tree say of a file of samples: records, metrics, tables."""

from collections import Counter
from collections.abc import Sequence

from rustml.evaluation.samples.sample_file import Sample
from rustml.evaluation.samples.sample_filter import SampleFilter
from rustml.judge.judging import Judging
from rustml.judge.verdicts import unjudged_verdict
from rustml.progress import ProgressCallback, no_progress
from rustml.records import Candidate, Record, Verdict
from rustml.rust import style
from rustml.rust.style import Style


class JudgedSample(Record, frozen=True):
    """A line of the report: one sample."""

    id: str
    code: str | None
    prompt: str
    set_aside: str | None
    """Why the filter sets it aside; None where it stays."""
    verdict: Verdict
    style: Style | None
    """None without code, and where it does not parse."""


def judge_samples(
    judge: Judging,
    samples: Sequence[Sample],
    sample_filter: SampleFilter,
    edition: str,
    progress: ProgressCallback = no_progress,
) -> list[JudgedSample]:
    """Compile and lint every sample that holds code, those that are set aside too; nothing of any is run."""
    codes = [(sample.id, sample.code) for sample in samples if sample.code is not None]
    candidates = [Candidate(id=name, code=code, tests="", entry_point="", edition=edition) for name, code in codes]
    verdicts = {verdict.id: verdict for verdict in judge.judge(candidates, progress)}
    return [
        JudgedSample(
            id=sample.id,
            code=sample.code,
            prompt=sample.prompt,
            set_aside=sample_filter.reason(sample),
            verdict=verdicts.get(sample.id) or unjudged_verdict(sample.id, "format", "it holds no code", "none"),
            style=style.style(sample.code, sample.prompt) if sample.code is not None else None,
        )
        for sample in samples
    ]


def metrics(judged: Sequence[JudgedSample]) -> dict[str, float]:
    """Rates and means over all samples, and under `filtered.` over those that the filter lets stay."""
    staying = [sample for sample in judged if sample.set_aside is None]
    reasons = Counter(sample.set_aside for sample in judged if sample.set_aside is not None)
    counts = {f"set_aside_{reason}": float(count) for reason, count in sorted(reasons.items())}
    return {**_rates(judged), **{f"filtered.{name}": value for name, value in _rates(staying).items()}, **counts}


def lint_table(judged: Sequence[JudgedSample]) -> list[dict[str, int | str]]:
    """A row per lint: how often it was raised, and in how many samples; the commonest first."""
    raised, holding = Counter[str](), Counter[str]()
    for sample in judged:
        raised.update(sample.verdict.lint_counts or {})
        holding.update(sample.verdict.lints)
    order = sorted(holding, key=lambda lint: (-raised[lint], lint))
    return [{"lint": lint, "raised": raised[lint], "samples": holding[lint]} for lint in order]


def error_table(judged: Sequence[JudgedSample]) -> list[dict[str, int | str]]:
    """A row per error code of rustc (`syntax` where it gives none): in how many samples; the commonest first."""
    codes = Counter(code for one in judged for code in {error.code or "syntax" for error in one.verdict.errors})
    return [{"error": code, "samples": codes[code]} for code in sorted(codes, key=lambda code: (-codes[code], code))]


def _rates(judged: Sequence[JudgedSample]) -> dict[str, float]:
    """Shares of all of them, but where the name says of which; a share of nothing is left out."""
    rates: dict[str, float] = {
        "samples": len(judged),
        "faults": sum(sample.verdict.status == "infrastructure" for sample in judged),
    }
    if not judged:
        return rates
    compiling = [sample.verdict for sample in judged if sample.verdict.compiles]
    clean = sum(verdict.clippy_clean is True for verdict in compiling)
    rates |= {
        "format_rate": sum(sample.code is not None for sample in judged) / len(judged),
        "compile_rate": len(compiling) / len(judged),
        "clippy_clean_rate": clean / len(judged),
    }
    if compiling:
        rates["clippy_clean_of_compiling"] = clean / len(compiling)
        rates["mean_lints"] = sum(sum((verdict.lint_counts or {}).values()) for verdict in compiling) / len(compiling)
    return rates | style.summary([(sample.code, sample.prompt) for sample in judged if sample.code is not None])
