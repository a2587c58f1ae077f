"""List the licences that the installed Python packages declare."""

import click

from entrypoints._support.command import stage_command
from rustml.profile import Profile


@stage_command("licences", reusable=False)
@click.option("--json", "as_json", type=bool, is_flag=False, flag_value=True, default=False, help="Print JSON.")
def main(_profile: Profile, *, as_json: bool) -> None:
    from rustml.stages import licences

    for line in licences.report(as_json=as_json):
        click.echo(line)


if __name__ == "__main__":
    main()
