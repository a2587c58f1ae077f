"""Each checkpoint is a LoggedModel of MLflow's; what is measured is tied to it and to the data."""

import json
from pathlib import Path

import mlflow
from mlflow.entities import LoggedModel, Run

from rustml.profile import load
from rustml.release.registry import Registry
from rustml.runs import logged_models, tracking
from rustml.runs.stage import MODEL, Measured, Outcome, Stage, SuiteData, Workspace

PROFILE = load("tiny")
BANK, SFT, EVALUATE = (Stage(name, ("quantize",), "rustml.errors") for name in ("bank", "sft", "evaluate"))
PROBLEMS = '{"id": "one"}\n'


def with_problems(space: Workspace) -> Outcome:
    (space.out / "rust-test.jsonl").write_text(PROBLEMS)
    return Outcome(datasets={"rust-test": space.out / "rust-test.jsonl"})


def with_checkpoint(space: Workspace) -> Outcome:
    (space.out / MODEL).mkdir()
    (space.out / MODEL / "model.safetensors").write_bytes(b"weights")
    return Outcome({"sft.loss": 0.5})


def trained() -> str:
    return tracking.run_stage(SFT, PROFILE, with_checkpoint, title="sft: of 1.0%").run_id


def evaluated(subject: Measured) -> Run:
    bank = tracking.run_stage(BANK, PROFILE, with_problems).run_id
    outcome = Outcome({"rust.pass_rate": 0.75, "other": 1.0}, measured=subject, note="| the table |")
    run = tracking.run_stage(
        EVALUATE, PROFILE, lambda _: outcome, inputs={"bank": bank}, params={"weights": subject.weights}
    )
    return tracking.client().get_run(run.run_id)


def subject_of(run: str, weights: str = "d" * 64) -> Measured:
    return Measured("sft v1", weights, run, {"rust.": SuiteData("bank", "rust-test.jsonl")})


def models() -> list[LoggedModel]:
    return list(tracking.client().search_logged_models([tracking.experiment()]))


def test_a_checkpoint_is_a_model_whose_files_are_not_copied() -> None:
    run = trained()
    (model,) = models()
    assert model.name == "sft- of 1-0-"
    assert (model.source_run_id, str(model.status)) == (run, "READY")
    assert model.tags[logged_models.EXTERNAL] == "true"
    assert Path(mlflow.artifacts.download_artifacts(model.tags[logged_models.FILES])).is_dir()
    assert {metric.key: metric.value for metric in model.metrics} == {"sft.loss": 0.5}
    logged = tracking.client().get_run(run).outputs.model_outputs
    assert [output.model_id for output in logged] == [model.model_id]


def test_what_is_measured_is_tied_to_the_model_and_to_the_data() -> None:
    run = evaluated(subject_of(trained()))
    (model,) = models()
    tied = {
        metric.key: (metric.dataset_name, metric.value) for metric in model.metrics if metric.run_id == run.info.run_id
    }
    assert tied == {"rust.pass_rate": ("rust-test", 0.75), "other": (None, 1.0)}
    assert [given.model_id for given in run.inputs.model_inputs] == [model.model_id]


def test_the_data_of_a_suite_opens_and_has_the_digest_that_the_bank_logged() -> None:
    run = evaluated(subject_of(trained()))
    (given,) = [each.dataset for each in run.inputs.dataset_inputs if each.dataset.name == "rust-test"]
    assert Path(mlflow.data.get_source(given).load()).read_text() == PROBLEMS
    bank = tracking.client().get_run(run.data.tags["rustml.input.bank"])
    assert given.digest == bank.inputs.dataset_inputs[0].dataset.digest


def test_weights_that_no_run_made_are_one_model_however_often_they_are_measured() -> None:
    first = evaluated(subject_of(""))
    tracking.run_stage(
        EVALUATE, PROFILE, lambda _: Outcome(measured=Measured("sft v1", "d" * 64, "", {})), params={"again": "yes"}
    )
    (model,) = models()
    assert model.tags[logged_models.WEIGHTS] == "d" * 64
    assert [given.model_id for given in first.inputs.model_inputs] == [model.model_id]
    evaluated(subject_of("", "e" * 64))
    assert len(models()) == 2


def test_a_version_is_linked_to_its_model() -> None:
    run = trained()
    (model,) = models()
    registry = Registry(tracking.client(), "coder")
    registry.register(tracking.output(run) / MODEL, f"runs:/{run}/output/{MODEL}", run_id=run)
    linked = tracking.client().get_logged_model(model.model_id).tags["mlflow.modelVersions"]
    assert [(version["name"], str(version["version"])) for version in json.loads(linked)] == [("coder", "1")]


def test_a_runs_page_says_what_the_stage_does_and_found_and_what_it_read() -> None:
    run = evaluated(subject_of(""))
    note = run.data.tags["mlflow.note.content"]
    assert note.startswith("| the table |\n\nEvery exception that rustml raises on purpose.")
    assert f"- bank: [bank tiny](#/experiments/1/runs/{run.data.tags['rustml.input.bank']})" in note


def test_a_run_that_reused_another_links_to_it() -> None:
    first = trained()
    trained()
    notes = [run.data.tags["mlflow.note.content"] for run in tracking.client().search_runs([tracking.experiment()])]
    assert any(f"runs/{first})" in note for note in notes)
