"""The engines that generate, one file each, and the table by which a profile names them.

To add one: its file beside these with a class that takes a `Setup`, its line in `ENGINES`, and its name in the profile
(`evaluation.engine` in rustml/profile/evaluation.py).
"""

from collections.abc import Callable, Mapping

from rustml.generation.engines.openai import OpenAiEngine
from rustml.generation.engines.transformers import TransformersEngine
from rustml.generation.engines.vllm import VllmEngine
from rustml.generation.sampling import Engine
from rustml.generation.setup import Setup

ENGINES: Mapping[str, Callable[[Setup], Engine]] = {
    "transformers": TransformersEngine,
    "vllm": VllmEngine,
    "openai": OpenAiEngine,
}
