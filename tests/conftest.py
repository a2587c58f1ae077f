"""Settings of every test."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from sqlite3 import Connection

import pytest
from hypothesis import settings
from sqlalchemy import Engine, event

from tests.support import loopback_server, openai_server
from tests.support.random_model import random_model

# No test is timed: a busy machine is no failure.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# What runs in a shell's background inherits that Ctrl-C is ignored, and the tests that press it would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest test first: begun last, it would keep one processor busy after all other tests are done."""
    items.sort(key=lambda item: "tests/lifecycle/" not in item.nodeid)


@event.listens_for(Engine, "connect")
def _leave_flushing_to_the_system(connection: object, _record: object) -> None:
    """No test cuts the power: tracking stores need not wait for the disk, which makes their schema a hundred times."""
    if isinstance(connection, Connection):
        connection.execute("PRAGMA synchronous=OFF")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A folder with the files of a checkpoint; nothing loads it."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "config.json").write_text("{}")
    return folder


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[openai_server.Play], openai_server.Api]]:
    """`serve(play)` starts a server that plays an OpenAI-compatible API; its key is in the environment."""
    monkeypatch.setenv(openai_server.VARIABLE, openai_server.KEY)
    with openai_server.serving() as start:
        yield start


@pytest.fixture(scope="module")
def tracking_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real `mlflow server` on loopback, which the tests of a module share."""
    with loopback_server.serving(tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A SQLite tracking store with its schema and nothing else, for tests to copy."""
    from tests.support.stores import fresh_database

    return fresh_database(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen3 of 0.1M parameters with random weights, its own tokenizer and a context of 256."""
    return random_model(tmp_path_factory.mktemp("tiny"), context=256)
