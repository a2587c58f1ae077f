"""A file's own notice against its crate's grant."""

import pytest

from rustml.corpus.gate.licence_headers import contradicting_licence
from rustml.licence import Gate

GATE = Gate(["MIT", "Apache-2.0"])


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ("// SPDX-License-Identifier: GPL-3.0-only\n", "header_spdx"),
        ("/* SPDX-License-Identifier: MIT OR MPL-2.0 */\n", "header_spdx"),
        ("//! SPDX-License-Identifier: nonsense\n", "header_spdx"),
        ("// This program is distributed under the GNU General Public License\n", "header_notice"),
        ("/*\n * the GNU Lesser General\n * Public License, version 2\n */\n", "header_notice"),
        ("/*\n  free software under the\n  GNU General Public License\n*/\n", "header_notice"),
        ("// under the terms of the AGPLv3\n", "header_notice"),
        ("// licensed under LGPL 2.1 or later\n", "header_notice"),
        ("// This Source Code Form is subject to the Mozilla Public License, v. 2.0.\n", "header_notice"),
    ],
)
def test_a_contradicting_header_drops_the_file(head: str, reason: str) -> None:
    refusal = contradicting_licence(f"#![no_std]\n{head}fn f() {{}}\n", GATE)
    assert refusal is not None
    assert refusal.reason == reason


@pytest.mark.parametrize(
    "text",
    [
        "// SPDX-License-Identifier: MIT OR Apache-2.0\nfn f() {}\n",
        "/* SPDX-License-Identifier: Apache-2.0 */ fn f() {}\n",
        "// Copyright 2015 The Rust Project Developers.\nfn f() {}\n",
        'const TEXT: &str = "GNU General Public License";\n',
        'fn licences() { check("SPDX-License-Identifier: GPL-3.0-only"); }\n',
        "// simply a comment on parsing\nfn f() {}\n" + "// filler\n" * 500 + "// GNU General Public License\n",
    ],
)
def test_what_is_no_header_or_no_contradiction_stays(text: str) -> None:
    assert contradicting_licence(text, GATE) is None
