//! What flows through vigie, what holds it, and the plugs that parts fit into.
//!
//! Two kinds of telemetry, so two kinds of buffer:
//!
//! * **State** (metrics): a part fills a [`page::Page`] and publishes it in its [`snapshot::Slot`];
//!   the newest page wins, nothing queues, and a slot that is dropped takes its series along.
//! * **Events** (log records, spans): a part encodes them once as OTLP protobuf and offers them as a
//!   [`batch::Batch`] through its [`outlet::Outlet`]; each destination has a [`queue::Queue`], and when
//!   the last destination has settled a batch the source hears about it ([`receipt`]).
//!
//! Nothing here knows a collector, an exporter or the configuration file; everything else knows this.

pub mod batch;
pub mod budget;
pub mod check;
pub mod clock;
pub mod commons;
pub mod dependencies;
pub mod file_path;
pub mod generations;
pub mod grpc;
pub mod instruments;
pub mod ledger;
pub mod legacy;
pub mod listen;
pub mod metric;
pub mod otlp;
pub mod outlet;
pub mod page;
pub mod percent;
pub mod plug;
pub mod proxies;
pub mod queue;
pub mod readiness;
pub mod receipt;
pub mod recipe;
pub mod room;
pub mod secret;
pub mod snapshot;
pub mod spool;
pub mod stop;
pub mod units;
