"""A candidate's objects do in the tests what they do in plain Python, and decide nothing that an assertion rests on."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from rustml.judge.python.examiner import PythonExaminer
from rustml.judge.python.guest import file_service
from rustml.records import Candidate, Verdict
from rustml.sandbox.process_limits import MEBIBYTE
from tests.support.judge_cases import LIMITS
from tests.support.python_programs import HONEST, SUITES, WRONG

WRITES = """
import ctypes, os
def done(code):
    if code < 0: raise OSError
def f(path):
    libc, name, folder = ctypes.CDLL(None), path.encode(), os.path.dirname(path)
    attempts = [
        lambda: done(libc.open(name + b"1", os.O_CREAT | os.O_WRONLY, 0o600)),
        lambda: done(libc.mkdir(name + b"2", 448)),
        lambda: done(libc.rename(name, name + b"3")), lambda: done(libc.unlink(name)),
        lambda: os.link(path, path + "4"), lambda: os.symlink(path, path + "5"), lambda: os.chmod(path, 0),
        lambda: os.mkfifo(path + "6"), lambda: os.open(folder, os.O_TMPFILE | os.O_RDWR), lambda: os.rmdir(folder),
        lambda: os.rename(folder, folder + "7"), lambda: os.rename(path, folder + "/../8"),
        lambda: open(folder + "/../9", "w"),
        lambda: os.mkdir("/tmp/10"), lambda: open("/tmp/11", "x"), lambda: os.remove(folder + "/.."),
        lambda: os.open(folder + "/../12", os.O_CREAT | os.O_WRONLY), lambda: os.replace("/etc/passwd", path),
    ]
    made = []
    for number, attempt in enumerate(attempts):
        try:
            attempt()
            made.append(number)
        except OSError:
            pass
    return made
def count(path):
    number, held = 0, []
    try:
        while True:
            held.append(open(f"{path}{number}", "x"))
            os.remove(f"{path}{number}")
            held[-40:-20] = []
            number += 1
    except OSError:
        return number
def size(path):
    try:
        with open(path, "wb", buffering=0) as file:
            while True: file.write(bytes(1 << 16))
    except OSError:
        return os.path.getsize(path)
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


@pytest.fixture
def under_landlock(examiner: PythonExaminer) -> PythonExaminer:
    verdict = judged(examiner, {"name": ("f = 1", "assert f == 1")})["name"]
    if "landlock" not in verdict.sandbox:
        pytest.skip("files can be mounted here")
    return examiner


def test_where_nothing_can_be_mounted_a_candidate_changes_files_in_its_folder_alone(
    under_landlock: PythonExaminer,
) -> None:
    tests = "import os\nopen('x', 'w').close()\nassert f(os.path.abspath('x')) == []\nassert os.listdir('.') == ['x']\n"
    verdict = judged(under_landlock, {"writer": (WRITES, tests)})["writer"]
    assert verdict.status == "passed", verdict


def test_where_nothing_can_be_mounted_its_files_are_few_and_small(under_landlock: PythonExaminer) -> None:
    most = LIMITS.disk_mb * MEBIBYTE // file_service.MOST
    tests = f"import os\nassert 0 < size('x') <= {most}\nassert count('y') == {file_service.MOST - 1}\n"
    verdict = judged(under_landlock, {"writer": (WRITES, tests)})["writer"]
    assert verdict.status == "passed", verdict


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
