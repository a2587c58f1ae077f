"""A judge for problems of two worlds: those that stand by themselves, and those that are judged in their crates."""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Protocol

from rustml.judge.in_crate.problem_judge import CrateProblemJudge
from rustml.judge.judging import Closing, Judging
from rustml.progress import ProgressCallback
from rustml.records import Candidate, Dependency, Verdict


class Backend(Judging, Protocol):
    """A judge of candidates that stand by themselves: here, behind a server, or on a cluster."""

    def crates_fault(self, dependencies: tuple[Dependency, ...]) -> str:
        """Why candidates that name these crates could not be judged; empty where they can."""
        ...

    def close(self) -> None:
        """End everything."""
        ...


class JudgeByWorld(Closing):
    """Candidates with covering tests are judged in their crates on this machine, all others by another judge."""

    def __init__(self, judge: Backend, in_crates: Callable[[], CrateProblemJudge]) -> None:
        """`in_crates` is called for the first candidate that needs it. Both judges are closed with this one."""
        self._judge, self._open = judge, in_crates
        self._in_crates: CrateProblemJudge | None = None
        self._lock = Lock()

    def judge(self, candidates: Sequence[Candidate], progress: ProgressCallback | None = None) -> list[Verdict]:
        """One verdict per candidate, in their order."""
        inside = [one for one in candidates if one.covering is not None]
        if not inside:
            return self._judge.judge(candidates, progress)
        outside = [one for one in candidates if one.covering is None]
        shown = _Shown(progress, len(candidates))
        alone = iter(self._judge.judge(outside, shown.after(0)) if outside else [])
        placed = iter(self._crates().judge(inside, shown.after(len(outside))))
        return [next(alone) if one.covering is None else next(placed) for one in candidates]

    def crates_fault(self, dependencies: tuple[Dependency, ...]) -> str:
        """Why candidates that name these crates could not be judged; empty where they can."""
        return self._judge.crates_fault(dependencies)

    def close(self) -> None:
        """Close both judges. A second call does nothing."""
        self._judge.close()
        if self._in_crates is not None:
            self._in_crates.close()

    def _crates(self) -> CrateProblemJudge:
        with self._lock:
            if self._in_crates is None:
                self._in_crates = self._open()
            return self._in_crates


class _Shown:
    """The progress of both judges as one."""

    def __init__(self, progress: ProgressCallback | None, total: int) -> None:
        self._progress, self._total = progress, total

    def after(self, before: int) -> ProgressCallback | None:
        """What shows the progress of a judge that begins when so many candidates are done."""
        progress = self._progress
        if progress is None:
            return None
        return lambda done, _: progress(before + done, self._total)
