"""The licence gate, stricter than the law: every licence that an expression names must be on the list.

The law would let a user of `MIT OR GPL-3.0` choose MIT. The gate refuses it, so that no choice of licence has to be
defended for a training corpus. SPDX license expressions: https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions
"""

from collections.abc import Iterable
from functools import cache

from license_expression import (
    ExpressionError,
    LicenseSymbol,
    LicenseWithExceptionSymbol,
    Licensing,
    get_spdx_licensing,
)

from rustml.errors import InputError
from rustml.records import Record

LONGEST_EXPRESSION = 500


class Refusal(Record, frozen=True):
    """The reason for which the gate refused a declared licence."""

    reason: str
    """`licence_missing`, `licence_unreadable`, `licence_exception` or `licence_not_allowed`."""
    detail: str


@cache
def _licensing() -> Licensing:
    """The SPDX list with its deprecated identifiers, without the aliases of the library's own database.

    The aliases read `LicenseRef-MIT-TC` as MIT; an expression has to name an SPDX identifier itself.
    """
    known = get_spdx_licensing().known_symbols.values()
    return Licensing([_plain(symbol) for symbol in known if not symbol.key.startswith("LicenseRef-")])


def _plain(symbol: LicenseSymbol) -> LicenseSymbol:
    aliases = tuple(alias for alias in symbol.aliases if not alias.startswith("LicenseRef-") and " " not in alias)
    return LicenseSymbol(symbol.key, aliases=aliases, is_exception=symbol.is_exception)


class Gate:
    """Decides on declared licences by an allowlist of SPDX identifiers."""

    def __init__(self, allowed: Iterable[str]) -> None:
        """Raise InputError when a member of `allowed` is not an SPDX licence identifier."""
        self.allowed = frozenset(allowed)
        known = {key for key, symbol in _licensing().known_symbols.items() if not symbol.is_exception}
        unknown = sorted(self.allowed - known)
        if unknown:
            raise InputError(f"not an SPDX licence identifier: {', '.join(unknown)}; see https://spdx.org/licenses")

    def refusal(self, expression: str | None) -> Refusal | None:
        """None when every licence in `expression` is allowed, else the reason.

        The slash of old Cargo manifests (`MIT/Apache-2.0`) is read as `OR`, as Cargo documents it.
        """
        if expression is None or not expression.strip():
            return Refusal(reason="licence_missing", detail="no SPDX expression")
        try:
            symbols = _symbols(expression)
        except Exception as error:  # the parser lets an IndexError through on "()": every exception is a refusal
            return Refusal(reason="licence_unreadable", detail=f"{expression[:80]!r}: {str(error)[:120]}")
        if any(isinstance(symbol, LicenseWithExceptionSymbol) or symbol.is_exception for symbol in symbols):
            return Refusal(reason="licence_exception", detail=expression)
        refused = sorted({symbol.key for symbol in symbols} - self.allowed)
        if refused:
            return Refusal(reason="licence_not_allowed", detail=f"{expression}: {', '.join(refused)} not on the list")
        return None


def _symbols(expression: str) -> list[LicenseSymbol | LicenseWithExceptionSymbol]:
    """Every licence that the expression names. Raises ExpressionError when it is not an SPDX expression."""
    if len(expression) > LONGEST_EXPRESSION:
        raise ExpressionError("longer than any real expression")
    parsed = _licensing().parse(expression.replace("/", " OR "), validate=True, strict=True)
    symbols = [] if parsed is None else list(_licensing().license_symbols(parsed, unique=True, decompose=False))
    if not symbols:
        raise ExpressionError("names no licence")
    return symbols
