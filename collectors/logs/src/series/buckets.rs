//! The upper bounds of histograms, as the configuration gives them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::Place;

/// Bounds of which each is so many times the one before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Exponential {
    /// The first one; above 0.
    pub start: f64,
    /// So many times the one before; above 1.
    pub factor: f64,
    /// How many there are.
    pub count: usize,
}

impl Default for Exponential {
    fn default() -> Self {
        Self { start: 0.005, factor: 2.0, count: 12 }
    }
}

/// Each is a row of every series.
const MOST: usize = 160;

/// What is wrong with bounds that may be left out.
pub(super) fn check_given(bounds: &[f64], at: &Place<'_>) {
    if bounds.len() > MOST {
        at.wrong(format_args!("more than {MOST}"));
    }
    if bounds.iter().any(|bound| !bound.is_finite()) {
        at.wrong("must be numbers; the bucket for all else is always there");
    } else if !bounds.is_sorted_by(|one, next| one < next) {
        at.wrong("must ascend");
    }
}

/// What is wrong with bounds of which one kind is required.
pub(super) fn check(bounds: &[f64], exponential: Option<&Exponential>, at: &Place<'_>) {
    match (bounds, exponential) {
        ([], None) => at.wrong("one of buckets and exponential is required"),
        ([_, ..], Some(_)) => at.wrong("only one of buckets and exponential may be given"),
        (bounds, None) => check_given(bounds, &at.key("buckets")),
        ([], Some(exponential)) => exponential.check(&at.key("exponential")),
    }
}

impl Exponential {
    fn check(&self, at: &Place<'_>) {
        if !(self.start.is_finite() && self.start > 0.0) {
            at.key("start").wrong("must be above 0");
        }
        if !(self.factor.is_finite() && self.factor > 1.0) {
            at.key("factor").wrong("must be above 1");
        }
        if !(1..=MOST).contains(&self.count) {
            at.key("count").wrong(format_args!("must be between 1 and {MOST}"));
        } else if self.bounds().last().is_some_and(|last| !last.is_finite()) {
            at.wrong("the last bucket is too large for a number");
        }
    }

    /// The bounds.
    pub(super) fn bounds(&self) -> Vec<f64> {
        let bound = |number: usize| self.start * self.factor.powi(number as i32);
        (0..self.count).map(bound).collect()
    }
}
