//! The one who writes and reads the files of a spool. It blocks on the disk, so it has a thread of its own;
//! whoever runs it builds another when it panics.

mod intake;
mod trouble;

use std::io;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::files::{Files, Read, Stored};
use super::medium::Medium;
use super::shelf::{Item, cost};
use super::{Ending, Spool};
use crate::queue::Queue;
use crate::receipt::DropReason;
use trouble::{Attempt, Trouble};

/// At most so often the cursor is saved.
const SAVE_EVERY: Duration = Duration::from_millis(200);
/// What failed is tried again so much later.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Damage is told at most so often.
const DAMAGE_EVERY: Duration = Duration::from_secs(10);
/// A segment whose reading has failed so often is given up.
const MOST_READ_FAILURES: u32 = 3;
/// A segment that is shorter is not removed only because all of it is delivered.
const WORTH_REMOVING: u64 = 1 << 20;

type OpenMedium = dyn Fn(&Spool) -> io::Result<Box<dyn Medium>> + Send;

/// See the module.
pub struct Clerk {
    queue: Arc<Queue>,
    spool: Arc<Spool>,
    open_medium: Box<OpenMedium>,
    files: Option<Files>,
    began: Instant,
    /// Nothing is written before.
    write_at: Instant,
    /// Nothing that can be read again is written before, if exporters lag.
    holds_until: Instant,
    save_at: Instant,
    read_at: Instant,
    read_failures: u32,
    trouble: Option<Trouble>,
    /// `max_size` is reached, since then.
    full: Option<Instant>,
    damage_told: Option<Instant>,
}

impl Clerk {
    /// Of the spool of `queue`, if it has one. There must be one at a time.
    #[must_use]
    pub fn of(queue: &Arc<Queue>) -> Option<Self> {
        Self::with(queue, |spool| spool.open_medium())
    }

    pub(super) fn with(
        queue: &Arc<Queue>,
        open_medium: impl Fn(&Spool) -> io::Result<Box<dyn Medium>> + Send + 'static,
    ) -> Option<Self> {
        let spool = Arc::clone(queue.spool()?);
        let now = spool.clock.monotonic();
        Some(Self {
            queue: Arc::clone(queue),
            spool,
            open_medium: Box::new(open_medium),
            files: None,
            began: now,
            write_at: now,
            holds_until: now,
            save_at: now,
            read_at: now,
            read_failures: 0,
            trouble: None,
            full: None,
            damage_told: None,
        })
    }

    /// Works until asked to end. Blocks.
    pub fn run(mut self) {
        loop {
            let wait = self.turn();
            let mut desk = self.spool.desk();
            if let Some(ending) = desk.ending {
                drop(desk);
                return self.finish(ending);
            }
            match wait {
                _ if desk.poked => {}
                Some(wait) => {
                    let waited = self.spool.work.wait_timeout_while(desk, wait, |desk| !desk.poked);
                    desk = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                None => {
                    let waited = self.spool.work.wait_while(desk, |desk| !desk.poked);
                    desk = waited.unwrap_or_else(PoisonError::into_inner);
                }
            }
            desk.poked = false;
        }
    }

    /// Does what there is to do; tells how long nothing will be, `None` for until something happens.
    pub(super) fn turn(&mut self) -> Option<Duration> {
        let now = self.spool.clock.monotonic();
        if self.files.is_none() {
            if now < self.write_at {
                return Some(self.write_at - now);
            }
            if let Err(error) = self.open() {
                self.failed(now, &error, Attempt::Open);
                return Some(RETRY_AFTER);
            }
        }
        let writes_again = self.write(now);
        let reads_again = self.refill(now);
        let saves_again = self.tidy(now, false);
        self.has_room_again(now);
        if let Some(files) = &self.files {
            self.spool.meters.files(files.bytes(), files.segments());
        }
        self.spool.meters.shelf(&self.spool.desk().shelf);
        [writes_again, reads_again, saves_again].into_iter().flatten().min()
    }

    fn open(&mut self) -> io::Result<()> {
        let (files, found) = Files::open((self.open_medium)(&self.spool)?, self.spool.signal)?;
        let (exporter, signal) = (&*self.spool.exporter, self.spool.signal.as_str());
        let directory = self.spool.directory().display();
        self.spool.meters.corrupt.inc_by(found.damaged);
        self.spool.meters.torn.inc_by(u64::from(found.torn));
        if found.damaged + found.foreign > 0 {
            let (damaged, foreign) = (found.damaged, found.foreign);
            warn!(exporter, signal, damaged, foreign, "files of the spool were set aside in {directory}");
        }
        if !found.strangers.is_empty() {
            warn!(exporter, signal, files = ?found.strangers, "not files of a spool, left alone in {directory}");
        }
        let mut desk = self.spool.desk();
        let recovered = if desk.opened {
            // The clerk before this one has fallen: what is on the shelf is right, and what it was writing may
            // be in the files all the same.
            let more = found.end.saturating_sub(desk.shelf.end);
            desk.shelf.end += more;
            more
        } else {
            desk.shelf.open(found.position, found.end);
            // From the first moment on the cursor tells what was there, if the first record is damaged later.
            desk.shelf.moved = found.is_guessed;
            desk.opened = true;
            found.end - found.position
        };
        drop(desk);
        self.spool.meters.recovered.inc_by(recovered);
        if recovered > 0 {
            info!(
                exporter,
                signal,
                events = recovered,
                bytes = files.bytes(),
                "found in the spool: they will be delivered"
            );
        }
        self.files = Some(files);
        self.succeeded(Attempt::Open);
        Ok(())
    }

    // Out

    /// Reads what the exporter will want next. When to be called again.
    fn refill(&mut self, now: Instant) -> Option<Duration> {
        let files = self.files.as_mut()?;
        let spool = &self.spool;
        let mut desk = spool.desk();
        while desk.shelf.held() > spool.allowance.bytes()
            && let Some(place) = desk.shelf.put_down()
        {
            files.go_to(place);
        }
        if now < self.read_at {
            return Some(self.read_at - now);
        }
        let mut found_any = false;
        while desk.shelf.has_unread()
            && (desk.shelf.held() < spool.allowance.bytes() || !desk.shelf.has_ready())
        {
            let read_to = desk.shelf.read_to;
            drop(desk);
            let read = files.read();
            desk = spool.desk();
            match read {
                Ok(Read::Batch(stored)) if stored.event + u64::from(stored.batch.count) <= read_to => {}
                Ok(Read::Batch(stored)) => {
                    let Some(hold) = spool.allowance.hold(desk.shelf.held(), cost(&stored.batch)) else {
                        files.go_to(stored.place);
                        break;
                    };
                    let Stored { place, event, written, batch } = stored;
                    // Of a batch that is only partly new, all is delivered again.
                    spool.meters.recovered.inc_by(read_to.saturating_sub(event));
                    let lost = desk.shelf.ready(Item { event, place, written, batch, hold });
                    desk.shelf.moved |= lost > 0;
                    spool.meters.dropped(lost, DropReason::SpoolDamaged);
                    found_any = true;
                }
                Ok(Read::Damage(damage)) if damage.torn => spool.meters.torn.inc(),
                Ok(Read::Damage(_)) => {
                    spool.meters.corrupt.inc();
                    if self.damage_told.is_none_or(|told| now - told >= DAMAGE_EVERY) {
                        self.damage_told = Some(now);
                        let (exporter, signal) = (&*spool.exporter, spool.signal.as_str());
                        let directory = spool.directory().display();
                        warn!(
                            exporter,
                            signal,
                            "the spool is damaged: what is left of it is delivered, the rest is in {directory}/quarantine"
                        );
                    }
                }
                Ok(Read::End) => {
                    let lost = desk.shelf.lose_unread();
                    desk.shelf.moved = true;
                    spool.meters.dropped(lost, DropReason::SpoolDamaged);
                }
                Err(error) => {
                    drop(desk);
                    self.cannot_read(now, &error);
                    return Some(RETRY_AFTER);
                }
            }
            self.read_failures = 0;
        }
        drop(desk);
        if found_any || self.queue.is_drained() {
            self.queue.notify_takers();
        }
        None
    }

    fn cannot_read(&mut self, now: Instant, error: &io::Error) {
        self.read_at = now + RETRY_AFTER;
        self.read_failures += 1;
        let (exporter, signal) = (&*self.spool.exporter, self.spool.signal.as_str());
        if self.read_failures == 1 {
            warn!(exporter, signal, "read the spool: {error}");
        }
        if self.read_failures >= MOST_READ_FAILURES
            && let Some(files) = self.files.as_mut()
        {
            self.read_failures = 0;
            files.give_up_segment();
            self.spool.meters.corrupt.inc();
            warn!(exporter, signal, "a segment of the spool cannot be read: set aside");
        }
    }

    // Order

    /// Saves the cursor if it is time to, and removes what is delivered. When to be called again.
    fn tidy(&mut self, now: Instant, at_once: bool) -> Option<Duration> {
        let files = self.files.as_mut()?;
        let mut desk = self.spool.desk();
        let (cursor, end) = (desk.shelf.cursor(), desk.shelf.end);
        if cursor == end && (at_once || files.active_len() >= WORTH_REMOVING) {
            files.seal();
        }
        let mut save_at = self.save_at;
        if !desk.shelf.moved && cursor == files.cursor() {
            self.trouble.as_ref()?;
            // Only to see whether it can be saved now: there may be nothing else to write.
            save_at = save_at.max(self.write_at);
        }
        if now < save_at && !at_once {
            return Some(save_at - now);
        }
        desk.shelf.moved = false;
        drop(desk);
        self.save_at = now + SAVE_EVERY;
        let mut saved = files.save_cursor(cursor);
        if saved.is_err() && files.forget_delivered(cursor, end) {
            // A full disk has room for a cursor when something has gone.
            saved = files.save_cursor(cursor);
        }
        match saved.and_then(|()| files.remove_delivered(end)) {
            Ok(()) => {
                self.succeeded(Attempt::Save);
                None
            }
            Err(error) => {
                self.spool.desk().shelf.moved = true;
                self.save_at = now + RETRY_AFTER;
                self.failed(now, &error, Attempt::Save);
                Some(RETRY_AFTER)
            }
        }
    }

    fn finish(mut self, ending: Ending) {
        let now = self.spool.clock.monotonic();
        self.write_at = now;
        while self.files.is_some() && self.write(now) == Some(Duration::ZERO) {}
        self.tidy(now, true);
        if let Ending::Removed(reason) = ending {
            self.queue.abandon(reason);
            let (exporter, signal) = (&*self.spool.exporter, self.spool.signal.as_str());
            let (events, bytes) = (self.spool.waiting(), self.files.as_ref().map_or(0, Files::bytes));
            let directory = self.spool.directory().display();
            if events > 0 {
                warn!(
                    exporter,
                    signal,
                    events,
                    bytes,
                    "no such exporter any more: its spool stays in {directory}, to be delivered when it comes back"
                );
            }
        }
    }
}
