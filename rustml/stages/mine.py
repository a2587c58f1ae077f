"""Mine verifiable problems from the harvested crates: their documented functions, tested by the crates' own tests."""

from collections.abc import Callable, Mapping
from pathlib import Path

from rustml.banks.measured import measured_texts
from rustml.banks.sources.to_mine import bank_to_mine, on_hub
from rustml.contents import path_contents
from rustml.judge import Limits
from rustml.judge.in_crate.crate_builds import Places
from rustml.mining.given import GivenProblems
from rustml.mining.mine import MINED, Miner
from rustml.pairs.split import part_of
from rustml.profile import Profile
from rustml.records import Dependency
from rustml.runs import tracking
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, ProfilePath, Stage, Workspace
from rustml.sharding import worker_count
from rustml.stages import bank
from rustml.stages.hub_commits import with_bank_commits, with_source_commits
from rustml.stages.judging import judging_environment, open_judge
from rustml.stages.report.funnel import reported

SECTIONS = (
    "mine",
    "harvest.licences",
    "curate.near_duplicates",
    "curate.decontamination",
    "bank",
    "judge",
    "evaluation.dependencies",
    "pairs.holdout_percent",
)


def contents(profile: Profile) -> Mapping[ProfilePath, str]:
    """Digests of the benchmarks' and the sources' files and folders. Raises InputError for one that cannot be read."""
    sources = profile.mine.sources.items()
    return dict(bank.contents(profile)) | {
        ("mine", "sources", name, "path"): path_contents(Path(one.path), f"mine.sources.{name}.path")
        for name, one in sources
        if not on_hub(one)
    }


STAGE = Stage("mine", SECTIONS, __name__, contents, judging_environment)


def run(profile: Profile, *, harvest: str, parent: str | None = None, reuse: bool = True) -> tracking.Finished:
    """Run the stage on the output of the run `harvest`, or find the run that did the same."""
    profile = with_source_commits(with_bank_commits(profile))

    def body(space: Workspace) -> Outcome:
        with (
            open_judge(profile, space.cache, lints=False) as judge,
            Progress("drafts judged") as progress,
            Progress("crates judged in") as crates,
        ):
            miner = Miner(
                section=profile.mine,
                curation=profile.curate,
                judge=judge,
                places=Places(
                    cache=space.cache,
                    dependencies=profile.evaluation.dependencies,
                    sandbox=profile.judge.sandbox,
                ),
                limits=Limits.from_section(profile.judge),
                workers=worker_count(profile.engine),
                progress=progress,
                crates_progress=crates,
                held_out=lambda origin: part_of(origin, profile.pairs) == "holdout",
                given=_given(profile, judge.crates_fault),
            )
            protected = measured_texts(profile.bank, profile.seed)
            report = miner.mine(space.inputs["harvest"], space.out, protected)
        return reported(report, space, {MINED: space.out / f"{MINED}.jsonl"})

    return tracking.run_stage(STAGE, profile, body, inputs={"harvest": harvest}, parent=parent, reuse=reuse)


def _given(profile: Profile, crates_fault: Callable[[tuple[Dependency, ...]], str]) -> GivenProblems:
    """The problems of `mine.sources`. Raises InputError for one that cannot be read."""
    banks = [bank_to_mine(name, source) for name, source in profile.mine.sources.items()]
    return GivenProblems(
        problems=[problem for one in banks for problem in one.problems],
        excluded={name: reason for one in banks for name, reason in one.excluded.items()},
        licences=profile.harvest.licences,
        crates_fault=crates_fault,
    )
