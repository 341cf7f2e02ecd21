//! Text → pieces of a template.

use super::Piece;

const FIELDS: [(&str, Piece); 7] = [
    ("Comm", Piece::Comm),
    ("ExeBase", Piece::ExeBase),
    ("ExeFull", Piece::ExeFull),
    ("Username", Piece::Username),
    ("PID", Piece::Pid),
    ("StartTime", Piece::StartTime),
    ("Cgroups", Piece::Cgroups),
];

/// What Go trims.
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

pub(super) fn parse(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut trims = false;
    while let Some((before, inner)) = rest.split_once("{{") {
        let (inner, trims_before) = match inner.strip_prefix('-') {
            Some(trimmed) if trimmed.starts_with(BLANKS) => (trimmed, true),
            _ => (inner, false),
        };
        put_text(&mut pieces, before, trims, trims_before);
        let action;
        (action, rest) = match inner.trim_start_matches(BLANKS).strip_prefix("/*") {
            Some(comment) => (None, comment.split_once("*/").ok_or("a comment is not closed by `*/`")?.1),
            None => {
                let (piece, rest) = action_of(inner)?;
                (Some(piece), rest)
            }
        };
        pieces.extend(action);
        (rest, trims) = closed(rest)?;
    }
    put_text(&mut pieces, rest, trims, false);
    Ok(pieces)
}

fn put_text(pieces: &mut Vec<Piece>, text: &str, trims_start: bool, trims_end: bool) {
    let text = if trims_start { text.trim_start_matches(BLANKS) } else { text };
    let text = if trims_end { text.trim_end_matches(BLANKS) } else { text };
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

/// What follows the braces that close an action, and whether the blanks in front of it go.
fn closed(rest: &str) -> Result<(&str, bool), String> {
    let tail = rest.trim_start_matches(BLANKS);
    if let Some(tail) = tail.strip_prefix("-}}").filter(|_| tail.len() < rest.len()) {
        return Ok((tail, true));
    }
    match tail.strip_prefix("}}") {
        Some(tail) => Ok((tail, false)),
        None if tail.is_empty() => Err("`{{` is not closed by `}}`".to_owned()),
        None => Err(beyond(tail)),
    }
}

/// What is not understood.
fn beyond(rest: &str) -> String {
    let word: String = match rest.chars().next() {
        Some(c) if is_of_word(c) => rest.chars().take_while(|c| is_of_word(*c)).collect(),
        first => first.into_iter().collect(),
    };
    format!(
        "`{word}` is not understood here: between braces stands a field such as `.Comm` or `index .Matches \"name\"`"
    )
}

fn is_of_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// What stands between braces; returns what is left.
fn action_of(inner: &str) -> Result<(Piece, &str), String> {
    let inner = inner.trim_start_matches(BLANKS);
    if let Some((text, rest)) = literal(inner)? {
        return Ok((Piece::Text(text), rest));
    }
    if let Some(rest) = inner.strip_prefix("index").filter(|rest| rest.starts_with(BLANKS)) {
        return indexed(rest);
    }
    match path(inner) {
        (path, rest) if !path.is_empty() => Ok((field(&path)?, rest)),
        (_, "") => Err("`{{` is not closed by `}}`".to_owned()),
        (_, rest) if rest.starts_with("}}") || rest.starts_with("-}}") => {
            Err("nothing stands between the braces".to_owned())
        }
        (_, rest) => Err(beyond(rest)),
    }
}

/// The names of `.A.B`; returns what is left. None if there is none.
fn path(text: &str) -> (Vec<&str>, &str) {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(tail) = rest.strip_prefix('.') {
        let end = tail.find(|c| !is_of_word(c)).unwrap_or(tail.len());
        if end == 0 {
            break;
        }
        names.push(&tail[..end]);
        rest = &tail[end..];
    }
    (names, rest)
}

fn field(path: &[&str]) -> Result<Piece, String> {
    let piece = |name: &str| FIELDS.iter().find(|(known, _)| *known == name).map(|(_, piece)| piece.clone());
    match path {
        ["Matches"] => Ok(Piece::Matches),
        ["Matches", name] => Ok(Piece::Match((*name).to_owned(), "<no value>")),
        [name] => piece(name).ok_or_else(|| unknown(name)),
        [name, ..] if *name != "Matches" && piece(name).is_none() => Err(unknown(name)),
        [.., name] => Err(format!("there is no `.{name}` in that")),
        [] => Err("a field has no name".to_owned()),
    }
}

fn unknown(name: &str) -> String {
    let mut names: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
    names.push("Matches");
    let same = names.iter().min_by_key(|known| strsim::damerau_levenshtein(known, name));
    match same.filter(|known| strsim::damerau_levenshtein(&known.to_lowercase(), &name.to_lowercase()) <= 2) {
        Some(known) => format!("there is no field `.{name}` (did you mean `.{known}`?)"),
        None => format!("there is no field `.{name}`: there are .{}", names.join(", .")),
    }
}

/// `.Matches "name"` or `.Cgroups 1`; returns what is left.
fn indexed(rest: &str) -> Result<(Piece, &str), String> {
    let (path, rest) = path(rest.trim_start_matches(BLANKS));
    let argument = rest.trim_start_matches(BLANKS);
    match path.as_slice() {
        ["Matches"] => match literal(argument)? {
            Some((name, rest)) => Ok((Piece::Match(name, ""), rest)),
            None => Err("`index .Matches` takes a name in quotes".to_owned()),
        },
        ["Cgroups"] => {
            let end = argument.find(|c: char| !c.is_ascii_digit()).unwrap_or(argument.len());
            match argument[..end].parse() {
                Ok(index) => Ok((Piece::Cgroup(index), &argument[end..])),
                Err(_) => Err("`index .Cgroups` takes a number".to_owned()),
            }
        }
        _ => Err("`index` takes `.Matches` and a name, or `.Cgroups` and a number".to_owned()),
    }
}

/// A text in quotes or backticks; returns what is left. `None` if none begins here.
fn literal(text: &str) -> Result<Option<(String, &str)>, String> {
    const UNCLOSED: &str = "a quoted text is not closed";
    if let Some(raw) = text.strip_prefix('`') {
        let (raw, rest) = raw.split_once('`').ok_or(UNCLOSED)?;
        return Ok(Some((raw.to_owned(), rest)));
    }
    let Some(quoted) = text.strip_prefix('"') else { return Ok(None) };
    let mut plain = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next() {
            Some('"') => return Ok(Some((plain, chars.as_str()))),
            Some('\\') => match chars.next() {
                Some(c @ ('"' | '\\')) => plain.push(c),
                Some('n') => plain.push('\n'),
                Some('t') => plain.push('\t'),
                Some(c) => return Err(format!("`\\{c}` is not understood in a quoted text")),
                None => return Err(UNCLOSED.to_owned()),
            },
            Some('\n') | None => return Err(UNCLOSED.to_owned()),
            Some(c) => plain.push(c),
        }
    }
}
