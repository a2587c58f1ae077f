"""A cache of keys and values that writes into buffers with room for the next tokens, where transformers' own copies
all of it for each new token."""

from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer


class RoomyLayer(DynamicLayer):  # type: ignore[misc]  # transformers is untyped here
    """Keys and values of a layer with full attention, `[batch, heads, tokens + room, size]`.

    The room is attended to under a mask, as in a static cache: a view of the tokens alone would be copied by every
    matrix product that reads it.
    """

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room, self._tokens = room, 0

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the states of new tokens behind those there are; the whole buffers, room included."""
        start, self._tokens = self._tokens, self._tokens + key_states.shape[-2]
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.keys, self.values = self._roomy(key_states), self._roomy(value_states)
        else:
            self.keys[..., start : self._tokens, :] = key_states
            self.values[..., start : self._tokens, :] = value_states
        return self.keys, self.values

    def get_seq_length(self) -> int:
        """Tokens, without the room."""
        return self._tokens

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Length that a mask covers, and its offset."""
        length = self.keys.shape[-2] if self.is_initialized else query_length + self._room
        return length, 0

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Go on with the rows `indices`, some of them perhaps more than once, and with room for new tokens."""
        self.keys, self.values = (
            self._roomy(buffer[..., : self._tokens, :][indices]) for buffer in (self.keys, self.values)
        )

    def _roomy(self, states: torch.Tensor) -> torch.Tensor:
        # Zeros, since what is masked is multiplied by 0, and garbage may be NaN.
        return torch.nn.functional.pad(states, (0, 0, 0, self._room))


def roomy_cache(config: Any, room: int) -> DynamicCache:
    """The cache of a model, its layers with full attention with room for `room` tokens after each selection of rows;
    layers of other kinds are transformers' own."""
    cache = DynamicCache(config=config)
    cache.layers = [RoomyLayer(room) if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
