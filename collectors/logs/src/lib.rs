//! Log files: tailed to OTLP, and no line lost.
//!
//! **The file is the buffer.** Lines are read, encoded as records and offered; while there is no room they wait
//! in their files. The saved offset of a file passes only bytes whose every line was delivered, or dropped on
//! purpose and counted ([`offsets`], [`store`]). So after a crash at most what was in flight comes again.
//!
//! From the bottom up: [`identity`] says what makes a file the same file; [`mod@file`] reads one to its last
//! complete line; [`record`] turns lines into records, which pass the [`stages`], [`parse`] first; [`join`] makes one
//! record of several lines, where a container runtime cut one ([`container`]) or an event has several ([`multiline`]);
//! [`follower`] knows all files of a source and is driven in turns; [`source`] drives it, woken up by [`wake`].

mod condition;
mod config;
mod container;
pub mod exceptions;
mod fields;
mod file;
mod filters;
mod follower;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod handover;
mod identity;
mod join;
mod journal;
mod meters;
mod method;
mod multiline;
mod numeral;
mod offsets;
mod parse;
pub mod patterns;
mod record;
mod records;
pub mod redaction;
mod roles;
mod series;
mod severity;
mod source;
mod spans;
mod stages;
mod store;
mod timestamp;
mod trace_context;
mod transforms;
mod unpack;
pub mod wake;
mod workbench;

use std::sync::Arc;

use vigie_pipeline::batch::Envelope;
use vigie_pipeline::otlp::envelope;
use vigie_pipeline::plug::{Error, Part, Surroundings};
use vigie_pipeline::recipe::Recipe;

pub use condition::{Condition, Level, Number, Scalar};
pub use config::{Config, Severity, StartAt, Timestamp};
pub use exceptions::Exceptions;
pub use multiline::{Multiline, Preset};
pub use parse::auto::Choice;
pub use parse::format::{LineFormat, Parse};
pub use series::{Counter, Exponential, Gauge, Histogram, Http, Metric, Security, check_clashes};
pub use spans::Spans;
pub use timestamp::Format;
pub use transforms::{Deduplicate, RateLimit, Route, Sample, Transform};
pub use workbench::{Moved, Outcome, Sent, Told, Workbench};

use exceptions::Groups;
use follower::Parts;
use handover::Handover;
use meters::Meters;
use patterns::{Exclusion, Pattern, Patterns};
use record::Recorder;
use source::Tail;
use store::Store;

/// About how large a batch becomes; less if the memory for reading is scarce.
const BATCH_BYTES: usize = 448 << 10;

/// How the part is built.
#[must_use]
pub fn recipe(config: &Config) -> Recipe {
    Recipe::new("logs", config.name.as_str(), config, build)
}

fn build(config: &Config, surroundings: &Surroundings) -> Result<Part, Error> {
    let include = config.include.iter().map(|glob| Pattern::new(&glob.to_string_lossy()));
    let patterns = Patterns {
        include: include.collect::<Result<_, _>>()?,
        exclude: config.exclude.iter().map(|glob| Exclusion::new(glob)).collect::<Result<_, _>>()?,
    };
    let before = surroundings.legacy.take::<Handover>();
    let meters = Meters::new(&surroundings.instruments, &config.name);
    let mut recorder = Recorder::new(config, meters.clone())?.counting(config, &surroundings.instruments)?;
    recorder.remember_in(&surroundings.state_dir, &config.name);
    recorder.count_exceptions_in(|| {
        let most = config.exceptions.max_groups;
        Groups::open(&surroundings.state_dir, &config.name, most, &surroundings.instruments)
    });
    if let Some(before) = before {
        recorder.take_over(before);
    }
    let scope = envelope::scope(&config.name, "");
    let parts = Parts {
        patterns,
        start_at: config.start_at,
        recorder,
        claim: Store::open(&surroundings.state_dir).claim(&config.name),
        meters,
        envelope: Arc::new(Envelope { resource: surroundings.resource.clone(), scope }),
        batch_bytes: BATCH_BYTES.min(surroundings.budget.read.size() / 4),
        most_waiting: surroundings.budget.read.size() / 4,
        buffers: surroundings.budget.buffers.clone(),
    };
    Ok(Part::Source(Box::new(Tail::new(parts, surroundings))))
}
