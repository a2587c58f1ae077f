"""Method chains in the layout of rustfmt, so that references teach its style."""

CHAIN_WIDTH = 60
"""rustfmt's `chain_width`: a longer chain has one call per line."""
TAB = 4
"""The first call stays on the line of a receiver that is no longer than one indentation."""


def chain(receiver: str, *calls: str, bound: bool = False) -> str:
    """`receiver.call().call()`, on one line when rustfmt would. `bound` says that the chain stands right of a `let`."""
    line = ".".join((receiver, *calls))
    if len(line) <= CHAIN_WIDTH:
        return line
    if len(receiver) <= TAB and not bound:
        receiver, calls = f"{receiver}.{calls[0]}", calls[1:]
    return receiver + "".join([f"\n    .{call}" for call in calls])
