"""What llama.cpp's quantisation costs a version: its pass rate in each GGUF format, as one table.

    pip install llama-cpp-python==0.3.36
    python -m benchmarks.gguf --version 2 --bank RUN [--problems 600] [--profile tiny]

Each format answers the same held-out Rust problems, greedy; the judge compiles and tests the answers. Prompts and
answers are token ids, so that the model of `tiny` can be measured too: its files are written from a copy whose
tokenizer names Qwen's way of splitting text, since llama.cpp does not know the one that it was trained with.
"""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import gguf

from rustml import chat
from rustml.generation.ending import end_tokens
from rustml.judge.judging import Judging
from rustml.models import checkpoint, gguf_release, gguf_tokenizer
from rustml.profile import Profile, load
from rustml.records import Problem
from rustml.release import versions
from rustml.runs import tracking
from rustml.serving.smoke import Answer, judged
from rustml.stages.held_out import held_out
from rustml.stages.judging import open_judge

FORMATS = ("BF16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M")
FAULT = "infrastructure"
QWEN = next(pattern for pattern, name in gguf_tokenizer.SPLITS.items() if name == "qwen2")
HEADER = ("format", "MB", "weights of matrices by type", "passed", "answers as in BF16")


@dataclass(frozen=True)
class Row:
    """One format."""

    name: str
    megabytes: float
    types: str
    answers: Sequence[Answer]


def copy_with_known_splitting(source: Path, folder: Path) -> None:
    """Copy a checkpoint with byte-level BPE; what the copy's tokenizer says of splitting is right for Qwen's alone."""
    shutil.copytree(source, folder)
    path = folder / "tokenizer.json"
    state = json.loads(path.read_bytes())
    split = {"type": "Split", "pattern": {"Regex": QWEN}, "behavior": "Isolated", "invert": False}
    bytes_ = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    path.write_text(json.dumps({**state, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, bytes_]}}))


def types_of(file: Path) -> str:
    """Types of the matrices in a file with their share of the weights, the largest first."""
    matrices = [tensor for tensor in gguf.GGUFReader(file).tensors if len(tensor.shape) > 1]
    weights: Counter[str] = Counter()
    for tensor in matrices:
        weights[tensor.tensor_type.name] += int(tensor.n_elements)
    return ", ".join(f"{name} {count / weights.total():.0%}" for name, count in weights.most_common())


def continuations(file: Path, prompts: Sequence[list[int]], ends: Sequence[int], longest: int) -> list[list[int]]:
    """Greedy answers of llama.cpp, each up to the first token of `ends`."""
    import llama_cpp  # noqa: PLC0415  not everywhere installed

    context = max(map(len, prompts)) + longest + 1
    engine = llama_cpp.Llama(str(file), n_ctx=context, n_threads=1, n_threads_batch=1, verbose=False)
    written = []
    for prompt in prompts:
        engine.reset()
        ids: list[int] = []
        for token in engine.generate(prompt, temp=0.0):
            if token in ends or len(ids) == longest:
                break
            ids.append(token)
        written.append(ids)
    return written


def measured(profile: Profile, source: Path, problems: Sequence[Problem], judge: Judging) -> Iterator[Row]:
    """A row per format."""
    tokenizer = chat.prepare(checkpoint.load_tokenizer(source), profile.chat)
    prompts = [tokenizer.encode(chat.prompt(tokenizer, p.instruction), add_special_tokens=False) for p in problems]
    ends = end_tokens(tokenizer, source)
    with tempfile.TemporaryDirectory() as scratch:
        release = Path(scratch, "release")
        copy_with_known_splitting(source, release)
        sizes = gguf_release.write(release, FORMATS, "m", Path(scratch))
        for name in FORMATS:
            file = release / gguf_release.FOLDER / f"m-{name}.gguf"
            answers = continuations(file, prompts, ends, profile.serve.max_new_tokens)
            texts = [tokenizer.decode(ids, skip_special_tokens=True) for ids in answers]
            yield Row(name, sizes[name] / 1e6, types_of(file), judged(judge, problems, texts))


def line(row: Row, first: Row) -> str:
    """The row of the table; what the judge could not judge is left out of the pass rate and counted."""
    decided = [answer for answer in row.answers if answer.status != FAULT]
    passed = sum(answer.status == "passed" for answer in decided)
    same = sum(one.completion == other.completion for one, other in zip(row.answers, first.answers, strict=True))
    rate = f"{passed} of {len(decided)} ({passed / len(decided):.1%})" if decided else "-"
    cells = (row.name, f"{row.megabytes:.2f}", row.types, rate, f"{same} of {len(row.answers)}")
    return f"| {' | '.join(cells)} |"


@click.command(help=__doc__)
@click.option("--version", required=True, help="Number of a registered version that is not quantised.")
@click.option("--bank", required=True, help="Run id of the problem banks.")
@click.option("--problems", default=600, show_default=True, help="Held-out problems to ask.")
@click.option("--profile", "name", default="tiny", show_default=True)
def main(version: str, bank: str, problems: int, name: str) -> None:
    """Measure and print."""
    gguf_release.formats(",".join(FORMATS))
    profile = load(name)
    source = versions.checkpoint(version, profile.registered_model).folder
    asked = held_out(tracking.output(bank), "rust-test", problems)
    click.echo(f"| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}")
    first = None
    with open_judge(profile, tracking.cache_layout(), lints=False) as judge:
        for row in measured(profile, source, asked, judge):
            first = first or row
            click.echo(line(row, first))


if __name__ == "__main__":
    main()
