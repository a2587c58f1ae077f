"""Suites that pin a Rust toolchain: their versions for the key and the protocol, and the judge that has it."""

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from rustml.cache_layout import CacheLayout
from rustml.errors import EnvironmentFault, InputError
from rustml.judge.rust import toolchain
from rustml.profile import Profile
from rustml.runs.environment import MISSING
from rustml.stages.judging import open_local_judge

if TYPE_CHECKING:
    from rustml.evaluation.suites.suite import Suite


def versions(profile: Profile) -> dict[str, str]:
    """Versions of the toolchains that suites pin. One that is missing is refused where its suite is measured."""
    known = {}
    for name in sorted({section.toolchain for section in profile.evaluation.suites.values()} - {""}):
        try:
            known[f"rust.{name}"] = toolchain.find(name).version
        except EnvironmentFault:
            known[f"rust.{name}"] = MISSING
    return known


def with_judge(profile: Profile, suite: "Suite", cache: CacheLayout, stack: ExitStack) -> "Suite":
    """The suite, with a judge of its own where it pins a toolchain; `stack` closes it.

    Raises InputError where the profile's judge cannot have another toolchain, EnvironmentFault where it is missing.
    """
    name, key = profile.evaluation.suites[suite.name].toolchain, f"evaluation.suites.{suite.name}.toolchain"
    if not name:
        return suite
    if profile.judge.engine != "local":
        raise InputError(f"{key}: a judge on other machines has their toolchain; set judge.engine: local")
    if profile.judge.crates:
        raise InputError(f"{key}: crates are built with the toolchain on PATH; empty judge.crates, or pin nothing")
    tools = toolchain.find(name)
    judge = stack.enter_context(open_local_judge(profile, cache, verdicts=cache.verdicts, pinned=name))
    return replace(suite, judge=judge, judge_versions={"rust": tools.version})
