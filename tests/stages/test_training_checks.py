"""The checks of `sft -P check=...` as a user meets them."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from entrypoints.sft import main
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
