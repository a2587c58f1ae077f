"""The judge: candidates in, verdicts out, in the same order."""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import TracebackType

from rustml.errors import InputError, JudgeFault
from rustml.judge import toolchain
from rustml.judge.batch import Batch, Tools, WholeBatchFailed
from rustml.judge.cache import Cache
from rustml.judge.compiler import Compiler, compile_harness
from rustml.judge.crates import Member
from rustml.judge.limits import Limits
from rustml.judge.lints import Linter
from rustml.judge.process import Processes
from rustml.judge.python import PythonExaminer, count_tests
from rustml.judge.running import Runner
from rustml.judge.sandbox import Kind, Sandbox
from rustml.judge.source import Source
from rustml.judge.suite import Suite
from rustml.judge.verdicts import copied, plain
from rustml.records import Candidate, Verdict

PARTS = 8
"""A batch that fails as a whole is judged again in this many parts."""
Progress = Callable[[int, int], None]


class Judge:
    """Compiles, lints and runs candidates that nobody trusts.

    A context manager: leaving it, by whatever way, ends every process and removes every file of it.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        workers: int | None = None,
        sandbox: Kind = "bubblewrap",
        lints: bool = True,
        cache: Path | None = None,
        batch_size: int = 32,
    ) -> None:
        """Check the machine and prepare.

        `workers` batches are judged at a time, by default one a processor. Without `lints` clippy's opinion is not
        asked for, and `clippy_clean` is None. Raises EnvironmentFault or SandboxUnavailable, with what to install.
        """
        found = toolchain.find()
        settings = {"limits": asdict(limits), "toolchain": found.digest, "sandbox": sandbox, "lints": lints}
        self._cache = Cache(cache, settings) if cache is not None else None
        self._limits, self._batch_size = limits, batch_size
        self._workers = workers or len(os.sched_getaffinity(0))
        self._sandbox = Sandbox(sandbox)
        self._processes = Processes()
        self._work = Path(tempfile.mkdtemp(prefix="rustml-judge-"))
        try:
            self._prepare(found, lints)
        except BaseException:
            shutil.rmtree(self._work, ignore_errors=True)
            raise

    def _prepare(self, found: toolchain.Toolchain, lints: bool) -> None:
        limits = self._limits
        compiler = Compiler(found, self._sandbox, self._processes, limits)
        self._examiner = PythonExaminer(self._sandbox, self._processes, limits)
        self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="judge")
        self._helpers = ThreadPoolExecutor(self._workers, thread_name_prefix="judge-lint")
        self._tools = Tools(
            compiler=compiler,
            runner=Runner(self._sandbox, self._processes, limits, toolchain.system_libraries(found)),
            linter=Linter(compiler) if lints else None,
            harness=compile_harness(compiler, self._work / "harness"),
            work=self._work,
            helpers=self._helpers,
            sandbox=self._sandbox.name,
        )

    def __enter__(self) -> "Judge":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything and remove everything. A second call does nothing."""
        self._processes.close()
        self._threads.shutdown(cancel_futures=True)
        self._helpers.shutdown(cancel_futures=True)
        shutil.rmtree(self._work, ignore_errors=True)

    def judge(self, candidates: Sequence[Candidate], progress: Progress | None = None) -> list[Verdict]:
        """One verdict a candidate, in the candidates' order; identical candidates are judged once."""
        unique = {_content(candidate): candidate for candidate in reversed(candidates)}
        done = {content: verdict for content in unique if (verdict := self._known(content)) is not None}
        waiting = [content for content in unique if content not in done]
        pending = {self._threads.submit(work) for work in self._work_items(waiting)}
        while pending:
            finished, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in finished:
                self._keep(done, future.result())
            if progress is not None:
                progress(sum(_content(candidate) in done for candidate in candidates), len(candidates))
        return [copied(done[_content(candidate)], candidate.id) for candidate in candidates]

    def _work_items(self, candidates: list[Candidate]) -> "list[Callable[[], dict[Candidate, Verdict]]]":
        rust = [candidate for candidate in candidates if candidate.language == "rust"]
        python = [candidate for candidate in candidates if candidate.language == "python"]
        size = max(1, min(self._batch_size, -(-len(python) // self._workers)))
        parts = [python[start : start + size] for start in range(0, len(python), size)]
        groups = self._groups([self._member(candidate) for candidate in rust])
        return [
            *(partial(self._settle, group) for group in groups),
            *(partial(self._settle_python, part) for part in parts),
        ]

    def _known(self, candidate: Candidate) -> Verdict | None:
        verdict = self._cache.get(candidate) if self._cache is not None else None
        return verdict or self._refused(candidate)

    def _keep(self, done: dict[Candidate, Verdict], fresh: dict[Candidate, Verdict]) -> None:
        done |= fresh
        if self._cache is not None:
            for candidate, verdict in fresh.items():
                self._cache.put(candidate, verdict)

    def _refused(self, candidate: Candidate) -> Verdict | None:
        """The verdict that needs neither compiler nor sandbox, if the candidate gets one."""
        if len(candidate.code) > self._limits.source_kb * 1024:
            return plain(
                candidate, "policy", f"the code is longer than {self._limits.source_kb} KiB", self._sandbox.name
            )
        try:
            if candidate.language == "python":
                count_tests(candidate)
                return None
            forbidden = _forbidden(self._member(candidate))
        except InputError as error:
            return plain(candidate, "infrastructure", str(error), self._sandbox.name)
        return plain(candidate, "policy", forbidden, self._sandbox.name) if forbidden is not None else None

    def _member(self, candidate: Candidate) -> Member:
        source = Source(candidate.code)
        return Member(candidate, source, Suite(candidate, source))

    def _groups(self, members: list[Member]) -> list[list[Member]]:
        """Batches of one edition each, about as many a worker as any other; and those who go alone."""
        groups = [[member] for member in members if member.source.alone is not None]
        for edition in sorted({member.candidate.edition for member in members}):
            together = [m for m in members if m.source.alone is None and m.candidate.edition == edition]
            count = -(-len(together) // self._batch_size)
            count = min(-(-count // self._workers) * self._workers, len(together))
            groups += [together[start::count] for start in range(count)]
        return groups

    def _settle(self, members: Sequence[Member]) -> dict[Candidate, Verdict]:
        try:
            return {member.candidate: verdict for member, verdict in Batch(members, self._tools).verdicts().items()}
        except WholeBatchFailed:
            step = -(-len(members) // PARTS)
        except JudgeFault as error:
            step = -(-len(members) // PARTS)
            if len(members) == 1:
                return {members[0].candidate: self._once_more(members[0], error)}
        found: dict[Candidate, Verdict] = {}
        for start in range(0, len(members), step):
            found |= self._settle(members[start : start + step])
        return found

    def _settle_python(self, candidates: Sequence[Candidate], again: bool = True) -> dict[Candidate, Verdict]:
        try:
            return dict(zip(candidates, self._examiner.verdicts(candidates), strict=True))
        except JudgeFault as error:
            if again:
                parts = [self._settle_python([candidate], again=False) for candidate in candidates]
                return {candidate: verdict for part in parts for candidate, verdict in part.items()}
            return {candidates[0]: plain(candidates[0], "infrastructure", str(error), self._sandbox.name)}

    def _once_more(self, member: Member, first: JudgeFault) -> Verdict:
        try:
            return Batch([member], self._tools).verdicts()[member]
        except JudgeFault as second:
            return plain(member.candidate, "infrastructure", f"{first}; then {second}", self._sandbox.name)


def _forbidden(member: Member) -> str | None:
    """The forbidden means that the text alone gives away."""
    if member.suite.own_types and member.source.compares_by_hand:
        return "the tests compare a type of the candidate's, and its equality is not a derived one"
    return member.source.forbidden


def _content(candidate: Candidate) -> Candidate:
    """The candidate without its id: what its verdict depends on."""
    return copied(candidate, "")
