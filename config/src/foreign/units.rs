//! Durations and sizes as Go's libraries read them, as numbers of vigie's smallest units.

/// The units of a duration in microseconds: Go's own, and those that blackbox_exporter's documentation adds.
const DURATION: [(&str, f64); 10] = [
    ("ns", 1e-3),
    ("us", 1.0),
    ("µs", 1.0),
    ("ms", 1e3),
    ("s", 1e6),
    ("m", 60e6),
    ("h", 3_600e6),
    ("d", 86_400e6),
    ("w", 604_800e6),
    ("y", 31_536_000e6),
];

/// The units of a size in bytes: both spellings are powers of two.
const SIZE: [(&str, f64); 13] = [
    ("B", 1.0),
    ("KB", 1024.0),
    ("KiB", 1024.0),
    ("MB", 1_048_576.0),
    ("MiB", 1_048_576.0),
    ("GB", 1_073_741_824.0),
    ("GiB", 1_073_741_824.0),
    ("TB", 1_099_511_627_776.0),
    ("TiB", 1_099_511_627_776.0),
    ("PB", 1_125_899_906_842_624.0),
    ("PiB", 1_125_899_906_842_624.0),
    ("EB", 1_152_921_504_606_846_976.0),
    ("EiB", 1_152_921_504_606_846_976.0),
];

/// A duration such as `5s` or `1m30.5s`, as vigie writes it.
pub(super) fn duration(text: &str) -> Result<String, String> {
    let wrong = "not a duration such as `5s` or `500ms`";
    match sum(text, &DURATION).ok_or(wrong)? {
        micros if micros < 0.0 => Err("a duration cannot be negative".into()),
        micros if micros > 1e15 => Err("the duration is too long".into()),
        micros => Ok(format!("{}us", micros as u64)),
    }
}

/// A size such as `10MB`, which are 10·2²⁰ bytes, as vigie writes it. A negative one means no limit, as 0 does.
pub(super) fn size(text: &str) -> Result<String, String> {
    let bytes = sum(text, &SIZE).ok_or("not a size such as `10MB`")?;
    Ok(format!("{}B", bytes.max(0.0) as u64))
}

/// The sum of numbers with units, with a sign before them: `1h30.5s`. 0 needs no unit.
fn sum(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0.0);
    }
    let mut sum = None;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let number: f64 = number.parse().ok()?;
        let (_, scale) = units.iter().find(|(name, _)| *name == unit)?;
        sum = Some(sum.unwrap_or(0.0) + number * scale);
        rest = tail;
    }
    sum.map(|sum: f64| sum * sign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_gos_and_those_of_the_documentation() {
        for (text, micros) in [
            ("5s", "5000000us"),
            ("1m30.5s", "90500000us"),
            ("500ms", "500000us"),
            ("1d", "86400000000us"),
            ("0", "0us"),
            ("1ns", "0us"),
        ] {
            assert_eq!(duration(text).as_deref(), Ok(micros), "{text}");
        }
        for wrong in ["", "5", "s", "5 s", "5x", "-1s", "1..2s", "9999999999y"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_powers_of_two_however_they_are_spelt() {
        for (text, bytes) in [
            ("10MB", "10485760B"),
            ("10MiB", "10485760B"),
            ("1KB512B", "1536B"),
            ("1.5KiB", "1536B"),
            ("0", "0B"),
            ("-1B", "0B"),
        ] {
            assert_eq!(size(text).as_deref(), Ok(bytes), "{text}");
        }
        for wrong in ["", "10", "10Mb", "MB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,10}|[-+0-9.smhKMiB]{0,10}") {
            let _ = (duration(&text), size(&text));
        }
    }
}
