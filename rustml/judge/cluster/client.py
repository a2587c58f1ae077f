"""A judge whose verdicts come from the nodes of a Ray cluster. A node that is lost is not a candidate's fault."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from rustml.errors import JudgeFault
from rustml.judge.cache import Cache
from rustml.judge.cluster.agreement import agreed
from rustml.judge.cluster.crew import RayCrew
from rustml.judge.cluster.dispatch import answers, part_size
from rustml.judge.cluster.node import Opener
from rustml.judge.remote.distant import DistantJudge, are_answers, numbered, parts
from rustml.judge.verdicts import content, with_id
from rustml.progress import ProgressCallback
from rustml.records import Candidate, Verdict
from rustml.sharding.ray_cluster import connected


class RayJudge(DistantJudge):
    """Judges like `rustml.judge.Judge`, on every node that the cluster has when it opens. A context manager."""

    def __init__(
        self, opener: Opener, code: str, *, lints: bool = True, workers: int | None = None, cache: Path | None = None
    ) -> None:
        """Open a judge on each node by `opener`; `code` is the digest of the judge's source here.

        A node judges with `workers`, by default one per processor. `cache` is a folder of verdicts on this machine.
        Raises EnvironmentFault without Ray, where a judge does not open, and where nodes would not judge alike;
        InputError for a cache that is not writable.
        """
        self._crew = RayCrew(connected())
        self._turn = threading.Lock()
        try:
            self.facts = agreed(self._crew.open(opener, workers), code)
            settings = {"facts": msgspec.to_builtins(self.facts), "lints": lints}
            self._cache = Cache(cache, settings) if cache is not None else None
        except BaseException:
            self._crew.close()
            raise

    def close(self) -> None:
        """End the judges of all nodes; the cluster goes on."""
        self._crew.close()

    def judge(self, candidates: Sequence[Candidate], progress: ProgressCallback | None = None) -> list[Verdict]:
        """One verdict per candidate, in their order; identical candidates are judged once.

        Raises JudgeFault when nodes are lost until none is left.
        """
        contents = [content(candidate) for candidate in candidates]
        verdicts = self._known(contents)
        with self._turn:
            for asked, told in self._answers([one for one in dict.fromkeys(contents) if one not in verdicts]):
                verdicts |= self._kept(dict(zip(asked, told, strict=True)))
                if progress is not None:
                    progress(sum(one in verdicts for one in contents), len(contents))
        return [with_id(verdicts[one], candidate.id) for one, candidate in zip(contents, candidates, strict=True)]

    def _known(self, candidates: list[Candidate]) -> dict[Candidate, Verdict]:
        if self._cache is None:
            return {}
        found = {one: self._cache.get(one) for one in dict.fromkeys(candidates)}
        return {one: verdict for one, verdict in found.items() if verdict is not None}

    def _kept(self, fresh: dict[Candidate, Verdict]) -> dict[Candidate, Verdict]:
        if self._cache is not None:
            for candidate, verdict in fresh.items():
                self._cache.put(candidate, verdict)
        return fresh

    def _answers(self, candidates: list[Candidate]) -> Iterator[tuple[list[Candidate], list[Verdict]]]:
        """Candidates that differ, part by part, with their verdicts."""
        self._crew.forget()
        if not candidates:
            return
        size = part_size(len(candidates), self._crew.processors())
        split = [[candidates[at] for at in part] for part in parts(range(len(candidates)), candidates, size)]
        asked = [numbered(part) for part in split]
        for number, verdicts in answers(self._crew, asked):
            if not are_answers(verdicts, asked[number]):
                raise JudgeFault("a node of the Ray cluster gave verdicts on other candidates than it was asked about")
            yield split[number], verdicts
