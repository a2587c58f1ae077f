"""Run a stage, or find the run that did the same.

A run that has no output is a stage that was killed: its working folder is kept under the stage key, and the next run
with that key continues there.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from rustml.errors import InputError
from rustml.profile import Profile
from rustml.runs import transfer
from rustml.runs.description import describe, run_link
from rustml.runs.finished_runs import (
    KEY,
    REUSED,
    SECONDS,
    Finished,
    begun,
    cache_layout,
    find,
    finished,
    keep_output,
    output,
    output_digest,
    outputs,
    stage_of,
)
from rustml.runs.mlflow_client import client
from rustml.runs.open_run import NOTE, open_run
from rustml.runs.run_logging import log_input_datasets, log_outcome, log_settings, metric_buffer
from rustml.runs.stage import Outcome, Stage, Workspace, key
from rustml.runs.system_metrics import system_metrics
from rustml.runs.working_folder import hold

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

    `inputs` maps roles, which are names of stages, to run ids of those stages; `title` is the run's name in the UI,
    where it is not the stage's and the profile's. Where another process works on the same stage key, this one waits for
    it and takes over what it made, or without `reuse` works beside it. Raises InputError, before a run is opened, for
    an input that does not exist or is another stage's, and for an outside file that does not exist. An exception of the
    body marks the run as failed (Ctrl-C: as killed) and is passed on.
    """
    inputs, params = inputs or {}, params or {}
    digests = {role: _input_digest(role, run_id) for role, run_id in inputs.items()}
    stage_key = key(stage, profile, digests, params)
    if _only_finding.get():
        return _only_found(stage, stage_key, reuse=reuse)
    with hold(outputs() / f"{stage.name}-{stage_key[:12]}", wait=reuse) as place:
        earlier = find(stage, stage_key) if reuse else None
        killed = "" if earlier else begun(place.folder, stage_key)
        with open_run(stage.name, parent, title or f"{stage.name} {profile.name}", killed) as run_id:
            place.note(run_id)
            _tag_sources(run_id, profile, inputs)
            if earlier is not None:
                _tag_reused(run_id, earlier)
                return earlier
            if run_id != killed:
                log_settings(run_id, stage, profile, params)
                _tag_begun(run_id, stage, stage_key, inputs)
            with system_metrics(run_id):
                _execute(run_id, stage, place.folder, inputs, body)
        return finished(run_id)


def _tag_begun(run_id: str, stage: Stage, stage_key: str, inputs: Mapping[str, str]) -> None:
    describe(run_id, stage, inputs)
    client().set_tag(run_id, KEY, stage_key)
    log_input_datasets(run_id, stage, {role: finished(source).run_id for role, source in inputs.items()})


def _tag_reused(run_id: str, earlier: Finished) -> None:
    client().set_tag(run_id, REUSED, earlier.run_id)
    note = f"Nothing that decides it has changed: see {run_link(client(), earlier.run_id)}."
    client().set_tag(run_id, NOTE, note)


def _only_found(stage: Stage, stage_key: str, *, reuse: bool) -> Finished:
    earlier = find(stage, stage_key) if reuse else None
    if earlier is None:
        raise NotFinished(stage.name)
    return earlier


def _tag_sources(run_id: str, profile: Profile, inputs: Mapping[str, str]) -> None:
    client().set_tag(run_id, "rustml.profile", profile.name)
    for role, source in inputs.items():
        client().set_tag(run_id, f"rustml.input.{role}", source)


def _input_digest(role: str, run_id: str) -> str:
    """Digest of an input's output. Raises InputError where the run is not of the stage that the role names."""
    digest, stage = output_digest(run_id), stage_of(run_id)
    if stage != role:
        raise InputError(f"{role}: run {run_id} is of stage {stage or 'none'}, not of {role}")
    return digest


def _execute(run_id: str, stage: Stage, folder: Path, inputs: Mapping[str, str], body: Body) -> None:
    """Run the body in the key's working folder, log its outcome, and remove the folder."""
    log = metric_buffer(run_id)
    sources = {role: output(source) for role, source in inputs.items()}
    workspace = stage.workspace(folder, sources, cache_layout(), log)
    started = time.monotonic()
    outcome = body(workspace)
    describe(run_id, stage, inputs, outcome.note)
    log.flush()
    client().set_tag(run_id, SECONDS, f"{time.monotonic() - started:.1f}")
    log_outcome(run_id, workspace, outcome, inputs)
    if transfer.local_artifacts(client().get_run(run_id).info.artifact_uri) is None:
        keep_output(run_id, workspace.out)
    shutil.rmtree(folder)
