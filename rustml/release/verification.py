"""Check everything that a registry claims: the files of each version, and the evidence behind each of its gates."""

from collections.abc import Iterator
from dataclasses import dataclass

from rustml.errors import EvidenceError, InputError
from rustml.release.evidence import check_evidence, check_evidence_and_alias
from rustml.release.ladder import Ladder
from rustml.release.registry import WEIGHTS_TAG, ModelVersion, Registry, gate_tag


@dataclass(frozen=True)
class Verified:
    """What was found about a version."""

    number: str
    weights: str
    """Digest of its weights as it was registered."""
    gates: tuple[str, ...]
    """Steps whose evidence holds."""
    faults: tuple[str, ...]
    """What is missing or changed; empty where everything holds."""


def verify(registry: Registry, ladder: Ladder) -> Iterator[Verified]:
    """Check each version of the registered model, the oldest first, at the gates of the ladder that it came through."""
    for number in sorted(_numbers(registry), key=int):
        version = registry.version(number)
        faults = [*_file_faults(version)]
        gates = []
        for step in ladder:
            if gate_tag(step.name) not in version.tags:
                continue
            holds = registry.holder(step.name) == number
            try:
                (check_evidence_and_alias if holds else check_evidence)(registry, number, step)
                gates.append(step.name)
            except (EvidenceError, InputError) as error:
                faults.append(str(error))
        yield Verified(number, version.tags.get(WEIGHTS_TAG, ""), tuple(gates), tuple(faults))


def _numbers(registry: Registry) -> Iterator[str]:
    token = None
    while token != "":
        page = registry.client.search_model_versions(f"name = '{registry.model}'", page_token=token)
        yield from (str(version.version) for version in page)
        token = page.token or ""


def _file_faults(version: ModelVersion) -> Iterator[str]:
    try:
        if version.digest != version.tags.get(WEIGHTS_TAG):
            yield f"the files of {version.name} are not those that were registered"
    except (EvidenceError, InputError) as error:
        yield str(error)
