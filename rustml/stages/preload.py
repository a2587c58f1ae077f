"""Imported by the fork server of `children` for its effect alone: the heavy libraries, loaded once, quietly."""
# ruff: noqa: E402, F401

from rustml.runs import log_levels

log_levels.quiet_libraries()


import torch
import transformers
import trl

import rustml.evaluation.context
import rustml.runs.tracking
import rustml.training.grpo
