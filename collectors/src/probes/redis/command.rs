//! Commands: which of them only read, and how they are sent.

/// Those that change nothing and answer at once, whatever the size of what they look at or in step with a range that
/// they are given. `CONFIG` is not among them: it tells passwords.
const READS: [&str; 42] = [
    "BITCOUNT",
    "CLUSTER INFO",
    "DBSIZE",
    "ECHO",
    "EXISTS",
    "GEODIST",
    "GET",
    "GETBIT",
    "GETRANGE",
    "HEXISTS",
    "HGET",
    "HLEN",
    "HMGET",
    "HSTRLEN",
    "INFO",
    "LASTSAVE",
    "LINDEX",
    "LLEN",
    "LRANGE",
    "MEMORY USAGE",
    "MGET",
    "OBJECT ENCODING",
    "OBJECT IDLETIME",
    "PING",
    "PTTL",
    "ROLE",
    "SCARD",
    "SENTINEL CKQUORUM",
    "SISMEMBER",
    "STRLEN",
    "TIME",
    "TTL",
    "TYPE",
    "XLEN",
    "XPENDING",
    "ZCARD",
    "ZCOUNT",
    "ZLEXCOUNT",
    "ZRANGE",
    "ZRANK",
    "ZREVRANK",
    "ZSCORE",
];

/// Why a command is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CommandError {
    #[error("required")]
    Empty,
    #[error("`{0}` is not one of the commands that only read")]
    NotRead(String),
}

/// The name of a command that only reads, as the server writes it: `MEMORY USAGE`.
pub(super) fn check(command: &[String]) -> Result<&'static str, CommandError> {
    let first = command.first().ok_or(CommandError::Empty)?;
    let matches = |read: &&&str| match read.split_once(' ') {
        None => first.eq_ignore_ascii_case(read),
        Some((own, sub)) => {
            first.eq_ignore_ascii_case(own)
                && command.get(1).is_some_and(|word| word.eq_ignore_ascii_case(sub))
        }
    };
    READS.iter().find(matches).copied().ok_or_else(|| CommandError::NotRead(first.to_uppercase()))
}

/// As it is sent: an array of strings, which may have any bytes.
pub(super) fn encode(words: &[&str]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn only_commands_that_read_are_sent() {
        assert_eq!(check(&words("get shop:orders")), Ok("GET"));
        assert_eq!(check(&words("memory usage key")), Ok("MEMORY USAGE"));
        for text in
            ["SET a b", "DEL a", "FLUSHALL", "CONFIG GET requirepass", "MEMORY PURGE", "CLUSTER", "EVAL x 0"]
        {
            assert!(matches!(check(&words(text)), Err(CommandError::NotRead(_))), "{text}");
        }
        assert_eq!(check(&[]), Err(CommandError::Empty));
    }

    #[test]
    fn a_word_cannot_become_another_command() {
        assert_eq!(encode(&["GET", "a\r\nFLUSHALL"]), b"*2\r\n$3\r\nGET\r\n$11\r\na\r\nFLUSHALL\r\n");
    }
}
