"""Turn documented functions into training pairs, with held-out splits."""

from collections.abc import Mapping
from pathlib import Path

from rustml.contents import file_contents
from rustml.edits.jobs import EDITS
from rustml.pairs.build import Besides, build, refuse_unknown_tasks
from rustml.profile import Profile
from rustml.runs import tracking
from rustml.runs.environment import libraries
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, ProfilePath, Stage, Workspace
from rustml.sharding import worker_count
from rustml.stages.hub_commits import with_pool_commits
from rustml.stages.protected_texts import protected
from rustml.stages.report.funnel import reported

FILE = "file:"


def contents(profile: Profile) -> Mapping[ProfilePath, str]:
    """Digests of the pools in local files. An anchor pool that may be missing, and is, has none."""
    section = profile.pairs
    sources = [(("pairs", "anchors", name, "source"), pool.source) for name, pool in section.anchors.items()]
    sources += [(("pairs", "domain", name, "source"), pool.source) for name, pool in section.domain.items()]
    texts: dict[ProfilePath, str] = {}
    for key, source in sources:
        path = Path(source.removeprefix(FILE))
        may_be_missing = section.allow_missing_anchors and "anchors" in key
        if source.startswith(FILE) and (path.is_file() or not may_be_missing):
            texts[key] = f"{source}@{file_contents(path, '.'.join(key))}"
    return texts


STAGE = Stage("pairs", ("pairs",), __name__, contents, lambda _: libraries("tree-sitter", "tree-sitter-rust"))


def run(
    profile: Profile, *, curate: str, bank: str, edits: str = "", parent: str | None = None, reuse: bool = True
) -> tracking.Finished:
    """Run the stage on the output of the runs `curate` and `bank`, or find the run that did the same.

    `edits` is the run whose verified changes become records too; empty for none. Pools of the hub are read at the
    commit of now.
    Raises InputError before it starts where `pairs.tasks` names a task that does not exist, or one whose records only
    `edits` could give.
    """
    refuse_unknown_tasks(profile.pairs, edits=bool(edits))
    profile = with_pool_commits(profile)

    def body(space: Workspace) -> Outcome:
        changes = space.inputs["edits"] / f"{EDITS}.jsonl" if edits else None
        besides = Besides(bank=space.inputs["bank"], edits=changes)
        with Progress("pairs") as progress:
            report = build(
                profile.pairs,
                space.inputs["curate"],
                space.out,
                protected=protected(space.inputs["bank"]),
                besides=besides,
                workers=worker_count(profile.engine),
                seed=profile.seed,
                progress=progress,
            )
        datasets = {path.stem: path for path in sorted(space.out.glob("*.jsonl"))}
        return reported(report, space, datasets)

    inputs = {"curate": curate, "bank": bank} | ({"edits": edits} if edits else {})
    return tracking.run_stage(STAGE, profile, body, inputs=inputs, parent=parent, reuse=reuse)
