"""Stages as child processes of the lifecycle: the memory of each is freed at its end, and each dies with its parent.

The children are forked from a server that has imported the heavy libraries once: on two cores, importing torch,
transformers and trl for every stage would take longer than some of the stages.
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
GRACE_SECONDS = 60.0
"""A training finishes its step and saves before it ends."""


def call(module: str, profile: Profile, arguments: dict[str, Any], seconds: float | None = None) -> Finished:
    """Call `run(profile, **arguments)` of a stage's module in a child process and return its result.

    The child's exceptions are raised here. Raises RustmlError when the child dies without an exception, as under the
    out-of-memory killer, and when it takes more than `seconds`. An exception in this process ends the child, which
    marks its run as killed.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(sender, module, profile, arguments), name=module)
    child.start()
    sender.close()
    try:
        if not receiver.poll(seconds):
            raise RustmlError(f"{module} took more than {seconds:g} s and was ended")
        outcome = receiver.recv()
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


def _child(sender: Connection, module: str, profile: Profile, arguments: dict[str, Any]) -> None:
    signal.signal(signal.SIGTERM, interrupt)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        sender.send(importlib.import_module(module).run(profile, **arguments))
    except KeyboardInterrupt as error:
        sender.send(error)
    except Exception as error:  # handed to the parent, which raises it
        sender.send(_sendable(error))
    finally:
        sender.close()


def _sendable(error: Exception) -> Exception:
    """The error itself where it can be pickled, else its text: exceptions of libraries often cannot."""
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
