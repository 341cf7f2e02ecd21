#![allow(clippy::unwrap_used)]
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use super::*;

struct Tree {
    root: tempfile::TempDir,
    listed: Vec<String>,
    roster: Roster,
}

impl Tree {
    /// Of these paths and globs, after the first look.
    fn new(listed: &[&str], files: &[&str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut tree = Self { root, listed: Vec::new(), roster: Roster::new(Vec::new(), Memory::default()) };
        for file in files {
            tree.write(file, "");
        }
        tree.restart(listed);
        assert_eq!(tree.look(), Vec::<String>::new());
        tree
    }

    fn at(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), content).unwrap();
    }

    /// Goes on from what is remembered, with another configuration.
    fn restart(&mut self, listed: &[&str]) {
        self.listed = listed.iter().map(|name| self.at(name).to_str().unwrap().to_owned()).collect();
        let entries = self.listed.iter().map(|text| Listed::new(text).unwrap()).collect();
        self.roster = Roster::new(entries, self.roster.memory().clone());
    }

    fn see(&mut self) -> Look {
        self.roster.look(SystemTime::now() + Duration::from_secs(60))
    }

    fn look(&mut self) -> Vec<String> {
        let look = self.see();
        let name = |path: &Path| path.strip_prefix(self.root.path()).unwrap().display().to_string();
        look.events.iter().map(|event| format!("{} {}", name(&event.path), event.change.as_str())).collect()
    }
}

#[test]
fn a_listed_file_is_told_of_whether_it_is_there_or_not() {
    let mut tree = Tree::new(&["a", "b"], &["a"]);
    tree.write("b", "");
    fs::remove_file(tree.at("a")).unwrap();
    assert_eq!(tree.look(), ["a deleted", "b created"]);
    assert_eq!(tree.look(), Vec::<String>::new());
    tree.write("a", "other");
    assert_eq!(tree.look(), ["a created"]);
}

#[test]
fn what_comes_into_a_directory_or_matches_a_glob_was_created() {
    let mut tree = Tree::new(&["d", "g/*.conf"], &["d/old", "g/old.conf"]);
    for file in ["d/new", "d/sub/not-this", "g/new.conf", "g/new.txt"] {
        tree.write(file, "");
    }
    assert_eq!(tree.look(), ["d/new created", "d/sub created", "g/new.conf created"]);
    fs::remove_dir_all(tree.at("d")).unwrap();
    assert_eq!(tree.look(), ["d deleted", "d/new deleted", "d/old deleted", "d/sub deleted"]);
}

#[test]
fn an_editor_that_renames_has_changed_the_file_and_one_that_saves_nothing_new_has_not() {
    let mut tree = Tree::new(&["a"], &["a"]);
    for (content, told) in [("new", &["a changed"][..]), ("new", &[])] {
        tree.write("a.tmp", content);
        fs::rename(tree.at("a.tmp"), tree.at("a")).unwrap();
        assert_eq!(tree.look(), told);
    }
}

#[test]
fn what_happened_between_two_runs_is_found_by_the_first_look_of_the_second() {
    let mut tree = Tree::new(&["a", "*.conf"], &["a", "b.conf"]);
    tree.write("a", "new");
    tree.write("c.conf", "");
    fs::remove_file(tree.at("b.conf")).unwrap();
    tree.restart(&["a", "*.conf"]);
    assert_eq!(tree.look(), ["a changed", "b.conf deleted", "c.conf created"]);
}

#[test]
fn what_is_newly_listed_was_not_created() {
    let mut tree = Tree::new(&["*.conf"], &["a.conf", "b", "d/c"]);
    tree.write("e.conf", "");
    tree.restart(&["*.conf", "b", "d", "none"]);
    assert_eq!(tree.look(), ["e.conf created"]);
    tree.write("none", "");
    tree.write("d/f", "");
    assert_eq!(tree.look(), ["d/f created", "none created"]);
}

#[test]
fn what_is_listed_no_more_is_forgotten() {
    let mut tree = Tree::new(&["a", "d"], &["a", "d/b"]);
    tree.restart(&["a"]);
    assert_eq!(tree.roster.paths().count(), 1);
    fs::remove_dir_all(tree.at("d")).unwrap();
    assert_eq!(tree.look(), Vec::<String>::new());
}

#[test]
fn a_link_that_leads_elsewhere_has_changed_and_where_it_leads_is_watched() {
    let mut tree = Tree::new(&["link"], &["one/f", "two/f"]);
    symlink("one", tree.at("dir")).unwrap();
    symlink("dir/f", tree.at("link")).unwrap();
    assert_eq!(tree.look(), ["link created"]);
    let look = tree.see();
    let target = fs::canonicalize(tree.at("one")).unwrap();
    assert!(look.directories.contains(&target), "{look:?}");
    assert!(tree.roster.wants(&target.join("f")));
    fs::remove_file(tree.at("link")).unwrap();
    symlink("two/f", tree.at("link")).unwrap();
    assert_eq!(tree.look(), ["link changed"]);
    tree.write("two/f", "new");
    assert_eq!(tree.look(), ["link changed"]);
}

#[test]
fn a_loop_of_links_is_a_link_that_leads_nowhere() {
    let mut tree = Tree::new(&["a"], &[]);
    symlink("b", tree.at("a")).unwrap();
    symlink("a", tree.at("b")).unwrap();
    assert_eq!(tree.look(), ["a created"]);
}

#[test]
fn permissions_are_told_with_special_bits() {
    let mut tree = Tree::new(&["a"], &["a"]);
    fs::set_permissions(tree.at("a"), fs::Permissions::from_mode(0o4755)).unwrap();
    assert_eq!(tree.look(), ["a permissions"]);
    let look = tree.see();
    assert!(look.events.is_empty() && !look.is_news);
}

#[test]
fn of_more_files_than_there_is_room_for_those_that_are_known_stay_and_the_others_were_not_created_later() {
    let mut tree = Tree::new(&["d"], &["d/3", "d/4"]);
    tree.roster.most = 4;
    for file in ["d/1", "d/2", "d/5"] {
        tree.write(file, "");
    }
    let look = tree.see();
    assert_eq!((look.beyond, tree.roster.present()), (2, 4));
    tree.write("d/4", "new");
    assert_eq!(tree.look(), ["d/4 changed"]);
    fs::remove_file(tree.at("d/3")).unwrap();
    assert_eq!(tree.look(), ["d/3 deleted"]);
    assert_eq!(tree.see().beyond, 1);
    for file in ["d/1", "d/2"] {
        let _ = fs::remove_file(tree.at(file));
    }
    tree.look();
    tree.look();
    tree.write("d/6", "");
    assert_eq!(tree.look(), ["d/6 created"]);
}

#[test]
fn any_history_adds_up() {
    // Whatever is done between looks, the changes told lead from what was there to what is there.
    let mut random = fastrand::Rng::with_seed(7);
    let mut tree = Tree::new(&["d", "a"], &[]);
    let names = ["a", "d/1", "d/2", "d/3"];
    let mut there: BTreeSet<&str> = BTreeSet::new();
    for _ in 0..200 {
        for _ in 0..random.usize(0..4) {
            let name = names[random.usize(0..names.len())];
            if random.bool() {
                tree.write(name, &random.u8(..).to_string());
            } else {
                let _ = fs::remove_file(tree.at(name));
            }
        }
        for told in tree.look() {
            let (path, change) = told.split_once(' ').unwrap();
            let Some(name) = names.iter().find(|name| **name == path) else { continue };
            match change {
                "created" => assert!(there.insert(name), "{told}"),
                "deleted" => assert!(there.remove(name), "{told}"),
                "changed" => assert!(there.contains(name), "{told}"),
                other => panic!("{other}"),
            }
        }
        for name in names {
            assert_eq!(there.contains(name), tree.at(name).exists(), "{name}");
        }
    }
}
