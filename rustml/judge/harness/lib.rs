//! The trusted half of every test binary: runs each candidate's tests in a process of its own and reports what they did.
//!
//! `supervise` is the whole `main` of a test binary. For every case it forks a child, which gives up every means that a
//! Rust function has no need for (other processes, programs, sockets, mounts, capabilities) before the first line of the
//! candidate runs, and which reports each test over a pipe of its own. The supervisor tags the reports with a nonce that
//! it read from its standard input and that the child has forgotten; whatever else appears proves nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

mod confine;
mod plain;
mod sys;

pub use plain::{own, plain, Plain};

/// One `#[test]`: what to call and, for `#[should_panic]`, the text that its panic must hold.
pub struct Test {
    pub call: fn() -> bool,
    pub panics: Option<&'static str>,
}

/// The tests of one candidate.
pub struct Case {
    pub tests: &'static [Test],
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

impl<E> Outcome for Result<(), E> {
    fn succeeded(self) -> bool {
        self.is_ok()
    }
}

/// `assert!` whose condition has to be a true `bool`, not something that `!` turns into one.
#[macro_export]
macro_rules! assert {
    ($condition:expr $(, $($rest:tt)*)?) => {{
        let verdict: ::core::primitive::bool = $condition;
        if !verdict {
            $crate::failed("assertion failed");
        }
    }};
}

macro_rules! equalities {
    ($d:tt $equal:ident $different:ident $check:ident $text:literal) => {
        #[doc = $text]
        #[macro_export]
        macro_rules! $equal {
            ($d left:expr, $d right:expr $d(, $d($d rest:tt)*)?) => {
                match (&$d left, &$d right) {
                    (left, right) => {
                        if !(*$d crate::$check(left) == *$d crate::$check(right)) {
                            $d crate::failed("assertion `left == right` failed");
                        }
                    }
                }
            };
        }
        #[doc = $text]
        #[macro_export]
        macro_rules! $different {
            ($d left:expr, $d right:expr $d(, $d($d rest:tt)*)?) => {
                match (&$d left, &$d right) {
                    (left, right) => {
                        if *$d crate::$check(left) == *$d crate::$check(right) {
                            $d crate::failed("assertion `left != right` failed");
                        }
                    }
                }
            };
        }
    };
}

equalities!($ assert_eq assert_ne plain "Compares by the standard library's equality alone: no other type fits.");
equalities!($ assert_eq_own assert_ne_own own "Compares types that the problem asks the candidate to define.");

#[cold]
#[inline(never)]
pub fn failed(what: &str) -> ! {
    panic!("{}", what)
}

/// Reports that memory ran out before the process aborts for it: the abort alone would look like any other.
struct Reporting;

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
    if block.is_null() {
        report(0, b'm');
    }
    block
}

#[global_allocator]
static ALLOCATOR: Reporting = Reporting;

fn report(test: u32, what: u8) {
    let fd = REPORTS.load(Ordering::Relaxed);
    let bytes = test.to_le_bytes();
    let record = [bytes[0], bytes[1], bytes[2], bytes[3], what];
    if fd >= 0 {
        unsafe { sys::write(fd, record.as_ptr(), record.len()) };
    }
}

/// What the judge asks for, as it stands on standard input: `nonce cpu_ms wall_ms memory file_size contained case...`.
struct Request {
    nonce: Vec<u8>,
    limits: confine::Limits,
    wall: Duration,
    cases: Vec<usize>,
}

impl Request {
    fn read() -> Request {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).expect("request");
        let mut words = text.split_ascii_whitespace();
        let nonce = words.next().expect("nonce").as_bytes().to_vec();
        let mut number = || words.next().expect("number").parse::<u64>().expect("number");
        let cpu = Duration::from_millis(number());
        let wall = Duration::from_millis(number());
        let limits = confine::Limits { cpu, memory: number(), file_size: number(), contained: number() == 1 };
        Request { nonce, limits, wall, cases: words.map(|word| word.parse().expect("case")).collect() }
    }
}

/// Run the cases that standard input names, one process each, and report on what was standard output.
pub fn supervise(cases: &'static [Case]) {
    let mut request = Request::read();
    let mut out = unsafe { std::fs::File::from_raw_fd(sys::take_stdout()) };
    let nonce = String::from_utf8(request.nonce.clone()).expect("nonce");
    for index in std::mem::take(&mut request.cases) {
        let text = run_case(&cases[index], &mut request);
        let mut page = String::new();
        for line in text {
            page.push_str(&format!("{nonce} {index} {line}\n"));
        }
        out.write_all(page.as_bytes()).expect("report");
    }
    out.write_all(format!("{nonce} done\n").as_bytes()).expect("report");
}

fn run_case(case: &'static Case, request: &mut Request) -> Vec<String> {
    let (reader, writer) = sys::pipe();
    let started = Instant::now();
    let child = sys::fork();
    if child == 0 {
        request.nonce.fill(0);
        sys::close(reader);
        run_child(case, writer, &request.limits);
    }
    sys::close(writer);
    let (bytes, expired) = sys::drain(reader, started + request.wall, 5 * (case.tests.len() + 64));
    if expired {
        sys::kill(child);
    }
    let end = sys::wait(child);
    sys::close(reader);
    let mut lines: Vec<String> = bytes
        .chunks_exact(5)
        .map(|r| format!("{} {}", u32::from_le_bytes([r[0], r[1], r[2], r[3]]), char::from(r[4])))
        .collect();
    let how = if expired { "expired".to_string() } else { end.describe() };
    lines.push(format!("end {how} {} {}", end.cpu_us, started.elapsed().as_micros()));
    lines
}

fn run_child(case: &'static Case, writer: i32, limits: &confine::Limits) -> ! {
    if !confine::enter(limits) {
        sys::exit_now(confine::REFUSED);
    }
    REPORTS.store(writer, Ordering::Relaxed);
    for (index, test) in case.tests.iter().enumerate() {
        let what = if passes(test) { b'p' } else { b'f' };
        report(index as u32, what);
    }
    sys::exit_now(0)
}

fn passes(test: &Test) -> bool {
    match (catch_unwind(AssertUnwindSafe(test.call)), test.panics) {
        (Ok(succeeded), None) => succeeded,
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
