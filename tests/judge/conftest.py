from collections.abc import Iterator

import pytest
from judge_cases import LIMITS

from rustml.judge import Judge


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    with Judge(LIMITS, workers=2) as judge:
        yield judge
