"""A benchmark's way from a user's file to an evaluation: the bank built with the real judge, the suite measured."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from rustml.banks.build import build
from rustml.banks.report import BankReport
from rustml.evaluation.context import EvalContext, judge_protocol, open_context
from rustml.evaluation.evaluate import evaluate
from rustml.evaluation.results.report_file import Evaluation
from rustml.evaluation.suites.assembly import suites_of
from rustml.evaluation.suites.suite import Suite
from rustml.judge import Judge, Limits
from rustml.profile import Profile, load
from rustml.profile.compute import ComputeSection
from rustml.profile.evaluation import EvaluationSection, SuiteSection
from rustml.testing import FakeGenerator, FakeTokenizer
from tests.support.sections import bank_section

LIMITS = Limits(weak_integrity=True)
PROTOCOL = judge_protocol(LIMITS, {"rust": "rustc"})
SUITE: dict[str, Any] = {
    "group": "rust",
    "protocol": "chat",
    "samples": 1,
    "temperature": 0.0,
    "top_p": 1.0,
    "max_new_tokens": 16,
    "limit": 0,
}


def sections(**suites: dict[str, Any]) -> EvaluationSection:
    """The evaluation section of the tiny profile with these suites alone."""
    named = {name: {**SUITE, "metric_prefix": f"{name}.", **changes} for name, changes in suites.items()}
    typed = msgspec.convert(named, dict[str, SuiteSection])
    return msgspec.structs.replace(load("tiny").evaluation, batch_size=4, lifecycle=(), shown=(), suites=typed)


def banks(folder: Path, judge: Judge, **benchmarks: Path) -> BankReport:
    """Write the banks of these benchmarks, and no problem of the families."""
    section = bank_section(benchmarks={name.replace("_", "-"): str(path) for name, path in benchmarks.items()})
    folder.mkdir()
    return build(section, 1, folder, judge, crates_fault=judge.crates_fault)


def asked(folder: Path, section: EvaluationSection) -> list[Suite]:
    """The suites over banks that were built."""
    return suites_of(section, folder, seed=1)


def answered(
    suites: list[Suite], answer: Callable[[str, int], str], judge: Judge, checkpoint: Path, out: Path
) -> Evaluation:
    """The evaluation of a model that answers as told."""
    context = EvalContext(FakeGenerator(answer), FakeTokenizer(), judge, PROTOCOL)
    return evaluate(checkpoint, suites, context, out)


def measured(suites: list[Suite], section: EvaluationSection, judge: Judge, model: Path, out: Path) -> Evaluation:
    """The evaluation of a real model in its engine."""
    single = ComputeSection(dtype="float32", attention="eager")
    profile: Profile = msgspec.structs.replace(load("tiny"), evaluation=section, compute=single)
    with open_context(profile, model, judge, PROTOCOL) as context:
        return evaluate(model, suites, context, out)
