//! The names of groups, in the order in which they came to be known.

use std::collections::HashMap;
use std::sync::Arc;

use super::GroupId;

/// See the module. None ever goes: a group that was seen keeps its series, as with process-exporter.
#[derive(Debug)]
pub(super) struct Names {
    names: Vec<Arc<str>>,
    ids: HashMap<Arc<str>, GroupId>,
    /// How many names that processes made may still come.
    room: usize,
    left_out: u64,
}

impl Names {
    /// None so far; those that processes make are at most so many.
    pub(super) fn new(room: usize) -> Self {
        Self { names: Vec::new(), ids: HashMap::new(), room, left_out: 0 }
    }

    pub(super) fn all(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The group of that name, which the configuration has.
    pub(super) fn configured(&mut self, name: &str) -> GroupId {
        self.known(name).unwrap_or_else(|| self.add(name))
    }

    /// The group of that name, which a process made; `None` if that is one too many.
    pub(super) fn made(&mut self, name: &str) -> Option<GroupId> {
        if let Some(known) = self.known(name) {
            return Some(known);
        }
        if self.room == 0 {
            if self.left_out == 0 {
                tracing::warn!(
                    "process groups: {name:?} is one more than collectors.processes.max_groups allows; more are not told"
                );
            }
            self.left_out += 1;
            return None;
        }
        self.room -= 1;
        Some(self.add(name))
    }

    /// How often a process was not put into a group because there were too many.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    fn known(&self, name: &str) -> Option<GroupId> {
        self.ids.get(name).copied()
    }

    fn add(&mut self, name: &str) -> GroupId {
        let name: Arc<str> = name.into();
        let id = self.names.len();
        self.names.push(Arc::clone(&name));
        self.ids.insert(name, id);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_processes_make_is_bounded_and_what_the_configuration_has_is_not() {
        let mut names = Names::new(2);
        assert_eq!((names.configured("a"), names.configured("b"), names.configured("a")), (0, 1, 0));
        assert_eq!((names.made("c"), names.made("b"), names.made("d")), (Some(2), Some(1), Some(3)));
        assert_eq!((names.made("e"), names.made("c"), names.made("f")), (None, Some(2), None));
        assert_eq!((names.left_out(), names.configured("e")), (2, 4));
        assert_eq!(names.all().concat(), "abcde");
    }
}
