#![allow(clippy::unwrap_used)]
use super::*;

/// What `lines` become: the events, their lines joined.
fn events(config: &Multiline, text: &str) -> Vec<String> {
    let rules = Rules::new(config).unwrap().unwrap();
    let mut events: Vec<(State, String)> = Vec::new();
    for line in text.lines() {
        let state = events.last().map(|(state, _)| *state).filter(|state| *state != State::Complete);
        match (rules.next(state, line.as_bytes()), events.last_mut()) {
            (Step::Continue(state), Some((before, event))) if *before != State::Complete => {
                *before = state;
                event.push('\n');
                event.push_str(line);
            }
            (Step::Begin(state) | Step::Continue(state), _) => events.push((state, line.to_owned())),
        }
    }
    events.into_iter().map(|(_, event)| event.trim_end_matches('\n').to_owned()).collect()
}

/// `text` is events that are separated by lines of `§`: joined without those, they come apart there again.
fn come_apart(preset: Preset, text: &str) {
    let config = Multiline { preset: Some(preset), ..Multiline::default() };
    let expected: Vec<&str> = text.split("§\n").map(|event| event.trim_matches('\n')).collect();
    let mut events = events(&config, &text.replace("§\n", ""));
    // Blank lines between events are no records.
    events.retain(|event| !event.is_empty());
    for (event, expected) in events.iter().zip(&expected) {
        assert_eq!(event, expected);
    }
    assert_eq!(events.len(), expected.len());
}

#[test]
fn python() {
    come_apart(Preset::Python, include_str!("examples/python.txt"));
}

#[test]
fn java() {
    come_apart(Preset::Java, include_str!("examples/java.txt"));
}

#[test]
fn go() {
    come_apart(Preset::Go, include_str!("examples/go.txt"));
}

#[test]
fn javascript() {
    come_apart(Preset::Javascript, include_str!("examples/javascript.txt"));
}

#[test]
fn ruby() {
    come_apart(Preset::Ruby, include_str!("examples/ruby.txt"));
}

#[test]
fn rust() {
    come_apart(Preset::Rust, include_str!("examples/rust.txt"));
}

#[test]
fn dotnet() {
    come_apart(Preset::Dotnet, include_str!("examples/dotnet.txt"));
}

#[test]
fn postgres() {
    come_apart(Preset::Postgres, include_str!("examples/postgres.txt"));
}

#[test]
fn an_expression_says_what_begins_an_event_or_what_goes_on_with_it() {
    let text = "  lost its head\n2026-01-02 one\n  more\n\nof it\n2026-01-03 two";
    let start = Multiline { start: Some(r"^\d{4}-".into()), ..Multiline::default() };
    assert_eq!(
        events(&start, text),
        ["  lost its head", "2026-01-02 one\n  more\n\nof it", "2026-01-03 two"]
    );
    let goes_on = Multiline { goes_on: Some(r"^\s".into()), ..Multiline::default() };
    let expected = ["  lost its head", "2026-01-02 one\n  more", "", "of it", "2026-01-03 two"];
    assert_eq!(events(&goes_on, text), expected);
}
