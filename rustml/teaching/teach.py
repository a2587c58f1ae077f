"""Ask teachers for answers to problems, keep those that the judge passes, and of several the one that peers prefer."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import msgspec

from rustml.errors import InputError
from rustml.judge.completions import judge_completions
from rustml.judge.judging import Judging
from rustml.licence import Gate
from rustml.profile.teach import TeachSection
from rustml.progress import ProgressCallback, no_progress
from rustml.records import Problem, Record, Verdict, read_jsonl, write_jsonl
from rustml.rust.fences import extract
from rustml.sharding import Funnel, FunnelReport, count_metrics
from rustml.teaching.peers import LETTERS, best, positions
from rustml.teaching.teachers import Teacher

BATCH = 32
"""Problems that are asked, judged and ranked at once."""
STEPS = ("reply", "judge", "peers")
FILE = "taught-{teacher}.jsonl"


class Taught(Record, frozen=True, omit_defaults=True):
    """An answer to learn from: the columns of a pool under `pairs.domain`."""

    instruction: str
    answer: str
    """The code alone, in a fenced block."""
    problem: str
    bank: str
    teacher: str
    model: str
    licence: str
    """Of the teacher's answers."""
    terms: str
    judged_by: str
    """`tests` or `compile`."""
    position: float = 0.0
    """Mean position among the answers that passed, by votes of other teachers; 0 where nobody voted."""
    votes: int = 0


class TeachReport(FunnelReport, frozen=True):
    """What was taught."""

    stage: ClassVar = "teach"
    records: dict[str, int]
    """By teacher."""

    def counts(self) -> Mapping[str, float]:
        """Records in all and by teacher."""
        return {"records": sum(self.records.values())} | count_metrics("records", self.records)


def open_teachers(section: TeachSection, licences: Sequence[str], cache: Path, seed: int) -> list[Teacher]:
    """The teachers of a profile. Raises InputError without any, and for a licence that is refused or a missing key."""
    if not section.teachers:
        raise InputError("teach.teachers is empty: name an OpenAI-compatible server, its licence and its terms")
    gate = Gate(licences)
    for name, teacher in section.teachers.items():
        refusal = gate.refusal(teacher.licence)
        if refusal is not None:
            raise InputError(f"teach.teachers.{name}.licence: {refusal.reason}: {refusal.detail}")
        if not (teacher.base_url and teacher.model):
            raise InputError(f"teach.teachers.{name}: state base_url and model")
    return [Teacher(name, server, section, cache, seed) for name, server in sorted(section.teachers.items())]


def chosen_problems(section: TeachSection, bank: Path) -> list[Problem]:
    """The problems of the files that are named. Raises InputError for a missing file or one not to be trained on."""
    if not section.files:
        raise InputError("teach.files is empty: name files of the bank, such as rust-train")
    problems: list[Problem] = []
    for name, count in section.files.items():
        path = bank / f"{name}.jsonl"
        if not path.is_file():
            raise InputError(f"teach.files.{name}: the bank's run has no file {name}.jsonl")
        own = list(read_jsonl(path, Problem))
        forbidden = next((one for one in own if not one.trainable or one.split != "train"), None)
        if forbidden is not None:
            raise InputError(f"teach.files.{name}: {forbidden.id} may not be trained on")
        problems += own[: count or None]
    return problems


def teach(
    section: TeachSection,
    teachers: Sequence[Teacher],
    problems: Sequence[Problem],
    judge: Judging,
    out: Path,
    progress: ProgressCallback = no_progress,
) -> TeachReport:
    """Write `taught-TEACHER.jsonl` for each teacher, records in the order of the problems."""
    funnel, taught = Funnel(STEPS), []
    for start in range(0, len(problems), BATCH):
        batch = problems[start : start + BATCH]
        taught += list(_taught(section, teachers, batch, judge, funnel))
        progress(start + len(batch), len(problems))
    for teacher in teachers:
        own = [record for record in taught if record.teacher == teacher.name]
        write_jsonl(out / FILE.format(teacher=teacher.name), own)
    return TeachReport(records=dict(Counter(record.teacher for record in taught)), funnel=funnel.steps())


def _taught(
    section: TeachSection, teachers: Sequence[Teacher], batch: Sequence[Problem], judge: Judging, funnel: Funnel
) -> Iterator[Taught]:
    passing: dict[str, list[tuple[Teacher, str]]] = {problem.id: [] for problem in batch}
    for teacher in teachers:
        numbered = [(problem, number) for problem in batch for number in range(section.samples)]
        requests = [(problem.instruction, number) for problem, number in numbered]
        replies = teacher.ask(requests, temperature=section.temperature)
        texts = ["" if reply.fault else reply.text for reply in replies]
        verdicts = judge_completions(judge, [problem for problem, _ in numbered], texts)
        for (problem, _), reply, verdict in zip(numbered, replies, verdicts, strict=True):
            label = f"{teacher.name} {problem.id}"
            funnel.drop("reply", reply.fault, label) if reply.fault else funnel.keep("reply")
            code = "" if reply.fault else extract(reply.text, problem.answer_name, problem.language) or ""
            known = [text for _, text in passing[problem.id]]
            reason = "repeated" if code and code in known else _refusal(verdict, section)
            if not reply.fault:
                funnel.drop("judge", reason, label) if reason else funnel.keep("judge")
            if not reason and not reply.fault:
                passing[problem.id].append((teacher, code))
    for problem in batch:
        yield from _preferred(problem, passing[problem.id][: len(LETTERS)], section, teachers, funnel)


def _refusal(verdict: Verdict | None, section: TeachSection) -> str:
    if verdict is None:
        return "no_code"
    passed = verdict.status == "passed" or (section.judged_by == "compile" and verdict.compiles is True)
    return "" if passed else verdict.status


def _preferred(
    problem: Problem,
    answers: Sequence[tuple[Teacher, str]],
    section: TeachSection,
    teachers: Sequence[Teacher],
    funnel: Funnel,
) -> Iterator[Taught]:
    records = [_record(problem, teacher, code, section) for teacher, code in answers]
    if not (section.peers and len(teachers) > 1 and len(answers) > 1):
        funnel.keep("peers", len(records))
        yield from records
        return
    places = positions(problem, [(teacher.name, code) for teacher, code in answers], teachers)
    winner = best(places, len(answers))
    for number, record in enumerate(records):
        if number != winner:
            funnel.drop("peers", "ranked_lower", f"{record.teacher} {problem.id}")
            continue
        funnel.keep("peers")
        position, votes = places.get(number, (0.0, 0))
        yield msgspec.structs.replace(record, position=position, votes=votes)


def _record(problem: Problem, teacher: Teacher, code: str, section: TeachSection) -> Taught:
    return Taught(
        instruction=problem.instruction,
        answer=f"```{problem.language}\n{code.strip()}\n```",
        problem=problem.id,
        bank=problem.bank,
        teacher=teacher.name,
        model=teacher.server.model,
        licence=teacher.server.licence,
        terms=teacher.server.terms,
        judged_by=section.judged_by,
    )
