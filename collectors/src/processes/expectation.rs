//! What is expected of a group: how many processes match it.

use super::config::Expect;

/// Which side of the number is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum BoundKind {
    /// At least so many.
    Min,
    /// At most so many.
    Max,
}

impl BoundKind {
    /// As labels and attributes say it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Min => "min",
            Self::Max => "max",
        }
    }

    /// As messages say it.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Min => "at least",
            Self::Max => "at most",
        }
    }
}

/// One bound that the configuration sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Bound {
    pub(super) kind: BoundKind,
    pub(super) limit: u32,
}

impl Expect {
    /// Each bound that is set, and whether `count` keeps it.
    pub(super) fn judge(&self, count: u64) -> impl Iterator<Item = (Bound, bool)> + use<> {
        let min = self.min.map(|limit| (Bound { kind: BoundKind::Min, limit }, count >= u64::from(limit)));
        let max = self.max.map(|limit| (Bound { kind: BoundKind::Max, limit }, count <= u64::from(limit)));
        min.into_iter().chain(max)
    }

    /// Whether nothing is expected.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_is_judged_by_itself() {
        let judged = |min, max, count| {
            Expect { min, max }
                .judge(count)
                .map(|(bound, is_met)| (bound.kind.as_str(), is_met))
                .collect::<Vec<_>>()
        };
        assert_eq!(judged(Some(1), None, 0), [("min", false)]);
        assert_eq!(judged(Some(1), Some(2), 2), [("min", true), ("max", true)]);
        assert_eq!(judged(Some(1), Some(2), 3), [("min", true), ("max", false)]);
        assert_eq!(judged(None, Some(0), 0), [("max", true)]);
        assert_eq!(judged(None, None, 7), []);
    }
}
