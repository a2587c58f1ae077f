"""What a profile asks of a machine that cannot train it, known before anything is loaded."""

from importlib.util import find_spec

from rustml.errors import EnvironmentFault, InputError
from rustml.models.compute import device
from rustml.profile.optimizer import AdamW8bitSection, OptimizerSection


def check_machine(optimizer: OptimizerSection, dtype: str, key: str) -> None:
    """Raises InputError for a dtype that cannot train, EnvironmentFault for an optimizer that this machine cannot run.

    `key` is the profile's for `optimizer`.
    """
    if dtype == "float16":
        raise InputError(
            "compute.dtype: float16 does not train without loss scaling: set compute.dtype=bfloat16 or float32"
        )
    if not isinstance(optimizer, AdamW8bitSection):
        return
    if optimizer.paged and device() == "cpu":
        raise EnvironmentFault(
            f"{key}: paged_adamw8bit needs a GPU, and this machine has none that torch sees: set {key}.kind=adamw8bit"
        )
    if find_spec("bitsandbytes") is None:
        raise EnvironmentFault(
            f"{key}: 8-bit moments need bitsandbytes, which is not installed: pip install bitsandbytes==0.50.2, or set "
            f"{key}.kind=adamw"
        )
