//! How much has to be left: a share of all, or a number.

use vigie_pipeline::units::ByteSize;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Floor {
    /// Between 0 and 1.
    Share(f64),
    /// Bytes, or inodes.
    Number(u64),
}

/// Why a text is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FloorError {
    #[error("not a share between 0% and 100%")]
    Share,
    #[error("not a share as `10%`, and not a size: {0}")]
    Size(String),
    #[error("not a share as `5%`, and not a number")]
    Number,
}

impl Floor {
    /// `10%`, or a size with its unit.
    pub(super) fn bytes(text: &str) -> Result<Self, FloorError> {
        match Self::share(text)? {
            Some(share) => Ok(share),
            None => {
                let size = text.trim().parse::<ByteSize>();
                size.map(|size| Self::Number(size.0)).map_err(|error| FloorError::Size(error.to_string()))
            }
        }
    }

    /// `5%`, or a number.
    pub(super) fn inodes(text: &str) -> Result<Self, FloorError> {
        match Self::share(text)? {
            Some(share) => Ok(share),
            None => text.trim().parse().map(Self::Number).map_err(|_| FloorError::Number),
        }
    }

    fn share(text: &str) -> Result<Option<Self>, FloorError> {
        let Some(number) = text.trim().strip_suffix('%') else { return Ok(None) };
        let percent = number.trim().parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent));
        percent.map(|percent| Some(Self::Share(percent / 100.0))).ok_or(FloorError::Share)
    }

    /// Whether that much is left: `free`, which is this share of all.
    pub(super) fn holds(self, free: u64, ratio: f64) -> bool {
        match self {
            Self::Share(least) => ratio >= least,
            Self::Number(least) => free >= least,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_is_a_share_or_a_number() {
        assert_eq!(Floor::bytes(" 12.5 % "), Ok(Floor::Share(0.125)));
        assert_eq!(Floor::bytes("2KiB"), Ok(Floor::Number(2_048)));
        assert_eq!(Floor::inodes("100"), Ok(Floor::Number(100)));
        for text in ["101%", "-1%", "x%", "NaN%", "%"] {
            assert_eq!(Floor::bytes(text), Err(FloorError::Share), "{text}");
        }
        assert!(matches!(Floor::bytes("many"), Err(FloorError::Size(_))));
        assert_eq!(Floor::inodes("5GiB"), Err(FloorError::Number));
    }

    #[test]
    fn at_the_floor_is_not_below_it() {
        assert!(Floor::Share(0.1).holds(1, 0.1) && !Floor::Share(0.1).holds(u64::MAX, 0.099));
        assert!(Floor::Number(5).holds(5, 0.0) && !Floor::Number(5).holds(4, 1.0));
    }
}
