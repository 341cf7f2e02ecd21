#![allow(clippy::unwrap_used)]
use std::fs;

use notify::event::{DataChange, Flag};

use super::*;

fn hearing() -> (Wakes, Hearing) {
    let wakes = Wakes::default();
    let hearing = Hearing::new(Arc::clone(&wakes.0));
    (wakes, hearing)
}

fn event(kind: EventKind, path: &str) -> notify::Result<Event> {
    Ok(Event::new(kind).add_path(path.into()))
}

const WRITTEN: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));

#[test]
fn a_file_is_told_apart_by_what_happened_to_it() {
    let (wakes, _) = hearing();
    let hear = |kind, path| wakes.0.hear(event(kind, path));
    assert!(hear(WRITTEN, "/a"));
    assert!(hear(EventKind::Create(CreateKind::File), "/b"));
    assert!(hear(EventKind::Modify(ModifyKind::Name(RenameMode::To)), "/c"));
    assert!(!hear(EventKind::Access(notify::event::AccessKind::Any), "/d"));
    let touched = wakes.take();
    assert_eq!(touched.paths, HashSet::from(["/a".into()]));
    assert_eq!(touched.born, HashSet::from(["/b".into(), "/c".into()]));
    assert!(!touched.scan);
    assert!(hear(EventKind::Remove(RemoveKind::File), "/a"));
    assert!(wakes.take().scan);
}

#[test]
fn an_overflow_is_counted_and_asks_for_a_scan() {
    let (wakes, mut hearing) = hearing();
    hearing.handle_event(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)));
    let touched = wakes.take();
    assert_eq!((touched.overflows, touched.scan), (1, true));
}

#[test]
fn more_paths_than_are_kept_are_a_scan() {
    let (wakes, _) = hearing();
    for number in 0..=MOST_PATHS {
        wakes.0.hear(event(WRITTEN, &format!("/{number}")));
    }
    let touched = wakes.take();
    assert!(touched.scan && touched.paths.len() == MOST_PATHS);
}

#[test]
fn what_has_gathered_is_heard_without_another_rest() {
    let (_, mut hearing) = hearing();
    hearing.handle_event(event(WRITTEN, "/a"));
    let began = Instant::now();
    for _ in 0..20 {
        hearing.handle_event(event(WRITTEN, "/a"));
    }
    // Some rests at most, if this thread was interrupted for longer than a gap; not one for each.
    assert!(began.elapsed() < 15 * REST, "{:?}", began.elapsed());
}

#[test]
fn a_directory_that_was_made_again_is_watched_again() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("logs");
    let directories = BTreeSet::from([root.path().to_owned(), directory.clone()]);
    fs::create_dir(&directory).unwrap();
    let wakes = Wakes::default();
    let mut watch = Watch::new(wakes.clone());
    assert_eq!(watch.set(&directories), Watched { more: true, missing: 0 });
    assert_eq!(watch.set(&directories), Watched { more: false, missing: 0 });
    fs::remove_dir(&directory).unwrap();
    fs::create_dir(&directory).unwrap();
    let mut moved = Vec::new();
    for _ in 0..100 {
        let touched = wakes.take();
        watch.forget(&touched);
        moved.extend(touched.moved);
        if moved.contains(&directory) {
            break;
        }
        thread::sleep(REST / 5);
    }
    assert!(moved.contains(&directory), "{moved:?}");
    assert_eq!(watch.set(&directories), Watched { more: true, missing: 0 });
}
