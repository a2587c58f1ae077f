# ruff: noqa: E501 - code of candidates
"""Wrong code of the second round of attacks, by name and class. Every function `double` here is wrong."""

BODY = "pub fn double(xs: Vec<i32>) -> Vec<i32> { %s xs }"


def body(text: str) -> str:
    return BODY % text


LYING = "impl<T> PartialEq<T> for Any { fn eq(&self, _: &T) -> bool { true } }"

WRONG: dict[str, str] = {
    # the candidate's names in the tests
    "trait with a by-value eq, named like a test": "pub trait Doubles { fn len(self) -> usize; } impl Doubles for Vec<i32> { fn len(self) -> usize { 3 } }"
    + body(""),
    "macro named vec": "macro_rules! vec { ($($t:tt)*) => { Vec::<i32>::new() } } pub fn double(_: Vec<i32>) -> Vec<i32> { Vec::new() }",
    "constant named like a word of the tests": "#[allow(non_upper_case_globals)] pub const doubles: i32 = 1;" + body(""),
    "shebang hides an equality": "#! /* \n/* */ pub struct Any; " + LYING + "\n pub fn double(_: Vec<i32>) -> Any { Any }",
    "shebang hides unsafe code": "#!/*\n" + body("unsafe { std::hint::unreachable_unchecked() };") + "// */",
    "everything by a glob": "mod inner { pub mod tests {} pub struct Vec; pub const doubles: i32 = 1; pub fn double(xs: std::vec::Vec<i32>) -> std::vec::Vec<i32> { xs } } pub use inner::*;",
    "trait of a test's name with slice methods": "pub trait double_ { fn contains(&self, _: &i32) -> bool { true } } impl<T> double_ for T {}" + body(""),
    # forced faults of the judge
    "compile error that says it aborts": 'compile_error!("aborting due to 1 previous error");' + body(""),
    "links to nothing": '#[link(name = "no_such_library")] extern "C" {}' + body(""),
    "links to a full disk": '#[link(name = "No space left on device")] extern "C" {}' + body(""),
    "says that memory is out": 'compile_error!("memory allocation of 9 bytes failed; out of memory");' + body(""),
    "ends in impl for": body("") + " impl X for",
    "ends in impl": body("") + " impl",
    "ends in an attribute": body("") + " #[",
    "ends in pub": body("") + " pub(",
    "ends in const": body("") + " const",
    "ends in use": body("") + " use {{{",
    "many braces": body("") + "{" * 3000,
    "many groups": body("") + "const _: () = " + "(" * 3000 + ")" * 3000 + ";",
    "a large static": "static ROOM: [u8; 3 << 30] = [0; 3 << 30];" + body("std::hint::black_box(&ROOM);"),
    # types of the candidate's in the place of the standard library's
    "opaque result that is equal": "#[derive(Debug)] struct Any; " + LYING + " pub fn double(_: Vec<i32>) -> impl PartialEq<Vec<i32>> + std::fmt::Debug { Any }",
    "boxed equality": "struct Any; impl PartialEq<Vec<i32>> for Any { fn eq(&self, _: &Vec<i32>) -> bool { true } } pub fn double(_: Vec<i32>) -> Box<dyn PartialEq<Vec<i32>>> { Box::new(Any) }",
    "equality by a macro": "#[derive(Debug)] pub struct Any; macro_rules! m { ($k:tt $($t:tt)*) => { $k<T> $($t)* } } m!(impl PartialEq<T> for Any { fn eq(&self, _: &T) -> bool { true } }); pub fn double(_: Vec<i32>) -> Any { Any }",
}  # fmt: skip

UNPINNED: dict[str, str] = {
    "equal to everything": "#[derive(Debug)] pub struct Any; " + LYING + " impl std::ops::Index<usize> for Any { type Output = i32; fn index(&self, _: usize) -> &i32 { &14 } } pub fn double(_: Vec<i32>) -> Any { Any }",
    "equal behind an alias": "use std::cmp::PartialEq as P; pub struct Any; type Other = Any; impl<T> P<T> for Other { fn eq(&self, _: &T) -> bool { true } } impl std::ops::Index<usize> for Any { type Output = i32; fn index(&self, _: usize) -> &i32 { &14 } } pub fn double(_: Vec<i32>) -> Any { Any }",
    "equal inside a function": "pub fn double(_: Vec<i32>) -> impl PartialEq<Vec<i32>> + std::ops::Index<usize, Output = i32> { struct Any; impl PartialEq<Vec<i32>> for Any { fn eq(&self, _: &Vec<i32>) -> bool { true } } impl std::ops::Index<usize> for Any { type Output = i32; fn index(&self, _: usize) -> &i32 { &14 } } Any }",
}  # fmt: skip
"""The same where the problem gives no signature."""
