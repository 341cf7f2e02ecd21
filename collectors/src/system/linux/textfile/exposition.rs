//! Reading the text format, version 0.0.4, as Prometheus describes it.
//!
//! A mistake anywhere refuses the whole file, as does a timestamp: half a file would be a false statement.

use vigie_pipeline::metric::Kind;
use vigie_pipeline::page::Suffix;

/// One family of a file.
#[derive(Debug, PartialEq)]
pub(super) struct Described {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) help: Option<String>,
    pub(super) rows: Vec<Row>,
}

/// Names and values of labels.
pub(super) type Pairs = Vec<(String, String)>;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) suffix: Suffix,
    /// Unescaped, in the order of the file.
    pub(super) labels: Pairs,
    pub(super) value: f64,
}

/// What is wrong, and on which line, counted from 1.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("line {line}: {what}")]
pub(super) struct Mistake {
    pub(super) line: usize,
    pub(super) what: &'static str,
}

/// The families of a file, in its order.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Described>, Mistake> {
    let mut families = Families::default();
    for (index, line) in super::parse::lines(text).enumerate() {
        let read = std::str::from_utf8(line).map_err(|_| "not UTF-8").and_then(|line| families.take(line));
        read.map_err(|what| Mistake { line: index + 1, what })?;
    }
    families.0.retain(|family| !family.rows.is_empty());
    Ok(families.0)
}

#[derive(Default)]
struct Families(Vec<Described>);

impl Families {
    fn take(&mut self, line: &str) -> Result<(), &'static str> {
        let line = line.trim_matches([' ', '\t', '\r']);
        match line.strip_prefix('#') {
            Some(comment) => self.take_comment(comment),
            None if line.is_empty() => Ok(()),
            None => self.take_sample(line),
        }
    }

    fn take_comment(&mut self, comment: &str) -> Result<(), &'static str> {
        let (keyword, rest) = word(comment);
        if keyword != "HELP" && keyword != "TYPE" {
            return Ok(());
        }
        let (name, rest) = word(rest);
        if !is_name(name, true) {
            return Err("not a metric name");
        }
        let family = self.family(name);
        if keyword == "HELP" {
            let help = unescape_help(rest.trim_start_matches([' ', '\t']));
            // One without words is none.
            if !help.is_empty() && family.help.replace(help).is_some() {
                return Err("a second HELP");
            }
            return Ok(());
        }
        if !family.rows.is_empty() {
            return Err("a TYPE behind its samples");
        }
        family.kind = match word(rest).0.to_ascii_lowercase().as_str() {
            "counter" => Kind::Counter,
            "gauge" => Kind::Gauge,
            "histogram" => Kind::Histogram,
            "summary" => Kind::Summary,
            "untyped" => Kind::Untyped,
            _ => return Err("an unknown TYPE"),
        };
        Ok(())
    }

    fn take_sample(&mut self, line: &str) -> Result<(), &'static str> {
        let end = line.find(['{', ' ', '\t']).unwrap_or(line.len());
        let (name, rest) = line.split_at(end);
        if !is_name(name, true) {
            return Err("not a metric name");
        }
        let rest = rest.trim_start_matches([' ', '\t']);
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(rest) => labels(rest)?,
            None => (Vec::new(), rest),
        };
        let (value, rest) = word(rest);
        let value: f64 = value.parse().map_err(|_| "not a number")?;
        if !word(rest).0.is_empty() {
            return Err("a timestamp, which a file that is read again and again cannot have");
        }
        let (family, suffix) = self.family_of_sample(name);
        family.rows.push(Row { suffix, labels, value });
        Ok(())
    }

    fn known(&self, name: &str) -> Option<usize> {
        self.0.iter().rposition(|family| family.name == name)
    }

    fn family(&mut self, name: &str) -> &mut Described {
        let at = self.known(name).unwrap_or_else(|| {
            let name = name.to_owned();
            self.0.push(Described { name, kind: Kind::Untyped, help: None, rows: Vec::new() });
            self.0.len() - 1
        });
        &mut self.0[at]
    }

    /// `x_bucket`, `x_sum` and `x_count` belong to `x` where that is a histogram or a summary.
    fn family_of_sample(&mut self, name: &str) -> (&mut Described, Suffix) {
        for suffix in [Suffix::Bucket, Suffix::Sum, Suffix::Count] {
            let base = name.strip_suffix(suffix.as_str()).and_then(|base| self.known(base));
            let Some(at) = base else { continue };
            let has_it = match self.0[at].kind {
                Kind::Histogram => true,
                Kind::Summary => suffix != Suffix::Bucket,
                _ => false,
            };
            if has_it {
                return (&mut self.0[at], suffix);
            }
        }
        (self.family(name), Suffix::None)
    }
}

/// The labels behind an opening brace, and what follows the closing one.
fn labels(mut rest: &str) -> Result<(Pairs, &str), &'static str> {
    let mut labels = Pairs::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        if let Some(rest) = rest.strip_prefix('}') {
            return Ok((labels, rest));
        }
        let (name, value) = rest.split_once('=').ok_or("a label without a value")?;
        let name = name.trim_end_matches([' ', '\t']);
        if !is_name(name, false) {
            return Err("not a label name");
        }
        if labels.iter().any(|(known, _)| known == name) {
            return Err("a label twice");
        }
        let value =
            value.trim_start_matches([' ', '\t']).strip_prefix('"').ok_or("a label without quotes")?;
        let (value, behind) = quoted(value)?;
        labels.push((name.to_owned(), value));
        rest = behind.trim_start_matches([' ', '\t']);
        match rest.strip_prefix(',') {
            Some(behind) => rest = behind,
            None if rest.starts_with('}') => {}
            None => return Err("neither a comma nor a brace behind a label"),
        }
    }
}

/// A label's value behind its opening quote, unescaped, and what follows the closing one.
fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, c @ ('\\' | '"'))) => value.push(c),
                _ => return Err("an unknown escape"),
            },
            _ => value.push(c),
        }
    }
    Err("a quote that is not closed")
}

fn unescape_help(text: &str) -> String {
    let mut help = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => help.push('\n'),
                Some('\\') | None => help.push('\\'),
                Some(other) => help.extend(['\\', other]),
            },
            _ => help.push(c),
        }
    }
    help
}

/// The first word and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start_matches([' ', '\t']);
    text.split_at(text.find([' ', '\t']).unwrap_or(text.len()))
}

/// Whether it names a metric, which may have colons, or a label, which may not.
fn is_name(name: &str, metric: bool) -> bool {
    let is_head = |c: char| c.is_ascii_alphabetic() || c == '_' || (metric && c == ':');
    name.starts_with(is_head) && name.chars().all(|c| is_head(c) || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn mistake(text: &str) -> String {
        parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn names_types_labels_and_values_are_read() {
        let text = "# A comment\n# HELP x The \\\\ x\\ny.\n# TYPE x counter\n\
                    x{a=\"1\", b = \"q\\\"\\\\\\n\" ,} 1e3\nx 2\r\n\ny:z\t+Inf";
        let families = parse(text.as_bytes()).unwrap();
        assert_eq!(families.len(), 2);
        assert_eq!(families[0].kind, Kind::Counter);
        assert_eq!(families[0].help.as_deref(), Some("The \\ x\ny."));
        let labels = [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "q\"\\\n".to_owned())];
        assert_eq!(families[0].rows[0].labels, labels);
        assert_eq!(families[0].rows[0].value, 1000.0);
        assert_eq!((families[1].name.as_str(), families[1].kind), ("y:z", Kind::Untyped));
        assert_eq!(parse(b"# HELP x\nx 1\n").unwrap()[0].help, None);
        assert_eq!(families[1].rows[0].value, f64::INFINITY);
    }

    #[test]
    fn the_parts_of_histograms_and_summaries_belong_to_them() {
        let text = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 2\nh_count 1\n\
                    # TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\ns_count 1\ns_bucket 1\nc_count 3\n";
        let families = parse(text.as_bytes()).unwrap();
        let names: Vec<&str> = families.iter().map(|family| family.name.as_str()).collect();
        assert_eq!(names, ["h", "s", "s_bucket", "c_count"]);
        let suffixes: Vec<Suffix> = families[0].rows.iter().map(|row| row.suffix).collect();
        assert_eq!(suffixes, [Suffix::Bucket, Suffix::Sum, Suffix::Count]);
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        for (text, what) in [
            ("x 1\ny", "line 2: not a number"),
            (
                "x 1 1395066363000\n",
                "line 1: a timestamp, which a file that is read again and again cannot have",
            ),
            ("x{a} 1\n", "line 1: a label without a value"),
            ("x{a=b} 1\n", "line 1: a label without quotes"),
            ("x{a=\"b\" c=\"d\"} 1\n", "line 1: neither a comma nor a brace behind a label"),
            ("x{a=\"b\",a=\"c\"} 1\n", "line 1: a label twice"),
            ("x{a=\"b} 1\n", "line 1: a quote that is not closed"),
            ("x{a=\"\\t\"} 1\n", "line 1: an unknown escape"),
            ("x{1=\"b\"} 1\n", "line 1: not a label name"),
            ("1x 1\n", "line 1: not a metric name"),
            ("x 1\n# TYPE x gauge\n", "line 2: a TYPE behind its samples"),
            ("# HELP x A\n# HELP x B\n", "line 2: a second HELP"),
            ("# TYPE x thing\n", "line 1: an unknown TYPE"),
        ] {
            assert_eq!(mistake(text), what, "{text:?}");
        }
        assert_eq!(parse(b"x \xff\n").unwrap_err().what, "not UTF-8");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
            text in "(# (HELP|TYPE) x[ a-z\\\\]{0,10}\n|x(_sum|_count|_bucket)?[{} a-z=\"\\\\,0-9]{0,20}\n){0,5}",
        ) {
            let _ = parse(&bytes);
            let _ = parse(text.as_bytes());
        }
    }
}
