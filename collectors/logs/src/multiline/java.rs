//! What `Throwable.printStackTrace` prints, and loggers after it:
//!
//! ```text
//! java.lang.IllegalStateException: no stock
//!         at shop.Cart.pay(Cart.java:17)
//!         Suppressed: java.io.IOException: close
//!                 ... 3 more
//! Caused by: java.sql.SQLException: gone
//!         at shop.Db.query(Db.java:4)
//!         ... 12 more
//! ```
//!
//! Any line may be followed by frames: the message of an exception is free text.

/// Whether `line` can only stand within a stack trace.
pub(super) fn goes_on(line: &[u8]) -> bool {
    let text = line.trim_ascii_start();
    if text.len() == line.len() {
        return text.starts_with(b"Caused by: ") || text.starts_with(b"[CIRCULAR REFERENCE");
    }
    let first =
        [b"at ".as_slice(), b"Caused by: ", b"Suppressed: ", b"- locked ", b"- waiting ", b"[CIRCULAR "];
    first.iter().any(|first| text.starts_with(first)) || is_more(text)
}

/// `... 12 more`, `... 3 common frames omitted`
fn is_more(text: &[u8]) -> bool {
    text.strip_prefix(b"... ").is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
}
