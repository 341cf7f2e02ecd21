//! What happened in a run, for people: `debug=true`.

use std::fmt::Write;
use std::time::Instant;

use jiff::Timestamp;

use crate::probes::attempt::Attempt;

/// One line for each thing that happened, with its time: what the probe noted, the phases with how long they took, the
/// beginning of the answer, the verdict. No secret is in it.
pub(super) fn of(attempt: &Attempt, prober: &str, target: &str) -> String {
    let mut journal = Journal { attempt, text: String::new() };
    let record = &attempt.record;
    journal.line(record.started, &format!("beginning the probe: {prober} of {target}"));
    for (at, note) in record.notes() {
        journal.line(*at, &record.excerpt.redact(note));
    }
    for spell in record.timeline.spells() {
        let took = (spell.end - spell.start).as_secs_f64();
        journal.line(spell.end, &format!("{} took {took:.6} s", spell.phase.as_str()));
    }
    if let Some(shown) = record.excerpt.shown() {
        journal.line(attempt.ended, &format!("the answer begins: {shown}"));
    }
    let took = attempt.duration().as_secs_f64();
    match &attempt.verdict {
        Ok(()) => journal.line(attempt.ended, &format!("the probe succeeded after {took:.6} s")),
        Err(failure) => {
            journal.line(attempt.ended, &format!("the probe failed after {took:.6} s: {failure}"))
        }
    }
    journal.text
}

struct Journal<'a> {
    attempt: &'a Attempt,
    text: String,
}

impl Journal<'_> {
    fn line(&mut self, at: Instant, what: &str) {
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        let what: String = what.chars().map(printable).collect();
        // 64 bits of nanoseconds end in the year 2554, which a timestamp can tell.
        if let Ok(time) = Timestamp::from_nanosecond(self.attempt.wall(at).into()) {
            let _ = writeln!(self.text, "{time:.6} {what}");
        }
    }
}
