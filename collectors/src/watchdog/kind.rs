//! The closed sets of what can be expected and of why it is not so: labels and attributes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is expected of an entry, as the configuration calls it: the label `kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A group has at least so many processes.
    Min,
    /// A group has at most so many processes.
    Max,
    /// A group does not use more cores.
    Cpu,
    /// A group does not have more resident memory.
    Rss,
    /// A group does not have more open files.
    Fds,
    /// A group does not have more threads.
    Threads,
    /// A group does not have more zombies.
    Zombies,
    /// A group goes on.
    Hung,
    /// A unit is active.
    Unit,
    /// Somebody listens on a port.
    Port,
    /// A file is there, or is not.
    Exists,
    /// A file was written not so long ago.
    MaxAge,
    /// A file is at least so large.
    MinSize,
    /// A file is at most so large.
    MaxSize,
    /// A file has this content.
    Sha256,
    /// A file has these permissions.
    Mode,
    /// A file belongs to this user.
    Owner,
    /// A file belongs to this group of users.
    Group,
}

impl Kind {
    /// As labels, attributes and the configuration have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Min => "min",
            Self::Max => "max",
            Self::Cpu => "cpu",
            Self::Rss => "rss",
            Self::Fds => "fds",
            Self::Threads => "threads",
            Self::Zombies => "zombies",
            Self::Hung => "hung",
            Self::Unit => "unit",
            Self::Port => "port",
            Self::Exists => "exists",
            Self::MaxAge => "max_age",
            Self::MinSize => "min_size",
            Self::MaxSize => "max_size",
            Self::Sha256 => "sha256",
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::Group => "group",
        }
    }
}

/// Why an expectation is not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Reason {
    TooFew,
    TooMany,
    Above,
    NoProgress,
    Uninterruptible,
    ProbeFails,
    UnitNotFound,
    UnitInactive,
    UnitFailed,
    /// It is on its way to another state.
    UnitChanging,
    NotListening,
    FileMissing,
    FileExists,
    TooOld,
    TooSmall,
    TooLarge,
    WrongContent,
    WrongMode,
    WrongOwner,
    WrongGroup,
    /// The bus is not there.
    NoBus,
    /// The bus does not answer, or says something else.
    BusError,
    /// What has to be looked at cannot be read.
    Unreadable,
    /// The look has not come back.
    Late,
}

impl Reason {
    /// As labels and attributes have it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::TooFew => "too_few",
            Self::TooMany => "too_many",
            Self::Above => "above",
            Self::NoProgress => "no_progress",
            Self::Uninterruptible => "uninterruptible",
            Self::ProbeFails => "probe_fails",
            Self::UnitNotFound => "unit_not_found",
            Self::UnitInactive => "unit_inactive",
            Self::UnitFailed => "unit_failed",
            Self::UnitChanging => "unit_changing",
            Self::NotListening => "not_listening",
            Self::FileMissing => "file_missing",
            Self::FileExists => "file_exists",
            Self::TooOld => "too_old",
            Self::TooSmall => "too_small",
            Self::TooLarge => "too_large",
            Self::WrongContent => "wrong_content",
            Self::WrongMode => "wrong_mode",
            Self::WrongOwner => "wrong_owner",
            Self::WrongGroup => "wrong_group",
            Self::NoBus => "no_bus",
            Self::BusError => "bus_error",
            Self::Unreadable => "unreadable",
            Self::Late => "late",
        }
    }

    /// Whether nothing is known of the thing itself, because it could not be looked at. Nothing is done about what
    /// cannot be seen.
    pub(super) const fn is_blind(self) -> bool {
        matches!(self, Self::NoBus | Self::BusError | Self::Unreadable | Self::Late)
    }
}
