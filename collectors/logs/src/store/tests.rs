#![allow(clippy::unwrap_used)]
use super::*;

fn id(inode: u64) -> FileId {
    FileId { device: 1, inode }
}

fn entry(offset: u64) -> Entry {
    let mark = Mark { offset, tail: Print::of(b"tail\n") };
    Entry {
        path: "/var/log/a.log".into(),
        head: Print::of(b"head"),
        mark,
        seen: 1000,
        born: Some(SystemTime::UNIX_EPOCH),
    }
}

#[test]
fn what_was_saved_is_found_by_the_next_process() {
    let state_dir = tempfile::tempdir().unwrap();
    let claim = Store::open(state_dir.path()).claim("app");
    claim.put(id(7), entry(42));
    claim.learn(["/var/log/*.log"].into_iter());
    claim.store().save().unwrap();
    drop(claim);
    let claim = Store::open(state_dir.path()).claim("app");
    assert_eq!(claim.find(id(7)), Some(entry(42)));
    assert_eq!(claim.known(["/var/log/*.log", "/other"].into_iter()), [true, false]);
}

#[test]
fn a_renamed_source_adopts_what_no_living_source_claims() {
    let state_dir = tempfile::tempdir().unwrap();
    let store = Store::open(state_dir.path());
    let (old, other) = (store.claim("old"), store.claim("other"));
    old.put(id(1), entry(10));
    other.put(id(2), entry(20));
    old.learn(["/a"].into_iter());
    other.learn(["/b"].into_iter());
    drop(old);
    let new = store.claim("new");
    assert_eq!(new.find(id(1)), Some(entry(10)));
    assert_eq!(new.find(id(2)), None);
    assert_eq!(new.known(["/a", "/b"].into_iter()), [true, false]);
    assert_eq!(new.files(), [(id(1), entry(10))]);
}

/// Two generations are saved; whatever `spoilt` makes of the file of the second one, at each of its bytes, the first is found.
fn the_generation_before_is_found(spoilt: impl Fn(&[u8], usize) -> Vec<u8>) {
    let state_dir = tempfile::tempdir().unwrap();
    let claim = Store::open(state_dir.path()).claim("app");
    for offset in [1, 2] {
        claim.put(id(7), entry(offset));
        claim.store().save().unwrap();
    }
    drop(claim);
    let current = state_dir.path().join("logs/offsets");
    let whole = fs::read(&current).unwrap();
    for at in 0..whole.len() {
        fs::write(&current, spoilt(&whole, at)).unwrap();
        let found = Store::open(state_dir.path()).claim("app").find(id(7)).unwrap();
        assert_eq!(found.mark.offset, 1, "spoilt at byte {at}");
    }
}

#[test]
fn a_torn_write_at_any_byte_leaves_the_generation_before() {
    the_generation_before_is_found(|whole, at| whole[..at].to_vec());
    the_generation_before_is_found(|whole, at| [&whole[..at], &vec![0; whole.len() - at]].concat());
}

#[test]
fn a_file_long_gone_is_forgotten() {
    let state_dir = tempfile::tempdir().unwrap();
    let claim = Store::open(state_dir.path()).claim("app");
    claim.put(id(1), entry(10));
    claim.put(id(2), entry(20));
    claim.exist([id(2)].into_iter(), 1000 + FORGET_AFTER);
    claim.store().save().unwrap();
    assert_eq!(claim.find(id(1)), None);
    assert_eq!(claim.find(id(2)).unwrap().mark.offset, 20);
}

#[test]
fn what_could_not_be_saved_is_saved_the_next_time() {
    let state_dir = tempfile::tempdir().unwrap();
    let claim = Store::open(state_dir.path()).claim("app");
    claim.put(id(1), entry(10));
    let in_the_way = state_dir.path().join("logs");
    fs::write(&in_the_way, "").unwrap();
    assert!(claim.store().save().is_err());
    fs::remove_file(&in_the_way).unwrap();
    claim.store().save().unwrap();
    assert!(state_dir.path().join("logs/offsets").exists());
}

#[test]
fn nothing_is_forgotten_by_age_before_its_own_source_has_looked() {
    let state_dir = tempfile::tempdir().unwrap();
    let store = Store::open(state_dir.path());
    let (app, web) = (store.claim("app"), store.claim("web"));
    app.put(id(1), entry(10));
    web.put(id(2), entry(20));
    // The clock leaps ahead; one source looks, saves, and looks again.
    let ahead = 1000 + 100 * FORGET_AFTER;
    app.exist([id(1)].into_iter(), ahead);
    store.save().unwrap();
    app.forget_orphans(ahead);
    store.save().unwrap();
    assert_eq!(app.find(id(1)).unwrap().mark.offset, 10);
    assert_eq!(web.find(id(2)).unwrap().mark.offset, 20);
    drop(web);
    app.forget_orphans(ahead);
    assert_eq!(store.claim("web").find(id(2)), None);
}

#[test]
fn a_source_that_is_renamed_again_and_again_finds_its_newest_position() {
    let state_dir = tempfile::tempdir().unwrap();
    let store = Store::open(state_dir.path());
    for (name, offset) in [("m", 1), ("z", 2), ("a", 3), ("z", 4), ("b", 5)] {
        let claim = store.claim(name);
        let found = claim.find(id(7)).map_or(0, |entry| entry.mark.offset);
        assert_eq!(found, offset - 1);
        // Within the same second as all the others.
        claim.put(id(7), entry(offset));
    }
}

#[test]
fn a_wrong_byte_anywhere_leaves_the_generation_before() {
    the_generation_before_is_found(|whole, at| {
        let mut wrong = whole.to_vec();
        wrong[at] ^= 1;
        wrong
    });
}

#[test]
fn a_new_file_is_worth_saving_at_once_and_a_known_one_by_the_bytes_it_has_moved_on() {
    let state_dir = tempfile::tempdir().unwrap();
    let claim = Store::open(state_dir.path()).claim("app");
    let store = claim.store();
    claim.put(id(7), entry(0));
    assert_eq!(store.unsaved(), u64::MAX);
    store.save().unwrap();
    claim.put(id(7), entry(42));
    assert_eq!(store.unsaved(), 42);
    claim.put(id(8), entry(0));
    assert_eq!(store.unsaved(), u64::MAX);
}
