"""A context manager that closes itself."""

from abc import ABC, abstractmethod
from typing import Self


class Closing(ABC):
    """Is closed when its `with` block ends."""

    @abstractmethod
    def close(self) -> None:
        """End everything. A second call does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
