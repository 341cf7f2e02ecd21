//! `mountstats`: what each NFS mount has read, written, asked and waited for.
//!
//! `/proc/self/mountstats` (nfsiostat(8)): counts of all mounts of the same export, protocol and server are those of one
//! and the same superblock, so the first one is told, and every mount point by name.

mod text;

use std::collections::HashSet;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use self::text::{Mount, mounts};
use super::file::{FileError, KeptFile};
use super::parse;
use crate::system::config::Roots;

static MOUNT_POINT: Family =
    Family::gauge("node_mountstats_nfs_mountpoint_info", "Info metric for an NFS mountpoint.");
static AGE: Family =
    Family::counter("node_mountstats_nfs_age_seconds_total", "The age of the NFS mount in seconds.");

/// The numbers of the line `bytes:`, in their order.
#[rustfmt::skip] // one line each, however long
static BYTES: [Family; 8] = [
    Family::counter("node_mountstats_nfs_read_bytes_total", "Number of bytes read using the read() syscall."),
    Family::counter("node_mountstats_nfs_write_bytes_total", "Number of bytes written using the write() syscall."),
    Family::counter("node_mountstats_nfs_direct_read_bytes_total", "Number of bytes read using the read() syscall in O_DIRECT mode."),
    Family::counter("node_mountstats_nfs_direct_write_bytes_total", "Number of bytes written using the write() syscall in O_DIRECT mode."),
    Family::counter("node_mountstats_nfs_total_read_bytes_total", "Number of bytes read from the NFS server, in total."),
    Family::counter("node_mountstats_nfs_total_write_bytes_total", "Number of bytes written to the NFS server, in total."),
    Family::counter("node_mountstats_nfs_read_pages_total", "Number of pages read directly via mmap()'d files."),
    Family::counter("node_mountstats_nfs_write_pages_total", "Number of pages written directly via mmap()'d files."),
];

/// Those of the line `events:`, by where they stand.
#[rustfmt::skip] // one line each, however long
static EVENTS: [(usize, Family); 26] = [
    (0, Family::counter("node_mountstats_nfs_event_inode_revalidate_total", "Number of times cached inode attributes are re-validated from the server.")),
    (1, Family::counter("node_mountstats_nfs_event_dnode_revalidate_total", "Number of times cached dentry nodes are re-validated from the server.")),
    (2, Family::counter("node_mountstats_nfs_event_data_invalidate_total", "Number of times an inode cache is cleared.")),
    (3, Family::counter("node_mountstats_nfs_event_attribute_invalidate_total", "Number of times cached inode attributes are invalidated.")),
    (4, Family::counter("node_mountstats_nfs_event_vfs_open_total", "Number of times cached inode attributes are invalidated.")),
    (5, Family::counter("node_mountstats_nfs_event_vfs_lookup_total", "Number of times a directory lookup has occurred.")),
    (6, Family::counter("node_mountstats_nfs_event_vfs_access_total", "Number of times permissions have been checked.")),
    (7, Family::counter("node_mountstats_nfs_event_vfs_update_page_total", "Number of updates (and potential writes) to pages.")),
    (8, Family::counter("node_mountstats_nfs_event_vfs_read_page_total", "Number of pages read directly via mmap()'d files.")),
    (9, Family::counter("node_mountstats_nfs_event_vfs_read_pages_total", "Number of times a group of pages have been read.")),
    (10, Family::counter("node_mountstats_nfs_event_vfs_write_page_total", "Number of pages written directly via mmap()'d files.")),
    (11, Family::counter("node_mountstats_nfs_event_vfs_write_pages_total", "Number of times a group of pages have been written.")),
    (12, Family::counter("node_mountstats_nfs_event_vfs_getdents_total", "Number of times directory entries have been read with getdents().")),
    (13, Family::counter("node_mountstats_nfs_event_vfs_setattr_total", "Number of times directory entries have been read with getdents().")),
    (14, Family::counter("node_mountstats_nfs_event_vfs_flush_total", "Number of pending writes that have been forcefully flushed to the server.")),
    (15, Family::counter("node_mountstats_nfs_event_vfs_fsync_total", "Number of times fsync() has been called on directories and files.")),
    (16, Family::counter("node_mountstats_nfs_event_vfs_lock_total", "Number of times locking has been attempted on a file.")),
    (17, Family::counter("node_mountstats_nfs_event_vfs_file_release_total", "Number of times files have been closed and released.")),
    (19, Family::counter("node_mountstats_nfs_event_truncation_total", "Number of times files have been truncated.")),
    (20, Family::counter("node_mountstats_nfs_event_write_extension_total", "Number of times a file has been grown due to writes beyond its existing end.")),
    (21, Family::counter("node_mountstats_nfs_event_silly_rename_total", "Number of times a file was removed while still open by another process.")),
    (22, Family::counter("node_mountstats_nfs_event_short_read_total", "Number of times the NFS server gave less data than expected while reading.")),
    (23, Family::counter("node_mountstats_nfs_event_short_write_total", "Number of times the NFS server wrote less data than expected while writing.")),
    (24, Family::counter("node_mountstats_nfs_event_jukebox_delay_total", "Number of times the NFS server indicated EJUKEBOX; retrieving data from offline storage.")),
    (25, Family::counter("node_mountstats_nfs_event_pnfs_read_total", "Number of NFS v4.1+ pNFS reads.")),
    (26, Family::counter("node_mountstats_nfs_event_pnfs_write_total", "Number of NFS v4.1+ pNFS writes.")),
];

/// Those of a line `xprt:`, by where they stand.
#[rustfmt::skip] // one line each, however long
static TRANSPORT: [(usize, Family); 10] = [
    (1, Family::counter("node_mountstats_nfs_transport_bind_total", "Number of times the client has had to establish a connection from scratch to the NFS server.")),
    (2, Family::counter("node_mountstats_nfs_transport_connect_total", "Number of times the client has made a TCP connection to the NFS server.")),
    (4, Family::gauge("node_mountstats_nfs_transport_idle_time_seconds", "Duration since the NFS mount last saw any RPC traffic, in seconds.")),
    (5, Family::counter("node_mountstats_nfs_transport_sends_total", "Number of RPC requests for this mount sent to the NFS server.")),
    (6, Family::counter("node_mountstats_nfs_transport_receives_total", "Number of RPC responses for this mount received from the NFS server.")),
    (7, Family::counter("node_mountstats_nfs_transport_bad_transaction_ids_total", "Number of times the NFS server sent a response with a transaction ID unknown to this client.")),
    (9, Family::counter("node_mountstats_nfs_transport_backlog_queue_total", "Total number of items added to the RPC backlog queue.")),
    (10, Family::gauge("node_mountstats_nfs_transport_maximum_rpc_slots", "Maximum number of simultaneously active RPC requests ever used.")),
    (11, Family::counter("node_mountstats_nfs_transport_sending_queue_total", "Total number of items added to the RPC transmission sending queue.")),
    (12, Family::counter("node_mountstats_nfs_transport_pending_queue_total", "Total number of items added to the RPC transmission pending queue.")),
];

/// Those of an operation, in their order, and what one of their units is in the unit of the metric.
#[rustfmt::skip] // one line each, however long
static OPERATION: [(Family, f64); text::OPERATION] = [
    (Family::counter("node_mountstats_nfs_operations_requests_total", "Number of requests performed for a given operation."), 1.0),
    (Family::counter("node_mountstats_nfs_operations_transmissions_total", "Number of times an actual RPC request has been transmitted for a given operation."), 1.0),
    (Family::counter("node_mountstats_nfs_operations_major_timeouts_total", "Number of times a request has had a major timeout for a given operation."), 1.0),
    (Family::counter("node_mountstats_nfs_operations_sent_bytes_total", "Number of bytes sent for a given operation, including RPC headers and payload."), 1.0),
    (Family::counter("node_mountstats_nfs_operations_received_bytes_total", "Number of bytes received for a given operation, including RPC headers and payload."), 1.0),
    (Family::counter("node_mountstats_nfs_operations_queue_time_seconds_total", "Duration all requests spent queued for transmission for a given operation before they were sent, in seconds."), MILLISECONDS),
    (Family::counter("node_mountstats_nfs_operations_response_time_seconds_total", "Duration all requests took to get a reply back after a request for a given operation was transmitted, in seconds."), MILLISECONDS),
    (Family::counter("node_mountstats_nfs_operations_request_time_seconds_total", "Duration all requests took from when a request was enqueued to when it was completely handled for a given operation, in seconds."), MILLISECONDS),
];

const MILLISECONDS: f64 = 1000.0;

/// The kernel's sums of times wrap below 0 now and then; they are taken modulo what a float can count exactly.
const EXACT: u64 = 1 << 53;

pub(super) struct MountStats {
    file: KeptFile,
}

impl MountStats {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { file: KeptFile::new(roots.procfs.join("self/mountstats")) }
    }
}

impl Sampler for MountStats {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let mounts = mounts(self.file.read().map_err(FileError::or_no_data)?);
        let mut told = HashSet::new();
        let mut named = HashSet::new();
        for mount in &mounts {
            let (export, protocol, address) =
                (parse::label(mount.export), mount.protocol(), parse::label(mount.address()));
            let id = (export.clone(), protocol.clone(), address.clone());
            if named.insert((id.clone(), mount.mount_point)) {
                let labels = page.labels(&[
                    ("export", &export),
                    ("mountaddr", &address),
                    ("mountpoint", &parse::label(mount.mount_point)),
                    ("protocol", &protocol),
                ]);
                page.set(&MOUNT_POINT, labels, 1.0);
            }
            if told.insert(id) {
                let pairs = [("export", &*export), ("mountaddr", &*address), ("protocol", &*protocol)];
                write(page, mount, &pairs);
            }
        }
        Ok(())
    }
}

fn write(page: &mut Page, mount: &Mount<'_>, pairs: &[(&str, &str); 3]) {
    let labels = page.labels(pairs);
    if let Some(age) = mount.age {
        page.set(&AGE, labels, age);
    }
    for (family, bytes) in BYTES.iter().zip(&mount.bytes) {
        page.set(family, labels, *bytes);
    }
    write_at(page, labels, &EVENTS, &mount.events);
    for (number, transport) in mount.transports.iter().enumerate() {
        let number = number.to_string();
        let labels =
            page.labels(&[pairs[0], pairs[1], ("protocol", &transport.protocol), ("transport", &number)]);
        write_at(page, labels, &TRANSPORT, &transport.numbers);
    }
    for operation in &mount.operations {
        let name = parse::label(operation.name);
        let labels = page.labels(&[pairs[0], pairs[1], ("operation", &name), pairs[2]]);
        for ((family, unit), number) in OPERATION.iter().zip(&operation.numbers) {
            let number = if *unit > 1.0 { number % EXACT } else { *number };
            page.set(family, labels, number as f64 / unit);
        }
    }
}

fn write_at(page: &mut Page, labels: Labels, table: &'static [(usize, Family)], numbers: &[f64]) {
    for (at, family) in table {
        if let Some(number) = numbers.get(*at) {
            page.set(family, labels, *number);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const TEXT: &str = "device proc mounted on /proc with fstype proc\n\
        device nas:/srv mounted on /mnt/a with fstype nfs4 statvers=1.1\n\topts:\trw,vers=4.0,proto=tcp,port=0\n\
        \tage:\t13968\n\tevents:\t52 226 0 0 1\n\tbytes:\t1207640230 5 0 0 1210214218 0 295483 0\n\
        \tRPC iostats version: 1.0  p/v: 100003/4 (nfs)\n\txprt:\ttcp 832 0 1 0 11 6428 6427 0 12154 0 24 26 5726\n\
        \tper-op statistics\n\t        READ: 1298 1298 0 207680 1210292152 6 79386 79407\n\n\
        device nas:/srv mounted on /mnt/b with fstype nfs4 statvers=1.1\n\topts:\trw,proto=tcp\n\tage:\t7\n\
        device nas:/srv mounted on /mnt/c with fstype nfs statvers=1.1\n\topts:\trw,proto=udp,mountaddr=10.0.0.1\n\
        \txprt:\tudp 832 0 6428 6427 0 12154 0 24 26 5726\n\
        \t       WRITE: 1 1 0 2 3 18446743919241604546 5 6\n";

    #[test]
    fn each_superblock_is_told_once_and_each_mount_point_is_named() {
        let host = Fixture::new().with("proc/self/mountstats", TEXT);
        let (series, result) = host.sample(&mut MountStats::new(host.roots()));
        result.unwrap();
        let has = |line: &str| {
            let line = format!("node_mountstats_nfs_{line}");
            assert!(series.contains(&line), "{line}: {series:#?}");
        };
        let tcp = "export=\"nas:/srv\",mountaddr=\"nas\"";
        has(&format!("mountpoint_info{{{tcp},mountpoint=\"/mnt/b\",protocol=\"tcp\"}} 1"));
        has(&format!("age_seconds_total{{{tcp},protocol=\"tcp\"}} 13968"));
        has(&format!("write_bytes_total{{{tcp},protocol=\"tcp\"}} 5"));
        has(&format!("event_vfs_open_total{{{tcp},protocol=\"tcp\"}} 1"));
        has(&format!("transport_receives_total{{{tcp},protocol=\"tcp\",transport=\"0\"}} 6427"));
        has(&format!(
            "operations_queue_time_seconds_total{{{tcp},operation=\"READ\",protocol=\"tcp\"}} 0.006"
        ));
        let udp = "export=\"nas:/srv\",mountaddr=\"10.0.0.1\"";
        has(&format!("transport_connect_total{{{udp},protocol=\"udp\",transport=\"0\"}} 0"));
        has(&format!("transport_sends_total{{{udp},protocol=\"udp\",transport=\"0\"}} 6428"));
        has(&format!(
            "operations_queue_time_seconds_total{{{udp},operation=\"WRITE\",protocol=\"udp\"}} 9007044786793.922"
        ));
        assert_eq!(series.iter().filter(|line| line.contains("age_seconds")).count(), 1);
    }

    survives_any_bytes!("proc/self/mountstats", TEXT, host => MountStats::new(host.roots()));
}
