"""One small problem, solved right and wrong."""

from rustml.judge import Limits
from rustml.records import Candidate

LIMITS = Limits(compile_seconds=4, run_seconds=3, cpu_seconds=0.5, memory_mb=512, disk_mb=16)

SIGNATURE = "fn double(xs: Vec<i32>) -> Vec<i32>"
TESTS = """
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles() {
        assert_eq!(double(vec![1, 2, 3]), vec![2, 4, 6]);
        assert_eq!(double(vec![-5]), vec![-10]);
    }

    #[test]
    fn keeps_nothing_as_nothing() {
        assert_eq!(double(vec![]), Vec::<i32>::new());
        assert!(double(vec![7])[0] == 14);
    }
}
"""
RIGHT = "pub fn double(xs: Vec<i32>) -> Vec<i32> {\n    xs.into_iter().map(|x| x * 2).collect()\n}\n"
WRONG = "pub fn double(xs: Vec<i32>) -> Vec<i32> {\n    xs\n}\n"


def candidate(code: str, identity: str = "c", **fields: str) -> Candidate:
    given = {"tests": TESTS, "entry_point": "double", "signature": SIGNATURE, **fields}
    return Candidate(id=identity, code=code, **given)
