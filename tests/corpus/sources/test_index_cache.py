"""What is asked again of an index with and without validators."""

import pytest

from rustml.corpus.sources import index_cache
from tests.corpus.sources.conftest import Bring
from tests.support.loopback_registry import MODIFIED, Registry

FILE = "/index/3/a/abc"


@pytest.mark.parametrize(("validator", "header"), [("ETag", "if-none-match"), ("Last-Modified", "if-modified-since")])
def test_a_validator_is_sent_back(validator: str, header: str, registry: Registry, bring: Bring) -> None:
    registry.add("abc", "1.0.0", b"x")
    registry.validator = validator
    first, _ = bring("abc", index_minutes=60.0)
    registry.requests.clear()
    second, _ = bring("abc", index_minutes=60.0)
    (asked,) = (request for request in registry.requests if request.path == FILE)
    assert header in asked.headers
    assert first == second
    assert validator == "ETag" or asked.headers[header] == MODIFIED


def test_a_changed_file_is_read_anew(registry: Registry, bring: Bring) -> None:
    registry.add("abc", "1.0.0", b"x")
    bring("abc")
    registry.add("abc", "1.0.1", b"y")
    crates, _ = bring("abc")
    assert [crate.version for crate in crates] == ["1.0.1"]


def test_without_validators_the_answer_holds_for_its_minutes(
    registry: Registry, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.add("abc", "1.0.0", b"x")
    registry.validator = ""
    now = [1_000_000.0]
    monkeypatch.setattr(index_cache.time, "time", lambda: now[0])
    counts = []
    for seconds in (0, 59 * 60, 2 * 60, 0, -3600):
        now[0] += seconds
        bring("abc", index_minutes=60.0)
        counts.append(registry.count(FILE))
    assert counts == [1, 1, 2, 2, 3], "asked again after the hour, and where the clock went back"
    bring("abc", index_minutes=0.0)
    assert registry.count(FILE) == 4
