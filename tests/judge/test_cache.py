from pathlib import Path

import msgspec
import pytest

from rustml.errors import InputError
from rustml.judge import Judge
from rustml.judge.cache import Cache
from rustml.records import Verdict
from rustml.testing import make_verdict
from tests.support.judge_cases import LIMITS, RIGHT, WRONG, candidate


def entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_second_judge_serves_the_same_verdicts_without_compiling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Judge(LIMITS, workers=1, cache=tmp_path) as judge:
        first = judge.judge([candidate(RIGHT, "a"), candidate(WRONG, "b"), candidate(RIGHT, "c")])
    assert len(entries(tmp_path)) == 2
    with Judge(LIMITS, workers=1, cache=tmp_path) as judge:
        monkeypatch.setattr(judge._settler, "settle", lambda _: pytest.fail("judged again"))
        assert judge.judge([candidate(RIGHT, "a"), candidate(WRONG, "b"), candidate(RIGHT, "c")]) == first


def test_a_damaged_entry_is_judged_again(tmp_path: Path, judge: Judge) -> None:
    cache = Cache(tmp_path, {})
    verdict = judge.judge([candidate(RIGHT)])[0]
    cache.put(candidate(RIGHT), verdict)
    assert cache.get(candidate(RIGHT)) == verdict
    for damage in (b"", b"{", b"\xff", b'{"id": 1}'):
        entries(tmp_path)[0].write_bytes(damage)
        assert cache.get(candidate(RIGHT)) is None


def test_what_the_machine_may_have_caused_is_not_kept(tmp_path: Path, judge: Judge) -> None:
    cache = Cache(tmp_path, {})
    fault: Verdict = judge.judge([candidate(RIGHT, tests="no tests")])[0]
    assert fault.status == "infrastructure"
    cache.put(candidate(RIGHT), fault)
    assert entries(tmp_path) == []


def test_a_verdict_that_the_load_of_the_machine_may_have_decided_is_not_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path, {})
    verdict = make_verdict("c", "run_timeout")
    cache.put(candidate(RIGHT), msgspec.structs.replace(verdict, transient=True))
    assert entries(tmp_path) == []
    cache.put(candidate(RIGHT), verdict)
    assert cache.get(candidate(RIGHT)) == verdict


def test_only_a_transient_verdict_says_so_in_a_file() -> None:
    verdict = make_verdict("c", "run_timeout")
    assert b"transient" not in msgspec.json.encode(verdict)
    marked = msgspec.structs.replace(verdict, transient=True)
    assert msgspec.json.decode(msgspec.json.encode(marked), type=Verdict) == marked


def test_the_key_holds_settings_and_content(tmp_path: Path, judge: Judge) -> None:
    verdict = judge.judge([candidate(RIGHT)])[0]
    Cache(tmp_path, {"lints": True}).put(candidate(RIGHT), verdict)
    assert Cache(tmp_path, {"lints": False}).get(candidate(RIGHT)) is None
    assert Cache(tmp_path, {"lints": True}).get(candidate(WRONG)) is None
    assert Cache(tmp_path, {"lints": True}).get(candidate(RIGHT, "another id")) == verdict


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cache folder"):
        Cache(tmp_path / "file" / "cache", {})
