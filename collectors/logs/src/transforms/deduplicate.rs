//! `deduplicate`: of records that are equal in some fields the first one is sent, and when its window ends, one that
//! says how many more there were: the first of them, with the time of the last one and `vigie.repeated`.
//!
//! A window ends by the time of the records, by the time that passes while nothing comes, or early if there are too
//! many of them or they hold too much. What was left out is counted as filtered at once and its place in the file
//! is done with; the record that tells of it is made by the agent and belongs to no place. So an open window holds
//! no offset back, and a crash costs the count of what was left out in it, but no line that would not have been left
//! out. What is too large to be held is never left out.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use vigie_pipeline::otlp::attributes::{field::LOG, put_int};

use crate::condition::Subject;
use crate::fields::Fields;

/// So many windows are open at a time.
const MOST_WINDOWS: usize = 10_000;

/// So many bytes of records are held in all, ...
const MOST_HELD: usize = 1 << 20;

/// ... and of one record.
const LARGEST: usize = 64 << 10;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Deduplicate {
    within: Duration,
    windows: HashMap<u128, Window>,
    /// In the order in which they were opened, with their keys. One that has another number was opened anew since.
    order: VecDeque<(u128, u64, Instant)>,
    /// The number of the next one.
    next: u64,
    /// Bytes of what is held.
    held: usize,
    /// When the first window ends that has something to tell.
    due: Option<Instant>,
    /// What ended windows have to tell.
    ended: VecDeque<(Fields, Option<usize>)>,
}

/// How a record came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    /// Its own time, in nanoseconds since the epoch.
    pub(super) time: u64,
    /// When it was read.
    pub(super) now: Instant,
    /// What has decided where it goes; records of one key have one.
    pub(super) route: Option<usize>,
}

#[derive(Debug, Clone)]
struct Window {
    number: u64,
    /// The time of its first record, in nanoseconds since the epoch.
    since: u64,
    opened: Instant,
    /// The first record that was left out, and what came of those after it.
    held: Option<Box<Held>>,
}

#[derive(Debug, Clone)]
struct Held {
    fields: Fields,
    size: usize,
    count: i64,
    route: Option<usize>,
}

impl Deduplicate {
    pub(super) fn new(within: Duration) -> Self {
        Self {
            within,
            windows: HashMap::new(),
            order: VecDeque::new(),
            next: 0,
            held: 0,
            due: None,
            ended: VecDeque::new(),
        }
    }

    /// Whether a record of this `key` may pass.
    pub(super) fn passes(
        &mut self,
        key: u128,
        arrival: Arrival,
        fields: &Fields,
        subject: &Subject<'_>,
    ) -> bool {
        let Arrival { time, now, route } = arrival;
        self.end_before(now);
        let within = self.within.as_nanos();
        if let Some(window) = self.windows.get(&key)
            && u128::from(window.since.abs_diff(time)) >= within
        {
            self.end(key);
        }
        let Some(window) = self.windows.get_mut(&key) else {
            self.open(key, time, now);
            return true;
        };
        match &mut window.held {
            Some(held) => {
                held.count += 1;
                held.fields.time = held.fields.time.max(fields.time);
                return false;
            }
            None => {
                let size = size(fields, subject);
                if size > LARGEST {
                    return true;
                }
                let mut fields = fields.clone();
                fields.set_body(subject.body.unwrap_or(subject.line));
                window.held = Some(Box::new(Held { fields, size, count: 1, route }));
                self.held += size;
                let ends = window.opened + self.within;
                self.due = Some(self.due.map_or(ends, |due| due.min(ends)));
            }
        }
        while self.held > MOST_HELD && self.end_oldest() {}
        false
    }

    fn open(&mut self, key: u128, since: u64, opened: Instant) {
        while self.windows.len() >= MOST_WINDOWS && self.end_oldest() {}
        if self.order.len() >= 2 * MOST_WINDOWS {
            let windows = &self.windows;
            self.order.retain(|(key, number, _)| windows.get(key).is_some_and(|w| w.number == *number));
        }
        let number = self.next;
        self.next += 1;
        self.windows.insert(key, Window { number, since, opened, held: None });
        self.order.push_back((key, number, opened));
    }

    /// Ends a window; what it has to tell is among what has ended.
    fn end(&mut self, key: u128) {
        let Some(held) = self.windows.remove(&key).and_then(|window| window.held) else { return };
        let Held { mut fields, size, count, route } = *held;
        self.held -= size;
        put_int(&mut fields.attributes, LOG, "vigie.repeated", count);
        self.ended.push_back((fields, route));
    }

    /// False if there is none.
    fn end_oldest(&mut self) -> bool {
        let Some((key, number, _)) = self.order.pop_front() else { return false };
        if self.windows.get(&key).is_some_and(|window| window.number == number) {
            self.end(key);
        }
        true
    }

    /// Ends windows whose time has passed.
    pub(super) fn end_before(&mut self, now: Instant) {
        let before = self.ended.len();
        while self.order.front().is_some_and(|(.., opened)| *opened + self.within <= now) {
            self.end_oldest();
        }
        if self.ended.len() > before || self.due.is_some_and(|due| due <= now) {
            let open = self.windows.values().filter(|window| window.held.is_some());
            self.due = open.map(|window| window.opened + self.within).min();
        }
    }

    /// Ends all windows.
    pub(super) fn end_all(&mut self) {
        while self.end_oldest() {}
        self.due = None;
    }

    /// Begins anew.
    pub(super) fn forget(&mut self) {
        *self = Self::new(self.within);
    }

    /// When a window ends that has something to tell.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What an ended window has to tell.
    pub(super) fn ended(&mut self) -> Option<(Fields, Option<usize>)> {
        self.ended.pop_front()
    }
}

fn size(fields: &Fields, subject: &Subject<'_>) -> usize {
    let body = subject.body.unwrap_or(subject.line);
    size_of::<Held>()
        + fields.attributes.len()
        + fields.hidden.len()
        + fields.severity_text.len()
        + body.len()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use vigie_pipeline::otlp::view::Value;

    const SECOND: Duration = Duration::from_secs(1);
    const START: u64 = 1_700_000_000_000_000_000;

    struct Rig {
        stage: Deduplicate,
        began: Instant,
    }

    impl Rig {
        fn new() -> Self {
            Self { stage: Deduplicate::new(30 * SECOND), began: Instant::now() }
        }

        /// A record of this time, read when this much time has passed.
        fn passes(&mut self, key: u128, body: &str, time: Duration, read: Duration) -> bool {
            let at = START + time.as_nanos() as u64;
            let mut fields = Fields::default();
            fields.time = at;
            let subject = Subject { line: body, ..Subject::default() };
            let arrival = Arrival { time: at, now: self.began + read, route: None };
            self.stage.passes(key, arrival, &fields, &subject)
        }

        /// What ended windows tell: the body, the time since the start, the count.
        fn told(&mut self) -> Vec<(String, Duration, i64)> {
            let told = std::iter::from_fn(|| self.stage.ended()).map(|(fields, _)| {
                let Some(Value::Int(count)) = fields.get("vigie.repeated") else { panic!("no count") };
                (fields.body.clone().unwrap(), Duration::from_nanos(fields.time - START), count)
            });
            told.collect()
        }
    }

    #[test]
    fn the_first_one_passes_and_the_end_of_the_window_tells_of_the_others() {
        let mut rig = Rig::new();
        assert!(rig.passes(1, "first", SECOND, SECOND));
        assert!(!rig.passes(1, "second", 2 * SECOND, 2 * SECOND));
        assert!(rig.passes(2, "other", 3 * SECOND, 3 * SECOND));
        assert!(!rig.passes(1, "third", 4 * SECOND, 4 * SECOND));
        assert_eq!(rig.stage.due(), Some(rig.began + 31 * SECOND));
        rig.stage.end_before(rig.began + 30 * SECOND);
        assert_eq!(rig.told(), []);
        rig.stage.end_before(rig.began + 31 * SECOND);
        assert_eq!(rig.told(), [("second".to_owned(), 4 * SECOND, 2)]);
        assert_eq!(rig.stage.due(), None, "the other one has nothing to tell");
        assert!(rig.passes(1, "fourth", 32 * SECOND, 32 * SECOND));
    }

    #[test]
    fn what_is_read_late_is_told_apart_by_its_own_time() {
        let mut rig = Rig::new();
        for minute in 0..3 {
            assert!(rig.passes(1, "a", 60 * minute * SECOND, SECOND));
            assert!(!rig.passes(1, "b", (60 * minute + 1) * SECOND, SECOND));
        }
        let expected = [1, 61].map(|seconds| ("b".to_owned(), seconds * SECOND, 1));
        assert_eq!(rig.told(), expected);
        rig.stage.end_all();
        assert_eq!(rig.told(), [("b".to_owned(), 121 * SECOND, 1)]);
    }

    #[test]
    fn there_are_not_more_windows_than_are_allowed_and_none_is_ended_in_silence() {
        let mut rig = Rig::new();
        assert!(rig.passes(0, "oldest", SECOND, SECOND));
        assert!(!rig.passes(0, "oldest", SECOND, SECOND));
        for key in 1..=MOST_WINDOWS as u128 {
            assert!(rig.passes(key, "", SECOND, SECOND));
        }
        assert_eq!(rig.stage.windows.len(), MOST_WINDOWS);
        assert_eq!(rig.told(), [("oldest".to_owned(), SECOND, 1)]);
    }

    #[test]
    fn windows_that_were_opened_anew_many_times_take_no_memory() {
        let mut rig = Rig::new();
        for minute in 0..3 * MOST_WINDOWS as u32 {
            assert!(rig.passes(1, "a", 60 * minute * SECOND, SECOND));
        }
        assert!(rig.stage.order.len() <= 2 * MOST_WINDOWS);
        assert!(!rig.passes(1, "a", 60 * (3 * MOST_WINDOWS as u32 - 1) * SECOND, SECOND));
    }

    #[test]
    fn what_is_held_is_bounded_in_bytes() {
        let mut rig = Rig::new();
        let large = "x".repeat(50 << 10);
        for key in 0..100 {
            assert!(rig.passes(key, &large, SECOND, SECOND));
            assert!(!rig.passes(key, &large, SECOND, SECOND));
            assert!(rig.stage.held <= MOST_HELD);
        }
        let early = rig.told().len();
        rig.stage.end_all();
        assert_eq!(early + rig.told().len(), 100);
        assert!(early > 50);
        let too_large = "x".repeat(LARGEST);
        assert!(rig.passes(200, &too_large, SECOND, SECOND));
        assert!(rig.passes(200, &too_large, SECOND, SECOND), "not held, so not left out");
    }
}
