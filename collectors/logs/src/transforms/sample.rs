//! `sample`: a share of the records.
//!
//! As OpenTelemetry's consistent probability sampling has it: of each record there are 56 random bits, and it is
//! sent if they are not less than `(1 - ratio) * 2^56`. For a trace these are the last bits of its id, so that all of
//! its records are sent or none, here and wherever else the trace is sampled by them. Another field gives bits that
//! are the same on every machine. Where there is no field they are those of the place in the file: after a crash the
//! same records are sent again.

use vigie_pipeline::otlp::view::Value;

use super::hash::{mixed, stable};
use crate::condition::Subject;

const BITS: u32 = 56;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    least: u64,
    by: Option<String>,
}

impl Sample {
    pub(super) fn new(ratio: f64, by: Option<String>) -> Self {
        let least = ((1.0 - ratio) * (1u64 << BITS) as f64).round() as u64;
        Self { least, by }
    }

    /// Whether a record is sent that stands at `place`.
    pub(super) fn passes(&self, subject: &Subject<'_>, place: u64, scratch: &mut String) -> bool {
        let value = self.by.as_ref().and_then(|name| subject.get(name));
        let bits = value.map_or_else(|| mixed(place), |value| bits_of(&value, scratch));
        bits & ((1 << BITS) - 1) >= self.least
    }
}

fn bits_of(value: &Value<'_>, scratch: &mut String) -> u64 {
    let text = value.text(scratch);
    let is_trace_id = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let last = text.get(text.len().saturating_sub(14)..).filter(|_| is_trace_id);
    last.and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_else(|| stable(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(sample: &Sample, trace_id: &[u8; 16]) -> bool {
        let subject = Subject { trace_id: Some(trace_id), ..Subject::default() };
        sample.passes(&subject, 0, &mut String::new())
    }

    #[test]
    fn a_trace_is_sampled_by_the_last_bits_of_its_id() {
        // The threshold of one half is 8 and thirteen noughts in hexadecimal.
        let half = Sample::new(0.5, Some("trace_id".into()));
        let mut id = [0xff; 16];
        id[9] = 0x80;
        id[10..].fill(0);
        assert!(passes(&half, &id));
        id[9] = 0x7f;
        id[10..].fill(0xff);
        assert!(!passes(&half, &id));
    }

    #[test]
    fn a_trace_that_is_sampled_at_a_small_ratio_is_so_at_a_larger_one() {
        let ratios = [0.01, 0.1, 0.5, 0.9, 1.0];
        let by = |field: &str| ratios.map(|ratio| Sample::new(ratio, Some(field.into())));
        let mut counts = [0; 5];
        for (trace, user) in (0..4000u64).map(|number| (mixed(number), format!("user {number}"))) {
            let mut id = [7; 16];
            id[8..].copy_from_slice(&trace.to_be_bytes());
            let sampled = by("trace_id").map(|sample| passes(&sample, &id));
            assert!(sampled.is_sorted(), "{sampled:?}");
            let subject = Subject { line: &user, ..Subject::default() };
            let of_user = by("body").map(|sample| sample.passes(&subject, 0, &mut String::new()));
            assert!(of_user.is_sorted(), "{of_user:?}");
            for (count, is) in counts.iter_mut().zip(of_user) {
                *count += u32::from(is);
            }
        }
        for (count, ratio) in counts.iter().zip(ratios) {
            let share = f64::from(*count) / 4000.0;
            assert!((share - ratio).abs() < 0.03, "{share} instead of {ratio}");
        }
    }

    #[test]
    fn what_has_no_such_field_is_sampled_by_its_place() {
        let sample = Sample::new(0.25, Some("user".into()));
        let subject = Subject { line: "always the same", ..Subject::default() };
        let passed = |places: std::ops::Range<u64>| {
            places.filter(|place| sample.passes(&subject, *place, &mut String::new())).collect::<Vec<_>>()
        };
        let once = passed(0..4000);
        assert!((900..1100).contains(&once.len()), "{}", once.len());
        assert_eq!(once, passed(0..4000), "and the same ones again");
    }
}
