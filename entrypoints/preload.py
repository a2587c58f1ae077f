"""Imported by the fork server of `children` for its effect alone: the heavy libraries, loaded once, quietly."""
# ruff: noqa: E402, F401

from rustml import quiet

quiet.libraries()

import mlflow
import torch
import transformers
import trl

import rustml.evaluation.bench
import rustml.training.grpo
