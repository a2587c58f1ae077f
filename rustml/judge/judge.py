"""The judge: candidates in, verdicts out, in the same order."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

from rustml.errors import InputError, JudgeFault
from rustml.futures import as_finished
from rustml.judge.cache import Cache
from rustml.judge.in_crate.crate_sets import CrateSets
from rustml.judge.judging import Closing
from rustml.judge.limits import Limits
from rustml.judge.python.examiner import PythonExaminer, count_tests
from rustml.judge.rust import toolchain
from rustml.judge.rust.batch import Tools
from rustml.judge.rust.compiler import Compiler
from rustml.judge.rust.crate_layout import Member
from rustml.judge.rust.externs import Externs
from rustml.judge.rust.harness_cache import cache_folder, harness
from rustml.judge.rust.lints import Linter
from rustml.judge.rust.settling import Settler, groups
from rustml.judge.rust.test_runner import CaseRunner
from rustml.judge.verdicts import content, unjudged_verdict, with_id
from rustml.progress import ProgressCallback
from rustml.records import Candidate, Dependency, Status, Verdict
from rustml.sandbox import cgroups, workdir
from rustml.sandbox.processes import Processes
from rustml.sandbox.sandbox import open_sandbox

Work = Callable[[], dict[Candidate, Verdict]]


class Judge(Closing):
    """Compiles, lints and runs candidates that are not trusted.

    A context manager: leaving it in any way ends every process and removes every file of it.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        workers: int | None = None,
        sandbox: str = "bubblewrap",
        lints: bool = True,
        cache: Path | None = None,
        batch_size: int = 128,
        crates: CrateSets | None = None,
        pinned: str = "",
    ) -> None:
        """Check the machine and prepare.

        `workers` batches are judged at a time, by default one per processor. Without `lints` clippy's opinion is not
        asked for, and `clippy_clean` is None. `crates` are the sets that problems may name; the judge closes them.
        `pinned` names a toolchain of rustup's in the place of the one on PATH.
        Raises EnvironmentFault or SandboxUnavailable, with what to install.
        """
        tools = toolchain.find(pinned)
        self._limits, self._batch_size, self._crates = limits, batch_size, crates
        self._externs: dict[tuple[Dependency, ...], Externs] = {}
        self._workers = workers or len(os.sched_getaffinity(0))
        self._folder = _swept_folder()
        self._groups = cgroups.open_groups(self._folder.path.name)
        try:
            self._sandbox = open_sandbox(sandbox, self._groups.controllers if self._groups is not None else ())
            settings = {
                "limits": asdict(limits), "toolchain": tools.digest, "sandbox": self._sandbox.name, "lints": lints
            }  # fmt: skip
            self._cache = Cache(cache, settings) if cache is not None else None
            self._processes = Processes(self._groups)
            self._prepare(tools, lints)
        except BaseException:
            self._remove()
            raise

    def _prepare(self, tools: toolchain.Toolchain, lints: bool) -> None:
        limits = self._limits
        compiler = Compiler(tools, self._sandbox, self._processes, limits)
        harnesses = cache_folder() if self._sandbox.isolated else None  # without one, code could write there
        compiled = harness(compiler, tools, self._folder.path / "harness", harnesses)
        self._examiner = PythonExaminer(self._sandbox, self._processes, limits)
        self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="judge")
        self._helpers = ThreadPoolExecutor(self._workers, thread_name_prefix="judge-lint")
        libraries = toolchain.system_libraries(tools)
        self._runner = CaseRunner(self._sandbox, self._processes, limits, libraries, self._workers)
        rust_tools = Tools(
            compiler=compiler,
            runner=self._runner,
            linter=Linter(compiler, self._folder.path),
            lints=lints,
            harness=compiled,
            work=self._folder.path,
            helpers=self._helpers,
            sandbox=self._sandbox.name,
            crates=self._externs,
        )
        self._settler = Settler(rust_tools, self._plain)

    def close(self) -> None:
        """End everything and remove everything. A second call does nothing."""
        self._processes.close()
        self._threads.shutdown(cancel_futures=True)
        self._helpers.shutdown(cancel_futures=True)
        self._runner.close()
        self._sandbox.close()
        if self._crates is not None:
            self._crates.close()
        self._remove()

    def _remove(self) -> None:
        if self._groups is not None:
            self._groups.remove()
        self._folder.remove()

    def judge(self, candidates: Sequence[Candidate], progress: ProgressCallback | None = None) -> list[Verdict]:
        """One verdict per candidate, in their order; identical candidates are judged once."""
        contents = [content(candidate) for candidate in candidates]
        verdicts: dict[Candidate, Verdict] = {}
        pending: list[Future[dict[Candidate, Verdict]]] = []
        for work in self._work_items(list(dict.fromkeys(contents)), verdicts):
            pending.append(self._threads.submit(work))
        for finished in as_finished(pending):
            self._keep(verdicts, finished.result())
            if progress is not None:
                progress(sum(one in verdicts for one in contents), len(candidates))
        return [with_id(verdicts[one], candidate.id) for one, candidate in zip(contents, candidates, strict=True)]

    def _work_items(self, candidates: list[Candidate], verdicts: dict[Candidate, Verdict]) -> Iterator[Work]:
        """What there is to do, piece by piece, so that the first piece is under way while later ones are read.

        Verdicts that need no work go to `verdicts` at once.
        """
        fresh = [one for one in candidates if not self._known(one, verdicts)]
        rust = [candidate for candidate in fresh if candidate.language == "rust"]
        python = [
            candidate for candidate in fresh if candidate.language == "python" and self._has_tests(candidate, verdicts)
        ]
        for part in self._parts(rust):
            for group in groups([one for one in (self._member(candidate, verdicts) for candidate in part) if one]):
                yield partial(self._settler.settle, group)
        for part in self._parts(python):
            yield partial(self._settle_python, part)

    def _parts(self, candidates: list[Candidate]) -> list[list[Candidate]]:
        """Batches of about the same size, as many for each worker as for any other; answers to one problem together."""
        count = -(-len(candidates) // self._batch_size)
        count = max(1, min(-(-count // self._workers) * self._workers, len(candidates)))
        room = -(-len(candidates) // count)
        problems: dict[str, list[Candidate]] = {}
        for candidate in candidates:
            problems.setdefault(candidate.tests, []).append(candidate)
        pieces = [its[at : at + room] for its in problems.values() for at in range(0, len(its), room)]
        parts: list[list[Candidate]] = [[] for _ in range(count)]
        for piece in sorted(pieces, key=len, reverse=True):
            min(parts, key=len).extend(piece)
        return [part for part in parts if part]

    def _known(self, candidate: Candidate, verdicts: dict[Candidate, Verdict]) -> bool:
        """Whether the cache has the verdict, or the candidate is too long for one, or its crates cannot be had."""
        verdict = self._without_crates(candidate)
        if verdict is None and self._cache is not None:
            verdict = self._cache.get(candidate, self._crates_key(candidate))
        if candidate.policy == "unsafe" and not (candidate.untested or self._limits.weak_integrity):
            verdict = self._plain(candidate, "policy", "unsafe code is allowed, and verdicts of weak integrity are not")
        if verdict is None and len(candidate.code) > self._limits.source_kb * 1024:
            verdict = self._plain(candidate, "policy", f"the code is longer than {self._limits.source_kb} KiB")
        if verdict is not None:
            verdicts[candidate] = verdict
        return verdict is not None

    @property
    def sandbox(self) -> str:
        """What holds the candidates, as verdicts name it."""
        return self._sandbox.name

    def crates_fault(self, dependencies: tuple[Dependency, ...]) -> str:
        """Why candidates that name these crates could not be judged; empty where they can."""
        if not dependencies:
            return ""
        return self._crates.fault(dependencies) if self._crates is not None else "judge.crates of the profile is empty"

    def _without_crates(self, candidate: Candidate) -> Verdict | None:
        """The verdict where the candidate's crates cannot be had: it is not the candidate's fault."""
        crates = candidate.dependencies
        if not crates or crates in self._externs:
            return None
        fault = self.crates_fault(crates)
        if self._crates is None or fault:
            return self._plain(candidate, "infrastructure", f"its crates cannot be had: {fault}")
        self._externs[crates] = self._crates.compiled(crates)
        return None

    def _crates_key(self, candidate: Candidate) -> str:
        made = self._externs.get(candidate.dependencies)
        return made.folder.parent.name if made is not None else ""

    def _has_tests(self, candidate: Candidate, verdicts: dict[Candidate, Verdict]) -> bool:
        try:
            count_tests(candidate)
        except InputError as error:
            verdicts[candidate] = self._plain(candidate, "infrastructure", str(error))
        return candidate not in verdicts

    def _member(self, candidate: Candidate, verdicts: dict[Candidate, Verdict]) -> Member | None:
        """The candidate made ready, unless its text alone decides its verdict."""
        ready = self._settler.prepare(candidate)
        if isinstance(ready, Member):
            return ready
        if ready.status == "infrastructure":
            verdicts[candidate] = ready
        else:
            self._keep(verdicts, {candidate: ready})
        return None

    def _plain(self, candidate: Candidate, status: Status, detail: str) -> Verdict:
        return unjudged_verdict(candidate.id, status, detail, self._sandbox.name)

    def _keep(self, verdicts: dict[Candidate, Verdict], fresh: dict[Candidate, Verdict]) -> None:
        verdicts |= fresh
        if self._cache is not None:
            for candidate, verdict in fresh.items():
                self._cache.put(candidate, verdict, self._crates_key(candidate))

    def _settle_python(self, candidates: Sequence[Candidate], again: bool = True) -> dict[Candidate, Verdict]:
        try:
            return dict(zip(candidates, self._examiner.verdicts(candidates), strict=True))
        except JudgeFault as error:
            if again:
                parts = [self._settle_python([candidate], again=False) for candidate in candidates]
                return {candidate: verdict for part in parts for candidate, verdict in part.items()}
            return {candidates[0]: self._plain(candidates[0], "infrastructure", str(error))}


def _swept_folder() -> workdir.WorkingFolder:
    """A working folder, after what judges that were killed have left behind is gone."""
    parent = cgroups.own_group()
    for name in workdir.sweep():
        if parent is not None:
            cgroups.remove_tree(parent / name)
    return workdir.WorkingFolder()
