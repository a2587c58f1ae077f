"""Pairs end to end: splits without leaks, decontamination, mixing, anchors, the same bytes again, and the trace."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from entrypoints.trace import main as trace
from rustml import chat
from rustml.errors import InputError
from rustml.pairs.build import Besides, build
from rustml.pairs.split import fraction, part_of
from rustml.profile import load
from rustml.profile.pairs import AnchorPool, PairsSection, Pool
from rustml.records import Origin, Pair, read_jsonl, write_jsonl
from rustml.rust.lexer import squeeze
from rustml.similarity.overlap import Protected
from rustml.tasks import TASKS
from tests.support.processes import kill_at
from tests.support.toy_models import problem

TINY = load("tiny").pairs

Section = Callable[..., PairsSection]
Curated = Callable[..., Path]
PARTS = ("train", "validation", "holdout", "general_holdout", "raw")


def records(out: Path, part: str) -> list[Pair]:
    return list(read_jsonl(out / f"{part}.jsonl", Pair))


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pool(**changes: object) -> AnchorPool:
    plain = AnchorPool(
        source="bank:python-train", share=1.0, take=0, max_characters=1000, licence="MIT", instruction_column="q",
        answer_column="a", messages_column="", language="python", split="train",
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def test_every_part_and_task_is_there_and_no_file_is_split(
    section: Section, curated: Curated, texts: list[str], tmp_path: Path
) -> None:
    wide = section(holdout_percent=20.0, validation_percent=20.0)
    report = build(wide, curated(texts), tmp_path / "out", protected=[], workers=1)
    places = {part: {pair.origin.name for pair in records(tmp_path / "out", part)} for part in PARTS}
    assert all(places[part] for part in ("train", "validation", "holdout", "raw"))
    for part in ("validation", "holdout"):
        assert not places[part] & places["train"]
        assert not places[part] & places["raw"]
    assert set(report.tasks) == set(wide.tasks)
    assert sum(report.tasks.values()) == sum(report.parts[part] for part in ("train", "validation", "holdout"))
    ids = [pair.id for part in PARTS for pair in records(tmp_path / "out", part)]
    assert len(ids) == len(set(ids))


@given(names=st.lists(st.text(max_size=8), max_size=40), version=st.sampled_from(["1.0.0", "2.0.0"]))
def test_the_part_of_a_file_depends_on_its_place_alone(names: list[str], version: str) -> None:
    for name in names:
        origins = [Origin(kind="crate", name=name, licence="MIT", path="p", version=v) for v in (version, "3.0.0")]
        assert part_of(origins[0], TINY) == part_of(origins[1], TINY)
        assert 0 <= fraction(name) < 1


def test_the_share_of_the_hold_out_is_the_profiles() -> None:
    tiny = msgspec.structs.replace(TINY, holdout_percent=5.0)
    origins = [Origin(kind="crate", name=f"n{number}", licence="MIT", path="src/lib.rs") for number in range(4000)]
    held = sum(part_of(origin, tiny) == "holdout" for origin in origins) / len(origins)
    assert held == pytest.approx(0.05, abs=0.015)


def test_a_function_copied_from_a_held_out_file_does_not_train(
    section: Section, curated: Curated, texts: list[str], tmp_path: Path
) -> None:
    wide = section(holdout_percent=20.0, validation_percent=0.0, raw_max_characters=2000)
    source = curated(texts)
    build(wide, source, tmp_path / "out", protected=[], workers=1)
    held = sorted({int(pair.origin.name[1:]) for pair in records(tmp_path / "out", "holdout")})
    trains = sorted({int(pair.origin.name[1:]) for pair in records(tmp_path / "out", "train")})
    leaking = list(texts)
    leaking[trains[0]] = texts[trains[0]] + "\n" + texts[held[0]].partition("#[cfg(test)]")[0]
    leaking[trains[1]] = texts[held[1]] + "\n"
    report = build(wide, curated(leaking, "leaking"), tmp_path / "out2", protected=[], workers=1)
    dropped = next(step.dropped for step in report.funnel if step.stage == "split")
    assert dropped["near_holdout"] >= 2
    for part in ("train", "raw"):
        joined = "\n".join(pair.instruction + pair.answer for pair in records(tmp_path / "out2", part))
        assert f"count_{held[0]}(" not in joined
        assert f"count_{held[1]}(" not in joined


def test_what_overlaps_a_bank_is_dropped_and_the_bank_named(
    section: Section, curated: Curated, texts: list[str], tmp_path: Path
) -> None:
    guarded = [Protected(bank="mbpp", text=texts[7])]
    report = build(section(), curated(texts[:8]), tmp_path / "out", protected=guarded, workers=1)
    assert report.contaminated["mbpp"] > 0
    for part in PARTS:
        assert all("count_7(" not in pair.answer for pair in records(tmp_path / "out", part))


def test_bounds_on_length_hold_for_every_record(
    section: Section, curated: Curated, texts: list[str], tmp_path: Path
) -> None:
    short = section(max_pair_characters=500, raw_min_characters=100, raw_max_characters=500, raw_pieces=7)
    report = build(short, curated(texts), tmp_path / "out", protected=[], workers=1)
    pairs = records(tmp_path / "out", "train")
    assert pairs
    assert max(len(pair.instruction) + len(pair.answer) for pair in pairs) <= 500
    raw = records(tmp_path / "out", "raw")
    assert len(raw) == report.parts["raw"] == 7
    assert all(100 <= len(pair.answer) <= 500 and not pair.instruction for pair in raw)


def test_runs_agree_to_the_byte_and_a_stopped_one_goes_on(
    section: Section, curated: Curated, texts: list[str], tmp_path: Path
) -> None:
    source = curated(texts[:20])
    first = build(section(), source, tmp_path / "a", protected=[], workers=1)

    def stop(done: int, _total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(section(), source, tmp_path / "b", protected=[], workers=1, progress=stop)
    assert not (tmp_path / "b" / "train.jsonl").exists()
    assert build(section(), source, tmp_path / "b", protected=[], workers=1) == first
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


KILLED = """
import sys
from pathlib import Path
import msgspec
from rustml.pairs.build import Besides, build
from rustml.profile.pairs import PairsSection
section = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=PairsSection)
build(section, Path(sys.argv[2]), Path(sys.argv[3]), protected=[], workers=int(sys.argv[4]))
"""
MARKS = [
    ("work/extracted/00000", 1),
    ("work/extracted/00006", 2),
    ("validation.jsonl", 1),
    ("work/domain.jsonl", 1),
]


@pytest.mark.parametrize(("mark", "workers"), MARKS)
def test_killed_at_several_points_and_resumed(
    section: Section, curated: Curated, texts: list[str], tmp_path: Path, mark: str, workers: int
) -> None:
    source, out, written = curated(texts), tmp_path / "out", tmp_path / "section.json"
    written.write_bytes(msgspec.json.encode(section(validation_percent=20.0)))
    before = kill_at(KILLED, [str(written), str(source), str(out), str(workers)], out, mark)
    seen: list[tuple[int, int]] = []
    resumed = build(
        section(validation_percent=20.0), source, out, protected=[], workers=1, progress=lambda *at: seen.append(at)
    )
    assert seen[0] == (len(before), 15), "whole shards are not done again"
    assert resumed == build(section(validation_percent=20.0), source, tmp_path / "fresh", protected=[], workers=1)
    assert tree(out) == tree(tmp_path / "fresh")


def test_an_unknown_task_and_a_missing_corpus_are_named(section: Section, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="poetry"):
        build(section(tasks={"poetry": 1.0}), tmp_path, tmp_path / "out", protected=[], workers=1)
    with pytest.raises(InputError, match="holds no shards"):
        build(section(), tmp_path / "nowhere", tmp_path / "out", protected=[], workers=1)


def test_a_pair_holds_what_makes_its_function_of_its_answer(
    section: Section, curated: Curated, texts: list[str], tmp_path: Path
) -> None:
    build(section(), curated(texts[:8]), tmp_path / "out", protected=[], workers=1)
    pairs = records(tmp_path / "out", "train")
    assert {pair.task for pair in pairs} == set(section().tasks)
    for pair in pairs:
        source = texts[int(pair.origin.name[1:])].encode()
        function, tested = (source[slice(*span)].decode() for span in (pair.span, pair.tested))
        code = pair.answer.removeprefix("```rust\n").removesuffix("```")
        written = [squeeze(text) for text in TASKS[pair.task].functions(code, pair.given, function)]
        assert written == [] or squeeze(function) in written[0], pair.task
        assert function.startswith("fn counts_" if pair.task == "test_generation" else "pub fn count_")
        assert tested.startswith("pub fn count_") == (pair.task == "test_generation")


def anchor_file(path: Path, count: int, word: str = "Question") -> Path:
    write_jsonl(path, [_Row(q=f"{word} {n} of many?", a=f"Answer number {n} is this.") for n in range(count)])
    return path


class _Row(msgspec.Struct):
    q: str
    a: str


def test_anchors_are_mixed_in_and_the_achieved_ratios_reported(
    section: Section, curated: Curated, texts: list[str], tmp_path: Path
) -> None:
    code = anchor_file(tmp_path / "code.jsonl", 5000)
    few = anchor_file(tmp_path / "few.jsonl", 20, "Other q")
    again = anchor_file(tmp_path / "again.jsonl", 300)
    pools = {
        "code": pool(source=f"file:{code}", share=0.5),
        "few": pool(source=f"file:{few}", share=0.25),
        "once_more": pool(source=f"file:{again}", share=0.1),
        "own": pool(source="corpus", share=0.15),
    }
    mixed = section(anchors=pools, anchors_per_pair=1.0, interleave="round_robin", general_holdout=50)
    report = build(mixed, curated(texts), tmp_path / "out", protected=[], workers=1)
    domain = sum(pair.origin.kind == "crate" and pair.task != "raw" for pair in records(tmp_path / "out", "train"))
    assert report.pools["code"] == round(domain * 0.5)
    assert report.short["few"] == round(domain * 0.25) - 18
    assert report.pools["once_more"] == 0
    assert report.achieved["anchors_per_pair"] == pytest.approx(sum(report.pools.values()) / domain)
    held = records(tmp_path / "out", "general_holdout")
    assert len([pair for pair in held if pair.task == "anchor_code"]) == 50
    assert not {pair.id for pair in held} & {pair.id for pair in records(tmp_path / "out", "train")}


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"source": "file:/nowhere.jsonl"}, "no file /nowhere"),
        ({"source": "bank:nowhere"}, "the bank has no file nowhere"),
        ({"source": "carrier pigeon"}, "not one of corpus, bank"),
        ({"source": "hub:nuprl/MultiPL-E"}, "may be evaluated on, but not trained on"),
        ({"source": "hub:x/y", "licence": "CC-BY-NC-4.0"}, "licence_not_allowed"),
        ({"source": "hub:x/y", "licence": ""}, "licence_missing"),
    ],
)
def test_a_pool_that_is_missing_or_refused_stops_before_anything_starts(
    section: Section, tmp_path: Path, changes: dict[str, str], match: str
) -> None:
    with pytest.raises(InputError, match=match):
        build(section(anchors={"p": pool(**changes)}), tmp_path, tmp_path / "out", protected=[], workers=1)
    assert not (tmp_path / "out").exists()


def test_a_missing_pool_may_be_allowed(section: Section, curated: Curated, texts: list[str], tmp_path: Path) -> None:
    lenient = section(anchors={"p": pool()}, anchors_per_pair=1.0, allow_missing_anchors=True)
    report = build(lenient, curated(texts[:8]), tmp_path / "out", protected=[], workers=1)
    assert report.pools == {}


def test_problems_of_the_bank_are_anchors_each_through_the_gate(
    section: Section, curated: Curated, texts: list[str], tmp_path: Path
) -> None:
    family = problem(0)
    kinds = [
        family,
        msgspec.structs.replace(family, bank="multipl-e"),
        msgspec.structs.replace(family, bank="public", licence="GPL-3.0-only"),
        msgspec.structs.replace(family, bank="protocol", trainable=False),
    ]
    rows = [
        msgspec.structs.replace(kind, id=f"{kind.bank}/{n}", instruction=f"Add {n}, {kind.bank}.")
        for n in range(10)
        for kind in kinds
    ]
    write_jsonl(tmp_path / "python-train.jsonl", rows)
    mixed = section(anchors={"p": pool()}, anchors_per_pair=1.0)
    build(mixed, curated(texts[:8]), tmp_path / "out", protected=[], workers=1, besides=Besides(bank=tmp_path))
    anchors = [pair for pair in records(tmp_path / "out", "train") if pair.task == "anchor_p"]
    assert {pair.origin.name for pair in anchors} == {"toy"}
    assert {pair.answer for pair in anchors} == {chat.answer(family)}
    assert all(pair.origin.licence == "MIT" for pair in anchors)


def test_a_weight_above_one_repeats_training_records_alone(
    section: Section, curated: Curated, texts: list[str], tmp_path: Path
) -> None:
    weights = {"sig_doc_impl": 2.5, "completion": 1.0}
    code = anchor_file(tmp_path / "code.jsonl", 1000)
    mixed = section(
        tasks=weights, validation_percent=30.0, anchors={"code": pool(source=f"file:{code}")}, anchors_per_pair=1.0
    )
    report = build(mixed, curated(texts), tmp_path / "out", protected=[], workers=1)
    copies = Counter(pair.id for pair in records(tmp_path / "out", "train") if pair.task == "sig_doc_impl")
    assert set(copies.values()) == {2, 3}
    assert set(Counter(p.id for p in records(tmp_path / "out", "train") if p.task == "completion").values()) == {1}
    assert set(Counter(pair.id for pair in records(tmp_path / "out", "validation")).values()) == {1}
    trained = sum(pair.task in weights for pair in records(tmp_path / "out", "train"))
    assert report.pools["code"] == trained, "anchors are in proportion to what is trained on, copies counted"


def test_chat_columns_and_bad_columns(section: Section, curated: Curated, texts: list[str], tmp_path: Path) -> None:
    chat = tmp_path / "chat.jsonl"
    turns = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "So."},
    ]
    chat.write_bytes(msgspec.json.encode({"messages": turns}) + b"\n" + msgspec.json.encode({"messages": turns[:2]}))
    pools = {"p": pool(source=f"file:{chat}", messages_column="messages")}
    build(section(anchors=pools, anchors_per_pair=1.0), curated(texts[:8]), tmp_path / "out", protected=[], workers=1)
    anchors = [pair for pair in records(tmp_path / "out", "train") if pair.task == "anchor_p"]
    assert [(pair.instruction, pair.answer) for pair in anchors] == [("Why?", "So.")]
    bad = {"p": pool(source=f"file:{chat}", answer_column="reply", instruction_column="")}
    with pytest.raises(InputError, match="'reply'; it has messages"):
        build(section(anchors=bad), curated(texts[:4], "c2"), tmp_path / "out2", protected=[], workers=1)


def domain_pool(path: Path, **changes: object) -> Pool:
    values = {name: getattr(pool(), name) for name in Pool.__struct_fields__}
    return Pool(**{**values, "source": f"file:{path}", "language": "rust", **changes})


def test_a_set_of_tasks_is_a_domain_source_split_decontaminated_and_counted_by_anchors(
    section: Section, curated: Curated, texts: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "tasks.jsonl"
    rows = [
        {
            "crate_name": "c",
            "task_category": "code_review" if number % 2 else "poetry",
            "input_data": json.dumps({"code": f"fn f{number}() {{\n}}", "code_context": ""}),
            "output_data": json.dumps({"review": f"Number {number} does nothing."}),
        }
        for number in range(400)
    ]
    leaked = "the quick brown fox jumps over the lazy dog while nine lazy cats look on and yawn"
    rows.append({"crate_name": "c", "task_category": "x", "input_data": leaked, "output_data": "y"})
    path.write_text("\n".join(map(json.dumps, [*rows, rows[0]])))
    strandset = domain_pool(
        path, instruction_column="input_data", answer_column="output_data", task_column="task_category"
    )
    anchors = {"code": pool(source=f"file:{anchor_file(tmp_path / 'code.jsonl', 3000)}")}
    mixed = section(domain={"set": strandset}, anchors=anchors, anchors_per_pair=1.0, validation_percent=20.0)
    guard = [Protected(bank="humaneval", text=leaked)]
    report = build(mixed, curated(texts), tmp_path / "out", protected=guard, workers=1)
    parts = {part: [p for p in records(tmp_path / "out", part) if p.task == "domain_set"] for part in PARTS}
    assert len(parts["train"]) + len(parts["validation"]) == 400, "once each, without the leaked one"
    assert 50 <= len(parts["validation"]) <= 110
    assert not parts["holdout"]
    assert report.contaminated["humaneval"] == 1
    assert report.tasks["domain_set"] == 400
    crates = sum(p.origin.kind == "crate" and p.task != "raw" for p in records(tmp_path / "out", "train"))
    assert report.pools["code"] == crates + len(parts["train"])
    first = next(p for p in parts["train"] + parts["validation"] if "fn f1()" in p.instruction)
    assert first.instruction == "Review this Rust code.\n\nCode:\n```rust\nfn f1() {\n}\n```"
    assert first.answer == "Number 1 does nothing."
    assert (first.origin.kind, first.origin.licence, first.origin.path) == ("dataset", "MIT", "train/1")
    assert any(p.instruction.startswith("Poetry, in Rust.") for p in parts["train"])


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"licence": "GPL-3.0-only"}, r"pairs\.domain\.own\.licence: licence_not_allowed"),
        ({"source": "corpus"}, r"pairs\.domain\.own\.source: 'corpus' is not one of bank:FILE, hub:NAME, file:PATH"),
        ({"source": "file:/nowhere.jsonl"}, r"pairs\.domain: pools are missing \(own: there is no file /nowhere"),
        ({"answer_column": "reply"}, r"pairs\.domain\.own: a row has no column 'reply'; it has q, a: change"),
    ],
)
def test_a_domain_source_that_is_refused_is_named_before_anything_starts(
    section: Section, tmp_path: Path, changes: dict[str, str], match: str
) -> None:
    own = domain_pool(anchor_file(tmp_path / "own.jsonl", 3), **changes)
    with pytest.raises(InputError, match=match):
        build(section(domain={"own": own}), tmp_path, tmp_path / "out", protected=[], workers=1)
    assert not (tmp_path / "out").exists()


def test_a_record_is_traced_to_its_legal_basis(
    section: Section, curated: Curated, texts: list[str], tmp_path: Path
) -> None:
    build(section(), curated(texts[:8]), tmp_path / "out", protected=[], workers=1)
    pair = records(tmp_path / "out", "train")[0]
    told = CliRunner().invoke(trace, ["--pair", pair.id, "--output", str(tmp_path / "out")])
    assert told.exit_code == 0, told.output
    for fact in (pair.id, "train", f"{pair.origin.name} 1.0.0", "MIT", "allowed", "src/lib.rs"):
        assert fact in told.output
    unknown = CliRunner().invoke(trace, ["--pair", "0" * 16, "--output", str(tmp_path / "out")])
    assert unknown.exit_code == 2
    assert "no output of the pairs stage holds a record" in unknown.output
