"""Who started a run, and with which command: MLflow's own tags, as `mlflow run` sets them."""

import getpass
import sys
from pathlib import Path

from rustml.runs.git import code_commit


def origin_tags() -> dict[str, str]:
    """User, source and commit of a run that this process opens, as MLflow's run list shows them."""
    commit, _ = code_commit()
    tags = {"mlflow.source.name": command_name(), "mlflow.source.type": "LOCAL", "mlflow.source.git.commit": commit}
    try:
        return {**tags, "mlflow.user": getpass.getuser()}
    except (OSError, KeyError):  # a container's user may have no name
        return tags


def command_name() -> str:
    """The command of this process as its user typed it: `entrypoints.bank`, `rustml`."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return str(spec.name) if spec is not None else Path(sys.argv[0]).name or "python"
