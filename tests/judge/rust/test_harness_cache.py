"""The kept harness saves a compilation, and is believed only where it is whole and its folder is the user's alone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rustml.judge import Judge
from rustml.judge.rust import harness_cache
from rustml.judge.rust.compiler import Compiler
from tests.support.judge_cases import LIMITS, RIGHT, candidate


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "rustml" / "harness"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The harness's compilations, by name."""
    calls: list[str] = []
    real: Callable[..., object] = Compiler.link

    def counting(self: Compiler, folders: object, arguments: list[str], seconds: float) -> object:
        calls.extend(word for word in arguments if word == "--crate-name=harness")
        return real(self, folders, arguments, seconds)

    monkeypatch.setattr(Compiler, "link", counting)
    return calls


def passes() -> bool:
    with Judge(LIMITS, workers=1, lints=False) as judge:
        return judge.judge([candidate(RIGHT)])[0].status == "passed"


def test_a_second_judge_compiles_no_harness(kept: Path, compiled: list[str]) -> None:
    assert passes()
    assert passes()
    assert len(compiled) == 1
    assert kept.stat().st_mode & 0o777 == 0o700
    (library,) = kept.iterdir()
    assert library.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", [b"", b"!<arch>\nsomething else"])
def test_a_damaged_one_is_compiled_again_and_mended(kept: Path, compiled: list[str], damage: bytes) -> None:
    with Judge(LIMITS, workers=1):
        pass
    (library,) = kept.iterdir()
    whole = library.read_bytes()
    library.write_bytes(damage)
    with Judge(LIMITS, workers=1):
        pass
    assert len(compiled) == 2
    assert whole in [path.read_bytes() for path in kept.iterdir()]


def test_a_folder_that_others_may_write_to_is_not_believed(kept: Path, compiled: list[str]) -> None:
    with Judge(LIMITS, workers=1):
        pass
    kept.chmod(0o777)
    with Judge(LIMITS, workers=1):
        pass
    assert len(compiled) == 2


def test_other_flags_have_another_harness(monkeypatch: pytest.MonkeyPatch) -> None:
    from rustml.judge.rust import toolchain

    first = harness_cache._key(toolchain.find())
    monkeypatch.setattr(harness_cache, "FLAGS", (*harness_cache.FLAGS, "-Cpanic=abort"))
    assert harness_cache._key(toolchain.find()) != first


def test_trusted_code_without_a_sandbox_never_meets_the_kept_one(kept: Path, compiled: list[str]) -> None:
    with Judge(LIMITS, workers=1, sandbox="none", lints=False):
        pass
    assert len(compiled) == 1
    assert not kept.exists()


def test_a_home_that_cannot_be_written_to_costs_only_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: list[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert passes()
    assert len(compiled) == 1
