//! What `/proc/mdstat` says of an array: two lines or three.
//!
//! `md6 : active raid1 sdb2[2](F) sdc[1](S) sda2[0]`, then `195310144 blocks [2/1] [U_]`, then, while it is being synced,
//! `[=>…] recovery =  8.5% (16775552/195310144) finish=17.0min` or `resync=DELAYED`.

use super::super::parse;

/// One array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Array<'t> {
    pub(super) name: &'t [u8],
    pub(super) state: State,
    pub(super) required: u64,
    pub(super) active: u64,
    pub(super) failed: u64,
    pub(super) spare: u64,
    pub(super) blocks: u64,
    pub(super) synced: u64,
}

/// What an array is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Active,
    Inactive,
    Recovering,
    Resync,
    Check,
    /// It has no series of its own upstream.
    Reshape,
}

/// The arrays that can be understood; what cannot is `None`.
pub(super) fn arrays(text: &[u8]) -> impl Iterator<Item = Option<Array<'_>>> {
    let mut lines = parse::lines(text).peekable();
    std::iter::from_fn(move || {
        let line = lines.by_ref().find(|line| is_array(line))?;
        let status = lines.next().unwrap_or_default();
        let mut array = parse(line, status);
        while let Some(line) = lines.next_if(|line| line.first() == Some(&b' ')) {
            if let Some(array) = &mut array {
                sync(array, line);
            }
        }
        Some(array)
    })
}

fn is_array(line: &[u8]) -> bool {
    let (name, rest) = parse::first_word(line);
    rest.trim_ascii_start().starts_with(b":") && name != b"Personalities" && !line.starts_with(b" ")
}

fn parse<'t>(line: &'t [u8], status: &[u8]) -> Option<Array<'t>> {
    let (name, rest) = parse::first_word(line);
    let mut words = parse::words(rest).skip(1);
    let state = match words.next()? {
        b"active" => State::Active,
        b"inactive" => State::Inactive,
        _ => return None,
    };
    let (mut members, mut failed, mut spare, mut counts_members) = (0, 0, 0, false);
    for word in words {
        match word {
            b"raid0" | b"linear" => counts_members = true,
            _ if word.contains(&b'[') => {
                members += 1;
                failed += u64::from(word.ends_with(b"(F)"));
                spare += u64::from(word.ends_with(b"(S)"));
            }
            _ => {}
        }
    }
    let blocks = parse::words(status).next().and_then(parse::whole)?;
    let (required, active) = match state {
        State::Inactive => (0, 0),
        _ if counts_members => (members, members),
        _ => parse::words(status).find_map(disks)?,
    };
    Some(Array { name, state, required, active, failed, spare, blocks, synced: blocks })
}

/// `[2/1]`: required and active.
fn disks(word: &[u8]) -> Option<(u64, u64)> {
    let inner = word.strip_prefix(b"[")?.strip_suffix(b"]")?;
    let slash = memchr::memchr(b'/', inner)?;
    Some((parse::whole(&inner[..slash])?, parse::whole(&inner[slash + 1..])?))
}

/// A line that says how far the array has come with what it is doing.
fn sync(array: &mut Array<'_>, line: &[u8]) {
    let says = |word: &[u8]| memchr::memmem::find(line, word).is_some();
    let kinds: [(&[u8], State); 4] = [
        (b"recovery", State::Recovering),
        (b"resync", State::Resync),
        (b"check", State::Check),
        (b"reshape", State::Reshape),
    ];
    let Some((_, state)) = kinds.into_iter().find(|(word, _)| says(word)) else { return };
    array.state = state;
    array.synced = 0;
    if !says(b"PENDING") && !says(b"DELAYED") {
        let done = parse::words(line).find_map(|word| {
            let slash = memchr::memchr(b'/', word)?;
            parse::whole(word[..slash].strip_prefix(b"(")?)
        });
        array.synced = done.unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "Personalities : [raid1]\n\n\
        md6 : active raid1 sdb2[2](F) sdc[1](S) sda2[0]\n      195310144 blocks [2/1] [U_]\n\
        \x20     [=>...]  recovery =  8.5% (16775552/195310144) finish=17.0min speed=259783K/sec\n\n\
        md11 : active (auto-read-only) raid1 sdb2[0] sdc2[1]\n      4190208 blocks super 1.2 [2/2] [UU]\n\
        \x20     resync=PENDING\n\nmd219 : inactive sdb[2](S)\n        7932 blocks super external:imsm\n\n\
        md10 : active raid0 sda1[0] sdb1[1]\n       314159265 blocks 64k chunks\n\nunused devices: <none>\n";

    #[test]
    fn arrays_are_told_by_state() {
        let found: Vec<Array<'_>> = arrays(TEXT.as_bytes()).map(Option::unwrap).collect();
        let numbers = |array: &Array<'_>| {
            (
                array.state,
                [array.required, array.active, array.failed, array.spare, array.blocks, array.synced],
            )
        };
        assert_eq!(numbers(&found[0]), (State::Recovering, [2, 1, 1, 1, 195_310_144, 16_775_552]));
        assert_eq!(numbers(&found[1]), (State::Resync, [2, 2, 0, 0, 4_190_208, 0]));
        assert_eq!(numbers(&found[2]), (State::Inactive, [0, 0, 0, 1, 7932, 7932]));
        assert_eq!(numbers(&found[3]), (State::Active, [2, 2, 0, 0, 314_159_265, 314_159_265]));
        assert_eq!(found.len(), 4);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(text in super::super::super::fixture::mangled(TEXT)) {
            prop_assert!(arrays(&text).count() <= text.len());
        }
    }
}
