//! A proc file system that tests make up.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::config::{Config, Group, Match};

/// A process in it. What it has used is told in ticks, faults and bytes.
#[derive(Debug, Clone)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) parent: u32,
    pub(super) comm: &'static str,
    /// Words with a NUL behind each.
    pub(super) cmdline: &'static str,
    pub(super) state: char,
    pub(super) start: u64,
    pub(super) user: u64,
    pub(super) faults: u64,
    /// What its children have used that have ended: ticks of a user's time, as many faults.
    pub(super) children: u64,
    pub(super) read_bytes: u64,
    /// Voluntary ones of the first of its four threads; the others have twice, three and four times as many.
    pub(super) switches: u64,
    pub(super) open_files: usize,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            pid: 1,
            parent: 0,
            comm: "init",
            cmdline: "/sbin/init\0",
            state: 'S',
            start: 100,
            user: 0,
            faults: 0,
            children: 0,
            read_bytes: 0,
            switches: 0,
            open_files: 2,
        }
    }
}

/// The directory with the files.
pub(super) struct FakeProc(TempDir);

impl FakeProc {
    /// No process; started at second 1,000,000 of the epoch.
    pub(super) fn new() -> Self {
        let fake = Self(tempfile::tempdir().unwrap());
        fs::write(fake.path().join("stat"), "cpu  1 2 3\nctxt 5\nbtime 1000000\nprocesses 9\n").unwrap();
        fs::create_dir(fake.path().join("sys")).unwrap();
        fake
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Puts a process there, or what has become of it.
    pub(super) fn set(&self, process: &Process) {
        let Process { pid, parent, comm, state, start, user, faults, children, .. } = process;
        let dir = self.path().join(pid.to_string());
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("fd")).unwrap();
        let write = |name: &str, content: String| fs::write(dir.join(name), content).unwrap();
        write(
            "stat",
            format!(
                "{pid} ({comm}) {state} {parent} 1 1 0 -1 4194560 {faults} {children} 2 0 {user} 3 {children} 0 20 0 4 0 \
                 {start} 8192 5 18446744073709551615 1 1 0 0 0 0 0 0 0\n"
            ),
        );
        write("cmdline", process.cmdline.to_owned());
        write("status", "Name:\tx\nVmSwap:\t       3 kB\n".to_owned());
        write(
            "smaps_rollup",
            "1-2 ---p 00 00:00 0 [rollup]\nRss: 9 kB\nPss:    7 kB\nSwapPss: 2 kB\n".to_owned(),
        );
        write("io", format!("rchar: 9\nread_bytes: {}\nwrite_bytes: 6\n", process.read_bytes));
        write(
            "limits",
            "Limit                     Soft Limit           Hard Limit           Units     \n\
             Max open files            8                    16                   files     \n"
                .to_owned(),
        );
        for (thread, function) in ["0", "futex_wait", "futex_wait", "do_wait\n"].into_iter().enumerate() {
            fs::create_dir_all(dir.join(format!("task/{thread}"))).unwrap();
            write(&format!("task/{thread}/wchan"), function.to_owned());
            let name = if thread == 0 { comm } else { "worker" };
            write(
                &format!("task/{thread}/stat"),
                format!(
                    "{thread} ({name}) {state} {parent} 1 1 0 -1 64 {faults} 0 2 0 {user} 3 0 0 20 0 4 0 {start} 8192 5 0\n"
                ),
            );
            write(
                &format!("task/{thread}/io"),
                format!("read_bytes: {}\nwrite_bytes: 6\n", process.read_bytes),
            );
            let switches = (thread as u64 + 1) * process.switches;
            write(
                &format!("task/{thread}/status"),
                format!("voluntary_ctxt_switches:\t{switches}\nnonvoluntary_ctxt_switches:\t1\n"),
            );
        }
        for file in 0..process.open_files {
            write(&format!("fd/{file}"), String::new());
        }
    }

    /// Ends a process.
    pub(super) fn remove(&self, pid: u32) {
        fs::remove_dir_all(self.path().join(pid.to_string())).unwrap();
    }

    /// Hides a file of a process.
    pub(super) fn hide(&self, pid: u32, name: &str) {
        fs::remove_file(self.path().join(pid.to_string()).join(name)).unwrap();
    }
}

/// Groups by comm, each of its own name.
pub(super) fn groups(comms: &[&str]) -> Config {
    let group = |comm: &&str| Group {
        name: (*comm).to_owned(),
        matching: Match { comm: vec![(*comm).to_owned()], ..Match::default() },
        ..Group::default()
    };
    Config { groups: comms.iter().map(group).collect(), ..Config::default() }
}
