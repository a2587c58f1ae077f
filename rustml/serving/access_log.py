"""The access log: one JSON object per request, of what was asked for and how it ended, never of what was said."""

import json
import logging
import time
from dataclasses import asdict, dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path

LARGEST_FILE = 10 << 20
"""Bytes; a full file becomes `access.jsonl.1` and so on."""
FILES = 5
LONGEST_PATH = 100


@dataclass
class Access:
    """One request, as far as the log tells of it: no headers, query, prompt or answer."""

    request: str
    """Id, which the client gets as header `x-request-id`."""
    client: str
    """Address."""
    method: str
    path: str
    status: int = 0
    """0 where no answer was begun."""
    version: str = ""
    """That answered; empty where the request was refused."""
    received: int = 0
    """Bytes of the request's body."""
    sent: int = 0
    """Bytes of the answer's body."""
    first_byte: float | None = None
    """Seconds until the answer's first byte."""
    seconds: float = 0.0
    """Until its end."""
    ended: str = "complete"
    """Else why not: `refused`, `client left`, `server broke off`, `too long`, `shut down`."""


class AccessLog:
    """A file of JSON lines that is rotated."""

    def __init__(self, path: Path) -> None:
        self._handler = RotatingFileHandler(path, maxBytes=LARGEST_FILE, backupCount=FILES, encoding="utf-8")

    def write(self, access: Access) -> None:
        """Append a line. Where the disk is full the line is lost, not the request."""
        fields = {"time": round(time.time(), 3), **asdict(access), "path": access.path[:LONGEST_PATH]}
        for name in ("first_byte", "seconds"):
            fields[name] = None if fields[name] is None else round(fields[name], 4)
        self._handler.emit(logging.makeLogRecord({"msg": json.dumps(fields)}))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()
