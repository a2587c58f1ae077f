"""Batched generation with transformers on a CPU or a GPU: left-padded, sorted by length."""

import gc
from collections.abc import Iterator, Sequence
from typing import Any

from rustml import chat
from rustml.generation import decoding
from rustml.generation.ending import end_tokens
from rustml.generation.sampling import Prompt, Sampling, before_stop, check_room, seed_of
from rustml.generation.setup import Setup
from rustml.models import checkpoint


class TransformersEngine:
    """Raises InputError where `setup` names no checkpoint that can be loaded. torch is imported when one is made."""

    def __init__(self, setup: Setup, device: str | None = None) -> None:
        import torch  # noqa: PLC0415  seconds to load
        import transformers  # noqa: PLC0415

        folder = setup.folder
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.tokenizer = chat.prepare(checkpoint.load_tokenizer(folder, padding_side="left"), setup.chat)
        model = checkpoint.load_model(folder, dtype=setup.dtype, attention=setup.attention, device=self._device)
        self._model: Any = model.eval()
        self._ends = end_tokens(self.tokenizer, folder)
        self._pad = self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else self._ends[0]
        # A checkpoint's own file (Qwen3's: temperature 0.6, top_k 20) would fill in unset fields.
        self._model.generation_config = transformers.GenerationConfig()
        self._batch_size, self._progress = setup.batch_size, setup.progress
        self.engine = {
            "name": "transformers",
            "version": transformers.__version__,
            "torch": str(torch.__version__),
            "device": self._device,
            "dtype": setup.dtype,
            "attention": setup.attention,
            "batch_size": str(setup.batch_size),
            "shrinks_every": str(decoding.EVERY),
        }

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[list[str]]:
        """See Generator.generate."""
        texts = [prompt.text for prompt in prompts]
        lengths = [len(ids) for ids in self.tokenizer(texts, add_special_tokens=False).input_ids]
        check_room(prompts, lengths, sampling, self._model.config.max_position_embeddings)
        answers: dict[int, list[str]] = {}
        for batch in _batches(lengths, max(1, self._batch_size // sampling.samples)):
            answers.update(zip(batch, self._batch([texts[index] for index in batch], sampling), strict=True))
            self._progress(len(answers), len(prompts))
        return [answers[index] for index in range(len(prompts))]

    def close(self) -> None:
        """See Engine.close."""
        import torch  # noqa: PLC0415

        self._model = None
        gc.collect()  # modules and their hooks refer to each other
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _batch(self, texts: list[str], sampling: Sampling) -> list[list[str]]:
        import torch  # noqa: PLC0415

        inputs = self.tokenizer(texts, add_special_tokens=False, padding=True, return_tensors="pt").to(self._device)
        with torch.inference_mode(), torch.random.fork_rng():
            torch.manual_seed(seed_of(sampling.seed, texts))
            output = decoding.generate(
                self._model,
                input_ids=inputs.input_ids,
                attention_mask=inputs.attention_mask,
                generation_config=self._config(sampling),
                tokenizer=self.tokenizer,
            )
        new = output[:, inputs.input_ids.shape[1] :]
        answers = self.tokenizer.batch_decode(new, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        cut = [before_stop(text, sampling.stops) for text in answers]
        return [cut[start : start + sampling.samples] for start in range(0, len(cut), sampling.samples)]

    def _config(self, sampling: Sampling) -> Any:
        import transformers  # noqa: PLC0415

        how = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
        return transformers.GenerationConfig(
            do_sample=sampling.temperature > 0,
            **(how if sampling.temperature > 0 else {}),
            num_return_sequences=sampling.samples,
            max_new_tokens=sampling.max_new_tokens,
            eos_token_id=self._ends,
            pad_token_id=self._pad,
            stop_strings=list(sampling.stops) or None,
        )


def _batches(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Indices of prompts, longest first: a batch holds prompts of like length, and memory is tested at once."""
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    return (order[start : start + size] for start in range(0, len(order), size))
