//! The series of one metric: found by the values of their labels, and bounded.
//!
//! The key of a series is the values of its labels, each ended by a byte that no text has, in a buffer that is
//! used again: a series that is known is found without an allocation. What comes when there are as many as there may
//! be goes to one more series, whose labels all say `other`.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;

/// What stands in each label of the series for what has none of its own.
pub(crate) const OTHER: &str = "other";

/// A longer label value is cut.
const LONGEST_VALUE: usize = 128;

/// Ends each value in a key; no byte of UTF-8.
const END: u8 = 0xff;

/// `value`, not longer than a label's value may be.
pub(crate) fn cut(value: &str) -> &str {
    &value[..value.floor_char_boundary(LONGEST_VALUE)]
}

/// The values of the labels of a series, one after the other. Reused.
#[derive(Debug, Clone, Default)]
pub(crate) struct Key(Vec<u8>);

impl Key {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn push(&mut self, value: &str) {
        self.0.extend_from_slice(cut(value).as_bytes());
        self.0.push(END);
    }
}

#[derive(Debug, Clone)]
struct Series<V> {
    value: V,
    /// When something was last added to it; never, if it is only there from the start.
    touched: Option<Instant>,
    /// It is there from the start, and stays.
    stays: bool,
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Table<V> {
    series: HashMap<Box<[u8]>, Series<V>, RandomState>,
    /// How many labels there are.
    labels: usize,
    most: usize,
    /// The key of the series for what has none of its own.
    other: Box<[u8]>,
    /// How long a series is told that nothing is added to.
    expire: Option<Duration>,
    /// When the next one might leave.
    next: Option<Instant>,
}

/// Where something was counted.
pub(crate) enum Found<'t, V> {
    /// In its own series.
    Own(&'t mut V),
    /// In the one for what has none of its own.
    Other(&'t mut V),
}

impl<V: Clone> Table<V> {
    pub(crate) fn new(labels: usize, most: usize, expire: Option<Duration>) -> Self {
        let mut other = Key::default();
        (0..labels).for_each(|_| other.push(OTHER));
        Self { series: HashMap::default(), labels, most, other: other.0.into(), expire, next: None }
    }

    /// A series that is there from the start, and stays.
    pub(crate) fn start(&mut self, key: &Key, value: V) {
        self.series.insert(key.0.as_slice().into(), Series { value, touched: None, stays: true });
    }

    /// Goes on with the series of the table that was there `before`, unless they are more than there may be now.
    pub(crate) fn adopt(&mut self, before: Self) {
        let known = before.series.into_iter().filter(|(_, series)| series.touched.is_some());
        let known: Vec<_> = known.collect();
        let more =
            known.iter().filter(|(key, _)| *key != self.other && !self.series.contains_key(key)).count();
        if self.series.len() + more > self.most {
            return;
        }
        for (key, series) in known {
            let stays = self.series.get(&key).is_some_and(|series| series.stays);
            self.series.insert(key, Series { stays, ..series });
        }
        self.look_ahead();
    }

    /// The series of `key`, made by `new` if it is not there.
    pub(crate) fn of(&mut self, key: &Key, now: Instant, new: impl FnOnce() -> V) -> Found<'_, V> {
        if let Some(expire) = self.expire
            && self.next.is_none()
        {
            self.next = Some(now + expire);
        }
        let is_known = self.series.contains_key(key.0.as_slice());
        let is_other = !is_known && self.series.len() >= self.most;
        let key: &[u8] = if is_other { &self.other } else { &key.0 };
        if !is_known && !self.series.contains_key(key) {
            self.series.insert(key.into(), Series { value: new(), touched: None, stays: false });
        }
        let series = self.series.get_mut(key).expect("it is there or was put there");
        series.touched = Some(now);
        if is_other { Found::Other(&mut series.value) } else { Found::Own(&mut series.value) }
    }

    /// When a series might leave.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.next
    }

    /// Lets go of what nothing was added to for too long. Whether there was such a series.
    pub(crate) fn expire(&mut self, now: Instant) -> bool {
        let Some(expire) = self.expire else { return false };
        if self.next.is_none_or(|next| next > now) {
            return false;
        }
        let before = self.series.len();
        self.series
            .retain(|_, series| series.stays || series.touched.is_some_and(|touched| touched + expire > now));
        self.look_ahead();
        self.series.len() < before
    }

    /// Finds out when the next series might leave.
    fn look_ahead(&mut self) {
        let oldest =
            self.series.values().filter(|series| !series.stays).filter_map(|series| series.touched).min();
        self.next = oldest.zip(self.expire).map(|(touched, expire)| touched + expire);
    }

    /// Each series with the values of its labels, in their order.
    pub(crate) fn each<'t>(&'t self, mut then: impl FnMut(&[&'t str], &'t V)) {
        let mut all: Vec<_> = self.series.iter().collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        let mut values = Vec::with_capacity(self.labels);
        for (key, series) in all {
            values.clear();
            let texts = key.split(|byte| *byte == END).take(self.labels);
            values.extend(texts.map(|text| std::str::from_utf8(text).unwrap_or_default()));
            then(&values, &series.value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(values: &[&str]) -> Key {
        let mut key = Key::default();
        values.iter().for_each(|value| key.push(value));
        key
    }

    fn count(table: &mut Table<u64>, values: &[&str], now: Instant) -> bool {
        match table.of(&key(values), now, || 0) {
            Found::Own(value) => {
                *value += 1;
                true
            }
            Found::Other(value) => {
                *value += 1;
                false
            }
        }
    }

    fn told(table: &Table<u64>) -> Vec<(String, u64)> {
        let mut told = Vec::new();
        table.each(|values, value| told.push((values.join("|"), *value)));
        told
    }

    fn rows(rows: &[(&str, u64)]) -> Vec<(String, u64)> {
        rows.iter().map(|(labels, value)| ((*labels).to_owned(), *value)).collect()
    }

    #[test]
    fn what_has_no_place_is_counted_as_other() {
        let now = Instant::now();
        let mut table = Table::new(2, 2, None);
        for (values, own) in [
            (["a", ""], true),
            (["b", "x"], true),
            (["c", "y"], false),
            (["a", ""], true),
            (["d", ""], false),
        ] {
            assert_eq!(count(&mut table, &values, now), own);
        }
        assert_eq!(told(&table), rows(&[("a|", 2), ("b|x", 1), ("other|other", 2)]));
    }

    #[test]
    fn a_value_called_other_is_no_second_series() {
        let now = Instant::now();
        let mut table = Table::new(1, 2, None);
        for value in ["other", "a", "b"] {
            count(&mut table, &[value], now);
        }
        assert_eq!(told(&table), rows(&[("a", 1), ("other", 2)]));
    }

    #[test]
    fn what_nothing_was_added_to_leaves_and_what_was_there_from_the_start_stays() {
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        let mut table = Table::new(1, 2, Some(Duration::from_secs(10)));
        table.start(&key(&["first"]), 0);
        count(&mut table, &["a"], later(1));
        assert_eq!(table.due(), Some(later(11)));
        assert!(!table.expire(later(10)));
        count(&mut table, &["a"], later(5));
        assert!(!table.expire(later(11)), "it was touched");
        assert_eq!(table.due(), Some(later(15)));
        assert!(table.expire(later(15)));
        assert_eq!(told(&table), rows(&[("first", 0)]));
        assert!(count(&mut table, &["b"], later(16)), "there is room again");
    }

    #[test]
    fn what_was_counted_before_goes_on_and_what_nobody_asks_for_any_more_is_gone() {
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        let mut before = Table::new(1, 3, None);
        for value in ["kept", "dropped", "misspelt"] {
            before.start(&key(&[value]), 0);
        }
        for (value, seconds) in [("kept", 1), ("dropped", 2), ("dropped", 3), ("more", 4), ("more", 5)] {
            count(&mut before, &[value], later(seconds));
        }
        let mut table = Table::new(1, 3, Some(Duration::from_secs(10)));
        for value in ["kept", "new"] {
            table.start(&key(&[value]), 0);
        }
        table.adopt(before.clone());
        assert_eq!(told(&table), rows(&[("dropped", 2), ("kept", 1), ("new", 0), ("other", 2)]));
        assert_eq!(table.due(), Some(later(13)), "it is not there from the start any more");
        assert!(table.expire(later(100)));
        assert_eq!(told(&table), rows(&[("kept", 1), ("new", 0)]));

        let mut smaller = Table::new(1, 1, None);
        smaller.adopt(before);
        assert_eq!(told(&smaller), [], "more than there may be: it begins anew");
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        assert_eq!(cut(&"é".repeat(100)), "é".repeat(64));
        assert_eq!(cut(&format!("a{}", "é".repeat(100))), format!("a{}", "é".repeat(63)));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_the_bound_holds(
            seen in proptest::collection::vec(("[a-c]{0,2}", "[a-b]{0,1}"), 0..100), most in 1usize..8,
        ) {
            let now = Instant::now();
            let mut table = Table::new(2, most, None);
            let mut own = std::collections::BTreeMap::<String, u64>::new();
            let mut others = 0;
            for (one, other) in &seen {
                if count(&mut table, &[one, other], now) {
                    *own.entry(format!("{one}|{other}")).or_default() += 1;
                } else {
                    others += 1;
                }
            }
            prop_assert!(table.series.len() <= most + 1);
            let mut expected: Vec<_> = own.into_iter().chain((others > 0).then(|| ("other|other".to_owned(), others))).collect();
            let mut told = told(&table);
            expected.sort();
            told.sort();
            prop_assert_eq!(told, expected);
        }
    }
}
