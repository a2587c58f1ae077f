"""Text from a model through one interface, and its engine on transformers; vLLM's stands in vllm_generate.py."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
import transformers

from rustml.errors import InputError
from rustml.models import checkpoint
from rustml.profile.evaluation import SuiteSection
from rustml.records import Record

TURN_END = "<|im_end|>"
Report = Callable[[int, int], object]
"""Progress: called with items done and their total."""


class Sampling(Record, frozen=True):
    """How answers are drawn."""

    temperature: float
    """0 is greedy."""
    top_p: float
    samples: int
    """Answers a prompt."""
    max_new_tokens: int
    stops: tuple[str, ...]
    """An answer ends before the first of these."""
    seed: int

    @classmethod
    def from_section(cls, section: SuiteSection, stops: tuple[str, ...], seed: int) -> "Sampling":
        """What a profile's suite asks for, ended as its protocol ends answers."""
        return cls(
            temperature=section.temperature,
            top_p=section.top_p,
            samples=section.samples,
            max_new_tokens=section.max_new_tokens,
            stops=stops,
            seed=seed,
        )


class Generator(Protocol):
    """What turns prompts into answers."""

    @property
    def engine(self) -> Mapping[str, str]:
        """Name, version, dtype, batch size: what belongs to the protocol of a measurement."""
        ...

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> list[list[str]]:
        """For each prompt, in order, `sampling.samples` answers without stop strings and special tokens.

        Prompts are complete: no token is added to them. Raises InputError for a prompt that leaves no room.
        """
        ...


def ignore(done: int, total: int) -> None:
    """Progress that nobody watches."""


class TransformersGenerator:
    """Batched generation with transformers on a CPU or a GPU: left-padded, sorted by length."""

    def __init__(
        self, model_dir: Path, *, dtype: str, batch_size: int, device: str | None = None, progress: Report = ignore
    ) -> None:
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        # Short answers of small models are overhead on a CPU: the plain kernels take 0.7 of the fused ones' time there.
        attention = "eager" if self._device == "cpu" else "sdpa"
        self._tokenizer = checkpoint.load_tokenizer(model_dir, padding_side="left")
        model = checkpoint.load_model(model_dir, dtype=dtype, attention=attention, device=self._device)
        self._model = model.eval()
        self._ends = end_tokens(self._tokenizer, model_dir)
        self._pad = self._tokenizer.pad_token_id if self._tokenizer.pad_token_id is not None else self._ends[0]
        # Whatever a checkpoint's own file says (Qwen3's: temperature 0.6, top_k 20) would fill in unset fields.
        self._model.generation_config = transformers.GenerationConfig()
        self._batch_size, self._progress = batch_size, progress
        self.engine = {
            "name": "transformers",
            "version": transformers.__version__,
            "torch": str(torch.__version__),
            "device": self._device,
            "dtype": dtype,
            "attention": attention,
            "batch_size": str(batch_size),
        }

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> list[list[str]]:
        """See Generator.generate."""
        lengths = [len(ids) for ids in self._tokenizer(list(prompts), add_special_tokens=False).input_ids]
        check_room(prompts, lengths, sampling, self._model.config.max_position_embeddings)
        answers: dict[int, list[str]] = {}
        for batch in _batches(lengths, max(1, self._batch_size // sampling.samples)):
            answers.update(zip(batch, self._batch([prompts[place] for place in batch], sampling), strict=True))
            self._progress(len(answers), len(prompts))
        return [answers[place] for place in range(len(prompts))]

    def _batch(self, prompts: list[str], sampling: Sampling) -> list[list[str]]:
        inputs = self._tokenizer(prompts, add_special_tokens=False, padding=True, return_tensors="pt").to(self._device)
        with torch.inference_mode(), torch.random.fork_rng():
            torch.manual_seed(seed_of(sampling.seed, prompts))
            output = self._model.generate(
                input_ids=inputs.input_ids,
                attention_mask=inputs.attention_mask,
                generation_config=self._config(sampling),
                tokenizer=self._tokenizer,
            )
        new = output[:, inputs.input_ids.shape[1] :]
        texts = self._tokenizer.batch_decode(new, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        cut = [before_stop(text, sampling.stops) for text in texts]
        return [cut[start : start + sampling.samples] for start in range(0, len(cut), sampling.samples)]

    def _config(self, sampling: Sampling) -> Any:
        drawn = sampling.temperature > 0
        how = (
            {"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
            if drawn
            else {}
        )
        return transformers.GenerationConfig(
            **{"do_sample": False, **how},
            num_return_sequences=sampling.samples,
            max_new_tokens=sampling.max_new_tokens,
            eos_token_id=self._ends,
            pad_token_id=self._pad,
            stop_strings=list(sampling.stops) or None,
        )


def before_stop(text: str, stops: Sequence[str]) -> str:
    """The text before the first stop string in it."""
    return text[: min((place for place in (text.find(stop) for stop in stops) if place >= 0), default=len(text))]


def end_tokens(tokenizer: Any, model_dir: Path) -> list[int]:
    """Ids that end an answer: the checkpoint's, the tokenizer's, and the end of a turn where the vocabulary has one.

    Both engines read them here, so that neither stops where the other goes on. Raises InputError when there is none.
    """
    ends = {tokenizer.eos_token_id}
    if TURN_END in tokenizer.get_vocab():
        ends.add(tokenizer.convert_tokens_to_ids(TURN_END))
    for path in (model_dir / "generation_config.json", model_dir / "config.json"):
        configured = json.loads(path.read_text(encoding="utf-8")).get("eos_token_id") if path.exists() else None
        ends |= set(configured) if isinstance(configured, list) else {configured}
    ends.discard(None)
    if not ends:
        raise InputError(f"{model_dir} names no end of text (eos_token), so no answer would ever end")
    return sorted(ends)


def check_room(prompts: Sequence[str], lengths: Sequence[int], sampling: Sampling, context: int) -> None:
    """Raise InputError for the first prompt that leaves no room for its answer."""
    for prompt, length in zip(prompts, lengths, strict=True):
        if length + sampling.max_new_tokens > context:
            raise InputError(
                f"a prompt of {length} tokens and max_new_tokens {sampling.max_new_tokens} exceed the model's context "
                f"of {context} tokens: lower max_new_tokens of the suite, or leave the problem out. "
                f"The prompt begins: {prompt[:80]!r}"
            )


def _batches(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Places of prompts, longest first, so that a batch holds prompts of like length and memory is tested at once."""
    order = sorted(range(len(lengths)), key=lambda place: (-lengths[place], place))
    return (order[start : start + size] for start in range(0, len(order), size))


def seed_of(seed: int, prompts: Sequence[str]) -> int:
    """A seed of its own for each batch, whatever was generated before it."""
    text = "\0".join([str(seed), *prompts])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
