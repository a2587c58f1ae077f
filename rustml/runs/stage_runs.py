"""Run a stage, or find the run that did the same.

A run that has no output is a stage that was killed: its working folder is kept under the stage key, and the next run
with that key continues there.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from rustml.profile import Profile
from rustml.runs.finished_runs import (
    KEY,
    SECONDS,
    Finished,
    cache_layout,
    find,
    finished,
    output,
    output_digest,
    outputs,
)
from rustml.runs.mlflow_client import client
from rustml.runs.open_run import open_run
from rustml.runs.run_logging import log_outcome, log_settings, metric_buffer
from rustml.runs.stage import Outcome, Stage, Workspace, key

Body = Callable[[Workspace], Outcome]


class NotFinished(Exception):
    """Under `only_finding`: no finished run has the stage's key."""


_only_finding: ContextVar[bool] = ContextVar("only_finding", default=False)


@contextmanager
def only_finding() -> Iterator[None]:
    """Within it `run_stage` takes over finished runs, and raises NotFinished instead of starting one."""
    token = _only_finding.set(True)
    try:
        yield
    finally:
        _only_finding.reset(token)


def run_stage(
    stage: Stage,
    profile: Profile,
    body: Body,
    *,
    inputs: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    parent: str | None = None,
    reuse: bool = True,
    title: str = "",
) -> Finished:
    """Run `body` as a stage, or find the run that did the same already.

    `inputs` maps roles to run ids; `title` is the run's name in the UI, where it is not the stage's name. Raises
    InputError, before a run is opened, for an input or an outside file that does not exist. An exception of the body
    marks the run as failed (Ctrl-C: as killed) and is passed on.
    """
    inputs, params = inputs or {}, params or {}
    digests = {role: output_digest(run_id) for role, run_id in inputs.items()}
    stage_key = key(stage, profile, digests, params)
    earlier = find(stage, stage_key) if reuse else None
    if _only_finding.get():
        if earlier is None:
            raise NotFinished(stage.name)
        return earlier
    with open_run(stage.name, parent, title) as run_id:
        client().set_tag(run_id, "rustml.profile", profile.name)
        for role, source in inputs.items():
            client().set_tag(run_id, f"rustml.input.{role}", source)
        if earlier is not None:
            client().set_tag(run_id, "rustml.reused", earlier.run_id)
            return earlier
        log_settings(run_id, stage, profile, params)
        _execute(run_id, stage, stage_key, inputs, body)
    return finished(run_id)


def _execute(run_id: str, stage: Stage, stage_key: str, inputs: Mapping[str, str], body: Body) -> None:
    """Run the body in the key's working folder, log its outcome, and remove the folder."""
    client().set_tag(run_id, KEY, stage_key)
    log = metric_buffer(run_id)
    sources = {role: output(source) for role, source in inputs.items()}
    workspace = stage.workspace(outputs(), stage_key, sources, cache_layout(), log)
    started = time.monotonic()
    outcome = body(workspace)
    log.flush()
    client().set_tag(run_id, SECONDS, f"{time.monotonic() - started:.1f}")
    log_outcome(run_id, workspace, outcome)
    shutil.rmtree(workspace.out.parent)
