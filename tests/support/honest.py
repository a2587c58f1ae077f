# ruff: noqa: E501 - code of candidates
"""Honest programs that a judge has refused once: code, tests and what the problem declares. Plain rustc passes each."""

from rustml.records import Candidate


def program(name: str, code: str, tests: str, entry: str, signature: str = "", **fields: str) -> Candidate:
    return Candidate(id=name, code=code, tests=tests, entry_point=entry, signature=signature, **fields)  # type: ignore[arg-type]


def tested(body: str, *attributes: str) -> str:
    return f"#[cfg(test)]\nmod tests {{\n    use super::*;\n    #[test]\n    {' '.join(attributes)}\n    fn works() {{ {body} }}\n}}\n"


ONE = "fn one() -> i32"
PLAIN = "pub fn one() -> i32 { 1 }\n"
IS_ONE = tested("assert_eq!(one(), 1);")

HONEST = [
    program("own test module of any name", PLAIN + "#[cfg(test)]\nmod test { use super::*; #[test] fn t() { assert_eq!(one(), 1) } }", IS_ONE, "one", ONE),
    program("associated type in an impl", "pub struct C; impl Iterator for C { type Item = i32; fn next(&mut self) -> Option<i32> { None } }\npub trait Make<T = i32> { fn m(&self) -> T; }\nimpl<I: Iterator<Item = i32>> Make for Vec<I> { fn m(&self) -> i32 { 1 } }\nfn one() -> i32 { vec![C].m() }", IS_ONE, "one", ONE),
    program("dollar crate", "macro_rules! h { () => { $crate::inner::one() } }\nmod inner { pub fn one() -> i32 { 1 } }\npub fn one() -> i32 { h!() }", IS_ONE, "one", ONE),
    program("extern crate std", "extern crate std as s;\npub fn one() -> i32 { s::cmp::max(0, 1) }", IS_ONE, "one", ONE),
    program("paths of 2015", "mod inner { pub fn two() -> i32 { 2 } }\nuse inner::two;\npub fn one() -> i32 { ::inner::two() - two() / 2 }", IS_ONE, "one", ONE, edition="2015"),
    program("higher-ranked impl", "pub trait T { fn t(&self) -> i32; }\nimpl<F> T for F where F: for<'a> Fn(&'a str) -> usize { fn t(&self) -> i32 { self(\"a\") as i32 } }\npub fn one() -> i32 { (|s: &str| s.len()).t() }", IS_ONE, "one", ONE),
    program("allows unsafe code it does not use", "#![allow(unsafe_code)]\n" + PLAIN, IS_ONE, "one", ONE),
    program("commas in turbofish", "pub fn pair<A: Default, B: Default>() -> bool { true }", tested("assert!(pair::<i32, u8>()); assert!(!!pair::<Vec<i32>, u8>(), \"no\");"), "pair", "fn pair<A: Default, B: Default>() -> bool"),
    program("thread-local state", "thread_local! { static N: std::cell::Cell<i32> = const { std::cell::Cell::new(0) }; }\npub fn one() -> i32 { N.with(|n| { n.set(n.get() + 1); n.get() }) }", "#[test] fn a() { assert_eq!(one(), 1) }\n#[test] fn b() { assert_eq!(one(), 1) }", "one", ONE),
    program("tuple struct with pub fields", "#[derive(Debug, PartialEq)]\npub struct P(pub i32, pub (i32, i32));\npub fn p() -> P { P(1, (2, 3)) }", tested("assert_eq!(p().1, (2, 3)); assert_eq!(p(), P(1, (2, 3)));"), "p", "fn p() -> P"),
    program("heap order beside an own type", "use std::collections::BinaryHeap;\nuse std::cmp::Ordering;\n#[derive(PartialEq, Eq)] struct S { c: u32 }\nimpl Ord for S { fn cmp(&self, o: &S) -> Ordering { o.c.cmp(&self.c) } }\nimpl PartialOrd for S { fn partial_cmp(&self, o: &S) -> Option<Ordering> { Some(self.cmp(o)) } }\n#[derive(Debug, PartialEq)] pub enum R { Done(u32) }\npub fn least(xs: &[u32]) -> R { let mut h: BinaryHeap<S> = xs.iter().map(|&c| S { c }).collect(); R::Done(h.pop().map_or(0, |s| s.c)) }", tested("assert_eq!(least(&[3, 1]), R::Done(1));"), "least", "fn least(xs: &[u32]) -> R"),
    program("own equality that is not compared", "pub struct K(String); impl PartialEq for K { fn eq(&self, o: &K) -> bool { self.0.eq_ignore_ascii_case(&o.0) } }\n#[derive(Debug, PartialEq)] pub struct N(usize);\npub fn n(a: &str, b: &str) -> N { N(usize::from(K(a.into()) == K(b.into()))) }", tested("assert_eq!(n(\"a\", \"A\"), N(1));"), "n", "fn n(a: &str, b: &str) -> N"),
    program("own macro beside an own type", "macro_rules! area { ($w:expr, $h:expr) => { $w * $h } }\n#[derive(Debug, PartialEq, Clone)] pub struct S { pub a: i32 }\npub fn s() -> S { S { a: area!(2, 3) } }", tested("assert_eq!(s(), S { a: 6 });"), "s", "fn s() -> S"),
    program("re-exported entry point", "mod inner { pub(crate) fn one() -> i32 { 1 } }\npub use inner::one;".replace("pub(crate)", "pub"), IS_ONE, "one", ONE),
    program("private re-export", "mod inner { pub(super) fn one() -> i32 { 1 } }\nuse self::inner::one;", IS_ONE, "one", ONE),
    program("re-export by a glob", "mod inner { pub fn one() -> i32 { 1 } }\npub use inner::*;", IS_ONE, "one", ONE),
    program("const entry point", "const fn one() -> i32 { 1 }", tested("const N: i32 = one(); const { assert!(one() == 1) }; assert_eq!(N, 1);"), "one", "const fn one() -> i32"),
    program("raw identifier", "pub fn r#match() -> i32 { 1 }", tested("assert_eq!(r#match(), 1);"), "match", "fn r#match() -> i32"),
    program("own result alias", "#[derive(Debug, PartialEq)] pub struct E;\npub type Result<T> = std::result::Result<T, E>;\npub fn f(ok: bool) -> Result<i32> { if ok { Ok(1) } else { Err(E) } }", tested("assert_eq!(f(true), Ok(1)); assert_eq!(f(false), Err(E));"), "f", "fn f(ok: bool) -> Result<i32>"),
    program("tests with helpers of every kind", PLAIN, "#![allow(dead_code)]\n#[cfg(test)] use std::collections::HashMap;\npub(crate) const fn two() -> i32 { 2 }\ntype F = fn() -> i32;\nfn twice<T: Copy>(x: T) -> (T, T) { (x, x) }\n#[test]\nfn t() { let f: F = one; assert_eq!(twice(f()), (1, 1)); let m: HashMap<i32, i32> = HashMap::new(); assert!(m.is_empty() && two() == 2); }", "one", ONE),
    program("message under should_panic", "pub fn one() -> i32 { 2 }", tested('assert!(one() == 1, "one is {}", one());', '#[should_panic(expected = "one is 2")]'), "one", ONE),
    program("std types by the dozen", "use std::num::FpCategory;\npub fn c(x: f64) -> FpCategory { x.classify() }", tested("assert_eq!(c(1.0), FpCategory::Normal); assert_eq!(std::ops::Bound::Included(1), std::ops::Bound::Included(1)); assert_eq!(std::task::Poll::Ready(1), std::task::Poll::Ready(1)); assert_eq!(std::num::Saturating(3), std::num::Saturating(3)); let x = 1; assert_eq!(&raw const x, &raw const x); assert_eq!(std::ops::ControlFlow::<i32, i32>::Break(1), std::ops::ControlFlow::Break(1));"), "c", "fn c(x: f64) -> FpCategory"),
    program("a type of the tests", "pub fn same<T>(x: T) -> T { x }", "#[derive(Debug, PartialEq)] struct Mine(i32);\n#[test] fn t() { assert_eq!(same(Mine(1)), Mine(1)); #[derive(Debug, PartialEq)] enum L { A } assert_eq!(same(L::A), L::A); }", "same", "fn same<T>(x: T) -> T"),
    program("many refused reservations", "pub fn one() -> i32 { for _ in 0..5000 { let mut v: Vec<u8> = Vec::new(); if v.try_reserve(1 << 40).is_ok() { return 0; } } 1 }", "#[test] fn a() { assert_eq!(one(), 1) }\n#[test] fn b() { assert_eq!(one(), 1) }", "one", ONE),
    program("own macro named asm", "macro_rules! asm { ($e:expr) => { $e } }\npub fn one() -> i32 { asm!(1) }", IS_ONE, "one", ONE),
    program("byte order mark", "\ufeff" + PLAIN, IS_ONE, "one", ONE),
    program("line ends of Windows", PLAIN.replace("{ 1 }", "{\r\n    1\r\n}") + "#[cfg(test)]\r\nmod tests {}\r\n", "\ufeff" + IS_ONE.replace("\n", "\r\n"), "one", ONE),
    program("shebang line", "#!/usr/bin/env run\n" + PLAIN, IS_ONE, "one", ONE),
    program("imports of the candidate's", "use std::collections::HashMap;\nuse std::io::Read;\npub fn read(mut r: impl Read) -> HashMap<String, usize> { let mut s = String::new(); r.read_to_string(&mut s).unwrap(); HashMap::from([(s, 1)]) }", tested("let mut b: &[u8] = b\"ab\"; let mut c = [0]; b.read_exact(&mut c).unwrap(); let mut m = HashMap::new(); m.insert(\"b\".to_string(), 1); assert_eq!(read(b), m);"), "read", "fn read(r: impl Read) -> HashMap<String, usize>"),
    program("let chains", "pub fn one() -> i32 { if let Some(x) = Some(1) && x > 0 { x } else { 0 } }", IS_ONE, "one", ONE, edition="2024"),
    program("entry point is a type", "#[derive(Debug, Clone, PartialEq)] pub struct Stack { items: Vec<i32> }\nimpl Stack { pub fn new() -> Self { Stack { items: vec![] } } fn push(&mut self, x: i32) { self.items.push(x) } }", tested("let mut s = Stack::new(); s.push(1); assert_eq!(s.items, vec![1]); assert_eq!(s, Stack { items: vec![1] });"), "Stack"),
    program("entry point is a method", "pub struct S { side: i32 } impl S { pub fn area(&self) -> i32 { self.side * self.side } }", tested("assert_eq!(S { side: 2 }.area(), 4);"), "area", "fn area(&self) -> i32"),
    program("entry point is a trait", "pub trait Describe { fn describe(&self) -> String; }\nimpl Describe for i32 { fn describe(&self) -> String { format!(\"int {self}\") } }", tested("assert_eq!(5.describe(), \"int 5\"); struct L; impl Describe for L { fn describe(&self) -> String { \"l\".into() } } assert_eq!(L.describe(), \"l\");"), "Describe"),
    program("entry point is a macro", "macro_rules! square { ($e:expr) => { $crate::times($e, $e) } }\nfn times(a: i32, b: i32) -> i32 { a * b }", tested("assert_eq!(square!(3), 9);"), "square"),
    program("entry point is a module", "pub mod geometry { pub fn area(a: i32) -> i32 { a * a } }", tested("assert_eq!(geometry::area(3), 9);"), "geometry"),
    program("entry point is the crate", "use std::fmt;\n#[derive(Debug, PartialEq)] pub struct Clock { m: i32 }\nimpl Clock { pub fn new(h: i32, m: i32) -> Self { Clock { m: (h * 60 + m).rem_euclid(1440) } } }\nimpl fmt::Display for Clock { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, \"{:02}:{:02}\", self.m / 60, self.m % 60) } }", "use clock::*;\n#[test] fn t() { assert_eq!(Clock::new(25, 0).to_string(), \"01:00\"); assert_eq!(Clock::new(0, -60), Clock::new(23, 0)); }", "clock"),
    program("own duration of a crate", "pub struct Duration { s: f64 } impl From<u64> for Duration { fn from(s: u64) -> Self { Duration { s: s as f64 } } }\npub trait Planet { fn years_during(d: &Duration) -> f64 { d.s / 2.0 } }\npub struct Earth; impl Planet for Earth {}", "use space_age::*;\n#[test] fn t() { let d = Duration::from(4); assert!((Earth::years_during(&d) - 2.0).abs() < 1e-9); }", "space_age"),
    program("async entry point", "use std::future::Future; use std::pin::pin; use std::task::{Context, Poll, Waker};\npub async fn one() -> i32 { 1 }\npub fn block<F: Future>(f: F) -> F::Output { let mut f = pin!(f); match f.as_mut().poll(&mut Context::from_waker(Waker::noop())) { Poll::Ready(x) => x, Poll::Pending => panic!() } }", tested("assert_eq!(block(one()), 1);"), "one", "async fn one() -> i32"),
    program("tests that write files", "use std::{fs, io, path::Path};\npub fn lines(p: &Path) -> io::Result<usize> { Ok(fs::read_to_string(p)?.lines().count()) }", tested("let p = std::env::temp_dir().join(\"x\"); std::fs::write(&p, \"a\\nb\").unwrap(); assert_eq!(lines(&p).unwrap(), 2);"), "lines", "fn lines(p: &Path) -> io::Result<usize>"),
    program("tests that catch a panic", "pub fn one() -> i32 { 1 }", tested("let r = std::panic::catch_unwind(|| { let v: Vec<i32> = vec![]; v[one() as usize] }); assert!(r.is_err());"), "one", ONE),
    program("conditional tests", PLAIN, "#[cfg(test)] mod tests { use super::*; #[cfg(windows)] #[test] fn w() { nothing() } #[cfg(all(unix, not(target_os = \"windows\")))] #[test] fn u() { assert_eq!(one(), 1) } }", "one", ONE),
    program("own methods named like the standard library's", "pub trait Pile { fn push(&mut self, x: i32); fn len(&self) -> usize; }\n#[derive(Default)] pub struct P { n: Vec<i32> }\nimpl Pile for P { fn push(&mut self, x: i32) { self.n.push(x) } fn len(&self) -> usize { self.n.len() } }\npub fn pile() -> P { P::default() }", tested("let mut p = pile(); p.push(1); assert_eq!(p.len(), 1); assert_eq!(vec![1].len(), 1);"), "pile", "fn pile() -> P"),
    program("tests that a macro writes", "pub fn square(x: i32) -> i32 { x * x }", "macro_rules! cases { ($($name:ident: $x:expr => $y:expr,)*) => { $( #[test] fn $name() { assert_eq!(square($x), $y); } )* }; }\ncases! { two: 2 => 4, three: 3 => 9, }\n#[test] #[should_panic(expected = \"no\")] fn plain() { assert!(square(1) == 2, \"no\") }", "square", "fn square(x: i32) -> i32"),
    program("crate with a function of its name", "pub fn word_count(s: &str) -> usize { s.split_whitespace().count() }", "use word_count::word_count;\n#[test] fn t() { assert_eq!(word_count(\"a b\"), 2) }", "word_count", "fn word_count(s: &str) -> usize"),
    program("crate under another name", "pub fn add(a: i32) -> i32 { a + 1 }\n#[macro_export] macro_rules! two { () => { $crate::add(1) } }", "use counting as c;\n#[test] fn t() { assert_eq!(c::add(1), 2); mod inner { pub fn f() -> i32 { counting::two!() } } assert_eq!(inner::f(), 2) }", "counting"),
    program("a std type by its name", "use std::sync::atomic::{AtomicUsize, Ordering};\npub fn bump(n: &AtomicUsize) { n.fetch_add(1, Ordering::SeqCst); }", tested("let n = AtomicUsize::new(0); bump(&n); assert_eq!(n.load(Ordering::SeqCst), 1);"), "bump", "fn bump(n: &AtomicUsize)"),
]  # fmt: skip
