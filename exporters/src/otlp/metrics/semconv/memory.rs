//! `system.memory.*` and `system.paging.*`.

use super::table::{Attributes, Convention, Source, counter, gauge, of, up_down};

const TOTAL: &str = "node_memory_MemTotal_bytes";
const AVAILABLE: &str = "node_memory_MemAvailable_bytes";
const MEM_FREE: &str = "node_memory_MemFree_bytes";
const MEM_BUFFERS: &str = "node_memory_Buffers_bytes";
const MEM_CACHED: &str = "node_memory_Cached_bytes";
const RECLAIMABLE: &str = "node_memory_SReclaimable_bytes";
const SWAP: &str = "node_memory_SwapTotal_bytes";
const SWAP_FREE: &str = "node_memory_SwapFree_bytes";
const HUGE: &str = "node_memory_HugePages_Total";
const HUGE_FREE: &str = "node_memory_HugePages_Free";

const USED: Attributes = &[("system.memory.state", "used")];
const FREE: Attributes = &[("system.memory.state", "free")];
const BUFFERS: Attributes = &[("system.memory.state", "buffers")];
const CACHED: Attributes = &[("system.memory.state", "cached")];
const PAGING_USED: Attributes = &[("system.paging.state", "used")];
const PAGING_FREE: Attributes = &[("system.paging.state", "free")];
const HUGE_USED: Attributes = &[("system.memory.linux.hugepages.state", "used")];
const HUGE_UNUSED: Attributes = &[("system.memory.linux.hugepages.state", "free")];

/// As the conventions want it: what is not available is used. Kernels before 3.14 do not say what is.
const IN_USE: Source = of(TOTAL).less(&[AVAILABLE]).with(USED);
const IN_USE_BEFORE: Source =
    of(TOTAL).less(&[MEM_FREE, MEM_BUFFERS, MEM_CACHED, RECLAIMABLE]).unless(AVAILABLE).with(USED);
const SWAP_USED: Source = of(SWAP).less(&[SWAP_FREE]).with(PAGING_USED);
const HUGE_IN_USE: Source = of(HUGE).less(&[HUGE_FREE]).with(HUGE_USED);

pub(super) static CONVENTIONS: &[Convention] = &[
    up_down("system.memory.usage", "By", "Memory by what it is used for.", USAGE).whole(),
    gauge("system.memory.utilization", "1", "Memory by what it is used for, of all of it.", UTILIZATION),
    up_down("system.memory.limit", "By", "All memory.", &[of(TOTAL)]).whole(),
    up_down(
        "system.memory.linux.available",
        "By",
        "What programs can have without swapping.",
        &[of(AVAILABLE)],
    )
    .whole(),
    up_down("system.memory.linux.shared", "By", "Shared memory, tmpfs included.", SHARED).whole(),
    up_down("system.memory.linux.slab.usage", "By", "The kernel's caches of objects.", SLAB).whole(),
    up_down("system.memory.linux.hugepages.usage", "{page}", "Huge pages by state.", HUGE_PAGES).whole(),
    gauge("system.memory.linux.hugepages.utilization", "1", "Huge pages by state, of all.", HUGE_SHARES),
    up_down("system.memory.linux.hugepages.limit", "{page}", "All huge pages.", &[of(HUGE)]).whole(),
    up_down("system.memory.linux.hugepages.page_size", "By", "The size of a huge page.", HUGE_SIZE).whole(),
    up_down("system.memory.linux.hugepages.reserved", "{page}", "Huge pages promised to somebody.", RESERVED)
        .whole(),
    up_down("system.memory.linux.hugepages.surplus", "{page}", "Huge pages beyond the pool's.", SURPLUS)
        .whole(),
    up_down("system.paging.usage", "By", "Swap by state.", PAGING).whole(),
    gauge("system.paging.utilization", "1", "Swap by state, of all of it.", PAGING_SHARES),
    counter("system.paging.faults", "{fault}", "Page faults.", FAULTS).whole(),
    counter("system.paging.operations", "{operation}", "Pages swapped in and out.", OPERATIONS).whole(),
];

const USAGE: &[Source] = &[
    IN_USE,
    IN_USE_BEFORE,
    of(MEM_FREE).with(FREE),
    of(MEM_BUFFERS).with(BUFFERS),
    of(MEM_CACHED).with(CACHED),
];
const UTILIZATION: &[Source] = &[
    IN_USE.share_of(TOTAL),
    IN_USE_BEFORE.share_of(TOTAL),
    of(MEM_FREE).share_of(TOTAL).with(FREE),
    of(MEM_BUFFERS).share_of(TOTAL).with(BUFFERS),
    of(MEM_CACHED).share_of(TOTAL).with(CACHED),
];

const SHARED: &[Source] = &[of("node_memory_Shmem_bytes")];
const SLAB: &[Source] = &[
    of(RECLAIMABLE).with(&[("system.memory.linux.slab.state", "reclaimable")]),
    of("node_memory_SUnreclaim_bytes").with(&[("system.memory.linux.slab.state", "unreclaimable")]),
];

const HUGE_PAGES: &[Source] = &[HUGE_IN_USE, of(HUGE_FREE).with(HUGE_UNUSED)];
const HUGE_SHARES: &[Source] = &[HUGE_IN_USE.share_of(HUGE), of(HUGE_FREE).share_of(HUGE).with(HUGE_UNUSED)];
const HUGE_SIZE: &[Source] = &[of("node_memory_Hugepagesize_bytes")];
const RESERVED: &[Source] = &[of("node_memory_HugePages_Rsvd")];
const SURPLUS: &[Source] = &[of("node_memory_HugePages_Surp")];

const PAGING: &[Source] = &[SWAP_USED, of(SWAP_FREE).with(PAGING_FREE)];
const PAGING_SHARES: &[Source] = &[SWAP_USED.share_of(SWAP), of(SWAP_FREE).share_of(SWAP).with(PAGING_FREE)];

/// The kernel counts the major faults among all.
const FAULTS: &[Source] = &[
    of("node_vmstat_pgmajfault").with(&[("system.paging.fault.type", "major")]),
    of("node_vmstat_pgfault")
        .less(&["node_vmstat_pgmajfault"])
        .with(&[("system.paging.fault.type", "minor")]),
];

/// Pages that come from and go to swap, which the Collector too calls major. `pgpgin` and `pgpgout` are all
/// that goes through block devices, in KiB: they keep their names.
const OPERATIONS: &[Source] = &[
    of("node_vmstat_pswpin")
        .with(&[("system.paging.direction", "in"), ("system.paging.fault.type", "major")]),
    of("node_vmstat_pswpout")
        .with(&[("system.paging.direction", "out"), ("system.paging.fault.type", "major")]),
];
