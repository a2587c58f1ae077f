"""Untrusted code in, verdicts out. See docs/judge.md for what the sandbox contains and what it does not."""

from rustml.judge.judge import Judge
from rustml.judge.limits import Limits
from rustml.rust.fences import extract

__all__ = ["Judge", "Limits", "extract"]
