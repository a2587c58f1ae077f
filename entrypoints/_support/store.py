"""Check that the tracking store answers, before `mlflow run` is started: `python -m entrypoints._support.store`.

MLflow retries a store that is down for minutes and says nothing meanwhile. A new SQLite store is made here, by one
process at a time.
"""

import sys

import click

from rustml.errors import EnvironmentFault
from rustml.runs.log_levels import quiet_libraries


def check() -> str:
    """What is wrong with the tracking store of this environment; empty where it answers."""
    from rustml.runs import tracking

    try:
        tracking.client()
    except EnvironmentFault as error:
        return str(error)
    return ""


if __name__ == "__main__":
    quiet_libraries()
    fault = check()
    if fault:
        click.echo(f"Error: {fault}", err=True)
        sys.exit(EnvironmentFault.exit_code)
