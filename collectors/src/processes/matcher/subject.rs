//! A process whose group is asked for: what is not known of it is read when the first condition asks for it.

use std::collections::BTreeSet;

use super::Candidate;
use super::cgroup::Cgroups;
use super::ports::Ports;
use crate::processes::procfs::{Buffer, Procfs};
use crate::processes::stat;

/// See the module. A process that ends meanwhile has nothing of what is read later.
pub(super) struct Subject<'a> {
    pub(super) candidate: Candidate<'a>,
    procfs: &'a Procfs,
    buffer: &'a mut Buffer,
    cmdline: Option<CommandLine>,
    cgroups: Option<Cgroups>,
    owner: Option<Option<u32>>,
    parent: Option<Option<Parent>>,
}

/// The process that has started another, or has inherited it.
#[derive(Debug)]
pub(super) struct Parent {
    /// The name that the kernel has, cut.
    pub(super) comm: String,
    /// As that of [`CommandLine`].
    pub(super) exe: Option<String>,
}

/// The words a process was started with, or has put in their place.
#[derive(Debug, Default)]
pub(super) struct CommandLine {
    /// The first word; `None` where there is none at all, as with threads of the kernel.
    pub(super) exe: Option<String>,
    /// All words, joined by blanks.
    pub(super) joined: String,
}

impl<'a> Subject<'a> {
    pub(super) fn new(candidate: Candidate<'a>, procfs: &'a Procfs, buffer: &'a mut Buffer) -> Self {
        Self { candidate, procfs, buffer, cmdline: None, cgroups: None, owner: None, parent: None }
    }

    pub(super) fn cmdline(&mut self) -> &CommandLine {
        self.cmdline.get_or_insert_with(|| {
            if self.candidate.stat.is_kernel_thread {
                return CommandLine::default();
            }
            let content = self.procfs.read(self.candidate.pid, "cmdline", self.buffer);
            CommandLine::parse(content.unwrap_or_default())
        })
    }

    pub(super) fn cgroups(&mut self) -> &Cgroups {
        self.cgroups.get_or_insert_with(|| {
            let content = self.procfs.read(self.candidate.pid, "cgroup", self.buffer);
            Cgroups::parse(content.unwrap_or_default())
        })
    }

    /// The effective user: of him the directory of a process is, even if it may not be dumped.
    pub(super) fn owner(&mut self) -> Option<u32> {
        *self.owner.get_or_insert_with(|| self.procfs.owner(self.candidate.pid).ok())
    }

    /// Whether it has a socket open that listens on one of these ports.
    pub(super) fn listens(&self, on: &BTreeSet<u16>, ports: &mut Ports) -> bool {
        ports.are_held(on, self.candidate.pid, self.procfs)
    }

    /// The parent; `None` of the first process, and where the parent has ended and its PID has been used again.
    pub(super) fn parent(&mut self) -> Option<&Parent> {
        let Self { candidate, procfs, buffer, parent, .. } = self;
        let pid = candidate.stat.parent;
        let read = |buffer: &mut Buffer| {
            let (comm, stat) = stat::parse(procfs.read(pid, "stat", buffer).ok()?)?;
            let comm = String::from_utf8_lossy(comm).into_owned();
            if stat.start > candidate.stat.start {
                return None;
            }
            let words = procfs.read(pid, "cmdline", buffer).unwrap_or_default();
            Some(Parent { comm, exe: CommandLine::parse(words).exe })
        };
        parent.get_or_insert_with(|| (pid != 0).then(|| read(buffer)).flatten()).as_ref()
    }
}

impl CommandLine {
    /// `content` has a NUL behind each word.
    pub(super) fn parse(content: &[u8]) -> Self {
        if content.is_empty() {
            return Self::default();
        }
        let end = content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let words = &content[..end];
        let first = words.split(|byte| *byte == 0).next().unwrap_or_default();
        Self {
            exe: Some(String::from_utf8_lossy(first).into_owned()),
            joined: String::from_utf8_lossy(words).replace('\0', " "),
        }
    }
}

/// The last component of a path as Go's `filepath.Base` has it.
pub(super) fn base_name(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" if path.is_empty() => ".",
        "" => "/",
        path => path.rsplit('/').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_joined_by_blanks_and_need_not_be_utf8() {
        let line = CommandLine::parse(b"/bin/a\0b\0\0c\xff\0\0");
        assert_eq!((line.exe.as_deref(), line.joined.as_str()), (Some("/bin/a"), "/bin/a b  c\u{fffd}"));
        let none = CommandLine::parse(b"");
        assert_eq!((none.exe.as_deref(), none.joined.as_str()), (None, ""));
        let wiped = CommandLine::parse(b"\0\0");
        assert_eq!((wiped.exe.as_deref(), wiped.joined.as_str()), (Some(""), ""));
    }

    #[test]
    fn the_base_of_a_path_is_what_go_says() {
        for (path, base) in
            [("/usr/sbin/nginx", "nginx"), ("nginx", "nginx"), ("a/b//", "b"), ("", "."), ("//", "/")]
        {
            assert_eq!(base_name(path), base, "{path}");
        }
    }
}
