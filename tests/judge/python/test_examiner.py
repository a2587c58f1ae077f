"""Python candidates: right code passes, wrong code does not, hostile code harms nobody."""

import pytest

from rustml.judge import Judge
from rustml.records import Candidate, Status, Verdict

TESTS = """
def test_many():
    assert double([1, 2, 3]) == [2, 4, 6]

assert double([]) == []
assert double([5])[0] < 11
assert not double([5])[0] < 10
"""
RIGHT = "def double(xs):\n    return [2 * x for x in xs]\n"
WRONG = "def double(xs):\n    return xs\n"

CASES: dict[str, tuple[str, tuple[Status, ...]]] = {
    "right": (RIGHT, ("passed",)),
    "right, with a main": (RIGHT + "if __name__ == '__main__':\n    raise SystemExit(1)\n", ("passed",)),
    "right, and prints": ("print('x' * 100000)\n" + RIGHT, ("passed",)),
    "right, reads stdin": ("import sys\nsys.stdin.read()\n" + RIGHT, ("passed",)),
    "wrong": (WRONG, ("wrong",)),
    "raises": ("def double(xs):\n    raise ValueError\n", ("wrong",)),
    "no python": ("def double(xs:\n", ("compile_error",)),
    "null byte": ("x = '\0'\n", ("compile_error",)),
    "nothing": ("", ("wrong",)),
    "exits": ("import os\ndef double(xs):\n    os._exit(0)\n", ("incomplete",)),
    "sys.exit": ("import sys\ndef double(xs):\n    sys.exit(0)\n", ("wrong",)),
    "exits at import": ("import os\nos._exit(0)\n", ("incomplete",)),
    "equal to everything": (
        "class E(list):\n    def __eq__(self, o): return True\n    def __lt__(self, o): return True\n"
        "    def __getitem__(self, i): return E()\ndef double(xs):\n    return E()\n",
        ("wrong",),
    ),
    "object equal to everything": (
        "class E:\n    def __eq__(self, o): return True\n    def __lt__(self, o): return True\n"
        "    def __getitem__(self, i): return E()\n    def __bool__(self): return True\n"
        "def double(xs):\n    return E()\n",
        ("wrong",),
    ),
    "redefines the built-ins": (
        "import builtins\nbuiltins.list = builtins.len = lambda *a: 0\nbuiltins.AssertionError = None\n" + WRONG,
        ("wrong", "incomplete"),
    ),
    "looks for the tests": (
        "import gc, sys\ndef double(xs):\n    frame = sys._getframe()\n    while frame:\n"
        "        if 'tests' in frame.f_globals.get('__name__', ''): return None\n        frame = frame.f_back\n"
        "    return [o for o in gc.get_objects() if 'double([1' in str(o)[:0]] or xs\n",
        ("wrong",),
    ),
    "writes records": (
        "import os\nfor fd in range(1, 64):\n    try:\n        os.write(fd, b'0 p\\n1 p\\n2 p\\n3 p\\nwhole\\n')\n"
        "    except OSError: pass\n" + WRONG,
        ("wrong", "incomplete"),
    ),
    "answers out of turn": (
        "import os, json\nm = json.dumps(['ok', ['l', [['i', '0x2'], ['i', '0x4'], ['i', '0x6']]]]).encode()\n"
        "for n in range(9): os.write(4, len(m).to_bytes(4, 'little') + m)\n" + WRONG,
        ("wrong", "incomplete"),
    ),
    "huge message": ("import os\nos.write(4, b'\\xff' * 8)\n" + WRONG, ("wrong", "incomplete")),
    "deep message": (
        "import os\nm = b'[' * 100000\nos.write(4, len(m).to_bytes(4, 'little') + m)\n" + WRONG,
        ("wrong", "incomplete"),
    ),
    "endless": ("def double(xs):\n    while True: pass\n", ("run_timeout",)),
    "endless, deaf": (
        "import signal\nsignal.signal(signal.SIGPROF, signal.SIG_IGN)\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\n"
        "def double(xs):\n    while True: pass\n",
        ("run_timeout", "out_of_memory"),
    ),
    "sleeps": ("import time\ndef double(xs):\n    time.sleep(99)\n", ("run_timeout",)),
    "memory": ("def double(xs):\n    return [bytearray(1 << 30) for _ in range(99)]\n", ("out_of_memory", "wrong")),
    "forks": ("import os\nwhile True: os.fork()\n", ("policy",)),
    "runs a program": ("import subprocess\nsubprocess.run(['/bin/sh'])\n" + WRONG, ("policy", "wrong")),
    "kills everything": ("import os\nos.kill(-1, 9)\n" + WRONG, ("policy",)),
    "signals itself by libc": ("import ctypes\nctypes.CDLL(None).kill(1, 9)\n" + WRONG, ("policy",)),
    "opens a socket": ("import socket\nsocket.socket()\n" + WRONG, ("policy",)),
    "fills the disk": (
        "with open('/tmp/x', 'wb') as f:\n    while True: f.write(b'1' * (1 << 20))\n" + WRONG,
        ("wrong", "crashed", "incomplete"),
    ),
    "reads the examiner": ("open('/guest/test_driver.py').read()\nopen('/proc/self/mem')\n" + WRONG, ("wrong",)),
    "recursion": ("def double(xs):\n    return double(xs)\n", ("wrong", "crashed")),
    "crashes": ("import ctypes\nctypes.string_at(0)\n" + WRONG, ("crashed",)),
}


@pytest.fixture(scope="module")
def verdicts(judge: Judge) -> dict[str, Verdict]:
    candidates = [candidate(name, code) for name, (code, _) in CASES.items()]
    return {verdict.id: verdict for verdict in judge.judge(candidates)}


def candidate(name: str, code: str, tests: str = TESTS) -> Candidate:
    return Candidate(id=name, code=code, tests=tests, entry_point="double", language="python")


@pytest.mark.parametrize("name", CASES)
def test_status(verdicts: dict[str, Verdict], name: str) -> None:
    assert verdicts[name].status in CASES[name][1], verdicts[name]


def test_every_test_has_a_record(verdicts: dict[str, Verdict]) -> None:
    right = verdicts["right"]
    assert (right.tests_passed, right.tests_expected, right.clippy_clean) == (4, 4, None)


def test_objects_of_the_candidate_can_be_used_by_the_tests(judge: Judge) -> None:
    code = (
        "class Node:\n    def __init__(self, v): self.v, self.next = v, None\ndef double(n):\n    return n.next.v * 2\n"
    )
    tests = "node = Node(1)\nnode.next = Node(21)\nassert double(node) == 42\nassert node.v == 1\n"
    assert judge.judge([candidate("node", code, tests)])[0].status == "passed"


def test_an_exception_keeps_its_class(judge: Judge) -> None:
    tests = "try:\n    double(None)\n    raised = False\nexcept TypeError:\n    raised = True\nassert raised\n"
    assert judge.judge([candidate("raises", RIGHT, tests)])[0].status == "passed"


def test_tests_without_a_test_are_the_judges_fault(judge: Judge) -> None:
    assert judge.judge([candidate("none", RIGHT, "x = 1\n")])[0].status == "infrastructure"
