"""The heavy libraries, loaded once: the fork server of `children` imports this module for its effect."""
# ruff: noqa: E402, F401

from rustml.runs import log_levels

log_levels.quiet_libraries()


import torch
import transformers
import trl

import rustml.evaluation.context
import rustml.runs.tracking
import rustml.training.grpo
