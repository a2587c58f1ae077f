"""Ask optional teachers for answers to problems of the bank, and keep those that the judge passes."""

from rustml.profile import Profile
from rustml.runs import tracking
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.stages.judging import judging_environment, open_judge
from rustml.stages.report.funnel import reported
from rustml.teaching.teach import chosen_problems, open_teachers, teach

SECTIONS = ("teach", "judge", "evaluation.dependencies", "pairs.licences")
STAGE = Stage("teach", SECTIONS, __name__, environment=judging_environment)


def run(profile: Profile, *, bank: str, parent: str | None = None, reuse: bool = True) -> tracking.Finished:
    """Run the stage on the output of the run `bank`, or find the run that did the same.

    Raises InputError before it starts for teachers that are missing, refused or without a key.
    """
    cache = tracking.cache_layout().teachers
    teachers = open_teachers(profile.teach, profile.pairs.licences, cache, profile.seed)

    def body(space: Workspace) -> Outcome:
        problems = chosen_problems(profile.teach, space.inputs["bank"])
        with open_judge(profile, space.cache, lints=False) as judge, Progress("problems taught") as progress:
            report = teach(profile.teach, teachers, problems, judge, space.out, progress)
        datasets = {path.stem: path for path in sorted(space.out.glob("*.jsonl"))}
        return reported(report, space, datasets)

    return tracking.run_stage(STAGE, profile, body, inputs={"bank": bank}, parent=parent, reuse=reuse)
