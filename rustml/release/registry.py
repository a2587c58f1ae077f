"""The model registry: versions of one registered model with their files, tags and aliases, and the reports of runs.

The only module that reads or writes the registry. Its files are fetched once per process.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import RLock

import msgspec
from mlflow.entities import LifecycleStage
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from rustml.errors import EvidenceError, InputError
from rustml.evaluation.results import report_file
from rustml.evaluation.results.report_file import Evaluation
from rustml.models import checkpoint
from rustml.release.fetching import fetch, kept_output
from rustml.release.gates import Decision
from rustml.release.ladder import Step
from rustml.release.mlflow_stages import set_stage
from rustml.runs import logged_models, tracking
from rustml.runs.store_errors import is_absent, require_absent

WEIGHTS_TAG, PARENT_TAG, STEP_TAG = "weights_digest", "parent_version", "made_for"
"""Tags of a version: digest of its weights, the version that it was made from, the step that it was made for."""
CHALLENGER = "challenger"
"""Alias of a version while it is judged."""
MODEL_NOTE = (
    "Versions made by the stages of rustml. An alias of a step points at the version that came through its gate last; "
    "each version's description says what it is, what was measured, and what the gates decided. "
    "`mlflow run . -e serve` serves the champion."
)
REPORT = f"output/{report_file.REPORT}"
"""Artifact path of the report in a run of the stage `evaluate`."""


def decision_artifact(step: str, version: str) -> str:
    """Artifact path of the decision in a promotion's run."""
    return f"decision-{step}-v{version}.json"


def gate_tag(step: str, name: str = "") -> str:
    """Name of a version's tag: `gate.grpo` for the outcome, `gate.grpo.run` and so on for its evidence."""
    return f"gate.{step}.{name}" if name else f"gate.{step}"


def evidence_tag(step: str) -> str:
    """Name of a version's tag that holds its evidence for a step in one JSON object: runs and digests."""
    return f"evidence.{step}"


def unfolded(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags with the evidence by name (`gate.sft.decision`), as it stands in the JSON of `evidence.sft`.

    A tag of its own that has such a name counts, as versions of before had them. Raises EvidenceError for a tag that
    holds no such JSON.
    """
    named: dict[str, str] = {}
    for tag, text in tags.items():
        prefix, _, step = tag.partition(".")
        if prefix == "evidence" and step:
            try:
                parts = msgspec.json.decode(text, type=dict[str, str])
            except msgspec.DecodeError as error:
                raise EvidenceError(f"tag {tag} holds no evidence that can be read: {error}") from error
            named |= {gate_tag(step, name): value for name, value in parts.items()}
    return {**named, **tags}


def refused_tag(step: str, name: str = "") -> str:
    """Name of a version's tag after a refusal: `refused.grpo` with the reasons, `refused.grpo.run` with the run."""
    return f"refused.{step}.{name}" if name else f"refused.{step}"


def promoted_tag(step: str) -> str:
    """Name of the registered model's tag that says which version the last promotion moved there."""
    return f"promoted.{step}"


class Registry:
    """One registered model. Create one per process: it remembers what it downloaded and hashed.

    Files of a server come from the cache of outputs, where this machine made or fetched them before; with `cached`
    unset, from the server itself.
    """

    def __init__(self, client: MlflowClient, model: str, *, cached: bool = True) -> None:
        self.client, self.model, self._cached = client, model, cached
        self._files: dict[str, Path] = {}
        self._digests: dict[tuple[object, ...], str] = {}
        self._lock = RLock()

    def register(self, folder: Path, source: str, *, run_id: str, parent: str = "", step: str = "") -> "ModelVersion":
        """Register the checkpoint in `folder`, which the registry reaches at the URI `source`.

        `parent` is the version that it was trained or quantised from, empty for the base model; `step` is the one that
        it was made for.
        """
        try:
            self.client.create_registered_model(self.model, description=MODEL_NOTE)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        named = {STEP_TAG: step, PARENT_TAG: parent, WEIGHTS_TAG: self._digest(folder)}
        tags = {name: text for name, text in named.items() if text}
        version = self.client.create_model_version(self.model, source, run_id=run_id, tags=tags)
        with suppress(MlflowException):  # an account that may not write to the model's experiment
            logged_models.link(self.client, run_id, self.model, str(version.version))
        return ModelVersion(self, str(version.version), run_id, tags)

    def version(self, number: str) -> "ModelVersion":
        """The version with its tags as they are now. Raises InputError when there is none, else what the store says."""
        try:
            version = self.client.get_model_version(self.model, number)
        except MlflowException as error:
            if not is_absent(error):
                raise
            raise InputError(f"the registry holds no version {number} of {self.model}") from error
        return ModelVersion(self, number, version.run_id or "", unfolded(version.tags))

    def registered_from(self, run_id: str) -> "ModelVersion | None":
        """The version that a run's checkpoint was registered as; None where it was not."""
        registered = self.client.search_model_versions(f"name = '{self.model}' and run_id = '{run_id}'")
        return self.version(str(registered[0].version)) if registered else None

    def holder(self, alias: str) -> str:
        """Number of the version that an alias points at; empty where it points at none."""
        return str(self.client.get_registered_model(self.model).aliases.get(alias, ""))

    def aliases(self) -> dict[str, str]:
        """Version numbers by alias; empty as long as nothing is registered. Raises EnvironmentFault for no answer."""
        try:
            aliases = self.client.get_registered_model(self.model).aliases
        except MlflowException as error:
            require_absent(error)
            return {}
        return {alias: str(number) for alias, number in sorted(aliases.items())}

    @contextmanager
    def challenged(self, number: str) -> Iterator[None]:
        """Point the alias `challenger` at a version while it is judged. An account that may not write goes without."""
        with suppress(MlflowException):
            self.client.set_registered_model_alias(self.model, CHALLENGER, number)
        try:
            yield
        finally:
            with suppress(MlflowException):
                self.client.delete_registered_model_alias(self.model, CHALLENGER)

    def tag(self, name: str) -> str:
        """A tag of the registered model; empty where it has none of the name."""
        return str(self.client.get_registered_model(self.model).tags.get(name, ""))

    def move(self, step: Step, number: str) -> str:
        """Point the step's alias at a version, note the promotion, and set the deprecated stage, which is returned.

        A version in production that takes an earlier step as well stays in production.
        """
        self.client.set_registered_model_tag(self.model, promoted_tag(step.name), number)
        self.client.set_registered_model_alias(self.model, step.name, number)
        return set_stage(self.client, self.model, number, step.mlflow_stage)

    def check_moved(self, step: Step, number: str, stage: str) -> None:
        """Read back what `move` wrote. Raises EvidenceError where the registry shows anything else."""
        try:
            now = self.client.get_model_version_by_alias(self.model, step.name)
        except MlflowException as error:
            raise EvidenceError(f"alias {step.name} of {self.model} is gone right after it was set") from error
        noted = self.tag(promoted_tag(step.name))
        if (str(now.version), now.current_stage, noted) != (number, stage, number):
            raise EvidenceError(
                f"alias {step.name} of {self.model} points at version {now.version} in stage {now.current_stage} right "
                f"after version {number} was promoted: something else writes to this registry"
            )

    def evaluation(self, run_id: str) -> Evaluation:
        """The report of an evaluation run. Raises EvidenceError when the run or its report is gone or unreadable."""
        self._check_kept(run_id, "evaluation")
        path = fetch(self.client, f"runs:/{run_id}/{REPORT}", f"the report of evaluation run {run_id}")
        try:
            return report_file.load(path)
        except InputError as error:
            raise EvidenceError(f"evaluation run {run_id}: {error}") from error

    def decision(self, run_id: str, step: str, number: str) -> Decision:
        """The decision in a promotion's run. Raises EvidenceError when it is gone or unreadable."""
        self._check_kept(run_id, "promotion")
        uri = f"runs:/{run_id}/{decision_artifact(step, number)}"
        path = fetch(self.client, uri, f"the decision of promotion run {run_id}")
        try:
            return msgspec.json.decode(path.read_bytes(), type=Decision)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise EvidenceError(f"promotion run {run_id} holds a decision that cannot be read: {error}") from error

    def _check_kept(self, run_id: str, kind: str) -> None:
        """A run in the trash is not evidence: its artifacts are there until the next `mlflow gc`."""
        try:
            stage = self.client.get_run(run_id).info.lifecycle_stage
        except MlflowException as error:
            raise EvidenceError(f"{kind} run {run_id} is gone: it cannot be fetched from the tracking store") from error
        if stage == LifecycleStage.DELETED:
            raise EvidenceError(f"{kind} run {run_id} was deleted: `mlflow runs restore --run-id {run_id}` undoes that")

    def files(self, number: str) -> Path:
        """A local folder with the version's files, fetched once. Raises EvidenceError where they are gone."""
        label = f"the files of {self.model} version {number}"
        with self._lock:
            if number not in self._files or not self._files[number].exists():
                uri = self.client.get_model_version_download_uri(self.model, number)
                version = self.client.get_model_version(self.model, number) if self._cached else None
                kept = kept_output(self.client, version) if version else None
                self._files[number] = kept or fetch(self.client, uri, label)
            return self._files[number]

    def digest(self, number: str) -> str:
        """Digest of the version's weights as they lie in its files now. Raises InputError for files without weights."""
        return self._digest(self.files(number))

    def _digest(self, folder: Path) -> str:
        """Hash a checkpoint again only where a file was touched: a promotion asks up to five times for gigabytes."""
        state = _fingerprint(folder)
        with self._lock:
            if state not in self._digests:
                self._digests[state] = checkpoint.digest(folder)
            return self._digests[state]


@dataclass(frozen=True)
class ModelVersion:
    """A registered version as it was when it was read."""

    registry: Registry
    number: str
    run_id: str
    """Run that made its files."""
    tags: Mapping[str, str]

    @property
    def name(self) -> str:
        """As messages name it: `rust-coder version 3`."""
        return f"{self.registry.model} version {self.number}"

    @property
    def parent(self) -> str:
        """Number of the version that it was made from; empty for the base model."""
        return self.tags.get(PARENT_TAG, "")

    @property
    def made_by(self) -> str:
        """Stage whose run made it; empty where no run of a stage did. Raises EnvironmentFault for no answer."""
        try:
            run = self.registry.client.get_run(self.run_id)
        except MlflowException as error:
            require_absent(error)
            return ""
        return str(run.data.tags.get(tracking.STAGE, ""))

    @property
    def folder(self) -> Path:
        """Its files on this machine."""
        return self.registry.files(self.number)

    @property
    def digest(self) -> str:
        """Digest of its weights as they lie in its files now."""
        return self.registry.digest(self.number)

    def tag(self, tags: Mapping[str, str]) -> None:
        """Write tags into the registry."""
        for name, value in tags.items():
            self.registry.client.set_model_version_tag(self.registry.model, self.number, name, value)

    def untag(self, names: Iterable[str]) -> None:
        """Delete those of the tags that the version has now."""
        client, model = self.registry.client, self.registry.model
        for name in sorted({*names} & client.get_model_version(model, self.number).tags.keys()):
            client.delete_model_version_tag(model, self.number, name)


def open_registry(model: str) -> Registry:
    """The registry of this process's tracking store, the same object at each call."""
    return _registry(tracking.client(), model)


@lru_cache(maxsize=8)
def _registry(client: MlflowClient, model: str) -> Registry:
    return Registry(client, model)


def _fingerprint(folder: Path) -> tuple[object, ...]:
    """What changes when a file of a folder is written: names, sizes, times and inodes."""
    stats = [(path, path.stat()) for path in sorted(folder.rglob("*")) if path.is_file()]
    return (folder, *((path.name, stat.st_size, stat.st_mtime_ns, stat.st_ino) for path, stat in stats))
