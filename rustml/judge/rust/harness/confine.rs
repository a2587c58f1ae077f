//! What a child gives up before it runs code of a candidate.

use crate::sys;
use std::time::Duration;

/// The exit code of a child that could not be confined: the judge's fault, not the candidate's.
pub const REFUSED: i32 = 97;

pub struct Limits {
    /// Processor time.
    pub cpu: Duration,
    /// Bytes of writable memory.
    pub memory: u64,
    /// Bytes of one file, and of all files together.
    pub file_size: u64,
    /// Whether this runs under bubblewrap, where a private /tmp can be mounted.
    pub contained: bool,
}

const RLIMIT_CPU: i32 = 0;
const RLIMIT_FSIZE: i32 = 1;
const RLIMIT_DATA: i32 = 2;
const RLIMIT_CORE: i32 = 4;
const RLIMIT_NOFILE: i32 = 7;
const ITIMER_PROF: i32 = 2;
const PR_SET_PDEATHSIG: i32 = 1;
const PR_SET_SECCOMP: i32 = 22;
const PR_SET_NO_NEW_PRIVS: i32 = 38;
const CLONE_NEWNS: i32 = 0x0002_0000;
const CLONE_THREAD: u32 = 0x0001_0000;
const MS_NOSUID_NODEV: u64 = 6;

/// Confine this process for good. False where a part was refused: then nothing of the candidate may run.
pub fn enter(limits: &Limits) -> bool {
    let memory = limits.memory;
    // SIGPROF ends the process at the exact processor time; the limit in whole seconds only backs it up.
    let cpu = limits.cpu.as_secs() + 2;
    let micros = limits.cpu.subsec_micros() as i64;
    let timer = [0, 0, limits.cpu.as_secs() as i64, micros];
    unsafe {
        (!limits.contained || private_tmp(limits.file_size))
            && drop_capabilities()
            && sys::prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0) == 0
            && sys::setrlimit(RLIMIT_CORE, &[0, 0]) == 0
            && sys::setrlimit(RLIMIT_CPU, &[cpu, cpu]) == 0
            && sys::setrlimit(RLIMIT_FSIZE, &[limits.file_size; 2]) == 0
            && sys::setrlimit(RLIMIT_DATA, &[memory, memory]) == 0
            && sys::setrlimit(RLIMIT_NOFILE, &[64, 64]) == 0
            && sys::setitimer(ITIMER_PROF, &timer, std::ptr::null_mut()) == 0
            && filter_system_calls()
    }
}

unsafe fn private_tmp(size: u64) -> bool {
    let options = format!("size={size},nr_inodes=1024,mode=0777\0");
    unsafe {
        let tmp = c"/tmp".as_ptr().cast();
        let kind = c"tmpfs".as_ptr().cast();
        sys::unshare(CLONE_NEWNS) == 0
            && sys::mount(kind, tmp, kind, MS_NOSUID_NODEV, options.as_ptr()) == 0
            && sys::chdir(tmp) == 0
    }
}

unsafe fn drop_capabilities() -> bool {
    let header: [u32; 2] = [0x2008_0522, 0];
    let none: [u32; 6] = [0; 6];
    unsafe { sys::syscall(calls::CAPSET, header.as_ptr(), none.as_ptr()) == 0 }
}

#[cfg(target_arch = "x86_64")]
mod calls {
    pub const ARCHITECTURE: u32 = 0xc000_003e;
    pub const CAPSET: i64 = 126;
    pub const CLONE: u32 = 56;
    /// socket, socketpair, fork, vfork, execve, kill, setitimer, ptrace, setrlimit, mount, umount2, pivot_root, chroot,
    /// keyctl, timer_create, tkill, unshare, perf_event_open, prlimit64, setns, process_vm_readv, process_vm_writev,
    /// bpf, execveat, userfaultfd, pidfd_send_signal, io_uring_setup, pidfd_getfd
    pub const REFUSED: [u32; 28] = [
        41, 53, 57, 58, 59, 62, 38, 101, 160, 165, 166, 155, 161, 250, 222, 200, 272, 298, 302, 308, 310, 311, 321, 322,
        323, 424, 425, 438,
    ];
}

#[cfg(target_arch = "aarch64")]
mod calls {
    pub const ARCHITECTURE: u32 = 0xc000_00b7;
    pub const CAPSET: i64 = 91;
    pub const CLONE: u32 = 220;
    /// The same calls; this architecture has no fork and no vfork.
    pub const REFUSED: [u32; 26] = [
        198, 199, 221, 129, 103, 117, 164, 40, 39, 41, 51, 219, 107, 130, 97, 241, 261, 268, 270, 271, 280, 281, 282, 424,
        425, 438,
    ];
}

const CLONE3: u32 = 435;

#[repr(C)]
#[derive(Clone, Copy)]
struct Instruction {
    code: u16,
    if_true: u8,
    if_false: u8,
    k: u32,
}

#[repr(C)]
struct Program {
    length: u16,
    filter: *const Instruction,
}

const LOAD: u16 = 0x20;
const EQUAL: u16 = 0x15;
const AT_LEAST: u16 = 0x35;
const ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;
const ALLOW: u32 = 0x7fff_0000;
const KILL: u32 = 0x8000_0000;
const NO_SUCH_CALL: u32 = 0x0005_0000 | 38;

/// Threads stay possible; processes, programs, sockets and everything that reaches for another process end the child.
unsafe fn filter_system_calls() -> bool {
    let op = |code, k, if_true, if_false| Instruction { code, if_true, if_false, k };
    let mut filter = vec![
        op(LOAD, 4, 0, 0),
        op(EQUAL, calls::ARCHITECTURE, 1, 0),
        op(RETURN, KILL, 0, 0),
        op(LOAD, 0, 0, 0),
        // The x32 calls of x86_64 start here; no architecture has that many of its own.
        op(AT_LEAST, 0x4000_0000, 0, 1),
        op(RETURN, KILL, 0, 0),
        // clone3 keeps its flags out of a filter's sight: libc then falls back to clone.
        op(EQUAL, CLONE3, 0, 1),
        op(RETURN, NO_SUCH_CALL, 0, 0),
    ];
    for call in calls::REFUSED {
        filter.extend([op(EQUAL, call, 0, 1), op(RETURN, KILL, 0, 0)]);
    }
    filter.extend([
        op(EQUAL, calls::CLONE, 0, 3),
        op(LOAD, 16, 0, 0),
        op(ANY_BIT, CLONE_THREAD, 1, 0),
        op(RETURN, KILL, 0, 0),
        op(RETURN, ALLOW, 0, 0),
    ]);
    let program = Program { length: filter.len() as u16, filter: filter.as_ptr() };
    unsafe {
        sys::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && sys::prctl(PR_SET_SECCOMP, 2, &raw const program as u64, 0, 0) == 0
    }
}
