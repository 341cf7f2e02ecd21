//! Jobs that must check in: cron jobs, batches, workers.
//!
//! A job says when it starts and how it ends, by an HTTP request ([`listener`]) that it makes itself
//! (`curl …/ping/backup`) or that `vigie run` makes for it ([`report`]), or, where no agent answers, by a file that
//! waits for one ([`mailbox`]). What it says becomes how it stands ([`standing`]), which is kept over restarts
//! ([`store`], [`saving`]); whether it is overdue follows from its last success and what is expected of it
//! ([`schedule`]). All jobs together are the [`board`]; the part around it is the [`source`].
//!
//! A start without an end, because the job or the machine died, becomes a run that is lost when the next one starts, so
//! that runs of one job that overlap count as lost too; until then the job is seen to run, and, without a success, to be
//! overdue. What is told late, of a run that was overtaken, counts as a run and changes nothing that is said of the
//! last.

mod board;
mod check_in;
mod config;
mod listener;
mod mailbox;
mod metrics;
mod name;
mod output;
mod report;
mod saving;
mod schedule;
mod source;
mod standing;
mod store;
mod telemetry;

use vigie_pipeline::plug::Part;
use vigie_pipeline::recipe::Recipe;

pub use config::{Config, Job};
pub use mailbox::leave;
pub use name::{JobName, NotAName};
pub use output::LastLines;
pub use report::{End, Report};

/// Where jobs check in if nobody says where.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:9751";

/// How the part is built; none where nothing is configured.
#[must_use]
pub fn recipes(config: &Config) -> Vec<Recipe> {
    if config.is_empty() {
        return Vec::new();
    }
    let recipe = Recipe::new("jobs", "jobs", config, |config, surroundings| {
        Ok(Part::Source(Box::new(source::Jobs::new(config, surroundings))))
    });
    vec![recipe]
}
