"""Stages as child processes of the lifecycle: each ends with its memory, and dies with its parent.

The children are forked from a server that has imported the heavy libraries once: on two cores, loading torch,
transformers and trl anew for every stage would take longer than some of the stages.
"""

import contextlib
import importlib
import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from multiprocessing.connection import Connection, wait
from typing import Any

from rustml.errors import RustmlError
from rustml.profile import Profile
from rustml.runs.signals import interrupt
from rustml.runs.tracking import Finished

PRELOADED = ["rustml.stages.preload"]
GRACE_SECONDS = 15.0


def call(module: str, profile: Profile, arguments: dict[str, Any]) -> Finished:
    """Call `run(profile, **arguments)` of an entry point in a child process and return what it returns.

    Its exceptions are raised here. Raises RustmlError when the child dies without a word, as by the out-of-memory
    killer. Leaving by an exception ends the child, which marks its run as killed.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(theirs, module, profile, arguments), name=module)
    child.start()
    theirs.close()
    try:
        outcome = ours.recv()
    except EOFError as error:
        child.join()
        raise RustmlError(f"{module} died (exit code {child.exitcode}); run the lifecycle again: it resumes") from error
    finally:
        _end(child)
    if isinstance(outcome, BaseException):
        raise outcome
    assert isinstance(outcome, Finished)
    return outcome


def _end(child: Any) -> None:
    if child.is_alive():
        child.join(1.0)
    if child.is_alive():
        child.terminate()
        child.join(GRACE_SECONDS)
    if child.is_alive():
        child.kill()
        child.join()


def _child(answer: Connection, module: str, profile: Profile, arguments: dict[str, Any]) -> None:
    signal.signal(signal.SIGTERM, interrupt)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        answer.send(importlib.import_module(module).run(profile, **arguments))
    except KeyboardInterrupt as error:
        answer.send(error)
    except Exception as error:  # handed to the parent, which raises it
        answer.send(_sendable(error))
    finally:
        answer.close()


def _sendable(error: Exception) -> Exception:
    """Exceptions of libraries may not survive pickling; their text does."""
    if isinstance(error, RustmlError | OSError):
        with contextlib.suppress(Exception):
            pickle.loads(pickle.dumps(error))  # noqa: S301  our own bytes
            return error
    return RuntimeError("".join(traceback.format_exception(error)))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGKILL)
