"""dtype and attention of the stages that compute: the profile's word, or what this machine measured best."""

import logging
from pathlib import Path

import msgspec

from rustml.models import compute
from rustml.profile import Profile
from rustml.runs import tracking

log = logging.getLogger(__name__)
NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")


def resolved(profile: Profile) -> Profile:
    """The profile with a dtype and an attention in the place of `auto`: they are logged, and part of stage keys.

    A GPU that the installed torch cannot use is warned of.
    """
    warn_of_an_idle_gpu()
    chosen = compute.choose(profile.compute, tracking.cache_layout().compute, context=profile.sft.context)
    return msgspec.structs.replace(profile, compute=chosen)


def warn_of_an_idle_gpu(driver: Path = NVIDIA_DRIVER) -> None:
    """Say so where there is an NVIDIA driver and torch is a build for CPUs, as that of conda.yaml is."""
    import torch  # noqa: PLC0415  seconds to load

    if driver.exists() and torch.version.cuda is None:
        log.warning(
            "this machine has an NVIDIA driver, but torch %s is a build for CPUs: the GPU stays idle. "
            "`ACCELERATOR=cuda make setup` installs the build for it; then add `--env-manager local` to `mlflow run`, "
            "or name conda-gpu.yaml in MLproject",
            torch.__version__,
        )
