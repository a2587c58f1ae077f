"""The part of a lifecycle's page that tells its steps, and what went wrong."""

from typing import Any

from rustml.release.steps import Attempt, StepRow
from rustml.release.steps_section import heading, section


def row(label: str, outcome: str, **changes: Any) -> StepRow:
    usual: dict[str, Any] = {"run": label * 4, "experiment": "1", "waited": 2.0, "took": 30.0, "reason": "", "look": 1}
    usual |= {"inputs": {}, "numbers": {}, "faults": {}, "earlier": ()}
    return StepRow(label=label, outcome=outcome, **{**usual, **changes})


def attempt(status: str, reason: str = "") -> Attempt:
    return Attempt(run="f" * 32, experiment="7", status=status, reason=reason)


def test_a_row_tells_times_inputs_numbers_and_links_to_its_run() -> None:
    text = section(
        [row("pairs", "done", inputs={"bank": "b" * 32}, numbers={"sft.tokens": 320192.0, "sft.loss": 0.53749})]
    )
    assert "<td>pairs</td><td>done</td><td>2</td><td>30</td>" in text
    assert f'bank <a href="/#/experiments/1/runs/{"b" * 32}"' in text
    assert "<td>tokens 320,192, loss 0.5375</td>" in text
    assert 'title="pairspairspairspairs">pairspai</a>' in text
    assert "<li>Nothing.</li>" in text


def test_the_heading_says_how_far_it_came() -> None:
    assert (
        heading([row("bank", "reused"), row("sft", "done")])
        == "2 steps in 4 s, 1 of them reused: every step came to its end."
    )
    assert heading([row("gate sft", "refused")]).endswith("ended at gate sft, which was refused.")
    assert heading([row("sft", "failed")]).endswith("ended at sft, which failed.")
    assert heading([row("evaluate sft, for no gate", "left out")]).endswith("every step came to its end.")


def test_refusals_overrides_looks_and_faults_are_told() -> None:
    text = section(
        [
            row("gate sft", "refused", reason="pass fell\nby 3", look=2),
            row("gate fp8", "overridden", reason="agreed"),
            row("evaluate sft", "done", faults={"rust.faults": 3.0}),
            row("grpo", "died"),
            row("sft", "failed", reason="the disk is full."),
            row("evaluate sft, for no gate", "left out", reason="no pairs"),
        ]
    )
    for line in (
        "gate sft refused: pass fell by 3. The alias stays where it was.",
        "gate sft: this was look 2 at the same weights.",
        "gate fp8 refused, and a person overrode it: agreed.",
        "evaluate sft: rust.faults 3, faults of the judge or the machine; they count in no score.",
        "grpo died. The same command goes on from here.",
        "sft failed: the disk is full. The same command goes on from here.",
        "evaluate sft, for no gate failed: no pairs. No gate needs it.",
    ):
        assert f"<li>{line}</li>" in text


def test_earlier_attempts_are_told_with_what_came_of_them() -> None:
    text = section([row("sft", "done", earlier=(attempt("killed"), attempt("failed", "no space")))])
    assert ">ffffffff</a> was killed; a later run went on in the folder that it left." in text
    assert ">ffffffff</a> failed: no space; a later run came to the end." in text
    assert "later run" not in section([row("sft", "failed", earlier=(attempt("killed"),))])


def test_text_cannot_break_the_page() -> None:
    text = section(
        [row("<b>", "refused", run="<i>", reason="<script>", inputs={"<u>": "<p>"}, numbers={"a.<hr>": 1.0})]
    )
    for mark in ("<b>", "<i>", "<script>", "<u>", "<p>", "<hr>"):
        assert mark not in text.replace("<p>1 steps", "")
