"""Fine-tuning side by side: full, LoRA and QLoRA, packed and padded, on an architecture with random weights.

    python -m benchmarks.sft
    python -m benchmarks.sft --architecture qwen3-8b --context 4096 --checkpointing true
    python -m benchmarks.sft --methods full,full-compiled,full-fp8,full-fp8-compiled

What a step costs does not depend on the weights. Records are random tokens; their lengths are drawn from a log-normal
distribution (median an eighth of the context, sigma 0.8, at most the context), the same for every row of the table.
With `--pairs FILE` they are those of the stage `pairs`, a token per three characters.
Steps of every layout hold about as many real tokens. `padded` are records of similar length together, as this project's
trainer takes them; `as drawn` are the same records in random order, as a trainer takes them that does not sort.

Tokens are real ones. `tokens/cpu s` divides by processor seconds of all threads, which other work on the machine
stretches less than wall seconds. Utilisation is that of the model's operations, attention over each record alone.
Memory is the peak of all tensors in steps of the longest records: on a GPU as its allocator counts it, on a CPU as the
profiler reports each allocation; beside it is the arithmetic that SFT starts with.
"""

import itertools
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec

from benchmarks.sft_rows import LAYOUTS, Row, draw_rows, shares
from benchmarks.tensor_peak import tensor_peak
from rustml.models.compute import Compute
from rustml.profile import load
from rustml.profile.method import FullSection, LoraSection, MethodSection, QloraSection
from rustml.profile.optimizer import AdamWSection, ConstantSection
from rustml.profile.sft import SftSection
from rustml.profile.sources import ValidationSection
from rustml.runs import log_levels

METHODS: dict[str, MethodSection] = {"full": FullSection(), "lora": LoraSection(), "qlora": QloraSection()}
COMPILED = "-compiled"
FIELDS = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "vocab_size",
    "tie_word_embeddings",
)
ARCHITECTURES: dict[str, tuple[Any, ...]] = {
    "small": (256, 768, 4, 4, 2, 64, 4096, True),
    "qwen3-0.6b": (1024, 3072, 28, 16, 8, 128, 151936, True),
    "qwen3-1.7b": (2048, 6144, 28, 16, 8, 128, 151936, True),
    "qwen3-4b": (2560, 9728, 36, 32, 8, 128, 151936, True),
    "qwen3-8b": (4096, 12288, 36, 32, 8, 128, 151936, False),
}
"""Shapes of Qwen3, in the order of FIELDS."""
WARM_UP = 2
"""Steps that are not timed."""
MEMORY_STEPS = 2
COLUMNS = ("method", "layout", "real", "tokens/s", "x padded", "tokens/cpu s", "x padded", "of peak", "GB", "reckoned")


@dataclass(frozen=True)
class Bench:
    """What all rows of the table share."""

    base: Path
    shape: Any
    machine: Compute
    rows: Sequence[Row]
    context: int
    records: int
    """Of a padded step."""
    steps: int
    checkpointing: bool
    peak: float


@dataclass(frozen=True)
class Speed:
    """What the timed steps of one training took."""

    real: float
    """Share of the positions that hold a token."""
    tokens: float
    seconds: float
    processor_seconds: float


def method_section(name: str) -> MethodSection:
    """The method of a row: a name of METHODS, or `full-fp8`; with `-compiled` behind it the model is compiled."""
    name = name.removesuffix(COMPILED)
    return FullSection(fp8=True) if name == "full-fp8" else METHODS[name]


def section_of(bench: Bench, method: str, layout: str) -> SftSection:
    """Steps of about as many real tokens, whatever the layout; packed sequences pass one by one."""
    mean = sum(len(ids) for ids, _ in bench.rows) / len(bench.rows)
    packed = layout == "packed"
    return msgspec.structs.replace(
        load("tiny").sft,
        method=method_section(method),
        compile=method.endswith(COMPILED),
        packing=packed,
        batch_size=max(1, round(bench.records * mean / bench.context)) if packed else bench.records,
        micro_batch=1 if packed else bench.records,
        passes=None,
        context=bench.context,
        steps=bench.steps,
        epochs=None,
        log_steps=1,
        save_steps=0,
        optimizer=AdamWSection(learning_rate=1e-5),
        schedule=ConstantSection(),
        gradient_checkpointing=bench.checkpointing,
        validation=ValidationSection(every=0, records=0),
    )


def train(bench: Bench, section: SftSection, dataset: Any, log: Callable[[int, dict[str, float]], None]) -> None:
    """Train on `dataset` in its order, by the trainer of the stage; nothing is kept."""
    from transformers.trainer_callback import PrinterCallback  # noqa: PLC0415

    from rustml.training.job import Job  # noqa: PLC0415
    from rustml.training.sft import trainer_of  # noqa: PLC0415
    from rustml.training.trainer import load as loaded_for  # noqa: PLC0415
    from rustml.training.validation import NOTHING, Validator  # noqa: PLC0415

    assert section.steps
    with tempfile.TemporaryDirectory() as scratch:
        job = Job(bench.base, Path(scratch) / "out", Path(scratch), 17, bench.machine, log)
        loaded = loaded_for(job, section)
        validator = Validator(NOTHING, loaded.tokenizer.pad_token_id, section.validation, log)
        trainer = trainer_of(loaded, section, job, section.steps, dataset, validator)
        trainer.remove_callback(PrinterCallback)
        trainer.train()


def speed(bench: Bench, method: str, layout: str) -> Speed:
    """Train and time the steps after the first ones."""
    from rustml.training import packing, sft, throughput  # noqa: PLC0415

    section, clock = section_of(bench, method, layout), list[tuple[float, float, float]]()
    if layout == "as drawn":
        ordered = list(itertools.islice(itertools.cycle(bench.rows), bench.steps * bench.records))
        dataset = sft.dataset(ordered)
    else:
        dataset = sft.in_order(bench.rows, section, bench.steps, 17)
        ordered = list(zip(dataset["input_ids"], dataset["labels"], strict=True))
    packed = section.packing
    real = (
        packing.real_share(dataset, bench.context) if packed else 1 - throughput.padding_share(ordered, bench.records)
    )

    def log(_step: int, metrics: dict[str, float]) -> None:
        if "num_tokens" in metrics:
            clock.append((metrics["num_tokens"], time.monotonic(), time.process_time()))

    train(bench, section, dataset, log)
    taken = [last - first for first, last in zip(clock[WARM_UP - 1], clock[-1], strict=True)]
    return Speed(real, *taken)


def memory(bench: Bench, method: str, layout: str) -> tuple[float, float]:
    """Bytes at the peak of a training on records as long as the longest, and what the arithmetic says of it."""
    from rustml.training import memory_plan, sft  # noqa: PLC0415

    longest = max(bench.rows, key=lambda row: len(row[0]))
    section = msgspec.structs.replace(section_of(bench, method, layout), steps=MEMORY_STEPS)
    rows = [longest] * (bench.records * MEMORY_STEPS)
    reckoned = memory_plan.plan(memory_plan.bounded(section, rows), bench.shape, bench.machine).peak
    dataset = sft.in_order(rows, section, MEMORY_STEPS, 17)
    return tensor_peak(lambda: train(bench, section, dataset, lambda *_: None), bench.machine.device), reckoned


def make_base(architecture: str, context: int, folder: Path) -> Path:
    """A checkpoint of random weights: of a shape of ARCHITECTURES, or of the config.json in a folder."""
    import torch  # noqa: PLC0415
    from transformers import AutoConfig, AutoModelForCausalLM, Qwen3Config  # noqa: PLC0415

    from rustml.banks.families import FAMILIES, draw  # noqa: PLC0415
    from rustml.models import checkpoint, tokenizer  # noqa: PLC0415
    from rustml.training.data import solved  # noqa: PLC0415

    if architecture in ARCHITECTURES:
        fields = dict(zip(FIELDS, ARCHITECTURES[architecture], strict=True))
        config: Any = Qwen3Config(**fields, max_position_embeddings=context, bos_token_id=None)
    else:
        config = AutoConfig.from_pretrained(architecture, local_files_only=True)
    words = tokenizer.train((reply for _, reply in solved(draw("rust", "train", 50, 17, list(FAMILIES)))), 320, context)
    torch.manual_seed(17)
    checkpoint.save(AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16), words, folder)
    return folder


def processor() -> str:
    """Name of what is computed on, its threads, and the load of the machine."""
    import torch  # noqa: PLC0415

    load_average = f"load {os.getloadavg()[0]:.1f}"
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}, {load_average}"
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    name = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown processor")
    return f"{name}, {torch.get_num_threads()} threads of {os.cpu_count()}, {load_average}"


def lines(bench: Bench, method: str) -> Iterator[str]:
    """The rows of one method."""
    from rustml.training.methods import method_of  # noqa: PLC0415
    from rustml.training.throughput import flops_per_token  # noqa: PLC0415

    lengths = [len(ids) for ids, _ in bench.rows]
    attended = round(sum(length**2 for length in lengths) / sum(lengths))
    flops = flops_per_token(bench.shape, method_of(method_section(method)).trained_weights(bench.shape), attended)
    speeds = {layout: speed(bench, method, layout) for layout in LAYOUTS}
    padded = speeds["padded"]
    for layout, one in speeds.items():
        rate, work = one.tokens / one.seconds, one.tokens / one.processor_seconds
        measured, reckoned = memory(bench, method, layout) if layout != "as drawn" else (0.0, 0.0)
        cells = (
            method,
            layout,
            f"{one.real:.1%}",
            f"{rate:,.0f}",
            f"{rate / (padded.tokens / padded.seconds):.2f}",
            f"{work:,.0f}",
            f"{work / (padded.tokens / padded.processor_seconds):.2f}",
            f"{rate * flops / bench.peak:.1%}",
            f"{measured / 1e9:.3f}" if measured else "",
            f"{reckoned / 1e9:.3f} ({reckoned / measured:.2f})" if measured else "",
        )
        yield _line(cells)


def _line(cells: Sequence[str]) -> str:
    return "".join(f"{cell:>14}" for cell in cells)


@click.command()
@click.option(
    "--architecture", default="small", show_default=True, help=f"One of {', '.join(ARCHITECTURES)}, or a folder."
)
@click.option("--context", type=click.IntRange(64), default=512, show_default=True, help="Tokens of a sequence.")
@click.option("--pairs", type=click.Path(exists=True, path_type=Path), help="Take lengths from this file of pairs.")
@click.option("--records", type=click.IntRange(1), default=16, show_default=True, help="Records of a padded step.")
@click.option("--steps", type=click.IntRange(WARM_UP + 2), default=8, show_default=True, help="Of each training.")
@click.option(
    "--methods", default=",".join(METHODS), show_default=True, help="Which, by commas; also full-fp8, NAME-compiled."
)
@click.option("--dtype", type=click.Choice(["bfloat16", "float32"]), default="bfloat16", show_default=True)
@click.option("--checkpointing", type=bool, default=False, show_default=True, help="Compute activations again.")
def main(
    architecture: str,
    context: int,
    pairs: Path | None,
    records: int,
    steps: int,
    methods: str,
    dtype: str,
    checkpointing: bool,
) -> None:
    """Print one table: speed, share of the peak, and memory by method and layout."""
    log_levels.quiet_libraries()
    from rustml.models import compute  # noqa: PLC0415
    from rustml.training.methods.base import model_shape  # noqa: PLC0415
    from rustml.training.throughput import peak_flops  # noqa: PLC0415

    machine = Compute(compute.device(), dtype, "sdpa")
    with tempfile.TemporaryDirectory() as folder:
        base = make_base(architecture, context, Path(folder) / "base")
        shape, peak = model_shape(base), peak_flops(machine)
        rows = draw_rows(shape.config.get_text_config().vocab_size, context, pairs)
        bench = Bench(base, shape, machine, rows, context, records, steps, checkpointing, peak)
        weights = sum(weight.numel() for weight in shape.parameters())
        click.echo(f"{processor()}; {dtype}, peak {peak / 1e12:.3g} TFLOP/s")
        click.echo(f"{architecture}: {weights / 1e6:,.1f}M weights, sequences of {context} tokens, {records} records")
        told = ", ".join(f"{layout} {share:.1%}" for layout, share in shares(rows, context, records).items())
        click.echo(f"real tokens in an epoch of {len(rows)} records: {told}")
        click.echo(_line(COLUMNS) if methods else "")
        for method in filter(None, methods.split(",")):
            for line in lines(bench, method):
                click.echo(line)


if __name__ == "__main__":
    main()
