"""The memory arithmetic by itself: of any base whose configuration is known, for any GPU."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from transformers import Qwen3Config

from entrypoints.sft import main

pytestmark = pytest.mark.filterwarnings("ignore")


def check(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["--check", "memory", *words])
    return result.exit_code, result.output


def test_a_base_that_is_trained_here_is_reckoned_from_its_profile() -> None:
    code, output = check("--gpu", "t4")
    assert code == 0
    assert "step: 1 x 1 passes x 48 records = 48" in output
    assert output.endswith("fits\n")


def test_a_configuration_alone_is_enough_and_what_does_not_fit_is_told(tmp_path: Path) -> None:
    Qwen3Config(hidden_size=1024, num_hidden_layers=4, vocab_size=5000, max_position_embeddings=8192).save_pretrained(
        tmp_path
    )
    overrides = ("--profile", "qwen3-8b-1gpu", "--set", f"'base={{kind: path, folder: {tmp_path}}}'")
    assert check(*overrides, "--gpu", "H100")[0] == 0
    code, output = check(*overrides, "--gpu", "2")
    assert code == 4
    assert "these settings fit: set=" in output or "no smaller setting fits" in output
    code, output = check(*overrides, "--gpu", "abacus")
    assert code == 2
    assert "no type 'abacus'; known: t4, l4" in output
    code, output = check(
        "--profile", "qwen3-8b-1gpu", "--set", "'base={kind: path, folder: /nowhere}'", "--gpu", "h100"
    )
    assert code == 2
    assert "base: its configuration cannot be read" in output
