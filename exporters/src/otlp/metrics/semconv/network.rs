//! `system.network.*`.

use super::table::{As, Attributes, Convention, Source, counter, of, up_down};

const RECEIVED: Attributes = &[("network.io.direction", "receive")];
const SENT: Attributes = &[("network.io.direction", "transmit")];

const INTERFACE: &[(&str, As)] = &[("device", As::Text("network.interface.name"))];
/// What the conventions call the interface where they count packets, and only there.
const DEVICE: &[(&str, As)] = &[("device", As::Text("system.device"))];

pub(super) static CONVENTIONS: &[Convention] = &[
    counter("system.network.io", "By", "Bytes received and sent.", IO).whole(),
    counter("system.network.packet.count", "{packet}", "Packets received and sent.", PACKETS).whole(),
    counter(
        "system.network.packet.dropped",
        "{packet}",
        "Packets dropped, though nothing was wrong.",
        DROPPED,
    )
    .whole(),
    counter("system.network.errors", "{error}", "Errors in receiving and sending.", ERRORS).whole(),
    up_down("system.network.connection.count", "{connection}", "TCP connections by state.", CONNECTIONS)
        .whole(),
    up_down("system.network.conntrack.count", "{entries}", "Connections that are tracked.", TRACKED).whole(),
    up_down("system.network.conntrack.max", "{entries}", "How many can be tracked.", TRACKED_AT_MOST).whole(),
];

const IO: &[Source] = &[
    of("node_network_receive_bytes_total").labels(INTERFACE).with(RECEIVED),
    of("node_network_transmit_bytes_total").labels(INTERFACE).with(SENT),
];
const PACKETS: &[Source] = &[
    of("node_network_receive_packets_total").labels(DEVICE).with(RECEIVED),
    of("node_network_transmit_packets_total").labels(DEVICE).with(SENT),
];
const DROPPED: &[Source] = &[
    of("node_network_receive_drop_total").labels(INTERFACE).with(RECEIVED),
    of("node_network_transmit_drop_total").labels(INTERFACE).with(SENT),
];
const ERRORS: &[Source] = &[
    of("node_network_receive_errs_total").labels(INTERFACE).with(RECEIVED),
    of("node_network_transmit_errs_total").labels(INTERFACE).with(SENT),
];

/// `tcpstat` counts queued bytes under two more "states".
const STATES: As = As::OneOf(
    "network.connection.state",
    &[
        ("close", "closed"),
        ("close_wait", "close_wait"),
        ("closing", "closing"),
        ("established", "established"),
        ("fin_wait1", "fin_wait_1"),
        ("fin_wait2", "fin_wait_2"),
        ("last_ack", "last_ack"),
        ("listen", "listen"),
        ("syn_recv", "syn_received"),
        ("syn_sent", "syn_sent"),
        ("time_wait", "time_wait"),
    ],
);
const CONNECTIONS: &[Source] =
    &[of("node_tcp_connection_states").labels(&[("state", STATES)]).with(&[("network.transport", "tcp")])];

const TRACKED: &[Source] = &[of("node_nf_conntrack_entries")];
const TRACKED_AT_MOST: &[Source] = &[of("node_nf_conntrack_entries_limit")];
