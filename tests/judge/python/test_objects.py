"""A candidate's objects do in the tests what they do in plain Python, and decide nothing that an assertion rests on."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from rustml.judge.python.examiner import PythonExaminer
from rustml.records import Candidate, Verdict
from tests.support.python_programs import HONEST, SUITES, WRONG

WRITES = """
import os
def f(path):
    attempts = [
        lambda: open(path + "2", "w"), lambda: open(path, "w"), lambda: os.truncate(path, 0), lambda: os.chmod(path, 0),
        lambda: os.rename(path, path + "3"), lambda: os.mkdir(path + "4"), lambda: os.link(path, path + "5"),
        lambda: os.symlink(path, path + "6"), lambda: os.open(os.path.dirname(path), os.O_TMPFILE | os.O_RDWR),
        lambda: os.remove(path),
    ]
    done = 0
    for attempt in attempts:
        try:
            attempt()
            done += 1
        except OSError:
            pass
    return done
"""


def judged(examiner: PythonExaminer, programs: Mapping[str, tuple[str, str]]) -> dict[str, Verdict]:
    candidates = [
        Candidate(id=name, code=code, tests=tests, entry_point="f", language="python")
        for name, (code, tests) in programs.items()
    ]
    return {one.id: one for one in examiner.verdicts(candidates)}


@pytest.fixture(scope="module")
def honest(examiner: PythonExaminer) -> dict[str, Verdict]:
    return judged(examiner, HONEST | SUITES)


@pytest.fixture(scope="module")
def wrong(examiner: PythonExaminer) -> dict[str, Verdict]:
    return judged(examiner, WRONG)


@pytest.mark.parametrize("name", HONEST | SUITES)
def test_an_honest_program_passes(honest: dict[str, Verdict], name: str) -> None:
    assert honest[name].status == "passed", honest[name]


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_program_does_not(wrong: dict[str, Verdict], name: str) -> None:
    assert wrong[name].status in ("wrong", "incomplete"), wrong[name]


def test_tests_and_candidate_see_the_same_files_and_the_next_candidate_none(examiner: PythonExaminer) -> None:
    code = "def f(path):\n    path.write_text('a\\nb')\n    return len(path.read_text().split())\n"
    tests = "import tempfile\nfrom pathlib import Path\nassert not Path('/tmp/kept').exists()\n"
    tests += "with tempfile.TemporaryDirectory() as folder:\n    assert f(Path(folder) / 'x') == 2\n"
    tests += "assert f(Path('/tmp/kept')) == 2 and Path('/tmp/kept').read_text() == 'a\\nb'\n"
    statuses = [one.status for one in judged(examiner, {"first": (code, tests), "second": (code, tests)}).values()]
    contained = "bubblewrap" in judged(examiner, {"name": (code, tests)})["name"].sandbox
    assert statuses == ["passed" if contained else "wrong"] * 2


def test_where_nothing_can_be_mounted_a_candidate_reads_the_tests_files_and_changes_none(
    examiner: PythonExaminer,
) -> None:
    tests = "import os\nopen('x', 'w').close()\nassert f(os.path.abspath('x')) == 0\n"
    verdict = judged(examiner, {"writer": (WRITES, tests)})["writer"]
    changed = "landlock" not in verdict.sandbox
    assert (verdict.status == "passed") != changed, verdict


def test_the_honest_programs_pass_under_plain_python() -> None:
    whole = "".join(f"exec({code + tests!r}, {{'__name__': 'm'}})\n" for code, tests in HONEST.values())
    done = subprocess.run([sys.executable, "-I", "-c", whole], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_suites_pass_under_pytest(tmp_path: Path) -> None:
    lines = ["import sys, types, pytest"]
    for number, (code, tests) in enumerate(SUITES.values()):
        (tmp_path / f"test_{number}.py").write_text("from solution import *\n" + tests)
        lines.append(f"sys.modules['solution'] = module = types.ModuleType('solution'); exec({code!r}, vars(module))")
        lines.append(f"assert pytest.main(['-q', '-p', 'no:cacheprovider', 'test_{number}.py']) in (0, 5), {number}")
    words = [sys.executable, "-c", "\n".join(lines)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
