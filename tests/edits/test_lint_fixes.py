"""Suggestions are applied as a whole or not at all."""

import json

from rustml.edits.lint_fixes import mended, note
from rustml.judge.rust.diagnostics import Message, Replacement, read_by_path

TEXT = "fn f() -> u8 { return 1; }"


def lint(*fix: tuple[int, int, str], file: str = "src/lib.rs") -> Message:
    parts = tuple(Replacement(file, start, end, text) for start, end, text in fix)
    return Message("warning", "clippy::x", "is odd", "src/lib.rs", 15, 23, fix=parts)


def test_a_suggestion_of_several_parts_is_done_whole() -> None:
    assert mended(TEXT, [lint((15, 22, ""), (23, 24, ""))]) == "fn f() -> u8 { 1 }"


def test_of_two_suggestions_about_one_place_the_first_is_done() -> None:
    assert mended(TEXT, [lint((22, 23, "2")), lint((15, 24, "3"))]) == "fn f() -> u8 { return 2; }"


def test_what_reaches_beyond_the_function_is_left() -> None:
    assert mended(TEXT, [lint((22, 23, "2"), (len(TEXT), len(TEXT) + 4, ""))]) == TEXT
    assert mended(TEXT, [lint((22, 23, "2"), file="src/other.rs")]) == TEXT


def test_a_note_shows_the_place_and_hides_the_suggestion() -> None:
    assert note(lint((22, 23, "2")), TEXT) == "`clippy::x`: is odd, at `return 1`"


PLACE = {"file_name": "/crate/src/lib.rs", "byte_start": 15, "byte_end": 22}


def record(*spans: dict[str, object]) -> bytes:
    child = {"message": "try", "spans": spans}
    return json.dumps({"message": "m", "level": "warning", "spans": [PLACE], "children": [child]}).encode()


def span(applicability: str, expansion: object = None) -> dict[str, object]:
    suggestion = {"suggested_replacement": "", "suggestion_applicability": applicability, "expansion": expansion}
    return PLACE | suggestion


def test_only_what_the_compiler_is_sure_of_is_a_fix() -> None:
    sure, unsure, written = (
        span("MachineApplicable"),
        span("MaybeIncorrect"),
        span("MachineApplicable", {"span": PLACE}),
    )
    assert read_by_path(record(sure), "/crate")[0].fix == (Replacement("src/lib.rs", 15, 22, ""),)
    for spans in ((unsure,), (sure, unsure), (written,), ()):
        assert read_by_path(record(*spans), "/crate")[0].fix == ()
