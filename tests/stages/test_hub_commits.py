"""What a profile names on the hub is pinned once, when a stage starts, and the key holds the commit."""

from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from rustml.errors import EnvironmentFault, InputError
from rustml.profile import Profile, load
from rustml.profile.mine import ProblemSource
from rustml.runs.stage import key
from rustml.stages import bank, harvest, mine, pairs
from rustml.stages.hub_commits import with_bank_commits, with_dataset_commits, with_pool_commits, with_source_commits
from tests.support.sections import anchor_pool, dataset_source

OLD, NEW, PINNED = "a" * 40, "b" * 40, "c" * 40


class Hub:
    """A hub whose data sets stand at `commit`; it notes what it was asked for."""

    def __init__(self) -> None:
        self.commit = OLD
        self.questions: list[tuple[str, str | None]] = []
        self.answers = True

    def dataset_info(self, repository: str, revision: str | None = None) -> SimpleNamespace:
        self.questions.append((repository, revision))
        if not self.answers:
            raise ConnectionError("no route")
        return SimpleNamespace(sha=self.commit)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    import huggingface_hub

    ours = Hub()
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: ours)
    return ours


def profile_with(section: str, **changes: object) -> Profile:
    profile = load("tiny")
    return msgspec.structs.replace(profile, **{section: msgspec.structs.replace(getattr(profile, section), **changes)})


CASES = {
    "bank": (bank.STAGE, with_bank_commits, profile_with("bank", benchmarks={"humaneval": "hub"})),
    "pairs": (pairs.STAGE, with_pool_commits, profile_with("pairs", anchors={"code": anchor_pool("hub:o/n")})),
    "mine": (
        mine.STAGE,
        with_source_commits,
        profile_with("mine", sources={"house": ProblemSource(kind="problems", path="hub:o/n", licence="MIT")}),
    ),
    "harvest": (harvest.STAGE, with_dataset_commits, profile_with("harvest", datasets=(dataset_source("o/n"),))),
}


@pytest.mark.parametrize("name", CASES)
def test_a_commit_pushed_to_the_hub_is_another_stage_key(name: str, hub: Hub) -> None:
    stage, pin, profile = CASES[name]
    before, again = key(stage, pin(profile), {}, {}), key(stage, pin(profile), {}, {})
    hub.commit = NEW
    assert before == again != key(stage, pin(profile), {}, {})
    assert NEW in msgspec.json.encode(pin(profile)).decode(), "the profile that a run logs records it"


@pytest.mark.parametrize("name", CASES)
def test_what_is_pinned_is_not_asked_for_again(name: str, hub: Hub) -> None:
    _, pin, profile = CASES[name]
    once = pin(profile)
    hub.answers = False
    assert len(hub.questions) == 1
    assert pin(once) == once
    with pytest.raises(EnvironmentFault, match="pin a full commit"):
        pin(profile)


def test_a_branch_or_tag_becomes_the_commit_that_it_stands_for(hub: Hub) -> None:
    sources = {"humaneval": "hub@v1", "mbpp": f"hub@{PINNED}", "ours": "/data/ours.jsonl"}
    benchmarks = with_bank_commits(profile_with("bank", benchmarks=sources)).bank.benchmarks
    assert benchmarks == sources | {"humaneval": f"hub@{OLD}"}
    assert hub.questions == [("openai/openai_humaneval", "v1")]


def test_local_pools_and_files_are_left_alone(hub: Hub, tmp_path: Path) -> None:
    here = dataset_source(str(tmp_path))
    anchors = {"a": anchor_pool("corpus"), "b": anchor_pool("file:/x.jsonl"), "c": anchor_pool("bank:python-train")}
    for pin, profile in (
        (with_pool_commits, profile_with("pairs", anchors=anchors)),
        (with_dataset_commits, profile_with("harvest", datasets=(here,))),
        (with_bank_commits, profile_with("bank", benchmarks={"humaneval-x-rust": "hub", "mine": "hub"})),
    ):
        assert pin(profile) == profile
    assert not hub.questions


def test_an_empty_revision_is_the_users_error() -> None:
    with pytest.raises(InputError, match="ends with '@'"):
        with_pool_commits(profile_with("pairs", anchors={"code": anchor_pool("hub:o/n@")}))
