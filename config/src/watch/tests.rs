#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::symlink;

use tokio::time::timeout;

use super::*;

const EVENTS_ONLY: Patience = Patience {
    quiet: Duration::from_millis(30),
    at_most: Duration::from_millis(300),
    poll: Duration::from_secs(3600),
};

fn watched(paths: &[&Path]) -> Watched {
    let paths: Vec<_> = paths.iter().map(|path| path.to_path_buf()).collect();
    Watched { contents: contents(&paths), paths }
}

fn watch(paths: &[&Path], patience: Patience) -> Watch {
    Watch::new(&watched(paths), patience)
}

async fn changes(watch: &mut Watch) -> bool {
    timeout(Duration::from_secs(5), watch.changed()).await.is_ok()
}

async fn stays(watch: &mut Watch) -> bool {
    timeout(Duration::from_millis(400), watch.changed()).await.is_err()
}

fn directory() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("vigie.yaml");
    fs::write(&file, "a: 1").unwrap();
    (dir, file)
}

#[tokio::test]
async fn a_written_file_is_a_change_and_a_touched_one_is_not() {
    let (dir, file) = directory();
    let mut watch = watch(&[&file], EVENTS_ONLY);
    fs::write(&file, "a: 1").unwrap();
    fs::write(dir.path().join("unrelated"), "x").unwrap();
    assert!(stays(&mut watch).await);
    fs::write(&file, "a: 2").unwrap();
    assert!(changes(&mut watch).await);
    assert!(stays(&mut watch).await);
}

#[tokio::test]
async fn a_change_is_not_missed_when_the_wait_is_given_up_while_the_files_settle() {
    let (_dir, file) = directory();
    let mut watch = watch(&[&file], EVENTS_ONLY);
    assert!(stays(&mut watch).await);
    fs::write(&file, "a: 2").unwrap();
    assert!(timeout(Duration::from_millis(15), watch.changed()).await.is_err());
    assert!(changes(&mut watch).await);
}

#[tokio::test]
async fn a_file_put_in_place_of_another_is_a_change_again_and_again() {
    let (dir, file) = directory();
    let mut watch = watch(&[&file], EVENTS_ONLY);
    for n in 0..3 {
        let new = dir.path().join("new");
        fs::write(&new, format!("a: 1{n}")).unwrap();
        fs::rename(&new, &file).unwrap();
        assert!(changes(&mut watch).await, "rename {n}");
    }
}

#[tokio::test]
async fn a_removed_file_and_one_that_comes_back_are_changes() {
    let (_dir, file) = directory();
    let mut watch = watch(&[&file], EVENTS_ONLY);
    fs::remove_file(&file).unwrap();
    assert!(changes(&mut watch).await);
    fs::write(&file, "a: 1").unwrap();
    assert!(changes(&mut watch).await);
}

#[tokio::test]
async fn a_new_file_in_a_directory_is_a_change_if_it_is_yaml() {
    let (dir, _) = directory();
    let mut watch = watch(&[dir.path()], EVENTS_ONLY);
    fs::write(dir.path().join("notes.txt"), "x").unwrap();
    assert!(stays(&mut watch).await);
    fs::write(dir.path().join("more.yaml"), "b: 1").unwrap();
    assert!(changes(&mut watch).await);
}

/// As the kubelet does it: a new directory, a new symlink to it, renamed over `..data`.
#[tokio::test]
async fn a_swapped_data_symlink_of_kubernetes_is_a_change() {
    let dir = tempfile::tempdir().unwrap();
    let version = |n: u32| {
        let name = format!("..2026_{n}");
        fs::create_dir(dir.path().join(&name)).unwrap();
        fs::write(dir.path().join(&name).join("vigie.yaml"), format!("a: {n}")).unwrap();
        symlink(&name, dir.path().join("..data_tmp")).unwrap();
        fs::rename(dir.path().join("..data_tmp"), dir.path().join("..data")).unwrap();
        if n > 1 {
            fs::remove_dir_all(dir.path().join(format!("..2026_{}", n - 1))).unwrap();
        }
    };
    version(1);
    let file = dir.path().join("vigie.yaml");
    symlink("..data/vigie.yaml", &file).unwrap();
    for path in [file, dir.path().to_owned()] {
        let mut watch = watch(&[&path], EVENTS_ONLY);
        assert!(stays(&mut watch).await);
        let current: u32 =
            fs::read_link(dir.path().join("..data")).unwrap().to_str().unwrap()[7..].parse().unwrap();
        for n in current + 1..current + 4 {
            version(n);
            assert!(changes(&mut watch).await, "swap {n}");
        }
    }
}

#[tokio::test]
async fn the_target_of_a_symlink_elsewhere_is_watched() {
    let (dir, _) = directory();
    let (_elsewhere, target) = directory();
    let link = dir.path().join("link.yaml");
    symlink(&target, &link).unwrap();
    let mut watch = watch(&[&link], EVENTS_ONLY);
    fs::write(&target, "a: 3").unwrap();
    assert!(changes(&mut watch).await);
}

#[tokio::test]
async fn what_nobody_tells_is_found_by_polling() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("later").join("vigie.yaml");
    let poll = Patience { poll: Duration::from_millis(50), ..EVENTS_ONLY };
    let mut watch = watch(&[&file], poll);
    fs::create_dir(file.parent().unwrap()).unwrap();
    fs::write(&file, "a: 1").unwrap();
    assert!(changes(&mut watch).await);
}

#[tokio::test]
async fn a_change_while_nobody_waits_is_told_at_the_next_call() {
    let (_dir, file) = directory();
    let mut watch = watch(&[&file], EVENTS_ONLY);
    assert!(stays(&mut watch).await);
    fs::write(&file, "a: 2").unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(changes(&mut watch).await);
}

#[tokio::test]
async fn other_paths_are_followed() {
    let (dir, file) = directory();
    let secret = dir.path().join("secret");
    let mut watch = watch(&[&file], EVENTS_ONLY);
    watch.follow(&watched(&[&file, &secret]));
    fs::write(&secret, "x").unwrap();
    assert!(changes(&mut watch).await);
}

#[tokio::test]
async fn a_change_between_the_load_and_the_watch_is_told() {
    let (_dir, file) = directory();
    let loaded = watched(&[&file]);
    fs::write(&file, "a: 2").unwrap();
    let mut watch = Watch::new(&loaded, EVENTS_ONLY);
    assert!(changes(&mut watch).await);
    assert!(stays(&mut watch).await);
}
