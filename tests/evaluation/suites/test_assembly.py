import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rustml.banks.bank import make_bank
from rustml.banks.output_files import benchmark_files
from rustml.errors import InputError
from rustml.evaluation.suites.assembly import marked, suites_of
from rustml.evaluation.suites.protocols import PROTOCOLS
from rustml.profile.evaluation import EvaluationSection
from rustml.records import Problem, write_jsonl
from rustml.testing import FakeTokenizer
from tests.support.evaluation_doubles import problem
from tests.support.suite_runs import sections


def section(**suites: dict[str, Any]) -> EvaluationSection:
    """Suites of the bank's test problems, unless they say otherwise."""
    return sections(**{name: {"problems": "rust-test", **changes} for name, changes in suites.items()})


def mbpp(number: int, split: str) -> Problem:
    return Problem(
        id=f"MBPP/{number}",
        bank="mbpp",
        split=split,  # type: ignore[arg-type]
        language="python",
        instruction=f"Write a function to add {number}.",
        entry_point="add",
        reference=f"def add(x):\n    return x + {number}\n",
        tests=f"assert add(0) == {number}\nassert add(1) == {number + 1}\nassert add(2) == {number + 2}\n",
        licence="CC-BY-4.0",
        trainable=False,
        tags={"subset": "prompt"} if split == "train" else {},
    )


@pytest.fixture
def banks(tmp_path: Path) -> Path:
    write_jsonl(tmp_path / "rust-test.jsonl", [problem(number) for number in range(7)])
    splits = {1: "train", 2: "train", 3: "train", 4: "train", 11: "test", 12: "test", 600: "dev"}
    whole = make_bank("mbpp", [mbpp(number, split) for number, split in splits.items()])
    for stem, problems in benchmark_files(whole, dropped=()).items():  # as the stage `bank` writes them
        write_jsonl(tmp_path / f"{stem}.jsonl", problems)
    return tmp_path


def test_suites_hold_the_banks_problems_and_the_profiles_sampling(banks: Path) -> None:
    (greedy, sampled) = suites_of(section(rust={}, drawn={"samples": 4, "temperature": 1.0, "limit": 3}), banks, seed=5)
    assert [item.id for item in greedy.problems] == [f"p/{n}" for n in range(7)]
    assert len(sampled.problems) == 3
    assert (sampled.sampling.samples, sampled.sampling.temperature, sampled.sampling.seed) == (4, 1.0, 5)


def test_only_the_named_suites_are_taken(banks: Path) -> None:
    chosen = suites_of(section(rust={}, other={}), banks, seed=1, only=["other"])
    assert [suite.name for suite in chosen] == ["other"]


def test_contaminated_problems_stay_and_are_named(banks: Path) -> None:
    (suite,) = marked(suites_of(section(rust={}), banks, seed=1), {"p/2", "elsewhere/1"})
    assert len(suite.problems) == 7
    assert suite.contaminated == ("p/2",)


@pytest.mark.parametrize(
    ("suites", "options", "message"),
    [
        ({"rust": {}}, {"only": ["rsut"]}, "no suite rsut .* known: rust"),
        ({"rust": {"samples": 4}}, {}, "4 greedy samples would be equal"),
        ({"rust": {"problems": "absent"}}, {}, "cannot read .*absent.jsonl"),
        ({"rust": {}, "same": {"metric_prefix": "rust."}}, {}, "one metric_prefix"),
        ({"rust": {"protocol": "mbpp"}}, {}, "no problems|lacks MBPP/2, MBPP/3, MBPP/4"),
    ],
)
def test_what_cannot_be_measured_is_refused_beforehand(
    banks: Path, suites: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        suites_of(section(**suites), banks, seed=1, **options)


@pytest.mark.parametrize(("rows", "message"), [([], "holds no problems"), ([1, 2, 1], "ids occur twice")])
def test_a_bank_that_cannot_be_paired_is_refused(banks: Path, rows: list[int], message: str) -> None:
    write_jsonl(banks / "rust-test.jsonl", [problem(number) for number in rows])
    with pytest.raises(InputError, match=message):
        suites_of(section(rust={}), banks, seed=1)


def test_the_data_digest_moves_with_a_test(banks: Path) -> None:
    (suite,) = suites_of(section(rust={}), banks, seed=1)
    changed = msgspec.structs.replace(suite.problems[3], tests="#[test] fn other() {}")
    other = dataclasses.replace(suite, problems=(*suite.problems[:3], changed, *suite.problems[4:]))
    assert other.data_digest != suite.data_digest


# Protocols: the rendered text is pinned to the byte.

HUMANEVAL = msgspec.structs.replace(
    mbpp(1, "test"),
    instruction='import math\n\n\ndef add(x):\n    """Add one."""\n',
    prelude="import math\n\n\n",
)


class MarkingTokenizer(FakeTokenizer):
    bos_token = "<s>"

    def apply_chat_template(self, conversation: list[dict[str, str]], **options: object) -> str:
        assert options["enable_thinking"] is False
        return f"<s>[user]{conversation[0]['content']}[assistant]"


def prompt(name: str, asked: Problem, *shots: Problem) -> str:
    return PROTOCOLS[name].prompt(asked, MarkingTokenizer(), shots).text


def test_humaneval_continues_the_prompt_as_it_is() -> None:
    assert prompt("humaneval", HUMANEVAL) == "<s>" + HUMANEVAL.instruction
    assert PROTOCOLS["humaneval"].code(HUMANEVAL, "    return 2") == HUMANEVAL.instruction + "    return 2"
    assert PROTOCOLS["humaneval"].stops == ("\nclass", "\ndef", "\n#", "\nif", "\nprint")


def test_humaneval_in_chat_opens_the_answer_with_the_prompt() -> None:
    assert prompt("humaneval_chat", HUMANEVAL) == (
        "<s>[user]Write a solution to the following problem and make sure that it passes the tests:\n"
        f"```python\n{HUMANEVAL.instruction}\n```[assistant]"
        f"Here is the completed function:\n\n```python\n{HUMANEVAL.instruction}"
    )
    assert PROTOCOLS["humaneval_chat"].code(HUMANEVAL, "    return 2\n```\nDone.") == (
        HUMANEVAL.instruction + "    return 2\n"
    )


def test_mbpp_shows_three_solved_tasks_and_the_asserts(banks: Path) -> None:
    (suite,) = suites_of(section(mbpp={"protocol": "mbpp", "problems": "mbpp"}), banks, seed=1)
    assert [item.id for item in suite.problems] == ["MBPP/11", "MBPP/12"]
    text = suite.protocol.prompt(suite.problems[0], MarkingTokenizer(), suite.shots).text
    first = (
        "<s>You are an expert Python programmer, and here is your task: Write a function to add 2. "
        "Your code should pass these tests:\n\nassert add(0) == 2\nassert add(1) == 3\nassert add(2) == 4\n[BEGIN]\n"
        "def add(x):\n    return x + 2\n[DONE]\n\n"
    )
    assert text.startswith(first)
    assert text.count("[DONE]") == 3
    assert text.endswith("assert add(0) == 11\nassert add(1) == 12\nassert add(2) == 13\n[BEGIN]\n")


def test_mbpp_in_chat_opens_a_block(banks: Path) -> None:
    (suite,) = suites_of(section(mbpp={"protocol": "mbpp_chat", "problems": "mbpp"}), banks, seed=1)
    text = suite.protocol.prompt(suite.problems[0], MarkingTokenizer(), suite.shots).text
    assert text.endswith("assert add(2) == 13[assistant]```python\n")
    assert text.count("```python\n") == 4
    assert suite.protocol.code(suite.problems[0], "def add(x): ...\n```\nbye") == "def add(x): ...\n"


def test_a_set_up_is_not_shown() -> None:
    built = msgspec.structs.replace(mbpp(5, "test"), tests="root = Node(1)\nassert add(root) == 1\n")
    assert "root = Node(1)\n" not in prompt("mbpp", built)
    assert "assert add(root) == 1\n[BEGIN]" in prompt("mbpp", built)


@pytest.mark.parametrize("name", sorted(PROTOCOLS.keys() - {"pair", "rustevo2", "exercise", "explain", "prediction"}))
def test_the_reference_given_as_an_answer_is_code_that_holds_it(name: str) -> None:
    answers: dict[str, Callable[[], str | None]] = {
        "chat": lambda: PROTOCOLS["chat"].code(mbpp(1, "test"), f"Sure:\n```python\n{mbpp(1, 'test').reference}```"),
        "humaneval": lambda: PROTOCOLS["humaneval"].code(HUMANEVAL, "    return x + 1\n"),
        "humaneval_chat": lambda: PROTOCOLS["humaneval_chat"].code(HUMANEVAL, "    return x + 1\n```"),
        "mbpp": lambda: PROTOCOLS["mbpp"].code(mbpp(1, "test"), mbpp(1, "test").reference),
        "mbpp_chat": lambda: PROTOCOLS["mbpp_chat"].code(mbpp(1, "test"), mbpp(1, "test").reference + "```"),
    }
    code = answers[name]()
    assert code is not None
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["add"](1) == 2
