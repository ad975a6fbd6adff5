// SPDX-License-Identifier: BSD-3-Clause
//! eng.rs - the peer in the measuring rig: rust-vmm's virtio-queue, split rings, without the guard of its daemons

use std::cell::UnsafeCell;
use virtio_queue::{Queue, QueueT};
use vm_memory::mmap::MmapRegionBuilder;
use vm_memory::{GuestAddress, GuestMemoryMmap, GuestRegionMmap};

const SIZE: u16 = 256;
const REGIONS_MAX: usize = 32;

#[repr(C)]
pub struct RigRegion {
    gpa: u64,
    len: u64,
    hva: *mut u8,
}

/// As struct rig of rig.h
#[repr(C)]
pub struct Rig {
    packed: bool,
    event_idx: bool,
    nregion: u32,
    region: [RigRegion; REGIONS_MAX],
    desc: u64,
    driver: u64,
    device: u64,
    bytes: u64,
    served: u32,
}

struct Engine {
    memory: GuestMemoryMmap,
    queue: Queue,
}

struct Slot(UnsafeCell<Option<Engine>>);
unsafe impl Sync for Slot {} // the rig has one thread
static ENGINE: Slot = Slot(UnsafeCell::new(None));

fn region(r: &RigRegion) -> GuestRegionMmap {
    // SAFETY: the rig's mapping outlives the process's use of it
    let map = unsafe {
        MmapRegionBuilder::new(r.len as usize)
            .with_raw_mmap_pointer(r.hva)
            .with_mmap_prot(3)
            .with_mmap_flags(1)
            .build()
            .expect("region")
    };
    GuestRegionMmap::new(map, GuestAddress(r.gpa)).expect("region")
}

#[no_mangle]
pub extern "C" fn eng_init(g: &mut Rig) {
    assert!(!g.packed, "eng_virtio_queue: split rings only");
    let mut list: Vec<_> = g.region[..g.nregion as usize].iter().map(region).collect();
    list.sort_by_key(|r| vm_memory::GuestMemoryRegion::start_addr(r));
    let memory = GuestMemoryMmap::from_regions(list).expect("regions");
    let mut queue = Queue::new(SIZE).expect("queue");
    queue.set_size(SIZE);
    queue.set_event_idx(g.event_idx);
    queue.set_desc_table_address(Some(g.desc as u32), Some((g.desc >> 32) as u32));
    queue.set_avail_ring_address(Some(g.driver as u32), Some((g.driver >> 32) as u32));
    queue.set_used_ring_address(Some(g.device as u32), Some((g.device >> 32) as u32));
    queue.set_ready(true);
    assert!(queue.is_valid(&memory), "eng_virtio_queue: the rings are not valid");
    unsafe { *ENGINE.0.get() = Some(Engine { memory, queue }) };
}

#[no_mangle]
#[inline(never)]
pub extern "C" fn dev_process(g: &mut Rig) {
    let e = unsafe { (*ENGINE.0.get()).as_mut().expect("eng_init") };

    while let Some(chain) = e.queue.pop_descriptor_chain(&e.memory) {
        let head = chain.head_index();
        let (mut out, mut inn) = (0u64, 0u64);
        for d in chain {
            if d.is_write_only() {
                inn += u64::from(d.len());
            } else {
                out += u64::from(d.len());
            }
        }
        g.bytes += out + inn;
        g.served += 1;
        e.queue.add_used(&e.memory, head, inn as u32).expect("used");
    }
    let _ = e.queue.needs_notification(&e.memory);
    let _ = e.queue.enable_notification(&e.memory);
}
