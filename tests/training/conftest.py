"""A toy checkpoint to train on from."""

from pathlib import Path

import pytest

from tests.support.toy_models import checkpoint


@pytest.fixture(scope="session")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("parent"))
