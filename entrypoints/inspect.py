"""Show a checkpoint: files, kind, adapter and trainer state, template."""

import click

from entrypoints._support.command import stage_command
from rustml.profile import Profile


@stage_command("inspect", reusable=False)
@click.option("--model", required=True, help="Run id, version, folder, or OWNER/NAME@COMMIT on the hub.")
@click.option("--json", "as_json", type=bool, is_flag=False, flag_value=True, default=False, help="Print JSON.")
def main(profile: Profile, model: str, as_json: bool) -> None:
    from rustml.stages import inspect_checkpoint

    for line in inspect_checkpoint.report(profile, model, as_json=as_json):
        click.echo(line)


if __name__ == "__main__":
    main()
