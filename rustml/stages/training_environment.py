"""What decides a trained model besides code, data and profile, for the keys of stages that train."""

from rustml.profile.method import FullSection, QloraSection, TrainerSection
from rustml.profile.optimizer import AdamW8bitSection, PagedAdamW8bitSection
from rustml.runs.environment import libraries_and_device


def training_environment(section: TrainerSection) -> dict[str, str]:
    """Versions of the trainers' libraries, of those too that the method and the optimizer need, and the device."""
    names = ["transformers", "trl"]
    if not isinstance(section.method, FullSection):
        names.append("peft")
    eight_bits = isinstance(section.optimizer, AdamW8bitSection | PagedAdamW8bitSection)
    if eight_bits or isinstance(section.method, QloraSection):
        names.append("bitsandbytes")
    return libraries_and_device(*names)
