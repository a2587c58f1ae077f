//! What a child gives up before it runs code of a candidate.

use crate::sys;
use std::time::Duration;

/// The exit code of a child that could not be confined. Nobody reads it: such a child never said that it is ready.
pub const REFUSED: i32 = 1;

pub struct Limits {
    /// Processor time.
    pub cpu: Duration,
    /// Bytes of writable memory.
    pub memory: u64,
    /// Bytes of one file, and of all files together.
    pub file_size: u64,
    /// Whether this runs under bubblewrap, where a private /tmp can be mounted.
    pub contained: bool,
    /// The system calls that end a process.
    pub filter: Vec<Instruction>,
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
const MS_NOSUID_NODEV: u64 = 6;
const MS_REMOUNT_BIND_RDONLY: u64 = 0x20 | 0x1000 | 0x2 | 0x1;

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
            && filter_system_calls(&limits.filter)
    }
}

unsafe fn private_tmp(size: u64) -> bool {
    let options = format!("size={size},nr_inodes=1024,mode=0777\0");
    unsafe {
        let tmp = c"/tmp".as_ptr().cast();
        let kind = c"tmpfs".as_ptr().cast();
        sys::unshare(CLONE_NEWNS) == 0
            && sys::mount(kind, tmp, kind, MS_NOSUID_NODEV, options.as_ptr()) == 0
            // The device is the machine's own: through a read-only mount it works, and its inode stays as it is.
            && sys::mount(std::ptr::null(), c"/dev/null".as_ptr().cast(), std::ptr::null(), MS_REMOUNT_BIND_RDONLY, std::ptr::null()) == 0
            && sys::chdir(tmp) == 0
    }
}

unsafe fn drop_capabilities() -> bool {
    let header: [u32; 2] = [0x2008_0522, 0];
    let none: [u32; 6] = [0; 6];
    unsafe { sys::capset(header.as_ptr(), none.as_ptr()) == 0 }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Instruction {
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

impl Instruction {
    /// The instructions of a filter as the judge writes them: 16 hexadecimal digits each.
    pub fn read(text: &str) -> Vec<Instruction> {
        let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).expect("filter"), 16).expect("filter");
        let bytes: Vec<u8> = text.as_bytes().chunks_exact(2).map(byte).collect();
        let one = |b: &[u8]| Instruction {
            code: u16::from_ne_bytes([b[0], b[1]]),
            if_true: b[2],
            if_false: b[3],
            k: u32::from_ne_bytes([b[4], b[5], b[6], b[7]]),
        };
        bytes.chunks_exact(8).map(one).collect()
    }
}

/// Threads stay possible; processes, programs, sockets and everything that reaches for another process end the child.
unsafe fn filter_system_calls(filter: &[Instruction]) -> bool {
    let program = Program { length: filter.len() as u16, filter: filter.as_ptr() };
    unsafe {
        sys::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && sys::prctl(PR_SET_SECCOMP, 2, &raw const program as u64, 0, 0) == 0
    }
}
