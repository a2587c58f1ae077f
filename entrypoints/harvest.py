"""Harvest licence-clean Rust crates with their provenance."""

from entrypoints.command import say, stage_command
from rustml.profile import load
from rustml.stages import harvest as stage


@stage_command("harvest")
def main(profile: str, reuse: bool) -> None:
    """Harvest licence-clean Rust crates with their provenance."""
    done = stage.run(load(profile), reuse=reuse)
    say(done.run_id, "harvest", done.seconds, reused=done.reused)


if __name__ == "__main__":
    main()
