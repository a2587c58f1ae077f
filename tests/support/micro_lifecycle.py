"""A lifecycle so small that its models learn a form and little else: real stages, real gates with margins wide open."""

import subprocess
from collections.abc import Callable
from pathlib import Path

MODEL = "rust-micro"

FUNCTION = """\
/// {told} a slice of words and tells their {name}, which is zero for none.
pub fn {name}(words: &[&str], bound: usize) -> usize {{
    let mut {name} = 0;
    for word in words {{
        {inside}
    }}
    {name}
}}
"""
BODIES = {
    "longest": ("Walks along", "longest = longest.max(word.chars().count().min(bound));"),
    "vowels": ("Reads through", 'vowels += word.bytes().filter(|b| b"aeiou".contains(b)).take(bound).count();'),
    "capitals": (
        "Looks at",
        "if word.starts_with(char::is_uppercase) && word.len() < bound {\n            capitals += 1;\n        }",
    ),
}


def micro(crates: Path) -> dict[str, object]:
    """The tiny profile with a few problems, a few steps, and gates that ask for nothing."""
    short = {"max_new_tokens": 32}
    open_gate = {
        "retention_pooled_margin": 1.0,
        "retention_suite_margin": 1.0,
        "retention_point_margin": 1.0,
        "fall_margin": 1.0,
        "resamples": 1000,
        "rise": [],
        "hold": [],
        "require_gain": False,
    }
    return {
        "extends": "tiny",
        "registered_model": MODEL,
        "harvest": {"registry": "", "directory": str(crates), "crates": list(BODIES), "min_crates": 3},
        "pairs": {"general_holdout": 0, "holdout_percent": 0.0, "validation_percent": 0.0},
        "bank": {
            "rust_train": 60,
            "rust_dev": 2,
            "rust_test": 12,
            "python_train": 60,
            "python_dev": 2,
            "python_test": 12,
        },
        "base": {
            "architecture": {"layers": 1, "feed_forward": 128, "vocabulary": 512},
            "python_pairs": 40,
            "raw_rust": 3,
            "noisy_rust_pairs": 10,
            "steps": 60,
            "tokens_per_step": 1024,
        },
        "sft": {
            "sources": {"families": {"records": 60, "leave_last": 0}, "crates": {"records": 3}},
            "validation": {"every": 0, "records": 20},
            "steps": 80,
            "batch_size": 8,
        },
        "grpo": {
            "steps": 3,
            "prompts_per_step": 4,
            "generations": 4,
            "prompt_pool": 20,
            "max_new_tokens": 80,
            "canary": {"every": 0},
        },
        "evaluation": {
            "suites": {"rust": short, "rust_sampled": {**short, "limit": 4, "samples": 2}, "python": short},
            "shown": [],
        },
        "gates": dict.fromkeys(("sft", "grpo", "fp8", "champion"), open_gate),
        "presets": {"low-memory": {"grpo.passes": 16}},
        "serve": {"smoke_problems": 1, "smoke_passes": 0, **short},
    }


Start = Callable[..., subprocess.Popen[str]]
