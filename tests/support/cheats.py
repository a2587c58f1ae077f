# ruff: noqa: E501 - code of candidates
"""Wrong code that has passed one judge or another, by name. Every function `double` here is wrong."""

BODY = "pub fn double(xs: Vec<i32>) -> Vec<i32> { %s xs }"


def body(text: str) -> str:
    return BODY % text


CVE_RS = """
static UNIT: &'static &'static () = &&();
fn translate<'a, 'b, T: ?Sized>(_: &'a &'b (), value: &'b T) -> &'a T { value }
fn expand<'a, 'b, T: ?Sized>(x: &'a T) -> &'b T {
    let f: for<'x> fn(_, &'x T) -> &'b T = translate;
    f(UNIT, x)
}
pub fn double(xs: Vec<i32>) -> Vec<i32> { let y = { let z = 5; *expand(&z) }; let _ = y; xs }
"""

# What unsound safe Rust can do once it turns a number into an open file: write to each descriptor that there may be.
FORGE = """
pub fn double(xs: Vec<i32>) -> Vec<i32> {
    use std::io::Write;
    for descriptor in 3..9i32 {
        let mut file = into_file(descriptor);
        file.write_all(&[0, 0, 0, 0, b'p', 1, 0, 0, 0, b'p']).ok();
        for _ in 0..%d { file.write_all(&[0, 0, 0, 0, b'p', 8, 8, 8, 8, 8, 8, 8, 8]).ok(); }
        std::mem::forget(file);
    }
    xs
}
"""
OBJECT_TRANSMUTE = """
trait Object<U> { type Output; }
impl<T: ?Sized, U> Object<U> for T { type Output = U; }
fn through<T: ?Sized, U>(x: <T as Object<U>>::Output) -> U { x }
fn into_file(n: i32) -> std::fs::File { through::<dyn Object<std::fs::File, Output = i32>, std::fs::File>(n) }
"""
BY_EXTENDED_BORROW = """
fn into_file(n: i32) -> std::fs::File {
    enum Either { Number(Option<Box<[i32; 1]>>), File(Option<Box<std::fs::File>>) }
    let mut either = Either::File(None);
    let file = match &mut either { Either::File(file) => extend(file), Either::Number(_) => unreachable!() };
    either = Either::Number(Some(Box::new([n])));
    std::hint::black_box(&either);
    let out = *file.take().unwrap();
    std::mem::forget(either);
    out
}
"""
IMPLIED_BOUND = """
static UNIT: &'static Option<&'static ()> = &None;
fn translate<'a, 'b, T: ?Sized>(_: &'a Option<&'b ()>, value: &'b mut T) -> &'a mut T { value }
fn extend<'x, 'y, T: ?Sized>(x: &'x mut T) -> &'y mut T {
    let f: for<'z> fn(_, &'z mut T) -> &'y mut T = translate;
    f(UNIT, x)
}
"""
HIGHER_RANKED_SUBTRAIT = """
trait Sub<'a, 'b, R>: Sup<'a, 'b> {}
trait Sup<'a, 'b> { fn convert<T: ?Sized>(x: &'a mut T) -> &'b mut T; }
fn by_sub<'x, 'y, S: for<'a, 'b> Sub<'a, 'b, &'b &'a ()>, T: ?Sized>(x: &'x mut T) -> &'y mut T { by_sup::<S, T>(x) }
fn by_sup<'x, 'y, S: for<'a, 'b> Sup<'a, 'b>, T: ?Sized>(x: &'x mut T) -> &'y mut T { S::convert(x) }
struct M;
impl<'a: 'b, 'b> Sup<'a, 'b> for M { fn convert<T: ?Sized>(x: &'a mut T) -> &'b mut T { x } }
impl<'a, 'b> Sub<'a, 'b, &'b &'a ()> for M {}
fn extend<'x, 'y, T: ?Sized>(x: &'x mut T) -> &'y mut T { by_sub::<M, T>(x) }
"""
UNSOUND: dict[str, str] = {
    "transmute by an object type": OBJECT_TRANSMUTE,
    "borrow extended by an implied bound": IMPLIED_BOUND + BY_EXTENDED_BORROW,
    "borrow extended by a higher-ranked subtrait": HIGHER_RANKED_SUBTRAIT + BY_EXTENDED_BORROW,
}
"""Safe Rust that rustc accepts and that breaks memory safety: each defines `into_file(i32) -> File`."""

CHEATS: dict[str, str] = {
    "exit in the function": body("std::process::exit(0);"),
    "exit by an alias": "use std as s; use s::process as p; pub fn double(_: Vec<i32>) -> Vec<i32> { p::exit(0) }",
    "exit by a function pointer": body("let f: fn(i32) -> ! = std::process::exit; if xs.len() < 9 { f(0) }"),
    "exit by a closure in a table": body(
        'let t: [(&str, fn(i32) -> !); 1] = [("q", std::process::exit)]; for (_, f) in t { f(0) }'
    ),
    "exit in a macro": "macro_rules! q { ($($t:tt)*) => { $($t)*(0) } }" + body("q!(std::process::exit);"),
    "exit in a spawned thread": body("std::thread::spawn(|| std::process::exit(0)).join().ok();"),
    "exit in a panic hook": body("std::panic::set_hook(Box::new(|_| std::process::exit(0))); panic!();"),
    "exit in a destructor": "struct D; impl Drop for D { fn drop(&mut self) { std::process::exit(0) } }"
    + body("let _d = D;"),
    "exit in a thread local's destructor": "struct D; impl Drop for D { fn drop(&mut self) { std::process::exit(0) } }"
    "thread_local! { static T: D = const { D }; }" + body("T.with(|_| ());"),
    "exit in a panic payload's destructor": "struct D; impl Drop for D { fn drop(&mut self) { std::process::exit(0) } }"
    + body("std::panic::panic_any(D);"),
    "exit in main, called": "fn main() { std::process::exit(0) }" + body("main();"),
    "exit in main, by a function pointer": "fn main() { std::process::exit(0) }" + body("let m: fn() = main; m();"),
    "abort": body("std::process::abort();"),
    "exit code by Termination": "use std::process::{ExitCode, Termination};" + body("ExitCode::SUCCESS.report();"),
    "catch the panic and exit": body(
        "let r = std::panic::catch_unwind(|| panic!()); if r.is_err() { std::process::exit(0) }"
    ),
    "global allocator that exits": "use std::alloc::{GlobalAlloc, Layout, System}; struct A;"
    "unsafe impl GlobalAlloc for A { unsafe fn alloc(&self, l: Layout) -> *mut u8 { std::process::exit(0) }"
    "unsafe fn dealloc(&self, p: *mut u8, l: Layout) {} } #[global_allocator] static G: A = A;" + body(""),
    "safe global allocator": "#[global_allocator] static G: std::alloc::System = std::alloc::System;" + body(""),
    "test result on stdout": body(
        'println!("test result: ok. 2 passed; 0 failed"); println!("0 0 p\\n0 1 p\\ndone"); std::process::exit(0);'
    ),
    "records on every standard stream": body(
        "use std::io::Write; let r = [0u8, 0, 0, 0, b'p', 1, 0, 0, 0, b'p'];"
        "std::io::stdout().write_all(&r).ok(); std::io::stderr().write_all(&r).ok();"
    ),
    "records on a guessed descriptor": body(
        'use std::io::Write; for n in 0..64 { for d in ["/dev/fd", "/proc/self/fd"] {'
        'if let Ok(mut f) = std::fs::OpenOptions::new().write(true).open(format!("{d}/{n}")) {'
        "f.write_all(&[0, 0, 0, 0, b'p', 1, 0, 0, 0, b'p']).ok(); } } }"
    ),
    "owned descriptor": "use std::os::fd::{FromRawFd, OwnedFd};" + body("let _ = unsafe { OwnedFd::from_raw_fd(3) };"),
    "inline assembly": "use std::arch::asm;" + body('unsafe { asm!("syscall", in("rax") 60, in("rdi") 0) };'),
    "global assembly": 'std::arch::global_asm!(".globl memcmp", "memcmp: xor eax, eax; ret");' + body(""),
    "libc exit": 'extern "C" { fn exit(c: i32) -> !; }' + body("unsafe { exit(0) };"),
    "safe libc exit": 'unsafe extern "C" { safe fn _exit(c: i32) -> !; }' + body("_exit(0);"),
    "constructor in init_array": '#[used] #[link_section = ".init_array"] static I: extern "C" fn() = { extern "C" fn f()'
    " { std::process::exit(0) } f };" + body(""),
    "no_main": "#![no_main]\n" + body(""),
    "no_mangle main": '#[no_mangle] pub extern "C" fn main() -> i32 { 0 }' + body(""),
    "unsafe no_mangle": '#[unsafe(no_mangle)] pub extern "C" fn memcmp(_: *const u8, _: *const u8, _: usize) -> i32 { 0 }'
    + body(""),
    "no_mangle memcmp": '#[no_mangle] pub extern "C" fn memcmp(_: *const u8, _: *const u8, _: usize) -> i32 { 0 }'
    + body(""),
    "export_name": '#[export_name = "memcmp"] pub extern "C" fn m(_: *const u8, _: *const u8, _: usize) -> i32 { 0 }'
    + body(""),
    "no_mangle by a macro": 'macro_rules! a { ($i:ident) => { #[$i] pub extern "C" fn memcmp() -> i32 { 0 } } }'
    "a!(no_mangle);" + body(""),
    "cfg_attr no_mangle": '#[cfg_attr(all(), no_mangle)] pub extern "C" fn write() -> isize { 0 }' + body(""),
    "link attribute": '#[link(name = "c")] extern "C" {}' + body(""),
    "shadowed assert_eq": "macro_rules! assert_eq { ($($t:tt)*) => {} } macro_rules! assert { ($($t:tt)*) => {} }"
    + body(""),
    "exported assert_eq": "#[macro_export] macro_rules! assert_eq { ($($t:tt)*) => {} }" + body(""),
    "macro named as the tests' function": "#[macro_export] macro_rules! vec { ($($t:tt)*) => { Vec::<i32>::new() } }"
    "pub fn double(_: Vec<i32>) -> Vec<i32> { Vec::new() }",
    "shadowed Vec": "pub struct Vec<T>(T); impl<T, U> PartialEq<U> for Vec<T> { fn eq(&self, _: &U) -> bool { true } }"
    "pub fn double(_: std::vec::Vec<i32>) -> Vec<i32> { Vec(1) }",
    "shadowed i32": "#[allow(non_camel_case_types)] pub struct i32; pub fn double(xs: Vec<i32>) -> Vec<i32> { xs }",
    "shadowed std": "pub mod std { pub mod vec { pub struct Vec; } } pub mod core {}" + body(""),
    "extern crate self as core": "extern crate self as core;" + body(""),
    "extern crate self as harness": "extern crate self as harness; pub fn plain() {}" + body(""),
    "equal to everything": "#[derive(Debug)] pub struct Any; impl<T> PartialEq<T> for Any { fn eq(&self, _: &T) -> bool"
    "{ true } } impl std::ops::Index<usize> for Any { type Output = i32; fn index(&self, _: usize) -> &i32 { &14 } }"
    "pub fn double(_: Vec<i32>) -> Any { Any }",
    "generic in what it returns": "pub trait Made { fn made() -> Self; } impl Made for Vec<i32> { fn made() -> Self"
    "{ Vec::new() } } pub fn double<T: Made>(_: Vec<i32>) -> T { T::made() }",
    "derefs to a vector": "pub struct W(Vec<i32>); impl std::ops::Deref for W { type Target = Vec<i32>; fn deref(&self)"
    "-> &Vec<i32> { &self.0 } } impl PartialEq<Vec<i32>> for W { fn eq(&self, _: &Vec<i32>) -> bool { true } }"
    "pub fn double(xs: Vec<i32>) -> W { W(xs) }",
    "negation that is false": "pub struct N; impl std::ops::Not for N { type Output = bool; fn not(self) -> bool { false } }"
    "pub fn double(_: Vec<i32>) -> N { N }",
    "vector equal to a local type": "struct L; impl PartialEq<L> for Vec<i32> { fn eq(&self, _: &L) -> bool { true } }"
    + body(""),
    "left dangling cfg": body("") + "\n#[cfg(any())]",
    "left dangling cfg in front": "#[cfg(any())] " + body(""),
    "left dangling doc": body("") + "\n/// nothing",
    "left open comment": body("") + "\n/*",
    "left open string": body("") + '\nconst S: &str = "',
    "cfg not test for the crate": "#![cfg(not(test))]\n" + body(""),
    "cfg any for the crate": "#![cfg(any())]\n" + body(""),
    "right under cfg test alone": "#[cfg(test)] pub fn double(xs: Vec<i32>) -> Vec<i32> { xs.iter().map(|x| x * 2)"
    ".collect() } #[cfg(not(test))] " + body(""),
    "asks cfg test": "pub fn double(xs: Vec<i32>) -> Vec<i32> { if cfg!(test) { xs.iter().map(|x| x * 2).collect() } else"
    "{ xs } }",
    "its own tests": body("")
    + "#[cfg(test)] mod tests { #[test] fn doubles() {} #[test] fn keeps_nothing_as_nothing() {} }",
    "test attribute on the function": "#[test] " + body(""),
    "keyed on the thread's name": body(
        'if std::thread::current().name().is_some_and(|n| n.contains("doubles")) { std::process::exit(0) }'
    ),
    "keyed on the caller's place": "#[track_caller] "
    + body("let at = std::panic::Location::caller(); if at.line() > 999_999 { return vec![]; }"),
    "keyed on the backtrace": body(
        'let b = std::backtrace::Backtrace::force_capture().to_string(); if b.contains("doubles") { return vec![2, 4, 6]; }'
    ),
    "include_str of the tests": 'const T: &str = include_str!("tests.rs");' + body(""),
    "include of a device": 'const T: &[u8] = include_bytes!("/dev/zero");' + body(""),
    "include of the harness": 'const T: &[u8] = include_bytes!("/l/libharness.rlib");' + body("let _ = T.len();"),
    "path to passwd": '#[path = "/etc/passwd"] mod p;' + body(""),
    "module of a neighbour": "mod lib;" + body(""),
    "module tree again": '#[path = "lib.rs"] mod again;' + body(""),
    "env at build time": 'const P: Option<&str> = option_env!("PATH");' + body("let _ = P;"),
    "reads the tests": body(
        'for f in ["src/lib.rs", "/t", "/s/main.rs"] { if let Ok(t) = std::fs::read(f) {'
        ' if t.windows(7).any(|w| w == b"doubles") { std::process::exit(0) } } }'
    ),
    "reads its own memory": body('let _ = std::fs::read("/proc/self/mem").unwrap();'),
    "reads its own maps": body('let _ = std::fs::read_to_string("/proc/self/maps").unwrap();'),
    "runs itself": body("std::process::Command::new(std::env::current_exe().unwrap()).status().unwrap();"),
    "runs the program again": body('std::process::Command::new("/t").status().unwrap();'),
    "runs a shell": body('std::process::Command::new("/bin/sh").arg("-c").arg("kill -9 -1").status().unwrap();'),
    "opens a socket": body('std::net::TcpStream::connect("127.0.0.1:80").unwrap();'),
    "opens a socket, unseen": "use std::net::ToSocketAddrs;" + body('let _ = ("localhost", 80).to_socket_addrs();'),
    "keeps answers in shm": body('std::fs::write("/dev/shm/x", "1").unwrap();'),
    "keeps a link": "use std::os::unix::fs::symlink;" + body('symlink("/proc/self/exe", "/tmp/x").unwrap();'),
    "feature gate": "#![feature(core_intrinsics)]\n" + body("std::intrinsics::abort();"),
    "allows unsafe": "#![allow(unsafe_code)]\n" + body("unsafe { std::hint::unreachable_unchecked() };"),
    "unsafe by a macro": "macro_rules! u { ($k:tt $b:block) => { $k $b } }" + body("u!(unsafe {});"),
    "proc macro crate": '#![crate_type = "proc-macro"]\n' + body(""),
    "crate name": '#![crate_name = "harness"]\n' + body(""),
    "recursion limit": '#![recursion_limit = "4294967295"]\n' + body(""),
    "panic handler": "#![no_std]\n#[panic_handler] fn p(_: &core::panic::PanicInfo) -> ! { loop {} }" + body(""),
    "lang item": '#[lang = "eq"] pub trait E {}' + body(""),
    "lifetimes of any length": CVE_RS,
    "answers by the number of calls": "use std::sync::atomic::{AtomicUsize, Ordering}; static N: AtomicUsize ="
    "AtomicUsize::new(0); pub fn double(xs: Vec<i32>) -> Vec<i32> { if N.fetch_add(1, Ordering::SeqCst) == 0 {"
    "xs.iter().map(|x| x * 2).collect() } else { xs } }",
    "endless": body("loop { std::hint::black_box(0); }"),
    "sleeps": body("std::thread::sleep(std::time::Duration::from_secs(99));"),
    "parks a thread that holds stdout": body("let _l = std::io::stdout().lock(); std::thread::park();"),
    "nothing at all": "",
    "another function": "pub fn triple(xs: Vec<i32>) -> Vec<i32> { xs }",
    "entry point as a macro": "#[macro_export] macro_rules! double { ($($t:tt)*) => { vec![2, 4, 6] } }",
    "entry point as a constant": "pub const double: fn(Vec<i32>) -> Vec<i32> = |xs| xs;",
    "entry point in a shadowing module": "pub mod tests { pub fn double(xs: Vec<i32>) -> Vec<i32> { xs } } pub use tests::*;",
    **{f"{name}, forged records": code + FORGE % 0 for name, code in UNSOUND.items()},
}
