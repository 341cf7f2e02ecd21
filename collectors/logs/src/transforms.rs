//! What is done with records on their way out, in the order of the configuration: fewer of them ([`sample`],
//! [`rate_limit`], [`deduplicate`], keep and drop), other [`attributes`], and where they go.
//!
//! A [`Chain`] works on the encoded attributes of one record after the other. Its state is that of a source, shared by
//! all files. What leaves a record out says by what, which is the reason in the ledger. All that depends on time
//! depends on the record's own, where it has one, and all that is chance on its place in the file: what is read again
//! meets the same fate, as far as its state goes. For a destination that lags behind and reads for itself there is a
//! chain of its own, which goes on from the state that there was when it was set apart; records without a time of their
//! own are neither limited nor deduplicated in it: they come faster than they were written.

mod attributes;
mod config;
mod deduplicate;
mod hash;
mod rate_limit;
mod sample;

use std::borrow::Cow;
use std::ops::Range;
use std::time::Instant;

use vigie_pipeline::outlet::Route as Destinations;

pub use config::{Deduplicate, RateLimit, Route, Sample, Transform};
pub(crate) use hash::mixed;

use crate::condition::{Condition, Matcher, Subject};
use crate::fields::Fields;
use attributes::{Add, Rename};
use hash::Keys;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    steps: Vec<Step>,
    keys: Keys,
    /// Whether what comes was read before.
    is_again: bool,
    /// The step that left out the last record.
    stopped_by: Option<usize>,
    scratch: String,
    /// What is taken out of the attributes. Reused.
    pieces: Vec<Range<usize>>,
}

#[derive(Debug, Clone)]
enum Step {
    Keep(Matcher),
    Drop(Matcher),
    Sample(Option<Matcher>, sample::Sample),
    RateLimit(Option<Matcher>, Vec<String>, rate_limit::RateLimit),
    Deduplicate(Option<Matcher>, Vec<String>, Box<deduplicate::Deduplicate>),
    Rename(Rename),
    Add(Add),
    Remove(Vec<String>),
    Lift(Vec<String>),
    Route(Option<Matcher>, Destinations),
}

/// When and where a record was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) now: Instant,
    /// Nanoseconds since the epoch.
    pub(crate) observed: u64,
    /// A number of the file and the position in it.
    pub(crate) place: u64,
}

/// Takes a record that is to be sent: its fields, its line, and its destinations if they are not all.
pub(crate) type Sink<'s> = &'s mut dyn FnMut(&Fields, &str, Option<&Destinations>);

/// Which open windows of equal records end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Those whose time has passed.
    Due,
    /// All: nothing will follow.
    All,
}

impl Chain {
    /// Fields are `resolved` to what their format calls them.
    ///
    /// # Errors
    /// If a regex does not compile, or is too large.
    pub(crate) fn new(
        transforms: &[Transform],
        resolved: impl Fn(&str) -> Cow<'_, str>,
    ) -> Result<Self, regex::Error> {
        let mut made = Vec::new();
        let mut steps = Vec::new();
        for transform in transforms {
            // What a step before has made is called as that says.
            let resolved = |name: &str| {
                if made.contains(&name) { name.to_owned() } else { resolved(name).into_owned() }
            };
            steps.push(Step::new(transform, &resolved)?);
            match transform {
                Transform::Rename(names) => made.extend(names.values().map(String::as_str)),
                Transform::Add(attributes) => made.extend(attributes.keys().map(String::as_str)),
                _ => {}
            }
        }
        Ok(Self {
            steps,
            keys: Keys::default(),
            is_again: false,
            stopped_by: None,
            scratch: String::new(),
            pieces: Vec::new(),
        })
    }

    /// The same for what is read again for a destination that lags behind: what follows, from here on.
    pub(crate) fn again(&self) -> Self {
        Self { is_again: true, ..self.clone() }
    }

    /// Begins anew: what comes next does not follow what came last.
    pub(crate) fn forget(&mut self) {
        for step in &mut self.steps {
            match step {
                Step::RateLimit(.., limit) => limit.forget(),
                Step::Deduplicate(.., windows) => windows.forget(),
                _ => {}
            }
        }
    }

    /// Whether there is nothing to be done.
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The next record comes.
    pub(crate) fn begin(&mut self) {
        self.stopped_by = None;
    }

    /// The number of the step that left out the record.
    pub(crate) fn stopped_by(&self) -> Option<usize> {
        self.stopped_by
    }

    /// Changes the record and has it sent. The reason if it is left out instead.
    pub(crate) fn run(
        &mut self,
        fields: &mut Fields,
        line: &str,
        reading: Reading,
        send: Sink<'_>,
    ) -> Result<(), &'static str> {
        self.run_from(0, None, fields, line, reading, send)
    }

    /// From the step `first` on; `route` is the step that has decided where it goes.
    fn run_from(
        &mut self,
        first: usize,
        mut route: Option<usize>,
        fields: &mut Fields,
        line: &str,
        reading: Reading,
        send: Sink<'_>,
    ) -> Result<(), &'static str> {
        for number in first..self.steps.len() {
            let subject = Subject::of(fields, line);
            let scratch = &mut self.scratch;
            let own_time = (fields.time != 0).then_some(fields.time);
            let time = own_time.or((!self.is_again).then_some(reading.observed));
            let mut meets =
                |when: &Option<Matcher>| when.as_ref().is_none_or(|when| when.holds(&subject, scratch));
            self.stopped_by = Some(number);
            match &mut self.steps[number] {
                Step::Keep(condition) => {
                    if !condition.holds(&subject, scratch) {
                        return Err("keep");
                    }
                }
                Step::Drop(condition) => {
                    if condition.holds(&subject, scratch) {
                        return Err("drop");
                    }
                }
                Step::Sample(when, sample) => {
                    if meets(when) && !sample.passes(&subject, reading.place, scratch) {
                        return Err("sample");
                    }
                }
                Step::RateLimit(when, key, limit) => {
                    if let Some(time) = time.filter(|_| meets(when))
                        && !limit.passes(self.keys.of(&subject, key, scratch), time)
                    {
                        return Err("rate_limit");
                    }
                }
                Step::Deduplicate(when, names, windows) => {
                    let Some(time) = time.filter(|_| meets(when)) else { continue };
                    // What goes elsewhere is nobody's copy.
                    let key =
                        self.keys.of(&subject, names, scratch) ^ route.map_or(0, |step| step as u128 + 1);
                    let arrival = deduplicate::Arrival { time, now: reading.now, route };
                    let passes = windows.passes(key, arrival, fields, &subject);
                    self.tell(number, reading, send);
                    self.stopped_by = Some(number);
                    if !passes {
                        return Err("deduplicate");
                    }
                }
                Step::Rename(rename) => rename.apply(&mut fields.attributes, &mut self.pieces),
                Step::Add(add) => add.apply(&mut fields.attributes, &mut self.pieces),
                Step::Remove(names) => attributes::remove(&mut fields.attributes, names, &mut self.pieces),
                Step::Lift(names) => {
                    names.iter().for_each(|name| attributes::lift(&mut fields.attributes, name));
                }
                Step::Route(when, _) => {
                    if route.is_none() && meets(when) {
                        route = Some(number);
                    }
                }
            }
        }
        let to = route.and_then(|number| match &self.steps[number] {
            Step::Route(_, to) => Some(to),
            _ => None,
        });
        send(fields, line, to);
        Ok(())
    }

    /// Has sent what the step of this number has to tell of ended windows.
    fn tell(&mut self, number: usize, reading: Reading, send: Sink<'_>) {
        loop {
            let Step::Deduplicate(.., windows) = &mut self.steps[number] else { return };
            let Some((mut fields, route)) = windows.ended() else { return };
            let line = fields.body.take().unwrap_or_default();
            // No line is left out by leaving it out.
            let _ = self.run_from(number + 1, route, &mut fields, &line, reading, send);
        }
    }

    /// When a window of equal records ends that has something to tell.
    pub(crate) fn due(&self) -> Option<Instant> {
        let due = self.steps.iter().filter_map(|step| match step {
            Step::Deduplicate(.., windows) => windows.due(),
            _ => None,
        });
        due.min()
    }

    /// Has sent what there is to tell of windows that end.
    pub(crate) fn end_windows(&mut self, which: Ending, reading: Reading, send: Sink<'_>) {
        for number in 0..self.steps.len() {
            let Step::Deduplicate(.., windows) = &mut self.steps[number] else { continue };
            match which {
                Ending::Due => windows.end_before(reading.now),
                Ending::All => windows.end_all(),
            }
            self.tell(number, reading, send);
        }
    }
}

impl Step {
    fn new(transform: &Transform, resolved: &dyn Fn(&str) -> String) -> Result<Self, regex::Error> {
        let matcher =
            |condition: &Condition| Ok(Matcher::new(condition)?.with_names(|name| resolved(name).into()));
        let when = |when: &Option<Condition>| when.as_ref().map(matcher).transpose();
        let names = |names: &[String]| names.iter().map(|name| resolved(name)).collect::<Vec<_>>();
        Ok(match transform {
            Transform::Keep(condition) => Self::Keep(matcher(condition)?),
            Transform::Drop(condition) => Self::Drop(matcher(condition)?),
            Transform::Sample(sample) => {
                let by = sample.by.as_ref().map(|name| resolved(name));
                Self::Sample(when(&sample.when)?, sample::Sample::new(sample.ratio, by))
            }
            Transform::RateLimit(limit) => {
                let buckets = rate_limit::RateLimit::new(limit.records, limit.per.0);
                Self::RateLimit(when(&limit.when)?, names(&limit.key), buckets)
            }
            Transform::Deduplicate(deduplicate) => {
                let windows = Box::new(deduplicate::Deduplicate::new(deduplicate.within.0));
                Self::Deduplicate(when(&deduplicate.when)?, names(&deduplicate.fields), windows)
            }
            Transform::Rename(renamed) => {
                let renamed = renamed.iter().map(|(old, new)| (resolved(old), new.clone()));
                Self::Rename(Rename::new(renamed.collect()))
            }
            Transform::Add(attributes) => Self::Add(Add::new(attributes)),
            Transform::Remove(removed) => Self::Remove(names(removed)),
            Transform::Lift(lifted) => Self::Lift(names(lifted)),
            Transform::Route(route) => {
                let to = route.to.iter().map(|name| name.as_str().into()).collect();
                Self::Route(when(&route.when)?, to)
            }
        })
    }
}

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;
