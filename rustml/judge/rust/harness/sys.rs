//! The few system calls of the supervisor, without a crate for them.

use std::time::{Duration, Instant};

unsafe extern "C" {
    #[link_name = "fork"]
    fn c_fork() -> i32;
    #[link_name = "pipe"]
    fn c_pipe(fds: *mut i32) -> i32;
    #[link_name = "close"]
    fn c_close(fd: i32) -> i32;
    #[link_name = "kill"]
    fn c_kill(pid: i32, signal: i32) -> i32;
    fn dup(fd: i32) -> i32;
    fn dup2(from: i32, to: i32) -> i32;
    fn open(path: *const u8, flags: i32) -> i32;
    fn read(fd: i32, buffer: *mut u8, count: usize) -> isize;
    fn poll(fds: *mut PollFd, count: u64, timeout: i32) -> i32;
    fn wait4(pid: i32, status: *mut i32, options: i32, usage: *mut Usage) -> i32;
    fn _exit(code: i32) -> !;
    fn getrandom(buffer: *mut u8, count: usize, flags: u32) -> isize;
    fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
    pub fn write(fd: i32, buffer: *const u8, count: usize) -> isize;
    pub fn prctl(option: i32, a: u64, b: u64, c: u64, d: u64) -> i32;
    pub fn capset(header: *const u32, sets: *const u32) -> i32;
    pub fn unshare(flags: i32) -> i32;
    pub fn mount(source: *const u8, target: *const u8, kind: *const u8, flags: u64, data: *const u8) -> i32;
    pub fn chdir(path: *const u8) -> i32;
    pub fn setrlimit(resource: i32, limit: *const [u64; 2]) -> i32;
    pub fn setitimer(which: i32, value: *const [i64; 4], old: *mut [i64; 4]) -> i32;
}

#[repr(C)]
struct PollFd {
    fd: i32,
    events: i16,
    revents: i16,
}

/// `struct rusage`: user and system time, then fourteen counters that are not read here.
#[repr(C)]
#[derive(Default)]
struct Usage {
    user: [i64; 2],
    system: [i64; 2],
    rest: [i64; 14],
}

/// How a child ended, and the processor time that it took.
pub struct End {
    status: i32,
    pub cpu_us: i64,
}

impl End {
    pub fn describe(&self) -> String {
        match self.status & 0x7f {
            0 => format!("exit:{}", (self.status >> 8) & 0xff),
            signal => format!("signal:{signal}"),
        }
    }
}

pub fn fork() -> i32 {
    let pid = unsafe { c_fork() };
    assert!(pid >= 0, "fork");
    pid
}

pub fn pipe() -> (i32, i32) {
    let mut fds = [-1; 2];
    assert!(unsafe { c_pipe(fds.as_mut_ptr()) } == 0, "pipe");
    (fds[0], fds[1])
}

pub fn close(fd: i32) {
    unsafe { c_close(fd) };
}

pub fn kill(pid: i32) {
    unsafe { c_kill(pid, 9) };
}

pub fn exit_now(code: i32) -> ! {
    unsafe { _exit(code) }
}

/// Keep standard output under another number, and put /dev/null in the place of all three standard streams.
pub fn take_stdout() -> i32 {
    unsafe {
        let kept = dup(1);
        let null = open(c"/dev/null".as_ptr().cast(), 2);
        assert!(kept >= 0 && null >= 0, "standard streams");
        for fd in 0..3 {
            dup2(null, fd);
        }
        c_close(null);
        kept
    }
}

pub fn random() -> u64 {
    let mut bytes = [0; 8];
    assert!(unsafe { getrandom(bytes.as_mut_ptr(), 8, 0) } == 8, "getrandom");
    u64::from_le_bytes(bytes)
}

/// The processor time that a living process has used.
fn processor_time(pid: i32) -> Duration {
    // The kernel's number for the clock of another process: its inverted id, and 2 for the scheduler's count.
    let clock = (!pid << 3) | 2;
    let mut time = [0; 2];
    match unsafe { clock_gettime(clock, &mut time) } {
        0 => Duration::new(time[0] as u64, time[1] as u32),
        _ => Duration::ZERO,
    }
}

/// How long a process may take that waits rather than computes.
///
/// Wall time alone would fail a process that shares a busy machine. While the process computes it is charged its processor
/// time; only a period in which it hardly computes (and no machine is so busy that this is all it gets) counts whole.
pub struct Deadline {
    pid: i32,
    judge: i32,
    wall: Duration,
    left: Duration,
    waited: Duration,
    seen: Instant,
    computed: Duration,
}

const PERIOD: Duration = Duration::from_millis(100);
/// A process that computes for less than one part in this many of a period is waiting.
const WAITING: u32 = 16;

impl Deadline {
    /// `judge` is a pipe that the judge reads: when it is closed, the deadline of `pid` has come too.
    pub fn new(pid: i32, wall: Duration, judge: i32) -> Deadline {
        let computed = processor_time(pid);
        Deadline { pid, judge, wall, left: wall, waited: Duration::ZERO, seen: Instant::now(), computed }
    }

    /// What used the time up: waiting, or computing.
    pub fn reason(&self) -> &'static str {
        if self.waited * 2 >= self.wall { "expired" } else { "spent" }
    }

    /// Wait until `fd` can be read, or it is time for a look at the process. A judge that is gone takes all with it:
    /// bubblewrap's own tie to its parent has a gap while it starts.
    fn await_bytes(&self, fd: i32) -> bool {
        let mut watched = [PollFd { fd, events: 1, revents: 0 }, PollFd { fd: self.judge, events: 0, revents: 0 }];
        let ready = unsafe { poll(watched.as_mut_ptr(), 2, self.next_look()) };
        if watched[1].revents != 0 {
            kill(self.pid);
            exit_now(1);
        }
        ready > 0
    }

    fn next_look(&self) -> i32 {
        self.left.min(PERIOD).saturating_sub(self.seen.elapsed()).as_millis() as i32 + 1
    }

    /// Whether the time is up.
    fn exhausted(&mut self) -> bool {
        let period = self.seen.elapsed();
        if period < self.left.min(PERIOD) {
            return false;
        }
        let computed = processor_time(self.pid);
        let share = computed.saturating_sub(self.computed);
        let charge = if share * WAITING < period {
            // A look that comes late has itself waited for the processor.
            let waited = period.min(PERIOD);
            self.waited += waited;
            waited
        } else {
            share
        };
        self.left = self.left.saturating_sub(charge);
        self.seen += period;
        self.computed = computed;
        self.left.is_zero()
    }
}

/// Everything that arrives before the writer is gone, at most `limit` bytes; true if the deadline came first.
pub fn drain(fd: i32, deadline: &mut Deadline, limit: usize) -> (Vec<u8>, bool) {
    collect(fd, deadline, limit, usize::MAX)
}

/// The first bytes that arrive, if any do before the deadline.
pub fn first(fd: i32, deadline: &mut Deadline, count: usize) -> Vec<u8> {
    collect(fd, deadline, count, count).0
}

fn collect(fd: i32, deadline: &mut Deadline, limit: usize, enough: usize) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    while bytes.len() < enough {
        let ready = deadline.await_bytes(fd);
        if deadline.exhausted() {
            return (bytes, true);
        }
        if ready {
            let mut page = [0u8; 4096];
            let wanted = page.len().min(enough - bytes.len());
            let count = unsafe { read(fd, page.as_mut_ptr(), wanted) };
            if count <= 0 {
                return (bytes, false);
            }
            let room = limit.saturating_sub(bytes.len()).min(count as usize);
            bytes.extend_from_slice(&page[..room]);
        }
    }
    (bytes, false)
}

pub fn wait(pid: i32) -> End {
    let mut status = 0;
    let mut usage = Usage::default();
    while unsafe { wait4(pid, &mut status, 0, &mut usage) } != pid {}
    let micros = |time: [i64; 2]| time[0] * 1_000_000 + time[1];
    End { status, cpu_us: micros(usage.user) + micros(usage.system) }
}
