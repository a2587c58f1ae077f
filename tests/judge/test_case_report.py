"""What a supervisor's lines say: only its own count, and no missing record counts as passed."""

import pytest

from rustml.judge.case_report import CaseReport, read_reports
from rustml.records import Status

NONCE = "n0nce"


def report(*lines: str) -> CaseReport:
    stream = "".join(f"{NONCE} 0 {line}\n" for line in lines)
    return read_reports(stream.encode(), NONCE, [0])[0]


@pytest.mark.parametrize(
    ("lines", "status", "transient"),
    [
        (("0 p", "1 p", "end exit:0 1 1"), "passed", False),
        (("0 p", "1 f", "end exit:0 1 1"), "wrong", False),
        (("0 p", "end exit:0 1 1"), "incomplete", False),
        (("0 f", "end exit:0 1 1"), "incomplete", False),
        (("0 p", "1 p", "1 f", "end exit:0 1 1"), "wrong", False),
        (("0 p", "end expired 1 1"), "run_timeout", True),
        (("0 p", "end spent 1 1"), "run_timeout", False),
        (("end signal:27 1 1",), "run_timeout", False),
        (("end signal:24 1 1",), "run_timeout", False),
        (("end signal:9 1 1",), "out_of_memory", False),
        (("0 m", "end signal:6 1 1"), "out_of_memory", False),
        (("end signal:11 1 1",), "crashed", False),
        (("end signal:31 1 1",), "policy", False),
        (("0 p", "1 p", "0 x", "end expired 1 1"), "policy", False),
        (("0 m", "end exit:0 1 1"), "out_of_memory", False),
    ],
)
def test_the_status_of_two_expected_tests(lines: tuple[str, ...], status: Status, transient: bool) -> None:
    made = report(*lines)
    assert (made.status(2), made.transient) == (status, transient)


def test_lines_without_the_nonce_and_cut_lines_are_ignored() -> None:
    stream = f"other 0 0 p\n{NONCE} 0 1 f\n{NONCE} 0 e\n\xff\n{NONCE} 0 end exit:0 5 2000000\n"
    made = read_reports(stream.encode("latin-1"), NONCE, [0])[0]
    assert (made.passed, made.failed, made.end, made.seconds) == (set(), {1}, "exit:0", 2.0)


def test_a_case_without_lines_has_no_end() -> None:
    made = read_reports(b"", NONCE, [0, 1])
    assert [(one.end, one.status(1)) for one in made.values()] == [("", "incomplete")] * 2


def test_a_process_that_was_not_confined_is_told_from_one_that_ended() -> None:
    assert report("end refused 1 1").not_confined
    assert not any(report(f"end exit:{code} 1 1").not_confined for code in range(256))
