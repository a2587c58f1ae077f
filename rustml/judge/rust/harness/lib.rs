//! The trusted half of every test binary: runs each candidate's tests in a process of its own and reports what they did.
//!
//! `supervise` is the whole `main` of a test binary. For every case it forks a child, which gives up every means that a
//! Rust function has no need for (other processes, programs, sockets, mounts, capabilities) before the first line of the
//! candidate runs, and which reports each test over a pipe of its own, each record with a cookie that is drawn for this
//! child alone. The supervisor tags the reports with a nonce that it read from its standard input, on a descriptor that
//! the child has closed; whatever else appears proves nothing, and a record without the cookie is a forgery.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

mod confine;
mod iterators;
mod registered;
mod sys;
mod trust;

pub use iterators::{collected, stepwise};
pub use registered::Registered;
pub use trust::{ordered, plain, Trust};

/// One `#[test]`: what to call and, for `#[should_panic]`, the text that its panic must hold.
pub struct Test {
    pub call: fn() -> bool,
    pub panics: Option<&'static str>,
}

/// The tests of one candidate.
pub struct Case {
    pub tests: &'static [Test],
    /// The file of the tests, by the end of its path.
    pub file: &'static str,
    /// The file of what pins the candidate to its signature: the same, or one of its own where others share the tests.
    pub own_file: &'static str,
    /// Whether the tests catch no panic themselves: then one that starts in their file has to fail them.
    pub watched: bool,
    pub trust: Trust,
}

/// What a test function may return.
pub trait Outcome {
    fn succeeded(self) -> bool;
}

impl Outcome for () {
    fn succeeded(self) -> bool {
        true
    }
}

impl<T: Outcome, E> Outcome for Result<T, E> {
    fn succeeded(self) -> bool {
        self.is_ok_and(T::succeeded)
    }
}

/// `assert!` whose condition has to be a true `bool`, not something that `!` turns into one.
#[macro_export]
macro_rules! assert {
    ($condition:expr $(,)?) => {{
        let verdict: ::core::primitive::bool = $condition;
        if !verdict {
            $crate::failed(::core::format_args!("assertion failed: {}", ::core::stringify!($condition)));
        }
    }};
    ($condition:expr, $($rest:tt)+) => {{
        let verdict: ::core::primitive::bool = $condition;
        if !verdict {
            $crate::failed(::core::format_args!($($rest)+));
        }
    }};
}

macro_rules! equalities {
    ($d:tt $equal:ident $different:ident) => {
        /// Compares what the case trusts to be compared.
        #[macro_export]
        macro_rules! $equal {
            ($d left:expr, $d right:expr $d(, $d($d rest:tt)*)?) => {
                match (&$d left, &$d right) {
                    (left, right) => {
                        if !(*$d crate::plain(left) == *$d crate::plain(right)) {
                            $d crate::failed($d crate::explain!("==" $d(, $d($d rest)*)?));
                        }
                    }
                }
            };
        }
        /// Compares what the case trusts to be compared.
        #[macro_export]
        macro_rules! $different {
            ($d left:expr, $d right:expr $d(, $d($d rest:tt)*)?) => {
                match (&$d left, &$d right) {
                    (left, right) => {
                        if *$d crate::plain(left) == *$d crate::plain(right) {
                            $d crate::failed($d crate::explain!("!=" $d(, $d($d rest)*)?));
                        }
                    }
                }
            };
        }
    };
}

equalities!($ assert_eq assert_ne);

/// What a failed comparison says: the text that `should_panic` may ask for, without the values.
#[macro_export]
macro_rules! explain {
    ($operator:literal $(,)?) => { ::core::format_args!(::core::concat!("assertion `left ", $operator, " right` failed")) };
    ($operator:literal, $($rest:tt)+) => {
        ::core::format_args!("assertion `left {} right` failed: {}", $operator, ::core::format_args!($($rest)+))
    };
}

/// An assertion or another panic of the tests' own has failed. A candidate that is handed a callback may catch the panic.
static FAILED: AtomicBool = AtomicBool::new(false);

#[cold]
#[inline(never)]
pub fn failed(what: std::fmt::Arguments<'_>) -> ! {
    FAILED.store(true, Ordering::SeqCst);
    panic!("{what}")
}

/// Number of the case that this process runs.
static CHOSEN: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Which case this process runs: tests that several candidates share call the one under this number.
pub fn chosen() -> usize {
    CHOSEN.load(Ordering::Relaxed)
}

/// Reports that memory ran out before the process aborts for it: the abort alone would look like any other.
struct Reporting;

static STARVING: AtomicBool = AtomicBool::new(false);
static REPORTS: AtomicI32 = AtomicI32::new(-1);

unsafe impl GlobalAlloc for Reporting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        or_report(unsafe { System.alloc(layout) })
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        or_report(unsafe { System.alloc_zeroed(layout) })
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        or_report(unsafe { System.realloc(at, layout, size) })
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

fn or_report(block: *mut u8) -> *mut u8 {
    // Once is enough: code that asks for too much and is content with the refusal may do so many times.
    if block.is_null() && !STARVING.swap(true, Ordering::Relaxed) {
        report(0, STARVED, 0);
    }
    block
}

#[global_allocator]
static ALLOCATOR: Reporting = Reporting;

/// Bytes of a record: the test's number, what happened, the cookie.
const RECORD: usize = 13;
/// Memory ran out: the one record without a cookie, as it only harms the candidate that forges it.
const STARVED: u8 = b'm';
const FORGED: u8 = b'x';
/// The tests compared a type of the candidate's whose equality is not to be trusted.
const DISTRUSTED: u8 = b'd';
/// The child is confined: from here on its time counts. To mount and to unshare takes long on a busy machine.
const READY: u8 = b'r';
const CONFINING: Duration = Duration::from_secs(60);

fn report(test: u32, what: u8, cookie: u64) {
    let fd = REPORTS.load(Ordering::Relaxed);
    let mut record = [0; RECORD];
    record[..4].copy_from_slice(&test.to_le_bytes());
    record[4] = what;
    record[5..].copy_from_slice(&cookie.to_le_bytes());
    if fd >= 0 {
        unsafe { sys::write(fd, record.as_ptr(), record.len()) };
    }
}

/// The lines for the records among `bytes`.
fn read_records(bytes: &[u8], cookie: u64) -> Vec<String> {
    let records = bytes.chunks_exact(RECORD);
    let torn = !records.remainder().is_empty();
    let mut lines: Vec<String> = records
        .map(|r| {
            let honest = r[4] == STARVED || r[5..] == cookie.to_le_bytes();
            let what = if honest { r[4] } else { FORGED };
            format!("{} {}", u32::from_le_bytes([r[0], r[1], r[2], r[3]]), char::from(what))
        })
        .collect();
    if torn {
        lines.push(format!("0 {}", char::from(FORGED)));
    }
    lines
}

/// What the judge asks for, as it stands on standard input: `nonce cpu_ms wall_ms memory file_size contained slow_ms filter case...`.
struct Request {
    nonce: String,
    limits: confine::Limits,
    wall: Duration,
    /// A case that takes longer is the last one: others may be free to take what is left.
    slow: Duration,
    cases: Vec<usize>,
}

impl Request {
    fn read() -> Request {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).expect("request");
        let mut words = text.split_ascii_whitespace();
        let nonce = words.next().expect("nonce").to_string();
        let mut number = || words.next().expect("number").parse::<u64>().expect("number");
        let cpu = Duration::from_millis(number());
        let wall = Duration::from_millis(number());
        let (memory, file_size, contained) = (number(), number(), number() == 1);
        let slow = Duration::from_millis(number());
        let filter = confine::Instruction::read(words.next().expect("filter"));
        let limits = confine::Limits { cpu, memory, file_size, contained, filter };
        Request { nonce, limits, wall, slow, cases: words.map(|word| word.parse().expect("case")).collect() }
    }
}

/// Run the cases that standard input names, one process each, and report on what was standard output.
pub fn supervise(cases: &'static [Case]) {
    let request = Request::read();
    let stdout = sys::take_stdout();
    let mut out = unsafe { std::fs::File::from_raw_fd(stdout) };
    let nonce = &request.nonce;
    for &index in &request.cases {
        let started = Instant::now();
        let text = run_case(index, &cases[index], &request, stdout);
        let mut page = String::new();
        for line in text {
            page.push_str(&format!("{nonce} {index} {line}\n"));
        }
        out.write_all(page.as_bytes()).expect("report");
        if started.elapsed() > request.slow {
            break;
        }
    }
    out.write_all(format!("{nonce} done\n").as_bytes()).expect("report");
}

fn run_case(number: usize, case: &'static Case, request: &Request, stdout: i32) -> Vec<String> {
    let (reader, writer) = sys::pipe();
    let cookie = sys::random();
    let started = Instant::now();
    let child = sys::fork();
    if child == 0 {
        sys::close(stdout);
        sys::close(reader);
        run_child(number, case, writer, cookie, &request.limits);
    }
    sys::close(writer);
    let ready = sys::first(reader, &mut sys::Deadline::new(child, CONFINING, stdout), RECORD);
    let mut deadline = sys::Deadline::new(child, request.wall, stdout);
    let total = tests(case).count();
    let (bytes, expired) = sys::drain(reader, &mut deadline, RECORD * (total + 64));
    if expired {
        sys::kill(child);
    }
    let end = sys::wait(child);
    sys::close(reader);
    let mut lines = read_records(&bytes, cookie);
    lines.push(format!("{total} n"));
    let confined = ready.get(4) == Some(&READY);
    let how = if expired { deadline.reason().to_string() } else { end.describe() };
    let how = if confined { how } else { "refused".to_string() };
    lines.push(format!("end {how} {} {}", end.cpu_us, started.elapsed().as_micros()));
    lines
}

fn run_child(number: usize, case: &'static Case, writer: i32, cookie: u64, limits: &confine::Limits) -> ! {
    if !confine::enter(limits) {
        sys::exit_now(confine::REFUSED);
    }
    REPORTS.store(writer, Ordering::Relaxed);
    trust::begin(&case.trust, Box::new(move || report(0, DISTRUSTED, cookie)));
    watch_panics(case);
    CHOSEN.store(number, Ordering::Relaxed);
    report(0, READY, cookie);
    for (index, test) in tests(case).enumerate() {
        let what = if run_apart(test, case.watched) { b'p' } else { b'f' };
        report(index as u32, what, cookie);
    }
    sys::exit_now(0)
}

/// The tests that stand in the text, and then those that its macros write.
fn tests(case: &'static Case) -> impl Iterator<Item = &'static Test> {
    case.tests.iter().chain(registered::of(case.file))
}

/// A panic that starts in the tests' own file is a failure of the tests, whoever catches it.
fn watch_panics(case: &'static Case) {
    std::panic::set_hook(Box::new(move |panic| {
        let own = |path: &str| path.ends_with(case.file) || path.ends_with(case.own_file);
        if panic.location().is_some_and(|place| own(place.file())) {
            FAILED.store(true, Ordering::SeqCst);
        }
    }));
}

/// As much stack as a main thread has.
const STACK: usize = 8 << 20;

/// Whether a test passes in a thread of its own, so that nothing thread-local is left for the next.
fn run_apart(test: &'static Test, watched: bool) -> bool {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || passes(test, watched));
    match thread {
        Ok(thread) => thread.join().unwrap_or(false),
        Err(_) => {
            report(0, STARVED, 0);
            false
        }
    }
}

fn passes(test: &Test, watched: bool) -> bool {
    FAILED.store(false, Ordering::SeqCst);
    match (catch_unwind(AssertUnwindSafe(test.call)), test.panics) {
        (Ok(succeeded), None) => succeeded && !(watched && FAILED.load(Ordering::SeqCst)),
        (Ok(_), Some(_)) => false,
        (Err(payload), expected) => {
            let right = expected.is_some_and(|text| message(&*payload).contains(text));
            // The payload may be the candidate's, and so may its destructor be.
            std::mem::forget(payload);
            right
        }
    }
}

fn message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default()
}
