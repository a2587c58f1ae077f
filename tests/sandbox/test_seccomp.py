"""The one list of refused system calls, against the kernel's own headers, and the filters made of it."""

import re
import struct
from pathlib import Path

import pytest

from rustml.errors import EnvironmentFault
from rustml.judge.in_crate import crate_sandbox
from rustml.judge.python import examiner
from rustml.judge.rust import test_runner
from rustml.sandbox import seccomp

HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
FILTERS = {
    "rust": test_runner.REFUSED,
    "python": examiner.REFUSED,
    "in crate": crate_sandbox.REFUSED,
}


@pytest.mark.parametrize("machine", HEADERS)
def test_numbers_are_those_of_the_kernels_headers(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip("no kernel headers for this machine here")
    lines = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)\s", HEADERS[machine].read_text())
    known = {name: int(number) for name, number in lines}
    column = seccomp.ARCHITECTURES[machine][0]
    listed = {name: numbers[column] for name, numbers in seccomp.CALLS.items()}
    newer = {name for name, number in listed.items() if number is not None and number > max(known.values())}
    assert {name: known.get(name) for name in seccomp.CALLS if name not in newer} == {
        name: number for name, number in listed.items() if name not in newer
    }
    assert known["clone"] == seccomp.ARCHITECTURES[machine][2]


@pytest.mark.parametrize("refused", FILTERS.values(), ids=FILTERS)
def test_no_judged_process_reaches_another_process_or_the_network(refused: frozenset[str]) -> None:
    assert refused >= {"socket", "fork", "vfork", "kill", "tkill", "ptrace", "mount", "unshare", "setns"}


def test_a_supervised_candidate_cannot_lift_its_limits() -> None:
    assert {"setrlimit", "prlimit64", "setitimer", "execve"} <= test_runner.REFUSED


@pytest.mark.parametrize("machine", HEADERS)
@pytest.mark.parametrize(("kill", "action"), [(True, 0x80000000), (False, 0x00050001)])
def test_a_filter_names_each_call_once_and_ends_with_permission(machine: str, kill: bool, action: int) -> None:
    code = seccomp.program({"socket", "fork"}, kill=kill, machine=machine)
    steps = list(struct.iter_unpack("=HBBI", code))
    column = seccomp.ARCHITECTURES[machine][0]
    for name in ("socket", "fork"):
        number = seccomp.CALLS[name][column]
        assert number is None or steps.count((0x15, 0, 1, number)) == 1
        assert number is None or steps[steps.index((0x15, 0, 1, number)) + 1] == (0x06, 0, 0, action)
    assert steps[-1] == (0x06, 0, 0, 0x7FFF0000)


def test_an_unknown_machine_has_no_filter() -> None:
    with pytest.raises(EnvironmentFault, match="riscv64"):
        seccomp.program(set(), kill=True, machine="riscv64")
