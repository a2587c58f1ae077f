"""What a stage's key says of the world outside profile and code: contents, not paths; versions where they decide."""

import ast
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace as changed
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from rustml import stages
from rustml.errors import InputError
from rustml.judge.rust import toolchain
from rustml.profile import Profile, load
from rustml.profile.base import BaseSection, GgufBase, PathBase
from rustml.profile.harvest import RepositorySource
from rustml.profile.method import FullSection, LoraSection, QloraSection
from rustml.profile.optimizer import AdamW8bitSection
from rustml.runs import code, environment
from rustml.runs.stage import key
from rustml.stages import (
    bank,
    base,
    bench_serving,
    curate,
    edits,
    evaluate,
    expert_iteration,
    grpo,
    harvest,
    lifecycle,
    mine,
    pairs,
    quantize,
    samples,
    serve,
    sft,
    teach,
)
from rustml.stages.training_environment import training_environment
from tests.support.sections import anchor_pool, dataset_source

TINY = load("tiny")
TRAINED = {"sft", "grpo", "expert_iteration"}
STAGES = (harvest, bank, curate, pairs, base, sft, grpo, expert_iteration, quantize, evaluate, serve)
Case = tuple[ModuleType, Callable[[Path], Profile]]


def profile_with(section: str, **values: Any) -> Profile:
    changes: dict[str, Any] = {section: msgspec.structs.replace(getattr(TINY, section), **values)}
    return msgspec.structs.replace(TINY, **changes)


def based_on(section: BaseSection) -> Profile:
    return msgspec.structs.replace(TINY, base=section)


def key_of(module: ModuleType, profile: Profile = TINY) -> str:
    return key(module.STAGE, profile, {}, {})


def repository(path: Path) -> RepositorySource:
    return RepositorySource(path=str(path), licence="MIT", ignore=(), half_life_days=100.0)


# Each makes a profile whose stage reads `thing`, a file or a folder that the test makes.
FILES: dict[str, Case] = {
    "harvest.crates_file": (harvest, lambda thing: profile_with("harvest", crates_file=str(thing / "rows.jsonl"))),
    "harvest.datasets": (harvest, lambda thing: profile_with("harvest", datasets=(dataset_source(str(thing)),))),
    "harvest.directory": (harvest, lambda thing: profile_with("harvest", directory=str(thing))),
    "bank.benchmarks": (bank, lambda thing: profile_with("bank", benchmarks={"mine.1": str(thing / "rows.jsonl")})),
    "pairs.anchors": (
        pairs,
        lambda thing: profile_with("pairs", anchors={"code": anchor_pool(f"file:{thing / 'rows.jsonl'}")}),
    ),
    "base.folder": (base, lambda thing: based_on(PathBase(folder=str(thing)))),
    "base.file": (base, lambda thing: based_on(GgufBase(file=str(thing / "model.gguf")))),
    "evaluation.dependencies": (evaluate, lambda thing: profile_with("evaluation", dependencies=str(thing))),
}
PATH_IS_IN_THE_OUTPUT = {"harvest.datasets", "harvest.directory", "pairs.anchors"}


@pytest.fixture
def thing(tmp_path: Path) -> Path:
    """A folder that can stand for every kind of source: rows, a checkpoint, and one crate without file checksums."""
    folder = tmp_path / "thing"
    (folder / "good-1.0.0" / "src").mkdir(parents=True)
    (folder / "good-1.0.0" / ".cargo-checksum.json").write_text('{"package": "ab", "files": {}}')
    (folder / "good-1.0.0" / "src" / "lib.rs").write_text("fn one() {}")
    (folder / "rows.jsonl").write_text("{}\n")
    (folder / "config.json").write_text("{}")
    (folder / "model.gguf").write_bytes(b"GGUF")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


EDITED = {"base.folder": "model.safetensors", "base.file": "model.gguf", "harvest.directory": "good-1.0.0/src/lib.rs"}
EDITED["evaluation.dependencies"] = EDITED["harvest.directory"]


@pytest.mark.parametrize("name", FILES)
def test_an_edited_file_changes_the_key(name: str, thing: Path) -> None:
    module, profile_of = FILES[name]
    before = key_of(module, profile_of(thing))
    assert key_of(module, profile_of(thing)) == before
    (thing / EDITED.get(name, "rows.jsonl")).write_text("other")
    assert key_of(module, profile_of(thing)) != before


@pytest.mark.parametrize("name", sorted(set(FILES) - PATH_IS_IN_THE_OUTPUT))
def test_the_same_contents_elsewhere_have_the_same_key(name: str, thing: Path) -> None:
    module, profile_of = FILES[name]
    copy = thing.with_name("copy")
    shutil.copytree(thing, copy)
    assert key_of(module, profile_of(copy)) == key_of(module, profile_of(thing))


@pytest.mark.parametrize("name", sorted(PATH_IS_IN_THE_OUTPUT))
def test_a_path_that_the_records_hold_is_in_the_key(name: str, thing: Path) -> None:
    module, profile_of = FILES[name]
    copy = thing.with_name("copy")
    shutil.copytree(thing, copy)
    assert key_of(module, profile_of(copy)) != key_of(module, profile_of(thing))


def test_stages_that_train_or_measure_say_so_of_the_data_that_they_read() -> None:
    purposes = {stage.STAGE.name: stage.STAGE.reads_for for stage in STAGES}
    assert {name for name, purpose in purposes.items() if purpose == "training"} == {
        "base",
        "sft",
        "grpo",
        "expert_iteration",
    }
    assert {name for name, purpose in purposes.items() if purpose == "evaluation"} == {"evaluate"}


CHECKED_ONLY = {"sft": {"launch", "pairs"}, "expert_iteration": {"launch", "pairs"}}
"""What a stage reads to refuse a profile, or what moves no more than rounding."""
IN_THE_ENVIRONMENT = {"grpo": {"launch"}}
"""What is in the key by what it comes to on this machine."""
MOVES_NO_RESULT = {"engine", "registered_model", "seed", "name"}
"""`engine` says on how many machines; a seed is in every key."""
HANDED_OVER = {"edits": {"harvest"}, "mine": {"curate", "pairs"}}
"""Sections that a stage hands to functions which read the parts that are in its key."""
REWRITES = {"rustml.stages.hub_commits", "rustml.stages.computing"}
"""Modules that put something else in the place of a value of the profile before the key is made."""
KEYED = (*STAGES, bench_serving, edits, mine, samples, teach)


@cache
def profile_parts(module: str) -> frozenset[str]:
    """The sections, or parts of them, that a module reads of a profile: of `profile.grpo.dev.every`, `grpo.dev`."""
    file = code.ROOT.joinpath(*module.split(".")).with_suffix(".py")
    tree = ast.parse(file.read_text(encoding="utf-8")) if file.is_file() else ast.Module([], [])
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    whole = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and id(node) not in inner]
    words = [ast.unparse(node).removeprefix("self._").split(".") for node in whole]
    fields = TINY.__struct_fields__
    return frozenset(".".join(names[1:3]) for names in words if names[0] == "profile" and set(names[1:2]) & {*fields})


def test_every_stage_is_asked_for_its_key() -> None:
    files = Path(str(stages.__file__)).parent.glob("*.py")
    made = {path.stem for path in files if "\nSTAGE = Stage(" in path.read_text(encoding="utf-8")}
    assert made == {module.__name__.rpartition(".")[2] for module in KEYED}


@pytest.mark.parametrize("module", KEYED, ids=lambda module: module.STAGE.name)
def test_the_key_holds_every_part_of_the_profile_that_its_code_reads(module: ModuleType) -> None:
    reads = {part for name in code.reached(module.__name__) - REWRITES for part in profile_parts(name)}
    tables, name = (CHECKED_ONLY, IN_THE_ENVIRONMENT, HANDED_OVER), module.STAGE.name
    known = MOVES_NO_RESULT.union(module.STAGE.sections, *(table.get(name, set()) for table in tables))
    assert reads, "a stage that reads nothing of the profile would not be configurable"
    assert not {part for part in reads if not {part, part.split(".")[0]} & known}


def test_the_number_of_processes_is_in_the_key_where_each_draws_answers() -> None:
    shared = profile_with("launch", processes=2)
    assert key_of(grpo, shared) != key_of(grpo)
    assert key_of(grpo, profile_with("launch", processes=1, nodes=2, address="h:1")) == key_of(grpo, shared)
    assert key_of(sft, shared) == key_of(sft)


def test_only_the_part_of_a_section_that_a_stage_reads_is_in_its_key() -> None:
    before = key_of(evaluate)
    assert key_of(evaluate, profile_with("pairs", raw_pieces=TINY.pairs.raw_pieces + 1)) == before
    shorter = msgspec.structs.replace(TINY.pairs.decontamination, shingle_tokens=2)
    assert key_of(evaluate, profile_with("pairs", decontamination=shorter)) != before


def test_a_changed_checksum_of_a_vendored_crate_changes_the_key(thing: Path) -> None:
    checksum = thing / "good-1.0.0" / ".cargo-checksum.json"
    checksum.write_text('{"package": "ab", "files": {"src/lib.rs": "01"}}')
    before = key_of(harvest, profile_with("harvest", directory=str(thing)))
    checksum.write_text('{"package": "ab", "files": {"src/lib.rs": "02"}}')
    assert key_of(harvest, profile_with("harvest", directory=str(thing))) != before


def test_a_commit_to_a_repository_changes_the_key_and_an_uncommitted_edit_does_not(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True)

    profile = profile_with("harvest", repositories=(repository(tmp_path),))
    source = tmp_path / "lib.rs"
    source.write_text("fn one() {}")
    git("init", "-q")
    git("add", "lib.rs")
    git("commit", "-q", "-m", "one")
    before = key_of(harvest, profile)
    source.write_text("fn two() {}")
    assert key_of(harvest, profile) == before, "only what is committed is read"
    git("commit", "-q", "-a", "-m", "two")
    assert key_of(harvest, profile) != before


@pytest.mark.parametrize("name", ["harvest.crates_file", "bank.benchmarks", "pairs.anchors"])
def test_a_missing_file_is_named_before_anything_starts(name: str, tmp_path: Path) -> None:
    module, profile_of = FILES[name]
    with pytest.raises(InputError, match=rf"{name}.*rows\.jsonl"):
        key_of(module, profile_of(tmp_path))
    with pytest.raises(InputError, match=rf"{name}.*rows\.jsonl"):
        lifecycle.preflight(profile_of(tmp_path))


def test_an_anchor_pool_that_may_be_missing_is_no_fault(tmp_path: Path) -> None:
    anchors = {"code": anchor_pool(f"file:{tmp_path / 'none.jsonl'}")}
    assert key_of(pairs, profile_with("pairs", anchors=anchors, allow_missing_anchors=True))


def test_a_folder_that_is_not_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"base\.folder.*config\.json"):
        key_of(base, based_on(PathBase(folder=str(tmp_path))))


def test_a_lifecycle_asks_for_room_for_copies_of_a_local_base(thing: Path) -> None:
    weights = thing / "model.safetensors"
    weights.write_bytes(b"0" * 1000)
    copies = len(lifecycle.ladder_of(TINY).making) + 2
    before = lifecycle.disk_bytes(based_on(PathBase(folder=str(thing))))
    weights.write_bytes(b"0" * 3000)
    assert lifecycle.disk_bytes(based_on(PathBase(folder=str(thing)))) - before == 2000 * copies
    assert lifecycle.disk_bytes(TINY) == lifecycle.DISK_BYTES


def changed_stages(before: dict[ModuleType, str]) -> set[str]:
    return {module.STAGE.name for module, text in before.items() if key_of(module) != text}


def test_a_toolchain_update_reruns_all_that_judge_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {module: key_of(module) for module in STAGES}
    updated = changed(toolchain.find(), version="rustc 9.99.0")
    monkeypatch.setattr(toolchain, "find", lambda: updated)
    assert changed_stages(before) == {"bank", "grpo", "expert_iteration", "evaluate", "serve"}


@pytest.mark.parametrize(
    ("library", "stages"),
    [
        ("torch", {*TRAINED, "base", "quantize", "evaluate", "serve"}),
        ("transformers", {*TRAINED, "base", "quantize", "evaluate"}),
        ("trl", TRAINED),
        ("torchao", {"quantize"}),
        ("vllm", {"serve"}),
        ("tree-sitter-rust", {"pairs"}),
    ],
)
def test_a_new_version_of_a_library_reruns_what_it_decides(
    library: str, stages: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {module: key_of(module) for module in STAGES}
    version = environment._version
    monkeypatch.setattr(environment, "_version", lambda name: "99" if name == library else version(name))
    assert changed_stages(before) == stages


def test_an_evaluation_by_another_engine_depends_on_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    profile = profile_with("evaluation", engine="vllm")
    before = key_of(evaluate, profile)
    version = environment._version
    monkeypatch.setattr(environment, "_version", lambda name: "99" if name == "vllm" else version(name))
    assert key_of(evaluate, profile) != before


@pytest.mark.parametrize(
    ("settings", "libraries"),
    [
        ({"method": FullSection()}, set()),
        ({"method": LoraSection()}, {"peft"}),
        ({"method": QloraSection()}, {"peft", "bitsandbytes"}),
        ({"method": FullSection(), "optimizer": AdamW8bitSection(learning_rate=1e-4)}, {"bitsandbytes"}),
    ],
    ids=["full", "lora", "qlora", "8-bit"],
)
def test_a_training_depends_on_the_libraries_of_its_method_and_optimizer(
    settings: dict[str, Any], libraries: set[str]
) -> None:
    trained = training_environment(msgspec.structs.replace(TINY.sft, **settings))
    assert set(trained) == {"torch", "transformers", "trl", "device"} | libraries


def test_another_device_reruns_what_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {module: key_of(module) for module in STAGES}
    monkeypatch.setattr(environment, "device", lambda: "NVIDIA H100 80GB HBM3")
    assert changed_stages(before) == {*TRAINED, "base", "quantize", "evaluate", "serve"}


def test_a_fetched_base_depends_on_no_corpus_and_no_library(thing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = based_on(PathBase(folder=str(thing)))
    before = key_of(base, fetched)
    monkeypatch.setattr(environment, "_version", lambda _: "99")
    assert key_of(base, fetched) == before
    taken: dict[str, Any] = {}
    monkeypatch.setattr(base.tracking, "run_stage", lambda *_args, **options: taken.update(options))
    base.run(fetched, bank="b", pairs="p")
    assert taken["inputs"] == {}


@pytest.mark.parametrize("library", ["transformers", "gguf"])
def test_a_base_that_is_converted_depends_on_its_converter(
    library: str, thing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    converted = based_on(GgufBase(file=str(thing / "model.safetensors")))
    before = key_of(base, converted)
    version = environment._version
    monkeypatch.setattr(environment, "_version", lambda name: "99" if name == library else version(name))
    assert key_of(base, converted) != before


def test_a_base_from_scratch_needs_the_runs_that_it_is_trained_on() -> None:
    with pytest.raises(InputError, match="-P bank=RUN -P pairs=RUN"):
        base.run(TINY)
    with pytest.raises(InputError, match="give -P pairs=RUN"):
        base.run(TINY, bank="b")
