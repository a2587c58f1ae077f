"""Untrusted code in, verdicts out. See docs/judge.md for what the sandbox contains and what it does not."""

from rustml.judge.judge import Judge
from rustml.rust.fences import extract
from rustml.sandbox.limits import Limits

__all__ = ["Judge", "Limits", "extract"]
