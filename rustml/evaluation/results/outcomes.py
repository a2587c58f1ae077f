"""What an evaluation found: outcomes by item, the metrics that follow from them, and the report of both."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from rustml.errors import InputError
from rustml.evaluation.results.statistics import pass_at_k
from rustml.profile.evaluation import Group
from rustml.records import Record, Status, Verdict
from rustml.tasks import TASKS

MEASURES = ("format", "compile", "pass", "clippy")
REPORT = "report.json"
RATER = "rater"
"""Key of a protocol: what rates, where something does."""
UNRATED = ("malformed", "refused")


class Outcome(Record, frozen=True, omit_defaults=True):
    """One judged answer, without its text."""

    status: Status
    compiles: bool | None
    clippy_clean: bool | None
    lints: tuple[str, ...]
    errors: tuple[str, ...]
    """rustc error codes; a syntax error, which has none, is `syntax`."""
    characters: int
    """Length of the answer."""
    scores: dict[str, float] = {}
    """What else is measured of it, each in [0, 1]; documented in docs/evaluation.md."""
    unrated: str = ""
    """Why a rater that was asked gave no rating: `malformed`, `refused`."""

    def shows(self, measure: str) -> bool:
        """Whether the answer has the quality `format`, `compile`, `pass` or `clippy`."""
        match measure:
            case "format":
                return self.status != "format"
            case "compile":
                return self.compiles is True
            case "pass":
                return self.status == "passed"
            case "clippy":
                return self.clippy_clean is True
        raise ValueError(f"no measure {measure!r}; known: {', '.join(MEASURES)}")


def outcome(verdict: Verdict, completion: str, scores: Mapping[str, float], unrated: str = "") -> Outcome:
    """The outcome that a verdict says of a completion, and what else was measured of it."""
    return Outcome(
        status=verdict.status,
        compiles=verdict.compiles,
        clippy_clean=verdict.clippy_clean,
        lints=verdict.lints,
        errors=tuple(error.code or "syntax" for error in verdict.errors),
        characters=len(completion),
        scores=dict(scores),
        unrated=unrated,
    )


class SuiteResult(Record, frozen=True, omit_defaults=True):
    """The outcomes of one suite."""

    group: Group
    metric_prefix: str
    protocol: dict[str, Any]
    """Everything that moves a score without touching the model. JSON values only."""
    outcomes: dict[str, tuple[Outcome, ...]]
    """By item id, one a sample."""
    contaminated: tuple[str, ...]
    """Items that decontamination found in training data."""
    excluded: dict[str, int]
    """Problems of the bank that are no item of the suite, counted by reason."""
    seconds: dict[str, float]
    """Wall seconds by phase: `generate`, `judge`."""
    tasks: dict[str, str] = {}
    """Category of each item, where the suite has categories."""

    @property
    def protocol_digest(self) -> str:
        """SHA-256 of the protocol, in hex: results with different ones cannot be compared."""
        return hashlib.sha256(msgspec.json.encode(self.protocol, order="sorted")).hexdigest()

    @property
    def samples(self) -> list[Outcome]:
        """All outcomes, item after item."""
        return [sample for samples in self.outcomes.values() for sample in samples]

    @property
    def faults(self) -> int:
        """Answers that the judge could not judge."""
        return sum(sample.status == "infrastructure" for sample in self.samples)

    def rates(self, measure: str) -> dict[str, float]:
        """By item, the share of its samples that show the measure, in [0, 1]."""
        return {
            item: sum(sample.shows(measure) for sample in samples) / len(samples)
            for item, samples in self.outcomes.items()
        }

    def metrics(self) -> dict[str, float]:
        """Metrics under the suite's prefix. A share of nothing is left out, never NaN."""
        named = {"rust": self._rust, "retention": self._retention, "holdout": self._holdout}[self.group]()
        counts = {"items": len(self.outcomes), "faults": self.faults, "contaminated": len(self.contaminated)}
        excluded = {f"excluded_{reason}": count for reason, count in self.excluded.items()}
        timed = {f"seconds_{phase}": seconds for phase, seconds in self.seconds.items()}
        return {
            self.metric_prefix + name: float(value) for name, value in {**named, **counts, **excluded, **timed}.items()
        }

    def _rust(self) -> dict[str, float]:
        samples = self.samples
        compiling = [sample for sample in samples if sample.compiles]
        passing = [sample for sample in samples if sample.status == "passed"]
        return {
            "format_rate": _share(samples, "format"),
            "compile_rate": _share(samples, "compile"),
            "pass_rate": _share(samples, "pass"),
            "clippy_clean_rate": _share(samples, "clippy"),
            **({"clippy_clean_of_compiling": _share(compiling, "clippy")} if compiling else {}),
            **({"clippy_clean_of_passing": _share(passing, "clippy")} if passing else {}),
            **self._pass_at_k(),
        }

    def _retention(self) -> dict[str, float]:
        return {"format_rate": _share(self.samples, "format"), **self._pass_at_k()}

    def _holdout(self) -> dict[str, float]:
        """Means over the items that can be judged so; how many those are stands beside them."""
        found = {"format_rate": _share(self.samples, "format")}
        for measure in sorted({name for sample in self.samples for name in sample.scores}):
            values = self.scored(measure)
            found |= {f"{measure}_rate": _mean(values.values()), f"{measure}_items": len(values)}
        for task in sorted(set(self.tasks.values())):
            found |= self._task(task)
        return found | self._unrated()

    def _unrated(self) -> dict[str, float]:
        """Answers that a rater gave no rating for, by reason; nothing where none was asked."""
        if RATER not in self.protocol:
            return {}
        reasons = Counter(sample.unrated for sample in self.samples)
        return {f"unrated_{reason}": reasons[reason] for reason in UNRATED}

    def _task(self, task: str) -> dict[str, float]:
        items = [item for item, own in self.tasks.items() if own == task]
        measures = sorted({name for item in items for sample in self.outcomes[item] for name in sample.scores})
        means = {f"{task}.{measure}": _mean(self.scored(measure, items).values()) for measure in measures}
        return {f"{task}.items": len(items), **means, **self._principal(task, items)}

    def _principal(self, task: str, items: Iterable[str]) -> dict[str, float]:
        """The headline measure of a known task, over the items that have it."""
        if task not in TASKS:
            return {}
        values = self.scored(TASKS[task].headline, items)
        mean = {f"{task}.principal": _mean(values.values())} if values else {}
        return {**mean, f"{task}.principal_items": len(values)}

    def scored(self, measure: str, items: Iterable[str] | None = None) -> dict[str, float]:
        """By item, the mean of a score over its samples, for the items that have it."""
        chosen = self.outcomes if items is None else items
        drawn = {item: [s.scores[measure] for s in self.outcomes[item] if measure in s.scores] for item in chosen}
        return {item: _mean(values) for item, values in drawn.items() if values}

    def _pass_at_k(self) -> dict[str, float]:
        drawn = min(len(samples) for samples in self.outcomes.values())
        return {f"pass_at_{k}": self.pass_at(k) for k in (1, 5, 10, 100, drawn) if k <= drawn}

    def pass_at(self, k: int) -> float:
        """Mean over items of the unbiased pass@k."""
        passed = [(len(drawn), sum(sample.shows("pass") for sample in drawn)) for drawn in self.outcomes.values()]
        return sum(pass_at_k(samples, right, k) for samples, right in passed) / len(passed)

    def failures(self) -> Counter[str]:
        """Answers that did not pass, by class: rustc's first error code where there is one, else the status."""
        failed = [sample for sample in self.samples if sample.status != "passed"]
        return Counter(sample.errors[0] if sample.errors else sample.status for sample in failed)

    def lints(self) -> Counter[str]:
        """Answers by clippy lint; one answer counts once for each of its lints."""
        return Counter(lint for sample in self.samples for lint in set(sample.lints))


def _share(samples: Iterable[Outcome], measure: str) -> float:
    shown = [sample.shows(measure) for sample in samples]
    return sum(shown) / len(shown)


def _mean(values: Collection[float]) -> float:
    return sum(values) / len(values)


class Evaluation(Record, frozen=True):
    """A model measured on its suites."""

    model: str
    """As the user named it: run id, `models:/` URI, hub id or path."""
    weights_digest: str
    """Of the checkpoint that was loaded; `rustml.models.checkpoint.digest`."""
    suites: dict[str, SuiteResult]
    recorded: dict[str, float]
    """The metrics as they were logged; a report whose metrics do not follow from its outcomes was altered."""

    def metrics(self) -> dict[str, float]:
        """All metrics, computed from the outcomes."""
        return {name: value for suite in self.suites.values() for name, value in suite.metrics().items()}

    @property
    def digest(self) -> str:
        """SHA-256 of the report, in hex."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    def save(self, path: Path) -> None:
        """Write the report; a crash leaves no file under that name."""
        partial = path.with_name(path.name + ".partial")
        partial.write_bytes(msgspec.json.encode(self, order="sorted"))
        partial.replace(path)


def load(path: Path) -> Evaluation:
    """Read a report, from its file or from the folder that holds it. Raises InputError when it is none."""
    file = path / REPORT if path.is_dir() else path
    try:
        return msgspec.json.decode(file.read_bytes(), type=Evaluation)
    except OSError as error:
        raise InputError(f"no evaluation at {path}: {error.strerror}. Run `evaluate` for this model first") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is no evaluation report: {error}") from error
