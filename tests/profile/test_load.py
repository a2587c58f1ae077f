"""Profiles: complete, typed, and refused with file and key, before anything starts."""

import copy
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rustml.errors import ProfileError
from rustml.profile import Profile, load
from rustml.profile.base import HubBase, ScratchBase
from rustml.profile.layers import DEFAULTS, FOLDER, PRESETS, from_files, read, shipped
from rustml.profile.load import dump
from rustml.profile.schema import KIND, children, section_of

TINY: dict[str, Any] = yaml.safe_load(dump(load("tiny")))
Path_ = tuple[str | int, ...]


def write(folder: Path, text: str, name: str = "mine") -> str:
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return str(path)


def refused(folder: Path, text: str) -> str:
    """The error of a profile that extends tiny; it names the file."""
    path = write(folder, f"extends: tiny\n{text}")
    with pytest.raises(ProfileError) as error:
        load(path)
    assert "mine.yaml" in str(error.value)
    assert error.value.exit_code == 2
    return str(error.value)


@pytest.mark.parametrize("name", shipped())
def test_every_profile_that_ships_loads_and_comes_back_from_what_a_run_logs(name: str, tmp_path: Path) -> None:
    profile = load(name)
    assert profile.name == name
    assert load(write(tmp_path, dump(profile), "logged")) == profile


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_profile_states_nothing_that_it_inherits(name: str) -> None:
    own = read(FOLDER / f"{name}.yaml")
    parent = own.pop("extends", None)
    inherited = from_files(DEFAULTS if parent is None else FOLDER / f"{parent}.yaml")
    assert not list(_repeated(own, inherited))


def _repeated(own: dict[str, Any], inherited: dict[str, Any], at: str = "") -> Iterator[str]:
    """Dotted keys with the value that they have anyway; a mapping of another `kind` has to say all of its own."""
    if own.get(KIND, inherited.get(KIND)) != inherited.get(KIND):
        return
    for key, value in own.items():
        if isinstance(value, dict) and isinstance(inherited.get(key), dict):
            yield from _repeated(value, inherited[key], f"{at}{key}.")
        elif key in inherited and inherited[key] == value:
            yield f"{at}{key}"


PRESETS_THAT_SHIP = [(name, preset) for name in shipped() for preset in from_files(FOLDER / f"{name}.yaml")[PRESETS]]


@pytest.mark.parametrize(("name", "preset"), PRESETS_THAT_SHIP)
def test_every_preset_that_ships_gives_another_valid_profile(name: str, preset: str) -> None:
    profile = load(name, [f"preset={preset}"])
    assert profile.name == f"{name}+{preset}"
    changed = {key for key in Profile.__struct_fields__ if getattr(profile, key) != getattr(load(name), key)}
    assert changed <= {"name", *from_files(FOLDER / f"{name}.yaml")[PRESETS][preset]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sft: {stepz: 5}", "unknown key 'sft.stepz'; did you mean 'sft.steps'?"),
        ("sftt: {}", "unknown key 'sftt'; did you mean 'sft'?"),
        ("grpo: {zzzz: 5}", "unknown key 'grpo.zzzz'; known here: steps, epochs, "),
        ("sft: {optimizer: {adamw_learning_rte: 0.1}}", "did you mean 'sft.optimizer.adamw_learning_rate'?"),
        ("base: {architecture: {hiden: 3}}", "did you mean 'base.architecture.hidden'?"),
        ("gates: {sft: {confidance: 0.9}}", "did you mean 'gates.sft.confidence'?"),
        ("evaluation: {suites: {rust: {sample: 3}}}", "did you mean 'evaluation.suites.rust.samples'?"),
        (
            "harvest: {datasets: [{nam: x}]}",
            "unknown key 'harvest.datasets.0.nam'; did you mean 'harvest.datasets.0.name'?",
        ),
        ("harvest: {datasets: [{name: x}]}", "harvest.datasets.0: missing: `split`, `content_column`"),
        ("pairs: {tasks: {completion: -1.0}}", "pairs.tasks.completion: Expected"),
        ("evaluation: {suites: {rust: {top_p: 0}}}", "evaluation.suites.rust.top_p: Expected"),
        ("evaluation: {suites: {pyhton: null}}", "evaluation.suites.pyhton: Expected"),
        ("registered_model: null", "registered_model: Expected"),
        ("1: x", "unknown key '1'"),
        ("sft: {steps: many}", ": sft.steps"),
        ("sft: {steps: 2.5}", ": sft.steps"),
        ("sft: {steps: true}", ": sft.steps"),
        ("sft: {steps: 0}", ": sft.steps"),
        ("sft: {sources: {python: {share: 1.0}}}", ": sft.sources.python.share: Expected"),
        ("sft: {sources: {python: {knd: bank}}}", "did you mean 'sft.sources.python.kind'?"),
        ("sft: {sources: {new: {file: x}}}", "'sft.sources.new' must say its kind: one of bank, pairs"),
        ("sft: {sources: {new: {kind: bak, file: x}}}", "'bak' is not one of bank, pairs; did you mean 'bank'?"),
        ("sft: {sources: {new: {kind: bank}}}", "sft.sources.new: missing: `file`"),
        ("grpo: {passes: 3}", "passes (3) must divide prompts_per_step * generations (128)"),
        ("sft: [1, 2]", ": sft:"),
        ("sft:", ": sft:"),
        ("seed: 1e3", ": seed: "),
        ("grpo: {optimizer: {learning_rate: 1e-3x}}", "grpo.optimizer.learning_rate: Expected `float`, got `str`"),
        ("grpo: {clip_norm: 1e999}", "line 2"),
        ("grpo: {reward: random}", "grpo.reward: 'random' is not one of judge, shuffled"),
        ("serve: {port: 70000}", "serve.port: Expected"),
        ("quantize: {scheme: fp8_dynamc}", "did you mean 'fp8_dynamic'?"),
        ("gates: {sft: {fall_margin: .nan}}", "line 2"),
        ("grpo: {temperature: .inf}", "line 2"),
        ("sft: {steps: 3}\nsft: {steps: 4}", "key 'sft' twice"),
        ("sft: {steps: 3, steps: 4}", "key 'steps' twice"),
        ("base: {architecture: null}", "architecture"),
        ("extends: [tiny]", "key 'extends' twice"),
        ("base: {python_pairs: 0}", "base.python_pairs: Expected `int` >= 1"),
        ("base: {kind: hubb}", "base.kind: 'hubb' is not one of scratch, hub, path, gguf; did you mean 'hub'?"),
        ("base: {kind: hub, repository: a/b}", "base: missing: `revision`"),
        ("base: {kind: hub, repository: a/b, revision: main}", "base.revision: Expected"),
        ("base: {kind: hub, repository: a, revision: main}", "base.repository: Expected"),
        ("base: {kind: path, folder: x, steps: 3}", "unknown key 'base.steps'; known here: kind, folder"),
        ("base: {kind: path, foldr: x}", "did you mean 'base.folder'?"),
        ("base: {kind: gguf, file: model.bin}", "base.file: Expected"),
        ("base: {kind: 3}", "base.kind: '3' is not one of"),
        ("evaluation: {lifecycle: [rust, pyhton]}", "`lifecycle` names pyhton; there are the suites rust"),
        ("evaluation: {shown: [houldout]}", "`shown` names houldout; there are the suites rust"),
    ],
)
def test_a_wrong_value_is_refused_by_file_and_key(text: str, says: str, tmp_path: Path) -> None:
    assert says in refused(tmp_path, text)


def test_a_file_builds_on_the_defaults_without_a_word(tmp_path: Path) -> None:
    text = yaml.safe_dump({"registered_model": "mine", "base": TINY["base"], "sft": {"steps": 7}})
    profile = load(write(tmp_path, text))
    assert (profile.name, profile.registered_model, profile.sft.steps) == ("mine", "mine", 7)
    assert profile.judge == load("tiny").judge


def test_what_only_a_model_can_say_is_asked_for_at_once(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"mine\.yaml: missing: `registered_model`, `base`"):
        load(write(tmp_path, "seed: 3"))


def test_the_defaults_are_not_a_profile() -> None:
    with pytest.raises(ProfileError, match=r"known profiles: crates-reference, debian, .*tiny"):
        load("defaults")


@pytest.mark.parametrize("key", sorted(TINY.keys() - {"extends", "name"}))
def test_a_file_that_builds_on_nothing_must_say_everything(key: str, tmp_path: Path) -> None:
    tree = {name: value for name, value in TINY.items() if name != key}
    with pytest.raises(ProfileError, match=f"mine.yaml: missing: `{key}`"):
        load(write(tmp_path, yaml.safe_dump(tree)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1, 2]", "a mapping of sections, not list"),
        ("", "a mapping of sections, not NoneType"),
        ("just text", "a mapping of sections, not str"),
        ("a: [1", "line 2"),
        ("a: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("\tseed: 1", "line 1"),
    ],
)
def test_what_is_not_a_profile_is_refused(text: str, says: str, tmp_path: Path) -> None:
    path = write(tmp_path, text + "\n")
    with pytest.raises(ProfileError, match=r"mine\.yaml") as error:
        load(path)
    assert says in str(error.value)


def test_bytes_that_are_not_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00seed")
    with pytest.raises(ProfileError, match=r"mine\.yaml"):
        load(str(path))


def test_a_folder_is_not_a_profile(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").mkdir()
    with pytest.raises(ProfileError, match=r"mine\.yaml"):
        load(str(tmp_path / "mine.yaml"))


def test_an_unknown_profile_is_refused_with_those_there_are() -> None:
    with pytest.raises(ProfileError, match=r"no profile .*tinny\.yaml; known profiles: .*tiny"):
        load("tinny")


def test_a_parent_is_looked_for_beside_and_then_among_the_shipped(tmp_path: Path) -> None:
    write(tmp_path, "extends: tiny\nseed: 3\nsft: {steps: 7}", "parent")
    child = load(write(tmp_path, "extends: parent\nsft: {batch_size: 2, micro_batch: 2}", "child"))
    assert (child.name, child.seed, child.sft.steps, child.sft.batch_size) == ("child", 3, 7, 2)
    assert child.grpo == load("tiny").grpo


def test_a_list_replaces_a_list(tmp_path: Path) -> None:
    assert load(write(tmp_path, "extends: tiny\nharvest: {crates: [hex]}")).harvest.crates == ("hex",)


def test_a_missing_parent_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"nowhere\.yaml"):
        load(write(tmp_path, "extends: nowhere"))


@pytest.mark.parametrize("length", [1, 2, 4])
def test_a_circle_is_refused_and_shown(length: int, tmp_path: Path) -> None:
    for number in range(length):
        write(tmp_path, f"extends: p{(number + 1) % length}", f"p{number}")
    with pytest.raises(ProfileError, match=r"circle: p0 -> .*p0"):
        load(str(tmp_path / "p0.yaml"))


@pytest.mark.parametrize("suffix", ["", ".yaml"])
def test_a_parent_can_be_a_path_anywhere(suffix: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    parent = write(tmp_path / "elsewhere", "extends: tiny\nseed: 3", "parent").removesuffix(".yaml")
    assert load(write(tmp_path, f"extends: {parent}{suffix}")).seed == 3
    assert load(write(tmp_path, f"extends: elsewhere/parent{suffix}")).seed == 3


def test_a_list_of_crates_lies_beside_the_profile_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, elsewhere = tmp_path / "parent", tmp_path / "elsewhere"
    for folder in (parent, elsewhere):
        folder.mkdir()
    write(parent, "extends: tiny\nharvest: {crates_file: lists/ours.txt}\npresets: {b: {harvest.crates_file: b.txt}}")
    child = write(elsewhere, f"extends: {parent}/mine\nharvest: {{crates: []}}", "child")
    monkeypatch.chdir(elsewhere)
    for name in (child, "child.yaml", "../elsewhere/child.yaml"):
        assert Path(load(name).harvest.crates_file).resolve() == parent / "lists" / "ours.txt"
        assert Path(load(name).harvest.crates_file).is_absolute()
    assert Path(load(child, ["preset=b"]).harvest.crates_file) == parent / "b.txt"
    assert load(child, ["harvest.crates_file=typed.txt"]).harvest.crates_file == "typed.txt"


def test_the_reference_list_is_read_from_a_checkout_in_another_folder(tmp_path: Path) -> None:
    """The package imported from a copy, with the working folder elsewhere, resolves the copy's own list."""
    checkout = tmp_path / "checkout"
    for part in ("rustml", "profiles"):
        shutil.copytree(FOLDER.parent / part, checkout / part, ignore=shutil.ignore_patterns("__pycache__"))
    program = (
        "from rustml.profile import load\nfrom rustml.corpus.sources.crates import crate_list\n"
        "section = load('crates-reference').harvest\nprint(section.crates_file)\n"
        "print(*(request.name for request in crate_list(section)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    path, names = done.stdout.splitlines()
    assert path == str(checkout / "profiles" / "crates-reference.txt")
    assert len(names.split()) == 201
    assert names.split()[:3] == ["regex", "log", "libc"]


def test_a_file_may_have_the_name_of_the_shipped_profile_that_it_extends(tmp_path: Path) -> None:
    assert load(write(tmp_path, "extends: tiny\nseed: 3", "tiny")).seed == 3


@pytest.mark.parametrize("parent", ["[tiny]", "3", "{}"])
def test_a_parent_that_is_not_a_name_is_refused(parent: str, tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"mine\.yaml: extends: give the name or the path of one profile"):
        load(write(tmp_path, f"extends: {parent}"))


def test_a_section_of_another_kind_replaces_the_inherited_one_whole(tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    text = f"extends: tiny\nbase: {{kind: hub, repository: owner/model, revision: {commit}}}"
    profile = load(write(tmp_path, text))
    assert profile.base == HubBase(repository="owner/model", revision=commit)
    assert load(write(tmp_path, dump(profile), "logged")) == profile
    scratch = load("tiny").base
    assert isinstance(scratch, ScratchBase)
    assert load("tiny", ["base.kind=scratch", "base.steps=3"]).base == msgspec.structs.replace(scratch, steps=3)


def test_null_takes_an_inherited_entry_out_of_a_mapping_with_free_keys(tmp_path: Path) -> None:
    text = "extends: tiny\nevaluation: {suites: {holdout: null}, shown: []}\npairs: {tasks: {bug_detection: null}}"
    profile = load(write(tmp_path, text))
    assert list(profile.evaluation.suites) == ["rust", "rust_sampled", "python"]
    assert "bug_detection" not in profile.pairs.tasks
    assert load(write(tmp_path, dump(profile), "logged")) == profile


@pytest.mark.parametrize(
    ("text", "value"), [("1e-3", 0.001), ("1.5e3", 1500.0), (".5E+1", 5.0), ("2.", 2.0), ("3", 3.0)]
)
def test_a_number_with_an_exponent_is_a_number(text: str, value: float, tmp_path: Path) -> None:
    assert load(write(tmp_path, f"extends: tiny\ngrpo: {{clip_norm: {text}}}")).grpo.clip_norm == value


def test_a_yaml_merge_may_replace_what_it_merges(tmp_path: Path) -> None:
    """The refusal of keys given twice leaves `<<` alone."""
    text = "extends: tiny\ngates:\n  sft: &gate {seed: 1, resamples: 2000}\n  grpo: {<<: *gate, seed: 2}\n"
    gates = load(write(tmp_path, text)).gates
    assert (gates["sft"].seed, gates["sft"].resamples) == (1, 2000)
    assert (gates["grpo"].seed, gates["grpo"].resamples) == (2, 2000)


def _mappings(value: Any, hint: Any, at: Path_ = ()) -> Iterator[tuple[Path_, bool]]:
    """Paths of all mappings of a tree, those inside lists too, and whether a profile may choose their keys."""
    if isinstance(value, dict):
        yield at, section_of(hint, value) is None
    for key, inner, kind in children(value, hint):
        yield from _mappings(inner, kind, (*at, int(key) if isinstance(value, list) else key))


MAPPINGS = sorted(_mappings({key: value for key, value in TINY.items() if key != "extends"}, Profile), key=str)
FREE = [at for at, free in MAPPINGS if free and at[-1] != "extra"]  # a server's own fields are of any type
CLOSED = [at for at, free in MAPPINGS if not free]
KEYS = st.text(min_size=1, max_size=20)
VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)


@given(st.sampled_from(CLOSED), KEYS, VALUES)
def test_a_key_inserted_anywhere_is_refused(place: Path_, key: str, value: Any) -> None:
    tree = copy.deepcopy(TINY)
    node: Any = tree
    for step in place:
        node = node[step]
    if key in node or key == PRESETS:
        return
    node[key] = value
    _refused_tree(tree)


@given(st.sampled_from(FREE), KEYS, st.none() | st.text(max_size=5) | st.lists(st.integers(), max_size=2))
def test_even_where_keys_are_free_their_values_are_not(place: Path_, key: str, value: Any) -> None:
    tree = copy.deepcopy(TINY)
    node: Any = tree
    for step in place:
        node = node[step]
    node[key] = value
    if place == ("bank", "benchmarks") and isinstance(value, str):
        return
    _refused_tree(tree)


@given(st.sampled_from([place for place in CLOSED if place]))
def test_a_section_that_is_not_a_mapping_is_refused(place: Path_) -> None:
    tree = copy.deepcopy(TINY)
    node: Any = tree
    for step in place[:-1]:
        node = node[step]
    node[place[-1]] = 3.5
    _refused_tree(tree)


def _refused_tree(tree: dict[str, Any]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), yaml.safe_dump(tree, allow_unicode=True))
        with pytest.raises(ProfileError, match=r"mine\.yaml"):
            load(path)


def test_no_number_of_a_shipped_profile_is_without_a_bound_by_accident() -> None:
    """What a run logs can be read back as the same finite numbers."""
    for name in shipped():
        for value in _numbers(yaml.safe_load(dump(load(name)))):
            assert math.isfinite(value)


def _numbers(tree: Any) -> Iterator[float]:
    if isinstance(tree, dict):
        for value in tree.values():
            yield from _numbers(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _numbers(value)
    elif isinstance(tree, int | float):
        yield tree
