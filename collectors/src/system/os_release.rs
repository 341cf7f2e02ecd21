//! `/etc/os-release`: which operating system this is (os-release(5)).
//!
//! Lines of `NAME=value` as a shell would read them: values may be quoted, a backslash takes the next
//! character as it is, except within single quotes.

/// The variables that are there, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OsRelease {
    variables: Vec<(String, String)>,
}

/// Where the file is below the root; the first that is there counts.
pub(super) const FILES: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];

impl OsRelease {
    /// A line that is no assignment is passed over: the file is written by people.
    pub(super) fn parse(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        Self { variables: text.lines().filter_map(parse_line).collect() }
    }

    /// A variable's value, or nothing if it is not there. Of two the last counts, as in a shell.
    pub(super) fn get(&self, name: &str) -> &str {
        self.variables.iter().rev().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The version's first two numbers as one: `12.5.1` is 12.5.
    pub(super) fn version(&self) -> Option<f64> {
        let text = self.get("VERSION_ID");
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let major = digits(text);
        let minor = match text[major..].strip_prefix('.') {
            Some(rest) => 1 + digits(rest),
            None => 0,
        };
        (major > 0).then(|| text[..major + minor].parse().ok()).flatten()
    }
}

fn parse_line(line: &str) -> Option<(String, String)> {
    let (name, value) = line.trim().split_once('=')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(is_name)).then(|| (name.to_owned(), unquote(value)))
}

fn unquote(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut quote = None;
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => text.extend(chars.next()),
            // Unquoted, a blank or a comment ends the value.
            (None, ' ' | '\t' | '#') => break,
            _ => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_read_as_a_shell_reads_them() {
        let text = "# comment\nNAME=\"Debian GNU/Linux\"\nID=debian\nVERSION_ID='12.5.1'\n\
                    PRETTY_NAME=\"a \\\"b\\\" \\$c\"\nBROKEN\n=x\nID=last # not this\n";
        let release = OsRelease::parse(text.as_bytes());
        assert_eq!(release.get("NAME"), "Debian GNU/Linux");
        assert_eq!(release.get("PRETTY_NAME"), "a \"b\" $c");
        assert_eq!(release.get("ID"), "last");
        assert_eq!(release.get("VARIANT"), "");
        assert_eq!(release.version(), Some(12.5));
    }

    #[test]
    fn a_version_has_up_to_two_numbers() {
        let version = |id: &str| OsRelease::parse(format!("VERSION_ID={id}").as_bytes()).version();
        assert_eq!(version("12"), Some(12.0));
        assert_eq!(version("20."), Some(20.0));
        assert_eq!(version("rolling"), None);
        assert_eq!(version(""), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(text in proptest::collection::vec(any::<u8>(), 0..100), id in "\\PC{0,8}") {
            let _ = OsRelease::parse(&text).version();
            let _ = OsRelease::parse(format!("VERSION_ID={id}").as_bytes()).version();
        }
    }
}
