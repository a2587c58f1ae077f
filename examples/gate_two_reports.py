"""What a gate decides about two evaluations: python examples/gate_two_reports.py CANDIDATE BASELINE [PROFILE] [STEP]

CANDIDATE and BASELINE are `report.json` files, or the outputs of two runs of `evaluate`.
"""

import sys
from pathlib import Path

from rustml import decide, load_evaluation, load_profile
from rustml.release.ladder import thresholds_of


def main(candidate: str, baseline: str, profile: str = "tiny", step: str = "sft") -> bool:
    """Print the decision with each of its findings; whether it is a pass."""
    thresholds = thresholds_of(load_profile(profile), step)
    decision = decide(load_evaluation(Path(candidate)), load_evaluation(Path(baseline)), thresholds)
    print("passed" if decision.passed else "refused")
    for finding in decision.findings:
        print(f"  {'yes' if finding.passed else 'NO':3}  {finding.text}")
    return decision.passed


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:]) else 3)
