"""The judge of a profile, and what decides its verdicts besides code and limits, for the stages that judge."""

import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rustml.cache_layout import CacheLayout
from rustml.contents import directory_source_contents
from rustml.errors import InputError
from rustml.judge.remote.exchange import KEY, JudgeFacts
from rustml.judge.rust import toolchain
from rustml.profile import Profile

if TYPE_CHECKING:
    from rustml.judge import Judge
    from rustml.judge.remote.client import RemoteJudge

LEAST_KEY = 16


def judging_environment(profile: Profile) -> dict[str, str]:
    """The Rust toolchain, the Python that candidates run under, and the crates that problems may name.

    Raises EnvironmentFault without a toolchain, or where the judge's server does not answer.
    """
    if profile.judge.engine == "server":
        with _remote(profile) as judge:
            facts = judge.facts
        versions = {"rust": facts.rust, "python": facts.python, "judge": facts.code, "crates": facts.crates}
        return {name: text for name, text in versions.items() if text}
    versions = {"rust": toolchain.find().version, "python": platform.python_version()}
    return versions | ({"crates": _crates(profile.judge.crates)} if profile.judge.crates else {})


def open_judge(
    profile: Profile, cache: CacheLayout, *, lints: bool = True, keep: bool = True, workers: int | None = None
) -> "Judge | RemoteJudge":
    """A judge as the profile asks for it; one on this machine may `keep` its verdicts in the cache.

    Raises what `open_local_judge` and `RemoteJudge` raise.
    """
    if profile.judge.engine == "server":
        return _remote(profile)
    return open_local_judge(profile, cache, lints=lints, verdicts=cache.verdicts if keep else None, workers=workers)


def open_local_judge(
    profile: Profile,
    cache: CacheLayout,
    *,
    lints: bool = True,
    verdicts: Path | None = None,
    workers: int | None = None,
    sandbox: str = "",
    pinned: str = "",
) -> "Judge":
    """A judge on this machine, with the crates that problems may name. Raises what `Judge` and `CrateSets` raise.

    A `pinned` toolchain links no crates, which are built with the one on PATH.
    """
    from rustml.judge import Judge, Limits  # noqa: PLC0415
    from rustml.judge.in_crate.crate_sets import CrateSets  # noqa: PLC0415

    limits, asked = Limits.from_section(profile.judge), profile.judge
    return Judge(
        limits,
        workers=workers,
        sandbox=sandbox or asked.sandbox,
        lints=lints,
        cache=verdicts,
        batch_size=asked.batch_size,
        crates=None if pinned else CrateSets.of(asked, cache.problem_crates, limits),
        pinned=pinned,
    )


def judge_facts(profile: Profile, judge: "Judge") -> JudgeFacts:
    """What a server says about the judge behind it."""
    from rustml.judge import Limits  # noqa: PLC0415
    from rustml.judge.cache import code_version  # noqa: PLC0415

    return JudgeFacts(
        limits=asdict(Limits.from_section(profile.judge)),
        rust=toolchain.find().version,
        python=platform.python_version(),
        sandbox=judge.sandbox,
        code=code_version(),
        crates=_crates(profile.judge.crates) if profile.judge.crates else "",
    )


def key_of_environment() -> str:
    """The key of the judge's server, empty where none is set. Raises InputError for one that is short."""
    key = os.environ.get(KEY, "")
    if key and (len(key) < LEAST_KEY or not key.isascii() or not key.isprintable() or " " in key):
        raise InputError(f"{KEY} needs at least {LEAST_KEY} letters, digits and signs of ASCII, without blanks")
    return key


def _remote(profile: Profile) -> "RemoteJudge":
    from rustml.judge import Limits  # noqa: PLC0415
    from rustml.judge.remote.client import RemoteJudge  # noqa: PLC0415

    return RemoteJudge(profile.judge.server, Limits.from_section(profile.judge), key=key_of_environment())


def _crates(named: str) -> str:
    folder = Path(named)
    return directory_source_contents(folder) if folder.is_dir() else named
