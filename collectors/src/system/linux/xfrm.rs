//! `xfrm`: what the kernel's IPsec has refused, and why.
//!
//! `/proc/net/xfrm_stat`: a name and a number on each line (the kernel's networking/xfrm_proc.rst).

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::file::KeptFile;
use super::parse;
use crate::system::config::Roots;

#[rustfmt::skip] // one line each, however long
static FIELDS: [(&[u8], Family); 28] = [
    (b"XfrmInError", Family::counter("node_xfrm_in_error_packets_total", "All errors not matched by other")),
    (b"XfrmInBufferError", Family::counter("node_xfrm_in_buffer_error_packets_total", "No buffer is left")),
    (b"XfrmInHdrError", Family::counter("node_xfrm_in_hdr_error_packets_total", "Header error")),
    (b"XfrmInNoStates", Family::counter("node_xfrm_in_no_states_packets_total", "No state is found i.e. Either inbound SPI, address, or IPsec protocol at SA is wrong")),
    (b"XfrmInStateProtoError", Family::counter("node_xfrm_in_state_proto_error_packets_total", "Transformation protocol specific error e.g. SA key is wrong")),
    (b"XfrmInStateModeError", Family::counter("node_xfrm_in_state_mode_error_packets_total", "Transformation mode specific error")),
    (b"XfrmInStateSeqError", Family::counter("node_xfrm_in_state_seq_error_packets_total", "Sequence error i.e. Sequence number is out of window")),
    (b"XfrmInStateExpired", Family::counter("node_xfrm_in_state_expired_packets_total", "State is expired")),
    (b"XfrmInStateMismatch", Family::counter("node_xfrm_in_state_mismatch_packets_total", "State has mismatch option e.g. UDP encapsulation type is mismatch")),
    (b"XfrmInStateInvalid", Family::counter("node_xfrm_in_state_invalid_packets_total", "State is invalid")),
    (b"XfrmInTmplMismatch", Family::counter("node_xfrm_in_tmpl_mismatch_packets_total", "No matching template for states e.g. Inbound SAs are correct but SP rule is wrong")),
    (b"XfrmInNoPols", Family::counter("node_xfrm_in_no_pols_packets_total", "No policy is found for states e.g. Inbound SAs are correct but no SP is found")),
    (b"XfrmInPolBlock", Family::counter("node_xfrm_in_pol_block_packets_total", "Policy discards")),
    (b"XfrmInPolError", Family::counter("node_xfrm_in_pol_error_packets_total", "Policy error")),
    (b"XfrmOutError", Family::counter("node_xfrm_out_error_packets_total", "All errors which is not matched others")),
    (b"XfrmOutBundleGenError", Family::counter("node_xfrm_out_bundle_gen_error_packets_total", "Bundle generation error")),
    (b"XfrmOutBundleCheckError", Family::counter("node_xfrm_out_bundle_check_error_packets_total", "Bundle check error")),
    (b"XfrmOutNoStates", Family::counter("node_xfrm_out_no_states_packets_total", "No state is found")),
    (b"XfrmOutStateProtoError", Family::counter("node_xfrm_out_state_proto_error_packets_total", "Transformation protocol specific error")),
    (b"XfrmOutStateModeError", Family::counter("node_xfrm_out_state_mode_error_packets_total", "Transformation mode specific error")),
    (b"XfrmOutStateSeqError", Family::counter("node_xfrm_out_state_seq_error_packets_total", "Sequence error i.e. Sequence number overflow")),
    (b"XfrmOutStateExpired", Family::counter("node_xfrm_out_state_expired_packets_total", "State is expired")),
    (b"XfrmOutPolBlock", Family::counter("node_xfrm_out_pol_block_packets_total", "Policy discards")),
    (b"XfrmOutPolDead", Family::counter("node_xfrm_out_pol_dead_packets_total", "Policy is dead")),
    (b"XfrmOutPolError", Family::counter("node_xfrm_out_pol_error_packets_total", "Policy error")),
    (b"XfrmFwdHdrError", Family::counter("node_xfrm_fwd_hdr_error_packets_total", "Forward routing of a packet is not allowed")),
    (b"XfrmOutStateInvalid", Family::counter("node_xfrm_out_state_invalid_packets_total", "State is invalid, perhaps expired")),
    (b"XfrmAcquireError", Family::counter("node_xfrm_acquire_error_packets_total", "State hasn’t been fully acquired before use")),
];

pub(super) struct Xfrm {
    file: KeptFile,
}

impl Xfrm {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { file: KeptFile::new(roots.procfs.join("net/xfrm_stat")) }
    }
}

impl Sampler for Xfrm {
    /// A kernel without `CONFIG_XFRM_STATISTICS` has no such file.
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.file.each_line("a name without a number", |line| {
            let (name, count) = parse::first_word(line);
            let Some((_, family)) = FIELDS.iter().find(|(known, _)| *known == name) else { return Some(()) };
            page.set(family, Labels::NONE, parse::whole_file(count)? as f64);
            Some(())
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const TEXT: &str =
        "XfrmInError             \t1\nXfrmNew                 \t5\nXfrmOutPolDead         \t7656\n";

    #[test]
    fn names_that_are_known_are_exposed() {
        let host = Fixture::new().with("proc/net/xfrm_stat", TEXT);
        let (series, result) = host.sample(&mut Xfrm::new(host.roots()));
        result.unwrap();
        assert_eq!(
            series,
            ["node_xfrm_in_error_packets_total 1", "node_xfrm_out_pol_dead_packets_total 7656"]
        );
    }

    survives_any_bytes!("proc/net/xfrm_stat", TEXT, host => Xfrm::new(host.roots()));
}
