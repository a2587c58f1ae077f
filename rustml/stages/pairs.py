"""Turn documented functions into training pairs, with held-out splits."""

from collections.abc import Mapping
from pathlib import Path

from rustml.contents import file_contents
from rustml.pairs.build import build, refuse_unknown_tasks
from rustml.profile import Profile
from rustml.runs import tracking
from rustml.runs.environment import libraries
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, ProfilePath, Stage, Workspace
from rustml.sharding import worker_count
from rustml.sharding.plots import draw_report
from rustml.stages.hub_commits import with_anchor_commits
from rustml.stages.inputs import protected

FILE = "file:"


def contents(profile: Profile) -> Mapping[ProfilePath, str]:
    """Digests of the anchor pools in local files. One that may be missing, and is, has none."""
    texts: dict[ProfilePath, str] = {}
    for name, pool in profile.pairs.anchors.items():
        path = Path(pool.source.removeprefix(FILE))
        if pool.source.startswith(FILE) and (path.is_file() or not profile.pairs.allow_missing_anchors):
            digest = file_contents(path, f"pairs.anchors.{name}.source")
            texts["pairs", "anchors", name, "source"] = f"{pool.source}@{digest}"
    return texts


STAGE = Stage("pairs", ("pairs",), __name__, contents, lambda _: libraries("tree-sitter", "tree-sitter-rust"))


def run(
    profile: Profile, *, curate: str, bank: str, parent: str | None = None, reuse: bool = True
) -> tracking.Finished:
    """Run the stage on the output of the runs `curate` and `bank`, or find the run that did the same.

    Anchor pools of the hub are read at the commit of now.
    Raises InputError before it starts where `pairs.tasks` names a task that does not exist.
    """
    refuse_unknown_tasks(profile.pairs)
    profile = with_anchor_commits(profile)

    def body(space: Workspace) -> Outcome:
        with Progress("pairs") as progress:
            report = build(
                profile.pairs,
                space.inputs["curate"],
                space.out,
                protected=protected(space.inputs["bank"]),
                bank=space.inputs["bank"],
                workers=worker_count(profile.engine),
                seed=profile.seed,
                progress=progress,
            )
        draw_report(report, space.report / "plots")
        datasets = {path.stem: path for path in sorted(space.out.glob("*.jsonl"))}
        return Outcome(report.metrics(), report.tables(), datasets)

    inputs = {"curate": curate, "bank": bank}
    return tracking.run_stage(STAGE, profile, body, inputs=inputs, parent=parent, reuse=reuse)
