"""What a candidate may use up: the limits that a profile states."""

from dataclasses import dataclass

from rustml.profile.judge import JudgeSection

WAITING = 16
"""A test process that gets less than one part in this many of a processor counts as waiting.

The programs inside the sandbox count so too, and cannot import this: `harness/sys.rs`, `guest/deadline.py`.
"""


@dataclass(frozen=True)
class Limits:
    """Bounds of one compilation and of one candidate's tests; every field is positive."""

    compile_seconds: float = 20.0
    """Processor time of one compilation: what a busy machine does not change."""
    run_seconds: float = 5.0
    """Time that one candidate's tests may take: wall time while they wait, processor time while they compute."""
    cpu_seconds: float = 2.0
    """Processor time of one candidate's tests: what ends an endless loop, alone or beside others, at the same point."""
    memory_mb: int = 1024
    """Writable memory of one sandboxed process, MiB. A compilation gets twice as much."""
    disk_mb: int = 64
    """Everything that a candidate may write, MiB."""
    source_kb: int = 256
    """Length of a candidate's code, KiB. Longer code is refused unread."""
    weak_integrity: bool = False
    """Whether candidates under the policy `unsafe` are judged at all."""

    @property
    def tree_mb(self) -> int:
        """Memory of a whole test program with its supervisor and its private /tmp, MiB; for control groups."""
        return self.memory_mb + self.disk_mb + 64

    @property
    def longest_run(self) -> float:
        """Wall time, seconds, after which the judge ends a test process without waiting for its harness."""
        return WAITING * self.cpu_seconds + self.run_seconds + 1

    @classmethod
    def from_section(cls, section: JudgeSection) -> "Limits":
        """The limits that a profile states."""
        return cls(
            compile_seconds=section.compile_seconds,
            run_seconds=section.run_seconds,
            cpu_seconds=section.cpu_seconds,
            memory_mb=section.memory_mb,
            disk_mb=section.disk_mb,
            source_kb=section.source_kb,
            weak_integrity=section.weak_integrity == "accepted",
        )
