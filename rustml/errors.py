"""Every exception that rustml raises on purpose.

RustmlError                 anything below; a command prints its text and exits with `exit_code`
├── InputError              the user's file, key, parameter or record is wrong (exit 2)
│   └── ProfileError        a profile is unreadable, incomplete, or holds an unknown key
├── EnvironmentFault        this machine lacks something: a tool, a port, memory, disk, a server (exit 4)
│   └── SandboxUnavailable  the sandbox is missing or refuses to start; nothing was run
├── JudgeFault              the judge could not judge; never a verdict on the candidate (exit 4)
├── CheckFailed              what was to be trained fails a check before training (exit 3)
├── SmokeFailed              a server of a version answers, but too few of its answers pass (exit 3)
├── GateRefused             a promotion was decided against, with its reasons (exit 3)
└── EvidenceError           a registered version lacks valid evidence for what is asked of it (exit 3)

A message says what is wrong, names the file, line or key, and says what to do next. It never holds a secret.
"""

from typing import ClassVar


class RustmlError(Exception):
    """The base: a failure whose text is meant for the user."""

    exit_code: ClassVar[int] = 1


class InputError(RustmlError):
    """Something the user wrote cannot be used as it is."""

    exit_code = 2


class ProfileError(InputError):
    """A profile is unreadable, incomplete, or holds an unknown key."""


class EnvironmentFault(RustmlError):
    """This machine lacks something that the command needs."""

    exit_code = 4


class SandboxUnavailable(EnvironmentFault):
    """Untrusted code cannot be contained here, so it is not run at all."""


class JudgeFault(RustmlError):
    """The judge could not judge. It says nothing about the candidate."""

    exit_code = 4


class CheckFailed(RustmlError):
    """A check before training came out badly."""

    exit_code = 3


class SmokeFailed(RustmlError):
    """A server answers, but too few of its answers pass."""

    exit_code = 3


class GateRefused(RustmlError):
    """A gate decided against a promotion."""

    exit_code = 3


class EvidenceError(RustmlError):
    """A registered version lacks the evidence that the next stage requires."""

    exit_code = 3
