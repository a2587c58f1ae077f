//! Iterators of a candidate's own making, of which only the next item is believed.
//!
//! `impl Iterator` may be any type, and its own `eq`, `count` or `fold` may say anything. Behind `Stepwise` the standard
//! library's are used, which ask for one item after the other.

/// An iterator that has only the methods that have to be written: all others are the standard library's.
#[derive(Clone)]
pub struct Stepwise<I>(pub I);

impl<I: Iterator> Iterator for Stepwise<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<I: DoubleEndedIterator> DoubleEndedIterator for Stepwise<I> {
    fn next_back(&mut self) -> Option<I::Item> {
        self.0.next_back()
    }
}

impl<I: std::iter::FusedIterator> std::iter::FusedIterator for Stepwise<I> {}

/// The same items, one by one.
pub fn stepwise<I: IntoIterator>(items: I) -> Stepwise<I::IntoIter> {
    Stepwise(items.into_iter())
}

/// The items of an iterator that names its length: the length is then a count of them, not what the iterator says.
pub fn collected<I: IntoIterator>(items: I) -> std::vec::IntoIter<I::Item> {
    let mut all = Vec::new();
    for item in items {
        all.push(item);
    }
    all.into_iter()
}
