//! The protocol of one virtual router, without sockets, clocks or addresses of the kernel.
//!
//! | RFC 9568 | here |
//! |---|---|
//! | §6.1 Skew_Time, Active_Down_Interval | [`timing`] |
//! | §6.4.2, §6.4.3 "greater than the local Priority, or equal and …" | [`election`] |
//! | §6.4 states, events, transitions | [`instance`] |
//!
//! RFC 9568 says *active* for what captures, keepalived.conf and UCI call *master*; so do we.
//! What deviates from the RFC does so as keepalived documents it, and says so where it stands.

pub mod election;
pub mod instance;
pub mod timing;
