"""Wrong code never gets `passed`, whatever it does."""

import pytest
from judge_cases import RIGHT, candidate
from judge_cheats import CHEATS

from rustml.judge import Judge
from rustml.records import Verdict

POLICY = (
    "exit in the function", "exit by an alias", "exit by a function pointer", "exit in a spawned thread", "abort",
    "exit in a panic hook", "inline assembly", "safe libc exit", "unsafe no_mangle", "no_mangle memcmp", "export_name",
    "constructor in init_array", "reads its own memory", "runs itself", "opens a socket", "opens a socket, unseen",
    "env at build time", "no_mangle by a macro", "cfg_attr no_mangle", "unsafe by a macro",
    "lifetimes of any length",
)  # fmt: skip


@pytest.fixture(scope="module")
def verdicts(judge: Judge) -> dict[str, Verdict]:
    honest = [candidate(RIGHT + f"// {number}\n", f"honest {number}") for number in range(8)]
    cheats = [candidate(code, name) for name, code in CHEATS.items()]
    mixed = [one for pair in zip(cheats, honest * len(cheats), strict=False) for one in pair]
    return {verdict.id: verdict for verdict in judge.judge(mixed)}


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_is_not_passed(verdicts: dict[str, Verdict], name: str) -> None:
    assert verdicts[name].status not in ("passed", "infrastructure"), verdicts[name]


@pytest.mark.parametrize("name", POLICY)
def test_forbidden_means_are_named_as_such(verdicts: dict[str, Verdict], name: str) -> None:
    assert verdicts[name].status == "policy", verdicts[name]


def test_the_honest_neighbours_of_cheats_pass(verdicts: dict[str, Verdict]) -> None:
    assert {verdicts[f"honest {number}"].status for number in range(8)} == {"passed"}
