"""Code that tries to hurt: name → (code, the statuses that are right)."""

from tests.support.judge_cases import RIGHT

BODY = "pub fn double(xs: Vec<i32>) -> Vec<i32> { %s xs }"
# `main` is the candidate's own affair, so what stands there gets past the lints and has to be held by the sandbox.
HIDDEN = "fn main() { %s }" + BODY % "main();"


def doubling_macro(levels: int) -> str:
    rules = "".join(f"macro_rules! m{n} {{ () => {{ m{n + 1}!(); m{n + 1}!(); }} }}\n" for n in reversed(range(levels)))
    return f"macro_rules! m{levels} {{ () => {{ let _ = 1; }} }}\n{rules}" + BODY % "m0!();"


BOMBS: dict[str, tuple[str, tuple[str, ...]]] = {
    "process bomb": (HIDDEN % 'loop { let _ = std::process::Command::new("/t").spawn(); }', ("policy",)),
    "thread bomb": (
        HIDDEN % "loop { std::thread::spawn(|| loop { std::thread::park() }); }",
        ("wrong", "out_of_memory", "run_timeout", "crashed"),
    ),
    # Memory that is asked for but never touched costs no time, so that load cannot turn this into a timeout.
    "memory bomb": (BODY % "let mut v = Vec::new(); loop { v.push(vec![0u8; 1 << 24]); }", ("out_of_memory",)),
    "memory bomb, every page written": (
        BODY % "let mut v = vec![1u8; 1 << 20]; loop { v.extend_from_within(..); }",
        ("out_of_memory", "run_timeout"),
    ),
    "memory bomb in pieces": (
        BODY % "let mut v = Vec::new(); loop { v.push(Box::new([1u8; 4096])); }",
        ("out_of_memory", "run_timeout"),
    ),
    "disk fill": (
        HIDDEN % 'use std::io::Write; let mut f = std::fs::File::create("/tmp/x").unwrap(); loop { f.write_all(&[1;'
        " 1 << 16]).unwrap(); }",
        ("wrong", "crashed"),
    ),
    "inode fill": (
        HIDDEN % 'for n in 0.. { std::fs::write(format!("/tmp/{n}"), "x").unwrap(); }',
        ("wrong", "run_timeout"),
    ),
    "output flood": (BODY % 'loop { println!("{}", "x".repeat(9999)); eprintln!("y"); }', ("run_timeout",)),
    "endless loop": (BODY % "loop { std::hint::spin_loop(); }", ("run_timeout",)),
    "endless recursion": ("pub fn double(xs: Vec<i32>) -> Vec<i32> { let y = double(xs); y }", ("crashed",)),
    "deadlock": (
        BODY % "let m = std::sync::Mutex::new(()); let _a = m.lock(); let _b = m.lock();",
        ("run_timeout", "wrong"),
    ),
    "waits for a channel": (BODY % "let (_s, r) = std::sync::mpsc::channel::<()>(); r.recv().ok();", ("run_timeout",)),
    "reads stdin": (
        RIGHT.replace("    xs", "    let mut s = String::new(); std::io::stdin().read_line(&mut s).unwrap();\n    xs"),
        ("passed",),
    ),
    "constant that never ends": (
        "const N: u64 = { let mut n = 0u64; while n < u64::MAX { n += 1; } n };" + BODY % "let _ = N;",
        ("compile_error", "compile_timeout"),
    ),
    "constant that never ends, silenced": (
        "#![allow(long_running_const_eval)]\nconst N: u64 = { let mut n = 0u64; while n < u64::MAX { n += 1; } n };"
        + BODY % "let _ = N;",
        ("compile_timeout",),
    ),
    "constant that never ends, silenced by an item": (
        "#[allow(long_running_const_eval)] const N: u64 = { let mut n = 0u64; while n < u64::MAX { n += 1; } n };"
        + BODY % "let _ = N;",
        ("compile_timeout",),
    ),
    "constant that fills memory": (
        "const N: [u8; 1 << 33] = [1; 1 << 33];" + BODY % "let _ = N[xs.len()];",
        ("compile_error", "out_of_memory", "compile_timeout", "crashed"),
    ),
    "doubling macros": (doubling_macro(40), ("compile_error", "compile_timeout", "out_of_memory")),
    "doubling types": (
        "type A = (u8, u8);"
        + "".join(
            f"type {b} = ({a}, {a});" for a, b in zip("ABCDEFGHIJKLMNOPQRSTUV", "BCDEFGHIJKLMNOPQRSTUVW", strict=False)
        )
        + BODY % "let _: Option<W> = None;",
        ("wrong", "compile_error", "compile_timeout", "out_of_memory"),
    ),
    "sixty thousand parentheses": (BODY % f"let _ = {'(' * 60_000}1{')' * 60_000};", ("compile_error",)),
    "sixty thousand open parentheses": (BODY % f"let _ = {'(' * 60_000}1;", ("compile_error",)),
    "ninety parentheses": (
        RIGHT.replace("    xs", f"    let _ = {'(' * 90}1{')' * 90};\n    xs"),
        ("passed",),
    ),
    "deep types": (
        BODY % f"let _: Option<{'Vec<' * 5000}u8{'>' * 5000}> = None;",
        ("compile_error", "compile_timeout"),
    ),
    "flood of diagnostics": (BODY % ('let x: u8 = "a";' * 9000), ("compile_error",)),
    "endless device": ('const T: &[u8] = include_bytes!("/dev/zero");' + BODY % "", ("compile_error",)),
    "null bytes": (RIGHT + "\0\0\0", ("compile_error",)),
    "bidi marks": (RIGHT.replace("xs.", "/* \u202e } \u2066 */ xs."), ("compile_error", "passed")),
    "lone surrogate": (RIGHT + "// \ud800\n", ("compile_error",)),
    "ten megabytes": ("// " + "x" * 10_000_000 + "\n" + RIGHT, ("policy",)),
    "long line": ('const S: &str = "' + "x" * 200_000 + '";\n' + RIGHT, ("passed",)),
    "byte order mark": ("\ufeff" + RIGHT, ("passed",)),
}
