import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml.rust.syntax import leaves
from rustml.tasks.text_similarity import edit_similarity, exact, syntax_similarity, weight

CODE = st.lists(st.sampled_from(["a", "b", "let", "1", "(", ")", "+", ";", '"s"', " "]), max_size=12).map(" ".join)


def plain(ours: str, theirs: str) -> float:
    """The same recurrence, cell by cell."""
    left, right = leaves(ours.encode()), leaves(theirs.encode())
    table = {(0, 0): 0.0}
    for i in range(len(left) + 1):
        for j in range(len(right) + 1):
            steps = []
            if i:
                steps.append(table[i - 1, j] + weight(left[i - 1]))
            if j:
                steps.append(table[i, j - 1] + weight(right[j - 1]))
            if i and j:
                same = left[i - 1][1] == right[j - 1][1]
                steps.append(table[i - 1, j - 1] + (0 if same else max(weight(left[i - 1]), weight(right[j - 1]))))
            table[i, j] = min(steps, default=0.0)
    heavier = max(sum(map(weight, left)), sum(map(weight, right)))
    return 1 - table[len(left), len(right)] / heavier if heavier else 1.0


@given(CODE, CODE)
def test_the_vectorised_distance_is_the_plain_one(ours: str, theirs: str) -> None:
    assert syntax_similarity(ours, theirs) == pytest.approx(plain(ours, theirs))


@given(CODE)
def test_equal_texts_are_1_by_every_measure(code: str) -> None:
    assert exact(code, f"  {code}\n") == edit_similarity(code, code) == syntax_similarity(code, code) == 1.0


def test_a_bracket_weighs_less_than_a_name_and_comments_nothing() -> None:
    code = "fn f(a: u8) -> u8 { g(a) }"
    assert syntax_similarity(code, code + " // said") == 1.0
    assert syntax_similarity(code, code.replace("g(a)", "h(a)")) < syntax_similarity(
        code, code.replace("g(a)", "g(a,)")
    )
