"""Take a base model up the ladder of the profile, each step through its gate, to a served champion."""

from entrypoints._support.command import stage_command
from rustml.profile import Profile


@stage_command("lifecycle")
def main(profile: Profile, reuse: bool) -> None:
    from rustml.stages import lifecycle

    lifecycle.run(profile, reuse=reuse)


if __name__ == "__main__":
    main()
