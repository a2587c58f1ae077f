"""The best checkpoint of a training so far, in a folder that a resumed training finds again."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rustml.io import write_bytes
from rustml.training import processes

FOLDER = "best"


class BestFolder:
    """A checkpoint with its step and score, of which more is better. `save` writes a model to a folder.

    Another `name` keeps another checkpoint beside the best.
    """

    def __init__(self, scratch: Path, save: Callable[[Any, Path], None], name: str = FOLDER) -> None:
        self.folder, self._score, self._save = scratch / name, scratch / f"{name}.json", save

    def score(self) -> float:
        """Of the checkpoint that is kept; below every score where there is none."""
        return float(self._record()["score"]) if self._is_whole() else -math.inf

    def step(self) -> int:
        """Of the checkpoint that is kept; 0 where there is none."""
        return int(self._record()["step"]) if self._is_whole() else 0

    def keep(self, model: Any, step: int, score: float) -> None:
        """Put `model` in the place of what was kept. The score is written last: a folder without one is replaced."""
        partial = self.folder.with_suffix(".partial")
        if processes.writes():
            self._score.unlink(missing_ok=True)
            shutil.rmtree(self.folder, ignore_errors=True)
            shutil.rmtree(partial, ignore_errors=True)
        self._save(model, partial)
        if processes.writes():
            partial.rename(self.folder)
            write_bytes(self._score, json.dumps({"step": step, "score": score}).encode())
        processes.barrier()

    def _is_whole(self) -> bool:
        return self.folder.is_dir() and self._score.is_file()

    def _record(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(self._score.read_bytes())
        return record
