"""Curate: what is dropped and why, who wins among duplicates, and the same bytes after any kill."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from rustml.corpus.curation.curate import curate, normalised_hash
from rustml.corpus.curation.dropped import DroppedFile
from rustml.errors import InputError
from rustml.profile.curate import CurateSection
from rustml.records import Origin, SourceFile, read_jsonl, write_jsonl
from rustml.sharding import Summary, run
from rustml.sharding.plots import draw_report
from rustml.similarity.overlap import Protected
from tests.support.processes import kill_at

FUNCTION = (
    "pub fn step_{a}_{b}(value: u64) -> u64 {{\n    let part_{a} = value * {a} + {b};\n    part_{a} % {b}7\n}}\n\n"
)
PROBLEM = "Given a list of strings and a prefix return only the strings that begin with that very prefix please"


def text(number: int) -> str:
    return "".join(FUNCTION.format(a=number * 100 + part, b=part + 1) for part in range(12))


def source_file(name: str, content: str, path: str = "src/lib.rs") -> SourceFile:
    return SourceFile(origin=Origin(kind="crate", name=name, licence="MIT", version="1.0.0", path=path), text=content)


def write_source(root: Path, shards: list[list[SourceFile]]) -> Path:
    """A harvest's output made of the given files."""

    def job(index: int, folder: Path) -> Summary:
        return Summary(records=write_jsonl(folder / "files.jsonl", shards[index]), funnel=())

    run(job, len(shards), root / "files", workers=1)
    return root


def kept(out: Path) -> list[str]:
    return [
        file.origin.label for path in sorted(out.glob("files/*/files.jsonl")) for file in read_jsonl(path, SourceFile)
    ]


@pytest.fixture
def harvested(tmp_path: Path) -> Path:
    edited = text(3).replace("value * 300", "value * 999")
    return write_source(tmp_path / "harvest", [
        [source_file("first", text(1)), source_file("second", text(2)), source_file("third", text(3))],
        [
            source_file("spaced", text(1).replace("\n", "\n\n")),
            source_file("edited", edited),
            source_file("copied", text(4) + f"// {PROBLEM}\n"),
            source_file("short", "fn f() {}"),
            source_file("bench", text(5), "benches/b.rs"),
        ],
    ])  # fmt: skip


def test_each_loss_has_its_reason(curate_section: CurateSection, harvested: Path, tmp_path: Path) -> None:
    guarded = [Protected(bank="humaneval", text=PROBLEM)]
    report = curate(curate_section, harvested, tmp_path / "out", protected=guarded, workers=1)
    assert kept(tmp_path / "out") == ["first-1.0.0/src/lib.rs", "second-1.0.0/src/lib.rs", "third-1.0.0/src/lib.rs"]
    dropped = {step.stage: step.dropped for step in report.funnel if step.dropped}
    assert dropped == {
        "path": {"bench": 1},
        "size": {"too_short": 1},
        "exact": {"duplicate": 1},
        "near": {"near_duplicate": 1},
        "contamination": {"humaneval": 1},
    }
    samples = {step.stage: step.samples for step in report.funnel}
    assert samples["near"]["near_duplicate"] == ("edited-1.0.0/src/lib.rs = third-1.0.0/src/lib.rs",)
    assert report.contaminated == {"humaneval": 1}
    assert report.metrics()["curate.contaminated.humaneval"] == 1
    assert not (tmp_path / "out" / "work").exists()


def dropped(out: Path) -> list[tuple[str, str, str, str]]:
    return [
        (record.step, record.reason, record.file.origin.name, record.repeats)
        for path in sorted(out.glob("files/*/dropped.jsonl"))
        for record in read_jsonl(path, DroppedFile)
    ]


def test_dropped_files_are_written_with_their_reason_where_the_profile_says_so(
    curate_section: CurateSection, harvested: Path, tmp_path: Path
) -> None:
    guarded = [Protected(bank="humaneval", text=PROBLEM)]
    curate(curate_section, harvested, tmp_path / "out", protected=guarded, workers=1)
    keeping = replace(curate_section, keep_dropped=True)
    report = curate(keeping, harvested, tmp_path / "looked at", protected=guarded, workers=1)
    assert not dropped(tmp_path / "out")
    assert kept(tmp_path / "out") == kept(tmp_path / "looked at")
    assert dropped(tmp_path / "looked at") == [
        ("size", "too_short", "short", ""),
        ("path", "bench", "bench", ""),
        ("exact", "duplicate", "spaced", "first-1.0.0/src/lib.rs"),
        ("near", "near_duplicate", "edited", "third-1.0.0/src/lib.rs"),
        ("contamination", "humaneval", "copied", ""),
    ]
    assert sum(sum(step.dropped.values()) for step in report.funnel) == len(dropped(tmp_path / "looked at"))
    (path,) = (path for path in (tmp_path / "looked at").glob("files/*/dropped.jsonl") if path.stat().st_size)
    texts = {record.file.origin.name: record.file.text for record in read_jsonl(path, DroppedFile)}
    assert texts["bench"] == text(5)


def test_the_funnel_adds_up(curate_section: CurateSection, harvested: Path, tmp_path: Path) -> None:
    report = curate(curate_section, harvested, tmp_path / "out", protected=[], workers=1)
    arriving = 8
    for step in report.funnel:
        assert step.kept + sum(step.dropped.values()) == arriving, step.stage
        arriving = step.kept
    assert arriving == report.files


def test_priority_is_the_order_of_the_harvest(curate_section: CurateSection, tmp_path: Path) -> None:
    one, other = source_file("one", text(1)), source_file("other", text(1))
    for number, order in enumerate([[one, other], [other, one]]):
        source = write_source(tmp_path / f"harvest{number}", [order])
        curate(curate_section, source, tmp_path / f"out{number}", protected=[], workers=1)
    assert kept(tmp_path / "out0") == ["one-1.0.0/src/lib.rs"]
    assert kept(tmp_path / "out1") == ["other-1.0.0/src/lib.rs"]


def test_plots_and_tables_are_of_the_report(curate_section: CurateSection, harvested: Path, tmp_path: Path) -> None:
    report = curate(curate_section, harvested, tmp_path / "out", protected=[], workers=1)
    drawn = draw_report(report, tmp_path / "plots")
    assert [path.name for path in drawn] == ["funnel.png", "lines_per_file.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)
    assert {row["outcome"] for row in report.tables()["curate/funnel.json"]} >= {"kept", "duplicate"}


def test_nothing_left_is_an_error_that_says_where_it_went(curate_section: CurateSection, tmp_path: Path) -> None:
    source = write_source(tmp_path / "harvest", [[source_file("a", "fn f() {}")]])
    with pytest.raises(InputError, match="too_short"):
        curate(curate_section, source, tmp_path / "out", protected=[], workers=1)
    with pytest.raises(InputError, match="holds no shards"):
        curate(curate_section, tmp_path / "nowhere", tmp_path / "out", protected=[], workers=1)


KILLED = """
import sys
from pathlib import Path
from rustml.corpus.curation.curate import curate
from rustml.profile import load
curate(load("tiny").curate, Path(sys.argv[1]), Path(sys.argv[2]), protected=[], workers=int(sys.argv[3]))
"""


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


MARKS = [
    ("work/filtered/00000", 1),
    ("work/filtered/00002", 2),
    ("work/matched/00003", 2),
    ("work/verdicts", 1),
    ("files/00001", 2),
]


@pytest.mark.parametrize(("mark", "workers"), MARKS)
def test_killed_at_several_points_and_resumed(
    curate_section: CurateSection, tmp_path: Path, mark: str, workers: int
) -> None:
    shards = [
        [source_file(f"c{number}", text(number)) for number in range(start, start + 25)] for start in range(0, 100, 25)
    ]
    source = write_source(tmp_path / "harvest", shards)
    out = tmp_path / "out"
    before = kill_at(KILLED, [str(source), str(out), str(workers)], out, mark)
    seen: list[tuple[int, int]] = []
    resumed = curate(curate_section, source, out, protected=[], workers=1, progress=lambda *at: seen.append(at))
    fresh = curate(curate_section, source, tmp_path / "fresh", protected=[], workers=1)
    assert resumed == fresh
    assert tree(out) == tree(tmp_path / "fresh")
    assert all((out / shard).stat().st_mtime_ns == at for shard, at in before.items() if shard.startswith("files/"))
    finished = sum(shard.startswith("work/filtered/") for shard in before)
    assert seen[0][0] == finished, "what was whole is counted, not done again"
    assert seen[-1][0] == seen[-1][1]


def test_several_workers_give_the_same_bytes(curate_section: CurateSection, harvested: Path, tmp_path: Path) -> None:
    reports = [
        curate(curate_section, harvested, tmp_path / str(workers), protected=[], workers=workers) for workers in (1, 2)
    ]
    assert reports[0] == reports[1]
    assert tree(tmp_path / "1") == tree(tmp_path / "2")


@pytest.mark.parametrize(("one", "other", "same"), [("a  b\n", "a b", True), ("a b", "ab", False)])
def test_white_space_does_not_make_a_file_new(one: str, other: str, same: bool) -> None:
    assert (normalised_hash(one) == normalised_hash(other)) is same
