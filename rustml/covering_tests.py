"""Which tests of its own crate judge a function: no text of a crate, only what its test programs call them."""

import msgspec


class CoveringTests(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Tests of a crate that pass as the crate stands and fail when the function panics."""

    tests: tuple[str, ...] = ()
    """Paths of unit tests, as the crate's test program names them."""
    examples: tuple[str, ...] = ()
    """Doc-tests, each a block of statements."""
    integration: tuple[str, ...] = ()
    """Tests of its folder `tests/`: `tests_api::sums` is the test `sums` of `tests/api.rs`."""
    excused: tuple[str, ...] = ()
    """Policy lints that the reference raises itself."""
