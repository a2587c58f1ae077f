"""An alias that a server follows: where it points, and tags that say on a version how serving it went."""

import logging
from collections.abc import Mapping

from mlflow.exceptions import MlflowException

from rustml.errors import EnvironmentFault, InputError
from rustml.profile.gates import Thresholds
from rustml.release.evidence import VerifiedVersion, check_evidence
from rustml.release.ladder import Step
from rustml.release.registry import Registry

log = logging.getLogger(__name__)

REFUSED, SMOKE = "serve.refused", "serve.smoke"
"""Tags of a version: why a server did not take it; how many tasks it answered right when one did."""
TAG_CHARACTERS = 1000


class ServedAlias:
    """One alias. A registry that does not answer, or does not let this account write, stops no server."""

    def __init__(self, registry: Registry, step: Step) -> None:
        self._registry, self._step = registry, step

    def current(self) -> str:
        """Number of the version that it points at; empty where it points at none or the registry does not answer."""
        try:
            return self._registry.holder(self._step.name)
        except MlflowException:
            return ""

    def verified(self, number: str, thresholds: Thresholds) -> VerifiedVersion:
        """The version if its evidence holds under these thresholds, wherever the alias points.

        An alias that is moved back to a version which came through the gate takes a promotion back.
        Raises EvidenceError as `check_evidence` does, EnvironmentFault where the registry does not answer.
        """
        try:
            return check_evidence(self._registry, number, self._step, thresholds=thresholds)
        except MlflowException as error:
            raise EnvironmentFault(f"the registry does not answer for version {number}") from error

    def refused(self, number: str, reason: str) -> None:
        """Tag a version with the reason why it is not served."""
        self._tag(number, {REFUSED: reason[:TAG_CHARACTERS]})

    def served(self, number: str, smoke: str) -> None:
        """Tag a version as served, with what its test said, and take back an earlier refusal."""
        self._tag(number, {SMOKE: smoke}, gone=(REFUSED,))

    def _tag(self, number: str, tags: Mapping[str, str], gone: tuple[str, ...] = ()) -> None:
        try:
            version = self._registry.version(number)
            version.tag(tags)
            version.untag(gone)
        except (MlflowException, InputError) as error:
            log.warning("version %s does not get its tag %s: %s", number, ", ".join(tags), error)
