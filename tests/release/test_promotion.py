import json
import threading
import time
from collections.abc import Callable

import msgspec
import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

from rustml.errors import EnvironmentFault, EvidenceError, GateRefused, InputError
from rustml.evaluation.results.report_file import Evaluation
from rustml.release import fetching, lock, registry
from rustml.release.lock import promotion_lock
from rustml.release.promotion import Request, Sources, decide_and_promote
from rustml.runs.processes import process_name
from tests.support.stores import MODEL, Store

Make = Callable[..., Evaluation]
BASE, GOOD, BETTER, BAD = 20, 120, 160, 10
RETAINED, FORGOTTEN = 400, 300


Report = Callable[..., str]


def aliases(store: Store) -> dict[str, str]:
    return {alias: str(version) for alias, version in store.client.get_registered_model(MODEL).aliases.items()}


@pytest.fixture(name="promoted")
def promoted_version(store: Store, report: Report) -> str:
    """Version 1, promoted to sft."""
    version = store.registered("sft")
    store.promote(version, "sft", report("sft", GOOD), report("base", BASE))
    return version


def test_a_promotion_writes_alias_stage_and_tags(store: Store, report: Report) -> None:
    version = store.registered("sft")
    candidate, baseline = report("sft", GOOD), report("base", BASE)
    verified = store.promote(version, "sft", candidate, baseline)
    assert verified.decision.passed
    assert aliases(store) == {"sft": version}
    promoted = store.client.get_model_version(MODEL, version)
    assert promoted.current_stage == "Staging"
    assert promoted.tags["gate.sft"] == "passed"
    assert set(promoted.tags) == {"gate.sft", "evidence.sft", "weights_digest"}
    evidence = json.loads(promoted.tags["evidence.sft"])
    assert (evidence["candidate_evaluation"], evidence["baseline_evaluation"]) == (candidate, baseline)
    assert promoted.tags["weights_digest"] == store.digest("sft")
    decided = store.client.list_artifacts(evidence["run"])
    assert [entry.path for entry in decided] == [f"decision-sft-v{version}.json", "metric_thresholds.json"]


def test_a_promotions_run_shows_demands_effects_and_links(store: Store, promoted: str) -> None:
    evidence = json.loads(store.client.get_model_version(MODEL, promoted).tags["evidence.sft"])
    run = store.client.get_run(evidence["run"])
    assert run.data.params["gate.retention_pooled_margin"] == "0.03"
    assert run.data.params["baseline"] == evidence["baseline_evaluation"]
    assert run.data.metrics["rust.pass.points"] == pytest.approx(50)
    assert run.data.metrics["retention_pooled.lower_bound"] < 0 < run.data.metrics["gate.passed"]
    assert f"/runs/{evidence['candidate_evaluation']})" in run.data.tags["mlflow.note.content"]
    file = fetching.fetch(store.client, f"runs:/{evidence['run']}/metric_thresholds.json", "thresholds")
    assert json.loads(file.read_text())["rust.pass"] == {"threshold": 0.1, "greater_is_better": True}


def test_evidence_in_tags_of_their_own_still_counts_and_is_gone_after_the_next_promotion(
    store: Store, report: Report, promoted: str
) -> None:
    """As versions have it that were promoted before evidence was one tag."""
    evidence = json.loads(store.client.get_model_version(MODEL, promoted).tags["evidence.sft"])
    for name, text in evidence.items():
        store.client.set_model_version_tag(MODEL, promoted, f"gate.sft.{name}", text)
    store.client.delete_model_version_tag(MODEL, promoted, "evidence.sft")
    assert store.check(promoted, "sft").version == promoted
    store.promote(promoted, "sft", report("sft", GOOD), report("base", BASE))
    assert "gate.sft.decision" not in store.client.get_model_version(MODEL, promoted).tags
    assert store.check(promoted, "sft").version == promoted


def test_evidence_that_is_no_json_is_named(store: Store, promoted: str) -> None:
    store.client.set_model_version_tag(MODEL, promoted, "evidence.sft", "{")
    with pytest.raises(EvidenceError, match=r"tag evidence\.sft holds no evidence"):
        store.check(promoted, "sft")


def test_a_refusal_leaves_the_registry_alone_and_logs_the_decision(store: Store, report: Report) -> None:
    version = store.registered("bad")
    run = store.run()
    sources = Sources(promotion_run=run, candidate_run=report("bad", BAD), baseline_run=report("base", BASE))
    with pytest.raises(GateRefused, match=r"rust\.pass: 10\.0 -> 5\.0") as refusal:
        decide_and_promote(Request(store.registry, store.ladder, version, "sft", sources), store.thresholds)
    assert refusal.value.exit_code == 3
    model = store.client.get_registered_model(MODEL)
    assert (model.aliases, model.tags) == ({}, {})
    assert store.client.get_model_version(MODEL, version).current_stage == "None"
    assert not store.registry.decision(run, "sft", version).passed


def test_forgetting_is_refused_with_its_reason(store: Store, report: Report) -> None:
    version = store.registered("forgetful")
    with pytest.raises(GateRefused, match=r"retention python: 80\.0 -> 60\.0"):
        store.promote(version, "sft", report("forgetful", GOOD, FORGOTTEN), report("base", BASE))


def test_a_refusal_stands_on_the_versions_page_until_it_is_promoted(store: Store, report: Report) -> None:
    version, base = store.registered("late"), report("base", BASE)
    with pytest.raises(GateRefused):
        store.promote(version, "sft", report("late", BAD), base)
    tags = store.client.get_model_version(MODEL, version).tags
    assert "rust.pass: 10.0 -> 5.0" in tags["refused.sft"]
    assert not store.registry.decision(tags["refused.sft.run"], "sft", version).passed
    with pytest.raises(EvidenceError):
        store.check(version, "sft")
    store.promote(version, "sft", report("late", GOOD), base)
    assert not any(name.startswith("refused") for name in store.client.get_model_version(MODEL, version).tags)


def test_the_way_from_sft_to_champion(store: Store, report: Report, promoted: str) -> None:
    grpo = store.registered("grpo", parent=promoted)
    sft_report = report("sft", GOOD)
    store.promote(grpo, "grpo", report("grpo", BETTER), sft_report, baseline_version=promoted)
    store.promote(grpo, "champion", report("grpo", BETTER), report("base", BASE))
    assert aliases(store) == {"sft": promoted, "grpo": grpo, "champion": grpo}
    assert store.client.get_model_version(MODEL, grpo).current_stage == "Production"
    for step in ("grpo", "champion"):
        assert store.check(grpo, step).folder == store.files(grpo)


def test_rolling_back_promotes_an_earlier_version_again(store: Store, report: Report, promoted: str) -> None:
    second = store.registered("second")
    base = report("base", BASE)
    store.promote(second, "sft", report("second", BETTER), base)
    for version, name in ((promoted, "sft"), (second, "second"), (promoted, "sft")):
        store.promote(version, "champion", report(name, GOOD), base)
        assert store.registry.holder("champion") == version
        assert store.check(version, "champion").version == version
    assert store.client.get_model_version(MODEL, second).current_stage == "Archived"


def test_a_version_that_came_through_no_gate_is_no_champion(store: Store, report: Report) -> None:
    version = store.registered("sft")
    with pytest.raises(EvidenceError, match="came through no gate yet"):
        store.promote(version, "champion", report("sft", GOOD), report("base", BASE))
    assert store.client.get_registered_model(MODEL).aliases == {}


def test_an_override_needs_a_reason_and_keeps_it(store: Store, report: Report) -> None:
    version = store.registered("bad")
    candidate, baseline = report("bad", BAD), report("base", BASE)
    verified = store.promote(version, "sft", candidate, baseline, override="demo only, agreed by both owners")
    assert verified.override == "demo only, agreed by both owners"
    tags = store.client.get_model_version(MODEL, version).tags
    assert (tags["gate.sft"], tags["gate.sft.override"]) == ("overridden", "demo only, agreed by both owners")
    assert store.check(version, "sft").override
    store.client.delete_model_version_tag(MODEL, version, "gate.sft.override")
    with pytest.raises(EvidenceError, match="an override needs its reason"):
        store.check(version, "sft")


def test_an_override_does_not_excuse_another_models_evaluation(store: Store, report: Report) -> None:
    version = store.registered("sft")
    with pytest.raises(EvidenceError, match="its weights are others"):
        store.promote(version, "sft", report("other", GOOD), report("base", BASE), override="please")


def test_a_version_that_does_not_exist_is_named(store: Store, report: Report) -> None:
    store.registered("sft")
    with pytest.raises(InputError, match="no version 9"):
        store.promote("9", "sft", report("sft", GOOD), report("base", BASE))


def test_two_promotions_race_and_one_wins(store: Store, report: Report) -> None:
    base = report("base", BASE)
    entrants = {store.registered(name): report(name, GOOD) for name in ("one", "two", "three")}
    start, outcomes = threading.Barrier(len(entrants)), {}

    def race(version: str, candidate: str) -> None:
        start.wait()
        try:
            store.promote(version, "sft", candidate, base, holder="")
            outcomes[version] = "won"
        except EvidenceError as error:
            outcomes[version] = str(error)

    threads = [threading.Thread(target=race, args=entry) for entry in entrants.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [version for version, outcome in outcomes.items() if outcome == "won"]
    assert len(winners) == 1, outcomes
    assert all("decision is stale" in outcome for outcome in outcomes.values() if outcome != "won")
    assert store.registry.holder("sft") == winners[0]
    assert store.check(winners[0], "sft").version == winners[0]
    assert [model.name for model in store.client.search_registered_models()] == [MODEL]


def test_a_lock_in_use_is_waited_for_and_then_named(store: Store) -> None:
    with promotion_lock(store.client, MODEL):
        started = time.monotonic()
        with (
            pytest.raises(EnvironmentFault, match="another promotion of rust-coder is under way"),
            promotion_lock(store.client, MODEL, wait=0.5),
        ):
            pass
        assert time.monotonic() - started >= 0.5
    with promotion_lock(store.client, MODEL, wait=0):
        pass


def test_a_lock_that_is_given_back_while_it_is_asked_for_is_asked_for_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, codes = store.client.create_registered_model, [RESOURCE_DOES_NOT_EXIST]

    def create_after_a_race(name: str, **given: str) -> object:
        if codes:
            raise MlflowException("gone meanwhile", error_code=codes.pop())
        return create(name, **given)

    monkeypatch.setattr(store.client, "create_registered_model", create_after_a_race)
    with promotion_lock(store.client, MODEL):
        assert [model.name for model in store.client.search_registered_models()] == [f"{MODEL}.promotion-lock"]


def test_a_lock_whose_holder_has_ended_is_broken_at_once(store: Store) -> None:
    host, number = process_name().split(":")[:2]
    store.client.create_registered_model(f"{MODEL}.promotion-lock", description=f"{host}:{number}:1 dead")
    with promotion_lock(store.client, MODEL, wait=0):
        pass


def test_a_lock_that_is_waited_for_long_says_who_holds_it(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lock, "TELL_SECONDS", -1.0)
    store.client.create_registered_model(f"{MODEL}.promotion-lock", description="elsewhere:7:1 token")
    with pytest.raises(EnvironmentFault), promotion_lock(store.client, MODEL, wait=0.3):
        pass
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "promotion lock" in line]
    assert "which elsewhere:7:1 has held for" in line
    assert "is broken after 120 s" in line


def test_a_lock_left_by_a_killed_process_is_broken(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.client.create_registered_model(f"{MODEL}.promotion-lock", description="gone:1:dead")
    monkeypatch.setattr(lock, "STALE_SECONDS", -1.0)
    with promotion_lock(store.client, MODEL, wait=0):
        pass


@pytest.mark.usefixtures("promoted")
def test_a_promotion_after_a_move_by_hand_puts_things_right(store: Store, report: Report) -> None:
    other = store.registered("other")
    store.client.set_registered_model_alias(MODEL, "sft", other)
    store.promote(other, "sft", report("other", BETTER), report("base", BASE))
    assert store.check(other, "sft").version == other


# Tampering: each of these is refused with what is missing.


@pytest.mark.usefixtures("promoted")
def test_an_alias_set_by_hand_is_no_evidence(store: Store) -> None:
    other = store.registered("other")
    store.client.set_registered_model_alias(MODEL, "sft", other)
    with pytest.raises(EvidenceError, match="last promotion moved it to version 1: it was moved by hand"):
        store.check(other, "sft")
    store.client.set_registered_model_alias(MODEL, "grpo", other)
    with pytest.raises(EvidenceError, match="no promotion moved it"):
        store.check(other, "grpo")


def test_an_alias_moved_back_by_hand_to_an_earned_version_is_seen(store: Store, report: Report, promoted: str) -> None:
    second = store.registered("second")
    store.promote(second, "sft", report("second", BETTER), report("base", BASE))
    store.check(promoted, "sft")
    store.client.set_registered_model_alias(MODEL, "sft", promoted)
    with pytest.raises(EvidenceError, match="moved by hand"):
        store.check(promoted, "sft")


@pytest.mark.usefixtures("promoted")
def test_a_version_without_tags_says_which_are_missing(store: Store) -> None:
    other = store.registered("other")
    with pytest.raises(
        EvidenceError, match=r"gate\.sft is missing.*gate\.sft\.decision is missing.*promote -P candidate=2"
    ):
        store.check(other, "sft")


def test_evidence_for_one_step_is_none_for_another(store: Store, promoted: str) -> None:
    with pytest.raises(EvidenceError, match=r"tag gate\.champion is missing"):
        store.check(promoted, "champion")


def test_weights_changed_after_the_evaluation_are_seen(store: Store, promoted: str) -> None:
    (store.files(promoted) / "model.safetensors").write_bytes(b"others")
    with pytest.raises(EvidenceError, match="weights changed after the evaluation"):
        store.check(promoted, "sft")


def test_weights_that_are_gone_are_seen(store: Store, promoted: str) -> None:
    (store.files(promoted) / "model.safetensors").unlink()
    with pytest.raises(EvidenceError, match="weights cannot be read"):
        store.check(promoted, "sft")


@pytest.mark.parametrize(
    ("tag", "value", "reason"),
    [
        ("gate.sft", "refused", "tag gate.sft is refused"),
        ("gate.sft.decision", "0" * 64, "not the one that tag"),
        ("gate.sft.run", "0" * 32, "cannot be fetched"),
        ("gate.sft.candidate_evaluation", "0" * 32, "cannot be fetched"),
        ("weights_digest", "0" * 64, "names other weights"),
    ],
)
def test_an_edited_tag_is_seen(store: Store, promoted: str, tag: str, value: str, reason: str) -> None:
    store.client.set_model_version_tag(MODEL, promoted, tag, value)
    with pytest.raises(EvidenceError, match=reason):
        store.check(promoted, "sft")


def test_the_evaluation_of_another_run_is_not_the_one_decided_on(store: Store, report: Report, promoted: str) -> None:
    other = report("sft", BETTER)
    store.client.set_model_version_tag(MODEL, promoted, "gate.sft.candidate_evaluation", other)
    with pytest.raises(EvidenceError, match="candidate's evaluation changed after the decision"):
        store.check(promoted, "sft")


def test_tags_copied_from_a_promoted_version_do_not_help_another(store: Store, promoted: str) -> None:
    other = store.registered("other")
    for name, value in store.client.get_model_version(MODEL, promoted).tags.items():
        store.client.set_model_version_tag(MODEL, other, name, value)
    with pytest.raises(EvidenceError, match=r"decision of promotion run .* cannot be fetched"):
        store.check(other, "sft")


def edit_artifact(store: Store, run: str, path: str, change: Callable[[dict], None]) -> None:  # type: ignore[type-arg]
    """Change a JSON artifact in place, as one with access to the store's files can."""
    file = fetching.fetch(store.client, f"runs:/{run}/{path}", path)
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def test_an_edited_decision_is_seen(store: Store, report: Report) -> None:
    version = store.registered("bad")
    store.promote(version, "sft", report("bad", BAD), report("base", BASE), override="x")
    run = store.registry.version(version).tags["gate.sft.run"]
    edit_artifact(store, run, f"decision-sft-v{version}.json", lambda decision: decision.update(passed=True))
    store.client.set_model_version_tag(MODEL, version, "gate.sft", "passed")
    with pytest.raises(EvidenceError, match=r"not the one that tag.*do not lead to that decision"):
        store.check(version, "sft")


@pytest.mark.parametrize("side", ["candidate", "baseline"])
def test_a_protocol_changed_after_the_decision_is_seen(store: Store, promoted: str, side: str) -> None:
    run = store.registry.version(promoted).tags[f"gate.sft.{side}_evaluation"]
    edit_artifact(store, run, registry.REPORT, lambda r: r["suites"]["rust"]["protocol"].update(engine="other"))
    with pytest.raises(EvidenceError, match=f"{side}'s evaluation changed.*do not lead to that decision"):
        store.check(promoted, "sft")


def test_other_thresholds_make_a_decision_stale(store: Store, promoted: str) -> None:
    stricter = msgspec.structs.replace(store.thresholds, retention_pooled_margin=0.01)
    store.check(promoted, "sft", thresholds=store.thresholds)
    with pytest.raises(EvidenceError, match="made under other thresholds"):
        store.check(promoted, "sft", thresholds=stricter)


@pytest.mark.parametrize("parent", ["", "2"])
def test_grpo_is_measured_against_its_own_parent(store: Store, report: Report, promoted: str, parent: str) -> None:
    store.registered("unrelated")
    grpo = store.registered("grpo", parent=parent)
    with pytest.raises(EvidenceError, match="but tag parent_version names"):
        store.promote(grpo, "grpo", report("grpo", BETTER), report("sft", GOOD), baseline_version=promoted)
    assert store.registry.holder("grpo") == ""


def test_a_baseline_evaluation_of_other_weights_than_the_parents_is_refused(
    store: Store, report: Report, promoted: str
) -> None:
    fp8 = store.registered("fp8", parent=promoted)
    with pytest.raises(EvidenceError, match="holds other weights than the baseline that was evaluated"):
        store.promote(fp8, "fp8", report("fp8", BETTER), report("weaker", GOOD), baseline_version=promoted)


def test_a_step_takes_only_versions_that_its_stage_made(store: Store, report: Report, promoted: str) -> None:
    """A bf16 version of GRPO at `fp8` would be served as if it were quantised; an override does not help."""
    grpo, fp8 = store.registered("grpo", parent=promoted), store.registered("fp8", parent=promoted)
    attempts = ((grpo, "grpo", "fp8", "quantize", "grpo"), (fp8, "fp8", "sft", "sft", "quantize"))
    for version, name, to, wanted, made in attempts:
        expected = f"step {to} takes versions that stage {wanted} made, and .* was made by stage {made}"
        with pytest.raises(EvidenceError, match=expected):
            store.promote(version, to, report(name, BETTER), report("base", BASE), override="try")
    assert aliases(store) == {"sft": promoted}


def test_a_version_of_another_stage_that_was_promoted_before_is_not_used(store: Store, promoted: str) -> None:
    store.client.set_tag(store.client.get_model_version(MODEL, promoted).run_id, "rustml.stage", "quantize")
    with pytest.raises(EvidenceError, match="step sft takes versions that stage sft made"):
        store.check(promoted, "sft")


def test_the_champion_stays_in_production_when_it_takes_an_earlier_step_again(
    store: Store, report: Report, promoted: str
) -> None:
    base = report("base", BASE)
    store.promote(promoted, "champion", report("sft", GOOD), base)
    store.promote(promoted, "sft", report("sft", GOOD), base)
    assert store.client.get_model_version(MODEL, promoted).current_stage == "Production"
    assert store.check(promoted, "champion").version == promoted


@pytest.mark.parametrize("kind", ["candidate_evaluation", "baseline_evaluation", "run"])
def test_a_deleted_run_is_no_evidence_though_its_files_are_still_there(store: Store, promoted: str, kind: str) -> None:
    """What `quantize` and `serve` call; until `mlflow gc` the trash keeps the artifacts."""
    run = store.registry.version(promoted).tags[f"gate.sft.{kind}"]
    store.client.delete_run(run)
    with pytest.raises(EvidenceError, match=f"run {run} was deleted: `mlflow runs restore --run-id {run}`"):
        store.check(promoted, "sft")
    store.client.restore_run(run)
    store.check(promoted, "sft")


def test_an_override_is_told_with_its_word_and_reason(store: Store, report: Report) -> None:
    version = store.registered("bad")
    promoted = store.promote(version, "sft", report("bad", BAD), report("base", BASE), override="demo of Friday")
    assert promoted.in_spite == ", OVERRIDDEN in spite of a refusal (reason: demo of Friday)"


@pytest.mark.parametrize("side", ["candidate", "baseline"])
def test_no_promotion_rests_on_a_model_behind_a_server(
    store: Store, report: Report, evaluation: Make, side: str
) -> None:
    """Not by an override either: nobody here knows the weights that were measured."""
    version = store.registered("good")
    scores = {"rust": [True] * 200, "python": [True] * 500}
    runs = {"candidate": report("good", GOOD), "baseline": report("base", BASE)}
    runs[side] = store.evaluated(evaluation("served:" + "ab" * 32, **scores))
    with pytest.raises(EvidenceError, match="a model behind a server, whose weights are not known here"):
        store.promote(version, "sft", **runs, override="we trust it")
    assert aliases(store) == {}
