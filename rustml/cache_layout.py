"""Where each cache lies below `outputs/cache`.

Any folder of it may be deleted: its content is made again. A harvest whose unpacked crates are gone is not reused."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CacheLayout:
    """The folders below one cache root. None of them is made here."""

    root: Path

    @property
    def archives(self) -> Path:
        """Published crates (`.crate`), by checksum."""
        return self.root / "archives"

    @property
    def registry_index(self) -> Path:
        """Answers of a sparse registry's index, with their ETags."""
        return self.root / "index"

    @property
    def unpacked_crates(self) -> Path:
        """Archives that harvest unpacked, by checksum: in-crate suites judge answers there."""
        return self.root / "sources"

    @property
    def built_crates(self) -> Path:
        """Crates compiled for in-crate suites."""
        return self.root / "built-crates"

    @property
    def dependencies(self) -> Path:
        """What crates of a registry depend on, as Cargo directory sources by the digest of their locks."""
        return self.root / "dependencies"

    @property
    def problem_crates(self) -> Path:
        """Crates that problems name: what a registry gave, and what was compiled."""
        return self.root / "problem-crates"

    @property
    def probes(self) -> Path:
        """How often a version solved the problems that prompts are chosen from, by weights and protocol."""
        return self.root / "probes"

    @property
    def teachers(self) -> Path:
        """Replies of teachers, by what was asked."""
        return self.root / "teachers"

    @property
    def compute(self) -> Path:
        """What was measured of this machine's dtypes and attention."""
        return self.root / "compute"

    @property
    def tokens(self) -> Path:
        """Tokenised training records, by content."""
        return self.root / "tokens"

    @property
    def verdicts(self) -> Path:
        """Verdicts of the judge."""
        return self.root / "verdicts"

    @property
    def contamination(self) -> Path:
        """Problems found in training data, by digest of both."""
        return self.root / "contamination"

    @property
    def downloads(self) -> Path:
        """Outputs of runs whose store is not local, by content."""
        return self.root / "downloads"

    @property
    def hub_checkpoints(self) -> Path:
        """Checkpoints from a model hub, by commit."""
        return self.root / "hub"
