"""The Ray cluster that RAY_ADDRESS names, or one on this machine. Ray is an optional extra (requirements/ray.txt)."""

import os
from pathlib import Path
from typing import Any

from rustml.errors import EnvironmentFault

ROOT = Path(__file__).resolve().parents[2]


def connected() -> Any:
    """Return Ray, connected. Raises EnvironmentFault when it is not installed or the cluster does not answer."""
    try:
        import ray  # noqa: PLC0415  an optional extra
    except ImportError as error:
        raise EnvironmentFault(
            "engine: ray needs Ray: pip install -r requirements/ray.txt; or set engine: local in the profile"
        ) from error
    if not ray.is_initialized():
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        try:
            environment = {"env_vars": {"PYTHONPATH": path}}
            ray.init(runtime_env=environment, log_to_driver=False, include_dashboard=False, configure_logging=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise EnvironmentFault(
                f"the Ray cluster does not answer: {str(error)[:200]}; check RAY_ADDRESS, or set engine: local"
            ) from error
    return ray
