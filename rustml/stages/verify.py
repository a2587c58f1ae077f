"""Check the files of every registered version and the evidence behind its gates, as after a restore."""

import click

from rustml.errors import EvidenceError, InputError
from rustml.profile import Profile
from rustml.release.ladder import ladder_of
from rustml.release.registry import Registry
from rustml.release.verification import Verified, verify
from rustml.runs import tracking


def run(profile: Profile) -> list[Verified]:
    """Say of every version of the profile's registered model whether it is what was registered and promoted.

    Raises InputError where nothing is registered, EvidenceError with the number of versions that do not hold.
    """
    verified = []
    registry = Registry(tracking.client(), profile.registered_model, cached=False)
    for version in verify(registry, ladder_of(profile)):
        verified.append(version)
        click.echo(f"  version {version.number}  {version.weights[:12]}  {' '.join(version.gates) or 'no gate'}")
        for fault in version.faults:
            click.secho(f"    {fault}", fg="red")
    if not verified:
        raise InputError(f"no version of {profile.registered_model} is registered in this store")
    if wrong := [version.number for version in verified if version.faults]:
        raise EvidenceError(
            f"{len(wrong)} of {len(verified)} versions do not hold ({', '.join(wrong)}): restore their files and runs "
            "from a back-up, database and artifacts of one time"
        )
    return verified
