"""Extraction: every span is byte-exact and re-parses; documentation and body reproduce the source."""

from hypothesis import given
from hypothesis import strategies as st

from rustml.rust.doc_comments import doc_text
from rustml.rust.functions import Function, body_lines, is_test, is_unfinished, outdent, parse, parses

NAMES = st.sampled_from(["a", "größe", "r#type", "_x", "f2"])
BODIES = st.sampled_from([
    "let x = 1;\n    x",
    "// } a brace in a comment\n    'a'",
    'let s = "} // not a comment /* nor this";\n    s.len()',
    'r#"a "raw" } string"#.len()',
    "/* nested /* block */ } */ 0",
    "match c { '{' => 1, '\\'' => 2, _ => 3 }",
    "fn inner<'a>(x: &'a str) -> &'a str { x }\n    inner(\"日本\")",
    "macro_rules! m { () => { } }\n    m!()",
])  # fmt: skip
DOCS = st.lists(
    st.sampled_from(["/// Says éñ.", "///", "/** Block. */", "#[inline]", "// plain", "//// rule"]), max_size=4
)
HEADERS = st.sampled_from(["", "impl<T: Clone> Foo<T>", "impl fmt::Display for Bar", "pub trait Shape: Sized", "mod m"])


def render(docs: list[str], name: str, body: str, header: str) -> str:
    lines = [*docs, f"pub fn {name}(c: char) -> usize where u8: Copy {{", f"    {body}", "}"]
    if header.startswith("pub trait"):
        lines = [line.replace("pub fn", "fn") for line in lines]
    if not header:
        return "\n".join(lines)
    return "\n".join([f"{header} {{", *(f"    {line}" for line in "\n".join(lines).split("\n")), "}"])


FUNCTIONS = st.builds(render, DOCS, NAMES, BODIES, HEADERS)


@given(parts=st.lists(FUNCTIONS, min_size=1, max_size=4))
def test_every_span_reproduces_the_source_and_re_parses(parts: list[str]) -> None:
    source = "//! Crate.\n#![no_std]\n" + "\n\n".join(parts) + "\n"
    file = parse(source)
    assert file is not None
    assert len(file.functions) == len(parts)
    data = source.encode()
    for function in file.functions:
        assert data[function.start : function.end].decode() == function.text
        assert function.leading + function.signature + function.body == function.text
        assert function.body.startswith("{")
        assert function.body.endswith("}")
        assert parses(f"trait X {{ {function.text} }}" if function.context.startswith("pub trait") else function.text)


@given(parts=st.lists(FUNCTIONS, min_size=1, max_size=3))
def test_pieces_re_parse_by_themselves(parts: list[str]) -> None:
    file = parse("\n".join(parts))
    assert file is not None
    assert all(parses(piece.text) for piece in file.pieces)


@given(text=st.text(max_size=200))
def test_any_text_at_all_is_parsed_or_refused(text: str) -> None:
    file = parse(text)
    if file is not None:
        assert all(function.text in text for function in file.functions)


def one(source: str) -> Function:
    file = parse(source)
    assert file is not None
    assert len(file.functions) == 1
    return file.functions[0]


def test_documentation_and_attributes_are_carried_whatever_their_order() -> None:
    function = one("use a;\n\n/// One.\n#[inline]\n/// Two.\n// aside\n#[must_use]\npub fn f() { }\n")
    assert function.leading == "/// One.\n#[inline]\n/// Two.\n// aside\n#[must_use]\n"
    assert doc_text(function.leading) == "One.\nTwo."
    assert function.documentation == "/// One.\n/// Two."


def test_a_block_comment_documents() -> None:
    function = one("/**\n * Adds *stars*.\n *\n * Twice.\n */\nfn f() {}\n")
    assert doc_text(function.leading) == "Adds *stars*.\n\nTwice."


def test_contexts_and_kinds() -> None:
    file = parse(
        "fn free() {}\nimpl<T> S<T>\nwhere\n    T: Copy,\n{\n fn own(&self) {}\n}\n"
        "impl Tr for S<u8> { fn given(&self) {} }\ntrait Tr { fn provided(&self) {} fn required(&self); }\n"
    )
    assert file is not None
    assert [(function.name, function.kind, function.context) for function in file.functions] == [
        ("free", "free", ""),
        ("own", "inherent", "impl<T> S<T>\nwhere\n    T: Copy,"),
        ("given", "trait", "impl Tr for S<u8>"),
        ("provided", "trait", "trait Tr"),
    ]


def test_tests_are_known_wherever_they_stand() -> None:
    file = parse(
        "#[cfg(test)]\nmod tests { fn helper() {} #[test] fn t() {} }\n#[tokio::test]\nasync fn a() {}\nfn plain() {}\n"
    )
    assert file is not None
    assert [(f.name, f.in_test, is_test(f)) for f in file.functions] == [
        ("helper", True, False),
        ("t", True, True),
        ("a", True, False),
        ("plain", False, False),
    ]


def test_a_syntax_error_is_no_file() -> None:
    assert parse("fn f( {") is None


def test_outdenting_leaves_string_literals_alone() -> None:
    function = one("mod m {\n    fn f() -> u8 {\n        1\n    }\n}\n")
    assert outdent(function.text, function) == "fn f() -> u8 {\n    1\n}"
    literal = one('mod m {\n    fn f() -> &str {\n        "a\n        b"\n    }\n}\n')
    assert outdent(literal.text, literal) == 'fn f() -> &str {\n    "a\n        b"\n}'


def test_body_lines_and_unfinished_bodies() -> None:
    assert body_lines(one("fn f() {\n\n a();\n b();\n}")) == 2
    assert body_lines(one("fn f() {}")) == 0
    assert is_unfinished(one("fn f() { todo!() }"))
    assert is_unfinished(one("fn f() { unimplemented! {} }"))
    assert not is_unfinished(one("fn f() { my_todo() }"))
