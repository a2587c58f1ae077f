"""Sources of a profile: who is drawn, how often, and how much of the mix each source becomes."""

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from rustml.errors import InputError
from rustml.profile.pairs import AnchorPool, PairsSection
from rustml.profile.sft import SftSection
from rustml.profile.sources import BankSource, PairsSource, Source
from rustml.records import Origin, Pair, write_jsonl
from rustml.training import data, sources
from tests.support.toy_models import problem, profile, words


def pair(number: int, task: str = "completion", weight: float = 1.0) -> Pair:
    origin = Origin(kind="crate", name="c", licence="MIT")
    asked = "" if task == "raw" else f"ask {number}"
    return Pair(
        id=f"{number:016}", task=task, instruction=asked, answer=f"{task} {number}", origin=origin, weight=weight
    )


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Outputs of the stages `bank` and `pairs`."""
    bank, pairs = tmp_path / "bank", tmp_path / "pairs"
    for folder in (bank, pairs):
        folder.mkdir()
    write_jsonl(bank / "rust-train.jsonl", (problem(number) for number in range(100)))
    write_jsonl(bank / "rust-dev.jsonl", (problem(number) for number in range(100, 110)))
    tasks = ("completion", "bug_detection", "anchor_code", "raw")
    write_jsonl(pairs / "train.jsonl", (pair(number, tasks[number % 4]) for number in range(200)))
    write_jsonl(pairs / "validation.jsonl", (pair(number, tasks[number % 2]) for number in range(900, 920)))
    write_jsonl(pairs / "general_holdout.jsonl", (pair(number, "anchor_code") for number in range(950, 960)))
    write_jsonl(pairs / "raw.jsonl", (pair(number, "raw") for number in range(300, 340)))
    return bank, pairs


def pools(*anchors: str) -> PairsSection:
    pool = dict.fromkeys(("source", "licence", "language", "split"), "x")
    columns = dict.fromkeys(("instruction_column", "answer_column", "messages_column"), "")
    made = {name: AnchorPool(**pool, **columns, take=0, max_characters=1, share=1.0) for name in anchors}
    return msgspec.structs.replace(profile().pairs, anchors=made)


def drawn(folders: tuple[Path, Path], source: Source, seed: int = 1) -> list[data.Text]:
    return sources.texts({"s": source}, *folders, seed)["s"]


def test_a_source_without_tasks_gives_every_kind_of_record_raw_text_too(folders: tuple[Path, Path]) -> None:
    texts = drawn(folders, PairsSource(file="train"))
    assert Counter(reply.split()[0] for _, reply in texts) == dict.fromkeys(
        ("completion", "bug_detection", "anchor_code", "raw"), 50
    )
    assert {asked for asked, reply in texts if reply.startswith("raw")} == {""}


def test_weights_leave_out_thin_out_and_repeat(folders: tuple[Path, Path]) -> None:
    weights = {"completion": 2.0, "bug_detection": 1.5, "raw": 0.5}
    replies = Counter(reply for _, reply in drawn(folders, PairsSource(file="train", tasks=weights)))
    by_task = {task: [count for reply, count in replies.items() if reply.startswith(task)] for task in weights}
    assert by_task["completion"] == [2] * 50
    assert set(by_task["bug_detection"]) == {1, 2}
    assert 60 <= sum(by_task["bug_detection"]) <= 90
    assert 12 <= sum(by_task["raw"]) <= 38
    assert sum(map(sum, by_task.values())) == sum(replies.values()), "anchors, which have no weight, are left out"


def test_the_order_is_random_by_the_seed_and_not_the_files(folders: tuple[Path, Path]) -> None:
    for source in (PairsSource(file="train"), BankSource(file="rust-train")):
        one, same, other = (drawn(folders, source, seed) for seed in (1, 1, 2))
        assert one == same != other
        assert sorted(one) == sorted(other)


def test_a_record_of_a_heavier_file_comes_early_more_often(folders: tuple[Path, Path]) -> None:
    bank, pairs = folders
    write_jsonl(pairs / "train.jsonl", (pair(number, weight=9.0 if number < 100 else 1.0) for number in range(1000)))
    replies = [reply for _, reply in drawn((bank, pairs), PairsSource(file="train"))]
    heavy = sum(int(reply.split()[1]) < 100 for reply in replies[:100])
    assert heavy > 30, "half of the first hundred, where chance gives ten"


def test_the_last_problems_of_a_bank_are_left_for_others(folders: tuple[Path, Path]) -> None:
    texts = drawn(folders, BankSource(file="rust-train", leave_last=20))
    assert sorted(texts) == sorted(data.solved(problem(number) for number in range(80)))


def test_amounts_give_exact_rows_and_exact_shares(folders: tuple[Path, Path]) -> None:
    chosen: dict[str, Source] = {
        "families": BankSource(file="rust-train", records=30),
        "raw": PairsSource(file="raw", share=0.25),
        "crates": PairsSource(file="train", share=0.5, tasks={"completion": 1.0}),
    }
    mixed = data.mix(words(), sources.texts(chosen, *folders, 1), 256, 1, sources.amounts(chosen))
    assert mixed.counts == {"families": 30, "raw": 30, "crates": 50}
    metrics = mixed.metrics("sft")
    assert metrics["sft.short.crates"] == 10
    assert metrics["sft.share_asked.crates"] == 0.5
    assert metrics["sft.share.crates"] == pytest.approx(50 / 110)
    assert len(mixed.rows) == 110


def test_a_record_that_is_too_long_is_replaced_by_the_next() -> None:
    texts = [("", "x" * 500), ("", "1"), ("", "2"), ("", "3")]
    mixed = data.mix(words(), {"a": texts}, 64, 1, {"a": data.Amount(rows=2)})
    assert (mixed.counts["a"], mixed.too_long["a"]) == (2, 1)


def test_a_source_whose_records_are_all_too_long_is_named() -> None:
    parts = {"whole": [("", "1")] * 3, "long": [("", "1" * 99), ("", "2" * 99)], "asked for none": [("", "1" * 99)]}
    mixed = data.mix(words(), parts, 64, seed=1, amounts={"asked for none": data.Amount(share=0.0)})
    with pytest.raises(InputError, match=r"^sft\.sources\.long: none of its 2 records fits sft\.context \(64 tokens\)"):
        sources.check_filled(mixed, "sft.sources", 64)
    sources.check_filled(data.mix(words(), parts, 128, seed=1, most=1), "sft.sources", 128)


def test_validation_is_of_the_sources_own_held_out_files(folders: tuple[Path, Path]) -> None:
    chosen: dict[str, Source] = {
        "families": BankSource(file="rust-train"),
        "crates": PairsSource(file="train", tasks={"completion": 3.0}),
        "raw": PairsSource(file="raw"),
    }
    held = sources.validation_texts(chosen, *folders, 1)
    assert sorted(held["families"]) == sorted(data.solved(problem(number) for number in range(100, 110)))
    assert {reply.split()[0] for _, reply in held["crates"]} == {"completion"}
    assert len(held["crates"]) == 10
    assert "raw" not in held
    assert len(sources.general_texts(folders[1], 1)) == 10


def test_an_unknown_task_and_an_empty_source_are_named(folders: tuple[Path, Path]) -> None:
    odd = {"crates": PairsSource(file="train", tasks={"poetry": 1.0, "anchor_code": 1.0})}
    with pytest.raises(InputError, match=r"sft\.sources\.crates\.tasks: no task poetry"):
        sources.check(odd, "sft.sources", pools("code"))
    with pytest.raises(InputError, match="no task anchor_code, poetry"):
        sources.check(odd, "sft.sources", pools())
    with pytest.raises(InputError, match=r"source s: train\.jsonl holds no record"):
        drawn(folders, PairsSource(file="train", tasks={"test_generation": 1.0}))
    with pytest.raises(InputError, match="nowhere"):
        drawn(folders, BankSource(file="nowhere"))


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        ({"a": {"kind": "bank", "file": "x", "share": 0.5}}, "every one of `sources` has a `share`"),
        (
            {
                "a": {"kind": "bank", "file": "x", "share": 0.5},
                "b": {"kind": "pairs", "file": "train", "share": 0.5},
                "c": {"kind": "pairs", "file": "raw"},
            },
            "sum to 1",
        ),
        ({"a": {"kind": "bank", "file": "x", "share": 0.5, "records": 3}}, "`records` or `share`, not both"),
        ({}, "length"),
    ],
)
def test_amounts_that_cannot_be_are_refused_with_the_profile(chosen: dict[str, object], reason: str) -> None:
    section = msgspec.to_builtins(profile().sft) | {"sources": chosen}
    with pytest.raises(msgspec.ValidationError, match=reason):
        msgspec.convert(section, SftSection)


def test_records_of_heavier_files_come_more_often_and_the_number_of_draws_stays(folders: tuple[Path, Path]) -> None:
    heavy = [pair(number, weight=3.0) for number in range(200)]
    light = [pair(number, weight=1.0) for number in range(200, 400)]
    write_jsonl(folders[1] / "train.jsonl", [*heavy, *light])
    replies = Counter(reply for _, reply in drawn(folders, PairsSource(file="train", by_weight=True)))
    of_heavy = sum(replies[record.answer] for record in heavy)
    of_light = sum(replies[record.answer] for record in light)
    assert 260 <= of_heavy <= 340, "one and a half times each"
    assert 70 <= of_light <= 130, "half of them"


def asked_of(folders: tuple[Path, Path], pool: int = 0, **files: int) -> list[str]:
    return [one.id for one in sources.prompt_problems(folders[0], pool, files)]


def test_prompts_come_from_the_end_of_the_families_and_spread_over_further_files(folders: tuple[Path, Path]) -> None:
    write_jsonl(folders[0] / "mined.jsonl", (problem(number) for number in range(1000, 1100)))
    ids = [problem(number).id for number in [97, 98, 99, *range(1000, 1100, 25)]]
    assert asked_of(folders, 3, mined=4) == ids
    assert len(asked_of(folders, 0, mined=0)) == 100


@pytest.mark.parametrize(
    ("change", "message"), [({"trainable": False}, "may not be trained on"), ({"split": "test"}, "the split test")]
)
def test_prompts_that_may_not_be_trained_on_are_refused(
    folders: tuple[Path, Path], change: dict[str, object], message: str
) -> None:
    forbidden = msgspec.structs.replace(problem(7), **change)
    write_jsonl(folders[0] / "mined.jsonl", [problem(6), forbidden])
    with pytest.raises(InputError, match=message):
        asked_of(folders, 3, mined=1)


def test_more_prompts_than_a_file_holds_and_no_prompt_at_all_are_refused(folders: tuple[Path, Path]) -> None:
    write_jsonl(folders[0] / "mined.jsonl", [problem(6)])
    with pytest.raises(InputError, match="the file holds 1"):
        asked_of(folders, 0, mined=2)
    with pytest.raises(InputError, match="nothing to ask"):
        asked_of(folders)
