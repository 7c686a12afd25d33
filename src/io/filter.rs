//! Which system calls the kernel takes from this process: seccomp(2), with programs of our own.
//!
//! Two filters, one above the other, and for the kernel the stricter one counts. [`forbid`] is for
//! both processes: a list of what neither ever does. [`confine`] is for the daemon once everything
//! is open: a list of what it still does, and nothing else. Both are in `calls`.
//!
//! Operations of the ring are no system calls, and pass: the ring opens and reads files, and sends.
//! It cannot run a program, make memory executable, or reach into another process.
//!
//! The `seccompiler` crate builds such programs for three processors; routers have more.

mod calls;

use super::Fault;
use calls::{CONFINED, Call, FORBIDDEN, Only};

/// What becomes of a call that is on no list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// It fails, and the daemon goes on: EPERM, or ENOSYS if it is newer than the list, for which
    /// a C library has an older one.
    Errno,
    /// It kills the process, with SIGSYS.
    Kill,
}

impl Refusal {
    /// A build for debugging dies of a call that the list forgets, so that a test fails; a release
    /// stays alive.
    pub const fn of_this_build() -> Self {
        if cfg!(debug_assertions) { Refusal::Kill } else { Refusal::Errno }
    }
}

/// From here on, this process and those that it forks are killed by a call that none of them ever
/// makes. There is no way back.
///
/// # Errors
/// The kernel has no seccomp, or this build knows no filter for its processor.
pub fn forbid() -> Result<(), Fault> {
    let mut program = Program::new()?;
    for call in FORBIDDEN {
        program.answer(call, KILL, KILL);
    }
    program.push(end(ALLOW));
    program.install()
}

/// From here on, this process makes only the calls that the loop and its end need. There is no way
/// back.
///
/// # Errors
/// The kernel has no seccomp, or this build knows no filter for its processor.
pub fn confine(refusal: Refusal) -> Result<(), Fault> {
    let (refused, unknown) = match refusal {
        Refusal::Errno => (errno(libc::EPERM), errno(libc::ENOSYS)),
        Refusal::Kill => (KILL, KILL),
    };
    let mut program = Program::new()?;
    for call in CONFINED {
        program.answer(call, ALLOW, refused);
    }
    program.push(jump(libc::BPF_JGT, number(calls::NEWEST), 0, 1));
    program.push(end(unknown));
    program.push(end(refused));
    program.install()
}

/// The program under which one call fails with `errno`: as on a kernel that has not got it, or
/// under somebody else's filter.
///
/// # Errors
/// This build knows no filter for its processor.
#[cfg(feature = "demo")]
pub(super) fn refusing(call: libc::c_long, with: u16) -> Result<Program, Fault> {
    let mut program = Program::new()?;
    let answer = errno(i32::from(with));
    program.answer(&Call { number: call, only: Only::Anyhow }, answer, answer);
    program.push(end(ALLOW));
    Ok(program)
}

/// SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ALLOW (linux/seccomp.h).
const KILL: u32 = 0x8000_0000;
const ALLOW: u32 = 0x7fff_0000;

/// SECCOMP_RET_ERRNO.
const fn errno(errno: i32) -> u32 {
    0x0005_0000 | errno.cast_unsigned()
}

/// Where struct seccomp_data (linux/seccomp.h) has the number of the call and the kind of
/// processor, 4 octets each.
const NUMBER_AT: u32 = 0;
const ARCH_AT: u32 = 4;

/// The low half of an argument, which is 8 octets in the machine's order.
const fn argument_at(index: u8) -> u32 {
    16 + 8 * index as u32 + if cfg!(target_endian = "big") { 4 } else { 0 }
}

/// AUDIT_ARCH_* (linux/audit.h): the machine's number in ELF, bit 30 for little endian, bit 31 for
/// 64 bits.
const ARCH: Option<u32> = {
    let machine = if cfg!(any(target_arch = "x86_64", target_arch = "x86")) {
        if cfg!(target_pointer_width = "64") { 62 } else { 3 }
    } else if cfg!(target_arch = "aarch64") {
        183
    } else if cfg!(target_arch = "arm") {
        40
    } else if cfg!(any(target_arch = "mips", target_arch = "mips64")) {
        8
    } else if cfg!(target_arch = "riscv64") {
        243
    } else if cfg!(target_arch = "powerpc64") {
        21
    } else {
        0
    };
    let order = if cfg!(target_endian = "little") { 1 << 30 } else { 0 };
    let width = if cfg!(target_pointer_width = "64") { 1 << 31 } else { 0 };
    if machine == 0 { None } else { Some(machine | order | width) }
};

fn step(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: u16::try_from(code).unwrap_or(0), jt, jf, k }
}

fn load(at: u32) -> libc::sock_filter {
    step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, at)
}

fn jump(kind: u32, value: u32, jt: u8, jf: u8) -> libc::sock_filter {
    step(libc::BPF_JMP | kind | libc::BPF_K, jt, jf, value)
}

fn end(answer: u32) -> libc::sock_filter {
    step(libc::BPF_RET | libc::BPF_K, 0, 0, answer)
}

fn number(call: libc::c_long) -> u32 {
    u32::try_from(call).unwrap_or(u32::MAX)
}

/// A program that is being written: the number of the call is loaded, and it is compared with one
/// after the other.
pub(super) struct Program(Vec<libc::sock_filter>);

impl Program {
    fn new() -> Result<Self, Fault> {
        let arch = ARCH.ok_or(Fault { what: WHAT, errno: libc::ENOSYS })?;
        // The same number is another call to a program of another kind.
        let mut steps =
            vec![load(ARCH_AT), jump(libc::BPF_JEQ, arch, 1, 0), end(KILL), load(NUMBER_AT)];
        if cfg!(target_arch = "x86_64") {
            // __X32_SYSCALL_BIT (asm/unistd.h), under the same kind of processor.
            steps.extend([jump(libc::BPF_JGE, 0x4000_0000, 0, 1), end(KILL)]);
        }
        Ok(Program(steps))
    }

    fn push(&mut self, step: libc::sock_filter) {
        self.0.push(step);
    }

    /// `answer` to `call` if its argument is as it should be, `otherwise` if not.
    fn answer(&mut self, call: &Call, answer: u32, otherwise: u32) {
        let mut steps = Vec::new();
        match call.only {
            Only::Anyhow => {}
            Only::Is(argument, values) => {
                steps.push(load(argument_at(argument)));
                for (after, value) in (1..).zip(values.iter().rev()) {
                    steps.insert(1, jump(libc::BPF_JEQ, *value, after, 0));
                }
                steps.push(end(otherwise));
            }
            Only::IsOwnProcess(argument) => {
                steps.push(load(argument_at(argument)));
                steps.push(jump(libc::BPF_JEQ, std::process::id(), 1, 0));
                steps.push(end(otherwise));
            }
            Only::Without(argument, bits) => {
                steps.push(load(argument_at(argument)));
                steps.push(jump(libc::BPF_JSET, bits, 0, 1));
                steps.push(end(otherwise));
            }
        }
        steps.push(end(answer));
        let next = u8::try_from(steps.len()).unwrap_or(u8::MAX);
        self.push(jump(libc::BPF_JEQ, number(call.number), 0, next));
        self.0.append(&mut steps);
    }

    /// Puts the program in force for this process and its children. Allocates nothing.
    pub(super) fn install(&mut self) -> Result<(), Fault> {
        let len = libc::c_ushort::try_from(self.0.len());
        let len = len.map_err(|_| Fault { what: WHAT, errno: libc::E2BIG })?;
        let program = libc::sock_fprog { len, filter: self.0.as_mut_ptr() };
        // SAFETY: the kernel copies the `len` steps of the program.
        let result = unsafe {
            // Without it, only an administrator may.
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            libc::syscall(libc::SYS_seccomp, SET_MODE_FILTER, FLAG_LOG, &raw const program)
        };
        if result == 0 { Ok(()) } else { Err(Fault::last(WHAT)) }
    }
}

const WHAT: &str = "filter system calls";
/// SECCOMP_SET_MODE_FILTER, and SECCOMP_FILTER_FLAG_LOG (linux/seccomp.h): a kernel with
/// CONFIG_AUDIT writes a line about each call that it refuses.
const SET_MODE_FILTER: libc::c_uint = 1;
const FLAG_LOG: libc::c_ulong = 2;

#[cfg(test)]
mod tests;
