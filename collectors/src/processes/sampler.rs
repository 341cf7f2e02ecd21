//! The sampler of all groups.

use std::time::Duration;

use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::metrics;
use super::roll::SharedRoll;
use super::usage::Depth;

/// Who asks more often gets the same values again.
const FRESH: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Groups {
    pub(super) roll: SharedRoll,
}

impl Sampler for Groups {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let mut roll = self.roll.hold()?;
        let updated = roll.update(FRESH, Depth::Scraped);
        metrics::write_errors(page, roll.errors());
        updated?;
        let host = roll.host()?;
        for (name, group) in roll.groups() {
            metrics::write_group(page, name, group, host);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
