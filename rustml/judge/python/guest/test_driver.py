"""Runs the tests of Python candidates, each candidate in a process of its own that does not see them.

Standard input: one JSON request. Standard output: lines `nonce case test p|f`, `nonce case end HOW CPU_US WALL_US`,
as the Rust harness writes them. This file runs inside the sandbox and imports nothing of rustml.
"""

import dataclasses
import importlib
import json
import os
import resource
import signal
import sys
import time
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - pathlib takes longer to import than all else

import confine  # type: ignore[import-not-found]
import derivation  # type: ignore[import-not-found]
import library  # type: ignore[import-not-found]
import running  # type: ignore[import-not-found]
from deadline import Deadline, JudgeGone, drain  # type: ignore[import-not-found]
from file_service import Files  # type: ignore[import-not-found]
from link import Link  # type: ignore[import-not-found]
from script import Script  # type: ignore[import-not-found]
from wire import Channel, Closed  # type: ignore[import-not-found]

_COROUTINE = 0x80
"""The flag of a function's code that `async def` sets."""
HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120


def run_tests(case: dict[str, Any], channel: Channel, report: int, files: str = "") -> None:
    """Load the candidate and run its tests, writing one record per test to the descriptor `report`.

    `files` is the folder in which this process makes the candidate's files, empty where that makes its own.
    """
    tests = Script(case["tests"])
    link = Link(channel, tests)
    link.files = Files(files)
    names: dict[str, Any] = {"__name__": "tests", "__package__": library.PACKAGE, "super": derivation.above}
    _equip(tests, link, names)
    ready = _load(case, link, tests, names, report)
    number = 0
    for kind, step in tests.steps():
        succeeded = ready and _succeeds(step, names, report) and not link.swallowed
        if channel.gone:
            raise Closed
        link.swallowed = False
        if kind == "test":
            os.write(report, f"{number} {'p' if succeeded else 'f'}\n".encode())
            number += 1
        else:
            ready = succeeded
    if not ready:  # also where no test came after the step that failed
        os.write(report, f"{number - 1} f\n".encode())


def _equip(tests: Script, link: Link, names: dict[str, Any]) -> None:
    """What the tests import that is not in this interpreter's library, or would start a run of its own."""
    dataclasses.dataclass = derivation.data_class
    own = running.Running(link, tests.texts)
    names.update(own.names())
    own.equip(tests.imports)
    if tests.with_pytest:
        sys.modules["pytest"] = importlib.import_module("pytest_names").module()
    if tests.imports("json"):
        importlib.import_module("json.encoder").c_make_encoder = None  # type: ignore[attr-defined]
    if tests.imports("random"):
        _seed_both(importlib.import_module("random"), link)
    if tests.imports("unittest"):
        importlib.import_module("unittest").main = lambda *_, **__: None  # type: ignore[attr-defined]


def _seed_both(random: Any, link: Link) -> None:
    """Let the tests' `random.seed` seed the candidate's generator too."""
    seed = random.seed

    def both(*given: Any) -> None:
        seed(*given)
        link.request("seed", *given)

    random.seed = both


def _load(case: dict[str, Any], link: Link, tests: Script, names: dict[str, Any], report: int) -> bool:
    """Load the candidate and give its names to the tests."""
    try:
        link.request("compile", case["code"])
    except Closed:
        raise
    except BaseException:
        os.write(report, b"0 s\n")
        return False
    return _succeeds(lambda: _offer(link, tests, names, case["entry_point"]), names, report)


def _offer(link: Link, tests: Script, names: dict[str, Any], entry_point: str) -> None:
    link.request("load")
    offered = link.offered(entry_point)
    names.update(offered)
    library.install(tests.libraries(entry_point), offered, link)


def _succeeds(step: Any, names: dict[str, Any], report: int) -> bool:
    try:
        if callable(step):
            step()
        elif isinstance(step, tuple):
            _call(names, *step)
        else:
            exec(step, names)  # noqa: S102
    except Closed:
        raise
    except MemoryError:
        os.write(report, b"0 m\n")
        return False
    except BaseException:  # an exit, too, is a failure of this step alone
        return False
    return True


def _call(names: dict[str, Any], owner: str, function: str) -> None:
    if owner or "pytest" in sys.modules or names[function].__code__.co_flags & _COROUTINE:
        importlib.import_module("runner").run(names, owner, function)
    else:
        names[function]()


def run_case(case: dict[str, Any], limits: dict[str, Any], judge: int) -> list[str]:
    """The report on one candidate. Ends everything when the descriptor `judge` is not read any more."""
    try:
        with confine.private_folder(limits) as folder:
            return _run(case, limits, folder, judge)
    except OSError:
        return ["end refused 0 0"]


def _run(case: dict[str, Any], limits: dict[str, Any], folder: str, judge: int) -> list[str]:
    started = time.monotonic()
    to_host, from_host, report, status = os.pipe(), os.pipe(), os.pipe(), os.pipe()
    host = os.fork()
    if host == 0:
        confine.become_host(limits, folder, (to_host[0], from_host[1], status[1]), f"{HERE}/host.py")
    for fd in (to_host[0], from_host[1], status[1]):
        os.close(fd)
    driver = os.fork()
    if driver == 0:
        os.close(report[0])
        os.close(status[0])
        confine.confine_driver(limits, folder)
        _drive(case, Channel(from_host[0], to_host[1]), report[1], folder if limits["scratch"] else "")
    for fd in (to_host[1], from_host[0], report[1]):
        os.close(fd)
    confined = _confined(status[0])
    deadline = Deadline((host, driver), limits["wall"], limits["cpu"])
    try:
        text, expired = drain(report[0], deadline, judge)
    except JudgeGone:
        for pid in (driver, host):
            os.kill(pid, signal.SIGKILL)
        os._exit(1)
    os.close(report[0])
    complete = text.endswith(("whole\n", "broken\n"))
    if not (complete or expired):
        _await_exit(host)
    for pid in (driver, host):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(driver, 0)
    _, ending, usage = os.wait4(host, 0)
    how = deadline.reason() if expired else "exit:0" if complete else _ending(ending)
    how = how if confined else "refused"
    cpu = int((usage.ru_utime + usage.ru_stime) * 1e6)
    return [*text.splitlines(), f"end {how} {cpu} {int((time.monotonic() - started) * 1e6)}"]


def _confined(status: int) -> bool:
    """Whether a process was confined before it became a host, by what it said on its status pipe."""
    said = b""
    while piece := os.read(status, 2):
        said += piece
    os.close(status)
    return bool(said == confine.READY)


def _await_exit(pid: int) -> None:
    """Its pipe is closed, so it is about to end: how, is worth a moment's wait."""
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        time.sleep(0.002)


def _ending(status: int) -> str:
    return f"signal:{status & 0x7F}" if status & 0x7F else f"exit:{status >> 8}"


def _drive(case: dict[str, Any], channel: Channel, report: int, files: str) -> None:
    try:
        run_tests(case, channel, report, files)
        os.write(report, b"whole\n")
    except (Closed, BrokenPipeError):
        pass
    except BaseException:
        os.write(report, b"broken\n")
    finally:
        os._exit(0)


def main() -> None:
    """Run every case of the request."""
    request = json.loads(sys.stdin.buffer.read())
    out = os.dup(1)
    sys.setrecursionlimit(5000)
    null = os.open("/dev/null", os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number, case in request["cases"]:
        lines = run_case(case, request["limits"], out)
        os.write(out, "".join(f"{request['nonce']} {number} {line}\n" for line in lines).encode())
    os._exit(0)


if __name__ == "__main__":
    main()
