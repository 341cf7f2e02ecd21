//! How one job stands: what is kept of it over restarts, and what becomes of that when it checks in or time passes.
//!
//! Times are of the wall clock, as schedules are. A time that lies in the future, because the clock was set back since,
//! is taken to be now: else the job would not be missed before the clock has come there again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vigie_pipeline::clock::Clock;

use super::check_in::{CheckIn, Ending, Outcome, What};
use super::name::JobName;
use super::schedule::Expected;

/// As many runs that have ended are remembered, so that none is counted twice.
const REMEMBERED: usize = 32;

/// Now, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) wall: Timestamp,
    pub(super) monotonic: Instant,
}

impl Moment {
    pub(super) fn of(clock: &Clock) -> Self {
        Self { wall: now(clock), monotonic: clock.monotonic() }
    }
}

/// The wall clock; the epoch where it says what no date is.
pub(super) fn now(clock: &Clock) -> Timestamp {
    Timestamp::try_from(clock.wall()).unwrap_or_default()
}

/// Something that is worth a log record.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum News {
    /// A run has ended.
    Ended { at: Timestamp, ending: Ending },
    /// A run was overtaken by the next before it told of its end.
    Lost { at: Timestamp, started: Timestamp },
    /// It should have succeeded by then.
    Overdue { at: Timestamp, since: Timestamp, last_success: Option<Timestamp> },
    /// It is overdue no longer.
    Back { at: Timestamp },
}

/// A run that has not ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Running {
    run: Option<String>,
    #[serde(with = "millis")]
    pub(super) started: Timestamp,
    /// If this process has seen it start.
    #[serde(skip)]
    began: Option<Instant>,
}

/// See the module.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Standing {
    pub(super) name: JobName,
    /// Whether the configuration has it.
    pub(super) configured: bool,
    /// What it said itself of how old its last success may become.
    brought: Option<Duration>,
    /// Since when it is known.
    #[serde(with = "millis")]
    since: Timestamp,
    /// When it last checked in.
    #[serde(with = "millis::option")]
    heard: Option<Timestamp>,
    #[serde(with = "millis::option")]
    pub(super) last_success: Option<Timestamp>,
    /// When a run last ended.
    #[serde(with = "millis::option")]
    pub(super) last_end: Option<Timestamp>,
    /// Of the last run whose duration is known.
    pub(super) last_duration: Duration,
    pub(super) last_exit_code: u8,
    /// Of the last run of which it is known, in bytes.
    pub(super) last_peak_memory: Option<u64>,
    success: u64,
    failure: u64,
    lost: u64,
    pub(super) running: Option<Running>,
    ended: VecDeque<String>,
    pub(super) overdue: bool,
    /// What the configuration expects of it.
    #[serde(skip)]
    expected: Expected,
    /// Until when there must be a success.
    #[serde(skip)]
    pub(super) deadline: Option<Timestamp>,
}

impl Standing {
    /// A job of which nothing is known yet.
    pub(super) fn new(name: JobName, now: Timestamp) -> Self {
        Self {
            name,
            configured: false,
            brought: None,
            since: now,
            heard: None,
            last_success: None,
            last_end: None,
            last_duration: Duration::ZERO,
            last_exit_code: 0,
            last_peak_memory: None,
            success: 0,
            failure: 0,
            lost: 0,
            running: None,
            ended: VecDeque::new(),
            overdue: false,
            expected: Expected::default(),
            deadline: None,
        }
    }

    /// From now on this is expected of it, or, without a place in the configuration, what it said itself.
    pub(super) fn expect(&mut self, configured: Option<Expected>) {
        self.configured = configured.is_some();
        self.expected = configured.unwrap_or_default();
        self.reckon();
    }

    fn reckon(&mut self) {
        let max_age = self.expected.max_age.or(self.brought);
        let expected = Expected { max_age, ..self.expected.clone() };
        self.deadline = expected.deadline(self.last_success.unwrap_or(self.since));
    }

    /// Whether it may be forgotten: nobody expects it, and it was not heard of for so long.
    pub(super) fn is_stale(&self, now: Timestamp, age: Duration) -> bool {
        let heard = self.heard.unwrap_or(self.since);
        let silent = now.duration_since(heard).unsigned_abs();
        !self.configured && self.brought.is_none() && heard < now && silent > age
    }

    /// How many runs had that outcome.
    pub(super) const fn runs(&self, outcome: Outcome) -> u64 {
        match outcome {
            Outcome::Success => self.success,
            Outcome::Failure => self.failure,
            Outcome::Lost => self.lost,
        }
    }

    /// It has checked in.
    pub(super) fn check_in(&mut self, check_in: CheckIn, now: Moment) -> Vec<News> {
        if check_in.run.as_ref().is_some_and(|run| self.ended.contains(run)) {
            return Vec::new();
        }
        self.heard = Some(now.wall);
        self.brought = check_in.max_age.or(self.brought);
        let at = check_in.at.min(now.wall);
        let mut news = match check_in.what {
            What::Start => self.start(check_in.run, at, now),
            What::End(ending) => vec![self.end(check_in.run, ending, at, now)],
        };
        self.reckon();
        news.extend(self.judge(now.wall));
        news
    }

    fn start(&mut self, run: Option<String>, at: Timestamp, now: Moment) -> Vec<News> {
        let running = Running { run, started: at, began: Some(now.monotonic) };
        match self.running.replace(running) {
            None => Vec::new(),
            // The same report once more.
            Some(before) if before.run.is_some() && before.run == self.run() => {
                self.running = Some(before);
                Vec::new()
            }
            Some(before) => {
                self.lost += 1;
                vec![News::Lost { at, started: before.started }]
            }
        }
    }

    fn run(&self) -> Option<String> {
        self.running.as_ref()?.run.clone()
    }

    fn end(&mut self, run: Option<String>, mut ending: Ending, at: Timestamp, now: Moment) -> News {
        // Another run that was overtaken, or began before anybody listened, leaves the present one alone.
        if let Some(running) = self.running.take_if(|running| running.run == run) {
            let seen = running.began.map(|began| now.monotonic.saturating_duration_since(began));
            let told = || at.duration_since(running.started).try_into().unwrap_or_default();
            ending.duration = Some(ending.duration.unwrap_or_else(|| seen.unwrap_or_else(told)));
        }
        if let Some(run) = run {
            self.ended.push_back(run);
            while self.ended.len() > REMEMBERED {
                self.ended.pop_front();
            }
        }
        match ending.exit.outcome() {
            Outcome::Success => {
                self.success += 1;
                self.last_success = self.last_success.max(Some(at));
            }
            _ => self.failure += 1,
        }
        // A report that comes late says nothing of the last run.
        if self.last_end.is_none_or(|last| at >= last) {
            self.last_end = Some(at);
            self.last_exit_code = ending.exit.code();
            self.last_duration = ending.duration.unwrap_or(self.last_duration);
            self.last_peak_memory = ending.peak_memory.or(self.last_peak_memory);
        }
        News::Ended { at, ending }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Timestamp) -> Option<News> {
        let ahead = |time: Option<Timestamp>| time.is_some_and(|time| time > now);
        if self.since > now || ahead(self.last_success) || ahead(self.last_end) || ahead(self.heard) {
            self.since = self.since.min(now);
            for time in [&mut self.last_success, &mut self.last_end, &mut self.heard] {
                *time = time.map(|time| time.min(now));
            }
            self.reckon();
        }
        self.judge(now)
    }

    fn judge(&mut self, now: Timestamp) -> Option<News> {
        let missed = self.deadline.filter(|deadline| *deadline < now);
        if missed.is_some() == self.overdue {
            return None;
        }
        self.overdue = missed.is_some();
        Some(match missed {
            Some(since) => News::Overdue { at: now, since, last_success: self.last_success },
            None => News::Back { at: now },
        })
    }
}

/// Times as milliseconds since the Unix epoch.
mod millis {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(time.as_millisecond())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        Timestamp::from_millisecond(i64::deserialize(deserializer)?).map_err(de::Error::custom)
    }

    pub(super) mod option {
        use jiff::Timestamp;
        use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

        pub(in super::super) fn serialize<S: Serializer>(
            time: &Option<Timestamp>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            time.map(Timestamp::as_millisecond).serialize(serializer)
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<Timestamp>, D::Error> {
            let millis = Option::<i64>::deserialize(deserializer)?;
            millis.map(Timestamp::from_millisecond).transpose().map_err(de::Error::custom)
        }
    }
}

#[cfg(test)]
mod tests;
