"""One process of a training that several share; `rustml.training.launch` starts it.

    torchrun --nnodes 2 --node-rank 1 --nproc-per-node 8 --master-addr HOST --master-port PORT -m rustml.training.worker

The first process is given the folder in which its task lies, and sends the task to the others: those on other machines
need no argument, but the same code, and the same paths of checkpoint and working folder.
"""

import json
import logging
import os
import pickle
import signal
import sys
import threading
import time
import warnings
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from rustml.errors import RustmlError
from rustml.io import write_bytes
from rustml.models import compute

TASK, METRICS, FACTS, ERROR = "task.pickle", "metrics.jsonl", "facts.json", "error-{rank}.json"
PARENT = "RUSTML_PARENT"
"""Variable with `PID:START` of the stage's process, with which its training processes end."""
WATCH_SECONDS = 1.0


def main() -> None:
    """Train; facts, metrics and errors are written beside the task for the stage's process."""
    signal.signal(signal.SIGTERM, _interrupt)
    # transformers hands torch the option under its former name.
    warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from rustml.training import processes  # noqa: PLC0415  seconds to load, and the stage imports this module

    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    _join()
    try:
        _train(folder)
    except (RustmlError, KeyboardInterrupt) as error:
        logging.getLogger(__name__).debug("the training ended", exc_info=True)
        if folder is not None:
            # Exit code 0: the stage's process reads what it was, and ends the others.
            _write(folder / ERROR.format(rank=processes.rank()), {"kind": type(error).__name__, "text": str(error)})


def _join() -> None:
    """Meet the other processes, on this process's own GPU where there are GPUs."""
    import torch  # noqa: PLC0415  seconds to load
    from torch import distributed  # noqa: PLC0415

    from rustml.training import processes  # noqa: PLC0415

    on_gpus = compute.device() == "cuda"
    if on_gpus:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if on_gpus else "gloo", timeout=processes.TIMEOUT)


def _train(folder: Path | None) -> None:
    from rustml.training import processes  # noqa: PLC0415

    content = (folder / TASK).read_bytes() if processes.writes() and folder is not None else b""
    task, job = pickle.loads(processes.shared(content))  # type: ignore[arg-type]  # noqa: S301  our own bytes
    if not processes.writes() or folder is None:
        task(job)
        return
    with (folder / METRICS).open("a", encoding="utf-8") as lines:

        def log(step: int, metrics: dict[str, float]) -> None:
            lines.write(json.dumps([step, metrics]) + "\n")
            lines.flush()

        facts = task(replace(job, log=log))
    _write(folder / FACTS, facts)


def _write(path: Path, value: dict[str, Any]) -> None:
    write_bytes(path, json.dumps(value).encode())


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _end_with_parent() -> None:
    """A stage that was killed cannot end its processes itself."""
    pid, _, start = os.environ.get(PARENT, "").partition(":")
    while pid:
        try:
            alive = abs(psutil.Process(int(pid)).create_time() - float(start)) < WATCH_SECONDS
        except psutil.NoSuchProcess:
            alive = False
        if not alive:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(WATCH_SECONDS)


if __name__ == "__main__":
    main()
