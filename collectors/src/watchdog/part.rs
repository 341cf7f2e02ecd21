//! The part: has everything looked at, judges what was found, tells, and does what is to be done.
//!
//! Each observer looks on a thread of its own, so that files on a dead server do not keep anybody from seeing that a
//! unit has failed. One that has not come back after [`LATE`] leaves its expectations unmet, for the reason `late`; it is not
//! asked again before it is back.
//!
//! What is done runs beside the looks, so that a program which hangs does not keep anybody from looking; each entry has one
//! action done at a time.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::MissedTickBehavior;
use vigie_pipeline::batch::Envelope;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::outlet::Outlet;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Source};
use vigie_pipeline::snapshot::Slot;
use vigie_pipeline::stop::Stop;

use super::actions::Deed;
use super::entry::Entry;
use super::judge::Finding;
use super::kind::Reason;
use super::metrics::{self, Outcome, Tally};
use super::observer::{Now, Observer, Sight};
use super::post::{Done, News, Post};
use super::telemetry::Telemetry;
use crate::standings::Standings;

/// How long a look may take.
const LATE: Duration = Duration::from_secs(30);

/// The part, built. See the module.
pub(super) struct Watchdog {
    pub(super) interval: Duration,
    /// Each with its actions, in their order.
    pub(super) entries: Vec<(Entry, Vec<Deed>)>,
    /// Each with the entries that it looks at, one after the other.
    pub(super) observers: Vec<(Range<usize>, Box<dyn Observer>)>,
    pub(super) clock: Clock,
    pub(super) envelope: Arc<Envelope>,
    pub(super) standings: Arc<Standings>,
}

/// An observer with what it looks at.
struct Lookout {
    entries: Range<usize>,
    /// None while it looks.
    observer: Option<Box<dyn Observer>>,
    /// When it began.
    began: Instant,
}

/// All entries, and where is told how they stand.
struct Office {
    posts: Vec<Post>,
    standings: Arc<Standings>,
    tally: Tally,
    telemetry: Telemetry,
    slot: Slot,
    /// An empty page, to be filled next.
    spare: Page,
    clock: Clock,
}

/// An observer that has come back.
type Back = Result<(Box<dyn Observer>, Sight), tokio::task::JoinError>;

#[async_trait]
impl Source for Watchdog {
    async fn run(self: Box<Self>, outlet: Outlet, mut stop: Stop) -> Result<(), Error> {
        let Self { interval, entries, observers, clock, envelope, standings } = *self;
        // Nobody waits here for what becomes of the events; the ledger knows.
        let Outlet { events, slot, settled } = outlet;
        drop(settled);
        let mut tally = Tally::default();
        entries.iter().for_each(|(entry, _)| tally.declare(entry));
        let acts = entries.iter().any(|(_, deeds)| !deeds.is_empty());
        let post = |(entry, deeds)| Post::new(entry, deeds, &standings);
        let mut office = Office {
            posts: entries.into_iter().map(post).collect(),
            standings: Arc::clone(&standings),
            tally,
            telemetry: Telemetry::new(events, envelope, acts),
            slot,
            spare: Page::default(),
            clock: clock.clone(),
        };
        office.publish();
        let began = clock.monotonic();
        let lookout = |(entries, observer)| Lookout { entries, observer: Some(observer), began };
        let mut lookouts: Vec<Lookout> = observers.into_iter().map(lookout).collect();
        let mut looking = FuturesUnordered::new();
        let mut acting: FuturesUnordered<BoxFuture<'static, (usize, Vec<Done>)>> = FuturesUnordered::new();
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.stopped() => return Ok(()),
                _ = ticks.tick() => {
                    let now = Now { monotonic: clock.monotonic(), wall: clock.wall() };
                    for (number, lookout) in lookouts.iter_mut().enumerate() {
                        match lookout.observer.take() {
                            Some(observer) => {
                                lookout.began = now.monotonic;
                                looking.push(look(number, observer, now));
                            }
                            None if now.monotonic.saturating_duration_since(lookout.began) >= LATE => {
                                office.late(lookout.entries.clone());
                            }
                            None => {}
                        }
                    }
                }
                Some((number, back)) = looking.next() => {
                    let (observer, sight) = Back::map_err(back, |panic| format!("look: {panic}"))?;
                    let lookout: &mut Lookout = &mut lookouts[number];
                    lookout.observer = Some(observer);
                    office.judge(lookout.entries.clone(), sight);
                    for at in lookout.entries.clone() {
                        if let Some(doing) = office.decide(at) {
                            acting.push(Box::pin(async move { (at, doing.await) }));
                        }
                    }
                }
                Some((at, done)) = acting.next() => office.done(at, done),
            }
        }
    }
}

/// Has an observer look, on a thread where it may block.
fn look(number: usize, mut observer: Box<dyn Observer>, now: Now) -> BoxFuture<'static, (usize, Back)> {
    let task = tokio::task::spawn_blocking(move || {
        let sight = observer.look(now);
        (observer, sight)
    });
    Box::pin(async move { (number, task.await) })
}

impl Office {
    /// A look has come back from these entries.
    fn judge(&mut self, entries: Range<usize>, sight: Sight) {
        let (now, time) = (self.clock.monotonic(), self.clock.unix_nanos());
        let (mut findings, mut members) = (sight.findings.into_iter(), sight.members.into_iter());
        let mut has_news = false;
        for post in &mut self.posts[entries] {
            post.members = members.next().unwrap_or_default();
            let judges = post.judges.iter_mut().zip(&post.entry.expectations).zip(&mut post.findings);
            for ((judge, expectation), found) in judges {
                let Some(finding) = findings.next() else { break };
                let before = judge.verdict();
                let change = judge.look(finding.wrong, now);
                has_news |= before != judge.verdict();
                if let Some(change) = change {
                    self.telemetry.changed(&post.entry, expectation, &finding, change, time);
                }
                *found = Some(finding);
            }
            post.standing.report(post.judges.iter().all(|judge| judge.reason().is_none()));
        }
        self.telemetry.flush();
        if has_news {
            self.publish();
        }
    }

    /// A look at these entries does not come back.
    fn late(&mut self, entries: Range<usize>) {
        let late = Finding::new(Some(Reason::Late), "the look at it has not come back");
        let count = self.posts[entries.clone()].iter().map(|post| post.judges.len()).sum();
        self.judge(entries, Sight { findings: vec![late; count], members: Vec::new() });
    }

    /// What is to be done about the entry at this place, now that it was judged.
    fn decide(&mut self, at: usize) -> Option<super::post::Doing> {
        let post = &mut self.posts[at];
        let was_exhausted: Vec<bool> = (0..post.entry.actions.len()).map(|n| post.is_exhausted(n)).collect();
        let (news, doing) = post.decide(self.clock.monotonic(), &self.clock, &self.standings);
        let is_changed = was_exhausted.iter().enumerate().any(|(n, was)| *was != post.is_exhausted(n));
        let has_news = is_changed || !news.is_empty();
        for (action, news) in news {
            self.tell(at, action, &news);
        }
        if has_news {
            self.telemetry.flush();
            self.publish();
        }
        doing
    }

    /// Something was done about the entry at this place.
    fn done(&mut self, at: usize, done: Vec<Done>) {
        self.posts[at].done(&done, self.clock.monotonic());
        for done in done {
            self.tell(at, done.action, &News::Done(done));
        }
        self.telemetry.flush();
        self.publish();
    }

    fn tell(&mut self, at: usize, action: usize, news: &News) {
        let entry = &self.posts[at].entry;
        let action = &entry.actions[action];
        let outcome = match news {
            News::DryRun(_) => Outcome::DryRun,
            News::Suppressed(..) => Outcome::Suppressed,
            News::Exhausted(_) => Outcome::Exhausted,
            News::Done(done) if done.report.result.is_ok() => Outcome::Succeeded,
            News::Done(_) => Outcome::Failed,
        };
        self.tally.count(&entry.name, action.key(), outcome);
        self.telemetry.action(entry, action, news, outcome, self.clock.unix_nanos());
    }

    fn publish(&mut self) {
        let mut page = std::mem::take(&mut self.spare);
        for post in &self.posts {
            for (expectation, judge) in post.entry.expectations.iter().zip(&post.judges) {
                metrics::write(&mut page, &post.entry, expectation, judge);
            }
        }
        self.tally.write(&mut page, |name, key| {
            let of_name = self.posts.iter().filter(|post| post.entry.name == name);
            of_name.into_iter().any(|post| {
                let actions = post.entry.actions.iter().enumerate();
                actions.into_iter().any(|(number, action)| action.key() == key && post.is_exhausted(number))
            })
        });
        self.spare = self.slot.publish(page);
    }
}

#[cfg(test)]
mod tests;
