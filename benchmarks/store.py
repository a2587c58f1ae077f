"""The tracking store of the measurements that walk a lifecycle."""

import os
from pathlib import Path

from rustml.runs.log_levels import quiet_libraries


def use_store(folder: Path) -> None:
    """Keep the runs of this process below `folder`, and its libraries quiet."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder.resolve()}/mlflow.db"
    quiet_libraries()
