"""Which crates Rust text needs, read off its paths, where no manifest says it."""

from rustml.records import Dependency
from rustml.rust.lexer import Token, significant, tokens

OWN = frozenset({"std", "core", "alloc", "proc_macro", "test", "crate", "self", "super", "Self"})
NUMBERS = frozenset(f"{kind}{bits}" for kind in "ui" for bits in ("8", "16", "32", "64", "128", "size"))
PRIMITIVE = NUMBERS | {"f32", "f64", "bool", "char", "str", "array", "slice", "tuple", "fn"}
PACKAGES = {
    "futures_util": "futures-util",
    "http_body_util": "http-body-util",
    "hyper_util": "hyper-util",
    "pin_project_lite": "pin-project-lite",
    "tokio_stream": "tokio-stream",
    "tokio_test": "tokio-test",
    "tower_service": "tower-service",
}
"""Crates whose package is written with a hyphen."""
FEATURES = {
    "hyper": ("full",),
    "rustix": ("all-apis",),
    "tokio": ("full", "test-util"),
    "time": ("formatting", "macros", "parsing"),
    "nix": ("fs", "net", "process", "signal", "socket", "user"),
}
"""Features without which a crate has little of what problems ask for."""


def named_crates(text: str) -> tuple[Dependency, ...]:
    """The crates at the root of a path of the text, in any version, by name."""
    stream = significant(tokens(text))
    names = _roots(stream) - _declared(stream) - OWN - PRIMITIVE
    return tuple(
        Dependency(name=name, version="*", features=FEATURES.get(name, ()), package=PACKAGES.get(name, ""))
        for name in sorted(names)
    )


def _roots(stream: list[Token]) -> set[str]:
    """Names in lower case that begin a path, and those after `use` and `extern crate`."""
    roots = set()
    padded = [Token("punct", "", 0, 0), *stream, Token("punct", "", 0, 0), Token("punct", "", 0, 0)]
    for before, token, after in zip(padded, padded[1:], padded[2:], strict=False):
        begins = after.text == "::" and before.text not in ("::", ".")
        imported = before.text in ("use", "crate") and after.text in (";", "as")
        if token.kind == "ident" and token.text[0].islower() and (begins or imported):
            roots.add(token.text)
    return roots


def _declared(stream: list[Token]) -> set[str]:
    """Names that the text itself gives a meaning: its items, and what its imports bring."""
    names, importing, root = set(), False, False
    for before, token in zip([Token("punct", "", 0, 0), *stream], stream, strict=False):
        if before.text in ("mod", "fn", "macro_rules", "let", "type"):
            names.add(token.text)
        if token.text == "use":
            importing, root = True, True
        elif token.text == ";":
            importing = False
        elif importing and token.kind == "ident":
            names |= set() if root else {token.text}
            root = False
    return names
