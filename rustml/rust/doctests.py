"""Doc-tests: the examples in documentation comments, as test functions."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from rustml.rust.doc_comments import doc_texts
from rustml.rust.fences import FENCE
from rustml.rust.lexer import squeeze

MOST = 6
"""Doc-tests of one function that are tried at most, those of its own documentation first."""
NOT_RUN = frozenset({"ignore", "no_run", "should_panic", "compile_fail", "text", "test_harness"})
ROOT_ONLY = re.compile(r"\s*(#!\[|#\[macro_use\]\s*extern|extern crate)")
"""Lines that only the root of a crate may hold; the test program has its own."""
PLAIN = re.compile(r"^(rust|edition\d{4})?$")


def examples(source: str) -> list[str]:
    """The examples in documentation comments of a text that rustdoc would run, each as a block of statements."""
    return [_program(code) for text in doc_texts(source) for code in _blocks(text) if squeeze(code)]


def naming(name: str, sources: Sequence[str]) -> list[str]:
    """The first few examples of the texts that use `name`."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    codes = (code for source in sources if name in source for code in examples(source) if word.search(code))
    return list(islice(dict.fromkeys(codes), MOST))


def _blocks(lines: Sequence[str]) -> Iterator[str]:
    open_fence, run = "", False
    code: list[str] = []
    for line in lines:
        fence = FENCE.match(line)
        if not open_fence and fence:
            words = re.split(r"[\s,]+", fence["info"].strip().strip("{}"))
            run = not NOT_RUN & set(words) and all(PLAIN.match(word) for word in words)
            open_fence, code = fence["fence"], []
        elif open_fence and fence and not fence["info"].strip() and fence["fence"].startswith(open_fence):
            if run:
                yield "\n".join(code)
            open_fence = ""
        elif open_fence:
            code.append(_shown(line))


def _shown(line: str) -> str:
    """A line that rustdoc hides begins with `# `; `##` stands for `#`."""
    bare = line.lstrip()
    if bare == "#" or bare.startswith("# "):
        return bare[1:]
    return bare[1:] if bare.startswith("##") else line


def _program(code: str) -> str:
    """As rustdoc wraps it: a `main` is called, a final `Ok::<` makes it a function that may fail."""
    lines = [line for line in code.splitlines() if not ROOT_ONLY.match(line)]
    body = "\n".join(lines)
    if re.search(r"^\s*(?:pub\s+)?fn main\s*\(\s*\)", body, re.MULTILINE):
        return f"{body}\nlet _ = main();"
    if lines and re.match(r"\s*(?:::?core::result::Result::)?Ok::<", lines[-1]):
        return f"fn inner() -> Result<(), impl core::fmt::Debug> {{\n{body}\n}}\ninner().unwrap();"
    return body


def program(codes: Sequence[tuple[int, str]], crate: str) -> str:
    """A test program of numbered examples that uses `crate`."""
    tests = [f"#[test]\nfn example_{number}() {{\n{code}\n}}\n" for number, code in codes]
    return f"#![allow(warnings)]\n#[macro_use]\nextern crate {crate};\n" + "".join(tests)
