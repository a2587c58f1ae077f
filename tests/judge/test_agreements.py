"""The programs inside the sandbox cannot import the judge: what they repeat of it is the same."""

import re
from pathlib import Path

import rustml.judge
from rustml.judge.limits import WAITING

JUDGE = Path(rustml.judge.__file__).parent
HARNESS, GUEST = JUDGE / "rust" / "harness", JUDGE / "python" / "guest"


def number(file: Path, pattern: str) -> int:
    (digits,) = re.findall(pattern, file.read_text(), re.MULTILINE)
    return int(digits)


def test_the_share_of_a_processor_below_which_a_process_waits() -> None:
    assert number(HARNESS / "sys.rs", r"^const WAITING: u32 = (\d+);") == WAITING
    assert number(GUEST / "deadline.py", r"^PERIOD, WAITING, GRACE = 0\.1, (\d+)") == WAITING
