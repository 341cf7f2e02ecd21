//! Files whose bytes are not what one wishes.

use super::*;

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

#[test]
fn every_byte_and_every_line_end_arrives_as_text() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    let all: Vec<u8> = (0..=255).filter(|byte| *byte != b'\n').collect();
    rig.append("a.log", b"\xef\xbb\xbfmarked\n");
    rig.append("a.log", [&all[..], b"\r\na\rb\n\0in\0side\0\n"].concat());
    let expected = String::from_utf8_lossy(&all).into_owned();
    assert_eq!(rig.bodies(), ["marked", &expected, "a\rb", "\0in\0side\0"]);
    assert_eq!(rig.counter(|m| &m.invalid_lines), 1);
}

#[test]
fn utf16_is_decoded_whatever_pieces_it_comes_in() {
    let units: [fn(u16) -> [u8; 2]; 2] = [u16::to_le_bytes, u16::to_be_bytes];
    for unit in units {
        let mut rig = Rig::new("*.log", StartAt::Beginning);
        // U+0A0A has the bytes of two newlines.
        let bytes = utf16("\u{feff}first € 😀\r\n\u{a0a}\n\nlast\nhalf", unit);
        let mut bodies = Vec::new();
        for piece in bytes.chunks(3) {
            rig.append("a.log", piece);
            bodies.extend(rig.bodies());
        }
        assert_eq!(bodies, ["first € 😀", "\u{a0a}", "last"]);
        rig.settle_all();
        rig.save();
        rig.kill();
        rig.start();
        rig.append("a.log", utf16(" whole\n\u{1F600}", unit));
        assert_eq!(rig.bodies(), ["half whole"]);
        fs::remove_file(rig.path("a.log")).unwrap();
        rig.records();
        rig.pass(Duration::from_secs(100));
        assert_eq!(rig.bodies(), ["😀"]);
        assert_eq!(rig.counter(|m| &m.invalid_lines), 0);
    }
}

#[test]
fn a_long_line_in_utf16_is_cut_and_the_next_one_is_whole() {
    let mut rig = Rig::new("*.log", StartAt::Beginning);
    rig.config.max_line = "1KiB".parse().unwrap();
    rig.kill();
    rig.start();
    let text = format!("\u{feff}{}\nafter\n", "€".repeat(100_000));
    rig.append("a.log", utf16(&text, u16::to_le_bytes));
    let records = rig.records();
    assert_eq!(body(&records[0]), "€".repeat(341));
    assert_eq!(attribute(&records[0], "vigie.line.truncated"), Some(Value::BoolValue(true)));
    assert_eq!(body(&records[1]), "after");
}

#[test]
fn reading_begins_behind_the_last_line_in_utf16_as_well() {
    let mut rig = Rig::new("*.log", StartAt::End);
    rig.append("a.log", utf16("\u{feff}old\n", u16::to_le_bytes));
    assert!(rig.bodies().is_empty());
    rig.append("a.log", utf16("new\n", u16::to_le_bytes));
    assert_eq!(rig.bodies(), ["new"]);
}
