//! Encoded records on their way out of a source.

use std::sync::Arc;

use vigie_pipeline::outlet::Route;

use super::spans::Encoded;

/// Encoded records of one file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Records {
    pub(crate) bytes: Vec<u8>,
    pub(crate) count: u32,
    /// Those that are not for all destinations.
    pub(crate) routed: Vec<Routed>,
    /// Spans made from them.
    pub(crate) spans: Encoded,
}

/// Encoded records that are for these destinations.
#[derive(Debug, Clone)]
pub(crate) struct Routed {
    pub(crate) to: Route,
    pub(crate) bytes: Vec<u8>,
    pub(crate) count: u32,
}

impl Records {
    /// How many bytes they are.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
            + self.routed.iter().map(|routed| routed.bytes.len()).sum::<usize>()
            + self.spans.bytes.len()
    }

    /// Where one more is put that is for these destinations, or for all.
    pub(crate) fn one_more(&mut self, to: Option<&Route>) -> &mut Vec<u8> {
        let Some(to) = to else {
            self.count += 1;
            return &mut self.bytes;
        };
        let at = self.routed.iter().position(|routed| routed.to == *to).unwrap_or_else(|| {
            self.routed.push(Routed { to: Arc::clone(to), bytes: Vec::new(), count: 0 });
            self.routed.len() - 1
        });
        let routed = &mut self.routed[at];
        routed.count += 1;
        &mut routed.bytes
    }
}
