"""Quality filters on one source file: each keeps it, or drops it for a named reason. Cheapest first.

Switches and bounds are in the profile's `curate.quality`.
"""

import re
from collections.abc import Callable, Sequence
from functools import cached_property

import pathspec

from rustml.profile.curate import QualityFilters
from rustml.records import SourceFile

TEST_PATHS = ("tests/", "test/", "**/tests.rs", "**/test.rs", "**/*_test.rs", "**/*_tests.rs")
BENCH_PATHS = ("benches/", "bench/")
EXAMPLE_PATHS = ("examples/", "example/")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\ufffd\ufffe\uffff]")
DOCUMENTED = re.compile(r"^\s*(?:///(?!/)|//!|/\*\*(?!/)|/\*!)", re.MULTILINE)
LOW_QUALITY = {
    "todo": re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b"),
    "debug_print": re.compile(r"\b(?:e?println|e?print|dbg)!\s*[(\[{]"),
    "unsafe": re.compile(r"\bunsafe\s*\{"),
    "allow": re.compile(r"#!?\[allow\("),
}
IDIOMS = {
    "result_option": re.compile(r"\b(?:Result|Option)\s*<"),
    "iterator_chain": re.compile(
        r"\.(?:map|filter|fold|collect|flat_map|filter_map|zip|enumerate|and_then)\s*(?:::<|\()"
    ),
    "derive": re.compile(r"#\[derive\("),
    "trait_impl": re.compile(r"\bimpl\b[^{;]{0,200}\bfor\b"),
    "public_api": re.compile(r"^\s*pub\s+(?:fn|struct|enum|trait|type|const)\b", re.MULTILINE),
}

Filter = Callable[[SourceFile], "str | None"]
"""None to keep a file, else the reason for dropping it."""


class Quality:
    """The filters of one profile, by name and in order."""

    def __init__(self, section: QualityFilters) -> None:
        self._section = section
        self.steps: dict[str, Filter] = {
            "path": self.path,
            "size": self.size,
            "encoding": self.encoding,
            "lines": self.lines,
            "alphanumeric": self.alphanumeric,
            "generated": self.generated,
            "quality": self.quality,
        }

    def path(self, file: SourceFile) -> str | None:
        """Drop vendored code, and tests, benches and examples as the switches say."""
        for reason, spec in self._paths:
            if spec.match_file(file.origin.path):
                return reason
        return None

    @cached_property
    def _paths(self) -> list[tuple[str, pathspec.GitIgnoreSpec]]:
        switched = [("vendor", self._section.vendor_paths, True)]
        switched.append(("test", TEST_PATHS, self._section.exclude_tests))
        switched.append(("bench", BENCH_PATHS, self._section.exclude_benches))
        switched.append(("example", EXAMPLE_PATHS, self._section.exclude_examples))
        return [(reason, _spec(patterns)) for reason, patterns, on in switched if on]

    def size(self, file: SourceFile) -> str | None:
        """Drop files below `min_bytes` and above `max_bytes` (bytes of UTF-8)."""
        size = len(file.text.encode())
        if size < self._section.min_bytes:
            return "too_short"
        return "too_long" if size > self._section.max_bytes else None

    def encoding(self, file: SourceFile) -> str | None:
        """Drop files with control characters or the marks of a broken decoding."""
        return "control_characters" if CONTROL.search(file.text) else None

    def lines(self, file: SourceFile) -> str | None:
        """Drop minified and tabular text: a line, or the average line, is too long (characters)."""
        lengths = [len(line) for line in file.text.splitlines()]
        if max(lengths, default=0) > self._section.max_line:
            return "long_line"
        return "long_average" if sum(lengths) > self._section.max_average_line * len(lengths) else None

    def alphanumeric(self, file: SourceFile) -> str | None:
        """Drop files whose share of letters and digits among all characters is below `min_alphanumeric`."""
        count = sum(map(str.isalnum, file.text))
        return "few_alphanumeric" if count < self._section.min_alphanumeric * len(file.text) else None

    def generated(self, file: SourceFile) -> str | None:
        """Drop files whose head says that a tool wrote them."""
        head = file.text[: self._section.generated_within].lower()
        return "generated" if any(marker in head for marker in self._markers) else None

    @cached_property
    def _markers(self) -> Sequence[str]:
        return [marker.lower() for marker in self._section.generated_markers]

    def quality(self, file: SourceFile) -> str | None:
        """Apply the switches on markers of low quality, idioms and documentation."""
        section = self._section
        if section.prefer_documented and not DOCUMENTED.search(file.text):
            return "undocumented"
        if section.max_low_quality < 0 and not section.prefer_idiomatic:
            return None
        low = count(LOW_QUALITY, file.text)
        if 0 <= section.max_low_quality < low:
            return "low_quality"
        if section.prefer_idiomatic and count(IDIOMS, file.text) < max(section.idiomatic_ratio * low, 1):
            return "not_idiomatic"
        return None


def count(patterns: dict[str, re.Pattern[str]], text: str) -> int:
    """The number of matches of all patterns."""
    return sum(len(pattern.findall(text)) for pattern in patterns.values())


def _spec(patterns: Sequence[str]) -> pathspec.GitIgnoreSpec:
    return pathspec.GitIgnoreSpec.from_lines(patterns)
