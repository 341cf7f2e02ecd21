//! Joins lines into records: the parts into which a container runtime cuts a line, and the lines of an event.
//!
//! [`Join`] has the rules, an [`Assembly`] what waits for its continuation: for each stream of a container a
//! chain of parts and an event, both bounded by `max_line`. It belongs to one reader of one file. As long as
//! something waits, the position up to which the file is done with must not pass its first byte
//! ([`Assembly::start`]): after a crash it is read again, and comes whole. What other streams wrote in between
//! comes twice then.
//!
//! Nothing waits for ever. An event is complete when the next one begins, or when it is as old as the
//! configuration says; a chain that nobody ends is given up after [`CHAIN_WAITS`] and marked as partial.

use std::time::{Duration, Instant};

use super::config::Config;
use super::container::{Stream, Wrapping};
use super::multiline::{Rules, State, Step};
use super::parse::format::LineFormat;
use super::record::Shape;

/// How long a chain of parts waits for the next one. Runtimes write one after the other; what is still missing
/// then was lost with the runtime.
const CHAIN_WAITS: Duration = Duration::from_secs(10);

/// An event of more lines goes on in a record of its own.
const MAX_LINES: u32 = 5000;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Join {
    wrapping: Option<Wrapping>,
    rules: Option<Rules>,
    flush_after: Duration,
    max_line: usize,
}

/// Where a line comes from, as far as its wrapping says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Nanoseconds since the epoch, or 0.
    pub(crate) time: u64,
    pub(crate) stream: Option<Stream>,
    /// It should have been wrapped and was not.
    pub(crate) malformed: bool,
}

/// What is to become one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Joined<'t> {
    pub(crate) text: &'t [u8],
    /// The position of its first byte.
    pub(crate) at: u64,
    pub(crate) shape: Shape,
    pub(crate) origin: Origin,
}

/// A line as it stands in the file, without its newline.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'l> {
    pub(crate) text: &'l [u8],
    /// The position of its first byte.
    pub(crate) at: u64,
    pub(crate) shape: Shape,
}

/// What is to wait no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flush {
    /// What has waited long enough.
    Due,
    /// Everything: nothing will follow.
    End,
    /// Everything, though something may follow: the memory is needed.
    Early,
}

/// Lines that wait for what follows them.
#[derive(Debug, Clone)]
struct Waiting {
    /// The position of the first one.
    start: u64,
    text: Vec<u8>,
    lines: u32,
    shape: Shape,
    origin: Origin,
    state: State,
    /// When the last one was read.
    touched: Instant,
    /// Whether the first one stands in the file before this one.
    inherited: bool,
}

impl Waiting {
    fn new(line: Line<'_>, origin: Origin, state: State, now: Instant) -> Self {
        let Line { text, at, shape } = line;
        Self {
            start: at,
            text: text.to_vec(),
            lines: 1,
            shape,
            origin,
            state,
            touched: now,
            inherited: false,
        }
    }

    fn joined(&self) -> Joined<'_> {
        // Blank lines that might have led to something.
        let end = self.text.iter().rposition(|byte| *byte != b'\n').map_or(0, |last| last + 1);
        Joined { text: &self.text[..end], at: self.start, shape: self.shape, origin: self.origin }
    }
}

/// What waits of one stream.
#[derive(Debug, Clone, Default)]
struct Slot {
    chain: Option<Waiting>,
    event: Option<Waiting>,
}

impl Slot {
    fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.chain.iter().chain(&self.event)
    }
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct Assembly {
    /// One for each stream of a container; the first one where there are no streams.
    slots: [Slot; 2],
}

impl Assembly {
    fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.slots.iter().flat_map(Slot::waiting)
    }

    /// The position of the first byte that waits.
    pub(crate) fn start(&self) -> Option<u64> {
        self.waiting().map(|waiting| waiting.start).min()
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting().next().is_none()
    }

    /// All that waits, to go on in the file that has taken this one's place.
    pub(crate) fn hand_over(&mut self) -> Self {
        let mut heir = std::mem::take(self);
        for waiting in heir.slots.iter_mut().flat_map(|slot| slot.chain.iter_mut().chain(&mut slot.event)) {
            (waiting.start, waiting.inherited) = (0, true);
        }
        heir
    }

    /// Whether something waits that began in the file before this one.
    pub(crate) fn has_inherited(&self) -> bool {
        self.waiting().any(|waiting| waiting.inherited)
    }

    /// How many bytes of memory wait.
    pub(crate) fn held(&self) -> usize {
        self.waiting().map(|waiting| waiting.text.capacity()).sum()
    }
}

impl Join {
    /// What the configuration asks for, if lines are to be joined at all.
    pub(crate) fn new(config: &Config) -> Result<Option<Self>, regex::Error> {
        let wrapping = match config.parse.wrapping() {
            Some(LineFormat::Cri) => Some(Wrapping::Cri),
            Some(LineFormat::Docker) => Some(Wrapping::Docker),
            _ if config.parse.is_auto() => Some(Wrapping::Any),
            _ => None,
        };
        let multiline = config.multiline.clone().unwrap_or_default();
        let rules = Rules::new(&multiline)?;
        let max_line = config.max_line.bytes();
        let join = Self { wrapping, rules, flush_after: multiline.flush_after.0, max_line };
        Ok((join.wrapping.is_some() || join.rules.is_some()).then_some(join))
    }

    /// How long a line of the file may be.
    pub(crate) fn longest(&self) -> usize {
        self.wrapping.map_or(self.max_line, |wrapping| wrapping.longest(self.max_line))
    }

    /// When something has waited long enough, if nothing is added to it until then.
    pub(crate) fn due(&self, assembly: &Assembly) -> Option<Instant> {
        let due = assembly.slots.iter().filter_map(|slot| match (&slot.chain, &slot.event) {
            // The end of the chain may go on with the event.
            (Some(chain), _) => Some(chain.touched + CHAIN_WAITS),
            (None, Some(event)) => Some(event.touched + self.flush_after),
            (None, None) => None,
        });
        due.min()
    }

    /// Takes the next line, read at `now`, and hands out the records that are complete by it.
    pub(crate) fn line(
        &self,
        assembly: &mut Assembly,
        line: Line<'_>,
        now: Instant,
        emit: &mut impl FnMut(Joined<'_>),
    ) {
        let Some(wrapping) = self.wrapping else {
            return self.unwrapped(&mut assembly.slots[0].event, line, Origin::default(), now, emit);
        };
        let Some(part) = wrapping.unwrap(line.text) else {
            if wrapping == Wrapping::Any {
                let Joined { text, shape, origin, .. } = self.cut(line, Origin::default());
                let line = Line { text, shape, ..line };
                return self.unwrapped(&mut assembly.slots[0].event, line, origin, now, emit);
            }
            let origin = Origin { malformed: true, ..Origin::default() };
            return emit(self.cut(line, origin));
        };
        let origin = Origin { time: part.time, stream: Some(part.stream), malformed: false };
        let slot = &mut assembly.slots[part.stream as usize];
        let Joined { text, shape, .. } = self.cut(Line { text: &part.text, ..line }, origin);
        let text = Line { text, shape, at: line.at };
        match &mut slot.chain {
            Some(chain) => self.extend(chain, text, now),
            None if part.partial => slot.chain = Some(Waiting::new(text, origin, State::Open, now)),
            None => return self.unwrapped(&mut slot.event, text, origin, now, emit),
        }
        if !part.partial {
            self.end_chain(slot, now, emit);
        }
    }

    /// Hands out of what waits all that `which` says.
    pub(crate) fn flush(
        &self,
        assembly: &mut Assembly,
        which: Flush,
        now: Instant,
        emit: &mut impl FnMut(Joined<'_>),
    ) {
        let is_due = |since: Instant, wait: Duration| which != Flush::Due || now >= since + wait;
        for slot in &mut assembly.slots {
            if let Some(chain) = &mut slot.chain {
                if !is_due(chain.touched, CHAIN_WAITS) {
                    continue;
                }
                chain.shape = chain.shape.max(Shape::Partial);
                let touched = chain.touched;
                self.end_chain(slot, touched, emit);
            }
            if let Some(mut event) = slot.event.take_if(|event| is_due(event.touched, self.flush_after)) {
                if which == Flush::Early {
                    event.shape = event.shape.max(Shape::Partial);
                }
                emit(event.joined());
            }
        }
    }

    fn end_chain(&self, slot: &mut Slot, now: Instant, emit: &mut impl FnMut(Joined<'_>)) {
        let Some(chain) = slot.chain.take() else { return };
        let line = Line { text: &chain.text, at: chain.start, shape: chain.shape };
        self.unwrapped(&mut slot.event, line, chain.origin, now, emit);
        if let Some(event) = &mut slot.event {
            event.inherited |= chain.inherited;
        }
    }

    fn extend(&self, chain: &mut Waiting, part: Line<'_>, now: Instant) {
        let room = self.max_line - chain.text.len();
        chain.shape = chain.shape.max(part.shape);
        if chain.shape != Shape::Truncated {
            let kept = before(part.text, room);
            chain.text.extend_from_slice(kept);
            if kept.len() < part.text.len() {
                chain.shape = Shape::Truncated;
            }
        }
        chain.touched = now;
    }

    /// A line as it was written, on its way into an event.
    fn unwrapped(
        &self,
        event: &mut Option<Waiting>,
        line: Line<'_>,
        origin: Origin,
        now: Instant,
        emit: &mut impl FnMut(Joined<'_>),
    ) {
        let Some(rules) = &self.rules else {
            return emit(Joined { text: line.text, at: line.at, shape: line.shape, origin });
        };
        let line = Line { text: line.text.strip_suffix(b"\r").unwrap_or(line.text), ..line };
        let step = rules.next(event.as_ref().map(|event| event.state), line.text);
        let state = match (step, event.as_mut()) {
            (Step::Begin(state), _) | (Step::Continue(state), None) => state,
            (Step::Continue(state), Some(event)) => {
                if event.lines < MAX_LINES && event.text.len() + 1 + line.text.len() <= self.max_line {
                    event.text.push(b'\n');
                    event.text.extend_from_slice(line.text);
                    event.lines += 1;
                    event.shape = event.shape.max(line.shape);
                    (event.state, event.touched) = (state, now);
                    return;
                }
                // What is too much for one record goes on in the next one.
                event.shape = event.shape.max(Shape::Partial);
                state
            }
        };
        if let Some(complete) = event.take() {
            emit(complete.joined());
        }
        if state == State::Complete {
            emit(Joined { text: line.text, at: line.at, shape: line.shape, origin });
        } else {
            *event = Some(Waiting::new(line, origin, state, now));
        }
    }

    fn cut<'t>(&self, line: Line<'t>, origin: Origin) -> Joined<'t> {
        let Line { text, at, shape } = line;
        let kept = before(text, self.max_line);
        let shape = if kept.len() < text.len() { Shape::Truncated } else { shape };
        Joined { text: kept, at, shape, origin }
    }
}

/// At most the first `max` bytes, not cut in the middle of a character.
pub(crate) fn before(text: &[u8], max: usize) -> &[u8] {
    if text.len() <= max {
        return text;
    }
    let is_inside = |at: usize| text[at] & 0xc0 == 0x80;
    let end = (max.saturating_sub(3)..=max).rev().find(|at| !is_inside(*at)).unwrap_or(max);
    &text[..end]
}

#[cfg(test)]
mod tests;
