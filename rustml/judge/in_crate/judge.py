"""Verdicts on answers inserted into a crate, where the reference stood."""

import os
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

from rustml.errors import JudgeFault
from rustml.futures import as_finished
from rustml.judge.in_crate.alone import CandidateAlone
from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.insertion import Insertion, JudgeableSite, grouped, in_crate_verdict
from rustml.judge.in_crate.sites import insertable_function
from rustml.judge.in_crate.together import Left, judge_together
from rustml.judge.verdicts import unjudged_verdict
from rustml.progress import ProgressCallback
from rustml.records import Candidate, Diagnostic, Verdict


class CrateJudge(ABC):
    """Judges candidates in crates; a subclass knows where each goes."""

    def __init__(self, sandbox: CrateSandbox, *, together: bool = True) -> None:
        """Candidates of one crate share builds where that changes no verdict, unless `together` is false."""
        self._sandbox, self._together = sandbox, together
        self.alone: Counter[str] = Counter()
        """Candidates that were judged in builds of their own, by the reason."""

    @abstractmethod
    def place(self, candidate: Candidate) -> JudgeableSite | Verdict:
        """Where the candidate goes, or its verdict where it goes nowhere."""

    def judge(self, candidates: Sequence[Candidate], progress: ProgressCallback | None = None) -> list[Verdict]:
        """One verdict per candidate, in their order."""
        verdicts: dict[int, Verdict] = {}
        numbers: dict[Insertion, int] = {}
        for number, candidate in enumerate(candidates):
            screened = self._screened(candidate)
            if isinstance(screened, Verdict):
                verdicts[number] = screened
            else:
                numbers[screened] = number
        for insertion, verdict in self._judged(list(numbers)):
            verdicts[numbers[insertion]] = verdict
            if progress is not None:
                progress(len(verdicts), len(candidates))
        return [verdicts[number] for number in range(len(candidates))]

    def verdict(self, candidate: Candidate) -> Verdict:
        """The verdict on one candidate."""
        screened = self._screened(candidate)
        return screened if isinstance(screened, Verdict) else self._alone(screened, Left("only_one"))

    def _screened(self, candidate: Candidate) -> Verdict | Insertion:
        """The verdict where no compiler is needed for it, else what to compile."""
        place = self.place(candidate)
        if isinstance(place, Verdict):
            return place
        if len(candidate.code) > self._sandbox.limits.source_kb * 1024:
            return unjudged_verdict(candidate.id, "policy", "the code is too long", place.crate.sandbox)
        function, refusal = insertable_function(place.site, candidate.code)
        if refusal == "syntax":
            errors = (Diagnostic("", f"no whole function {place.site.name}"),)
            return in_crate_verdict(candidate, place.crate.sandbox, "compile_error", errors=errors)
        if refusal:
            return unjudged_verdict(candidate.id, "policy", refusal, place.crate.sandbox)
        return Insertion(candidate, place, function)

    def _judged(self, insertions: Sequence[Insertion]) -> Iterable[tuple[Insertion, Verdict]]:
        """Verdicts as they come: first those of whole crates, the largest first, then of what they leave."""
        workers = len(os.sched_getaffinity(0))
        crates = sorted(grouped(insertions, lambda one: one.place.crate.folder), key=len, reverse=True)
        with (
            ThreadPoolExecutor(workers, thread_name_prefix="in-crate-runs") as runs,
            ThreadPoolExecutor(workers, thread_name_prefix="in-crate") as threads,
        ):
            pending = [threads.submit(self._of_crate, crate, runs) for crate in crates]
            try:
                for crate in as_finished(pending):
                    yield from crate.result()
            except BaseException:
                for crate in pending:
                    crate.cancel()
                runs.shutdown(wait=False, cancel_futures=True)  # ends the crates under way as well
                raise

    def _of_crate(self, insertions: Sequence[Insertion], runs: Executor) -> list[tuple[Insertion, Verdict]]:
        left = dict.fromkeys(insertions, Left("only_one"))
        verdicts: dict[Insertion, Verdict] = {}
        if self._together and len(insertions) > 1:
            try:
                shared = judge_together(self._sandbox, insertions, runs)
                verdicts, left = shared.verdicts, shared.left
            except JudgeFault:
                left = dict.fromkeys(insertions, Left("fault"))
        return [*verdicts.items(), *zip(left, runs.map(self._alone, left, left.values()), strict=True)]

    def _alone(self, insertion: Insertion, left: Left) -> Verdict:
        self.alone[left.reason] += 1
        attempt = CandidateAlone(self._sandbox, insertion)
        try:
            return attempt.verdict() if left.codes is None else attempt.tested(left.codes)
        except JudgeFault:
            try:
                return attempt.verdict()
            except JudgeFault as fault:
                return unjudged_verdict(insertion.candidate.id, "infrastructure", str(fault), insertion.sandbox)


class InCrateJudge(CrateJudge):
    """Judges candidates whose id is `<pair id>#<sample>`: in the crate where the pair has a site, else by text.

    By text means `passed` for the words of the reference and `wrong` for others, with `compiles` None.
    """

    def __init__(
        self,
        sandbox: CrateSandbox,
        sites: Mapping[str, JudgeableSite],
        references: Mapping[str, str],
        *,
        together: bool = True,
    ) -> None:
        """`references` has the expected answer of every pair, `sites` those pairs that can be judged in their crate."""
        super().__init__(sandbox, together=together)
        self._sites, self._references = sites, references

    def place(self, candidate: Candidate) -> JudgeableSite | Verdict:
        """The site of the candidate's pair."""
        pair = candidate.id.rpartition("#")[0]
        if pair in self._sites:
            return self._sites[pair]
        same = candidate.code.split() == self._references[pair].split()
        return unjudged_verdict(candidate.id, "passed" if same else "wrong", "judged by its text alone", "none")
