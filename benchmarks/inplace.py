"""How many held-out functions can be judged in their crates, and whether wrong ones fail there.

    python -m benchmarks.inplace --pairs RUN/output/holdout.jsonl [--limit N] [--cache FOLDER]

Every reference is given as an answer, then a `todo!()`, then the reference with a number or an operator changed.
"""

import argparse
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rustml.cache_layout import CacheLayout
from rustml.evaluation.kinds.holdout import TASK
from rustml.evaluation.suites.holdout import COMPILES, INPLACE, TESTED, Holdout, Sources
from rustml.evaluation.suites.suite import Suite
from rustml.judge import Limits
from rustml.profile import load
from rustml.profile.evaluation import SuiteSection
from rustml.records import Problem, candidate_of
from rustml.tasks import task_of


def unwritten(code: str) -> str:
    """The function with `todo!()` for a body."""
    return f"{code[: code.index('{')]}{{\n    todo!()\n}}"


def changed(code: str) -> str:
    """The function with the first number of its body changed, else its first comparison or sum."""
    head, body = code[: code.index("{")], re.sub(r"(?m)^\s*//.*\n", "", code[code.index("{") :])
    wrong = re.sub(r"(?<![\w.])(\d+)(?![\w.])", lambda found: str(int(found[1]) + 1), body, count=1)
    for one, other in ((" + ", " - "), (" < ", " >= "), (" == ", " != "), ("true", "false"), ("Some(", "None.or(")):
        wrong = body.replace(one, other, 1) if wrong == body else wrong
    return code if wrong == body else head + wrong


def statuses(suite: Suite, problems: Sequence[Problem], make: Callable[[str], str]) -> Counter[str]:
    """Verdicts on what `make` makes of the references."""
    assert suite.judge is not None
    made = [(problem, make(problem.reference)) for problem in problems]
    asked = [candidate_of(problem, code, f"{problem.id}#0") for problem, code in made if code != problem.reference]
    if make is str:
        asked = [candidate_of(problem, code, f"{problem.id}#0") for problem, code in made]
    return Counter(verdict.status for verdict in suite.judge.judge(asked))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path("outputs/cache"))
    options = parser.parse_args()
    profile = load("tiny")
    shape = profile.evaluation.suites["holdout"]
    fields = {name: getattr(shape, name) for name in shape.__struct_fields__}
    section = SuiteSection(**{**fields, "problems": options.pairs.stem, "limit": options.limit})
    cache = CacheLayout(options.cache)
    sources = Sources(cache.unpacked_crates, profile.evaluation.dependencies, cache.built_crates)
    started = time.monotonic()
    with Holdout(options.pairs.parent, sources, Limits.from_section(profile.judge), print) as holdout:
        suite = holdout.suite("holdout", section, profile.seed)
        print(f"made ready in {time.monotonic() - started:.1f} s")
        _report(suite)


def _report(suite: Suite) -> None:
    code = [problem for problem in suite.problems if task_of(problem.tags[TASK]).asks_for_code]
    by_tag: Mapping[str, int] = Counter(problem.tags[INPLACE] for problem in code)
    fit = [problem for problem in code if problem.tags[INPLACE] in (COMPILES, TESTED)]
    print(f"{len(suite.problems)} pairs, {len(code)} of them ask for code: {dict(by_tag)}")
    print(f"eligible for compile: {len(fit)} of {len(code)} = {len(fit) / len(code):.1%}")
    tested = [problem for problem in fit if problem.tags[INPLACE] == TESTED]
    whole = [problem for problem in tested if task_of(problem.tags[TASK]).answer_kind == "function"]
    rows = [("reference", fit, str), ("reference, where tests notice it", tested, str)]
    rows += [("todo!(), where tests notice it", whole, unwritten), ("changed, where tests notice it", whole, changed)]
    for name, problems, make in rows:
        began = time.monotonic()
        found = statuses(suite, problems, make)
        each = (time.monotonic() - began) / max(1, sum(found.values()))
        print(f"{name}: {sum(found.values())} judged, {dict(found)}, {each:.2f} s each")


if __name__ == "__main__":
    main()
