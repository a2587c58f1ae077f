"""Check the files of every registered version and the evidence behind its gates, as after a restore."""

import click

from entrypoints._support.command import stage_command
from rustml.profile import Profile


@stage_command("verify", reusable=False)
def main(profile: Profile) -> None:
    from rustml.stages import verify

    verified = verify.run(profile)
    click.echo(f"{len(verified)} versions of {profile.registered_model} hold")


if __name__ == "__main__":
    main()
