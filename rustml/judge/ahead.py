"""A judge that begins before its verdicts are asked for."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

from rustml.futures import result
from rustml.judge.judging import Closing, Judging
from rustml.judge.verdicts import content, with_id
from rustml.progress import ProgressCallback
from rustml.records import Candidate, Verdict


class AheadJudge(Closing):
    """Judges in the background what was begun: what has gathered while the judge was busy is its next batch.

    `judge` itself stays open when this is closed.
    """

    def __init__(self, judge: Judging) -> None:
        self._judge = judge
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="judge-ahead")
        self._lock = Lock()
        self._gathered: list[tuple[Candidate, Future[Verdict]]] = []
        self._begun: dict[Candidate, Future[Verdict]] = {}

    def begin(self, candidates: Sequence[Candidate]) -> None:
        """Have candidates judged that the next call of `judge` may ask for."""
        for one in candidates:
            key = content(one)
            if key not in self._begun:
                self._begun[key] = Future()
                with self._lock:
                    self._gathered.append((one, self._begun[key]))
        self._thread.submit(self._work)

    def judge(self, candidates: Sequence[Candidate], progress: ProgressCallback | None = None) -> list[Verdict]:
        """See Judging.judge. What was begun and is not asked for here is forgotten, with its errors."""
        self.begin(candidates)
        begun, self._begun = self._begun, {}
        verdicts = []
        for done, one in enumerate(candidates, start=1):
            verdicts.append(with_id(result(begun[content(one)]), one.id))
            if progress is not None:
                progress(done, len(candidates))
        return verdicts

    def close(self) -> None:
        """End the background work. A second call does nothing."""
        self._thread.shutdown(cancel_futures=True)

    def _work(self) -> None:
        with self._lock:
            batch, self._gathered = self._gathered, []
        if not batch:
            return
        try:
            made = list(zip(batch, self._judge.judge([candidate for candidate, _ in batch]), strict=True))
        except BaseException as error:  # belongs to the caller who waits for these verdicts
            for _, future in batch:
                future.set_exception(error)
        else:
            for (_, future), verdict in made:
                future.set_result(verdict)
