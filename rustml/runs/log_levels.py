"""Keep the noise of libraries out of a stage's log, name by name; whatever is not named here is still heard."""

import logging
import os
import warnings

LOGGERS = {
    "alembic": logging.WARNING,  # one line a schema migration
    "mlflow.store.db.utils": logging.WARNING,
    "httpx": logging.WARNING,  # one line a request
    "torchao": logging.ERROR,  # GPU kernels that a CPU wheel does not hold
    "torch.utils._pytree": logging.ERROR,  # torchao registers enums in a form that torch deprecates
}
MESSAGES = ("TRL currently supports vLLM versions",)  # vLLM is not used for generation in training on a CPU


def libraries() -> None:
    """Set the levels and filters. To be called before the libraries are imported."""
    for name, level in LOGGERS.items():
        logging.getLogger(name).setLevel(level)
    for message in MESSAGES:
        warnings.filterwarnings("ignore", message=message)
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
