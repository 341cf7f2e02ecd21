//! An expression as instructions for [`super::quick`]: for lines of nothing but ASCII, so that a character is a byte.

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

/// The instructions that an expression may become; with more it is left to the other engine.
const MOST: usize = 4096;

/// One instruction. Each goes on with the next one, unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Op {
    /// These bytes.
    Literal(Box<[u8]>),
    /// Bytes of the set, `min` to `max` of them.
    Run(Box<Run>),
    Look(Look),
    /// Where a group begins or ends.
    Save(usize),
    /// Goes on there first; if that leads nowhere, here.
    Split(usize, usize),
    Jump(usize),
    Match,
}

/// Bytes of a set, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) set: Set,
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) is_greedy: bool,
    /// What may come behind it, if that is known.
    pub(super) next: Option<Next>,
    /// What ends it: the bytes of ASCII that are not in the set, if they are few.
    pub(super) stops: Stops,
    /// Nothing that is in the set may come behind it: the longest is the only way to match it.
    pub(super) is_only: bool,
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) set: Set,
    /// Whether the line may end there.
    pub(super) end: bool,
}

/// Up to two bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stops {
    Many,
    One(u8),
    Two(u8, u8),
}

/// Bytes of ASCII.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Set(u128);

impl Set {
    pub(super) fn has(self, byte: u8) -> bool {
        byte < 128 && self.0 >> byte & 1 == 1
    }

    /// The one byte it is, if it is one.
    pub(super) fn single(self) -> Option<u8> {
        (self.0.count_ones() == 1).then(|| self.0.trailing_zeros() as u8)
    }

    fn stops(self) -> Stops {
        let mut others = !self.0;
        let mut next = || {
            let byte = others.trailing_zeros() as u8;
            others &= others.wrapping_sub(1);
            byte
        };
        match (!self.0).count_ones() {
            1 => Stops::One(next()),
            2 => Stops::Two(next(), next()),
            _ => Stops::Many,
        }
    }

    fn of(class: &Class) -> Self {
        let mut set = Self::default();
        let mut add = |first: u32, last: u32| (first..=last.min(127)).for_each(|byte| set.0 |= 1 << byte);
        match class {
            Class::Unicode(class) => {
                class.ranges().iter().for_each(|range| add(u32::from(range.start()), u32::from(range.end())));
            }
            Class::Bytes(class) => {
                class.ranges().iter().for_each(|range| add(u32::from(range.start()), u32::from(range.end())));
            }
        }
        set
    }
}

/// The instructions of an expression.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) ops: Vec<Op>,
    /// Groups, and the whole match.
    pub(super) slots: usize,
    /// It can only match at the beginning.
    pub(super) is_anchored: bool,
}

impl Program {
    /// `None` if the expression has something that is left to the other engine.
    pub(super) fn new(pattern: &str) -> Option<Self> {
        let hir = regex_syntax::parse(pattern).ok()?;
        let mut ops = vec![Op::Save(0)];
        emit(&hir, &mut ops)?;
        ops.extend([Op::Save(1), Op::Match]);
        for at in 0..ops.len() {
            let next = if matches!(ops[at], Op::Run(_)) { first(&ops, at + 1, DEPTH) } else { None };
            if let Op::Run(run) = &mut ops[at] {
                run.next = next;
                run.is_only = next.is_some_and(|next| next.set.0 & run.set.0 == 0);
            }
        }
        let slots = 2 * (1 + hir.properties().explicit_captures_len());
        let is_anchored = hir.properties().look_set_prefix().contains(Look::Start);
        Some(Self { ops, slots, is_anchored })
    }
}

/// How many splits are looked behind.
const DEPTH: u8 = 6;

/// What must come next if the instruction at `at` is to lead anywhere, if that is known.
fn first(ops: &[Op], at: usize, depth: u8) -> Option<Next> {
    let byte = |set: Set| Some(Next { set, end: false });
    match ops.get(at)? {
        Op::Literal(bytes) => byte(bytes.first().filter(|byte| byte.is_ascii()).map(|byte| Set(1 << *byte))?),
        Op::Run(run) if run.min > 0 => byte(run.set),
        Op::Save(_) => first(ops, at + 1, depth),
        Op::Jump(to) => first(ops, *to, depth.checked_sub(1)?),
        Op::Look(Look::End) => Some(Next { set: Set(0), end: true }),
        Op::Split(one, other) => {
            let depth = depth.checked_sub(1)?;
            let (one, other) = (first(ops, *one, depth)?, first(ops, *other, depth)?);
            Some(Next { set: Set(one.set.0 | other.set.0), end: one.end || other.end })
        }
        _ => None,
    }
}

fn emit(hir: &Hir, ops: &mut Vec<Op>) -> Option<()> {
    if ops.len() > MOST {
        return None;
    }
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Literal(literal) => ops.push(Op::Literal(literal.0.clone())),
        HirKind::Class(class) => ops.push(run(Set::of(class), 1, 1, true)),
        HirKind::Look(look) => {
            let is_known = matches!(
                look,
                Look::Start
                    | Look::End
                    | Look::WordAscii
                    | Look::WordUnicode
                    | Look::WordAsciiNegate
                    | Look::WordUnicodeNegate
            );
            ops.push(Op::Look(Some(*look).filter(|_| is_known)?));
        }
        HirKind::Capture(capture) => {
            let slot = 2 * capture.index as usize;
            ops.push(Op::Save(slot));
            emit(&capture.sub, ops)?;
            ops.push(Op::Save(slot + 1));
        }
        HirKind::Concat(parts) => {
            for part in parts {
                emit(part, ops)?;
            }
        }
        HirKind::Alternation(ways) => {
            let (last, before) = ways.split_last()?;
            let mut jumps = Vec::new();
            for way in before {
                let split = ops.len();
                ops.push(Op::Split(split + 1, 0));
                emit(way, ops)?;
                jumps.push(ops.len());
                ops.push(Op::Jump(0));
                ops[split] = Op::Split(split + 1, ops.len());
            }
            emit(last, ops)?;
            let end = ops.len();
            for jump in jumps {
                ops[jump] = Op::Jump(end);
            }
        }
        HirKind::Repetition(repetition) => repeat(repetition, ops)?,
    }
    Some(())
}

fn run(set: Set, min: usize, max: usize, is_greedy: bool) -> Op {
    Op::Run(Box::new(Run { set, min, max, is_greedy, next: None, stops: set.stops(), is_only: false }))
}

fn repeat(repetition: &Repetition, ops: &mut Vec<Op>) -> Option<()> {
    let Repetition { min, max, greedy, sub } = repetition;
    let class = match sub.kind() {
        HirKind::Class(class) => Some(Set::of(class)),
        HirKind::Literal(literal) if literal.0.len() == 1 && literal.0[0].is_ascii() => {
            Some(Set(1 << literal.0[0]))
        }
        _ => None,
    };
    if let Some(set) = class {
        ops.push(run(set, *min as usize, max.map_or(usize::MAX, |max| max as usize), *greedy));
        return Some(());
    }
    // What can be nothing could be repeated for ever.
    if sub.properties().minimum_len().is_none_or(|len| len == 0) && *max != Some(1) {
        return None;
    }
    for _ in 0..*min {
        emit(sub, ops)?;
    }
    let either = |inside: usize, behind: usize| {
        if *greedy { Op::Split(inside, behind) } else { Op::Split(behind, inside) }
    };
    match max {
        None => {
            let split = ops.len();
            ops.push(Op::Match);
            emit(sub, ops)?;
            ops.push(Op::Jump(split));
            ops[split] = either(split + 1, ops.len());
        }
        Some(max) => {
            let mut splits = Vec::new();
            for _ in *min..*max {
                splits.push(ops.len());
                ops.push(Op::Match);
                emit(sub, ops)?;
            }
            let end = ops.len();
            for split in splits {
                ops[split] = either(split + 1, end);
            }
        }
    }
    Some(())
}
