"""How long a SQLite store is waited for while another program writes to it."""

from typing import Any

BUSY_SECONDS = 300.0
"""On a machine under load one transaction of another program may take longer than the 20 s that MLflow waits."""
SET = "PRAGMA busy_timeout ="


def wait_longer() -> None:
    """Let MLflow's sessions of this process wait so long. A second call changes nothing."""
    import sqlalchemy  # noqa: PLC0415  MLflow loads it where a store is a database

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", _longer, retval=True)


def _longer(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
) -> tuple[str, Any]:
    """The statement to execute: MLflow sets its time at the start of each session, and has no variable for it."""
    waiting = f"{SET} {round(BUSY_SECONDS * 1000)};"
    return (waiting if statement.startswith(SET) else statement), parameters
