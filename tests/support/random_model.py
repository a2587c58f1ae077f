"""A model that answers nonsense, for what a real one is needed for and no answer matters."""

from pathlib import Path


def random_model(folder: Path, context: int) -> Path:
    """Write to `folder` a Qwen3 of 0.1M parameters with random weights and its own tokenizer."""
    import torch
    import transformers

    from rustml.models import checkpoint as checkpoints
    from rustml.models import tokenizer as tokenizers

    words = [f"fn f{n}(a: i64) -> i64 {{ a + {n} }} return the sum of the vector" for n in range(200)]
    tokenizer = tokenizers.train(words, vocabulary=400, context=context)
    config = transformers.Qwen3Config(
        vocab_size=400, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, head_dim=32, max_position_embeddings=context,
        initializer_range=0.1,  # far from the ties that equal random weights leave to rounding
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    torch.set_num_threads(1)  # threads that wait for each other are slower than one where other tests run beside
    torch.manual_seed(3)
    checkpoints.save(transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32), tokenizer, folder)
    return folder
