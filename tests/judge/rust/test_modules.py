"""Names are followed through any number of modules, in linear time."""

import time

import pytest

from rustml.judge.screening.candidate_source import CandidateSource

MANY = 2000
LAST = f"pub mod m{MANY} {{ pub fn one() -> i32 {{ 1 }} }}\n"
CHAINS = {
    "globs": "".join(f"pub mod m{i} {{ pub use super::m{i + 1}::*; fn own{i}() {{}} }}\n" for i in range(MANY))
    + LAST
    + "pub use m0::*;\n",
    "names": "".join(f"pub mod m{i} {{ pub use super::m{i + 1}::one; }}\n" for i in range(MANY))
    + LAST
    + "pub use m0::one;\n",
    "a ring of globs": "pub mod a { pub use super::b::*; }\npub mod b { pub use super::a::*; pub fn one() {} }\n"
    "pub use a::*;\n",
    "a name that leads back to itself": "pub mod a { pub use super::b::two; }\npub mod b { pub use super::a::two; }\n"
    "pub use a::two;\npub fn one() {}\n",
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_name_is_found_however_many_modules_hand_it_on(name: str) -> None:
    started = time.process_time()
    names = CandidateSource(CHAINS[name]).modules.names(()) or {}
    assert "one" in names
    assert time.process_time() - started < 2
