"""Settings of every test."""

import signal
from sqlite3 import Connection

import pytest
from hypothesis import settings
from sqlalchemy import Engine, event

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
