//! Numbers in fields: what a metric adds, and how long a request took.

use vigie_pipeline::otlp::view::Value;

/// Why a field gave no number. A closed set: it becomes the `reason` label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// The condition was met, and the field is not there.
    Missing,
    /// It is there, and no number.
    NotANumber,
    /// A counter only grows.
    Negative,
}

impl Flaw {
    pub(crate) const ALL: [Self; 3] = [Self::Missing, Self::NotANumber, Self::Negative];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::NotANumber => "not_a_number",
            Self::Negative => "negative",
        }
    }
}

/// The number that a field is, also one that is written as text: `12.5`, but neither `1,024` nor `nan`.
pub(crate) fn number(value: &Value<'_>) -> Result<f64, Flaw> {
    value.number().filter(|number| number.is_finite()).ok_or(Flaw::NotANumber)
}

/// Seconds per unit, by what a name may end with.
const UNITS: [(&[&str], f64); 5] = [
    (&["ns", "nanos", "nanoseconds"], 1e-9),
    (&["us", "µs", "μs", "micros", "microseconds"], 1e-6),
    (&["ms", "millis", "msec", "milliseconds"], 1e-3),
    (&["m", "min", "minutes"], 60.0),
    (&["s", "sec", "secs", "seconds"], 1.0),
];

fn unit(name: &str) -> Option<f64> {
    UNITS.iter().find(|(names, _)| names.contains(&name)).map(|(_, seconds)| *seconds)
}

/// What a number in a field of this name is in seconds, if the name ends in a unit as `took_ms` and `tookMs` do.
pub(crate) fn seconds_per(field: &str) -> f64 {
    let start = field.rfind(['_', '.', '-']).map_or(0, |at| at + 1);
    let last = &field[start..];
    let hump = last.rfind(char::is_uppercase).filter(|at| *at > 0).map(|at| &last[at..]);
    // `m` is more often metres, or nothing at all.
    let told = |name: &str| if name == "m" { None } else { unit(&name.to_lowercase()) };
    let whole = if start > 0 { told(last) } else { None };
    whole.or_else(|| told(hump?)).unwrap_or(1.0)
}

/// A duration in seconds: a number in the unit that the field's name says, or a text with units: `30ms`, `1m2.5s`.
/// `None` if the field says that there is none.
pub(crate) fn duration(value: &Value<'_>, per: f64) -> Result<Option<f64>, Flaw> {
    let seconds = match value {
        Value::Empty => return Ok(None),
        Value::Text(text) if matches!(text.trim(), "" | "-") => return Ok(None),
        Value::Text(text) => match value.number() {
            Some(number) => number * per,
            None => with_units(text.trim()).ok_or(Flaw::NotANumber)?,
        },
        other => number(other)? * per,
    };
    if seconds < 0.0 { Err(Flaw::Negative) } else { Ok(Some(seconds)) }
}

fn with_units(text: &str) -> Option<f64> {
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let tail = tail.trim_start_matches(' ');
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (name, after) = tail.split_at(end);
        let per = if name == "h" { 3600.0 } else { unit(name.trim_end())? };
        seconds += number.parse::<f64>().ok()? * per;
        rest = after;
    }
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_what_is_one() {
        for (text, expected) in [
            ("12.5", Some(12.5)),
            (" 7 ", Some(7.0)),
            ("-1e3", Some(-1000.0)),
            ("1,024", None),
            ("nan", None),
            ("inf", None),
            ("30ms", None),
            ("", None),
        ] {
            assert_eq!(number(&Value::Text(text)).ok(), expected, "{text:?}");
        }
        assert_eq!(number(&Value::Int(3)), Ok(3.0));
        assert_eq!(number(&Value::Double(f64::NAN)), Err(Flaw::NotANumber));
        assert_eq!(number(&Value::Bool(true)), Err(Flaw::NotANumber));
    }

    #[test]
    fn the_name_of_a_field_may_say_its_unit() {
        for (field, per) in [
            ("duration", 1.0),
            ("http.server.request.duration", 1.0),
            ("took_ms", 1e-3),
            ("tookMs", 1e-3),
            ("durationMillis", 1e-3),
            ("request.time_us", 1e-6),
            ("elapsed_ns", 1e-9),
            ("request_time_seconds", 1.0),
            ("ms", 1.0),
            ("items", 1.0),
            ("size_m", 1.0),
        ] {
            assert_eq!(seconds_per(field), per, "{field}");
        }
    }

    #[test]
    fn a_duration_has_the_unit_of_its_field_or_its_own() {
        let of = |text, per| duration(&Value::Text(text), per);
        assert_eq!(of("0.250", 1.0), Ok(Some(0.25)));
        assert_eq!(of("250", 1e-3), Ok(Some(0.25)));
        for text in ["250ms", "250 ms", "0.25s", "250000us", "250000µs"] {
            let seconds = of(text, 1.0).ok().flatten().unwrap_or_default();
            assert!((seconds - 0.25).abs() < 1e-12, "{text}: {seconds}");
        }
        assert_eq!(of("1m2.5s", 1.0), Ok(Some(62.5)));
        assert_eq!(of("-", 1.0), Ok(None));
        assert_eq!(duration(&Value::Empty, 1.0), Ok(None));
        assert_eq!(duration(&Value::Int(30), 1e-3), Ok(Some(0.03)));
        assert_eq!(duration(&Value::Int(-1), 1.0), Err(Flaw::Negative));
        for text in ["fast", "0.010, 0.020", "1x", "ms", "..s"] {
            assert_eq!(of(text, 1.0), Err(Flaw::NotANumber), "{text}");
        }
    }
}
