"""The judge of a profile, and what decides its verdicts besides code and limits, for the stages that judge."""

import platform
from pathlib import Path
from typing import TYPE_CHECKING

from rustml.cache_layout import CacheLayout
from rustml.contents import directory_source_contents
from rustml.judge.rust import toolchain
from rustml.profile import Profile

if TYPE_CHECKING:
    from rustml.judge import Judge


def judging_environment(profile: Profile) -> dict[str, str]:
    """The Rust toolchain, the Python that candidates run under, and the crates that problems may name.

    Raises EnvironmentFault without a toolchain.
    """
    versions = {"rust": toolchain.find().version, "python": platform.python_version()}
    return versions | ({"crates": _crates(profile.judge.crates)} if profile.judge.crates else {})


def _crates(named: str) -> str:
    folder = Path(named)
    return directory_source_contents(folder) if folder.is_dir() else named


def open_judge(
    profile: Profile, cache: CacheLayout, *, lints: bool = True, keep: bool = True, workers: int | None = None
) -> "Judge":
    """A judge as the profile asks for it, with the crates that problems may name; `keep` its verdicts in the cache.

    Raises what `Judge` and `CrateSets` raise.
    """
    from rustml.judge import Judge, Limits  # noqa: PLC0415  stages that judge nothing do not load it
    from rustml.judge.in_crate.crate_sets import CrateSets  # noqa: PLC0415

    limits, asked = Limits.from_section(profile.judge), profile.judge
    return Judge(
        limits,
        workers=workers,
        sandbox=asked.sandbox,
        lints=lints,
        cache=cache.verdicts if keep else None,
        batch_size=asked.batch_size,
        crates=CrateSets.of(asked, cache.problem_crates, limits),
    )
