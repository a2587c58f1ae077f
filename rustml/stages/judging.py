"""What decides the judge's verdicts besides its code and limits, for the keys of stages that judge."""

import platform

from rustml.judge.rust import toolchain


def judging_environment() -> dict[str, str]:
    """The Rust toolchain and the Python that candidates run under. Raises EnvironmentFault without a toolchain."""
    return {"rust": toolchain.find().version, "python": platform.python_version()}
