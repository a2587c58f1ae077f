"""A store whose versions a load test may measure, and the bank that its prompts come from."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from rustml.profile import Profile
from rustml.records import write_jsonl
from rustml.release.ladder import ladder_of
from rustml.runs import tracking
from rustml.runs.stage import Outcome, Workspace
from rustml.stages import bank, served_versions
from tests.support.evaluations import evaluation_of
from tests.support.stores import Store, open_store, tracking_store
from tests.support.toy_models import problem

PROBLEMS = [problem(number) for number in range(2)]
PASSED = [True] * 200


def open_gates(profile: Profile) -> Profile:
    """The profile with a short ladder and gates that ask for nothing."""
    gate = msgspec.structs.replace(
        profile.gates["sft"], rise=(), hold=(), require_gain=False, resamples=1000, retention_pooled_margin=1.0
    )
    gates = {**profile.gates, "sft": gate, "fp8": gate}
    return msgspec.structs.replace(profile, ladder=("sft", "fp8", "champion"), gates=gates)


@contextmanager
def filled(
    folder: Path, database: bytes, profile: Profile, sft: Path | None = None, fp8: Path | None = None
) -> Iterator[Store]:
    """Version 1 came through the gate of `sft`, version 2 through that of `fp8`, version 3 through none."""
    with tracking_store(folder, database):
        store = open_store(folder, profile.gates["sft"])
        store.ladder = ladder_of(profile)
        python = [n < 400 for n in range(500)]
        before = store.evaluated(evaluation_of("b" * 64, rust=PASSED, python=python))
        for step, parent, made in (("sft", "", sft), ("fp8", "1", fp8)):
            version = store.registered(step, parent, made)
            after = store.evaluated(evaluation_of(store.registry.digest(version), rust=PASSED, python=python))
            store.promote(version, step, after, before, baseline_version=parent)
            before = after
        store.registered("again")
        yield store


def bank_run(profile: Profile, patch: pytest.MonkeyPatch) -> str:
    """The run of a bank with the problems above, which all versions count as measured with."""

    def body(space: Workspace) -> Outcome:
        write_jsonl(space.out / "rust-dev.jsonl", PROBLEMS)
        return Outcome()

    run = tracking.run_stage(bank.STAGE, profile, body).run_id
    patch.setattr(served_versions, "bank_of", lambda *_: run)
    return run
