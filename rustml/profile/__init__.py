"""Typed profiles: one short YAML file says how one model goes through the lifecycle; `defaults.yaml` says the rest."""

from rustml.profile.load import load
from rustml.profile.profile import Profile

__all__ = ["Profile", "load"]
