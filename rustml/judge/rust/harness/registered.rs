//! Tests that macros of the tests write: their names are known only to the compiler, so each registers itself.
//!
//! Each is a static in a section of its own, which the linker lays out as one array. Nothing of a candidate's can stand in
//! it: to name a section is unsafe code. Where a problem allows that, its verdicts say that their integrity is weak.

use crate::Test;

/// One such test, with the end of the path of the file that it stands in.
pub struct Registered {
    pub file: &'static str,
    pub test: Test,
}

/// The section has to be there, also where no test registers itself.
#[used]
#[unsafe(link_section = "rustml_tests")]
static NONE: Registered = Registered { file: "", test: Test { call: || false, panics: None } };

unsafe extern "C" {
    #[link_name = "__start_rustml_tests"]
    static START: Registered;
    #[link_name = "__stop_rustml_tests"]
    static STOP: Registered;
}

/// The tests of one file, in the order in which the linker has laid them out.
pub fn of(file: &'static str) -> impl Iterator<Item = &'static Test> {
    let (start, stop) = (&raw const START, &raw const STOP);
    let count = (stop as usize - start as usize) / size_of::<Registered>();
    let all = unsafe { std::slice::from_raw_parts(start, count) };
    all.iter().filter(move |one| one.file == file).map(|one| &one.test)
}
