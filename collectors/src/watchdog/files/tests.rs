#![allow(clippy::unwrap_used)]
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use super::*;

/// The SHA-256 of nothing and of `abc` (FIPS 180-2).
const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

struct Host {
    root: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("etc")).unwrap();
        Self { root }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn files(&self, config: WatchedFile) -> Files {
        Files::new(self.root.path(), &[config])
    }
}

fn dump() -> WatchedFile {
    WatchedFile { name: "dump".into(), path: "/dump".into(), ..WatchedFile::default() }
}

fn look_at(files: &mut Files, wall: SystemTime) -> Vec<(Kind, Option<Reason>, String)> {
    let kinds = files.files[0].kinds.clone();
    let findings = files.look(Now { monotonic: Instant::now(), wall }).findings;
    kinds.into_iter().zip(findings).map(|(kind, found)| (kind, found.wrong, found.words)).collect()
}

fn reasons(files: &mut Files) -> Vec<Option<Reason>> {
    look_at(files, SystemTime::now()).into_iter().map(|(_, reason, _)| reason).collect()
}

#[test]
fn a_file_that_is_missing_is_missing_for_all_that_is_expected_of_it() {
    let host = Host::new();
    let config = WatchedFile { min_size: Some(ByteSize(1)), mode: Some("0640".into()), ..dump() };
    let mut files = host.files(config);
    assert_eq!(reasons(&mut files), [Some(Reason::FileMissing); 3]);
    let mut absent = host.files(WatchedFile { exists: false, ..dump() });
    assert_eq!(reasons(&mut absent), [None]);
    fs::write(host.at("dump"), "x").unwrap();
    assert_eq!(reasons(&mut absent), [Some(Reason::FileExists)]);
    fs::set_permissions(host.at("dump"), fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(reasons(&mut files), [None; 3]);
}

#[test]
fn size_and_age_are_measured() {
    let host = Host::new();
    fs::write(host.at("dump"), vec![0; 2048]).unwrap();
    let bounds = WatchedFile {
        max_age: Some(HumanDuration::secs(60)),
        min_size: Some(ByteSize::kib(2)),
        max_size: Some(ByteSize::kib(2)),
        ..dump()
    };
    let mut files = host.files(bounds);
    assert_eq!(reasons(&mut files), [None; 4]);
    let later = SystemTime::now() + Duration::from_secs(100);
    let told = look_at(&mut files, later);
    assert_eq!((told[1].0, told[1].1), (Kind::MaxAge, Some(Reason::TooOld)));
    assert!(told[1].2.starts_with("/dump was written 1m"), "{}", told[1].2);
    assert!(told[1].2.ends_with("ago, at most 1m expected"), "{}", told[1].2);
    fs::write(host.at("dump"), vec![0; 2049]).unwrap();
    assert_eq!(reasons(&mut files)[3], Some(Reason::TooLarge));
    fs::write(host.at("dump"), "").unwrap();
    assert_eq!(reasons(&mut files)[2], Some(Reason::TooSmall));
    // The clock was ahead when it was written.
    assert_eq!(look_at(&mut files, SystemTime::UNIX_EPOCH)[1].1, None);
}

#[test]
fn the_content_is_read_again_only_when_it_may_have_changed() {
    let host = Host::new();
    fs::write(host.at("dump"), "abc").unwrap();
    let mut files = host.files(WatchedFile { sha256: Some(ABC.to_uppercase()), ..dump() });
    assert_eq!(reasons(&mut files), [None; 2]);
    fs::write(host.at("dump"), "").unwrap();
    let told = look_at(&mut files, SystemTime::now()).remove(1);
    assert_eq!(told.1, Some(Reason::WrongContent));
    assert_eq!(told.2, format!("/dump has the SHA-256 {NOTHING}, {ABC} expected"));
    // Same size and modification time: the change of the inode tells.
    fs::write(host.at("dump"), "abc").unwrap();
    assert_eq!(reasons(&mut files), [None; 2]);
    let written = fs::metadata(host.at("dump")).unwrap().modified().unwrap();
    std::thread::sleep(Duration::from_millis(20));
    fs::write(host.at("dump"), "abd").unwrap();
    fs::File::options().write(true).open(host.at("dump")).unwrap().set_modified(written).unwrap();
    assert_eq!(reasons(&mut files)[1], Some(Reason::WrongContent));
}

#[test]
fn what_has_no_content_is_told_and_does_not_hang() {
    let host = Host::new();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        host.at("dump"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let mut files = host.files(WatchedFile { sha256: Some(ABC.into()), ..dump() });
    assert_eq!(reasons(&mut files), [None, Some(Reason::Unreadable)]);
}

#[test]
fn who_is_who_is_what_the_host_says() {
    let host = Host::new();
    fs::write(host.at("dump"), "").unwrap();
    let meta = fs::metadata(host.at("dump")).unwrap();
    let (uid, gid) = (meta.uid(), meta.gid());
    let owned = WatchedFile { owner: Some("app".into()), group: Some(gid.to_string()), ..dump() };
    let mut files = host.files(owned);
    let told = look_at(&mut files, SystemTime::now());
    assert_eq!((told[1].1, told[2].1), (Some(Reason::WrongOwner), None));
    assert!(told[1].2.ends_with("app expected, whom nobody knows"), "{}", told[1].2);
    fs::write(host.at("etc/passwd"), format!("other:x:{}:0::/:\napp:x:{uid}:0::/:\nrubbish\n", uid + 1))
        .unwrap();
    assert_eq!(reasons(&mut files), [None; 3]);
    fs::write(host.at("etc/passwd"), format!("app:x:{}:0::/:/bin/sh\n", uid + 1)).unwrap();
    assert_eq!(reasons(&mut files)[1], Some(Reason::WrongOwner));
}
