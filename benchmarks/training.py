"""Fine-tuning side by side: steps, tokens and peak memory by method and dtype, on the base of the tiny profile.

    python -m benchmarks.training --steps 12

The base has the architecture of the profile and random weights: what a step costs does not depend on them. Each row is
a process of its own, so that none sees another's memory; the first steps, in which the allocator warms up, are not
timed. Tokens are those of the records, without padding. Processor seconds are of all threads and stand beside wall
seconds, which other work on the machine stretches. Memory is the peak of the training over what was in use before it.
"""

import itertools
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from rustml.banks.families import FAMILIES, draw
from rustml.models import compute
from rustml.models.compute import Compute
from rustml.profile import Profile, load
from rustml.profile.base import ScratchBase
from rustml.profile.method import FullSection, LoraSection, MethodSection, QloraSection
from rustml.runs import log_levels

METHODS: dict[str, MethodSection] = {"full": FullSection(), "lora": LoraSection(), "qlora": QloraSection()}
DTYPES = ("float32", "bfloat16")
WARM_UP = 3
"""Steps that are not timed."""
RECORDS = 600


@dataclass(frozen=True)
class Cell:
    """One training to measure."""

    method: str
    dtype: str
    packing: bool


@dataclass(frozen=True)
class Cost:
    """What it took."""

    step_seconds: float
    """Median wall time of a step."""
    step_processor_seconds: float
    """Mean over the timed steps."""
    step_tokens: float
    """Tokens of records, mean over the timed steps."""
    memory_mb: float


def measure(cell: Cell, profile: Profile, base: Path, steps: int) -> Cost:
    """Train so many steps in this process. Raises what training raises."""
    log_levels.quiet_libraries()
    from rustml.models import checkpoint  # noqa: PLC0415  torch is loaded in the child alone
    from rustml.training import batching, data, packing, sft  # noqa: PLC0415
    from rustml.training.job import Job  # noqa: PLC0415

    tokenizer = checkpoint.load_tokenizer(base)
    problems = draw("rust", "train", RECORDS, profile.seed, list(FAMILIES))
    section = msgspec.structs.replace(
        profile.sft, method=METHODS[cell.method], packing=cell.packing, steps=steps, epochs=None, log_steps=1
    )
    rows = data.encode(tokenizer, data.solved(problems), section.context)[0]
    clock: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        machine = Compute(compute.device(), cell.dtype, profile.compute.attention)
        scratch = Path(folder)

        def log(_step: int, _metrics: dict[str, float]) -> None:
            clock.append((time.monotonic(), time.process_time()))

        before = _memory()
        sft.train(rows, section, Job(base, scratch / "out", scratch / "scratch", profile.seed, machine, log))
        memory = _memory() - before
    if cell.packing:
        packed = packing.packed_dataset(rows, section.context, section.batch_size, steps, profile.seed)
        counts = [sum(lengths) for lengths in packed["seq_lengths"]]
    else:
        counts = [len(ids) for ids, _ in batching.ordered_rows(rows, section.batch_size, steps, profile.seed)]
    return Cost(
        step_seconds=statistics.median(later[0] - earlier[0] for earlier, later in _timed(clock)),
        step_processor_seconds=statistics.fmean(later[1] - earlier[1] for earlier, later in _timed(clock)),
        step_tokens=sum(counts[WARM_UP * section.batch_size :]) / (steps - WARM_UP),
        memory_mb=memory,
    )


def _timed(clock: Sequence[tuple[float, float]]) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    return list(itertools.pairwise(clock))[WARM_UP - 1 :]


def _memory() -> float:
    """Peak so far, MiB: of the GPU where there is one, else of this process."""
    import torch  # noqa: PLC0415

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def make_base(profile: Profile, folder: Path) -> Path:
    """A checkpoint of the profile's architecture with random weights, its tokenizer trained on the tasks."""
    log_levels.quiet_libraries()
    from rustml.models import checkpoint, tokenizer  # noqa: PLC0415
    from rustml.training import data, pretrain  # noqa: PLC0415

    assert isinstance(profile.base, ScratchBase)
    shape = profile.base.architecture
    texts = data.solved(draw("rust", "train", RECORDS, profile.seed, list(FAMILIES)))
    words = tokenizer.train((f"{asked}\n{reply}" for asked, reply in texts), shape.vocabulary, shape.context)
    model = pretrain.new_model(shape, words, profile.seed, Compute("cpu", "bfloat16", "eager"))
    checkpoint.save(model, words, folder)
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


@click.command()
@click.option("--steps", type=click.IntRange(WARM_UP + 2), default=12, show_default=True, help="Of each training.")
@click.option("--packing", type=bool, default=True, show_default=True, help="Measure packed records too.")
def main(steps: int, packing: bool) -> None:
    """Print one table: steps, tokens and memory by method and dtype."""
    tiny = load("tiny")
    profile = msgspec.structs.replace(tiny, compute=msgspec.structs.replace(tiny.compute, attention="sdpa"))
    packed = (False, True) if packing else (False,)
    cells = [
        Cell(method, dtype, each)
        for each in packed
        for method in METHODS
        for dtype in DTYPES
        if (method, dtype) != ("qlora", "float32")  # it computes in bfloat16 alone
    ]
    columns = ("method", "dtype", "packed", "steps/s", "tokens/s", "tokens/cpu s", "peak MiB")
    with tempfile.TemporaryDirectory() as folder:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as pool:
            base = pool.submit(make_base, profile, Path(folder) / "base").result()
            click.echo(pool.submit(processor).result())
            click.echo("  ".join(f"{column:>12}" for column in columns))
            for cell in cells:
                cost = pool.submit(measure, cell, profile, base, steps).result()
                click.echo("  ".join(f"{text:>12}" for text in _row(cell, cost)))


def _row(cell: Cell, cost: Cost) -> tuple[str, ...]:
    return (
        cell.method,
        cell.dtype,
        "yes" if cell.packing else "no",
        f"{1 / cost.step_seconds:.2f}",
        f"{cost.step_tokens / cost.step_seconds:,.0f}",
        f"{cost.step_tokens / cost.step_processor_seconds:,.0f}",
        f"{cost.memory_mb:,.0f}",
    )


if __name__ == "__main__":
    main()
