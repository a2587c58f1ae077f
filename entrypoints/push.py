"""Upload a release to a model hub; by default a dry run that lists what would be sent."""

import click

from entrypoints._support.command import StageRun, stage_command
from rustml.profile import Profile


@stage_command("push", reusable=False)
@click.option("--version", required=True, help="Registered version that `export` wrote as a release.")
@click.option("--repository", required=True, help="Repository on the hub: OWNER/NAME; made where it is missing.")
@click.option("--release", default="", help="Folder of the release; empty takes `releases/NAME-vVERSION`.")
@click.option("--public", type=bool, default=False, help="Whether everyone may read the repository.")
@click.option("--dry_run", type=bool, default=True, help="List files, sizes and target, and send nothing.")
def main(profile: Profile, version: str, repository: str, release: str, public: bool, dry_run: bool) -> StageRun | None:
    from rustml.stages import push

    return push.run(profile, version=version, repository=repository, release=release, public=public, dry_run=dry_run)


if __name__ == "__main__":
    main()
