//! What has changed between two looks at a file.

use super::facts::{Digest, Facts, Kind};

/// What happened to a file. A closed set: it becomes the `change` label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Change {
    Created,
    /// Another content, another kind of file, or a link that leads elsewhere.
    Changed,
    Deleted,
    Permissions,
    /// Of the user or of the group.
    Owner,
}

impl Change {
    pub(super) const ALL: [Self; 5] =
        [Self::Created, Self::Changed, Self::Deleted, Self::Permissions, Self::Owner];

    /// As the label says it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Deleted => "deleted",
            Self::Permissions => "permissions",
            Self::Owner => "owner",
        }
    }

    /// As messages say it behind the path.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Created => "was created",
            Self::Changed => "was changed",
            Self::Deleted => "was deleted",
            Self::Permissions => "has other permissions",
            Self::Owner => "has another owner",
        }
    }
}

/// What has happened between two looks. What was undone between them was not seen.
pub(super) fn changes(before: Option<&Facts>, after: Option<&Facts>) -> Vec<Change> {
    match (before, after) {
        (None, None) => Vec::new(),
        (None, Some(_)) => vec![Change::Created],
        (Some(_), None) => vec![Change::Deleted],
        (Some(before), Some(after)) => {
            let mut changes = Vec::new();
            if is_changed(before, after) {
                changes.push(Change::Changed);
            }
            // The permissions of a link say nothing, and those of what it leads to are not known as long as there
            // is nothing.
            if before.kind != Kind::Dangling && after.kind != Kind::Dangling {
                if before.mode != after.mode {
                    changes.push(Change::Permissions);
                }
                if (before.uid, before.gid) != (after.uid, after.gid) {
                    changes.push(Change::Owner);
                }
            }
            changes
        }
    }
}

/// Whether another file has come into the place of the one that was there.
pub(super) fn is_replaced(before: &Facts, after: &Facts) -> bool {
    (before.device, before.inode) != (after.device, after.inode)
}

fn is_changed(before: &Facts, after: &Facts) -> bool {
    if before.kind != after.kind || before.link != after.link {
        return true;
    }
    if after.kind != Kind::Regular {
        return false;
    }
    let sizes = before.size != after.size;
    let times = before.modified != after.modified;
    match (before.digest, after.digest) {
        (Digest::Whole(before), Digest::Whole(after)) => sizes || before != after,
        // What is between the ends is known by the time alone.
        (Digest::Ends(before), Digest::Ends(after)) => sizes || times || before != after,
        // Nobody may read it, now or before: another size or time is taken for another content.
        (Digest::Unreadable, _) | (_, Digest::Unreadable) => sizes || times,
        _ => true,
    }
}

#[cfg(test)]
mod tests;
