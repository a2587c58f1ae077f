from collections.abc import Iterator

import pytest

from rustml.judge import Judge
from tests.support.judge_cases import LIMITS


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    with Judge(LIMITS, workers=2) as judge:
        yield judge
