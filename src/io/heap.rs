//! The allocator: an arena for what is allocated at the start, the system's allocator behind it, and
//! a counter of what is allocated after [`seal`].
//!
//! What lives as long as the program lies side by side in the arena. General allocators have a place
//! of its own for each size, and begin a new page in each: for a few dozen kB in all, most of these
//! pages would stay empty.
//!
//! The loop allocates nothing: `status` shows the counter, and the tests hold it at zero. A release
//! never aborts over it: a router with a leak serves longer than one that is dead.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::alloc::{GlobalAlloc, Layout, System};

/// Octets of the arena. It is zeros that nobody has touched: what is not used costs nothing.
const ARENA_LEN: usize = 1 << 17;
/// Octets of the largest block in it. A larger one fills pages of its own.
const BLOCK_LEN_MAX: usize = 1 << 16;

#[repr(C, align(64))]
struct Arena(UnsafeCell<MaybeUninit<[u8; ARENA_LEN]>>);

// SAFETY: nothing reads or writes it but the owners of its blocks, which `USED` keeps apart.
unsafe impl Sync for Arena {}

static ARENA: Arena = Arena(UnsafeCell::new(MaybeUninit::uninit()));
/// Octets of the arena that are handed out: all blocks lie below it.
static USED: AtomicUsize = AtomicUsize::new(0);
static SEALED: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

/// From here on, every allocation is counted, and the arena takes none.
pub fn seal() {
    SEALED.store(true, Ordering::Relaxed);
}

/// Allocations since [`seal`].
pub fn allocations() -> u64 {
    ALLOCATIONS.load(Ordering::Relaxed) as u64
}

/// The program's allocator, which declares it with `#[global_allocator]`.
#[derive(Debug)]
pub struct Heap;

fn count() {
    if SEALED.load(Ordering::Relaxed) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }
}

fn arena() -> *mut u8 {
    ARENA.0.get().cast()
}

/// Where a block begins, if it is in the arena.
fn offset_of(pointer: *mut u8) -> Option<usize> {
    pointer.addr().checked_sub(arena().addr()).filter(|offset| *offset < ARENA_LEN)
}

/// A new block of the arena; none where that has no room for it, or takes none any more.
fn take(layout: Layout) -> Option<*mut u8> {
    if SEALED.load(Ordering::Relaxed) || layout.size() > BLOCK_LEN_MAX {
        return None;
    }
    let mut used = USED.load(Ordering::Relaxed);
    loop {
        let start =
            (arena().addr() + used).checked_next_multiple_of(layout.align())? - arena().addr();
        let end = start + layout.size();
        if end > ARENA_LEN {
            return None;
        }
        match USED.compare_exchange_weak(used, end, Ordering::Relaxed, Ordering::Relaxed) {
            // SAFETY: within the arena.
            Ok(_) => return Some(unsafe { arena().add(start) }),
            Err(now) => used = now,
        }
    }
}

/// Makes the block at `offset` a longer or a shorter one where it is. False: it is not the last one,
/// or there is no room.
fn resize(offset: usize, old: usize, new: usize) -> bool {
    let (end, wanted) = (offset + old, offset + new);
    wanted <= ARENA_LEN
        && USED.compare_exchange(end, wanted, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

// SAFETY: a block of the arena is the caller's alone until he gives it back, since `USED` only moves
// back over a block that is given back; all others are the system allocator's own, which gets the
// arguments unchanged.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`.
        take(layout).unwrap_or_else(|| unsafe { System.alloc(layout) })
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        match offset_of(pointer) {
            // One that is not the last is lost: at the start there are few.
            Some(offset) => _ = resize(offset, layout.size(), 0),
            // SAFETY: the caller keeps the contract of `dealloc`.
            None => unsafe { System.dealloc(pointer, layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        match take(layout) {
            Some(block) => {
                // SAFETY: the block is ours and so long. It may have been somebody's before.
                unsafe { block.write_bytes(0, layout.size()) };
                block
            }
            // SAFETY: the caller keeps the contract of `alloc_zeroed`.
            None => unsafe { System.alloc_zeroed(layout) },
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some(offset) = offset_of(pointer) else {
            count();
            // SAFETY: the caller keeps the contract of `realloc`.
            return unsafe { System.realloc(pointer, layout, size) };
        };
        if resize(offset, layout.size(), size) {
            count();
            return pointer;
        }
        // SAFETY: the caller keeps the contract of `realloc`: `size` does not overflow when rounded
        // up to the alignment, and is not zero.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: as above.
        let new = unsafe { self.alloc(wanted) };
        if !new.is_null() {
            // SAFETY: both blocks are at least so long, and two.
            unsafe {
                new.copy_from_nonoverlapping(pointer, layout.size().min(size));
                self.dealloc(pointer, layout);
            }
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arena and the seal are the program's only ones: what is tried of them is one test.
    #[test]
    fn blocks_lie_side_by_side_and_the_last_one_grows_where_it_is_until_the_seal() {
        let layout = |len, align| Layout::from_size_align(len, align).expect("a layout");
        let of_arena = |block: *mut u8| offset_of(block).expect("in the arena");
        // SAFETY: every block is given back with the layout that it was taken with, once, and
        // nothing beyond it is touched.
        unsafe {
            let first = Heap.alloc(layout(100, 4));
            let second = Heap.alloc(layout(10, 16));
            assert_eq!(of_arena(first), 0);
            assert_eq!(of_arena(second), 112, "100 octets, and 12 to the next multiple of 16");
            second.write_bytes(7, 10);
            let grown = Heap.realloc(second, layout(10, 16), 200);
            assert_eq!(grown, second);
            // Not the last one: it moves, with what is in it.
            first.write_bytes(9, 100);
            let moved = Heap.realloc(first, layout(100, 4), 120);
            assert_eq!(of_arena(moved), 312);
            assert_eq!(core::slice::from_raw_parts(moved, 100), [9; 100]);
            assert_eq!(core::slice::from_raw_parts(grown, 10), [7; 10]);
            // The last one makes room for the next, which finds no zeros there.
            Heap.dealloc(moved, layout(120, 4));
            let zeros = Heap.alloc_zeroed(layout(120, 4));
            assert_eq!(of_arena(zeros), 312);
            assert_eq!(core::slice::from_raw_parts(zeros, 120), [0; 120]);
            // What is too large for it, or does not fit any more, is the system's.
            let large = Heap.alloc(layout(BLOCK_LEN_MAX + 1, 1));
            assert_eq!(offset_of(large), None);
            let half = Heap.alloc(layout(BLOCK_LEN_MAX, 1));
            assert_eq!(of_arena(half), 432);
            let beyond = Heap.alloc(layout(BLOCK_LEN_MAX, 1));
            assert_eq!(offset_of(beyond), None);
            assert_eq!(allocations(), 0);
            seal();
            let late = Heap.alloc(layout(1, 1));
            assert_eq!(offset_of(late), None);
            assert_eq!(allocations(), 1);
            for (block, len) in [(large, BLOCK_LEN_MAX + 1), (beyond, BLOCK_LEN_MAX), (late, 1)] {
                Heap.dealloc(block, layout(len, 1));
            }
        }
    }
}
