"""The engines that serve a checkpoint, one file each."""

from collections.abc import Mapping

from rustml.serving.engines.engine import ServingEngine
from rustml.serving.engines.vllm import VllmServing

ENGINES: Mapping[str, ServingEngine] = {engine.name: engine for engine in (VllmServing(),)}
"""By the name that a profile gives as `serve.engine`."""

__all__ = ["ENGINES", "ServingEngine"]
