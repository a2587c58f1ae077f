"""Training methods: which weights train, and how the model is loaded, held in memory and saved.

A method is one file beside this one, a section in `rustml/profile/method.py` and a line in `METHODS`.
"""

from collections.abc import Mapping

from rustml.profile.method import FullSection, LoraSection, MethodSection, QloraSection
from rustml.training.methods.base import Method
from rustml.training.methods.full import Full
from rustml.training.methods.lora import Lora
from rustml.training.methods.qlora import Qlora

METHODS: Mapping[type[MethodSection], type[Method]] = {FullSection: Full, LoraSection: Lora, QloraSection: Qlora}


def method_of(section: MethodSection) -> Method:
    """The method that a profile's section names."""
    return METHODS[type(section)](section)
