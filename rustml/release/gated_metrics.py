"""Whether the gates of a profile ask for what its suites measure."""

from collections.abc import Sequence

from rustml.errors import ProfileError
from rustml.evaluation.kinds import KINDS
from rustml.evaluation.metrics import METRICS
from rustml.profile import Profile
from rustml.release.ladder import known_steps, ladder_of, profile_of, thresholds_of


def check_ladder_and_gates(profile: Profile, measured: Sequence[str] = ()) -> None:
    """Check what a profile's types cannot: steps against the table, gates against steps, suites and metrics.

    `measured` names the suites that will be evaluated; empty for all. Raises ProfileError that names the key.
    """
    known = {*known_steps(), *profile.phases}
    for name in profile.gates:
        if name not in known:
            raise ProfileError(f"gates.{name}: there is no such step; known: {', '.join(sorted(known))}")
    for step in ladder_of(profile):
        profile_of(profile, step.name)
        thresholds = thresholds_of(profile, step.name)
        for key, gated in (
            ("rise", thresholds.rise),
            ("hold", thresholds.hold),
            ("at_least", thresholds.at_least),
            ("margins", thresholds.margins),
        ):
            for name in gated:
                _check_metric(profile, name, f"gates.{step.name}.{key}")
                if measured and name.partition(".")[0] not in measured:
                    raise ProfileError(f"gates.{step.name}.{key}: evaluation.lifecycle leaves out the suite of {name}")


def _check_metric(profile: Profile, name: str, key: str) -> None:
    suite, _, metric = name.partition(".")
    if suite not in profile.evaluation.suites:
        suites = ", ".join(profile.evaluation.suites)
        raise ProfileError(f"{key}: {name} names suite {suite}, but evaluation.suites has {suites}")
    group = profile.evaluation.suites[suite].group
    gated = [each for each in KINDS[group].metrics if METRICS[each].gated]
    if metric not in gated:
        raise ProfileError(f"{key}: {name} cannot be asked for; a gate may ask a {group} suite for {', '.join(gated)}")
