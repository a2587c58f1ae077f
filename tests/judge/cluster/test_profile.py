"""`judge.engine: ray` of a profile: what is refused before a cluster is asked, and what a key holds."""

import platform
import sys
from pathlib import Path

import msgspec
import pytest

from rustml.cache_layout import CacheLayout
from rustml.errors import EnvironmentFault, InputError
from rustml.judge.remote.exchange import JudgeFacts
from rustml.judge.rust import toolchain
from rustml.profile import Profile, load
from rustml.runs.stage import key
from rustml.stages import bank, judging

LOCAL = load("tiny")
RAY = load("tiny", ("judge.engine=ray",))
FACTS = JudgeFacts(limits={}, rust="rustc 1", python=platform.python_version(), sandbox="landlock", code="c")


def test_without_ray_it_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EnvironmentFault, match=r"pip install -r requirements/ray\.txt"):
        judging.open_judge(RAY, CacheLayout(tmp_path))


def test_crates_of_a_registry_are_refused(tmp_path: Path) -> None:
    profile = load("tiny", ("judge.engine=ray", "judge.crates=crates.io"))
    with pytest.raises(InputError, match=r"judge\.crates: crates\.io is not a folder on .* `cargo vendor`"):
        judging.open_judge(profile, CacheLayout(tmp_path))


def key_with(profile: Profile, facts: JudgeFacts, patch: pytest.MonkeyPatch) -> str:
    patch.setattr(judging, "_facts_on_ray", lambda _section: facts)
    return key(bank.STAGE, profile, {}, {})


def test_a_key_holds_what_judges_not_where(monkeypatch: pytest.MonkeyPatch) -> None:
    here = msgspec.structs.replace(FACTS, rust=toolchain.find().version)
    with monkeypatch.context() as patch:
        assert key_with(RAY, here, patch) == key(bank.STAGE, LOCAL, {}, {})
        assert key_with(RAY, FACTS, patch) != key(bank.STAGE, LOCAL, {}, {})


def test_a_servers_engine_stays_in_the_key() -> None:
    server = load("tiny", ("judge.engine=server", "judge.server=http://judge:8377")).judge
    assert (server.for_key(), RAY.judge.for_key()) == (server, LOCAL.judge)
