//! Tries one way after the other, the preferred one first, within a budget that is linear in the length of the line.

use regex_syntax::hir::Look;

use super::program::{Next, Op, Program, Run, Stops};

/// What is known after a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Match,
    NoMatch,
    /// The line has more than ASCII, or too many ways were wrong.
    Unknown,
}

/// No place.
const NOWHERE: usize = usize::MAX;

/// What is paid at most for each byte of the line, and besides.
const FOR_A_BYTE: usize = 16;
const BESIDES: usize = 1024;

/// How many ways may be left for later.
const MOST_OTHERS: usize = 1 << 13;

/// The engine, with its memory.
#[derive(Debug, Clone)]
pub(super) struct Quick {
    program: Program,
    slots: Vec<usize>,
    /// Ways that were not taken, the last one on top, and what was known when they were left.
    others: Vec<Other>,
}

/// A way that was not taken.
#[derive(Debug, Clone, Copy)]
enum Other {
    /// To go on at this instruction, at this byte.
    Way { op: usize, at: usize },
    /// To end a run of bytes earlier, down to `least`.
    Shorter { op: usize, at: usize, least: usize },
    /// To end it later, up to `most`.
    Longer { op: usize, at: usize, most: usize },
    /// What a slot was before.
    Slot { slot: usize, was: usize },
}

impl Quick {
    pub(super) fn new(program: Program) -> Self {
        Self { slots: vec![NOWHERE; program.slots], program, others: Vec::new() }
    }

    /// Where a group of the match stands.
    pub(super) fn group(&self, number: usize) -> Option<(usize, usize)> {
        let place = (*self.slots.get(2 * number)?, *self.slots.get(2 * number + 1)?);
        (place.0 != NOWHERE && place.1 != NOWHERE).then_some(place)
    }

    pub(super) fn run(&mut self, line: &str) -> Outcome {
        if !line.is_ascii() {
            return Outcome::Unknown;
        }
        let mut budget = BESIDES + FOR_A_BYTE * line.len();
        let last = if self.program.is_anchored { 0 } else { line.len() };
        for start in 0..=last {
            self.slots.fill(NOWHERE);
            self.others.clear();
            match self.from(line.as_bytes(), start, &mut budget) {
                Outcome::NoMatch => {}
                known => return known,
            }
        }
        Outcome::NoMatch
    }

    /// Whether there is a match that begins at `start`.
    fn from(&mut self, line: &[u8], start: usize, budget: &mut usize) -> Outcome {
        let (mut op, mut at) = (0, start);
        loop {
            if *budget == 0 || self.others.len() > MOST_OTHERS {
                return Outcome::Unknown;
            }
            *budget -= 1;
            let is_on_way = match &self.program.ops[op] {
                Op::Literal(bytes) => {
                    let is_there = line[at..].starts_with(bytes);
                    (op, at) = (op + 1, at + bytes.len());
                    is_there
                }
                Op::Run(run) => match end_of_run(run, line, at) {
                    None => false,
                    Some(range) => {
                        *budget = budget.saturating_sub(range.cost);
                        let is_open = range.least < range.most && !run.is_only;
                        let end = if run.is_greedy || run.is_only { range.most } else { range.least };
                        if is_open {
                            self.others.push(match run.is_greedy {
                                true => Other::Shorter { op, at: range.most, least: range.least },
                                false => Other::Longer { op, at: range.least, most: range.most },
                            });
                        }
                        (op, at) = (op + 1, end);
                        // A way that cannot go on is not taken.
                        run.next.is_none_or(|next| next.may_be(line, end))
                    }
                },
                Op::Look(look) => {
                    op += 1;
                    is_so(*look, line, at)
                }
                Op::Save(slot) => {
                    let was = std::mem::replace(&mut self.slots[*slot], at);
                    if !self.others.is_empty() {
                        self.others.push(Other::Slot { slot: *slot, was });
                    }
                    op += 1;
                    true
                }
                Op::Split(first, second) => {
                    self.others.push(Other::Way { op: *second, at });
                    op = *first;
                    true
                }
                Op::Jump(to) => {
                    op = *to;
                    true
                }
                Op::Match => return Outcome::Match,
            };
            if !is_on_way {
                match self.back(line, budget) {
                    Some(place) => (op, at) = place,
                    None => return Outcome::NoMatch,
                }
            }
        }
    }

    /// The last way that was not taken: where it goes on. `None` if there is none left.
    fn back(&mut self, line: &[u8], budget: &mut usize) -> Option<(usize, usize)> {
        loop {
            match self.others.pop()? {
                Other::Slot { slot, was } => self.slots[slot] = was,
                Other::Way { op, at } => return Some((op, at)),
                Other::Shorter { op, at, least } => {
                    // From the end backwards to what may come next.
                    let places = &line[least..at];
                    let found = match self.next_of(op).map(|next| (next, next.set.single())) {
                        None => places.len().checked_sub(1),
                        Some((_, Some(byte))) => memchr::memrchr(byte, places),
                        Some((next, None)) => places.iter().rposition(|byte| next.set.has(*byte)),
                    };
                    *budget = budget.saturating_sub((places.len() - found.unwrap_or(0)) / 8);
                    let Some(found) = found else { continue };
                    if found > 0 {
                        self.others.push(Other::Shorter { op, at: least + found, least });
                    }
                    return Some((op + 1, least + found));
                }
                Other::Longer { op, at, most } => {
                    let stop = most.min(line.len() - 1);
                    let places = line.get(at + 1..=stop).unwrap_or_default();
                    let next = self.next_of(op);
                    let found = match next.map(|next| (next, next.set.single())) {
                        None => (at < most).then_some(0),
                        Some((_, Some(byte))) => memchr::memchr(byte, places),
                        Some((next, None)) => places.iter().position(|byte| next.set.has(*byte)),
                    };
                    *budget = budget.saturating_sub(found.unwrap_or(places.len()) / 8);
                    let at_end = || next.is_some_and(|next| next.end && most == line.len() && at < most);
                    let Some(at) = found.map(|found| at + 1 + found).or_else(|| at_end().then_some(most))
                    else {
                        continue;
                    };
                    if at < most {
                        self.others.push(Other::Longer { op, at, most });
                    }
                    return Some((op + 1, at));
                }
            }
        }
    }

    fn next_of(&self, op: usize) -> Option<Next> {
        match &self.program.ops[op] {
            Op::Run(run) => run.next,
            _ => None,
        }
    }
}

impl Next {
    fn may_be(self, line: &[u8], at: usize) -> bool {
        line.get(at).map_or(self.end, |byte| self.set.has(*byte))
    }
}

/// Where a run may end.
struct Range {
    least: usize,
    most: usize,
    cost: usize,
}

/// `None` if there are not enough bytes of the set.
fn end_of_run(run: &Run, line: &[u8], at: usize) -> Option<Range> {
    let rest = &line[at..];
    let rest = &rest[..rest.len().min(run.max)];
    let len = match run.stops {
        _ if run.max == 1 => usize::from(rest.first().is_some_and(|byte| run.set.has(*byte))),
        Stops::One(byte) => memchr::memchr(byte, rest).unwrap_or(rest.len()),
        Stops::Two(one, two) => memchr::memchr2(one, two, rest).unwrap_or(rest.len()),
        Stops::Many => rest.iter().position(|byte| !run.set.has(*byte)).unwrap_or(rest.len()),
    };
    (len >= run.min).then(|| Range { least: at + run.min, most: at + len, cost: len / 8 })
}

fn is_so(look: Look, line: &[u8], at: usize) -> bool {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let is_boundary =
        || is_word(at.checked_sub(1).and_then(|before| line.get(before))) != is_word(line.get(at));
    match look {
        Look::Start => at == 0,
        Look::End => at == line.len(),
        Look::WordAscii | Look::WordUnicode => is_boundary(),
        _ => !is_boundary(),
    }
}
