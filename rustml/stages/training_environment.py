"""What decides a trained model besides code, data and profile, for the keys of stages that train."""

from rustml.profile.method import TrainerSection
from rustml.runs.environment import libraries_and_device


def training_environment(section: TrainerSection) -> dict[str, str]:
    """Versions of the trainers' libraries, of those too that the method and the optimizer need, and the device."""
    needed = {*section.method.libraries, *section.optimizer.libraries}
    return libraries_and_device("transformers", "trl", *sorted(needed))
