"""Verdicts on code that does not lex: one of each class is compiled, and rustc's words on it go to the others.

Such code is judged alone, since rustc stops at it. Where many answers have a delimiter too few, most of a batch's time
would be starts of the compiler.
"""

import msgspec

from rustml.judge.rust.crate_layout import Member
from rustml.judge.screening.lexical_fault import lexical_fault
from rustml.records import Verdict


class LexicalFaults:
    """What the compiler has said of each class, by class and edition."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Verdict] = {}

    def verdict(self, member: Member) -> Verdict | None:
        """The verdict on a member that stands alone, where the compiler has refused one of its class."""
        known = self._known.get(_key(member))
        if known is None:
            return None
        expected = len(member.test_file.functions)
        return msgspec.structs.replace(known, id=member.candidate.id, tests_expected=expected, seconds={"compile": 0.0})

    def learn(self, member: Member, verdict: Verdict) -> None:
        """Keep the compiler's verdict on a member of a class."""
        key = _key(member)
        if key[0] and verdict.status == "compile_error" and len(verdict.errors) == 1:
            self._known.setdefault(key, verdict)


def _key(member: Member) -> tuple[str, str]:
    candidate = member.candidate
    # An explanation shows the code, and other verdicts have fields of their own.
    other = candidate.explained or candidate.untested or candidate.policy != "strict"
    return "" if other else lexical_fault(member.source), candidate.edition
