//! Which types the assertions of a test may compare.
//!
//! Trust follows from where a type is defined, which its name says: every path of a candidate starts with the name of its
//! library, and that name cannot be foreseen. What the standard library or the tests define is trusted. Of the
//! candidate's own types those are that the judge, which has read the code, does not list.

use std::any::type_name;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::OnceLock;

/// What the judge says about a candidate's own types.
pub struct Trust {
    /// What every path of the candidate's starts with.
    pub library: &'static str,
    /// Types whose equality is not a derived one; `*` stands for all.
    pub unequal: &'static [&'static str],
    /// Types whose order is not to be trusted; `*` stands for all.
    pub unordered: &'static [&'static str],
    /// The only own types that may be compared, where only some may.
    pub allowed: Option<&'static [&'static str]>,
}

struct State {
    trust: &'static Trust,
    distrust: Box<dyn Fn() + Send + Sync>,
}

static STATE: OnceLock<State> = OnceLock::new();

static REPORTED: AtomicBool = AtomicBool::new(false);

/// From here on comparisons are looked at; `distrust` is called at the first one that is not to be trusted.
pub fn begin(trust: &'static Trust, distrust: Box<dyn Fn() + Send + Sync>) {
    let _ = STATE.set(State { trust, distrust });
}

/// The same value, of a type whose equality is about to be asked for.
pub fn plain<T: ?Sized>(value: &T) -> &T {
    look_at(type_name::<T>(), |trust| trust.unequal);
    value
}

/// The same value, of a type whose order is about to be asked for.
pub fn ordered<T: ?Sized>(value: &T) -> &T {
    look_at(type_name::<T>(), |trust| trust.unequal);
    look_at(type_name::<T>(), |trust| trust.unordered);
    value
}

fn look_at(name: &str, listed: fn(&Trust) -> &'static [&'static str]) {
    if let Some(state) = STATE.get() {
        if !trusted(name, state.trust, listed(state.trust)) && !REPORTED.swap(true, Ordering::Relaxed) {
            (state.distrust)();
        }
    }
}

fn trusted(name: &str, trust: &Trust, listed: &[&str]) -> bool {
    // A trait object hides the type behind it.
    if name.contains("dyn ") && !listed.is_empty() {
        return false;
    }
    name.match_indices(trust.library).all(|(at, library)| {
        let path = &name[at + library.len()..];
        let end = path.find(|c: char| !(c.is_alphanumeric() || "_:#{}".contains(c))).unwrap_or(path.len());
        let mut segments = path[..end].split("::").map(|segment| segment.trim_start_matches("r#"));
        let last = segments.clone().last().unwrap_or("");
        let allowed = trust.allowed.is_none_or(|names| names.contains(&last));
        allowed && !listed.contains(&"*") && !segments.any(|segment| listed.contains(&segment))
    })
}
