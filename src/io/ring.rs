//! tokio-uring behind five calls: [`start`], [`Ring::push`], [`Ring::wait`], [`Ring::take`] and
//! [`Ring::is_busy`]. A backend on another crate, or on epoll, replaces this file.
//!
//! Nothing is allocated after [`Ring::prime`]: an operation carries no data of its own (message
//! headers, timespecs and payloads are permanent and belong to whoever pushes), and one task waits
//! for all of them. Each operation in flight is polled once, after it was pushed, with a waker
//! whose data is its tag; completion puts the tag on a list and wakes the task. No future is ever
//! dropped in flight: dropping would not cancel it.
//!
//! Readiness and not data is what the ring tells about sockets that are read: one
//! [`Operation::Readable`] each. A wake-up is followed by reading until nothing is left in any
//! case, so a receive on the ring would cost a second buffer and the same system calls.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use std::cell::RefCell;
use std::os::fd::RawFd;

use heapless::Deque;
use io_uring::{cqueue, opcode, squeue, types};
use tokio_uring::{InFlightOneshot, OneshotOutputTransform, UnsubmittedOneshot};

use super::Fault;
use crate::limits::{HEADER_COUNT_MAX, INTERFACE_COUNT_MAX, PROBE_FLIGHT_MAX, SEND_COUNT_MAX};
use crate::time::Instant;

/// Raw sockets: one for each interface and family, and one for Authentication Headers.
pub const PORT_COUNT: usize = if HEADER_COUNT_MAX == 0 { 2 } else { 3 } * INTERFACE_COUNT_MAX;
/// Timeouts in flight: each is earlier than the ones before it.
pub const TIMER_COUNT: usize = 32;
/// Clients of the control socket that are served at once.
pub const CLIENT_COUNT: usize = 4;

/// What an operation is for; it has one at a time in flight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tag {
    /// A packet on its way out.
    Send(u16),
    /// A raw socket is readable.
    Port(u16),
    /// A timeout.
    Timer(u16),
    /// A control client is readable, or writable.
    Client(u16),
    /// The socket of a built-in check is writable, or readable.
    Probe(u16),
    /// The listening netlink socket is readable.
    Listen,
    /// The command socket is readable.
    Answers,
    /// A batch of netlink requests.
    Commands,
    /// The signalfd is readable.
    Signal,
    /// The control socket has a new client.
    Control,
    /// Nothing: to come back at once.
    Again,
    /// A file is being read.
    File,
    /// A netlink message that says nothing, by the thread that requests will be sent by.
    Warm,
    /// The socket between daemon and helper is readable.
    Helper,
    /// Something has happened to a file that is tracked.
    Watch,
    /// The socket of tracked routes and addresses is readable.
    Tables,
    /// Something has happened to processes.
    Processes,
}

const SEND: usize = 0;
const PORT: usize = SEND + SEND_COUNT_MAX;
const TIMER: usize = PORT + PORT_COUNT;
const CLIENT: usize = TIMER + TIMER_COUNT;
const PROBE: usize = CLIENT + CLIENT_COUNT;
const SINGLE: usize = PROBE + PROBE_FLIGHT_MAX;
/// Operations that may be in flight at once.
const TAG_COUNT: usize =
    SEND_COUNT_MAX + PORT_COUNT + TIMER_COUNT + CLIENT_COUNT + PROBE_FLIGHT_MAX + 12; // those that there is one of: `Tag::Listen` to `Tag::Processes`
const _: () = assert!(TAG_COUNT == SINGLE + 12);

/// Entries of the submission queue: the worst turn pushes everything (all sends, and every socket
/// re-armed), and a queue that overflows is submitted in the middle. The kernel wants a power of
/// two.
#[expect(clippy::cast_possible_truncation, reason = "below 2^17: each term is of u16")]
pub const ENTRY_COUNT: u32 = (TAG_COUNT as u32).next_power_of_two();

/// The helper's: a socket, signals, and some timeouts.
const SMALL_ENTRY_COUNT: u32 = 64;

impl Tag {
    fn index(self) -> usize {
        match self {
            Tag::Send(slot) => SEND + usize::from(slot),
            Tag::Port(slot) => PORT + usize::from(slot),
            Tag::Timer(slot) => TIMER + usize::from(slot),
            Tag::Client(slot) => CLIENT + usize::from(slot),
            Tag::Probe(slot) => PROBE + usize::from(slot),
            Tag::Listen => SINGLE,
            Tag::Answers => SINGLE + 1,
            Tag::Commands => SINGLE + 2,
            Tag::Signal => SINGLE + 3,
            Tag::Control => SINGLE + 4,
            Tag::Again => SINGLE + 5,
            Tag::File => SINGLE + 6,
            Tag::Warm => SINGLE + 7,
            Tag::Helper => SINGLE + 8,
            Tag::Watch => SINGLE + 9,
            Tag::Tables => SINGLE + 10,
            Tag::Processes => SINGLE + 11,
        }
    }

    fn of(index: usize) -> Self {
        let slot = |first: usize| u16::try_from(index - first).unwrap_or(u16::MAX);
        match index {
            SEND..PORT => Tag::Send(slot(SEND)),
            PORT..TIMER => Tag::Port(slot(PORT)),
            TIMER..CLIENT => Tag::Timer(slot(TIMER)),
            // Not a range of the match: a board may have no probes.
            index if (CLIENT..PROBE).contains(&index) => Tag::Client(slot(CLIENT)),
            index if (PROBE..SINGLE).contains(&index) => Tag::Probe(slot(PROBE)),
            SINGLE => Tag::Listen,
            index if index == SINGLE + 1 => Tag::Answers,
            index if index == SINGLE + 2 => Tag::Commands,
            index if index == SINGLE + 3 => Tag::Signal,
            index if index == SINGLE + 4 => Tag::Control,
            index if index == SINGLE + 6 => Tag::File,
            index if index == SINGLE + 7 => Tag::Warm,
            index if index == SINGLE + 8 => Tag::Helper,
            index if index == SINGLE + 9 => Tag::Watch,
            index if index == SINGLE + 10 => Tag::Tables,
            index if index == SINGLE + 11 => Tag::Processes,
            _ => Tag::Again,
        }
    }
}

/// What the ring can be asked for without owning any memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Completes when there is something to read.
    Readable(RawFd),
    /// Completes when there is room to write.
    Writable(RawFd),
    /// Completes at once.
    Nop,
}

/// The ring: made inside [`start`].
pub struct Ring {
    operations: Box<[Slot]>,
    timespecs: Box<[types::Timespec]>,
    in_flight: u32,
    in_flight_max: u32,
}

impl core::fmt::Debug for Ring {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Ring").field("in_flight", &self.in_flight).finish_non_exhaustive()
    }
}

/// The operation of one tag.
enum Slot {
    Free,
    InFlight(InFlightOneshot<(), Outcome>),
    /// Completed while it was being pushed: the submission queue was full and had to be flushed.
    Done(i32),
}

/// Turns a completion into its result; holds nothing.
#[derive(Debug)]
struct Outcome;

impl OneshotOutputTransform for Outcome {
    type Output = i32;
    type StoredData = ();
    fn transform_oneshot_output(self, _: (), completion: cqueue::Entry) -> i32 {
        completion.result()
    }
}

/// Makes the ring, primes it, and runs `body` with it as a task of its own: in the root future of
/// the runtime, every turn would cost two more system calls.
///
/// # Errors
/// io_uring_setup failed; errno tells why (ENOSYS: not built in, EPERM: forbidden).
pub fn start<F, Body>(body: Body) -> Result<F::Output, Fault>
where
    F: Future + 'static,
    F::Output: 'static,
    Body: FnOnce(Ring) -> F + 'static,
{
    start_with(ENTRY_COUNT, async move |mut ring| {
        ring.prime().await;
        // In its final place at once: to be moved there through the runtime's calls, it would dirty
        // a piece of the stack each time that nobody uses again.
        Box::pin(body(ring)).await
    })
}

/// The same for the helper: a small ring that is not primed. It may allocate.
///
/// # Errors
/// As [`start`].
pub fn start_small<F, Body>(body: Body) -> Result<F::Output, Fault>
where
    F: Future + 'static,
    F::Output: 'static,
    Body: FnOnce(Ring) -> F + 'static,
{
    start_with(SMALL_ENTRY_COUNT, async move |ring| body(ring).await)
}

/// Whether a ring can be had.
///
/// # Errors
/// As [`start`].
pub fn attempt() -> Result<(), Fault> {
    set_up(ENTRY_COUNT).map(drop)
}

/// Apart from [`start_with`], which is compiled once for each body.
fn set_up(entries: u32) -> Result<tokio_uring::Runtime, Fault> {
    let what = "set up io_uring";
    let set_up = |is_cooperative| {
        let mut settings = tokio_uring::uring_builder();
        settings.dontfork();
        if is_cooperative {
            settings.setup_coop_taskrun();
        }
        let mut builder = tokio_uring::builder();
        builder.entries(entries).uring_builder(&settings);
        tokio_uring::Runtime::new(&builder)
            .map_err(|error| Fault { what, errno: error.raw_os_error().unwrap_or(libc::EIO) })
    };
    // What completes interrupts the loop only when it next enters the kernel, which each turn does.
    // Before Linux 5.19 it interrupts at once.
    match set_up(true) {
        Err(Fault { errno: libc::EINVAL, .. }) => set_up(false),
        runtime => runtime,
    }
}

fn start_with<Body, Output>(entries: u32, body: Body) -> Result<Output, Fault>
where
    Output: 'static,
    Body: AsyncFnOnce(Ring) -> Output + 'static,
{
    let runtime = set_up(entries)?;
    runtime.block_on(async move {
        let task = tokio_uring::spawn(async move { body(Ring::new()).await });
        // The task is neither cancelled nor does it panic (release builds abort in a panic).
        task.await.map_err(|_| Fault { what: "finish the loop", errno: libc::ECANCELED })
    })
}

impl Ring {
    fn new() -> Self {
        let mut operations = Vec::new();
        operations.resize_with(TAG_COUNT, || Slot::Free);
        Ring {
            operations: operations.into_boxed_slice(),
            timespecs: vec![types::Timespec::new(); TIMER_COUNT].into_boxed_slice(),
            in_flight: 0,
            in_flight_max: 0,
        }
    }

    /// Fills the runtime's table of operations once, so that it never grows later.
    async fn prime(&mut self) {
        for index in 0..TAG_COUNT {
            self.push(Tag::of(index), Operation::Nop);
        }
        while self.in_flight > 0 {
            self.wait().await;
            while self.take().is_some() {}
        }
        self.in_flight_max = 0;
    }

    /// Hands an operation to the ring; it is submitted when the task next waits. Ignored while
    /// `tag` has one in flight.
    pub fn push(&mut self, tag: Tag, operation: Operation) {
        let poll = |fd, events: libc::c_short| {
            opcode::PollAdd::new(types::Fd(fd), u32::from(events.cast_unsigned())).build()
        };
        let entry = match operation {
            Operation::Readable(fd) => poll(fd, libc::POLLIN),
            Operation::Writable(fd) => poll(fd, libc::POLLOUT),
            Operation::Nop => opcode::Nop::new().build(),
        };
        self.push_entry(tag, entry);
    }

    /// Completes at `deadline`.
    pub(super) fn push_timeout(&mut self, slot: u16, deadline: Instant) {
        let tag = Tag::Timer(slot);
        if self.is_busy(tag) {
            return;
        }
        let Some(timespec) = self.timespecs.get_mut(usize::from(slot)) else { return };
        let nanos = deadline.as_nanos();
        let subsec = u32::try_from(nanos % 1_000_000_000).unwrap_or(0);
        *timespec = types::Timespec::new().sec(nanos / 1_000_000_000).nsec(subsec);
        let flags = types::TimeoutFlags::ABS;
        let entry = opcode::Timeout::new(&raw const *timespec).flags(flags).build();
        self.push_entry(tag, entry);
    }

    /// Every pointer in `entry` must stay valid, and what it points to unchanged, while `tag` is
    /// busy: the modules of `io` that call this keep such memory for ever.
    pub(super) fn push_entry(&mut self, tag: Tag, entry: squeue::Entry) {
        let index = tag.index();
        let Some(place @ Slot::Free) = self.operations.get_mut(index) else { return };
        let mut operation = UnsubmittedOneshot::new((), Outcome, entry).submit();
        let waker = tag_waker(index);
        *place = match Pin::new(&mut operation).poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => Slot::InFlight(operation),
            Poll::Ready(result) => {
                complete(index);
                Slot::Done(result)
            }
        };
        self.in_flight += 1;
        self.in_flight_max = self.in_flight_max.max(self.in_flight);
    }

    /// Submits what was pushed, and sleeps until something has completed.
    pub async fn wait(&mut self) {
        poll_fn(|context| {
            READY.with_borrow_mut(|ready| {
                if !ready.tags.is_empty() {
                    return Poll::Ready(());
                }
                if !ready.task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
                    ready.task = Some(context.waker().clone());
                }
                Poll::Pending
            })
        })
        .await;
    }

    /// The next completion and its result, negative for an errno.
    pub fn take(&mut self) -> Option<(Tag, i32)> {
        loop {
            let index = READY.with_borrow_mut(|ready| ready.tags.pop_front())?;
            let index = usize::from(index);
            let Some(place) = self.operations.get_mut(index) else { continue };
            let waker = tag_waker(index);
            let result = match place {
                Slot::Free => continue,
                Slot::Done(result) => *result,
                Slot::InFlight(operation) => {
                    match Pin::new(operation).poll(&mut Context::from_waker(&waker)) {
                        Poll::Ready(result) => result,
                        Poll::Pending => continue,
                    }
                }
            };
            *place = Slot::Free;
            self.in_flight -= 1;
            return Some((Tag::of(index), result));
        }
    }

    /// Whether an operation of `tag` is in flight.
    pub fn is_busy(&self, tag: Tag) -> bool {
        !matches!(self.operations.get(tag.index()), None | Some(Slot::Free))
    }

    /// Operations in flight now, and the most there have been.
    pub fn occupancy(&self) -> (u32, u32) {
        (self.in_flight, self.in_flight_max)
    }
}

/// Tags whose operations have completed, and the task that waits for them.
struct Ready {
    tags: Deque<u16, TAG_COUNT>,
    task: Option<Waker>,
}

thread_local! {
    static READY: RefCell<Ready> = const { RefCell::new(Ready { tags: Deque::new(), task: None }) };
}

const TAG_WAKER: RawWakerVTable = RawWakerVTable::new(
    |index| RawWaker::new(index, &TAG_WAKER),
    |index| complete(index.addr()),
    |index| complete(index.addr()),
    |_| {},
);

fn tag_waker(index: usize) -> Waker {
    let data = core::ptr::without_provenance(index);
    // SAFETY: the functions use the pointer as a number only, and have nothing to free. The waker
    // stays on this thread, as does the runtime that keeps it.
    unsafe { Waker::from_raw(RawWaker::new(data, &TAG_WAKER)) }
}

fn complete(index: usize) {
    READY.with_borrow_mut(|ready| {
        let first = ready.tags.is_empty();
        // There is room: a tag has one operation in flight, and is taken off before the next.
        let _ = ready.tags.push_back(u16::try_from(index).unwrap_or(u16::MAX));
        if first && let Some(task) = &ready.task {
            task.wake_by_ref();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tag_is_its_own_index() {
        for index in 0..TAG_COUNT {
            assert_eq!(Tag::of(index).index(), index);
        }
    }

    #[test]
    fn completions_come_back_under_their_tags() {
        let tags = start(|mut ring| async move {
            ring.push(Tag::Send(3), Operation::Nop);
            ring.push(Tag::Signal, Operation::Nop);
            assert!(ring.is_busy(Tag::Send(3)) && ring.is_busy(Tag::Signal));
            let mut tags = Vec::new();
            while tags.len() < 2 {
                ring.wait().await;
                while let Some((tag, result)) = ring.take() {
                    assert_eq!(result, 0);
                    tags.push(tag);
                }
            }
            assert!(!ring.is_busy(Tag::Send(3)));
            tags
        });
        let tags = tags.expect("io_uring is needed: kernel 5.11 or later, not disabled by sysctl");
        assert_eq!(tags, [Tag::Send(3), Tag::Signal]);
    }
}
