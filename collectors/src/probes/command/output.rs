//! What a plugin writes: a text, and after `|` its performance data.
//!
//! The first line has a text and data; of the lines after it, those behind another `|` are data as well. An item of it is
//! `'label'=value[unit];warn;crit;min;max`; what is none is passed over, and so is a value of `U`, which is unknown.

/// As many items are kept.
const MOST: usize = 100;
/// A label or unit may be this long, in characters.
const LONGEST: usize = 64;

/// A number with its name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) label: String,
    /// As it is written: `s`, `%`, `MB`, `c`.
    pub(super) unit: String,
    pub(super) value: f64,
}

/// The performance data of an output.
pub(super) fn perfdata(output: &[u8]) -> Vec<Item> {
    let text = String::from_utf8_lossy(output);
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let data = |text: &str| text.split_once('|').map(|(_, data)| data.to_owned()).unwrap_or_default();
    let both = format!("{} {}", data(first), data(rest));
    let mut items: Vec<Item> = Vec::new();
    let mut left = both.as_str();
    while let Some((item, rest)) = next(left) {
        left = rest;
        // The first of a name counts.
        if let Some(item) = item
            && !items.iter().any(|known| known.label == item.label && known.unit == item.unit)
        {
            items.push(item);
        }
        if items.len() == MOST {
            break;
        }
    }
    items
}

/// The next word, as an item if it is one, and what is behind it; `None` at the end.
fn next(text: &str) -> Option<(Option<Item>, &str)> {
    let text = text.trim_start();
    if text.is_empty() {
        return None;
    }
    let (label, rest) = match text.strip_prefix('\'') {
        Some(quoted) => quoted_label(quoted)?,
        None => {
            let end = text.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(text.len());
            (text[..end].to_owned(), &text[end..])
        }
    };
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (word, rest) = rest.split_at(end);
    Some((word.strip_prefix('=').and_then(|word| item(label, word)), rest))
}

/// A label in quotes, in which two quotes are one; `None` if it has no end.
fn quoted_label(text: &str) -> Option<(String, &str)> {
    let mut label = String::new();
    let mut rest = text;
    loop {
        let (part, behind) = rest.split_once('\'')?;
        label.push_str(part);
        match behind.strip_prefix('\'') {
            Some(more) => {
                label.push('\'');
                rest = more;
            }
            None => return Some((label, behind)),
        }
    }
}

fn item(label: String, word: &str) -> Option<Item> {
    let value = word.split(';').next().unwrap_or_default();
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+');
    let end = value.find(|c| !is_number(c)).unwrap_or(value.len());
    // `1e3` is written by some; an `e` alone is a unit.
    let exponent = value[end..].strip_prefix(['e', 'E']).and_then(|rest| {
        let digits =
            rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, '-' | '+')).unwrap_or(rest.len());
        rest[..digits].parse::<i32>().ok().map(|_| end + 1 + digits)
    });
    let (number, unit) = value.split_at(exponent.unwrap_or(end));
    let number = number.replace(',', ".").parse::<f64>().ok().filter(|number| number.is_finite())?;
    let fits = |text: &str| text.chars().count() <= LONGEST && !text.contains(char::is_control);
    (!label.is_empty() && fits(&label) && fits(unit)).then(|| Item {
        label,
        unit: unit.to_owned(),
        value: number,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(output: &str) -> Vec<(String, String, f64)> {
        perfdata(output.as_bytes()).into_iter().map(|item| (item.label, item.unit, item.value)).collect()
    }

    fn of(label: &str, unit: &str, value: f64) -> (String, String, f64) {
        (label.to_owned(), unit.to_owned(), value)
    }

    #[test]
    fn the_forms_that_plugins_write_are_read() {
        assert_eq!(
            read("PING OK - 0% lost | rta=0.5ms;100;500;0 pl=0%;20;60;0;100\n"),
            [of("rta", "ms", 0.5), of("pl", "%", 0.0)]
        );
        assert_eq!(
            read("OK|'a b'=1;; 'it''s'=2c x=-1.5e3B"),
            [of("a b", "", 1.0), of("it's", "c", 2.0), of("x", "B", -1500.0)]
        );
        assert_eq!(
            read("OK | a=1\nmore text\nand more | b=2\nc=3"),
            [of("a", "", 1.0), of("b", "", 2.0), of("c", "", 3.0)]
        );
        assert_eq!(read("OK | a=1,5s"), [of("a", "s", 1.5)]);
    }

    #[test]
    fn what_is_no_item_is_passed_over() {
        assert_eq!(read("no data"), []);
        assert_eq!(read("OK | a=U b = c=x =1 d e=1 e=2 'f=1"), [of("e", "", 1.0)]);
        assert_eq!(read(&format!("OK | {}=1 a=2", "x".repeat(100))), [of("a", "", 2.0)]);
        let many: String = (0..500).map(|n| format!("l{n}={n} ")).collect();
        assert_eq!(read(&format!("OK | {many}")).len(), MOST);
    }

    proptest! {
        #[test]
        fn any_output_is_read(output in prop::collection::vec(any::<u8>(), 0..200), like in "OK ?\\|([a-z']{0,3}=?[-0-9.,eE]{0,5}[a-z%;]{0,3} ?){0,6}") {
            for output in [output.as_slice(), like.as_bytes()] {
                for item in perfdata(output) {
                    prop_assert!(item.value.is_finite() && !item.label.is_empty());
                }
            }
        }
    }
}
