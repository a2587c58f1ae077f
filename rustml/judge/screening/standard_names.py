"""Names of the standard library: those that nothing of a candidate's may replace in the tests, and where they lie."""

_PRELUDE = """Option Some None Result Ok Err Vec String Box ToString ToOwned Clone Copy Send Sync Sized Drop Fn FnMut
FnOnce AsRef AsMut Into From TryFrom TryInto FromIterator Default Iterator Extend IntoIterator DoubleEndedIterator
ExactSizeIterator Eq PartialEq Ord PartialOrd Debug Hash drop i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize
f32 f64 bool char str std core alloc self Self super crate"""
PROTECTED = frozenset(_PRELUDE.split())
"""Names that mean something everywhere."""

_MACROS = """assert assert_eq assert_ne debug_assert debug_assert_eq debug_assert_ne assert_matches cfg column
compile_error concat dbg env eprint eprintln file format format_args include include_bytes include_str line matches
module_path option_env panic print println stringify thread_local todo unimplemented unreachable vec write writeln"""
MACROS = frozenset(_MACROS.split())
"""Macros that mean something everywhere."""

_PATHS = """
collections: HashMap HashSet BTreeMap BTreeSet VecDeque BinaryHeap LinkedList
rc: Rc
sync: Arc Mutex RwLock
cell: Cell RefCell
borrow: Cow
time: Duration Instant
cmp: Ordering Reverse
path: Path PathBuf
marker: PhantomData
fmt: Display
str: FromStr
hash: Hasher
io: Read Write BufRead
"""
PATHS = {
    name: f"std::{module}::{name}"
    for module, _, names in (line.partition(":") for line in _PATHS.strip().splitlines())
    for name in names.split()
}
"""Types and traits that people name without a thought: name → path."""

_METHODS = """abs add all and and_then any append as_bytes as_deref as_mut as_ref as_slice as_str binary_search borrow
borrow_mut bytes capacity ceil chain chars checked_add checked_div checked_mul checked_sub chunks clear clone cloned cmp
collect concat contains contains_key copied count cycle dedup deref div drain elapsed ends_with entry enumerate eq
eq_ignore_ascii_case err expect expect_err extend fill filter filter_map find first flat_map flatten floor fmt fold
for_each from ge get get_mut get_or_insert get_or_insert_with gt hash index insert into into_iter is_alphabetic
is_alphanumeric is_ascii is_digit is_empty is_err is_err_and is_finite is_infinite is_lowercase is_nan is_none
is_numeric is_ok is_ok_and is_some is_some_and is_sorted is_uppercase is_whitespace iter iter_mut join keys kind last
le len lines lock lt map map_err map_or map_or_else matches max max_by max_by_key min min_by min_by_key mul ne neg next
next_back not nth ok ok_or ok_or_else or or_else or_insert or_insert_with parse partial_cmp peek peekable pop pop_back
pop_front position pow product push push_back push_front push_str read rem remove repeat replace retain rev reverse
round saturating_add saturating_sub size_hint skip skip_while sort sort_by sort_by_key sort_unstable split split_at
split_off split_whitespace splitn sqrt starts_with step_by strip_prefix strip_suffix sub sum swap take take_while
then then_some to_ascii_lowercase to_ascii_uppercase to_bits to_lowercase to_owned to_string to_uppercase to_vec
total_cmp trim trim_end trim_start truncate try_from try_into unwrap unwrap_err unwrap_or unwrap_or_default
unwrap_or_else unzip values windows wrapping_add wrapping_mul wrapping_sub write zip"""
METHODS = frozenset(_METHODS.split())
"""Methods of the standard library's types that tests rely on."""
