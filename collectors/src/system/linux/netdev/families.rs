//! What the counters of interfaces are called.

use vigie_pipeline::metric::Family;

macro_rules! statistics {
    ($($key:literal),* $(,)?) => {
        [$(Family::counter(
            concat!("node_network_", $key, "_total"),
            concat!("Network device statistic ", $key, "."),
        )),*]
    };
}

/// How many columns `/proc/net/dev` has.
pub(super) const COLUMNS: usize = 16;

/// Those columns, in their order, and what only netlink knows.
#[rustfmt::skip]
pub(super) static FAMILIES: [Family; COLUMNS + 1] = statistics![
    "receive_bytes", "receive_packets", "receive_errs", "receive_drop", "receive_fifo", "receive_frame",
    "receive_compressed", "receive_multicast",
    "transmit_bytes", "transmit_packets", "transmit_errs", "transmit_drop", "transmit_fifo", "transmit_colls",
    "transmit_carrier", "transmit_compressed",
    "receive_nohandler",
];

/// The same where upstream tells them in detail: it writes more names out.
#[rustfmt::skip]
pub(super) static DETAILED_COLUMNS: [Family; COLUMNS] = statistics![
    "receive_bytes", "receive_packets", "receive_errors", "receive_dropped", "receive_fifo", "receive_frame",
    "receive_compressed", "receive_multicast",
    "transmit_bytes", "transmit_packets", "transmit_errors", "transmit_dropped", "transmit_fifo", "transmit_colls",
    "transmit_carrier", "transmit_compressed",
];

/// The statistics of a link, in the order of `rtnl_link_stats64`, for a macro that makes families of their names.
macro_rules! link_statistics {
    ($families:ident) => {
        $families![
            "receive_packets",
            "transmit_packets",
            "receive_bytes",
            "transmit_bytes",
            "receive_errors",
            "transmit_errors",
            "receive_dropped",
            "transmit_dropped",
            "multicast",
            "collisions",
            "receive_length_errors",
            "receive_over_errors",
            "receive_crc_errors",
            "receive_frame_errors",
            "receive_fifo_errors",
            "receive_missed_errors",
            "transmit_aborted_errors",
            "transmit_carrier_errors",
            "transmit_fifo_errors",
            "transmit_heartbeat_errors",
            "transmit_window_errors",
            "receive_compressed",
            "transmit_compressed",
            "receive_nohandler",
        ]
    };
}
pub(in crate::system::linux) use link_statistics;

/// What netlink tells.
pub(super) static DETAILED: [Family; 24] = link_statistics!(statistics);
