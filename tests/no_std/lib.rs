//! A program's end of the library on a machine without an operating system: nothing but a panic
//! handler. `tests/no_std.rs` builds it; it is never run.
#![no_std]

extern crate ringward as _;

#[cfg(with_alloc)]
extern crate alloc as _;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
