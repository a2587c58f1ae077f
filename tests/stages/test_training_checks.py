"""The checks of `sft -P check=...` as a user meets them."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from entrypoints.sft import main
from rustml.io import folder_digest
from rustml.profile import load
from rustml.runs import tracking
from rustml.training import overfit
from tests.stages.test_sft import write_inputs
from tests.support.stores import open_store, tracking_store
from tests.support.toy_models import checkpoint

pytestmark = pytest.mark.filterwarnings("ignore")


def check(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["--check", *words])
    return result.exit_code, result.output


def test_the_tokenizer_of_a_checkpoint_is_probed_without_its_data(tmp_path: Path) -> None:
    code, output = check("tokenizer", "--base", str(checkpoint(tmp_path / "toy")))
    assert code == 0
    assert "lifetime" in output
    assert "warning: a token is" in output, "the toy has 320 entries"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("tokenizer",), "give the run of the base, or a version"),
        (("overfit", "--base", "x"), "give the runs of base (or a version), bank and pairs"),
        (("poetry",), "'poetry' is not one of"),
    ],
)
def test_what_a_check_lacks_is_said(words: tuple[str, ...], says: str) -> None:
    code, output = check(*words)
    assert code == 2
    assert says in output


@pytest.mark.slow
def test_checks_take_the_runs_of_the_stages(
    tmp_path: Path, empty_database: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overfit, "TARGET", 0.5)
    inputs = write_inputs(tmp_path)
    (tmp_path / "store").mkdir()
    with tracking_store(tmp_path / "store", empty_database):
        store, words = open_store(tmp_path / "store", load("tiny").gates["sft"]), list[str]()
        for role, folder in inputs.items():
            run = store.run()
            store.client.log_artifacts(run, str(folder), "output")
            store.client.set_tag(run, tracking.OUTPUT, folder_digest(folder))
            words += [f"--{role}", run]
        small = "sft.sources.families.leave_last=0 'sft.optimizer={kind: adamw, learning_rate: 0.01}'"
        code, output = check("tokenizer", *words, "--set", small)
        assert code == 0, output
        assert "real texts" in output
        code, output = check("overfit", *words, "--set", small)
        assert code == 0, output
        assert "overfit: the loss is under 0.5\n" in output
