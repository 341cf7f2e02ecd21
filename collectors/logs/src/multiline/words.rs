//! Words that say how bad a line is: whether what a logger was given besides its message may stand below it.

use std::sync::LazyLock;

use regex::bytes::Regex;

/// So much of a line is looked at: loggers say the level at its beginning.
const LOOKED_AT: usize = 256;

/// The first one on the line decides. Those of the first alternative say that nothing is wrong.
static WORDS: LazyLock<Regex> = LazyLock::new(|| {
    let words = r"(?-u)\b(?:TRACE|DEBUG|INFO|NOTICE|SUCCESS|trace|debug|info|notice)\b|\b(?:ERR|WRN|FTL|CRIT|crit)\b|(?i:error|exception|critical|fatal|severe|warn|fail|panic)";
    Regex::new(words).expect("a fixed pattern compiles")
});

/// Whether an exception directly below the line belongs to it: the line says that something is wrong, as the one does
/// that `logging.exception` writes in Python, or `logger.error(message, exception)` in Java. What stands below a line
/// that reports no trouble was written by somebody else, a process that crashed.
pub(super) fn tells_of_trouble(line: &[u8]) -> bool {
    let line = &line[..line.len().min(LOOKED_AT)];
    WORDS.find(line).is_some_and(|word| {
        let quiet = [b"trace".as_slice(), b"debug", b"info", b"notice", b"success"];
        !quiet.iter().any(|quiet| quiet.eq_ignore_ascii_case(word.as_bytes()))
    })
}

/// The name with which a line begins that says what was thrown (`shop.errors.Declined: …`, `KeyError`), if it looks
/// like one.
pub(super) fn thrown_name(line: &[u8]) -> Option<&[u8]> {
    let is_name =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$' | b'<' | b'>');
    let end = line.iter().position(|byte| !is_name(byte)).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let has_end = matches!(rest, [] | [b':'] | [b':', b' ', ..]);
    (has_end && name.first().is_some_and(u8::is_ascii_alphabetic)).then_some(name)
}

/// Whether a name is made as the names of exceptions are in all languages.
pub(super) fn is_of_exception(name: &[u8]) -> bool {
    let last = name.rsplit(|byte| matches!(byte, b'.' | b'$')).next().unwrap_or(name);
    let ends = [b"Error".as_slice(), b"Exception", b"Throwable", b"Failure", b"ExceptionGroup", b"Traceback"];
    last.first().is_some_and(|first| first.is_ascii_uppercase() || *first == b'_')
        && ends.iter().any(|end| last.ends_with(end))
}

/// Whether a name is one of a class in a package, as those of the JVM and of .NET are: `shop.Declined`.
pub(super) fn is_of_class(name: &[u8]) -> bool {
    let last = name.iter().rposition(|byte| matches!(byte, b'.' | b'$')).map(|at| &name[at + 1..]);
    last.is_some_and(|last| last.first().is_some_and(u8::is_ascii_uppercase))
}

/// Whether a line looks like the next one of a log, and not like one more line of a message: it begins with a date, a
/// bracket or a level.
pub(super) fn begins_entry(line: &[u8]) -> bool {
    const LEVELS: [&[u8]; 12] = [
        b"TRACE",
        b"DEBUG",
        b"INFO",
        b"NOTICE",
        b"WARN",
        b"ERROR",
        b"FATAL",
        b"SEVERE",
        b"CRITICAL",
        b"FINE",
        b"CONFIG",
        b"Exception in thread ",
    ];
    match line {
        [] => false,
        [b'[', ..] | [b'{', b'"', ..] | [b'<', b'0'..=b'9', ..] => true,
        [b'0'..=b'9', ..] => begins_with_date(line),
        _ if begins_with_month(line) => true,
        _ => LEVELS.iter().any(|level| line.starts_with(level)),
    }
}

/// `2026-01-02`, `03:04:05`, `1767323045.678`: several digits, what stands between such, and another one.
fn begins_with_date(line: &[u8]) -> bool {
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 1
        && matches!(line.get(digits), Some(b'-' | b'/' | b':' | b'.'))
        && line.get(digits + 1).is_some_and(u8::is_ascii_digit)
}

/// `Jan 02, …`
pub(super) fn begins_with_month(line: &[u8]) -> bool {
    const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    line.get(3) == Some(&b' ') && MONTHS.chunks(3).any(|month| line.starts_with(month))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_says_whether_something_is_wrong() {
        for line in [
            "2026-01-02 03:04:05,678 ERROR shop: payment failed",
            "2026-01-02 03:04:05.678 +00:00 [ERR] Paying failed",
            "WARNING:root:retrying",
            "Internal Server Error: /pay",
            "Task exception was never retrieved",
        ] {
            assert!(tells_of_trouble(line.as_bytes()), "{line}");
        }
        for line in ["2026-01-02 INFO shop: 3 errors were found", "started", "[debug] failed over", ""] {
            assert!(!tells_of_trouble(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn a_class_in_a_package_is_told_from_other_words_with_a_dot() {
        for (name, is_one) in
            [("shop.Declined", true), ("Shop$Declined", true), ("shop.cart", false), ("Shop", false)]
        {
            assert_eq!(is_of_class(name.as_bytes()), is_one, "{name}");
        }
    }

    #[test]
    fn the_next_entry_of_a_log_is_told_from_a_line_of_a_message() {
        for line in
            ["2026-01-02 x", "03:04:05 x", "1767323045.678 x", "[info] x", "Jan 02, x", "INFO x", "<34>1 x"]
        {
            assert!(begins_entry(line.as_bytes()), "{line}");
        }
        for line in ["1 !== 2", "for 7", "", "{", "<null>", "Januar", "12 of 14"] {
            assert!(!begins_entry(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn names_of_exceptions_are_told_from_words_before_a_colon() {
        let is_thrown = |line: &str| thrown_name(line.as_bytes()).is_some_and(is_of_exception);
        for line in ["KeyError: 'a'", "shop.errors.PaymentError", "java.lang.IllegalStateException: no stock"]
        {
            assert!(is_thrown(line), "{line}");
        }
        for line in ["ERROR:root:x", "Error at line 3", "listening: on port 80", "error: x", "KeyError:x", ""]
        {
            assert!(!is_thrown(line), "{line}");
        }
    }
}
