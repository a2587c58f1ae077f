"""What rustfmt would change in the code of the prompts of every task, over a Cargo directory source.

RUSTML_BENCHMARK_CRATES names the source (default /usr/share/cargo/registry). Only functions that rustfmt leaves as they
are count, each at its own depth in its file, so that every difference is ours. Prints one table. A placeholder may be
longer or shorter than the name that it hides, and so cross a bound of rustfmt's.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rustml.rust.doc_comments import doc_text
from rustml.rust.functions import Function, body_lines, is_test, is_unfinished, parse
from rustml.tasks import TASKS, DocumentedFunction, documented

CRATES = "/usr/share/cargo/registry"
FENCED = re.compile(r"```rust\n(.*)```", re.DOTALL)
PARTIAL = ("completion", "instruction_code")
"""Their prompts show the beginning of a function or its signature, which rustfmt does not read."""
FILES_AT_A_TIME = 300
INDENT = "    "


def subjects(source: Path) -> Iterator[DocumentedFunction]:
    """The documented functions of every file below a `src` folder."""
    for path in sorted(source.glob("*/src/**/*.rs")):
        file = parse(path.read_text(encoding="utf-8", errors="replace"))
        functions = file.functions if file else []
        tests = [function for function in functions if is_test(function)]
        for function in functions:
            if not _is_suited(function):
                continue
            callers = tuple(test for test in tests if f"{function.name}(" in test.body)
            yield documented(function, f"{path.relative_to(source)}:{function.start}", callers)


def _is_suited(function: Function) -> bool:
    ready = not function.in_test and not is_unfinished(function) and "\t" not in function.indent
    return ready and body_lines(function) >= 3 and len(doc_text(function.leading)) >= 30


def at_its_depth(code: str, function: Function) -> str:
    """A function outdented, as a file in which it stands as deep as in its own."""
    depth = len(function.indent) // len(INDENT)
    lines = [f"{INDENT * depth}{line}" if line.strip() else line for line in code.rstrip("\n").split("\n")]
    before = [f"{INDENT * level}mod m{level} {{" for level in range(depth)]
    return "\n".join([*before, *lines, *(f"{INDENT * level}}}" for level in reversed(range(depth)))]) + "\n"


def reformatted(files: Sequence[str]) -> set[int]:
    """Numbers of the files that rustfmt changes, or cannot read."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{number}.rs") for number in range(len(files))]
        for path, text in zip(paths, files, strict=True):
            path.write_text(text, encoding="utf-8")
        refused: set[int] = set()
        for start in range(0, len(paths), FILES_AT_A_TIME):
            command = ["rustfmt", "--edition", "2021", *map(str, paths[start : start + FILES_AT_A_TIME])]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            refused |= {int(number) for number in re.findall(r"--> \S*?/(\d+)\.rs", done.stderr)}
        changed = {number for number, path in enumerate(paths) if path.read_text(encoding="utf-8") != files[number]}
        return changed | refused


def prompts(items: Iterable[DocumentedFunction]) -> Iterator[tuple[str, str]]:
    """Task and code of every prompt that shows a whole function, as a file."""
    for item in items:
        for name, task in TASKS.items():
            draft = task.make(item)
            fenced = FENCED.search(draft.instruction) if draft else None
            if fenced and name not in PARTIAL:
                yield name, at_its_depth(fenced[1], item.function)


def laid_out_by_rustfmt(items: Sequence[DocumentedFunction]) -> list[DocumentedFunction]:
    """The functions that rustfmt leaves as they are."""
    changed = reformatted([at_its_depth(f"{item.docs}\n{item.code}", item.function) for item in items])
    return [item for number, item in enumerate(items) if number not in changed]


def differences(items: Sequence[DocumentedFunction]) -> tuple[Counter[str], Counter[str]]:
    """Prompts by task, and those that rustfmt would change."""
    shown = list(prompts(items))
    changed = reformatted([text for _, text in shown])
    return Counter(name for name, _ in shown), Counter(shown[number][0] for number in changed)


def main() -> None:
    """Print the table."""
    source = Path(os.environ.get("RUSTML_BENCHMARK_CRATES", CRATES))
    if not source.is_dir() or shutil.which("rustfmt") is None:
        raise SystemExit(
            "needs a Cargo directory source (RUSTML_BENCHMARK_CRATES) and rustfmt: rustup component add rustfmt"
        )
    every = list(subjects(source))
    items = laid_out_by_rustfmt(every)
    print(f"{len(every)} documented functions, {len(items)} of them laid out by rustfmt")
    totals, changed = differences(items)
    print(f"{'task':22} {'prompts':>8} {'changed':>8}")
    for task, total in totals.items():
        print(f"{task:22} {total:8} {changed[task]:8}")


if __name__ == "__main__":
    main()
