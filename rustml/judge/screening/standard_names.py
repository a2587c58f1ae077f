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
sync: Arc Mutex RwLock OnceLock Condvar
sync::atomic: AtomicBool AtomicI32 AtomicI64 AtomicIsize AtomicU8 AtomicU16 AtomicU32 AtomicU64 AtomicUsize AtomicPtr
num: NonZero NonZeroI8 NonZeroI16 NonZeroI32 NonZeroI64 NonZeroI128 NonZeroIsize NonZeroU8 NonZeroU16 NonZeroU32
num: NonZeroU64 NonZeroU128 NonZeroUsize ParseIntError ParseFloatError TryFromIntError Wrapping Saturating FpCategory
net: IpAddr Ipv4Addr Ipv6Addr SocketAddr SocketAddrV4 SocketAddrV6
ffi: OsStr OsString CStr CString
ptr: NonNull
mem: MaybeUninit ManuallyDrop
convert: Infallible
any: TypeId
ops: ControlFlow RangeInclusive
string: FromUtf8Error
thread: JoinHandle
cell: Cell RefCell OnceCell
borrow: Cow
time: Duration Instant SystemTime
cmp: Ordering Reverse
path: Path PathBuf
marker: PhantomData
fmt: Display
str: FromStr Utf8Error
hash: Hasher
io: Read Write BufRead
"""
PATHS = {
    name: f"std::{module}::{name}"
    for module, _, names in (line.partition(": ") for line in _PATHS.strip().splitlines())
    for name in names.split()
}
"""Types and traits that people name without a thought: name → path."""
