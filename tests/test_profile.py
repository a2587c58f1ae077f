"""Profiles: complete, typed, and refused with file and key, before anything starts."""

import copy
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rustml.errors import ProfileError
from rustml.profile import load
from rustml.profile.load import FOLDER, dump

TINY: dict[str, Any] = yaml.safe_load((FOLDER / "tiny.yaml").read_text())
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


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_profile_that_ships_loads_and_comes_back_from_what_a_run_logs(path: Path, tmp_path: Path) -> None:
    profile = load(path.stem)
    assert profile.name == path.stem
    assert load(write(tmp_path, dump(profile), path.stem)) == profile


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sft: {stepz: 5}", "unknown key 'sft.stepz'; did you mean 'sft.steps'?"),
        ("sftt: {}", "unknown key 'sftt'; did you mean 'sft'?"),
        ("grpo: {zzzz: 5}", "unknown key 'grpo.zzzz'; known here: reward, "),
        ("sft: {optimizer: {muon_learning_rte: 0.1}}", "did you mean 'sft.optimizer.muon_learning_rate'?"),
        ("base: {architecture: {hiden: 3}}", "hiden"),
        ("gates: {sft: {confidance: 0.9}}", "did you mean 'gates.sft.confidence'?"),
        ("evaluation: {suites: {rust: {sample: 3}}}", "sample"),
        ("1: x", "unknown key '1'"),
        ("sft: {steps: many}", "$.sft.steps"),
        ("sft: {steps: 2.5}", "$.sft.steps"),
        ("sft: {steps: true}", "$.sft.steps"),
        ("sft: {steps: 0}", "$.sft.steps"),
        ("sft: {sources: {python: {share: 1.0}}}", "$.sft.sources"),
        ("grpo: {passes: 3}", "passes (3) must divide prompts_per_step * generations (128)"),
        ("sft: [1, 2]", "$.sft"),
        ("sft:", "$.sft"),
        ("seed: 1e3", "$.seed"),
        ("grpo: {learning_rate: 1e-3}", "$.grpo.learning_rate"),  # YAML 1.1 reads this as a text
        ("grpo: {reward: random}", "$.grpo.reward"),
        ("serve: {port: 70000}", "$.serve.port"),
        ("quantize: {scheme: fp4}", "$.quantize.scheme"),
        ("gates: {sft: {fall_margin: .nan}}", "line 2"),
        ("grpo: {temperature: .inf}", "line 2"),
        ("sft: {steps: 3}\nsft: {steps: 4}", "key 'sft' twice"),
        ("sft: {steps: 3, steps: 4}", "key 'steps' twice"),
        ("base: {architecture: null}", "architecture"),
        ("base: {steps: 0, python_pairs: 0}", "python_pairs, steps"),
        ("evaluation: {lifecycle: [rust, pyhton]}", "`lifecycle` names pyhton; there are the suites rust"),
    ],
)
def test_a_wrong_value_is_refused_by_file_and_key(text: str, says: str, tmp_path: Path) -> None:
    assert says in refused(tmp_path, text)


@pytest.mark.parametrize("section", sorted(TINY))
def test_a_missing_key_is_named(section: str, tmp_path: Path) -> None:
    tree = {key: value for key, value in TINY.items() if key != section}
    with pytest.raises(ProfileError, match=f"mine.yaml: .*`{section}`"):
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
def test_what_is_no_profile_is_refused(text: str, says: str, tmp_path: Path) -> None:
    path = write(tmp_path, text + "\n")
    with pytest.raises(ProfileError, match=r"mine\.yaml") as error:
        load(path)
    assert says in str(error.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00seed")
    with pytest.raises(ProfileError, match=r"mine\.yaml"):
        load(str(path))


def test_a_folder_is_no_profile(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").mkdir()
    with pytest.raises(ProfileError, match=r"mine\.yaml"):
        load(str(tmp_path / "mine.yaml"))


def test_an_unknown_profile_is_refused_with_those_there_are() -> None:
    with pytest.raises(ProfileError, match=r"no profile .*tinny\.yaml; known profiles: .*tiny"):
        load("tinny")


def test_a_parent_is_looked_for_beside_and_then_among_the_shipped(tmp_path: Path) -> None:
    write(tmp_path, "extends: tiny\nseed: 3\nsft: {steps: 7}", "parent")
    child = load(write(tmp_path, "extends: parent\nsft: {batch_size: 2}", "child"))
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


def test_overrides_replace_scalars_and_are_checked() -> None:
    assert load("tiny", seed=5).seed == 5
    assert load("tiny", seed=None).seed == TINY["seed"]
    with pytest.raises(ProfileError, match="seeed"):
        load("tiny", seeed=5)
    with pytest.raises(ProfileError, match=r"\$\.seed"):
        load("tiny", seed="five")


def test_a_yaml_merge_may_replace_what_it_merges(tmp_path: Path) -> None:
    """The refusal of keys given twice leaves `<<` alone."""
    text = "extends: tiny\ngates:\n  sft: &gate {seed: 1, resamples: 2000}\n  grpo: {<<: *gate, seed: 2}\n"
    gates = load(write(tmp_path, text)).gates
    assert (gates.sft.seed, gates.sft.resamples) == (1, 2000)
    assert (gates.grpo.seed, gates.grpo.resamples) == (2, 2000)


def _mappings(tree: Any, at: Path_ = ()) -> Iterator[Path_]:
    """Paths of all mappings of a tree, those inside lists too."""
    if isinstance(tree, dict):
        yield at
        for key, value in tree.items():
            yield from _mappings(value, (*at, key))
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from _mappings(value, (*at, number))


# The only mappings whose keys a profile may choose itself.
FREE = {("bank", "benchmarks"), ("pairs", "tasks"), ("pairs", "anchors"), ("evaluation", "suites")}
CLOSED = sorted(set(_mappings(TINY)) - FREE, key=str)
KEYS = st.text(min_size=1, max_size=20)
VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)


@given(st.sampled_from(CLOSED), KEYS, VALUES)
def test_a_key_inserted_anywhere_is_refused(place: Path_, key: str, value: Any) -> None:
    tree = copy.deepcopy(TINY)
    node: Any = tree
    for step in place:
        node = node[step]
    if key in node or key in ("name", "extends"):
        return
    node[key] = value
    _refused_tree(tree)


@given(st.sampled_from(sorted(FREE)), KEYS, st.none() | st.text(max_size=5) | st.lists(st.integers(), max_size=2))
def test_even_where_keys_are_free_their_values_are_not(place: Path_, key: str, value: Any) -> None:
    tree = copy.deepcopy(TINY)
    tree[str(place[0])][place[1]][key] = value
    if place == ("bank", "benchmarks") and isinstance(value, str):
        return
    _refused_tree(tree)


@given(st.sampled_from([place for place in CLOSED if place]))
def test_a_section_that_is_no_mapping_is_refused(place: Path_) -> None:
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
    for path in FOLDER.glob("*.yaml"):
        for value in _numbers(yaml.safe_load(dump(load(path.stem)))):
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
