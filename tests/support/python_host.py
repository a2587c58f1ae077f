"""A candidate's host without a sandbox, for code of the tests alone, and the tests' end of the conversation with it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rustml.judge

GUEST = Path(rustml.judge.__file__).parent / "python" / "guest"
sys.path.insert(0, str(GUEST))  # what runs inside the sandbox is no package

from link import Link  # type: ignore[import-not-found] # noqa: E402
from script import Script  # type: ignore[import-not-found] # noqa: E402
from wire import Channel  # type: ignore[import-not-found] # noqa: E402

_START = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); sys.argv = [sys.argv[3]]; "
_START += "import runpy; runpy.run_path(sys.argv[0], run_name='__main__')"


@contextmanager
def offered(code: str, tests: str = "") -> Iterator[dict[str, Any]]:
    """The names of `code`, as `tests` get them."""
    (to_host, ours), (theirs, from_host) = os.pipe(), os.pipe()
    high = [os.dup(to_host), os.dup(from_host)]
    words = [sys.executable, "-I", "-S", "-c", _START, *map(str, high), str(GUEST / "host.py")]
    with subprocess.Popen(words, pass_fds=high) as host:
        for fd in (to_host, from_host, *high):
            os.close(fd)
        link = Link(Channel(theirs, ours), Script(tests))
        link.request("compile", code)
        link.request("load")
        yield link.offered("f")
        host.kill()
        os.close(ours)
        os.close(theirs)
