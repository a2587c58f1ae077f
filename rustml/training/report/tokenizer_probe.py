"""How a tokenizer reads Rust: length, round trip, special tokens and template, before a model is trained through it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rustml import chat
from rustml.errors import InputError
from rustml.training.data import Text

CONSTRUCTS = {
    "lifetime": "fn longest<'a>(x: &'a str, y: &'a str) -> &'a str",
    "static lifetime": 'const NAME: &\'static str = "x";',
    "generics": "fn map<T: Clone, U>(items: Vec<Option<T>>, f: impl Fn(&T) -> U) -> Vec<Option<U>>",
    "where clause": "where T: Iterator<Item = (usize, char)> + 'static",
    "turbofish": "iter.collect::<Result<Vec<_>, Box<dyn std::error::Error>>>()?",
    "unsafe": "unsafe { *ptr.add(1) = *mut_ref as *const u8; }",
    "attributes": "#[derive(Debug, Clone, PartialEq)]\n#[cfg(test)]",
    "macro": "macro_rules! m { ($($x:expr),* $(,)?) => { vec![$($x),*] }; }",
    "match": "match x { Some(n @ 1..=9) if n % 2 == 0 => n, Some(_) | None => 0 }",
    "literals": 'let x = (0xFF_u8, 1_000_000i64, 1e-9_f64, b\'\\n\', r#"raw "text""#);',
    "indentation": "fn f() {\n    if a {\n        loop {\n            break;\n        }\n    }\n}\n",
    "tabs and line ends": "fn f() {\n\tlet a = 1;\r\n\n\n}",
    "characters beyond ASCII": '// größer → λ 日本 🦀\nlet s = "naïve";',
}
"""What Rust has and prose has not. The last three are what tokenizers that normalise text lose."""
TEXTS = 500
"""Real texts that are tried."""
LEAST_CHARACTERS = 2.0
"""Characters per token of real code below which a warning says what it costs."""


@dataclass(frozen=True)
class Probe:
    """What the tokenizer did."""

    rows: list[dict[str, Any]]
    """One per construct, and one of all real texts."""
    warnings: list[str]
    characters_per_token: float
    """Of the real texts, or of the constructs where there are none."""

    def table(self) -> str:
        """The rows and the warnings as text."""
        lines = [f"{'text':<26}{'tokens':>9}{'characters':>12}{'per token':>11}  round trip"]
        for row in self.rows:
            length = f"{row['tokens']:>9}{row['characters']:>12}{row['characters'] / max(1, row['tokens']):>11.2f}"
            lines.append(f"{row['text']:<26}{length}  {row['round_trip']}")
        return "\n".join([*lines, *(f"warning: {text}" for text in self.warnings)])


def probe(tokenizer: Any, texts: Sequence[str], vocabulary: int) -> Probe:
    """Try the tokenizer on the constructs of Rust and on real `texts`.

    `vocabulary` is the number of embeddings of the model that it belongs to.
    """
    rows = [_row(tokenizer, name, [text]) for name, text in CONSTRUCTS.items()]
    rows += [_row(tokenizer, "real texts", texts)] if texts else []
    measured = [rows[-1]] if texts else rows
    tokens, characters = (sum(row[name] for row in measured) for name in ("tokens", "characters"))
    warnings = [*_of_texts(tokenizer, rows), *_of_tokens(tokenizer, vocabulary), *_of_template(tokenizer)]
    if characters < LEAST_CHARACTERS * tokens:
        warnings.append(
            f"a token is {characters / tokens:.2f} characters of Rust: a context holds little code, and training and "
            "serving pay for every token; take a base whose tokenizer has seen code"
        )
    return Probe(rows, warnings, characters / max(1, tokens))


def rust_answers(parts: Iterable[Sequence[Text]]) -> list[str]:
    """At most TEXTS answers of records, an equal number of each part, without those in Python."""
    each = [[text[1] for text in part if "```python" not in text[1]] for part in parts]
    share = TEXTS // max(1, sum(map(bool, each)))
    return [reply for part in each for reply in part[:share]]


def _row(tokenizer: Any, name: str, texts: Sequence[str]) -> dict[str, Any]:
    coded = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
    whole = sum(_decoded(tokenizer, ids) == text for ids, text in zip(coded, texts, strict=True))
    unknown = tokenizer.unk_token_id
    return {
        "text": name,
        "tokens": sum(map(len, coded)),
        "characters": sum(map(len, texts)),
        "round_trip": ("yes" if whole else "no") if len(texts) == 1 else f"{whole} of {len(texts)}",
        "lost": len(texts) - whole,
        "unknown": sum(ids.count(unknown) for ids in coded) if unknown is not None else 0,
    }


def _decoded(tokenizer: Any, ids: Sequence[int]) -> str:
    return str(tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))


def _of_texts(tokenizer: Any, rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    lost = [row["text"] for row in rows if row["lost"]]
    if lost:
        yield f"another text after encoding and decoding: {', '.join(lost)}; such answers cannot be learnt as they are"
    unknown = sum(row["unknown"] for row in rows)
    if unknown:
        yield f"{unknown} tokens are unknown ({tokenizer.unk_token}): what they stood for is lost"


def _of_tokens(tokenizer: Any, vocabulary: int) -> Iterator[str]:
    """Special tokens have to be one id each, inside a text too, and every id an embedding."""
    marks = {str(token) for token in tokenizer.all_special_tokens}
    marks |= {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    split = [
        mark
        for mark in sorted(marks)
        if tokenizer.convert_tokens_to_ids(mark) not in tokenizer.encode(f"a{mark}b", add_special_tokens=False)
    ]
    if split:
        yield f"special tokens are split into pieces: {', '.join(split[:5])}; the model would not see them as such"
    if len(tokenizer) > vocabulary:
        yield (
            f"the tokenizer has {len(tokenizer)} entries and the model {vocabulary} embeddings: a token beyond them "
            "ends the training; take the tokenizer that belongs to the base"
        )
    if tokenizer.eos_token is None:
        yield "the tokenizer has no end of text: answers would not learn to stop"


def _of_template(tokenizer: Any) -> Iterator[str]:
    try:
        ids, labels = chat.encode(tokenizer, "Write a function.", "```rust\nfn f() {}\n```")
    except InputError as error:
        yield str(error)
        return
    if ids[-1] not in chat.end_ids(tokenizer):
        yield "an answer does not end with a token that ends it: the model would not learn to stop (chat.template)"
    if labels[0] != -100:
        yield "the template writes nothing before the question: questions and answers run into each other"
