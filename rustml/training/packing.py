"""Records packed into sequences of one length by TRL's `bfd_split`: best fit, longest first, overflow kept.

Positions start anew with each record. Where the model is given no attention mask, transformers makes one of them that
keeps records apart (`masking_utils.find_packed_sequence_indices`); FlashAttention reads them itself.
"""

import random
from collections.abc import Iterator, Sequence

from datasets import Dataset, concatenate_datasets
from trl import pack_dataset

from rustml.errors import InputError
from rustml.training.batching import Row

STRATEGY = "bfd_split"


def packed_dataset(rows: Sequence[Row], context: int, size: int, steps: int, seed: int) -> Dataset:
    """The sequences of `steps` batches of `size`, in the order in which they are trained on.

    Columns: `input_ids`, `labels`, and `seq_lengths` of the records in each sequence. Every record is seen once per
    epoch but for those of sequences that fill no batch; each epoch packs the records anew, in another order. Raises
    InputError when the records fill no batch.
    """
    parts, shortage = [], steps * size
    for epoch in _epochs(rows, context, size, seed):
        parts.append(epoch.select(range(min(shortage, len(epoch)))))
        shortage -= len(parts[-1])
        if not shortage:
            break
    return concatenate_datasets(parts)


def packed_batches_per_epoch(rows: Sequence[Row], context: int, size: int, seed: int) -> int:
    """Batches in the first epoch; later ones may differ by one."""
    return len(next(_epochs(rows, context, size, seed))) // size


def real_share(dataset: Dataset, context: int) -> float:
    """Share of the positions of sequences of `context` tokens that hold a token."""
    return sum(map(sum, dataset["seq_lengths"])) / (len(dataset) * context)


def _epochs(rows: Sequence[Row], context: int, size: int, seed: int) -> Iterator[Dataset]:
    """Endless epochs of whole batches."""
    rng = random.Random(seed)
    while True:
        order = rng.sample(rows, len(rows))
        columns = {"input_ids": [ids for ids, _ in order], "labels": [labels for _, labels in order]}
        # One batch of the map holds all records: the longest first among all of them leave the least room.
        packed = pack_dataset(Dataset.from_dict(columns), context, STRATEGY, {"batch_size": max(1, len(rows))})
        whole = len(packed) // size * size
        if not whole:
            raise InputError(
                f"sft: {len(rows)} records fill {len(packed)} sequences of {context} tokens, and no batch of {size}; "
                "lower batch_size or context"
            )
        yield packed.select(rng.sample(range(len(packed)), whole))
