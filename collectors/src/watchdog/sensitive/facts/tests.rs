#![allow(clippy::unwrap_used)]
use std::os::unix::fs::symlink;

use super::*;

const LATER: Duration = Duration::from_secs(60);

fn there(found: Found) -> Facts {
    match found {
        Found::There(facts) => facts,
        other => panic!("{other:?}"),
    }
}

/// As seen a minute from now, when its stamps are old.
fn later(path: &Path, before: Option<&Facts>) -> Facts {
    there(Facts::look(path, before, SystemTime::now() + LATER))
}

fn now(path: &Path, before: Option<&Facts>) -> Facts {
    there(Facts::look(path, before, SystemTime::now()))
}

#[test]
fn the_digest_is_sha256s() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "abc").unwrap();
    let digest = later(&path, None).digest.text().unwrap();
    assert_eq!(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn a_content_is_read_again_only_when_its_stamps_say_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "abc").unwrap();
    let first = later(&path, None);
    // A digest that cannot come from reading shows that nobody did.
    let marked = Facts { digest: Digest::Whole([7; 32]), ..first.clone() };
    assert_eq!(later(&path, Some(&marked)), marked);
    assert_eq!(later(&path, Some(&Facts { changed: 0, ..marked })), first);
}

#[test]
fn two_writes_within_a_tick_of_the_clock_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "one").unwrap();
    let first = now(&path, None);
    assert!(!first.settled);
    // As a file system with a coarse clock would have it: the second write has the stamps of the first.
    fs::write(&path, "two").unwrap();
    let meta = fs::metadata(&path).unwrap();
    let same = Facts {
        modified: nanos(meta.mtime(), meta.mtime_nsec()),
        changed: nanos(meta.ctime(), meta.ctime_nsec()),
        ..first.clone()
    };
    let second = now(&path, Some(&same));
    assert_ne!(second.digest, first.digest);
}

#[test]
fn a_time_in_the_future_is_never_settled() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "abc").unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(SystemTime::now() + 10 * LATER).unwrap();
    assert!(!later(&path, None).settled);
}

#[test]
fn of_a_large_file_the_ends_are_hashed_and_a_hole_between_them_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let file = File::create(&path).unwrap();
    file.set_len(1 << 40).unwrap();
    let before = later(&path, None);
    assert!(matches!(before.digest, Digest::Ends(_)));
    file.write_all_at(b"x", (1 << 40) - 1).unwrap();
    assert_ne!(later(&path, Some(&before)).digest, before.digest);
}

#[test]
fn a_link_is_what_it_leads_to_and_where_it_leads() {
    let directory = tempfile::tempdir().unwrap();
    let [file, link] = ["file", "link"].map(|name| directory.path().join(name));
    symlink("file", &link).unwrap();
    let dangling = later(&link, None);
    assert_eq!((dangling.kind, dangling.digest), (Kind::Dangling, Digest::None));
    fs::write(&file, "abc").unwrap();
    let facts = later(&link, Some(&dangling));
    assert_eq!((facts.kind, facts.link.as_deref()), (Kind::Regular, Some("file")));
    assert_eq!(facts.digest, later(&file, None).digest);
    fs::remove_file(&file).unwrap();
    symlink("link", &file).unwrap();
    assert_eq!(later(&link, None).kind, Kind::Dangling);
}

#[test]
fn a_pipe_without_a_writer_holds_nobody_up() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    assert_eq!(later(&path, None).kind, Kind::Other);
    // It may become one between the question and the reading.
    let facts = Facts { kind: Kind::Regular, ..later(&path, None) };
    assert_eq!(Digest::of(&path, &facts), Digest::Unreadable);
}

#[test]
fn what_is_below_a_file_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "").unwrap();
    assert!(matches!(Facts::look(&path.join("below"), None, SystemTime::now()), Found::Missing));
}
