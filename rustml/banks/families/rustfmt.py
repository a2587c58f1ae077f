"""Lay out method chains as rustfmt does, so that references teach its style."""

CHAIN_WIDTH = 60
"""rustfmt's `chain_width`: a longer chain goes one call a line."""
TAB = 4
"""A receiver no longer than one indentation keeps its first call beside it."""


def chain(receiver: str, *calls: str, bound: bool = False) -> str:
    """`receiver.call().call()`, on one line where rustfmt would. `bound` says that it stands right of a `let`."""
    line = ".".join((receiver, *calls))
    if len(line) <= CHAIN_WIDTH:
        return line
    if len(receiver) <= TAB and not bound:
        receiver, calls = f"{receiver}.{calls[0]}", calls[1:]
    return receiver + "".join([f"\n    .{call}" for call in calls])
