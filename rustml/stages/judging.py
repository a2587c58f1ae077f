"""The judge of a profile, and what decides its verdicts besides code and limits, for the stages that judge."""

import os
import platform
from dataclasses import asdict
from functools import cache as remembered
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from rustml.cache_layout import CacheLayout
from rustml.contents import directory_source_contents
from rustml.errors import InputError
from rustml.judge.remote.exchange import KEY, JudgeFacts
from rustml.judge.rust import toolchain
from rustml.profile import Profile
from rustml.profile.judge import JudgeSection

if TYPE_CHECKING:
    from rustml.judge import Judge
    from rustml.judge.by_world import JudgeByWorld
    from rustml.judge.cluster.client import RayJudge
    from rustml.judge.remote.client import RemoteJudge

LEAST_KEY = 16


def judging_environment(profile: Profile) -> dict[str, str]:
    """The Rust toolchain, the Python that candidates run under, and the crates that problems may name.

    Raises EnvironmentFault without a toolchain, or where the judge's server or cluster does not answer.
    """
    if profile.judge.engine == "ray":
        facts = _facts_on_ray(profile.judge)
        # As on this machine: the nodes' source of the judge is this machine's.
        return {"rust": facts.rust, "python": facts.python} | ({"crates": facts.crates} if facts.crates else {})
    if profile.judge.engine == "server":
        with _remote(profile) as judge:
            facts = judge.facts
        versions = {"rust": facts.rust, "python": facts.python, "judge": facts.code, "crates": facts.crates}
        return {name: text for name, text in versions.items() if text}
    versions = {"rust": toolchain.find().version, "python": platform.python_version()}
    return versions | ({"crates": _crates(profile.judge.crates)} if profile.judge.crates else {})


def open_judge(
    profile: Profile, cache: CacheLayout, *, lints: bool = True, keep: bool = True, workers: int | None = None
) -> "JudgeByWorld":
    """A judge as the profile asks for it; one that is not a server may `keep` its verdicts in the cache.

    Problems of crates are judged on this machine, wherever others are. Raises what
    `open_local_judge`, `RemoteJudge` and `RayJudge` raise, and InputError for crates of a registry.
    """
    from rustml.judge import Limits  # noqa: PLC0415
    from rustml.judge.by_world import JudgeByWorld  # noqa: PLC0415
    from rustml.judge.in_crate.crate_builds import Places  # noqa: PLC0415
    from rustml.judge.in_crate.problem_judge import CrateProblemJudge  # noqa: PLC0415

    places = Places(cache=cache, dependencies=profile.evaluation.dependencies, sandbox=profile.judge.sandbox)
    verdicts = cache.verdicts if keep else None
    in_crates = partial(CrateProblemJudge, places, Limits.from_section(profile.judge), verdicts)
    return JudgeByWorld(_open_backend(profile, cache, lints=lints, keep=keep, workers=workers), in_crates)


def _open_backend(
    profile: Profile, cache: CacheLayout, *, lints: bool, keep: bool, workers: int | None
) -> "Judge | RemoteJudge | RayJudge":
    """The judge of candidates that stand by themselves."""
    if profile.judge.engine == "ray":
        return _on_ray(profile.judge, cache, lints=lints, keep=keep, workers=workers)
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
    section = msgspec.structs.replace(profile.judge, sandbox=sandbox or profile.judge.sandbox)
    return _judge_here(section, cache, lints=lints, verdicts=verdicts, workers=workers, pinned=pinned)


def _judge_here(
    section: JudgeSection,
    cache: CacheLayout,
    *,
    lints: bool,
    verdicts: Path | None,
    workers: int | None,
    pinned: str = "",
) -> "Judge":
    from rustml.judge import Judge, Limits  # noqa: PLC0415
    from rustml.judge.in_crate.crate_sets import CrateSets  # noqa: PLC0415

    limits = Limits.from_section(section)
    return Judge(
        limits,
        workers=workers,
        sandbox=section.sandbox,
        lints=lints,
        cache=verdicts,
        batch_size=section.batch_size,
        crates=None if pinned else CrateSets.of(section, cache.problem_crates, limits),
        pinned=pinned,
    )


def judge_facts(section: JudgeSection, judge: "Judge") -> JudgeFacts:
    """What a server, or a node of a cluster, says about the judge behind it."""
    from rustml.judge import Limits  # noqa: PLC0415
    from rustml.judge.cache import code_version  # noqa: PLC0415

    return JudgeFacts(
        limits=asdict(Limits.from_section(section)),
        rust=toolchain.find().version,
        python=platform.python_version(),
        sandbox=judge.sandbox,
        code=code_version(),
        crates=_crates(section.crates) if section.crates else "",
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


def _on_ray(
    section: JudgeSection, cache: CacheLayout, *, lints: bool = True, keep: bool = False, workers: int | None = None
) -> "RayJudge":
    from rustml.judge.cache import code_version  # noqa: PLC0415
    from rustml.judge.cluster.client import RayJudge  # noqa: PLC0415

    if section.crates:
        section = msgspec.structs.replace(section, crates=str(_shared_folder(section.crates)))
    layout = CacheLayout(cache.root.resolve())
    opener, verdicts = partial(_open_on_node, section, layout, lints), layout.verdicts if keep else None
    return RayJudge(opener, code_version(), lints=lints, workers=workers, cache=verdicts)


def _open_on_node(section: JudgeSection, cache: CacheLayout, lints: bool, workers: int) -> "tuple[Judge, JudgeFacts]":
    """A judge on the node of a cluster where this runs, and what judges there."""
    if section.crates:
        _shared_folder(section.crates)
    judge = _judge_here(section, cache, lints=lints, verdicts=None, workers=workers)
    return judge, judge_facts(section, judge)


def _shared_folder(crates: str) -> Path:
    folder = Path(crates)
    if not folder.is_dir():
        raise InputError(
            f"judge.crates: {crates} is not a folder on {platform.node()}. With judge.engine: ray it has to be that of "
            "a Cargo directory source, which `cargo vendor` makes, under the same path on all nodes"
        )
    return folder.resolve()


@remembered
def _facts_on_ray(section: JudgeSection) -> JudgeFacts:
    """What judges on the cluster; a process asks once."""
    from rustml.runs.tracking import cache_layout  # noqa: PLC0415  mlflow takes seconds to load

    with _on_ray(section, cache_layout()) as judge:
        return judge.facts
