"""CPU, memory, disk, network and GPU of the machine while a stage runs, as MLflow's system metrics."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

SWITCH = "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"
"""MLflow's variable; `false` switches them off."""
log = logging.getLogger(__name__)


@contextmanager
def system_metrics(run_id: str) -> Iterator[None]:
    """Sample the machine every ten seconds while the block runs. A shorter stage has none."""
    if os.environ.get(SWITCH, "true").lower() in ("false", "0"):
        yield
        return
    try:
        monitor = SystemMetricsMonitor(run_id, tracking_uri=mlflow.get_tracking_uri())
        monitor.start()
    except (MlflowException, ImportError, OSError) as error:
        log.warning("no system metrics: %s", error)
        yield
        return
    try:
        yield
    finally:
        monitor.finish()
