//! rtnetlink: links and addresses of the kernel, read and asked for (linux/netlink.h,
//! linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h).
//!
//! Numbers are in the machine's byte order, everything is aligned to four octets. Whether a
//! datagram comes from the kernel (sender's port 0) is for the socket's owner to check.

mod abi;
mod message;
mod request;
mod route;

pub use abi::*;
pub use message::{Address, Item, Link, Malformed, Message, Messages, messages};
pub use request::{
    AddressRequest, Builder, Dump, emit_address, emit_dump, emit_dump_of_routes, emit_own_address,
    emit_up, ifinfomsg,
};
pub use route::Route;

#[cfg(test)]
mod tests;
