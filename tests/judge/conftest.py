from collections.abc import Iterator

import pytest

from rustml.errors import SandboxUnavailable
from rustml.judge import Judge
from tests.support.judge_cases import LIMITS


@pytest.fixture(scope="session")
def landlock_judge() -> Iterator[Judge]:
    try:
        judge = Judge(LIMITS, workers=2, sandbox="landlock")
    except SandboxUnavailable as reason:
        pytest.skip(str(reason))
    with judge:
        yield judge


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    with Judge(LIMITS, workers=2) as judge:
        yield judge
