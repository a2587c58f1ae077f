"""The real judge behind the real server says what it says beside it; the command refuses to be reached unprotected."""

import threading
from dataclasses import asdict

import msgspec
import pytest
from click.testing import CliRunner

from entrypoints import judge as command
from rustml.errors import InputError
from rustml.judge import Judge
from rustml.judge.remote.client import RemoteJudge
from rustml.judge.remote.exchange import KEY, JudgeFacts
from rustml.judge.remote.service import JudgeService, ServiceLimits
from rustml.profile import load
from rustml.records import Verdict
from rustml.stages.judging import key_of_environment
from tests.support.judge_cases import LIMITS, RIGHT, WRONG, candidate


def without_times(verdict: Verdict) -> Verdict:
    return msgspec.structs.replace(verdict, seconds={})


def test_the_same_verdicts_from_afar(judge: Judge) -> None:
    facts = JudgeFacts(limits=asdict(LIMITS), rust="1", python="3", sandbox=judge.sandbox, code="0")
    codes = [RIGHT, WRONG, "pub fn double(", RIGHT.replace("pub fn", "unsafe fn x() {}\npub fn")]
    candidates = [candidate(code, str(number)) for number, code in enumerate(codes)]
    service = JudgeService(judge, facts, ("127.0.0.1", 0), "k" * 16, ServiceLimits())
    thread = threading.Thread(target=lambda: service.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        with RemoteJudge(service.url, LIMITS, key="k" * 16) as remote:
            verdicts = remote.judge(candidates)
            assert "its crates cannot be had" in remote.crates_fault(({"name": "x", "version": "1"},))  # type: ignore[arg-type]
    finally:
        service.shutdown()
        service.server_close()
        thread.join()
    assert [*map(without_times, verdicts)] == [*map(without_times, judge.judge(candidates))]


@pytest.mark.parametrize(
    ("words", "key", "message"),
    [
        (["--serve", "--host", "0.0.0.0"], "", f"set {KEY}"),
        (["--serve", "--host", "0.0.0.0"], "short", "at least 16"),
        (["--serve", "--samples", "x"], "", "one of them alone"),
        ([], "", "one of them alone"),
    ],
)
def test_the_command_refuses_before_anything_starts(
    words: list[str], key: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, key)
    monkeypatch.setattr("rustml.judge.Judge", None)
    result = CliRunner().invoke(command.main, words)
    assert (result.exit_code, message in result.output) == (InputError.exit_code, True), result.output


def test_a_key_of_other_signs_is_refused_and_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "secret\nsecret\nsecret")
    with pytest.raises(InputError) as refusal:
        key_of_environment()
    assert "secret" not in str(refusal.value)


def test_a_profile_that_names_the_engine_names_the_server() -> None:
    with pytest.raises(InputError, match="address of the judge"):
        load("tiny", ("judge.engine=server",))
    made = load("tiny", ("judge.engine=server", "judge.server=http://judge:8377"))
    assert made.judge.server == "http://judge:8377"
