"""Write a version as a folder that others load, with model card and checksums."""

import click

from entrypoints._support.command import StageRun, stage_command
from rustml.profile import Profile


@stage_command("export")
@click.option("--version", required=True, help="Registered version.")
@click.option("--out", default="", help="Folder to write; empty takes `releases/NAME-vVERSION`.")
@click.option("--licence", default="", help="Identifier of the licence to publish under; empty keeps what is noted.")
@click.option("--gguf", default="", help="Formats of GGUF to add, such as `BF16,Q8_0`; k-quants need llama.cpp.")
def main(profile: Profile, version: str, out: str, licence: str, gguf: str, reuse: bool) -> StageRun:
    from rustml.stages import export

    return export.run(profile, version=version, out=out, licence=licence, gguf=gguf, reuse=reuse)


if __name__ == "__main__":
    main()
