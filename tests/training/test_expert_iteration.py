"""Rounds of expert iteration on a toy model: what is trained on, what a killed run keeps, what ends it."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from rustml import chat
from rustml.errors import InputError, JudgeFault, RustmlError
from rustml.generation.sampling import Engine, Prompt, Sampling
from rustml.judge.judging import Judging
from rustml.profile.expert_iteration import ExpertIterationSection
from rustml.profile.sft import SftSection
from rustml.profile.sources import ValidationSection
from rustml.progress import ProgressCallback, no_progress
from rustml.records import Candidate, Pair, Status, read_jsonl
from rustml.testing import FakeGenerator, FakeJudge
from rustml.training import answers
from rustml.training.batching import Row
from rustml.training.job import Job, Log
from rustml.training.selection import Judged, Provenance
from tests.support.library_warnings import LIBRARY_WARNINGS, quiet_imports
from tests.support.toy_models import job, moved, problem, profile

with quiet_imports():
    from rustml.training import expert_iteration

pytestmark = LIBRARY_WARNINGS
TOY = profile()
PROBLEMS = [problem(number) for number in range(12)]
SECTION: ExpertIterationSection = msgspec.structs.replace(TOY.expert_iteration, rounds=2, samples=2, sources={})
TRAINING_STEPS = 2
TRAINING: SftSection = msgspec.structs.replace(
    TOY.sft, steps=TRAINING_STEPS, validation=ValidationSection(every=0, records=0)
)


@pytest.fixture(autouse=True)
def _instead_of_training(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that writes what it was given beside a copy of its parent; the test marked slow trains."""

    def train(rows: Sequence[Row], section: SftSection, given: Job) -> dict[str, float]:
        for step in range(1, section.steps + 1 if section.steps else 1):
            given.log(step, {"loss": 1.0})
        shutil.copytree(given.parent, given.out)
        (given.out / "rows.json").write_text(json.dumps([given.seed, rows]))
        return {}

    if request.node.get_closest_marker("slow") is None:
        monkeypatch.setattr(expert_iteration.sft, "train", train)


def answer(prompt: str, sample: int) -> str:
    """Right in the first sample, but for problem 1, which gets no code at all."""
    known = next(each for each in PROBLEMS if each.instruction in prompt)
    return "no idea" if known.id == "toy/1" else chat.fenced(f"{known.reference}\n// {sample}", "rust")


def decide(candidate: Candidate) -> Status:
    return "passed" if "// 0" in candidate.code else "wrong"


class Rounds:
    """A plan whose answers and verdicts are made up, and a count of what was asked."""

    def __init__(self, folder: Path, judge: Judging | None = None) -> None:
        self.folder, self.judge = folder, judge or FakeJudge(decide)
        self.samplers: list[Path] = []
        self.begun: list[str] = []
        self.engine = FakeGenerator(answer)

    def plan(self, section: ExpertIterationSection = SECTION) -> expert_iteration.Plan:
        return expert_iteration.Plan(
            problems=PROBLEMS,
            texts={},
            judge=self.judge,
            open_engine=self._open,
            section=section,
            training=TRAINING,
            launch=TOY.launch,
            records=self.folder / "rounds",
            told=self._told,
        )

    def pairs(self, number: int) -> list[Pair]:
        return list(read_jsonl(self.folder / "rounds" / str(number) / expert_iteration.RECORDS, Pair))

    def provenance(self, number: int) -> list[Provenance]:
        return list(read_jsonl(self.folder / "rounds" / str(number) / expert_iteration.PROVENANCE, Provenance))

    def _open(self, model: Path) -> Engine:
        assert (model / "model.safetensors").is_file(), "a whole checkpoint"
        self.samplers.append(model)
        return self.engine

    def _told(self, what: str) -> ProgressCallback:
        self.begun.append(what)
        return no_progress


def toy_job(parent: Path, folder: Path, log: Log = lambda *_: None) -> Job:
    made = replace(job(parent, folder, log), parent_name="models:/toy/1")
    made.scratch.mkdir(parents=True, exist_ok=True)
    return made


def test_each_round_draws_with_the_model_of_the_one_before_and_trains_on_the_best_answers(
    parent: Path, tmp_path: Path
) -> None:
    rounds, logged = Rounds(tmp_path), dict[str, float]()
    given = toy_job(parent, tmp_path, lambda _, metrics: logged.update(metrics))
    facts = expert_iteration.train(rounds.plan(), given)
    assert rounds.samplers == [parent, given.scratch / "round-1" / "model"]
    assert {pair.id.split("#")[0] for pair in rounds.pairs(1)} == {each.id for each in PROBLEMS} - {"toy/1"}
    assert {each.sampler for each in rounds.provenance(1)} == {"models:/toy/1"}
    assert {each.licence for each in rounds.provenance(2)} == {"MIT"}
    assert facts["records"] == facts["rows.answers"] == 11
    assert facts["passed"] == pytest.approx(11 / 24)
    assert facts["solved"] == pytest.approx(11 / 12)
    assert logged["round.malformed"] == pytest.approx(2 / 24)
    rows = trained_on(given.out)
    assert len(rows) == 11
    assert not (given.scratch / "round-1" / "model").exists(), "it drew the answers of round 2, and is not needed"


def test_adapters_name_a_folder_until_the_last_round_whose_base_others_have_to_find(
    parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    train = expert_iteration.sft.train

    def noted(rows: Sequence[Row], section: SftSection, given: Job) -> dict[str, float]:
        names.append(given.parent_name)
        return train(rows, section, given)

    monkeypatch.setattr(expert_iteration.sft, "train", noted)
    expert_iteration.train(Rounds(tmp_path).plan(), replace(toy_job(parent, tmp_path), parent_name="models:/toy/1"))
    assert names == ["", "models:/toy/1"]


def test_verdicts_explain_failures_where_repairs_are_records(parent: Path, tmp_path: Path) -> None:
    judge = FakeJudge(decide)
    section = msgspec.structs.replace(SECTION, rounds=1, repair_records=1)
    longer = msgspec.structs.replace(TRAINING, context=1024)
    plan = replace(Rounds(tmp_path, judge).plan(section), training=longer)
    facts = expert_iteration.train(plan, toy_job(parent, tmp_path))
    assert all(candidate.explained for candidate in judge.judged)
    assert (facts["records"], facts["records_repair"]) == (22, 11)
    assert len(trained_on(tmp_path / "out", rounds=1)) == 22


def trained_on(folder: Path, rounds: int = SECTION.rounds) -> list[object]:
    seed, rows = json.loads((folder / "rows.json").read_bytes())
    assert seed == 1 + rounds
    return rows


def killed_in_round_2(now: int, _: dict[str, float]) -> None:
    """The trainer's log: its points come after those of the two steps of round 1."""
    if now > TRAINING_STEPS:
        raise KeyboardInterrupt


def test_a_killed_run_goes_on_in_its_round_with_the_answers_that_it_had(parent: Path, tmp_path: Path) -> None:
    whole = Rounds(tmp_path / "whole")
    expert_iteration.train(whole.plan(), toy_job(parent, tmp_path / "whole"))
    first = Rounds(tmp_path / "broken")
    with pytest.raises(KeyboardInterrupt):
        expert_iteration.train(first.plan(), toy_job(parent, tmp_path / "broken", killed_in_round_2))
    assert len(first.samplers) == 2
    again = Rounds(tmp_path / "broken", FakeJudge("infrastructure"))
    expert_iteration.train(again.plan(), toy_job(parent, tmp_path / "broken"))
    assert again.samplers == [], "nothing is drawn anew"
    assert again.engine.asked == []
    assert trained_on(tmp_path / "whole" / "out") == trained_on(tmp_path / "broken" / "out")


def test_a_run_killed_while_it_draws_draws_what_is_missing(
    parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "BATCH", 4)
    first = Rounds(tmp_path)

    def break_off(prompt: str, sample: int) -> str:
        if len(first.engine.asked) > 8:
            raise KeyboardInterrupt
        return answer(prompt, sample)

    first.engine = FakeGenerator(break_off)
    one = msgspec.structs.replace(SECTION, rounds=1)
    with pytest.raises(KeyboardInterrupt):
        expert_iteration.train(first.plan(one), toy_job(parent, tmp_path))
    assert first.engine.closed
    again = Rounds(tmp_path)
    expert_iteration.train(again.plan(one), toy_job(parent, tmp_path))
    assert len(again.engine.asked) == 4, "the last of three batches"


def test_faults_above_a_share_end_the_run_and_the_same_answers_are_judged_again(parent: Path, tmp_path: Path) -> None:
    broken = Rounds(tmp_path, FakeJudge.in_turn("passed", "infrastructure", "infrastructure"))
    with pytest.raises(JudgeFault, match=r"could not judge 14 of 24 .*expert_iteration\.fault_share: 0\.5"):
        expert_iteration.train(broken.plan(), toy_job(parent, tmp_path))
    again = Rounds(tmp_path)
    expert_iteration.train(again.plan(), toy_job(parent, tmp_path))
    assert again.samplers == [tmp_path / "scratch" / "round-1" / "model"], "the answers of round 1 were kept"


def test_faults_within_the_share_are_counted_and_give_no_record(parent: Path, tmp_path: Path) -> None:
    def some(candidate: Candidate) -> Status:
        return "infrastructure" if candidate.id.startswith("toy/2#") else decide(candidate)

    rounds = Rounds(tmp_path, FakeJudge(some))
    facts = expert_iteration.train(rounds.plan(msgspec.structs.replace(SECTION, rounds=1)), toy_job(parent, tmp_path))
    assert facts["faults"] == 2
    assert "toy/2" not in {each.problem for each in rounds.provenance(1)}
    kept = [each for path in (tmp_path / "rounds" / "1").glob("judged-*") for each in read_jsonl(path, Judged)]
    assert sum(each.is_fault for each in kept) == 2


def test_a_round_without_a_record_says_what_to_change(parent: Path, tmp_path: Path) -> None:
    with pytest.raises(RustmlError, match=r"no answer of 24 came through .* lower expert_iteration\.thresholds"):
        expert_iteration.train(Rounds(tmp_path, FakeJudge("wrong")).plan(), toy_job(parent, tmp_path))


def test_a_source_that_fits_no_context_ends_it_before_an_answer_is_drawn(parent: Path, tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    plan = replace(rounds.plan(), texts={"anchors": [("", "1" * 999)]})
    with pytest.raises(InputError, match=r"^expert_iteration\.sources\.anchors: none of its 1 records fits"):
        expert_iteration.train(plan, toy_job(parent, tmp_path))
    assert rounds.samplers == []


def test_problems_are_taken_in_turn_from_the_pool(tmp_path: Path) -> None:
    plan = Rounds(tmp_path).plan(msgspec.structs.replace(SECTION, problems=5))
    rounds = [[each.id for each in expert_iteration.asked(plan, 7, number)] for number in (1, 2, 3)]
    assert all(len(set(ids)) == 5 for ids in rounds)
    assert len({*rounds[0], *rounds[1], *rounds[2]}) == len(PROBLEMS)
    assert rounds[0] == [each.id for each in expert_iteration.asked(plan, 7, 1)]


def test_what_a_round_was_is_kept_for_a_run_that_goes_on(parent: Path, tmp_path: Path) -> None:
    """The curves of a resumed run hold the rounds before it as well."""
    given = toy_job(parent, tmp_path)
    expert_iteration.train(Rounds(tmp_path).plan(), given)
    done = json.loads((given.scratch / "round-1" / expert_iteration.DONE).read_bytes())
    logged: list[tuple[int, dict[str, float]]] = []
    expert_iteration.train(Rounds(tmp_path).plan(), toy_job(parent, tmp_path, lambda *point: logged.append(point)))
    assert [number for number, _ in logged] == [1, 2]
    assert logged[0][1]["round.passed"] == done["passed"]


@pytest.mark.slow
def test_a_real_model_draws_is_judged_and_trained(parent: Path, tmp_path: Path) -> None:
    """A toy model answers with no code: it is the judge's double that finds answers to learn from."""
    from rustml.generation.engines.transformers import TransformersEngine
    from rustml.generation.setup import Setup

    rounds = Rounds(tmp_path)
    opened: list[str] = []

    def open_engine(model: Path) -> Engine:
        opened.append(model.name)
        real = TransformersEngine(Setup(TOY.chat, model, batch_size=8))
        drawn = real.generate

        def answered(prompts: Sequence[Prompt], sampling: Sampling) -> list[list[str]]:
            assert [len(texts) for texts in drawn(prompts, sampling)] == [2] * len(prompts)
            return rounds.engine.generate(prompts, sampling)

        monkeypatch.setattr(real, "generate", answered)
        return real

    with pytest.MonkeyPatch.context() as monkeypatch:
        short = msgspec.structs.replace(SECTION, max_new_tokens=6)
        plan = replace(rounds.plan(short), open_engine=open_engine)
        facts = expert_iteration.train(plan, toy_job(parent, tmp_path))
    assert opened == [parent.name, "model"]
    assert facts["weights"] > 0
    assert facts["records"] == 11
    assert moved(parent, tmp_path / "out")
