"""Tables of the package hold every module of their folder, and a profile can name what they hold.

Whoever adds a method, an engine, a kind of suite, a task, a source or a step writes its file first: these tests say
which line is still missing, and where.
"""

import importlib
import pkgutil
from collections.abc import Collection, Iterable, Mapping
from types import ModuleType
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from rustml.corpus.harvest import SOURCES
from rustml.evaluation.kinds import KINDS
from rustml.evaluation.metrics import METRICS
from rustml.generation.engines import ENGINES
from rustml.profile.evaluation import EvaluationSection, SuiteSection
from rustml.profile.layers import DEFAULTS, read
from rustml.profile.method import TrainerSection
from rustml.profile.schema import alternatives
from rustml.profile.serve import ServeSection
from rustml.release.ladder import STEPS
from rustml.serving.engines import ENGINES as SERVING
from rustml.tasks import TASKS
from rustml.training.methods import METHODS

FOLDERS: list[tuple[str, set[str], Collection[object], str]] = [
    ("rustml.training.methods", {"base"}, METHODS.values(), "METHODS in rustml/training/methods/__init__.py"),
    ("rustml.generation.engines", set(), ENGINES.values(), "ENGINES in rustml/generation/engines/__init__.py"),
    ("rustml.serving.engines", {"engine"}, SERVING.values(), "ENGINES in rustml/serving/engines/__init__.py"),
    ("rustml.evaluation.kinds", {"kind"}, KINDS.values(), "KINDS in rustml/evaluation/kinds/__init__.py"),
    (
        "rustml.tasks",
        {"commit_task", "document", "edit_task", "function", "task", "text_similarity"},
        TASKS.values(),
        "TASKS in rustml/tasks/__init__.py",
    ),
]


def module_of(row: object) -> str:
    return row.__module__ if isinstance(row, type) else type(row).__module__


def modules(package: ModuleType) -> list[str]:
    return [f"{package.__name__}.{module.name}" for module in pkgutil.iter_modules(package.__path__)]


def missing(names: Iterable[str], known: Collection[str]) -> list[str]:
    return [name for name in names if name not in known]


def choices(section: type, key: str) -> set[str]:
    """The values of a key that is a `Literal`, perhaps behind a name of its own."""
    hint = get_type_hints(section)[key]
    assert get_origin(hint) is Literal
    return set(get_args(hint))


@pytest.mark.parametrize(("folder", "shared", "rows", "table"), FOLDERS, ids=[folder for folder, *_ in FOLDERS])
def test_every_module_of_the_folder_has_a_row(
    folder: str, shared: set[str], rows: Collection[object], table: str
) -> None:
    package = importlib.import_module(folder)
    named = {name for name in modules(package) if name.rpartition(".")[2] not in shared}
    assert not missing(sorted(named), {module_of(row) for row in rows}), f"add a row to {table}"


def test_every_source_of_files_has_a_row() -> None:
    package = importlib.import_module("rustml.corpus.sources")
    imported = [importlib.import_module(name) for name in modules(package)]
    sources = [module.__name__ for module in imported if {"check", "contents", "plan"} <= vars(module).keys()]
    rows = {row.__name__ for row in SOURCES if isinstance(row, ModuleType)}
    assert not missing(sources, rows), "add the module to SOURCES in rustml/corpus/harvest.py"


def test_a_profile_can_name_every_method() -> None:
    sections = set(alternatives(get_type_hints(TrainerSection, include_extras=True)["method"]))
    assert sections == METHODS.keys(), "give each row of METHODS its section in rustml/profile/method.py"


@pytest.mark.parametrize(
    ("section", "key", "table", "file"),
    [
        (EvaluationSection, "engine", ENGINES, "evaluation.py"),
        (ServeSection, "engine", SERVING, "serve.py"),
        (SuiteSection, "group", KINDS, "evaluation.py"),
    ],
    ids=["evaluation.engine", "serve.engine", "group"],
)
def test_a_profile_can_name_every_row(section: type, key: str, table: Mapping[str, object], file: str) -> None:
    assert choices(section, key) == table.keys(), f"name it in the type of `{key}` in rustml/profile/{file}"


def test_every_task_has_a_weight() -> None:
    assert read(DEFAULTS)["pairs"]["tasks"].keys() == TASKS.keys(), "pairs.tasks in profiles/defaults.yaml"


def test_every_metric_is_measured_by_a_kind_of_suite() -> None:
    measured = {metric for kind in KINDS.values() for metric in kind.metrics}
    assert measured == METRICS.keys(), "name it in the kinds that measure it: rustml/evaluation/kinds/"


def test_every_step_has_thresholds_and_a_stage_that_makes_its_versions() -> None:
    assert not missing((step.gated_like or step.name for step in STEPS), read(DEFAULTS)["gates"]), (
        "gates in profiles/defaults.yaml"
    )
    stages = importlib.import_module("rustml.stages")
    made_by = [f"rustml.stages.{step.made_by}" for step in STEPS if step.made_by]
    assert not missing(made_by, modules(stages)), "write the stage that the row of rustml/release/ladder.py names"
