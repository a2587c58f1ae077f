"""Log levels of libraries: what is listed here is silenced by name, everything else is shown."""

import logging
import os

LOGGERS = {
    "alembic": logging.WARNING,  # one line per schema migration
    "mlflow.store.db.utils": logging.WARNING,
    "mlflow.system_metrics": logging.WARNING,  # that it starts and that it ends
    "bitsandbytes": logging.ERROR,  # a kernel that it would fetch from a hub; peft imports it
    "httpx": logging.WARNING,  # one line per request
    "torchao": logging.ERROR,  # GPU kernels that are not in a CPU wheel
    "torch.utils._pytree": logging.ERROR,  # torchao registers enums in a form that torch deprecates
}


def quiet_libraries() -> None:
    """Set the levels. Call it before the libraries are imported."""
    for name, level in LOGGERS.items():
        logging.getLogger(name).setLevel(level)
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")  # bars that a log file would keep frame by frame
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
