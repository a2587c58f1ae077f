"""Wrong code never gets `passed`, whatever it does."""

import pytest

from rustml.judge import Judge
from rustml.judge.screening.candidate_source import CandidateSource
from rustml.records import Verdict
from tests.support.cheats import CHEATS, FORGE, UNSOUND
from tests.support.judge_cases import RIGHT, candidate

POLICY = (
    "exit in the function", "exit by an alias", "exit by a function pointer", "exit in a spawned thread", "abort",
    "exit in a panic hook", "inline assembly", "safe libc exit", "unsafe no_mangle", "no_mangle memcmp", "export_name",
    "constructor in init_array", "reads its own memory", "runs itself", "opens a socket", "opens a socket, unseen",
    "env at build time", "no_mangle by a macro", "cfg_attr no_mangle", "unsafe by a macro",
    "lifetimes of any length", *(f"{name}, forged records" for name in UNSOUND),
)  # fmt: skip


@pytest.fixture(scope="module", params=["judge", "landlock_judge"])
def verdicts(request: pytest.FixtureRequest) -> dict[str, Verdict]:
    judge: Judge = request.getfixturevalue(request.param)
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


@pytest.mark.parametrize("flood", [0, 2000])
def test_records_forged_by_unsound_code_that_nobody_saw_coming(
    judge: Judge, monkeypatch: pytest.MonkeyPatch, flood: int
) -> None:
    """The holes are refused by their text. This is what holds where the next one is not: records bear a cookie."""
    monkeypatch.setattr("rustml.judge.screening.candidate_source.known_unsoundness", lambda _: None)
    cheats = [candidate(code + FORGE % flood, name) for name, code in UNSOUND.items()]
    honest = [candidate(RIGHT + f"// {number}\n", f"honest {number}") for number in range(2)]
    found = {verdict.id: verdict for verdict in judge.judge([*cheats, *honest])}
    for name in UNSOUND:
        assert (found[name].status, found[name].compiles) == ("policy", True), found[name]
        assert "record" in found[name].detail
    assert {found["honest 0"].status, found["honest 1"].status} == {"passed"}


@pytest.mark.parametrize("code", [
    "fn f<'a, 'b>(x: &'a str, _: &'b str) -> &'a str { x } fn g(h: fn(i32) -> i32) -> i32 { h(1) }",
    "fn f<'a, 'b: 'a, T>(x: &'a T, _: &'b T, f: impl Fn(&T)) -> &'a T where 'b: 'a { f(x); x }",
    "fn f<'a>(x: &'a [&'a str], p: &dyn Fn(&str) -> bool) -> &'a str { if p(x[0]) { x[1] } else { x[0] } }",
    "struct L<'b>(&'b str); fn f<'a, 'b>(x: &'a L<'b>, p: impl Fn(&str) -> bool) -> &'b str { p(x.0); x.0 }",
    "trait D { fn d(&self) {} } impl<T: ?Sized> D for Box<T> {} fn f() -> Box<dyn Iterator<Item = u8>> { todo!() }",
])  # fmt: skip
def test_honest_lifetimes_and_objects_are_no_hole(code: str) -> None:
    assert CandidateSource(code).forbidden(allow_unsafe=False) is None


def test_the_honest_neighbours_of_cheats_pass(verdicts: dict[str, Verdict]) -> None:
    assert {verdicts[f"honest {number}"].status for number in range(8)} == {"passed"}
