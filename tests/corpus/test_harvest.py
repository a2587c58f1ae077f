"""Harvest end to end: which source is used and how that is said, what the gate keeps, what each file remembers."""

import hashlib
import logging
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from rustml.corpus.harvest import SOURCES, harvest
from rustml.corpus.sources.crate import Crate, CrateRecord
from rustml.corpus.sources.crates import crate_list
from rustml.corpus.sources.read_crates import CrateReader
from rustml.errors import EnvironmentFault, InputError
from rustml.profile.harvest import HarvestSection, RepositorySource
from rustml.records import SourceFile, read_jsonl
from tests.support.crate_archives import SOURCE, manifest, pack
from tests.support.loopback_registry import serving
from tests.support.processes import kill_at
from tests.support.sections import dataset_source

Section = Callable[..., HarvestSection]
Source = Callable[..., Path]
DEAD = "http://127.0.0.1:9/index/"


def crate(
    name: str, licence: str | None = "MIT", version: str = "1.0.0", **more: bytes | str
) -> dict[str, bytes | str]:
    files: dict[str, bytes | str] = {"Cargo.toml": manifest(name, version, licence)}
    return files | {"src/lib.rs": SOURCE.format(name=name, step=len(name))} | more


def files_of(out: Path) -> list[SourceFile]:
    return [file for path in sorted(out.glob("files/*/files.jsonl")) for file in read_jsonl(path, SourceFile)]


def test_a_directory_source_end_to_end(harvest_section: Section, directory_source: Source, tmp_path: Path) -> None:
    source = directory_source({
        "good-1.0.0": crate("good"),
        "two-1.0.0": crate("two", "MIT/Apache-2.0"),
        "election-1.0.0": crate("election", "MIT OR GPL-3.0"),
        "silent-1.0.0": crate("silent", None),
    })  # fmt: skip
    section = harvest_section(directory=str(source), crates=("good", "two", "election", "silent", "absent"))
    report = harvest(section, tmp_path / "out", workers=1, cache=tmp_path / "cache")
    assert (report.crates, report.files) == (2, 2)
    assert report.refusals == {"licence_missing": 1, "licence_not_allowed": 1, "not_found": 1}
    assert report.note == ""
    assert report.metrics()["harvest.licence.dropped.licence_not_allowed"] == 1
    file = files_of(tmp_path / "out")[0]
    assert file.origin.sha256 == hashlib.sha256(file.text.encode()).hexdigest()
    assert (file.origin.name, file.origin.version, file.origin.path) == ("good", "1.0.0", "src/lib.rs")
    assert (file.origin.licence, file.origin.archive_sha256) == ("MIT", "ab" * 32)
    assert file.origin.registry == f"directory+{source}"
    kept = list(read_jsonl(tmp_path / "out" / "crates.jsonl", CrateRecord))
    assert (Path(kept[0].unpacked) / "Cargo.toml").is_file()


def test_the_alternative_is_used_aloud(
    harvest_section: Section, directory_source: Source, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = directory_source({"good-1.0.0": crate("good")})
    section = harvest_section(registry=DEAD, directory=str(source), crates=("good",))
    with caplog.at_level(logging.WARNING):
        report = harvest(section, tmp_path / "out", workers=1, cache=tmp_path / "cache")
    assert "does not answer" in caplog.text
    assert str(source) in caplog.text
    assert "does not answer" in report.note
    assert report.source == f"directory+{source}"
    assert files_of(tmp_path / "out")[0].origin.registry == report.source


def test_neither_source_is_a_fault_with_the_commands_to_run(harvest_section: Section, tmp_path: Path) -> None:
    section = harvest_section(registry=DEAD, directory=str(tmp_path / "nowhere"), crates=("good",))
    with pytest.raises(EnvironmentFault, match=r"apt-get install[\s\S]*cargo vendor"):
        harvest(section, tmp_path / "out", workers=1, cache=tmp_path / "cache")


def test_the_newest_stable_version_of_a_directory(
    harvest_section: Section, directory_source: Source, tmp_path: Path
) -> None:
    versions = ("1.9.0", "1.10.0", "2.0.0-rc.1")
    source = directory_source({f"a-{version}": crate("a", version=version) for version in versions})
    section = harvest_section(directory=str(source), crates=("all",))
    harvest(section, tmp_path / "out", workers=1, cache=tmp_path / "cache")
    assert [file.origin.version for file in files_of(tmp_path / "out")] == ["1.10.0"]
    pinned = msgspec.structs.replace(section, crates=("a@1.9.0",))
    harvest(pinned, tmp_path / "out", workers=1, cache=tmp_path / "cache")
    assert [file.origin.version for file in files_of(tmp_path / "out")] == ["1.9.0"]


def test_a_file_that_differs_from_its_checksum_refuses_the_crate(
    harvest_section: Section, directory_source: Source, tmp_path: Path
) -> None:
    source = directory_source({"a-1.0.0": crate("a"), "b-1.0.0": crate("b")})
    (source / "a-1.0.0" / "src" / "lib.rs").write_text("fn tampered() {}")
    section = harvest_section(directory=str(source), crates=("all",))
    report = harvest(section, tmp_path / "out", workers=1, cache=tmp_path / "cache")
    assert report.refusals == {"checksum": 1}
    assert {file.origin.name for file in files_of(tmp_path / "out")} == {"b"}


def test_a_sentence_is_no_checksum_of_an_archive(
    harvest_section: Section, directory_source: Source, tmp_path: Path
) -> None:
    source = directory_source({"a-1.0.0": crate("a"), "b-1.0.0": crate("b")})
    (source / "a-1.0.0" / ".cargo-checksum.json").write_text('{"package": "Could not get crate checksum"}')
    harvest(harvest_section(directory=str(source), crates=("all",)), tmp_path / "out", workers=1, cache=tmp_path / "c")
    assert [file.origin.archive_sha256 for file in files_of(tmp_path / "out")] == ["", "ab" * 32]


def test_links_out_of_a_directory_source_are_not_followed(
    harvest_section: Section, directory_source: Source, tmp_path: Path
) -> None:
    source = directory_source({"a-1.0.0": crate("a")}, checksums=False)
    (tmp_path / "secret.rs").write_text("fn secret() {}")
    (source / "a-1.0.0" / "src" / "link.rs").symlink_to(tmp_path / "secret.rs")
    (source / "a-1.0.0" / "src" / "folder").symlink_to(tmp_path)
    section = harvest_section(directory=str(source), crates=("all",))
    harvest(section, tmp_path / "out", workers=1, cache=tmp_path / "cache")
    assert [file.origin.path for file in files_of(tmp_path / "out")] == ["src/lib.rs"]


def test_files_that_are_not_text_or_contradict_are_dropped_alone(
    harvest_section: Section, directory_source: Source, tmp_path: Path
) -> None:
    more: dict[str, bytes | str] = {
        "src/latin.rs": b"// caf\xe9\n",
        "src/gpl.rs": "// SPDX-License-Identifier: GPL-2.0-only\n",
        "vendor/x/src/lib.rs": "fn v() {}",
    }
    source = directory_source({"a-1.0.0": crate("a") | more})
    section = harvest_section(directory=str(source), crates=("all",))
    report = harvest(section, tmp_path / "out", workers=1, cache=tmp_path / "cache")
    dropped = {step.stage: step.dropped for step in report.funnel}
    assert dropped["encoding"] == {"not_utf8": 1}
    assert dropped["header"] == {"header_spdx": 1}
    assert report.files == 1


def test_a_hostile_archive_among_honest_ones(
    harvest_section: Section, make_archive: Callable[..., bytes], tmp_path: Path
) -> None:
    crates = []
    for name, data in [("good", make_archive("good")), ("liar", make_archive("other")), ("noise", b"no archive")]:
        place = tmp_path / name
        place.write_bytes(data)
        crates.append(Crate(
            name=name, version="1.0.0", kind="archive", location=str(place), registry="r", url="u",
            archive_sha256=hashlib.sha256(data).hexdigest(),
        ))  # fmt: skip
    reader = CrateReader(harvest_section(), tmp_path / "sources")
    assert [file.origin.name for file in reader.files(tuple(crates))] == ["good"]
    assert [(refused.name, refused.reason) for refused in reader.rejected] == [
        ("liar", "archive_foreign_path"),
        ("noise", "archive_corrupt"),
    ]
    assert (Path(reader.admitted[0].unpacked) / "src" / "lib.rs").is_file()


def test_a_manifest_that_speaks_of_another_crate(
    harvest_section: Section, directory_source: Source, tmp_path: Path
) -> None:
    source = directory_source({"a-1.0.0": crate("a")})
    section = harvest_section(directory=str(source), crates=("all",))
    bad = Crate(
        name="b", version="1.0.0", kind="directory", location=str(source / "a-1.0.0"), registry="", url="",
        archive_sha256="",
    )  # fmt: skip
    reader = CrateReader(section, tmp_path)
    assert list(reader.files((bad,))) == []
    assert reader.rejected[0].reason == "manifest"


@pytest.mark.parametrize("workers", [1, 2])
def test_the_output_depends_on_neither_workers_nor_run(
    harvest_section: Section, directory_source: Source, tmp_path: Path, workers: int
) -> None:
    names = [f"c{number}" for number in range(5)]
    source = directory_source({f"{name}-1.0.0": crate(name) for name in names})
    section = harvest_section(directory=str(source), crates=tuple(names), crates_per_shard=2)
    digests = {
        harvest(section, tmp_path / out, workers=count, cache=tmp_path / "cache").digest
        for out, count in (("a", 1), ("b", workers), ("b", 1))
    }
    assert len(digests) == 1


KILLED = """
import sys
from pathlib import Path
import msgspec
from rustml.corpus.harvest import harvest
from rustml.profile.harvest import HarvestSection
section = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=HarvestSection)
harvest(section, Path(sys.argv[2]), workers=int(sys.argv[3]), cache=Path(sys.argv[4]))
"""


@pytest.mark.parametrize(("mark", "workers"), [("files/00000", 1), ("files/00011", 2), ("files/00030", 2)])
def test_killed_at_several_points_and_resumed(
    harvest_section: Section, directory_source: Source, tmp_path: Path, mark: str, workers: int
) -> None:
    source = directory_source({f"c{number:02}-1.0.0": crate(f"c{number:02}") for number in range(40)})
    section = harvest_section(directory=str(source), crates=("all",), crates_per_shard=1)
    written, out = tmp_path / "section.json", tmp_path / "out"
    written.write_bytes(msgspec.json.encode(section))
    before = kill_at(KILLED, [str(written), str(out), str(workers), str(tmp_path / "cache")], out, mark)
    assert mark in before
    resumed = harvest(section, out, workers=1, cache=tmp_path / "cache")
    assert resumed == harvest(section, tmp_path / "fresh", workers=1, cache=tmp_path / "cache")
    folders = (out, tmp_path / "fresh")
    trees = [{str(p.relative_to(f)): p.read_bytes() for p in f.rglob("*") if p.is_file()} for f in folders]
    assert trees[0] == trees[1]
    assert {shard: (out / shard).stat().st_mtime_ns for shard in before} == before


def test_too_few_crates_is_an_error_with_the_reasons(
    harvest_section: Section, directory_source: Source, tmp_path: Path
) -> None:
    source = directory_source({"a-1.0.0": crate("a", "GPL-3.0-only")})
    with pytest.raises(InputError, match=r"0 crates passed the gate.*licence_not_allowed"):
        harvest(
            harvest_section(directory=str(source), crates=("all",)), tmp_path / "out", workers=1, cache=tmp_path / "c"
        )


def test_the_crate_list(harvest_section: Section, tmp_path: Path) -> None:
    listed = tmp_path / "crates.txt"
    listed.write_text("# ours\nserde@1.0.0\n\nsyn  # macros\na\n")
    wanted = crate_list(harvest_section(crates=("a", "b"), crates_file=str(listed)))
    assert [(item.name, item.version) for item in wanted] == [("a", ""), ("b", ""), ("serde", "1.0.0"), ("syn", "")]
    for bad in (("all", "a"), (), ("../evil",), ("a@1",), ("a@",)):
        with pytest.raises(InputError):
            crate_list(harvest_section(crates=bad))
    with pytest.raises(InputError, match="cannot read"):
        crate_list(harvest_section(crates_file="/nowhere"))


ROWS = [
    {"content": "fn a() {}\n", "path": "src/a.rs", "licences": ["MIT"]},
    {"content": "fn b() {}\n", "path": "src/b.rs", "licences": ["MIT", "GPL-3.0-only"]},
    {"content": "// SPDX-License-Identifier: MPL-2.0\n", "path": "src/c.rs", "licences": ["MIT"]},
]


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_local_data_set_goes_through_the_same_gate(
    harvest_section: Section, directory_source: Source, tmp_path: Path, form: str
) -> None:
    import pyarrow
    import pyarrow.parquet

    place = tmp_path / "data" / f"part.{form}"
    place.parent.mkdir()
    if form == "jsonl":
        place.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in ROWS))
    else:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), place)
    columns = {"content_column": "content", "path_column": "path", "licence_column": "licences"}
    source = dataset_source(str(place.parent), **columns, licence="")
    crates = directory_source({"good-1.0.0": crate("good")})
    section = harvest_section(directory=str(crates), crates=("all",), datasets=(source,))
    report = harvest(section, tmp_path / "out", workers=1, cache=tmp_path / "cache")
    assert report.files == 2
    assert [file.origin.path for file in files_of(tmp_path / "out")] == ["src/lib.rs", "src/a.rs"]
    steps = {step.stage: step.dropped for step in report.funnel}
    assert steps["licence"] == {"licence_not_allowed": 1}
    assert steps["header"] == {"header_spdx": 1}


def test_a_refused_data_set_or_repository_stops_before_anything_starts(
    harvest_section: Section, tmp_path: Path
) -> None:
    data = dataset_source("x/y", licence="GPL-3.0-only")
    repository = RepositorySource(path=str(tmp_path), licence="MIT", ignore=(), half_life_days=30.0)
    for changes, match in (({"datasets": (data,)}, "not_allowed"), ({"repositories": (repository,)}, "repositories")):
        with pytest.raises(InputError, match=match):
            harvest(
                harvest_section(directory=str(tmp_path), **changes),
                tmp_path / "out",
                workers=1,
                cache=tmp_path / "cache",
            )
    assert not (tmp_path / "out").exists()


def git(folder: Path, *words: str, date: str = "2024-01-01T00:00:00Z") -> None:
    identity = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date, "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, env=identity | dates)


def test_a_teams_history_is_weighed_by_place_message_and_age(
    harvest_section: Section, directory_source: Source, tmp_path: Path
) -> None:
    team = tmp_path / "team"
    team.mkdir()
    git(team, "init", "-q")
    for path in ("src/lib.rs", "src/old.rs", "target/x.rs", "tests/t.rs"):
        (team / path).parent.mkdir(exist_ok=True)
        (team / path).write_text(f"// {path}\nfn f() {{}}\n")
    git(team, "add", "-A", "-f")
    git(team, "commit", "-q", "-m", "First")
    (team / "src/lib.rs").write_text("fn g() {}\n")
    git(team, "commit", "-qam", "Add a trait for the error", date="2024-01-31T00:00:00Z")
    source = RepositorySource(path=str(team), licence="MIT", ignore=("target/", "*.rlib"), half_life_days=30.0)
    crates = directory_source({"good-1.0.0": crate("good")})
    section = harvest_section(directory=str(crates), crates=("all",), repositories=(source,))
    harvest(section, tmp_path / "out", workers=1, cache=tmp_path / "cache")
    ours = [file for file in files_of(tmp_path / "out") if file.origin.kind == "git"]
    assert [file.origin.path for file in ours] == ["src/lib.rs", "src/old.rs", "tests/t.rs"]
    assert [file.weight for file in ours] == pytest.approx([2.0 * 1.5 * 1.3, 1.3 * 0.5, 0.7 * 0.5])


def test_a_repository_alone_needs_no_crate_and_no_registry(harvest_section: Section, tmp_path: Path) -> None:
    team = tmp_path / "team"
    team.mkdir()
    git(team, "init", "-q")
    (team / "lib.rs").write_text("fn f() {}\n")
    git(team, "add", "-A")
    git(team, "commit", "-q", "-m", "First")
    source = RepositorySource(path=str(team), licence="MIT", ignore=(), half_life_days=30.0)
    alone = harvest_section(directory="/nowhere", crates=(), min_crates=0, repositories=(source,))
    harvest(alone, tmp_path / "out", workers=1, cache=tmp_path / "cache")
    assert [file.origin.path for file in files_of(tmp_path / "out")] == ["lib.rs"]
    asks = harvest_section(directory="/nowhere", crates=(), repositories=(source,))
    with pytest.raises(InputError, match="name at least one crate"):
        harvest(asks, tmp_path / "no", workers=1, cache=tmp_path / "cache")


def test_each_kind_of_source_has_a_check_and_a_plan(harvest_section: Section, tmp_path: Path) -> None:
    """A harvest without data sets and repositories has jobs of crates alone."""
    section = harvest_section(directory=str(tmp_path), crates=("a",))
    for source in SOURCES:
        source.check(section)
    plans = [source.plan(section, tmp_path / "cache", lambda _done, _total: None) for source in SOURCES]
    assert [len(plan.jobs) for plan in plans] == [1] + [0] * (len(SOURCES) - 1)


def test_the_report_sets_what_was_asked_beside_what_was_kept(
    harvest_section: Section, directory_source: Source, tmp_path: Path
) -> None:
    many: dict[str, bytes | str] = {f"src/m{number}.rs": f"pub fn m{number}() {{}}\n" for number in range(5)}
    source = directory_source({
        "small-1.0.0": crate("small"),
        "large-2.0.0": crate("large", version="2.0.0") | many,
        "larger-1.0.0": crate("larger") | many | {"src/one_more.rs": "pub fn more() {}\n"},
        "first-1.0.0": crate("first", "MIT OR Unlicense"),
        "second-1.0.0": crate("second", "MIT OR Unlicense"),
        "third-1.0.0": crate("third", "MPL-2.0"),
        "silent-1.0.0": crate("silent", None),
        "exempt-1.0.0": crate("exempt", "Apache-2.0 WITH LLVM-exception"),
    })  # fmt: skip
    asked = ("small", "large", "larger", "first", "second", "third", "silent", "exempt", "absent")
    section = harvest_section(directory=str(source), crates=asked, max_files_per_crate=4, crates_per_shard=2)
    report = harvest(section, tmp_path / "out", workers=1, cache=tmp_path / "cache")
    assert (report.requests, report.crates, report.refused) == (9, 3, 6)
    assert report.over_file_limit == {"larger-1.0.0": 3, "large-2.0.0": 2}
    tables = report.tables()
    assert tables["harvest/over_file_limit.json"][0] == {"crate": "larger-1.0.0", "files": 7, "left_out": 3, "limit": 4}
    groups = {(row["reason"], row["licence"]): row["crates"] for row in tables["harvest/refusals.json"]}
    assert groups == {
        ("licence_exception", "Apache-2.0 WITH LLVM-exception"): "exempt",
        ("licence_missing", ""): "silent",
        ("licence_not_allowed", "MIT OR Unlicense"): "first second",
        ("licence_not_allowed", "MPL-2.0"): "third",
        ("not_found", ""): "absent",
    }
    rows = {row["crates"]: row["count"] for row in tables["harvest/requests.json"]}
    assert rows["asked"] == rows["kept"] + sum(count for name, count in rows.items() if name.startswith("refused"))
    text = "\n".join(report.lines())
    assert "9 asked, 3 kept, 6 refused" in text
    assert "licence_not_allowed (MIT OR Unlicense): 2: first, second" in text
    assert "harvest.max_files_per_crate (4), left out: larger-1.0.0 3 of 7, large-2.0.0 2 of 6" in text
    assert report.metrics()["harvest.crates_requested"] == 9


def test_all_of_a_directory_source_asks_for_what_it_holds(
    harvest_section: Section, directory_source: Source, tmp_path: Path
) -> None:
    source = directory_source({"a-1.0.0": crate("a"), "b-1.0.0": crate("b", "GPL-3.0-only")})
    section = harvest_section(directory=str(source), crates=("all",))
    report = harvest(section, tmp_path / "out", workers=1, cache=tmp_path / "cache")
    assert (report.requests, report.crates, report.refused) == (2, 1, 1)
    assert not report.over_file_limit


@pytest.fixture
def cargo_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty `$CARGO_HOME`, seen from an empty folder."""
    folder = tmp_path / "user" / ".cargo"
    folder.mkdir(parents=True)
    monkeypatch.setenv("CARGO_HOME", str(folder))
    monkeypatch.chdir(folder)
    return folder


def test_cargo_may_put_a_directory_in_the_place_of_crates_io(
    harvest_section: Section, directory_source: Source, tmp_path: Path, cargo_home: Path
) -> None:
    source = directory_source({"good-1.0.0": crate("good")})
    text = f"[source.crates-io]\nreplace-with = 'vendored'\n[source.vendored]\ndirectory = '{source}'\n"
    (cargo_home / "config.toml").write_text(text)
    section = harvest_section(registry="cargo", crates=("all",))
    report = harvest(section, tmp_path / "out", workers=1, cache=tmp_path / "cache")
    assert (report.crates, report.source, report.note) == (1, f"directory+{source}", "")


def test_cargo_may_put_a_mirror_in_the_place_of_crates_io(
    harvest_section: Section, tmp_path: Path, cargo_home: Path
) -> None:
    with serving() as mirror:
        for name, inside in (("good", "good"), ("evil", "other")):
            mirror.add(name, "1.0.0", pack(f"{inside}-1.0.0", crate(inside)))
        text = f"[source.crates-io]\nreplace-with = 'm'\n[source.m]\nregistry = 'sparse+{mirror.url}/index/'\n"
        (cargo_home / "config.toml").write_text(text)
        section = harvest_section(registry="cargo", crates=("good", "evil"))
        report = harvest(section, tmp_path / "out", workers=1, cache=tmp_path / "cache")
    assert report.refusals == {"archive_foreign_path": 1}, "another crate's archive under a right name and checksum"
    assert report.source == f"sparse+{mirror.url}/index/ in the place of sparse+https://index.crates.io/"
    (file,) = files_of(tmp_path / "out")
    assert file.origin.registry == "sparse+https://index.crates.io/"
    assert file.origin.url == f"{mirror.url}/dl/good/1.0.0/download"


def test_where_cargo_leads_is_a_part_of_the_stages_key(
    harvest_section: Section, directory_source: Source, cargo_home: Path
) -> None:
    source = directory_source({"good-1.0.0": crate("good")}, checksums=False)
    section = harvest_section(registry="cargo", crates=("good",))
    seen = [SOURCES[0].contents(section)]
    (cargo_home / "config.toml").write_text("[source.crates-io]\nregistry = 'sparse+http://127.0.0.1:9/'")
    seen.append(SOURCES[0].contents(section))
    (cargo_home / "config.toml").write_text(f"[source.crates-io]\ndirectory = '{source}'")
    seen.append(SOURCES[0].contents(section))
    (source / "good-1.0.0" / "src" / "lib.rs").write_text("fn other() {}")
    seen.append(SOURCES[0].contents(section))
    assert len({digests["registry",] for digests in seen}) == 4


@pytest.mark.network
@pytest.mark.slow
def test_three_crates_of_the_configured_registry(harvest_section: Section, tmp_path: Path) -> None:
    """From crates.io, or from what Cargo's settings on this machine put in its place."""
    section = harvest_section(registry="cargo", crates=("either", "itoa", "semver"), interval_seconds=1.0)
    try:
        report = harvest(section, tmp_path / "out", workers=1, cache=tmp_path / "cache")
    except EnvironmentFault as fault:
        if not str(fault).startswith("no source of crates"):
            raise
        pytest.skip(f"no registry answers here: {fault}")
    assert (report.crates, report.refused) == (3, 0)
    assert {file.origin.name for file in files_of(tmp_path / "out")} == {"either", "itoa", "semver"}
    again = harvest(section, tmp_path / "again", workers=1, cache=tmp_path / "cache")
    assert again.digest == report.digest
