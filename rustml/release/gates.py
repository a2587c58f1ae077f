"""The gate: a pure function of two evaluations and the thresholds.

Retention is a test of non-inferiority. A gate passes only when each of its findings does (an intersection-union test),
so that the chance of a false pass is that of its weakest finding and no correction for several tests is due. What the
statistics can and cannot certify at which number of items: docs/gates.md.
"""

import math
from collections.abc import Iterator, Mapping

import msgspec

from rustml.evaluation.kinds import retained
from rustml.evaluation.results.report_file import Evaluation
from rustml.evaluation.results.statistics import Comparison, compare, wilson
from rustml.evaluation.results.suite_result import SuiteResult
from rustml.profile.gates import Thresholds
from rustml.records import Record

Sides = tuple[list[list[float]], list[list[float]]]
"""Baseline and candidate: outcomes by item, sample by sample."""
METRIC_TOLERANCE = 1e-9
POOLED = "retention (pooled)"


class Finding(Record, frozen=True):
    """One rule of the gate, and whether it holds."""

    rule: str
    passed: bool
    text: str
    """One line for people: the numbers, the interval and the demand."""
    comparison: Comparison | None = None


class Decision(Record, frozen=True):
    """What the gate decided and from what."""

    passed: bool
    reasons: tuple[str, ...]
    """Of a refusal: what refuses it. Of a pass: what was shown."""
    findings: tuple[Finding, ...]
    thresholds: Thresholds
    candidate_weights: str
    baseline_weights: str
    candidate_report: str
    baseline_report: str
    """Digests of the two evaluations."""


def decide(candidate: Evaluation, baseline: Evaluation, thresholds: Thresholds) -> Decision:
    """Decide whether `candidate` may take the step from `baseline`.

    Faults of either evaluation, and differences between their protocols or items, refuse before any number is compared.
    """
    findings = tuple(_faults(candidate, baseline, thresholds))
    if not findings:
        findings = (*_retention(candidate, baseline, thresholds), *_gains_and_holds(candidate, baseline, thresholds))
    passed = all(finding.passed for finding in findings)
    return Decision(
        passed=passed,
        reasons=tuple(finding.text for finding in findings if finding.passed == passed),
        findings=findings,
        thresholds=thresholds,
        candidate_weights=candidate.weights_digest,
        baseline_weights=baseline.weights_digest,
        candidate_report=candidate.digest,
        baseline_report=baseline.digest,
    )


def asked(thresholds: Thresholds) -> list[str]:
    """Every metric that a gate asks for by name, each once."""
    return list(dict.fromkeys((*thresholds.rise, *thresholds.hold, *thresholds.at_least)))


def _faults(candidate: Evaluation, baseline: Evaluation, thresholds: Thresholds) -> Iterator[Finding]:
    texts = [*_unsound("candidate", candidate), *_unsound("baseline", baseline)]
    if candidate.weights_digest == baseline.weights_digest:
        texts.append("candidate and baseline are the same weights: there is nothing to decide")
    texts += _missing(candidate, baseline, thresholds)
    for name in sorted(candidate.suites.keys() & baseline.suites.keys()):
        texts += _unpaired(name, candidate.suites[name], baseline.suites[name])
    for measure in asked(thresholds):
        texts += _unmeasured(measure, candidate, baseline)
    return (Finding(rule="evidence", passed=False, text=text) for text in texts)


def _unsound(side: str, evaluation: Evaluation) -> Iterator[str]:
    """What makes an evaluation unfit as evidence in any comparison."""
    if not evaluation.weights_digest:
        yield f"{side}: the evaluation names no weights"
    empty = [
        name for name, suite in evaluation.suites.items() if not suite.outcomes or not all(suite.outcomes.values())
    ]
    if empty:
        yield f"{side}: no outcomes in {', '.join(sorted(empty))}"
        return
    for name, suite in sorted(evaluation.suites.items()):
        if suite.faults:
            yield f"{side}: {name} holds {suite.faults} infrastructure faults, which are not outcomes; evaluate again"
        if suite.contaminated:
            yield f"{side}: {len(suite.contaminated)} items of {name} are contaminated, such as {suite.contaminated[0]}"
    yield from _unequal_metrics(side, evaluation.recorded, evaluation.metrics())


def _unequal_metrics(side: str, recorded: Mapping[str, float], computed: Mapping[str, float]) -> Iterator[str]:
    for name in sorted(recorded.keys() | computed.keys()):
        value = recorded.get(name)
        if value is None:
            yield f"{side}: metric {name} is missing"
        elif not math.isfinite(value):
            yield f"{side}: metric {name} is {value}"
        elif name not in computed or abs(value - computed[name]) > METRIC_TOLERANCE:
            yield f"{side}: metric {name} = {value:g} does not follow from the outcomes"


def _missing(candidate: Evaluation, baseline: Evaluation, thresholds: Thresholds) -> Iterator[str]:
    names = {measure.split(".")[0] for measure in asked(thresholds)}
    names |= {name for side in (candidate, baseline) for name in retained(side.suites)}
    for side, evaluation in (("candidate", candidate), ("baseline", baseline)):
        for name in sorted(names - evaluation.suites.keys()):
            yield f"{side}: suite {name} was not evaluated"
        if not retained(evaluation.suites):
            yield f"{side}: no retention suite was evaluated"


def _unpaired(name: str, candidate: SuiteResult, baseline: SuiteResult) -> Iterator[str]:
    if candidate.group != baseline.group:
        yield f"{name}: {candidate.group} in the candidate's evaluation, {baseline.group} in the baseline's"
    if candidate.protocol_digest != baseline.protocol_digest:
        keys = sorted(candidate.protocol.keys() | baseline.protocol.keys())
        apart = [key for key in keys if candidate.protocol.get(key) != baseline.protocol.get(key)]
        yield f"{name}: the protocols differ in {', '.join(apart)}; evaluate both sides alike"
    ours, theirs = ({item: len(samples) for item, samples in side.outcomes.items()} for side in (candidate, baseline))
    if ours != theirs:
        apart = sorted(item for item in ours.keys() | theirs.keys() if ours.get(item) != theirs.get(item))
        yield f"{name}: {len(apart)} items are not paired, such as {apart[0]}"


def _unmeasured(measure: str, candidate: Evaluation, baseline: Evaluation) -> Iterator[str]:
    """A metric that not every item has, such as `tests`, must be had by the same items on both sides."""
    name, metric = measure.split(".")
    if name in candidate.suites and name in baseline.suites:
        paired = candidate.suites[name].outcomes.keys() & baseline.suites[name].outcomes.keys()
        ours, theirs = (side.suites[name].values(metric, paired).keys() for side in (candidate, baseline))
        if not ours | theirs:
            yield f"{measure}: no item has this metric"
        elif ours != theirs:
            yield f"{measure}: {len(ours ^ theirs)} items have it on one side only, such as {min(ours ^ theirs)}"


def _retention(candidate: Evaluation, baseline: Evaluation, thresholds: Thresholds) -> Iterator[Finding]:
    names = retained(candidate.suites)
    pairs = {name: _paired(candidate, baseline, f"{name}.pass") for name in names}
    yield _non_inferior(POOLED, _compare(pairs, thresholds), thresholds.retention_pooled_margin, thresholds)
    for name in names:
        comparison = _compare({name: pairs[name]}, thresholds)
        yield _non_inferior(f"retention {name}", comparison, thresholds.retention_suite_margin, thresholds)


def _non_inferior(rule: str, comparison: Comparison, margin: float, thresholds: Thresholds) -> Finding:
    holds = comparison.low > -margin
    tolerable = comparison.delta >= -thresholds.retention_point_margin
    demand = (
        f"must show a loss below {_points(margin)} and observe at most {_points(thresholds.retention_point_margin)}"
    )
    return _finding(rule, holds and tolerable, demand, comparison)


def _gains_and_holds(candidate: Evaluation, baseline: Evaluation, thresholds: Thresholds) -> Iterator[Finding]:
    measures = thresholds.hold if thresholds.require_gain else (*thresholds.rise, *thresholds.hold)
    risen = thresholds.rise if thresholds.require_gain else ()
    for measure in risen:
        comparison = _compare({measure: _paired(candidate, baseline, measure)}, thresholds)
        yield _finding(measure, comparison.low > 0, "must rise", comparison)
    for measure in measures:
        comparison = _compare({measure: _paired(candidate, baseline, measure)}, thresholds)
        margin = thresholds.margins.get(measure, thresholds.fall_margin)
        yield _finding(measure, comparison.low > -margin, f"must show a loss below {_points(margin)}", comparison)
    yield from _floors(candidate, baseline, thresholds)


def _floors(candidate: Evaluation, baseline: Evaluation, thresholds: Thresholds) -> Iterator[Finding]:
    """Shares that the candidate must show by itself: the lower Wilson bound over items lies above the floor."""
    for measure, floor in sorted(thresholds.at_least.items()):
        before, after = _paired(candidate, baseline, measure)
        comparison = _compare({measure: (before, after)}, thresholds)
        bound = wilson(comparison.candidate * len(after), len(after), confidence=thresholds.confidence).low
        demand = f"must be shown to lie above {100 * floor:g}%, and the lower bound of its own is {100 * bound:.1f}%"
        yield _finding(f"{measure} at least", bound > floor, demand, comparison)


def _paired(candidate: Evaluation, baseline: Evaluation, measure: str) -> Sides:
    """Values by item and sample, of baseline and candidate, in one order of the items."""
    name, metric = measure.split(".")
    after, before = candidate.suites[name].sample_values(metric), baseline.suites[name].sample_values(metric)
    items = sorted(before)
    return [before[item] for item in items], [after[item] for item in items]


def _compare(pairs: Mapping[str, Sides], thresholds: Thresholds) -> Comparison:
    return compare(pairs, confidence=thresholds.confidence, resamples=thresholds.resamples, seed=thresholds.seed)


def _finding(rule: str, passed: bool, demand: str, comparison: Comparison) -> Finding:
    shares = (
        f"{100 * comparison.baseline:.1f} -> {100 * comparison.candidate:.1f}, {100 * comparison.delta:+.1f} points"
    )
    text = (
        f"{rule}: {shares} (paired lower bound {100 * comparison.low:+.1f}; {comparison.losses} losses, "
        f"{comparison.gains} gains in {comparison.items} items, McNemar p={comparison.mcnemar_p:.2g}); "
        f"{demand}: {'yes' if passed else 'NO'}"
    )
    return Finding(rule=rule, passed=passed, text=text, comparison=comparison)


def _points(share: float) -> str:
    return f"{100 * share:g} points"


def encode(decision: Decision) -> bytes:
    """The decision as JSON, the same bytes for the same decision."""
    return msgspec.json.encode(decision, order="sorted")
