//! In: from the queue to the files.

use std::io;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::trouble::Attempt;
use super::{Clerk, RETRY_AFTER};
use crate::queue::Delivery;
use crate::receipt::{DropReason, Fate};
use crate::spool::files::Entry;
use crate::spool::segment::START;
use crate::spool::shelf::{Item, cost};
use crate::spool::{Settings, WhenFull, record};

/// While exporters lag behind, so much of what can be read again is written in a second: forty megabytes.
const LAGGING_RATE: f64 = (40 << 20) as f64;
/// A group is at most so long, and of so many batches.
const GROUP_BYTES: u64 = 4 << 20;
const GROUP_BATCHES: usize = 256;

impl Clerk {
    /// Writes one group of what waits. When to be called again.
    pub(super) fn write(&mut self, now: Instant) -> Option<Duration> {
        let settings = self.spool.desk().settings?;
        if now < self.write_at {
            return Some(self.write_at - now);
        }
        if let Some(wait) = self.hold_back(now) {
            return Some(wait);
        }
        let files = self.files.as_mut()?;
        if files.active_len() >= settings.segment_size() {
            files.seal();
        }
        // Before anything is taken: at no time is a batch neither in the queue nor known to be on its way.
        self.spool.desk().shelf.writing = true;
        let group = self.take_group(&settings);
        if group.is_empty() {
            self.spool.desk().shelf.writing = false;
            if self.queue.has_waiting() {
                return self.make_room(now, &settings);
            }
            return None;
        }
        match self.append(&group, now) {
            Ok(()) => {
                let bytes: usize = group.iter().map(|delivery| delivery.batch().bytes()).sum();
                self.holds_until = now + Duration::from_secs_f64(bytes as f64 / LAGGING_RATE);
                self.queue.notify_takers();
                for delivery in group {
                    delivery.settle(Fate::DELIVERED);
                }
                self.succeeded(Attempt::Write);
                Some(Duration::ZERO).filter(|_| self.queue.has_waiting())
            }
            Err(error) => {
                // Each goes to the front of the queue: the last has to go first.
                group.into_iter().rev().for_each(drop);
                self.spool.desk().shelf.writing = false;
                let no_space =
                    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
                if no_space && settings.when_full == WhenFull::DropOldest && self.drop_oldest() {
                    return Some(Duration::ZERO);
                }
                self.failed(now, &error, Attempt::Write);
                Some(RETRY_AFTER)
            }
        }
    }

    /// What is written before exporters have taken what is in memory has to be read again. So a source that is
    /// faster than they are, and can wait, is held back for a moment; they may have taken some by then. How long.
    fn hold_back(&self, now: Instant) -> Option<Duration> {
        let wait = self.holds_until.saturating_duration_since(now);
        let mut desk = self.spool.desk();
        let lags = desk.shelf.has_unread() || desk.shelf.held() > self.spool.allowance.bytes() / 2;
        desk.holds_back = lags && desk.ending.is_none() && self.queue.can_wait();
        (desk.holds_back && !wait.is_zero()).then_some(wait)
    }

    /// How much of a group can stay in memory for exporters.
    fn room_in_memory(&self) -> usize {
        let desk = self.spool.desk();
        let room = self.spool.allowance.bytes().saturating_sub(desk.shelf.held());
        if desk.shelf.has_unread() { usize::MAX } else { room }
    }

    fn take_group(&mut self, settings: &Settings) -> Vec<Delivery> {
        let Some(files) = &self.files else { return Vec::new() };
        let (held, active) = (files.bytes(), files.active_len());
        let start = if active == 0 { START as u64 } else { 0 };
        let room = settings.max_size.saturating_sub(held + start);
        let most = settings.segment_size().saturating_sub(active).min(GROUP_BYTES);
        let (memory, mut cost_of_all) = (self.room_in_memory(), 0);
        let mut bytes = 0;
        let mut group: Vec<Delivery> = Vec::new();
        while group.len() < GROUP_BATCHES {
            let is_first = group.is_empty();
            let taken = self.queue.take_waiting(|receipt| {
                let with = bytes + record::record_len(&receipt.name, &receipt.batch);
                // One that is larger than all the room there is passes alone instead of never.
                let fits = with <= room || is_first && held == 0;
                let cost_with = cost_of_all + cost(&receipt.batch);
                let goes = fits && (is_first || with <= most && cost_with <= memory);
                if goes {
                    (bytes, cost_of_all) = (with, cost_with);
                }
                goes
            });
            let Some(delivery) = taken else { break };
            if delivery.batch().count == 0 {
                delivery.settle(Fate::DELIVERED);
            } else {
                group.push(delivery);
            }
        }
        group
    }

    fn append(&mut self, group: &[Delivery], now: Instant) -> io::Result<()> {
        let Some(files) = self.files.as_mut() else { return Err(io::ErrorKind::NotFound.into()) };
        let written = self.spool.clock.unix_nanos();
        let first = self.spool.desk().shelf.end;
        let entries: Vec<Entry<'_>> = group
            .iter()
            .map(|delivery| Entry { source: delivery.source(), batch: delivery.batch() })
            .collect();
        let places = files.append(&entries, first, written)?;
        let meters = &self.spool.meters;
        meters.synced(self.spool.clock.monotonic().saturating_duration_since(now));
        let mut desk = self.spool.desk();
        let mut event = first;
        for (delivery, (place, next)) in group.iter().zip(places) {
            let batch = delivery.batch().clone();
            let count = u64::from(batch.count);
            meters.written.inc_by(count);
            desk.shelf.end += count;
            if desk.shelf.read_to == event
                && let Some(hold) = self.spool.allowance.hold(desk.shelf.held(), cost(&batch))
            {
                desk.shelf.ready(Item { event, place, written, batch, hold });
                files.go_to(next);
            }
            event += count;
        }
        desk.shelf.writing = false;
        Ok(())
    }

    /// `max_size` is reached. When to try again.
    fn make_room(&mut self, now: Instant, settings: &Settings) -> Option<Duration> {
        let (exporter, signal) = (&*self.spool.exporter, self.spool.signal.as_str());
        if self.full.is_none() {
            self.full = Some(now);
            match settings.when_full {
                WhenFull::Block => warn!(exporter, signal, "the spool is full: sources wait"),
                WhenFull::DropOldest => {
                    warn!(exporter, signal, "the spool is full: the oldest events are dropped")
                }
            }
        }
        match settings.when_full {
            WhenFull::Block => {
                // What is delivered may free a segment; who delivers pokes.
                let before = self.files.as_ref()?.bytes();
                self.tidy(now, true);
                Some(Duration::ZERO)
                    .filter(|_| self.files.as_ref().is_some_and(|files| files.bytes() < before))
            }
            WhenFull::DropOldest => Some(if self.drop_oldest() { Duration::ZERO } else { RETRY_AFTER }),
        }
    }

    /// Tells that the spool is full no more: when it is half empty, for on the edge it is full by turns.
    pub(super) fn has_room_again(&mut self, now: Instant) {
        let Some(since) = self.full else { return };
        let half = self.spool.desk().settings.map_or(0, |settings| settings.max_size / 2);
        if self.files.as_ref().is_some_and(|files| files.bytes() <= half) {
            self.full = None;
            let (exporter, signal) = (&*self.spool.exporter, self.spool.signal.as_str());
            info!(exporter, signal, after = ?(now - since), "the spool has room again");
        }
    }

    /// Removes the oldest segment; false if there is none.
    fn drop_oldest(&mut self) -> bool {
        let Some(files) = self.files.as_mut() else { return false };
        let mut desk = self.spool.desk();
        let Some(base) = files.end_of_oldest(desk.shelf.end) else { return false };
        let lost = desk.shelf.drop_before(base);
        let cursor = desk.shelf.cursor();
        drop(desk);
        self.spool.meters.dropped(lost, DropReason::SpoolFull);
        // First the cursor, so that what is gone does not pass for damage after a crash. On a full disk there
        // is room for it only when the segment is gone.
        let saved = files.save_cursor(cursor);
        let removed = files.remove_oldest();
        if saved.is_err() {
            self.spool.desk().shelf.moved = true;
        }
        removed.is_ok()
    }
}
