"""Typed profiles: one YAML file says everything about one model's way through the lifecycle."""

from rustml.profile.load import Profile, load

__all__ = ["Profile", "load"]
