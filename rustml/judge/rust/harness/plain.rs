//! The types whose equality and order belong to the language and its standard library.
//!
//! A candidate cannot implement `Plain`: it is compiled before this crate's dependants and never sees it.

use std::borrow::{Borrow, Cow};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, LinkedList, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

/// A type of the standard library made of nothing else.
pub trait Plain {}

/// The same value, if its type is `Plain`.
pub fn plain<T: Plain + ?Sized>(value: &T) -> &T {
    value
}

/// The same value, whatever its type: for tests that compare a type which the candidate is asked to define.
pub fn own<T: ?Sized>(value: &T) -> &T {
    value
}

macro_rules! plain {
    ($($type:ty),* $(,)?) => { $(impl Plain for $type {})* };
}

plain!(
    (), bool, char, str, String, f32, f64, i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize,
    std::cmp::Ordering, std::time::Duration, std::time::Instant, std::any::TypeId, std::fmt::Error,
    std::net::IpAddr, std::net::Ipv4Addr, std::net::Ipv6Addr, std::net::SocketAddr, std::io::ErrorKind,
    std::path::Path, std::path::PathBuf, std::ffi::OsStr, std::ffi::OsString, std::ffi::CStr, std::ffi::CString,
    std::num::ParseIntError, std::num::ParseFloatError, std::num::IntErrorKind, std::num::TryFromIntError,
    std::str::ParseBoolError, std::str::Utf8Error, std::string::FromUtf8Error, std::char::ParseCharError,
    std::num::NonZeroU8, std::num::NonZeroU16, std::num::NonZeroU32, std::num::NonZeroU64, std::num::NonZeroUsize,
    std::num::NonZeroI8, std::num::NonZeroI16, std::num::NonZeroI32, std::num::NonZeroI64, std::num::NonZeroIsize,
);

impl<T: Plain + ?Sized> Plain for &T {}
impl<T: Plain + ?Sized> Plain for &mut T {}
impl<T: Plain + ?Sized> Plain for Box<T> {}
impl<T: Plain + ?Sized> Plain for Rc<T> {}
impl<T: Plain + ?Sized> Plain for Arc<T> {}
impl<T: Plain> Plain for [T] {}
impl<T: Plain, const N: usize> Plain for [T; N] {}
impl<T: Plain> Plain for Vec<T> {}
impl<T: Plain> Plain for VecDeque<T> {}
impl<T: Plain> Plain for LinkedList<T> {}
impl<T: Plain> Plain for Option<T> {}
impl<T: Plain, E: Plain> Plain for Result<T, E> {}
impl<T: Plain> Plain for Cell<T> {}
impl<T: Plain> Plain for RefCell<T> {}
impl<T: Plain> Plain for std::cmp::Reverse<T> {}
impl<T: Plain> Plain for std::num::Wrapping<T> {}
impl<T: Plain> Plain for std::ops::Range<T> {}
impl<T: Plain> Plain for std::ops::RangeInclusive<T> {}
impl<T: Plain> Plain for std::marker::PhantomData<T> {}
impl<K: Plain, V: Plain> Plain for HashMap<K, V> {}
impl<K: Plain> Plain for HashSet<K> {}
impl<K: Plain, V: Plain> Plain for BTreeMap<K, V> {}
impl<K: Plain> Plain for BTreeSet<K> {}
impl<B: Plain + ToOwned + ?Sized> Plain for Cow<'_, B> where B::Owned: Borrow<B> {}

macro_rules! tuples {
    ($($name:ident)+) => { impl<$($name: Plain),+> Plain for ($($name,)+) {} };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
tuples!(A B C D E F G H I);
tuples!(A B C D E F G H I J);
tuples!(A B C D E F G H I J K);
tuples!(A B C D E F G H I J K L);
