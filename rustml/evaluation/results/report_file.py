"""The report of an evaluation: outcomes of every suite and the metrics that follow from them, in `report.json`."""

import hashlib
from pathlib import Path

import msgspec

from rustml.errors import InputError
from rustml.evaluation.kinds import metrics_of
from rustml.evaluation.results.suite_result import SuiteResult
from rustml.io import write_bytes
from rustml.records import Record

REPORT = "report.json"


class Evaluation(Record, frozen=True):
    """A model measured on its suites."""

    model: str
    """As the user named it: run id, `models:/` URI, hub id or path."""
    weights_digest: str
    """Of the checkpoint that was loaded; `rustml.models.checkpoint.digest`."""
    suites: dict[str, SuiteResult]
    recorded: dict[str, float]
    """The metrics as they were logged; a report whose metrics do not follow from its outcomes was altered."""

    def metrics(self) -> dict[str, float]:
        """All metrics, computed from the outcomes."""
        return {name: value for suite in self.suites.values() for name, value in metrics_of(suite).items()}

    @property
    def digest(self) -> str:
        """SHA-256 of the report, in hex."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    def save(self, path: Path) -> None:
        """Write the report; a crash leaves no file under that name."""
        write_bytes(path, msgspec.json.encode(self, order="sorted"))


def load(path: Path) -> Evaluation:
    """Read a report, from its file or from the folder that holds it. Raises InputError where it cannot be read."""
    file = path / REPORT if path.is_dir() else path
    try:
        return msgspec.json.decode(file.read_bytes(), type=Evaluation)
    except OSError as error:
        raise InputError(f"no evaluation at {path}: {error.strerror}. Run `evaluate` for this model first") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is not an evaluation report: {error}") from error
