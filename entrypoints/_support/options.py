"""Options that several commands share."""

import click

VERSION_BELOW = click.option(
    "--version", required=True, help="Registered version that passed the gate below this step."
)
BANK = click.option("--bank", required=True, help="Run id of the problem banks.")
CURATE = click.option("--curate", required=True, help="Run id of the curated corpus.")
HARVEST = click.option("--harvest", required=True, help="Run id of the harvest.")
STEP = click.option(
    "--step", default="", help="Step of the ladder to make a version for; empty takes this stage's first."
)
