"""The model card: every number is the registry's, overrides stay, and what a hub would refuse is refused here."""

import re
from collections.abc import Callable
from contextlib import suppress

import mlflow
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rustml.errors import GateRefused, InputError
from rustml.evaluation.results.report_file import Evaluation
from rustml.release import card as cards
from rustml.release.gates import Finding
from tests.support.stores import MODEL, Store

Make = Callable[..., Evaluation]
Report = Callable[..., str]


@pytest.fixture(name="promoted")
def promoted_version(store: Store, report: Report) -> str:
    """Version 1, promoted to sft, with the runs that it was made from."""
    bank, pairs, base = store.run(), store.run(), store.run()
    version = store.registered("sft")
    made_by = store.registry.version(version).run_id
    for run, tags, params, metrics in (
        (base, {"base.licence": "apache-2.0"}, {"base.repository": "Qwen/Qwen3-8B", "base.revision": "a" * 40}, {}),
        (pairs, {}, {}, {"pairs.contaminated.humaneval": 3.0}),
        (
            made_by,
            {"rustml.input.base": base, "rustml.input.bank": bank, "rustml.input.pairs": pairs},
            {"sft.steps": "70", "sft.sources.crates.kind": "pairs", "sft.sources.crates.file": "train"},
            {"sft.rows.crates": 2.0, "sft.memory_gb": 1.25},
        ),
    ):
        stage = {base: "base", pairs: "pairs", made_by: "sft"}[run]
        for name, text in {**tags, "rustml.stage": stage, "rustml.seconds": "12.5"}.items():
            store.client.set_tag(run, name, text)
        for name, text in params.items():
            store.client.log_param(run, name, text)
        for name, value in metrics.items():
            store.client.log_metric(run, name, value)
    lines = "".join(
        f'{{"id":"{n}","origin":{{"licence":"{word}"}}}}\n' for n, word in enumerate(["MIT", "MIT", "0BSD"])
    )
    store.client.log_text(pairs, lines, "output/train.jsonl")
    store.promote(version, "sft", report("sft", 120), report("base", 20))
    return version


def rows(text: str, heading: str) -> list[list[str]]:
    """Cells of the first table below a heading, without its header."""
    section = text.partition(f"\n{heading}")[2]
    lines = re.search(r"(?m)^\|.*\n\|(?:---\|)+\n((?:\|.*\n)*)", section)
    assert lines is not None, heading
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1].splitlines()]


def test_every_number_is_the_registrys(store: Store, promoted: str) -> None:
    text = cards.card(store.registry, promoted)
    tags = store.registry.version(promoted).tags
    decision = store.registry.decision(tags["gate.sft.run"], "sft", promoted)
    measured = store.registry.evaluation(tags["gate.sft.candidate_evaluation"]).metrics()

    def expected(finding: Finding) -> list[str]:
        shown = finding.comparison
        assert shown is not None
        high = max(shown.bootstrap.high, shown.adjusted.high)
        shares = [f"{100 * shown.baseline:.1f}", f"{100 * shown.candidate:.1f}", f"{100 * shown.delta:+.1f}"]
        interval = f"{100 * shown.low:+.1f} to {100 * high:+.1f}"
        return [finding.rule, str(shown.items), *shares, interval, str(shown.losses), str(shown.gains), "yes"]

    assert rows(text, "### sft, version 1: passed") == [expected(finding) for finding in decision.findings]
    table = dict(rows(text, "## Measured"))
    assert table == {name: f"{100 * measured[name]:.1f}" for name in table}
    assert {"rust.pass_rate", "retention.python.pass_at_1"} <= table.keys()
    metadata, _ = cards.parse(text)
    index = metadata["model-index"]
    assert isinstance(index, list)
    values = {m["name"]: m["value"] for result in index[0]["results"] for m in result["metrics"]}
    assert values == {name: measured[name] for name in table}, "unrounded, of every metric in the table"


def test_base_data_cost_and_contamination_are_those_of_the_runs(store: Store, promoted: str) -> None:
    text = cards.card(store.registry, promoted)
    metadata, body = cards.parse(text)
    assert metadata["base_model"] == "Qwen/Qwen3-8B"
    assert metadata["license"] == "apache-2.0"
    assert f"at commit `{'a' * 40}`" in body
    assert rows(text, "## Training data") == [["sft", "crates", "train", "2", "0BSD: 1; MIT: 2"]]
    costs = {row[0]: row[2:5] for row in rows(text, "## Training\n")}
    assert costs["sft"] == ["12.5", "", "1.25"]
    assert "In all 37.5 seconds" in body
    assert "`steps=70`" in body
    assert sorted(rows(text, "## Contamination")) == [["python", "500", "0"], ["rust", "200", "0"]]
    assert "overlapping a problem: pairs: humaneval 3." in body


def test_a_child_shows_the_gates_of_its_parents(store: Store, promoted: str) -> None:
    child = store.registered("grpo", parent=promoted)
    text = cards.card(store.registry, child)
    assert "### sft, version 1: passed" in text
    assert "model-index" not in text, "its own weights were not measured yet"


def test_an_override_is_shown_for_ever_and_by_children_too(store: Store, report: Report) -> None:
    version = store.registered("bad")
    store.promote(version, "sft", report("bad", 10), report("base", 20), override="demo\nonly | really")
    assert "**promoted in spite of a refusal**: demo only | really" in cards.card(store.registry, version)
    store.promote(version, "sft", report("bad", 120), report("base", 20))
    child = store.registered("child", parent=version)
    assert "once promoted in spite of a refusal: demo only" in cards.card(store.registry, child)


def test_a_refusal_is_shown_with_its_reasons(store: Store, report: Report) -> None:
    version = store.registered("bad")
    with pytest.raises(GateRefused):
        store.promote(version, "sft", report("bad", 10), report("base", 20))
    text = cards.card(store.registry, version)
    assert "### sft, version 1: refused" in text
    assert "Refused: rust.pass: 10.0 -> 5.0" in text


def test_a_later_look_at_the_same_weights_is_counted(store: Store, promoted: str) -> None:
    run = store.registry.version(promoted).tags["gate.sft.run"]
    assert "### sft, version 1: passed\n" in cards.card(store.registry, promoted)
    store.client.set_tag(run, "rustml.attempt", "3")
    assert "### sft, version 1: passed at attempt 3\n" in cards.card(store.registry, promoted)


def test_a_version_without_gates_says_so(store: Store) -> None:
    text = cards.card(store.registry, store.registered("new"))
    assert "neither this version nor one that it was made from came to a gate" in text
    assert cards.parse(text)[0]["license_name"] == "not-stated"


def test_the_versions_page_follows_the_evidence(store: Store, report: Report, promoted: str) -> None:
    cards.refresh(store.registry, promoted)
    first = store.client.get_model_version(MODEL, promoted).description
    store.promote(promoted, "champion", report("sft", 120), report("base", 20))
    cards.refresh(store.registry, promoted)
    second = store.client.get_model_version(MODEL, promoted).description
    assert first.startswith("sft v1. Passes: ")
    assert "Gates: sft passed." in first.partition("\n")[0]
    assert "### champion" not in first
    assert "### champion, version 1: passed" in second
    assert len(second) <= cards.SUMMARY_CHARACTERS
    run = store.registry.version(promoted).run_id
    assert second.endswith(f"The whole card: `card.md in run {run}`.\n")
    assert "## Limits" in mlflow.artifacts.load_text(f"runs:/{run}/card.md")


def test_the_same_evidence_gives_the_same_bytes(store: Store, promoted: str) -> None:
    assert cards.card(store.registry, promoted) == cards.card(store.registry, promoted)


GOOD = {"license": "mit", "pipeline_tag": "text-generation", "tags": ["rust"], "base_model": "a/b"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("license", "MIT OR Apache-2.0"),
        ("license", None),
        ("license", "other"),
        ("base_model", "../secret/place"),
        ("base_model", 3),
        ("pipeline_tag", "text2text"),
        ("tags", "rust"),
        ("tags", [1]),
        ("model-index", []),
        ("model-index", [{"name": "m", "results": [{"task": {}}]}]),
    ],
)
def test_metadata_that_a_hub_would_refuse_is_named(key: str, value: object) -> None:
    cards.parse(f"---\n{yaml.safe_dump(GOOD)}---\n# m\n")
    with pytest.raises(InputError, match=key if value != "other" else "license_name"):
        cards.parse(f"---\n{yaml.safe_dump({**GOOD, key: value})}---\n# m\n")


@given(st.text(max_size=60))
def test_any_text_is_a_card_or_an_input_error(text: str) -> None:
    for candidate in (text, f"---\n{text}\n---\n"):
        with suppress(InputError):
            cards.parse(candidate)


def test_a_long_card_is_cut_between_sections() -> None:
    front = f"---\n{yaml.safe_dump(GOOD)}---\n"
    text = front + "# m\n" + "".join(f"\n## Section {n}\n\n{'word ' * 200}\n" for n in range(9))
    short = cards.summary(text, "card.md in run x")
    assert len(short) <= cards.SUMMARY_CHARACTERS
    assert "## Section 3" in short
    assert "## Section 8" not in short
    assert short.count("word") % 200 == 0
