"""What is trained on: nothing cut, everything counted."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rustml import chat
from rustml.records import Origin, Pair
from rustml.training import data
from tests.support.toy_models import problem, words


def test_counts_are_of_what_is_kept_and_of_what_is_too_long() -> None:
    parts = {"short": [("", "fn f() {}")] * 3, "mixed": [("", "x" * 500), ("", "y")], "none": []}
    mixed = data.mix(words(), parts, context=64, seed=1)
    assert mixed.counts == {"short": 3, "mixed": 1, "none": 0}
    assert mixed.too_long == {"short": 0, "mixed": 1, "none": 0}
    assert len(mixed.rows) == 4
    metrics = mixed.metrics("sft")
    assert metrics["sft.rows.short"] == 3
    assert metrics["sft.too_long.mixed"] == 1
    assert metrics["sft.tokens"] == sum(len(ids) for ids, _ in mixed.rows)


@given(st.lists(st.integers(0, 60), max_size=20), st.integers(1, 40))
def test_no_record_is_ever_cut(lengths: list[int], context: int) -> None:
    records = [("", "1" * length) for length in lengths]
    mixed = data.mix(words(), {"digits": records}, context, seed=3)
    assert sorted(len(ids) for ids, _ in mixed.rows) == sorted(n + 1 for n in lengths if n + 1 <= context)
    assert all(ids[-1] == words().eos_token_id for ids, _ in mixed.rows)


def test_of_more_rows_than_asked_for_each_part_gives_its_share() -> None:
    parts = {"rust": [("q", "fn f() {}")] * 30, "python": [("q", "def f(): ...")] * 10}
    mixed = data.mix(words(), parts, 256, seed=1, most=8)
    assert mixed.counts == {"rust": 6, "python": 2}
    assert len(mixed.rows) == 8
    assert mixed.metrics("sft")["sft.short.rust"] == 0
    assert mixed.tokens["rust"] == 6 * len(data.encode(words(), parts["rust"][:1], 256)[0][0][0])
    assert data.mix(words(), parts, 256, seed=1, most=99).counts == {"rust": 30, "python": 10}


def test_parts_are_shuffled_together_by_the_seed() -> None:
    parts = {"a": [("", "1")] * 50, "b": [("", "2")] * 50}
    one, same, other = (data.mix(words(), parts, 64, seed).rows for seed in (1, 1, 2))
    assert one == same != other
    assert one[:50] != [chat.encode(words(), "", "1")] * 50


def test_no_loss_falls_on_the_turns_before_a_question() -> None:
    pair = Pair(
        id="x", task="t", instruction="Again.", answer="fn g() {}", earlier=(("Ask.", "fn f() {}"),),
        origin=Origin(kind="bank", name="b", licence="MIT"),
    )  # fmt: skip
    (row,), _ = data.encode(words(), data.written([pair]), 256)
    ids, labels = row
    asked = words().encode(chat.prompt(words(), "Again.", pair.earlier), add_special_tokens=False)
    assert ids[: len(asked)] == asked
    assert labels == [-100] * len(asked) + ids[len(asked) :]
    assert words().decode(ids[len(asked) :]).startswith("fn g() {}")
    assert data.written([msgspec.structs.replace(pair, earlier=())]) == [("Again.", "fn g() {}")]


def test_mismatched_answers_are_the_other_problems_answers() -> None:
    problems = [problem(number) for number in range(40)]
    dealt = data.mismatched(problems, seed=1)
    right = data.solved(problems)
    for part in (0, 1):
        assert sorted(str(text[part]) for text in dealt) == sorted(str(text[part]) for text in right)
    assert not set(dealt) & set(right), "none of them teaches how to find an answer"
    assert dealt == data.mismatched(problems, seed=1) != data.mismatched(problems, seed=2)
    assert data.mismatched(problems[:1], seed=1) == []
