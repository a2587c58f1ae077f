"""The whole way: crates, base, SFT, GRPO, FP8, each through its gate, to a served champion."""

from entrypoints.command import stage_command
from rustml.profile import load
from rustml.stages import lifecycle as stage


@stage_command("lifecycle")
def main(profile: str, reuse: bool) -> None:
    """Take a base model through SFT, GRPO and FP8, each through its gate, to a served champion."""
    stage.run(load(profile), reuse=reuse)


if __name__ == "__main__":
    main()
