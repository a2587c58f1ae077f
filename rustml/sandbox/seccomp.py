"""A seccomp filter for test programs that hold model-written code: threads, but no processes, sockets or mounts.

Classic BPF over `struct seccomp_data`; bubblewrap reads it from a file descriptor and installs it before it starts the
program. https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html
"""

import platform
import struct

from rustml.errors import EnvironmentFault

# Architecture, clone, and: socket, socketpair, connect, fork, vfork, ptrace, mount, umount2, pivot_root, chroot,
# keyctl, add_key, request_key, unshare, setns, perf_event_open, process_vm_readv, process_vm_writev, bpf, userfaultfd,
# pidfd_open, pidfd_send_signal, pidfd_getfd, io_uring_setup, kill, tkill
_CALLS = {
    "x86_64": (0xC000003E, 56, (41, 53, 42, 57, 58, 101, 165, 166, 155, 161, 250, 248, 249, 272, 308, 298, 310, 311,
                                321, 323, 434, 424, 438, 425, 62, 200)),
    "aarch64": (0xC00000B7, 220, (198, 199, 203, 117, 40, 39, 41, 51, 219, 217, 218, 97, 268, 241, 270, 271, 280, 282,
                                  434, 424, 438, 425, 129, 130)),
}  # fmt: skip
_CLONE3 = 435
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _NO_SUCH_CALL, _REFUSED = 0x7FFF0000, 0x80000000, 0x00050000 | 38, 0x00050000 | 1
_CLONE_THREAD = 0x00010000


def program() -> bytes:
    """The filter's bytes. Raises EnvironmentFault on a machine whose system calls are not known."""
    known = _CALLS.get(platform.machine())
    if known is None:
        raise EnvironmentFault(f"no system call filter for {platform.machine()}; known: {', '.join(_CALLS)}")
    architecture, clone, refused = known
    steps = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
        (_AT_LEAST, 0, 1, 0x40000000),  # the x32 calls
        (_RETURN, 0, 0, _KILL),
        (_EQUAL, 0, 1, _CLONE3),  # its flags lie in memory, where no filter looks: the C library falls back to clone
        (_RETURN, 0, 0, _NO_SUCH_CALL),
    ]
    for call in refused:
        steps += [(_EQUAL, 0, 1, call), (_RETURN, 0, 0, _REFUSED)]
    steps += [(_EQUAL, 0, 3, clone), (_LOAD, 0, 0, 16), (_ANY_BIT, 1, 0, _CLONE_THREAD), (_RETURN, 0, 0, _REFUSED)]
    steps += [(_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
