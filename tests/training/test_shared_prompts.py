"""A prompt that several answers share is computed once: the same scores, the same gradient."""

from pathlib import Path

import pytest
import torch

from tests.support.library_warnings import quiet_imports

with quiet_imports():
    from transformers import AutoModelForCausalLM, Gemma3ForCausalLM, Gemma3TextConfig, Qwen2Config, Qwen3Config
    from trl.trainer.utils import add_fused_lm_head

    from rustml.training.shared_prompts import SharedPrompts, shareable

pytestmark = pytest.mark.filterwarnings("ignore")  # of libraries whose versions are pinned, about each other
PROMPTS = [[0, 0, 5, 6], [1, 2, 3, 4], [0, 0, 5, 6], [0, 7, 8, 9], [1, 2, 3, 4], [0, 1, 5, 6]]
"""Padded on the left with 0."""
ANSWERS = [[9, 8, 0], [3, 3, 3], [7, 0, 0], [4, 5, 6], [3, 3, 1], [0, 0, 0]]
"""Padded on the right; the last one is empty."""
COLUMNS = len(PROMPTS[0]) + len(ANSWERS[0])


def windowed_model(attention: str) -> Gemma3ForCausalLM:
    """One layer with a window of as many tokens as a row has, and one without."""
    torch.manual_seed(0)
    config = Gemma3TextConfig(
        vocab_size=32, hidden_size=32, intermediate_size=48, num_attention_heads=2, num_key_value_heads=1, head_dim=16,
        layer_types=["sliding_attention", "full_attention"], num_hidden_layers=2, sliding_window=COLUMNS,
    )  # fmt: skip
    config._attn_implementation = attention
    return Gemma3ForCausalLM(config)


@pytest.mark.parametrize("windowed", [False, True])
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_scores_and_gradient_are_those_of_whole_rows(parent: Path, attention: str, windowed: bool) -> None:
    model = AutoModelForCausalLM.from_pretrained(str(parent), dtype=torch.float32, attn_implementation=attention)
    if windowed:
        model = windowed_model(attention)
    assert shareable(model.config, COLUMNS)
    add_fused_lm_head(model, temperature=0.7, outputs=("log_probs", "entropy"))
    prompts, answers = torch.tensor(PROMPTS), torch.tensor(ANSWERS)
    before, behind = (prompts > 0).long(), (answers > 0).long()
    rows = torch.tensor([4, 0, 3, 2, 5, 1])
    shared = SharedPrompts(model, prompts, before)
    parts = [shared.scored(part, answers[part], behind[part]) for part in rows.split(4)]
    whole = torch.cat([prompts, answers], dim=1)
    mask = torch.cat([before, behind], dim=1)
    labels = whole.masked_fill(mask == 0, -100)
    labels[:, :4] = -100
    plain = model(input_ids=whole, attention_mask=mask, labels=labels, fused_lm_head=True)
    weights = torch.rand(6, 3, generator=torch.Generator().manual_seed(1)) * behind
    gradients = []
    for scores in (torch.cat([part.log_probs for part in parts])[rows.argsort()], plain.log_probs[:, -3:]):
        torch.testing.assert_close(scores * behind, plain.log_probs[:, -3:] * behind)
        model.zero_grad()
        torch.autograd.backward((scores * weights).sum())
        gradients.append(torch.cat([weight.grad.flatten() for weight in model.parameters()]))
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-5, rtol=1e-3)
    assert gradients[1].norm() > 0
    entropy = torch.cat([part.entropy for part in parts])[rows.argsort()]
    torch.testing.assert_close(entropy * behind, plain.entropy[:, -3:] * behind)


def test_rows_that_are_longer_than_a_window_share_no_prompt() -> None:
    assert shareable(Qwen3Config(num_hidden_layers=2), 100_000)
    windowed = Qwen2Config(num_hidden_layers=2, use_sliding_window=True, sliding_window=8, max_window_layers=0)
    assert shareable(windowed, 8)
    assert not shareable(windowed, 9)
