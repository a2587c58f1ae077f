"""The gate in front of every file: licence, encoding, header, each counted."""

import hashlib

import pytest

from rustml.corpus.gate.admit import STAGES, admit, admit_text
from rustml.licence import Gate
from rustml.records import Origin
from rustml.sharding import Funnel

GATE = Gate(("MIT",))


def origin(licence: str = "MIT") -> Origin:
    return Origin(kind="dataset", name="d", licence=licence)


@pytest.mark.parametrize("content", ["fn f() {}\n", b"fn f() {}\n"])
def test_a_clean_file_is_admitted_with_the_digest_of_its_bytes(content: str | bytes) -> None:
    funnel = Funnel(STAGES)
    file = admit(content, origin(), GATE, funnel, "d/0")
    assert file is not None
    assert file.origin.sha256 == hashlib.sha256(b"fn f() {}\n").hexdigest()
    assert [step.kept for step in funnel.steps()] == [1, 1, 1]


@pytest.mark.parametrize(
    ("content", "licence", "step", "reason"),
    [
        ("fn f() {}", "GPL-3.0-only", "licence", "licence_not_allowed"),
        ("fn f() {}", "", "licence", "licence_missing"),
        (b"\xff", "MIT", "encoding", "not_utf8"),
        ("\ud800", "MIT", "encoding", "not_text"),
        (None, "MIT", "encoding", "not_text"),
        ("// SPDX-License-Identifier: MPL-2.0\n", "MIT", "header", "header_spdx"),
    ],
)
def test_a_refused_file_is_dropped_at_the_step_that_refuses_it(
    content: object, licence: str, step: str, reason: str
) -> None:
    funnel = Funnel(STAGES)
    assert admit(content, origin(licence), GATE, funnel, "d/0") is None
    assert {s.stage: s.dropped for s in funnel.steps() if s.dropped} == {step: {reason: 1}}


def test_a_file_of_a_crate_is_not_counted_at_the_licence_again() -> None:
    funnel = Funnel(STAGES)
    assert admit_text("fn f() {}", origin(), GATE, funnel, "d/0") is not None
    assert {step.stage: step.kept for step in funnel.steps()} == {"licence": 0, "encoding": 1, "header": 1}
