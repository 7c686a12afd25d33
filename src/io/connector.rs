//! News of processes: the kernel's process connector (linux/cn_proc.h). It tells of every program that
//! is started and of every process that ends, in the first namespaces of the machine only, and where
//! it was built with CONFIG_PROC_EVENTS.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::unistd::read;

use super::Fault;
use super::netlink::send_at_once;
use super::port::{set_option, socket};

/// The connector's number of processes, and the group of their news: CN_IDX_PROC, CN_VAL_PROC
/// (linux/connector.h).
const PROC: u32 = 1;
/// What is asked of it: enum proc_cn_mcast_op.
const LISTEN: u32 = 1;
const IGNORE: u32 = 2;
/// What it tells of: enum proc_cn_event.
const EXEC: u32 = 0x0000_0002;
const COMM: u32 = 0x0000_0200;
const EXIT: u32 = 0x8000_0000;

/// Where a message says what has happened: behind struct nlmsghdr and struct cn_msg.
const WHAT_AT: u32 = 16 + 20;
/// Where it says of whom, behind the event's number, its processor and its time: the task, and the
/// process that it is of.
const TASK_AT: u32 = WHAT_AT + 16;
const PROCESS_AT: u32 = TASK_AT + 4;

/// Messages that are taken before something else has its turn.
const READ_COUNT_MAX: usize = 64;
/// Octets of the longest message.
const MESSAGE_LEN_MAX: usize = 128;

/// A socket that can hear of processes.
#[derive(Debug)]
pub struct Connector {
    fd: OwnedFd,
}

impl Connector {
    /// One that hears nothing yet.
    ///
    /// # Errors
    /// The kernel has no connector, or refused it.
    pub fn open() -> Result<Self, Fault> {
        let what = "open the process connector";
        let kind = libc::SOCK_DGRAM | libc::SOCK_NONBLOCK;
        let fd = socket(libc::AF_NETLINK, kind, libc::NETLINK_CONNECTOR, what)?;
        attach_filter(fd.as_raw_fd(), what)?;
        Ok(Connector { fd })
    }

    /// What is readable when something has happened.
    pub fn fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Whether it is to hear of processes. Where the kernel tells nobody here of them, it says
    /// nothing of that.
    ///
    /// # Errors
    /// The kernel has nobody who would tell, or refused it: errno.
    pub fn listen(&self, wanted: bool) -> Result<(), i32> {
        let option =
            if wanted { libc::NETLINK_ADD_MEMBERSHIP } else { libc::NETLINK_DROP_MEMBERSHIP };
        let what = "listen to the process connector";
        set_option(self.fd(), libc::SOL_NETLINK, option, &PROC, what)
            .map_err(|fault| fault.errno)?;
        send_at_once(self.fd(), &request(if wanted { LISTEN } else { IGNORE }))
    }

    /// Takes what there is. Whether there was something.
    pub fn drain(&self) -> bool {
        let mut has_happened = false;
        for _ in 0..READ_COUNT_MAX {
            match read(&self.fd, &mut [0; MESSAGE_LEN_MAX]) {
                // Something was lost.
                Ok(_) | Err(Errno::ENOBUFS) => has_happened = true,
                Err(_) => break,
            }
        }
        has_happened
    }
}

/// A netlink message with a message of the connector in it, in which there is one word.
fn request(word: u32) -> [u8; 40] {
    // nlmsghdr: length, NLMSG_DONE and no flags, sequence, port. cn_msg: index and value, sequence,
    // acknowledgement, length and no flags. Both halves of a word are in this machine's order.
    let halves = |low: u16, high: u16| {
        let ([a, b], [c, d]) = (low.to_ne_bytes(), high.to_ne_bytes());
        u32::from_ne_bytes([a, b, c, d])
    };
    let words = [40, halves(3, 0), 0, 0, PROC, PROC, 0, 0, halves(4, 0), word];
    let mut message = [0; 40];
    for (to, word) in message.chunks_exact_mut(4).zip(words) {
        to.copy_from_slice(&word.to_ne_bytes());
    }
    message
}

/// Of all that happens to tasks, only what can change which processes there are: a program that is
/// started, a name that is changed, an end; and of the threads of a process only the first.
fn attach_filter(fd: RawFd, what: &'static str) -> Result<(), Fault> {
    const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const EQUAL_X: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_X;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    const TO_X: u32 = libc::BPF_MISC | libc::BPF_TAX;
    let line = |code: u32, jt: u8, jf: u8, k: u32| {
        let code = u16::try_from(code).unwrap_or(u16::MAX);
        libc::sock_filter { code, jt, jf, k }
    };
    // The filter takes words for those of the network.
    let mut program = [
        line(LOAD, 0, 0, WHAT_AT),
        line(EQUAL, 2, 0, EXEC.to_be()),
        line(EQUAL, 1, 0, COMM.to_be()),
        line(EQUAL, 0, 4, EXIT.to_be()),
        line(LOAD, 0, 0, TASK_AT),
        line(TO_X, 0, 0, 0),
        line(LOAD, 0, 0, PROCESS_AT),
        line(EQUAL_X, 1, 0, 0),
        line(RETURN, 0, 0, 0),
        line(RETURN, 0, 0, u32::MAX),
    ];
    let len = u16::try_from(program.len()).unwrap_or(0);
    let program = libc::sock_fprog { len, filter: program.as_mut_ptr() };
    set_option(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd;
    use std::process::Command;

    /// Waits for news of this kind about this process.
    fn hears(connector: &Connector, what: u32, pid: u32) {
        let mut message = [0; MESSAGE_LEN_MAX];
        loop {
            let mut fds = [PollFd::new(connector.fd.as_fd(), PollFlags::POLLIN)];
            assert_eq!(
                poll(&mut fds, PollTimeout::from(10_000_u16)),
                Ok(1),
                "nothing more is said"
            );
            let _ = read(&connector.fd, &mut message).unwrap();
            // linux/netlink.h, linux/connector.h and linux/cn_proc.h say where.
            let word = |at: usize| u32::from_ne_bytes(message[at..at + 4].try_into().unwrap());
            if (word(36), word(52)) == (what, pid) {
                return;
            }
        }
    }

    #[test]
    fn a_request_is_laid_out_as_the_kernel_reads_it() {
        let octets = request(LISTEN);
        // linux/netlink.h, linux/connector.h, linux/cn_proc.h.
        assert_eq!(octets[..4], 40_u32.to_ne_bytes());
        assert_eq!(octets[4..6], 3_u16.to_ne_bytes(), "NLMSG_DONE");
        assert_eq!(octets[6..16], [0; 10]);
        assert_eq!(octets[16..20], 1_u32.to_ne_bytes(), "CN_IDX_PROC");
        assert_eq!(octets[20..24], 1_u32.to_ne_bytes(), "CN_VAL_PROC");
        assert_eq!(octets[24..32], [0; 8]);
        assert_eq!(octets[32..34], 4_u16.to_ne_bytes(), "the length of what follows");
        assert_eq!(octets[34..36], [0; 2]);
        assert_eq!(octets[36..], 1_u32.to_ne_bytes(), "PROC_CN_MCAST_LISTEN");
    }

    /// Wants root in the first namespaces of a kernel with CONFIG_PROC_EVENTS.
    #[test]
    fn a_program_that_is_started_and_its_end_are_heard_of() {
        let connector = Connector::open().unwrap();
        assert!(!connector.drain(), "nobody has asked for news");
        connector.listen(true).unwrap();
        let mut sleeper = Command::new("sleep").arg("600").spawn().unwrap();
        hears(&connector, 0x0000_0002, sleeper.id());
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        hears(&connector, 0x8000_0000, sleeper.id());
        connector.listen(false).unwrap();
        while connector.drain() {}
        assert!(Command::new("true").status().unwrap().success());
        assert!(!connector.drain(), "nobody asks for news any more");
    }
}
