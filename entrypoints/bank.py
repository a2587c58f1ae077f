"""Prepare the problem banks and verify every reference with the judge."""

from entrypoints.command import say, stage_command
from rustml.profile import load
from rustml.stages import bank as stage


@stage_command("bank")
def main(profile: str, reuse: bool) -> None:
    """Prepare the problem banks and verify every reference with the judge."""
    done = stage.run(load(profile), reuse=reuse)
    say(done.run_id, "bank", done.seconds, reused=done.reused)


if __name__ == "__main__":
    main()
