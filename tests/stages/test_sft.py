"""The body of the stage `sft`: what its profile names is what is trained on, and what is measured is logged."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from rustml.cache_layout import CacheLayout
from rustml.errors import InputError
from rustml.profile import Profile
from rustml.profile.sources import BankSource, PairsSource, ValidationSection
from rustml.records import Origin, Pair, write_jsonl
from rustml.runs.stage import Workspace
from rustml.stages.computing import resolved
from tests.support.library_warnings import LIBRARY_WARNINGS, quiet_imports
from tests.support.toy_models import checkpoint, moved, problem, profile

with quiet_imports():
    from rustml.stages import sft

pytestmark = LIBRARY_WARNINGS


@pytest.fixture
def chosen() -> Profile:
    toy = profile()
    sources = {
        "families": BankSource(file="rust-train", records=12, leave_last=8),
        "crates": PairsSource(file="train", tasks={"completion": 2.0, "raw": 1.0}),
        "python": BankSource(file="python-train", share=0.2),
    }
    validation = ValidationSection(every=2, records=10)
    return msgspec.structs.replace(toy, sft=msgspec.structs.replace(toy.sft, sources=sources, validation=validation))


def write_inputs(root: Path) -> dict[str, Path]:
    """Outputs of the stages `base`, `bank` and `pairs`."""
    inputs = {role: root / role for role in ("base", "bank", "pairs")}
    for folder in inputs.values():
        folder.mkdir()
    checkpoint(inputs["base"] / "model")
    for stem, count in (("rust-train", 20), ("rust-dev", 5), ("python-train", 20), ("python-dev", 5)):
        write_jsonl(inputs["bank"] / f"{stem}.jsonl", (problem(number) for number in range(count)))
    origin = Origin(kind="crate", name="c", licence="MIT")
    pairs = [
        Pair(id=f"{task}{n}", task=task, instruction="" if task == "raw" else f"{n}?", answer=f"{n}", origin=origin)
        for task in ("completion", "raw", "bug_detection", "anchor_code")
        for n in range(4)
    ]
    for part, records in (("train", pairs), ("validation", pairs[:4]), ("general_holdout", pairs[12:])):
        write_jsonl(inputs["pairs"] / f"{part}.jsonl", records)
    return inputs


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"context": 8}, r"sft\.sources\.families: none of its 12 records fits sft\.context \(8 tokens\)"),
        ({"samples": 1}, r"sft\.samples: 1 of 3 sources leave no row; raise it"),
    ],
)
def test_a_training_without_rows_is_refused_before_weights_are_read(
    chosen: Profile, changes: dict[str, int], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rustml.models import checkpoint as checkpoints

    monkeypatch.setattr(checkpoints, "load_model", lambda *_, **__: pytest.fail("weights were read"))
    inputs = write_inputs(tmp_path)
    (tmp_path / "scratch").mkdir()
    space = Workspace(tmp_path, tmp_path, inputs, tmp_path / "scratch", CacheLayout(tmp_path), lambda *_: None)
    few = msgspec.structs.replace(chosen, sft=msgspec.structs.replace(chosen.sft, **changes))
    with pytest.raises(InputError, match=message):
        sft._train(resolved(few), inputs["base"] / "model", "runs:/base", space)


def test_the_sources_of_the_profile_are_trained_on_and_held_out_records_measured(
    chosen: Profile, tmp_path: Path
) -> None:
    curves: dict[str, list[int]] = {}

    def log(step: int, metrics: Mapping[str, float]) -> None:
        for name in metrics:
            curves.setdefault(name, []).append(step)

    inputs = write_inputs(tmp_path)
    out, scratch, report = (tmp_path / name for name in ("out", "scratch", "report"))
    scratch.mkdir()
    space = Workspace(out, report, inputs, scratch, CacheLayout(tmp_path), log)
    outcome = sft._train(resolved(chosen), inputs["base"] / "model", "runs:/base", space)
    rows = {name: outcome.metrics[f"sft.rows.{name}"] for name in chosen.sft.sources}
    assert rows == {"families": 12, "crates": 12, "python": 6}, "two copies of each completion, and raw text"
    assert outcome.metrics["sft.share.python"] == pytest.approx(0.2)
    assert curves["sft.validation.loss"] == [0, 2, 3]
    assert curves["sft.general.token_accuracy"] == [0, 2, 3]
    assert {"sft.validation.families.loss", "sft.validation.crates.loss"} <= curves.keys()
    assert {row["part"] for row in outcome.tables["memory.json"]} >= {"weights", "activations", "peak"}
    assert {row["part"] for row in outcome.tables["hardware.json"]} >= {"processor", "memory", "disk"}
    assert curves["sft.hours.estimated"] == [0]
    assert "sft.cost.estimated" not in curves, "no price is assumed"
    assert moved(inputs["base"] / "model", out / "model")


def test_a_task_that_does_not_exist_is_named_before_the_stage_starts(chosen: Profile) -> None:
    sources = {"crates": PairsSource(file="train", tasks={"poetry": 1.0})}
    odd = msgspec.structs.replace(chosen, sft=msgspec.structs.replace(chosen.sft, sources=sources))
    with pytest.raises(InputError, match=r"sft\.sources\.crates\.tasks: no task poetry"):
        sft.run(odd, base="run", bank="run", pairs="run")
