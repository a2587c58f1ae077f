"""Anchor pools and source files streamed from a hub on loopback, with the columns of the reference data sets."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pyarrow
import pyarrow.parquet

from rustml.profile.harvest import DatasetSource
from rustml.profile.pairs import AnchorPool, PairsSection
from rustml.records import Pair, SourceFile, read_jsonl
from tests.support.loopback_hub import hub

ROOT = Path(__file__).resolve().parents[2]
CODE, GENERAL = "ise-uiuc/Magicoder-OSS-Instruct-75K", "allenai/tulu-3-sft-mixture"
RUST = "ammarnasr/the-stack-rust-clean"
STREAM = """
import sys
from pathlib import Path
import msgspec
from rustml.corpus.sources.dataset import job_for
from rustml.pairs.build import build
from rustml.profile.harvest import DatasetSource
from rustml.profile.pairs import PairsSection
from rustml.sharding import run
place, source = Path(sys.argv[1]), Path(sys.argv[2])
wanted = msgspec.json.decode((place / "dataset.json").read_bytes(), type=DatasetSource)
run(job_for(wanted, ("MIT", "Apache-2.0")), 1, place / "harvest" / "files", workers=1)
section = msgspec.json.decode((place / "section.json").read_bytes(), type=PairsSection)
build(section, source, place / "out", protected=[], workers=1)
"""


def publish(root: Path) -> None:
    """Three data sets as their owners lay them out: JSON Lines, parquet, parquet."""
    code = [{"lang": "rust", "problem": f"Write the {n}th of them.", "solution": f"fn f{n}() {{}}"} for n in range(40)]
    turns = [("system", "Be brief."), ("user", "Why {}?"), ("assistant", "For {} reasons.")]
    general = [
        {"id": str(n), "messages": [{"role": role, "content": said.format(n)} for role, said in turns]}
        for n in range(40)
    ]
    rust = [
        {"content": f"pub fn held_{n}() -> u64 {{\n    {n}\n}}\n", "max_stars_repo_path": f"src/f{n}.rs",
         "max_stars_repo_licenses": ["MIT"] if n % 2 else ["MIT", "GPL-3.0-only"]}
        for n in range(40)
    ]  # fmt: skip
    for name in (CODE, GENERAL, RUST):
        (root / name).mkdir(parents=True)
    (root / CODE / "data-oss_instruct.jsonl").write_text("".join(json.dumps(row) + "\n" for row in code))
    for name, rows in ((GENERAL, general), (RUST, rust)):
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), root / name / "train-00000-of-00001.parquet")


def pools() -> dict[str, AnchorPool]:
    plain = AnchorPool(
        source=f"hub:{CODE}", share=0.4, take=30, max_characters=16_000, licence="MIT", instruction_column="problem",
        answer_column="solution", messages_column="", language="rust", split="train",
    )  # fmt: skip
    change = msgspec.structs.replace
    return {
        "code": plain,
        "general": change(plain, source=f"hub:{GENERAL}", messages_column="messages"),
        "rust": change(plain, source=f"hub:{RUST}", share=0.2, instruction_column="", answer_column="content"),
    }


def stream(place: Path, source: Path, endpoint: str) -> "subprocess.CompletedProcess[str]":
    """Run in a process of its own: the endpoint is read when the libraries are loaded."""
    ours = {"HF_ENDPOINT": endpoint, "HF_HOME": str(place / "home"), "HF_HUB_OFFLINE": "0", "HF_DATASETS_OFFLINE": "0"}
    words = [sys.executable, "-c", STREAM, str(place), str(source)]
    return subprocess.run(words, cwd=ROOT, env=os.environ | ours, capture_output=True, text=True, check=False)


def prepare(place: Path, section: PairsSection) -> None:
    wanted = DatasetSource(
        name=RUST, split="train", content_column="content", path_column="max_stars_repo_path",
        licence_column="max_stars_repo_licenses", licence="", take=30,
    )  # fmt: skip
    (place / "dataset.json").write_bytes(msgspec.json.encode(wanted))
    (place / "section.json").write_bytes(msgspec.json.encode(section))


def test_pools_and_files_are_streamed_through_the_same_gate(
    section: Callable[..., PairsSection], curated: Callable[..., Path], texts: list[str], tmp_path: Path
) -> None:
    publish(tmp_path / "hub")
    prepare(tmp_path, section(anchors=pools(), anchors_per_pair=1.0, tasks={"sig_doc_impl": 1.0}))
    with hub(tmp_path / "hub") as endpoint:
        done = stream(tmp_path, curated(texts[:24]), endpoint)
    assert done.returncode == 0, done.stderr[-2000:]
    train = list(read_jsonl(tmp_path / "out" / "train.jsonl", Pair))
    anchors = [pair for pair in train if pair.origin.kind == "dataset"]
    counts = {name: sum(pair.origin.name == name for pair in anchors) for name in (CODE, GENERAL, RUST)}
    domain = len(train) - len(anchors)
    assert counts == {CODE: round(domain * 0.4), GENERAL: round(domain * 0.4), RUST: round(domain * 0.2)}
    assert {(p.instruction, p.answer) for p in anchors if p.origin.name == GENERAL} <= {
        (f"Why {n}?", f"For {n} reasons.") for n in range(30)
    }
    assert all(p.origin.url == f"https://huggingface.co/datasets/{p.origin.name}" for p in anchors)
    (shard,) = (tmp_path / "harvest" / "files").iterdir()
    files = list(read_jsonl(shard / "files.jsonl", SourceFile))
    assert [file.origin.path for file in files] == [f"src/f{n}.rs" for n in range(1, 30, 2)]


def test_a_hub_that_is_not_there_is_named(
    section: Callable[..., PairsSection], curated: Callable[..., Path], texts: list[str], tmp_path: Path
) -> None:
    prepare(tmp_path, section())
    done = stream(tmp_path, curated(texts[:4]), "http://127.0.0.1:9")
    assert done.returncode != 0
    assert f"EnvironmentFault: the hub's data set {RUST} cannot be read" in done.stderr
