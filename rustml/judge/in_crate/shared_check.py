"""What a way to compile many candidates in one call finds out."""

from rustml.judge.in_crate.alone import Codes
from rustml.judge.in_crate.insertion import Insertion
from rustml.judge.in_crate.recompile import Recompiler
from rustml.records import Diagnostic


class SharedCheck:
    """Checks insertions into one crate, all compiled by one call."""

    def __init__(self, compiler: Recompiler) -> None:
        self._compiler = compiler
        self.codes: dict[Insertion, Codes] = {}
        """The lints of those that compile."""
        self.errors: dict[Insertion, tuple[Diagnostic, ...]] = {}
        """The errors of those that do not."""
        self.undecided: list[Insertion] = []
        """Those of which this way says nothing."""
