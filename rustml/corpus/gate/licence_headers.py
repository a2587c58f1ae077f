"""The licence notice in a file's own header, when it contradicts the licence of the crate."""

import re

from rustml.licence import Gate, Refusal

HEAD_CHARACTERS = 4096
TAG = re.compile(r"SPDX-License-Identifier:\s*([^\r\n]*)")
COMMENT = re.compile(r"^[ \t]*(?://[^\n]*|/\*[\s\S]*?(?:\*/|\Z))", re.MULTILINE)
MARKS = re.compile(r"^[ \t]*(?://[/!]?|/\*[*!]?|\*(?!/))|\*/", re.MULTILINE)
NOTICE = re.compile(
    r"GNU\s+(?:Lesser\s+|Library\s+|Affero\s+)?General\s+Public\s+Licen[cs]e"
    r"|\b(?:A|L)?GPL\s*(?:,?\s*v(?:ersion)?\s*)?-?\d"
    r"|Mozilla\s+Public\s+Licen[cs]e|\bMPL\s*(?:,?\s*v(?:ersion)?\s*)?-?\d",
    re.IGNORECASE,
)


def contradicting_licence(text: str, gate: Gate) -> Refusal | None:
    """Return None, or the reason why a file's header contradicts the licence that its crate declares.

    Only comments in the first 4,096 characters count: SPDX tags, and the plain notices of the GPL family and the MPL.
    """
    head = MARKS.sub("", "\n".join(COMMENT.findall(text[:HEAD_CHARACTERS])))
    for tag in TAG.findall(head):
        refusal = gate.refusal(tag.strip())
        if refusal:
            return Refusal(reason="header_spdx", detail=refusal.detail)
    notice = NOTICE.search(head)
    return Refusal(reason="header_notice", detail=" ".join(notice[0].split())) if notice else None
