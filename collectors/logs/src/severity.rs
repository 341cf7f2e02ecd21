//! Severities by name and by number.

use vigie_pipeline::otlp::log::Severity;

/// By the names that loggers and syslog use, in any case, and by the numbers of syslog (0 to 7) and of bunyan
/// and pino (10 to 60). Syslog's names map as the OpenTelemetry log data model recommends.
pub(crate) fn read(text: &str) -> Option<Severity> {
    let mut lower = [0; 16];
    let lower = lower.get_mut(..text.len())?;
    lower.copy_from_slice(text.as_bytes());
    lower.make_ascii_lowercase();
    Some(match &*lower {
        b"trace" | b"finest" | b"10" => Severity::TRACE,
        b"debug" | b"dbg" | b"fine" | b"7" | b"20" => Severity::DEBUG,
        b"info" | b"information" | b"informational" | b"log" | b"6" | b"30" => Severity::INFO,
        b"notice" | b"5" => Severity(10),
        b"warn" | b"warning" | b"4" | b"40" => Severity::WARN,
        b"error" | b"err" | b"severe" | b"3" | b"50" => Severity::ERROR,
        b"critical" | b"crit" | b"dpanic" | b"2" => Severity(18),
        b"alert" | b"1" => Severity(19),
        b"fatal" | b"emergency" | b"emerg" | b"panic" | b"0" | b"60" => Severity::FATAL,
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

    #[test]
    fn names_are_known_in_any_case_and_others_are_not_guessed() {
        assert_eq!(read("Warning"), Some(Severity::WARN));
        assert_eq!(read("ERR"), Some(Severity::ERROR));
        assert_eq!(read("30"), Some(Severity::INFO));
        assert_eq!(read("audit"), None);
        assert_eq!(read("a name that is much longer than any"), None);
    }
}
