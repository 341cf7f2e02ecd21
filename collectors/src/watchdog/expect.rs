//! What can be expected of a group of processes: its number, what it uses over time, and that it goes on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::units::{ByteSize, HumanDuration};

use super::entry::Expectation;
use super::kind::Kind;

/// What is expected of a group of processes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// At least so many processes, without children that match nothing themselves.
    pub min: Option<u32>,
    /// At most so many.
    pub max: Option<u32>,
    /// Not more cores, all processes together.
    pub cpu: Option<Cores>,
    /// Not more resident memory, all processes together.
    pub rss: Option<Memory>,
    /// Not more open files, all processes together.
    pub fds: Option<Number>,
    /// Not more threads, all processes together.
    pub threads: Option<Number>,
    /// Not more zombies.
    pub zombies: Option<Number>,
    /// It goes on.
    pub hung: Option<Hung>,
}

/// A bound on cores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cores {
    /// What is above this is too much, as a number of cores.
    pub above: f64,
    /// For so long it may be.
    #[serde(default, rename = "for")]
    pub patience: HumanDuration,
}

/// A bound on memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// What is above this is too much.
    pub above: ByteSize,
    /// For so long it may be.
    #[serde(default, rename = "for")]
    pub patience: HumanDuration,
}

/// A bound on a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// What is above this is too much.
    pub above: u64,
    /// For so long it may be.
    #[serde(default, rename = "for")]
    pub patience: HumanDuration,
}

/// When a group hangs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hung {
    /// It hangs if it has used no CPU time for so long while it has processes, or if one of them has been in
    /// uninterruptible sleep for so long.
    #[serde(rename = "for")]
    pub patience: HumanDuration,
    /// The name of a probe: then it hangs if that fails for so long while the group has processes, however little CPU
    /// time it uses.
    #[serde(default)]
    pub probe: Option<String>,
}

impl Expect {
    /// Whether nothing is expected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Each expectation, in the order in which [`super::groups`] looks at them.
    pub(super) fn expectations(&self) -> Vec<Expectation> {
        let number = |kind, limit: &Option<Number>| {
            limit.as_ref().map(|limit| Expectation::bounded(kind, limit.patience.0, limit.above as f64))
        };
        [
            self.min.map(|min| Expectation::bounded(Kind::Min, Default::default(), f64::from(min))),
            self.max.map(|max| Expectation::bounded(Kind::Max, Default::default(), f64::from(max))),
            self.cpu.as_ref().map(|cpu| Expectation::bounded(Kind::Cpu, cpu.patience.0, cpu.above)),
            self.rss.as_ref().map(|rss| Expectation::bounded(Kind::Rss, rss.patience.0, rss.above.0 as f64)),
            number(Kind::Fds, &self.fds),
            number(Kind::Threads, &self.threads),
            number(Kind::Zombies, &self.zombies),
            // How long it hangs is seen by whoever looks: each process has its own time.
            self.hung.as_ref().map(|_| Expectation::new(Kind::Hung, Default::default())),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Check for Expect {
    fn check(&self, at: &mut Place<'_>) {
        if let (Some(min), Some(max)) = (self.min, self.max)
            && min > max
        {
            at.key("max").wrong(format_args!("less than min, which is {min}"));
        }
        if let Some(cpu) = &self.cpu
            && !(cpu.above.is_finite() && cpu.above >= 0.0)
        {
            at.key("cpu").key("above").wrong("not a number of cores");
        }
        if let Some(hung) = &self.hung
            && hung.patience.0.is_zero()
        {
            at.key("hung").key("for").wrong("must be longer than 0");
        }
    }
}
