"""The ladder that a profile names is the one that is walked: steps left out, a second phase, a refusal."""

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from mlflow.entities import Run

from rustml.errors import EvidenceError, GateRefused, InputError
from rustml.profile import Profile, load
from rustml.release import ladder, versions
from rustml.release.find_evidence import required_version, step_to_make
from rustml.release.registry import Registry, open_registry
from rustml.runs import tracking
from rustml.runs.stage import Outcome, Stage
from rustml.stages import evaluate, expert_iteration, leaderboard, lifecycle, promote, quantize, sft
from tests.support.fake_stages import FakeStages
from tests.support.stores import tracking_store

PHASE = (
    "ladder=[sft, sft2, champion]",
    "phases={sft2: {step: sft, changes: {sft.batch_size: 7, sft.context: 99}}}",
)


def tiny(*changes: str) -> Profile:
    """The tiny profile, which measures nothing that is only shown."""
    return load("tiny", ["evaluation.shown=[]", *changes])


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: bytes) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    with tracking_store(tmp_path, empty_database):
        yield


@pytest.fixture
def stages(store: None, monkeypatch: pytest.MonkeyPatch) -> FakeStages:  # noqa: ARG001
    return FakeStages(monkeypatch, lambda model: (20 + 40 * model, 250))


def registry() -> Registry:
    return open_registry(tiny().registered_model)


def lifecycle_run() -> Run:
    """The newest."""
    query, order = "tags.`rustml.stage` = 'lifecycle'", ["attributes.start_time DESC"]
    newest: Run = tracking.client().search_runs([tracking.experiment()], query, order_by=order)[0]
    return newest


def build_report() -> list[dict[str, Any]]:
    """The steps of the newest lifecycle, as its build report has them."""
    folder = Path(tracking.client().download_artifacts(lifecycle_run().info.run_id, "report"))
    assert (folder / "lifecycle.html").read_text().count("<tr class=") == len(
        json.loads((folder / "steps.json").read_text())
    )
    return list(json.loads((folder / "steps.json").read_text()))


def test_the_build_report_tells_what_failed_and_then_what_was_done(stages: FakeStages) -> None:
    profile = tiny("ladder=[sft, champion]")
    stages.breaks["curate"] = OSError(28, "No space left on device")
    with pytest.raises(OSError, match="No space"):
        lifecycle.run(profile)
    assert [(step["label"], step["outcome"]) for step in build_report()] == [
        ("harvest", "done"),
        ("bank", "done"),
        ("curate tiny", "failed"),
    ]
    assert "No space left on device" in build_report()[-1]["reason"]
    stages.breaks["sft"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        lifecycle.run(profile)
    assert [step["outcome"] for step in build_report()] == [
        "reused",
        "reused",
        "done",
        "done",
        "done",
        "done",
        "killed",
    ]
    steps = {step["label"]: step for step in build_report()}
    assert [attempt["status"] for attempt in steps["curate"]["earlier"]] == ["failed"]
    assert steps["evaluate base"]["inputs"].keys() == {"bank", "pairs"}
    assert steps["evaluate base"]["numbers"]["rust.pass_rate"] == pytest.approx(0.1)


def test_what_is_only_shown_is_measured_at_the_end_of_the_first_version_and_the_last(stages: FakeStages) -> None:
    lifecycle.run(load("tiny"))
    steps = build_report()
    assert [step["label"] for step in steps][-3:] == ["serve", "evaluate sft, for no gate", "evaluate fp8, for no gate"]
    runs = [tracking.client().get_run(step["run"]).data.tags for step in steps[-2:]]
    assert [tags["rustml.param.suites"] for tags in runs] == ["holdout", "holdout"]
    judged = [tags["rustml.judged"] for tags in tracking.tagged({"rustml.to": "fp8"})]
    assert steps[-1]["run"] not in judged, "a gate is decided on the evaluation of its own suites"
    document = json.loads(
        (
            Path(tracking.client().download_artifacts(lifecycle_run().info.run_id, "report")) / "lifecycle.json"
        ).read_text()
    )
    assert [bool(model["shown"]) for model in document] == [False, True, False, True]
    assert stages.names().count("evaluate") == 6


def test_a_failure_in_what_is_only_shown_is_a_warning_and_the_lifecycle_ends_well(
    stages: FakeStages, capsys: pytest.CaptureFixture[str]
) -> None:
    stages.breaks["evaluate holdout"] = InputError("holdout.jsonl holds no pairs for suite holdout")
    lifecycle.run(load("tiny", ["ladder=[sft, champion]"]))
    assert registry().aliases() == {"champion": "1", "sft": "1"}
    assert "WARNING: holdout not measured, which no gate needs: holdout.jsonl holds no pairs" in capsys.readouterr().out
    assert lifecycle_run().info.status == "FINISHED"
    (last,) = [step for step in build_report() if step["outcome"] == "left out"]
    assert last["label"] == "evaluate sft, for no gate"
    assert "no pairs for suite holdout" in last["reason"]


def test_a_ladder_without_grpo_quantises_the_sft_version_and_serves_it(stages: FakeStages) -> None:
    lifecycle.run(tiny("ladder=[sft, fp8, champion]"))
    assert "grpo" not in stages.names()
    assert registry().aliases() == {"champion": "2", "fp8": "2", "sft": "1"}
    assert registry().version("2").parent == "1"
    assert stages.names()[-1] == "serve"


def test_a_ladder_without_quantisation_makes_the_sft_version_champion(stages: FakeStages) -> None:
    lifecycle.run(tiny("ladder=[sft, champion]"))
    assert registry().aliases() == {"champion": "1", "sft": "1"}
    assert stages.names().count("evaluate") == 2


def test_a_second_phase_continues_the_first_with_its_own_settings_and_is_compared_with_it(stages: FakeStages) -> None:
    profile = tiny(*PHASE)
    lifecycle.run(profile)
    first, second = stages.profiles("sft")
    assert (first.sft.batch_size, second.sft.batch_size) == (profile.sft.batch_size, 7)
    assert (first.sft.context, second.sft.context) == (profile.sft.context, 99)
    version = registry().version("2")
    assert version.parent == "1"
    assert (version.tags["gate.sft2"], version.tags["gate.sft2.baseline_version"]) == ("passed", "1")
    assert version.tags["gate.champion.baseline_version"] == "", "the champion is compared with the base model"
    assert registry().aliases() == {"champion": "2", "sft": "1", "sft2": "2"}
    inputs = [inputs for name, _, inputs in stages.ran if name == "sft"]
    assert ["base" in each for each in inputs] == [True, False]


def test_a_ladder_that_was_walked_is_found_again(stages: FakeStages) -> None:
    profile = tiny(*PHASE)
    lifecycle.run(profile)
    before = len(stages.ran)
    lifecycle.run(profile)
    assert len(stages.ran) == before
    assert registry().aliases() == {"champion": "2", "sft": "1", "sft2": "2"}


def test_a_champion_whose_server_answers_badly_is_refused_with_the_reason(stages: FakeStages) -> None:
    """The evaluations open the gate; the answers over the API do not."""
    stages.smoke_passed = 0
    with pytest.raises(EvidenceError, match="0 answers passed"):
        lifecycle.run(tiny(*PHASE))
    assert registry().aliases() == {"sft": "1", "sft2": "2"}


def test_a_gate_that_refuses_ends_the_walk_and_the_report_says_why(
    store: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stages = FakeStages(monkeypatch, lambda model: (20 + 40 * min(model, 1), 250))
    with pytest.raises(GateRefused, match="version 2 is not promoted to grpo"):
        lifecycle.run(tiny())
    assert "quantize" not in stages.names()
    assert registry().aliases() == {"sft": "1"}
    printed = capsys.readouterr().out
    assert "version 2 is NOT promoted to grpo" in printed
    assert "refused" in printed
    steps = build_report()
    assert [step["label"] for step in steps][-3:] == ["grpo", "evaluate grpo", "gate grpo"]
    assert [step["outcome"] for step in steps] == [*["done"] * 8, "passed", "done", "done", "refused"]
    assert steps[-1]["reason"].startswith("rust-coder version 2 is not promoted to grpo:")
    assert tracking.client().get_run(steps[-1]["run"]).data.tags["rustml.to"] == "grpo"
    note = lifecycle_run().data.tags["mlflow.note.content"]
    assert note.startswith("**Failed.** rust-coder version 2 is not promoted to grpo:")
    assert "| model |" in note, "the table stays below the reason"


def int4_run(profile: Profile, *, version: str, parent: str | None = None, reuse: bool = True) -> tracking.Finished:
    """What the stage of a new step has to do: the third file, beside the table and the profile's defaults."""
    step = step_to_make(profile, "int4", "")
    verified = required_version(profile, step, version)
    stage = Stage("int4", ("quantize",), "rustml.stages.quantize")
    params = {"weights": verified.decision.candidate_weights}
    done = tracking.run_stage(stage, profile, lambda _: Outcome(), params=params, parent=parent, reuse=reuse)
    versions.ensure(profile.registered_model, done.run_id, parent=verified.version, step=step.name)
    return done


def test_a_new_step_is_a_row_of_the_table_thresholds_and_a_stage(
    stages: FakeStages, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = ladder.Step("int4", "int4", compared_with="parent", requires=ladder.PREVIOUS, mlflow_stage="Staging")
    monkeypatch.setattr(ladder, "STEPS", (*ladder.STEPS, row))
    module = ModuleType("rustml.stages.int4")
    module.run = int4_run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    profile = tiny("ladder=[sft, int4, champion]")
    profile.gates["int4"] = profile.gates["sft"]
    lifecycle.run(profile)
    assert stages.names().count("int4") == 1
    assert registry().aliases() == {"champion": "2", "int4": "2", "sft": "1"}
    assert registry().version("2").tags["gate.int4.baseline_version"] == "1"


@pytest.mark.parametrize("name", ["fp8", "champion"])
def test_no_other_module_spells_a_step_of_the_table(name: str) -> None:
    """`sft` and `grpo` are stages as well, and so spelt in their own files."""
    root = Path(ladder.__file__).resolve().parents[2]
    files = [path for room in ("release", "stages", "evaluation") for path in (root / "rustml" / room).rglob("*.py")]
    spelling = [
        path.name
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value == name
    ]
    assert set(spelling) == {"ladder.py"}


def test_a_stage_run_by_hand_asks_for_the_evidence_of_the_step_before_it(stages: FakeStages) -> None:
    assert stages
    lifecycle.run(tiny("ladder=[sft, champion]"))
    with pytest.raises(EvidenceError, match="no valid evidence for grpo"):
        quantize.run(tiny(), version="1")
    with pytest.raises(InputError, match="stage quantize makes versions of no step here"):
        quantize.run(tiny("ladder=[sft, champion]"), version="1")
    done = quantize.run(tiny("ladder=[sft, fp8]"), version="1")
    made = registry().registered_from(done.run_id)
    assert made is not None
    assert (made.parent, made.tags["made_for"]) == ("1", "fp8")


def evaluation_runs() -> list[str]:
    return list(tracking.complete_runs("evaluate"))


def test_no_model_is_measured_twice_by_the_gates_of_a_ladder(stages: FakeStages) -> None:
    """The base is the baseline of two gates, and each version candidate of one and baseline of the next."""
    lifecycle.run(tiny())
    assert stages.names().count("evaluate") == 4
    evidence = {step: registry().version(number).tags for step, number in registry().aliases().items()}
    at = {step: tags[f"gate.{step}.baseline_evaluation"] for step, tags in evidence.items()}
    assert at["sft"] == at["champion"]
    assert at["grpo"] == evidence["sft"]["gate.sft.candidate_evaluation"]
    assert len(evaluation_runs()) == 4
    lifecycle.run(tiny("gates.sft.fall_margin=0.04"))
    assert stages.names().count("evaluate") == 4, "other thresholds compare the same evaluations"
    rows = leaderboard.run(tiny(), suites=("rust",), output="board.csv")
    assert sorted(round(row.share, 2) for row in rows) == [0.1, 0.3, 0.5, 0.7]
    assert Path("board.csv").read_text().count("\n") == 5


def test_a_rehearsal_decides_and_writes_nothing(stages: FakeStages) -> None:
    assert stages
    lifecycle.run(tiny("ladder=[sft, champion]"))
    before = [run.info.run_id for run in tracking.client().search_runs([tracking.experiment()])]
    tags = tracking.client().get_registered_model("rust-coder").tags
    strict = tiny("ladder=[sft, champion]", "gates.sft.at_least={rust.pass: 0.9}")
    decision = promote.rehearse(strict, candidate="1", to="sft", base=stages.run_of("base"))
    assert not decision.passed
    assert "rust.pass at least: 10.0 -> 30.0" in decision.reasons[0]
    assert [run.info.run_id for run in tracking.client().search_runs([tracking.experiment()])] == before
    assert tracking.client().get_registered_model("rust-coder").tags == tags


def test_attempts_of_the_same_weights_are_counted_and_shown(
    stages: FakeStages, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = tiny("ladder=[sft, champion]", "gates.sft.at_least={rust.pass: 0.9}")
    with pytest.raises(GateRefused):
        lifecycle.run(profile)
    base, bank = stages.run_of("base"), stages.run_of("bank")
    again = evaluate.run(profile, model="1", bank=bank, reuse=False).run_id
    with pytest.raises(GateRefused):
        promote.run(profile, candidate="1", to="sft", base=base, evaluation=again)
    assert "attempt 2 of rust-coder version 1 at sft" in capsys.readouterr().out
    names = [run.info.run_name for run in tracking.client().search_runs([tracking.experiment()])]
    assert "promote v1 to sft, attempt 2" in names
    assert "\n\nAttempt 2 at gate sft.\n" in tracking.client().get_model_version("rust-coder", "1").description
    assert "challenger" not in registry().aliases()


def test_the_start_of_a_stage_is_asked_for(stages: FakeStages) -> None:
    assert stages
    with pytest.raises(InputError, match=r"step sft starts from the base model: give its run \(base\)"):
        sft.run(tiny(), bank="b", pairs="p")
    with pytest.raises(InputError, match="step grpo takes versions of grpo, not of stage sft"):
        sft.run(tiny(), bank="b", pairs="p", step="grpo")


def test_a_ladder_with_expert_iteration_in_the_place_of_grpo_has_the_same_gate(stages: FakeStages) -> None:
    profile = tiny("preset=expert-iteration")
    lifecycle.run(profile)
    assert "grpo" not in stages.names()
    assert registry().aliases() == {"champion": "3", "expert_iteration": "2", "fp8": "3", "sft": "1"}
    version = registry().version("2")
    assert (version.parent, version.made_by) == ("1", "expert_iteration")
    assert version.tags["gate.expert_iteration.baseline_version"] == "1"
    assert ladder.thresholds_of(profile, "expert_iteration") == profile.gates["grpo"]


def test_expert_iteration_and_grpo_are_both_walked_where_the_ladder_names_both(stages: FakeStages) -> None:
    lifecycle.run(tiny("ladder=[sft, expert_iteration, grpo, champion]"))
    assert registry().aliases() == {"champion": "3", "expert_iteration": "2", "grpo": "3", "sft": "1"}
    assert stages.names().count("evaluate") == 4


def test_a_stage_that_the_ladder_leaves_out_says_what_to_name(stages: FakeStages) -> None:
    assert stages
    with pytest.raises(InputError, match="Name expert_iteration under `ladder`"):
        expert_iteration.run(tiny(), version="1", bank="run")
