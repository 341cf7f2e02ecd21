//! Severities by name and by number.
//!
//! Names are nearly the same everywhere and have one table, [`read`]. What a number, a letter or a sign means depends
//! on who wrote it: each kind has a table of its own. All follow the mappings of the OpenTelemetry log data model
//! where it has one.

use vigie_pipeline::otlp::log::Severity;

const NOTICE: Severity = Severity(10);
const CRITICAL: Severity = Severity(18);
const ALERT: Severity = Severity(19);

/// By the names that loggers and syslog use, in any case; as slog has them, with a distance (`INFO+2`); and by
/// numbers, which are syslog's from 0 to 7, and bunyan's and pino's from 10 on.
pub(crate) fn read(text: &str) -> Option<Severity> {
    let text = text.trim_ascii();
    match text.as_bytes().first()? {
        b'0'..=b'9' => match text.parse().ok()? {
            number @ 0..=7 => syslog(number),
            number => bunyan(number),
        },
        _ => named(text).or_else(|| distant(text)),
    }
}

/// How a severity is read.
pub(crate) type Reader = fn(&str) -> Option<Severity>;

/// By what the field is called that says it: `levelno` are Python's numbers, `severity_number` is OTLP's.
pub(crate) fn reader_of(field: &str) -> Reader {
    match field.rsplit('.').next().unwrap_or(field) {
        "levelno" => |text| text.parse().ok().and_then(python_number),
        "severity_number" | "severityNumber" | "SeverityNumber" => {
            |text| text.parse().ok().filter(|number| (1..=24).contains(number)).map(Severity)
        }
        _ => read,
    }
}

fn named(text: &str) -> Option<Severity> {
    let mut lower = [0; 16];
    let lower = lower.get_mut(..text.len())?;
    lower.copy_from_slice(text.as_bytes());
    lower.make_ascii_lowercase();
    Some(match &*lower {
        b"info" | b"information" | b"informational" | b"inf" | b"log" | b"i" => Severity::INFO,
        b"warn" | b"warning" | b"wrn" | b"w" => Severity::WARN,
        b"error" | b"err" | b"eror" | b"severe" | b"fail" | b"e" => Severity::ERROR,
        b"debug" | b"dbg" | b"debg" | b"dbug" | b"d" | b"verbose" => Severity::DEBUG,
        b"trace" | b"trce" | b"trc" | b"trac" | b"finest" | b"silly" | b"t" => Severity::TRACE,
        // Those of java.util.logging.
        b"finer" => Severity::DEBUG,
        b"fine" => Severity(6),
        b"config" => Severity(7),
        b"notice" | b"success" => NOTICE,
        b"critical" | b"crit" | b"dpanic" | b"c" => CRITICAL,
        b"alert" => ALERT,
        b"fatal" | b"ftl" | b"f" | b"emergency" | b"emerg" | b"panic" | b"pnc" => Severity::FATAL,
        // Ruby's logger: of no particular severity, always written.
        b"any" | b"a" | b"unknown" => Severity::INFO,
        _ => return None,
    })
}

/// slog's levels are four apart, as OTLP's are.
fn distant(text: &str) -> Option<Severity> {
    let at = text.find(['+', '-'])?;
    let base = match text.get(..at)? {
        "DEBUG" => Severity::DEBUG,
        "INFO" => Severity::INFO,
        "WARN" => Severity::WARN,
        "ERROR" => Severity::ERROR,
        _ => return None,
    };
    let distance: i16 = text.get(at..)?.parse().ok()?;
    Some(Severity(i16::from(base.0).saturating_add(distance).clamp(1, 24) as u8))
}

/// The numbers of syslog, 0 to 7.
pub(crate) fn syslog(number: u16) -> Option<Severity> {
    Some(match number {
        0 => Severity::FATAL,
        1 => ALERT,
        2 => CRITICAL,
        3 => Severity::ERROR,
        4 => Severity::WARN,
        5 => NOTICE,
        6 => Severity::INFO,
        7 => Severity::DEBUG,
        _ => return None,
    })
}

/// The numbers of bunyan and pino, 10 to 60, and what is between them.
pub(crate) fn bunyan(number: u16) -> Option<Severity> {
    Some(match number {
        10..20 => Severity::TRACE,
        20..30 => Severity::DEBUG,
        30..40 => Severity::INFO,
        40..50 => Severity::WARN,
        50..60 => Severity::ERROR,
        60..70 => Severity::FATAL,
        _ => return None,
    })
}

/// The numbers of Python's `logging`, 10 to 50, and what is between them; loguru's trace is 5.
pub(crate) fn python_number(number: u16) -> Option<Severity> {
    Some(match number {
        1..10 => Severity::TRACE,
        10..20 => Severity::DEBUG,
        20..25 => Severity::INFO,
        25..30 => NOTICE,
        30..40 => Severity::WARN,
        40..50 => Severity::ERROR,
        50..100 => Severity::FATAL,
        _ => return None,
    })
}

/// The names of Python's `logging` and of loguru, as they are written: the worst is `CRITICAL`, also known as `FATAL`.
/// A level without a name is `Level 35`.
pub(crate) fn python(name: &str) -> Option<Severity> {
    Some(match name {
        "INFO" => Severity::INFO,
        "WARNING" | "WARN" => Severity::WARN,
        "ERROR" => Severity::ERROR,
        "DEBUG" => Severity::DEBUG,
        "CRITICAL" | "FATAL" => Severity::FATAL,
        "TRACE" => Severity::TRACE,
        "SUCCESS" | "NOTICE" => NOTICE,
        _ => return name.strip_prefix("Level ")?.parse().ok().and_then(python_number),
    })
}

/// The words of PostgreSQL's log. Those which only tell more of the message before them have no severity of their own.
pub(crate) fn postgres(word: &str) -> Option<Severity> {
    Some(match word {
        "LOG" | "INFO" => Severity::INFO,
        "ERROR" => Severity::ERROR,
        "FATAL" => Severity::FATAL,
        "WARNING" => Severity::WARN,
        "NOTICE" => NOTICE,
        "PANIC" => Severity(24),
        "DEBUG1" => Severity(8),
        "DEBUG2" => Severity(7),
        "DEBUG3" => Severity(6),
        "DEBUG4" | "DEBUG5" => Severity::DEBUG,
        "STATEMENT" | "DETAIL" | "HINT" | "CONTEXT" | "QUERY" | "LOCATION" | "BACKTRACE" => {
            Severity::default()
        }
        _ => return None,
    })
}

/// The signs of redis, with the names of their levels.
pub(crate) fn redis(sign: u8) -> Option<(Severity, &'static str)> {
    Some(match sign {
        b'.' => (Severity::DEBUG, "debug"),
        b'-' => (Severity(7), "verbose"),
        b'*' => (Severity::INFO, "notice"),
        b'#' => (Severity::WARN, "warning"),
        _ => return None,
    })
}

/// The letters of klog and glog.
pub(crate) fn klog(letter: u8) -> Option<Severity> {
    Some(match letter {
        b'I' => Severity::INFO,
        b'W' => Severity::WARN,
        b'E' => Severity::ERROR,
        b'F' => Severity::FATAL,
        b'D' => Severity::DEBUG,
        _ => return None,
    })
}

/// Of an access log line: a server's error is one, a client's is a warning.
pub(crate) fn of_status(status: u16) -> Severity {
    match status {
        500.. => Severity::ERROR,
        400.. => Severity::WARN,
        _ => Severity::INFO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_known_in_any_case_and_others_are_not_guessed() {
        let families: [(u8, &[&str]); 12] = [
            (1, &["TRACE", "finest", "trce", "10", "DEBUG-4", "DEBUG-9"]),
            (5, &["DEBUG", "debug", "dbug", "FINER", "20", "7", "D"]),
            (6, &["FINE", "DEBUG+1"]),
            (7, &["CONFIG"]),
            (9, &["INFO", "info", "Information", "informational", "30", "6", "I", "ANY"]),
            (10, &["NOTICE", "SUCCESS", "5", "INFO+1"]),
            (11, &["INFO+2", "WARN-2"]),
            (13, &["Warning", "WARN", "wrn", "40", "4", "W", " warn "]),
            (17, &["ERR", "error", "SEVERE", "fail", "50", "3"]),
            (18, &["crit", "Critical", "dpanic", "2", "ERROR+1"]),
            (19, &["alert", "1"]),
            (21, &["FATAL", "emerg", "panic", "60", "0", "F", "ERROR+4"]),
        ];
        for (number, names) in families {
            for name in names {
                assert_eq!(read(name), Some(Severity(number)), "{name}");
            }
        }
        for name in
            ["audit", "a name that is much longer than any", "", "8", "INFO+", "INFO+x", "info+2", "99999999"]
        {
            assert_eq!(read(name), None, "{name}");
        }
    }

    #[test]
    fn what_a_number_means_depends_on_who_wrote_it() {
        assert_eq!(reader_of("levelno")("30"), Some(Severity::WARN));
        assert_eq!(reader_of("record.levelno")("50"), Some(Severity::FATAL));
        assert_eq!(reader_of("level")("30"), Some(Severity::INFO));
        assert_eq!(reader_of("severity_number")("18"), Some(CRITICAL));
        assert_eq!(reader_of("severity_number")("0"), None);
        assert_eq!(python("Level 15"), Some(Severity::DEBUG));
        assert_eq!(python("CRITICAL"), Some(Severity::FATAL));
        assert_eq!(python("root"), None);
        assert_eq!(postgres("DEBUG1").zip(postgres("DEBUG5")).map(|(one, five)| one > five), Some(true));
        assert_eq!(redis(b'*').map(|(severity, _)| severity), Some(Severity::INFO));
        assert_eq!(klog(b'F'), Some(Severity::FATAL));
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_a_severity_of_otlp(text in "\\PC{0,20}", slog in "(DEBUG|INFO|WARN|ERROR)[+-][0-9]{1,6}") {
            for text in [text, slog] {
                for severity in [read(&text), reader_of("levelno")(&text), python(&text), postgres(&text)].into_iter().flatten() {
                    prop_assert!(severity.0 <= 24);
                }
            }
        }
    }
}
