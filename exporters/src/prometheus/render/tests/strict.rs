//! A strict reader of both formats: it knows the rules and nothing of how the writer keeps them.

use std::collections::{BTreeMap, BTreeSet};

use crate::prometheus::negotiation::Format;

fn is_name(name: &str, colon: bool) -> bool {
    let good = |at: usize, c: char| {
        c.is_ascii_alphabetic() || c == '_' || (colon && c == ':') || (at > 0 && c.is_ascii_digit())
    };
    !name.is_empty() && name.chars().enumerate().all(|(at, c)| good(at, c))
}

/// Reads `{a="b",…}`; what is behind it comes back as well.
fn labels(mut rest: &str) -> Result<(BTreeMap<String, String>, &str), String> {
    let mut read = BTreeMap::new();
    loop {
        let (name, tail) = rest.split_once("=\"").ok_or("a label without a value")?;
        if !is_name(name, false) {
            return Err(format!("label name {name:?}"));
        }
        let mut value = String::new();
        let mut chars = tail.char_indices();
        let end = loop {
            match chars.next().ok_or("a value without an end")? {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next().ok_or("a lonely backslash")?.1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    c => return Err(format!("escape \\{c}")),
                }),
                (_, c) => value.push(c),
            }
        };
        if read.insert(name.to_owned(), value).is_some() {
            return Err(format!("label {name} twice"));
        }
        rest = &tail[end + 1..];
        match rest.split_at_checked(1).ok_or("labels without an end")? {
            (",", tail) => rest = tail,
            ("}", tail) => return Ok((read, tail)),
            (other, _) => return Err(format!("{other:?} between labels")),
        }
    }
}

fn number(text: &str) -> Result<f64, String> {
    match text {
        "+Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        "NaN" => Ok(f64::NAN),
        _ if text.contains(['i', 'n', 'I', 'N']) => Err(format!("number {text:?}")),
        _ => text.parse().map_err(|_| format!("number {text:?}")),
    }
}

fn parts(kind: &str, format: Format) -> Result<&'static [&'static str], String> {
    Ok(match (kind, format) {
        ("counter", Format::OpenMetrics) => &["_total"],
        ("counter", Format::Text) | ("gauge", _) => &[""],
        ("unknown", Format::OpenMetrics) | ("untyped", Format::Text) => &[""],
        ("histogram", _) => &["_bucket", "_sum", "_count"],
        ("summary", _) => &["", "_sum", "_count"],
        _ => return Err(format!("type {kind:?}")),
    })
}

/// The names that nobody else may have.
fn reserved(name: &str, kind: &str, format: Format) -> Vec<String> {
    let suffixes: &[&str] = match (kind, format) {
        ("counter", Format::OpenMetrics) => &["", "_total", "_created"],
        ("histogram", Format::OpenMetrics) => &["", "_bucket", "_sum", "_count", "_created"],
        ("summary", Format::OpenMetrics) => &["", "_sum", "_count", "_created"],
        ("histogram", Format::Text) => &["", "_bucket", "_sum", "_count"],
        ("summary", Format::Text) => &["", "_sum", "_count"],
        _ => &[""],
    };
    suffixes.iter().map(|suffix| format!("{name}{suffix}")).collect()
}

/// Reads `{a="b",…} 0.5 1520879607.789`, which must not be above `bound`.
fn exemplar(text: &str, bound: Option<f64>) -> Result<(), String> {
    let (labels, rest) = labels(text.strip_prefix('{').ok_or("exemplar without labels")?)?;
    let length: usize = labels.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum();
    if length > 128 {
        return Err(format!("exemplar's labels of {length} characters"));
    }
    let rest = rest.strip_prefix(' ').ok_or("no blank before the exemplar's value")?;
    let (value, time) = rest.split_once(' ').map_or((rest, None), |(value, time)| (value, Some(time)));
    if bound.is_some_and(|bound| number(value).is_ok_and(|value| value > bound)) {
        return Err("exemplar of another bucket".to_owned());
    }
    number(value)?;
    match time.map(number).transpose()? {
        Some(time) if !time.is_finite() => Err("exemplar of no time".to_owned()),
        _ => Ok(()),
    }
}

/// Reads an exposition; how many samples it has, or what is wrong with it.
pub(super) fn check(text: &str, format: Format) -> Result<usize, String> {
    let text = match format {
        Format::Text => text,
        Format::OpenMetrics => text.strip_suffix("# EOF\n").ok_or("no EOF")?,
    };
    let (mut taken, mut series) = (BTreeSet::new(), BTreeSet::new());
    let (mut help, mut family): (Option<&str>, Option<(&str, &str)>) = (None, None);
    let mut groups_done = BTreeSet::new();
    let mut group = None;
    for line in text.split_terminator('\n') {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, words) = rest.split_once(' ').ok_or("help without words")?;
            let mut chars = words.chars();
            while let Some(c) = chars.next() {
                match (c, format) {
                    ('\\', _) if matches!(chars.next(), Some('\\' | 'n')) => {}
                    ('\\', Format::OpenMetrics) if words.contains("\\\"") => {}
                    ('\\', _) => return Err(format!("escape in {line:?}")),
                    ('"', Format::OpenMetrics) => return Err(format!("bare quote in {line:?}")),
                    _ => {}
                }
            }
            help = Some(name);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or("type without a type")?;
            if !is_name(name, true) || help.take().is_some_and(|helped| helped != name) {
                return Err(format!("head {line:?}"));
            }
            for name in reserved(name, kind, format) {
                if !taken.insert(name) {
                    return Err(format!("name taken in {line:?}"));
                }
            }
            family = Some((name, kind));
            (group, groups_done) = (None, BTreeSet::new());
        } else {
            let end = line.find(['{', ' ']).ok_or("sample without a value")?;
            let (sample, rest) = line.split_at(end);
            let (labels, rest) = match rest.strip_prefix('{') {
                Some(inside) => labels(inside)?,
                None => (BTreeMap::new(), rest),
            };
            let rest = rest.strip_prefix(' ').ok_or("no blank before the value")?;
            let (value, beside) =
                rest.split_once(" # ").map_or((rest, None), |(value, beside)| (value, Some(beside)));
            let value = number(value)?;
            let (name, kind) = family.ok_or("sample before any head")?;
            let part = sample.strip_prefix(name).ok_or_else(|| format!("stray sample {line:?}"))?;
            if !parts(kind, format)?.contains(&part) {
                return Err(format!("part {part:?} of a {kind}"));
            }
            let quantile = kind == "summary" && part.is_empty();
            if (part == "_bucket") != (labels.contains_key("le") && kind == "histogram")
                || quantile && !labels.contains_key("quantile")
            {
                return Err(format!("bound in {line:?}"));
            }
            if let Some(beside) = beside {
                if format == Format::Text || !matches!(part, "_bucket" | "_total") {
                    return Err(format!("exemplar in {line:?}"));
                }
                let bound = labels.get("le").map(|le| number(le)).transpose()?;
                exemplar(beside, bound).map_err(|wrong| format!("{wrong} in {line:?}"))?;
            }
            if format == Format::OpenMetrics && !part.is_empty() && (value.is_nan() || value < 0.0) {
                return Err(format!("count in {line:?}"));
            }
            if !series.insert((sample.to_owned(), labels.clone())) {
                return Err(format!("twice {line:?}"));
            }
            let mut of = labels;
            of.remove("le");
            of.remove("quantile");
            if group.as_ref() != Some(&of) && !groups_done.insert(of.clone()) {
                return Err(format!("scattered {line:?}"));
            }
            group = Some(of);
        }
    }
    Ok(series.len())
}
