//! The agent about itself: its instruments, its memory, its identity.

use vigie_pipeline::budget::Budget;
use vigie_pipeline::instruments::Instruments;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Part, Sampler, Sampling};
use vigie_pipeline::recipe::Recipe;

static BUILD: Family = Family::gauge("vigie_build_info", "Which vigie this is; always 1, the labels tell.");
static SIZE: Family = Family::gauge("vigie_memory_budget_bytes", "The shares of agent.memory_limit.");
static HELD: Family =
    Family::gauge("vigie_memory_reserved_bytes", "What is held of the shares of agent.memory_limit.");

/// See the module.
struct Own {
    instruments: Instruments,
    budget: Budget,
}

impl Sampler for Own {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let labels = page.labels(&[
            ("version", env!("CARGO_PKG_VERSION")),
            ("os", std::env::consts::OS),
            ("arch", std::env::consts::ARCH),
        ]);
        page.set(&BUILD, labels, 1.0);
        for share in self.budget.shares() {
            let labels = page.labels(&[("share", share.name())]);
            page.set(&SIZE, labels, share.size() as f64);
            page.set(&HELD, labels, share.held() as f64);
        }
        self.instruments.write(page);
        Ok(())
    }
}

/// How it is built.
#[must_use]
pub(crate) fn recipe() -> Recipe {
    Recipe::new("vigie", "self", &(), |(), surroundings| {
        let own = Own { instruments: surroundings.instruments.clone(), budget: surroundings.budget.clone() };
        Ok(Part::Sampler(Sampling { sampler: Box::new(own), deadline: std::time::Duration::from_secs(5) }))
    })
}
