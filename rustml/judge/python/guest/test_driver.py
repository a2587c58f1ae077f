"""Runs the tests of Python candidates, each candidate in a process of its own that does not see them.

Standard input: one JSON request. Standard output: lines `nonce case test p|f`, `nonce case end HOW CPU_US WALL_US`,
as the Rust harness writes them. This file runs inside the sandbox and imports nothing of rustml.
"""

import ast
import builtins
import json
import os
import resource
import signal
import sys
import time
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - pathlib takes longer to import than all else

import confine  # type: ignore[import-not-found]
from deadline import Deadline, JudgeGone, drain  # type: ignore[import-not-found]
from wire import Channel, Closed, decode, encode  # type: ignore[import-not-found]

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
# What a test may do with an object of the candidate. Comparing is not among it: an assertion decides on data.
_OPERATIONS = ("__getitem__", "__setitem__", "__len__", "__iter__", "__next__", "__str__", "__float__", "__int__")


class Remote:
    """Stands for an object that stayed with the candidate. It equals itself alone."""

    def __init__(self, link: "Link", number: int) -> None:
        object.__setattr__(self, "_link", link)
        object.__setattr__(self, "_number", number)

    def __eq__(self, other: Any) -> bool:
        return type(other) is Remote and object.__getattribute__(other, "_number") == self._number

    def __hash__(self) -> int:
        return hash(self._number)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the object where it is."""
        return self._link.ask("call", self, arguments, named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._link.ask("get", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._link.ask("set", self, name, value)


def _operation(name: str) -> Any:
    def operate(self: Remote, *operands: Any) -> Any:
        return self._link.operate(name, self, *operands)

    return operate


for _name in _OPERATIONS:
    setattr(Remote, _name, _operation(_name))


class Link:
    """The test driver's end of the channel to one candidate."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def ask(self, verb: str, target: Any, *rest: Any) -> Any:
        """Ask the candidate to do something with an object that it keeps."""
        texts = (item if isinstance(item, str) and verb != "call" and index == 0 else self._pack(item)
                 for index, item in enumerate(rest))  # fmt: skip
        return self.request([verb, self._pack(target), *texts])

    def operate(self, name: str, *operands: Any) -> Any:
        """Apply a special method to an object that the candidate keeps."""
        return self.request(["operate", name, *map(self._pack, operands)])

    def request(self, message: list[Any]) -> Any:
        """One exchange. What the candidate raised is raised here, as the built-in exception nearest to it."""
        self._channel.send(message)
        status, *rest = self._channel.receive()
        if status == "ok":
            return decode(rest[0], lambda number, _: Remote(self, number))
        raise _nearest(rest[0])(str(rest[1]))

    def _pack(self, value: Any) -> list[Any]:
        if type(value) is Remote:
            return ["h", object.__getattribute__(value, "_number"), True]
        if type(value) in (list, tuple, dict):
            return self._pack_container(value)
        packed: list[Any] = encode(value, _refuse)
        return packed

    def _pack_container(self, value: Any) -> list[Any]:
        if type(value) is dict:
            return ["d", [[self._pack(key), self._pack(item)] for key, item in value.items()]]
        return ["l" if type(value) is list else "t", [self._pack(item) for item in value]]


def _refuse(value: Any) -> int:
    raise TypeError(f"the tests cannot hand over a {type(value).__name__}")


def _nearest(names: Any) -> type[Exception]:
    for name in names if isinstance(names, list) else ():
        kind = getattr(builtins, str(name), None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            return kind
    return RuntimeError


def steps(tests: str) -> list[tuple[str, Any]]:
    """What the tests are made of, in order: ("set-up", code) and ("test", code or the name of a function)."""
    plan: list[tuple[str, Any]] = []
    functions: list[tuple[str, Any]] = []
    for node in ast.parse(tests).body:
        call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        kind = "test" if isinstance(node, ast.Assert) or call else "set-up"
        plan.append((kind, compile(ast.Module([node], []), "tests.py", "exec")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            functions.append(("test", node.name))
    return plan + functions


def run_tests(case: dict[str, Any], channel: Channel, report: int) -> None:
    """Load the candidate and run its tests, writing one record per test to the descriptor `report`."""
    link = Link(channel)
    names: dict[str, Any] = {"__name__": "tests"}
    plan = steps(case["tests"])
    ready = _load(case, link, names, report)
    number = 0
    for kind, step in plan:
        succeeded = ready and _succeeds(step, names, report)
        if kind == "test":
            os.write(report, f"{number} {'p' if succeeded else 'f'}\n".encode())
            number += 1
        else:
            ready = succeeded


def _load(case: dict[str, Any], link: Link, names: dict[str, Any], report: int) -> bool:
    """Load the candidate and give its names to the tests; a name of the language's own keeps its meaning."""
    try:
        link.request(["compile", case["code"]])
    except Closed:
        raise
    except Exception:
        os.write(report, b"0 s\n")
        return False
    return _succeeds(lambda: names.update(_offered(link, case["entry_point"])), names, report)


def _offered(link: Link, entry_point: str) -> dict[str, Any]:
    link.request(["load"])
    names = [name for name in link.request(["names"]) if type(name) is str and name.isidentifier()]
    public = [name for name in names if name == entry_point or not (hasattr(builtins, name) or name.startswith("__"))]
    return {name: link.request(["name", name]) for name in public}


def _succeeds(step: Any, names: dict[str, Any], report: int) -> bool:
    try:
        if callable(step):
            step()
        elif isinstance(step, str):
            names[step]()
        else:
            exec(step, names)  # noqa: S102
    except Closed:
        raise
    except MemoryError:
        os.write(report, b"0 m\n")
        return False
    except Exception:
        return False
    return True


def run_case(case: dict[str, Any], limits: dict[str, Any], judge: int) -> list[str]:
    """The report on one candidate. Ends everything when the descriptor `judge` is not read any more."""
    started = time.monotonic()
    to_host, from_host, report, status = os.pipe(), os.pipe(), os.pipe(), os.pipe()
    host = os.fork()
    if host == 0:
        confine.become_host(limits, to_host[0], from_host[1], status[1], f"{HERE}/host.py")
    for fd in (to_host[0], from_host[1], status[1]):
        os.close(fd)
    driver = os.fork()
    if driver == 0:
        os.close(report[0])
        os.close(status[0])
        confine.confine_driver(limits)
        _drive(case, Channel(from_host[0], to_host[1]), report[1])
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


def _drive(case: dict[str, Any], channel: Channel, report: int) -> None:
    try:
        run_tests(case, channel, report)
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
