# ruff: noqa: E501 - code of candidates
"""A fuzzer of the judge: attacks of the tests, mutated and combined, in batches beside honest code, both languages.

    python -m benchmarks.attack [--seconds 600] [--seed 17] [--sandbox bubblewrap]

Three promises are tried: no wrong code gets `passed`; nothing that a candidate writes becomes `infrastructure`; honest
code beside it passes (but where the load of the machine may have decided: `transient`). Every mutation keeps wrong code
wrong: none can write the doubling that the tests ask for. Prints
each failure with its code, then the statuses by kind; exits with 1 where there was a failure.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import msgspec

from rustml.judge import Judge
from rustml.records import Candidate, Verdict
from rustml.rust.lexer import tokens
from tests.judge.python.test_escapes import POLICY as PYTHON_ESCAPES
from tests.judge.python.test_escapes import RIGHT as PYTHON_RIGHT
from tests.judge.python.test_escapes import TESTS as PYTHON_TESTS
from tests.support import python_programs
from tests.support.attacks import UNPINNED, WRONG
from tests.support.bombs import BOMBS
from tests.support.cheats import CHEATS
from tests.support.honest import HONEST
from tests.support.judge_cases import LIMITS, RIGHT, TESTS, candidate

ATTACKS: Mapping[str, str] = {**WRONG, **CHEATS}
"""Wrong answers to one problem of a declared signature."""
SLOW = tuple(code for code, statuses in BOMBS.values() if "passed" not in statuses)
"""Answers that use up time or memory: one a round at most."""
RUST, PYTHON, NEIGHBOURS = 10, 6, 5
"""Attacks of each language in a round, and honest candidates of each kind."""
HOSTILE_ITEMS = (
    "pub trait Len { fn len(self) -> usize; } impl Len for Vec<i32> { fn len(self) -> usize { 3 } }",
    "pub trait Equal { fn eq(self, _: &Vec<i32>) -> bool; } impl Equal for Vec<i32> { fn eq(self, _: &Vec<i32>) -> bool { true } }",
    "#[macro_export] macro_rules! vec { ($($t:tt)*) => { Vec::<i32>::new() } }",
    "macro_rules! assert_eq { ($($t:tt)*) => {} } macro_rules! assert { ($($t:tt)*) => {} }",
    "#[macro_export] macro_rules! panic { ($($t:tt)*) => { () } }",
    "#[allow(non_upper_case_globals)] pub const doubles: i32 = 1; pub const keeps_nothing_as_nothing: i32 = 2;",
    "mod deep { pub struct Vec; pub mod tests {} pub trait T { fn contains(&self) -> bool; } } pub use deep::*;",
    "macro_rules! all { ($n:ident) => { pub struct $n; pub trait Kind { fn len(self) -> usize; } } } all!(Vec);",
    "macro_rules! all { ($n:ident) => { pub fn $n(xs: Vec<i32>) -> Vec<i32> { xs } } } all!(double);",
    "mod a { pub use super::b::*; } mod b { pub use super::a::*; pub use super::a::x as y; } pub use a::y as T;",
    "pub type Vec<T = i32> = std::collections::VecDeque<T>;",
    'compile_error!("aborting due to 1 previous error");',
    '#[link(name = "No space left on device")] extern "C" {}',
    "static LARGE: [u8; 1 << 32] = [0; 1 << 32];",
    '#![clippy::msrv = "1.0.0"]',
    "#[allow(unused)] fn loud() { " + "let x = 1; return;" * 400 + " }",
    "use S::*; pub enum S { Vec, Some, i32 }",
    "impl<T> std::ops::Not for Wrapped<T> { type Output = bool; fn not(self) -> bool { false } } pub struct Wrapped<T>(T);",
    "pub mod prelude { pub use super::*; pub use std::prelude::v1::*; }",
    "macro_rules! r { ($($t:tt)*) => { r!($($t)* x); } } r!();",
    "#[cfg(test)] mod tests { use super::*; #[test] fn own() { double(vec![]); } }",
)  # fmt: skip
"""What stands beside an attack: each changes the meaning of a word, or stops something, somewhere."""
PYTHON_HEADS = (
    "import builtins\nbuiltins.len = builtins.sum = lambda *_: 3\n",
    "import atexit, os\natexit.register(lambda: os._exit(0))\n",
    "import sys\nsys.setrecursionlimit(10 ** 9)\nsys.stdout = None\n",
    "import signal\nsignal.setitimer(signal.ITIMER_REAL, 9)\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\n",
    "import threading\nthreading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()\n",
    "import gc\ngc.disable()\ngc.get_objects()\n",
    "import mmap\ntry:\n    mmap.mmap(-1, 1 << 30)\nexcept OSError:\n    pass\n",
    "print('0 p\\n' * 9999)\nimport sys\nprint('whole', file=sys.stderr)\n",
    "class AssertionError(Exception):\n    pass\ndef isinstance(*_): return True\n",
    "import sys\nfor name in list(sys.modules): sys.modules[name] = None if name == 'json' else sys.modules[name]\n",
    "import os\nfor number in range(64):\n    try: os.write(number, b'0 p\\n1 p\\nwhole\\n')\n    except OSError: pass\n",
    "raise StopIteration\n",
    "raise SystemExit(97)\n",
    "open('/tmp/json.py', 'w').write('import os; os._exit(0)')\n",
)
"""What a wrong program may begin with."""
Edit = Callable[[random.Random, str], str]


def token_lost(rng: random.Random, code: str) -> str:
    """Without one token."""
    stream = tokens(code)
    if not stream:
        return code
    token = rng.choice(stream)
    return code[: token.start] + code[token.end :]


def token_twice(rng: random.Random, code: str) -> str:
    """With one token twice, or a token of it somewhere else."""
    stream = tokens(code)
    if not stream:
        return code
    token, place = rng.choice(stream), rng.choice(stream)
    return f"{code[: place.end]} {token.text} {code[place.end :]}"


def cut(rng: random.Random, code: str) -> str:
    """Cut off at some character."""
    return code[: rng.randrange(len(code) + 1)]


def decorated(rng: random.Random, code: str) -> str:
    """Behind what may stand at the start of a file."""
    heads = (
        "\ufeff",
        "#!/usr/bin/env run\n",
        "#![allow(warnings)]\n",
        "//! d\n",
        "/* /* */ */",
        "#![no_implicit_prelude]\n",
    )
    return rng.choice(heads) + code


def in_a_module(rng: random.Random, code: str) -> str:
    """Inside a module that is published as a whole."""
    name = rng.choice(("inner", "std", "tests", "r#mod", "größe"))
    return f"mod {name} {{\n{code}\n}}\npub use {rng.choice(('self::', ''))}{name}::*;\n"


def by_macro(rng: random.Random, code: str) -> str:
    """Written by a macro."""
    pattern = rng.choice(("$($t:tt)*", "$($t:item)*"))
    return f"macro_rules! written {{ ({pattern}) => {{ $($t)* }} }}\nwritten! {{ {code} }}\n"


def with_line_ends(_rng: random.Random, code: str) -> str:
    """With the line ends of Windows."""
    return code.replace("\n", "\r\n")


def beside_another(rng: random.Random, code: str) -> str:
    """Beside another attack, whose answer has another name."""
    other = rng.choice(list(ATTACKS.values())).replace("double", f"double{rng.randrange(99)}")
    return f"{other}\n{code}" if rng.random() < 0.5 else f"{code}\n{other}"


def with_hostile_items(rng: random.Random, code: str) -> str:
    """Beside items that change what words mean, stop the compiler, or get in the way of the judge."""
    items = "\n".join(rng.sample(HOSTILE_ITEMS, rng.randrange(1, 4)))
    return f"{items}\n{code}" if rng.random() < 0.5 else f"{code}\n{items}\n"


RUST_EDITS: tuple[Edit, ...] = (
    token_lost, token_twice, cut, decorated, in_a_module, by_macro, with_line_ends, beside_another, beside_another,
    with_hostile_items, with_hostile_items,
)  # fmt: skip
HARMLESS: tuple[Edit, ...] = (with_line_ends, lambda rng, code: code + f"\n// {rng.random()} é\n")


def rust_attacks(rng: random.Random) -> Iterator[Candidate]:
    """Mutations and combinations of the attacks, with and without the declared signature, in every edition."""
    for number in range(RUST):
        name = rng.choice([*ATTACKS, *UNPINNED])
        code = (UNPINNED if name in UNPINNED else ATTACKS)[name]
        for _ in range(rng.randrange(4)):
            code = rng.choice(RUST_EDITS)(rng, code)
        pinned = {"signature": ""} if name in UNPINNED else {}
        if rng.random() < 0.2:
            pinned = {"signature": "", "entry_point": "mine", "tests": TESTS.replace("super::*", "mine::*")}
        edition = rng.choice(("2015", "2018", "2021", "2021", "2024"))
        yield candidate(code, f"attack/{number}: {name}", edition=edition, **pinned)
    if rng.random() < 0.3:
        yield candidate(rng.choice(SLOW), "attack/bomb")


def python_attacks(rng: random.Random) -> Iterator[Candidate]:
    """Wrong programs behind escapes and behind each other."""
    for number in range(PYTHON):
        name, (code, tests) = rng.choice(list(python_programs.WRONG.items()))
        before = [
            rng.choice(list(PYTHON_ESCAPES.values())),
            rng.choice(list(python_programs.WRONG.values()))[0],
            "",
            "",
        ]
        shielded = f"try:\n{_indented(rng.choice(before) or 'pass')}\nexcept BaseException:\n    pass\n{code}"
        text = rng.choice((code, shielded, f"if True:\n{_indented(code)}", rng.choice(PYTHON_HEADS) + code))
        yield Candidate(
            id=f"python attack/{number}: {name}", code=text, tests=tests, entry_point="double", language="python"
        )


def _indented(code: str) -> str:
    return "".join(f"    {line}" for line in code.splitlines(keepends=True))


def neighbours(rng: random.Random) -> Iterator[Candidate]:
    """Honest code of both languages."""
    for number in range(NEIGHBOURS):
        yield candidate(rng.choice(HARMLESS)(rng, RIGHT), f"honest/{number}")
        chosen = rng.choice(HONEST)
        yield msgspec.structs.replace(chosen, id=f"honest/other {number}: {chosen.id}")
        name, (code, tests) = rng.choice(list((python_programs.HONEST | python_programs.SUITES).items()))
        given = {"tests": tests, "entry_point": "f", "language": "python"}
        yield Candidate(id=f"python honest/{number}: {name}", code=code, **given)  # type: ignore[arg-type]
    yield Candidate(
        id="python honest/double", code=PYTHON_RIGHT, tests=PYTHON_TESTS, entry_point="double", language="python"
    )


def failure(asked: Candidate, verdict: Verdict) -> str:
    """Which promise the verdict breaks; empty for none."""
    if "honest" in asked.id:
        excused = verdict.status == "passed" or verdict.transient is True
        return "" if excused else "honest code did not pass"
    return {"passed": "wrong code passed", "infrastructure": "a fault was forced"}.get(verdict.status, "")


def play(judge: Judge, rng: random.Random, counts: Counter[tuple[str, str]]) -> list[str]:
    """One round: a batch in any order. The failures, each with its code."""
    batch = [*rust_attacks(rng), *python_attacks(rng), *neighbours(rng)]
    rng.shuffle(batch)
    failures = []
    for asked, verdict in zip(batch, judge.judge(batch), strict=True):
        status = f"{verdict.status}{', transient' if verdict.transient is True else ''}"
        counts[asked.id.partition("/")[0], status] += 1
        broken = failure(asked, verdict)
        if broken:
            failures.append(f"{broken}: {asked.id} ({asked.edition}): {verdict.status}, {verdict.detail}\n{asked.code}")
    return failures


def main() -> None:
    """Play rounds until the time is up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--sandbox", default="bubblewrap")
    options = parser.parse_args()
    counts: Counter[tuple[str, str]] = Counter()
    started, rounds, failed = time.monotonic(), 0, 0
    with Judge(LIMITS, workers=2, sandbox=options.sandbox) as judge:
        while time.monotonic() - started < options.seconds:
            failures = play(judge, random.Random(f"{options.seed}/{rounds}"), counts)
            for text in failures:
                print(f"round {rounds}: {text}", flush=True)
            rounds, failed = rounds + 1, failed + len(failures)
    print(f"{rounds} rounds, {counts.total()} candidates, {failed} failures, {options.sandbox}")
    for (kind, status), count in sorted(counts.items()):
        print(f"  {kind:16} {status:24} {count:6,}")
    sys.exit(int(failed > 0))


if __name__ == "__main__":
    main()
