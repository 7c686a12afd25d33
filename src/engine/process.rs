//! Whether a process is one that is tracked (keepalived.conf(5), `vrrp_track_process`).

use crate::config::model::{Parameters, Process};

/// Octets of a process's name, as far as the kernel keeps it (TASK_COMM_LEN less the terminator,
/// linux/sched.h).
pub const COMM_LEN_MAX: usize = 15;

/// Whether `wanted` means the process of this name and these arguments, each ended by a zero as
/// /proc/PID/cmdline has them. `arguments` is asked only if the name alone does not decide.
pub fn is_tracked<'a>(wanted: &Process, name: &[u8], arguments: impl FnOnce() -> &'a [u8]) -> bool {
    let (program, parameters) = halves(wanted.words.as_bytes());
    if !wanted.full_command {
        let kept = program.get(..COMM_LEN_MAX).unwrap_or(program);
        if name != kept {
            return false;
        }
        if wanted.parameters == Parameters::Any {
            return true;
        }
    }
    let (first, rest) = halves(arguments());
    if wanted.full_command && first != program {
        return false;
    }
    match wanted.parameters {
        Parameters::Any => true,
        Parameters::Exact => rest == parameters,
        Parameters::Partial => rest.starts_with(parameters),
        // The zero at the end of the last one may be anything.
        Parameters::Initial => {
            rest.starts_with(parameters.strip_suffix(&[0]).unwrap_or(parameters))
        }
    }
}

/// The first word without its zero, and everything behind it.
fn halves(words: &[u8]) -> (&[u8], &[u8]) {
    match words.iter().position(|octet| *octet == 0) {
        Some(end) => {
            let (first, rest) = words.split_at(end);
            (first, rest.get(1..).unwrap_or(&[]))
        }
        None => (words, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::Text;

    fn wanted(words: &str, full_command: bool, parameters: Parameters) -> Process {
        Process {
            words: Text::try_from(words.replace(' ', "\0").as_str()).unwrap(),
            full_command,
            parameters,
            ..Process::named("").unwrap()
        }
    }

    #[test]
    fn a_name_is_compared_as_far_as_the_kernel_keeps_it() {
        for (name, comm, expected) in [
            ("nginx ", "nginx", true),
            ("nginx ", "nginx-worker", false),
            ("nginx ", "ngin", false),
            ("systemd-journald-extra ", "systemd-journal", true),
            ("systemd-journal ", "systemd-journal", true),
            ("systemd-journa ", "systemd-journal", false),
        ] {
            let wanted = wanted(name, false, Parameters::Any);
            let found = is_tracked(&wanted, comm.as_bytes(), || panic!("the name decides"));
            assert_eq!(found, expected, "{name} {comm}");
        }
    }

    // keepalived.conf(5): "partial" matches the first parameters, "initial" lets the last one be
    // longer; without either they must be the same.
    #[test]
    fn parameters_are_compared_as_param_match_says() {
        use Parameters::{Exact, Initial, Partial};
        for (parameters, wanted_words, arguments, expected) in [
            (Exact, "httpd -f ", "/usr/sbin/httpd -f ", true),
            (Exact, "httpd -f ", "/usr/sbin/httpd -f -v ", false),
            (Exact, "httpd -f ", "/usr/sbin/httpd -fast ", false),
            (Exact, "httpd ", "/usr/sbin/httpd ", true),
            (Exact, "httpd ", "/usr/sbin/httpd -f ", false),
            (Partial, "httpd -f ", "/usr/sbin/httpd -f -v ", true),
            (Partial, "httpd -f ", "/usr/sbin/httpd -fast ", false),
            (Initial, "httpd -f ", "/usr/sbin/httpd -fast ", true),
            (Initial, "httpd -v -f ", "/usr/sbin/httpd -v -fast -x ", true),
            (Initial, "httpd -v -f ", "/usr/sbin/httpd -va -fast ", false),
        ] {
            let wanted = wanted(wanted_words, false, parameters);
            let arguments = arguments.replace(' ', "\0");
            let found = is_tracked(&wanted, b"httpd", || arguments.as_bytes());
            assert_eq!(found, expected, "{parameters:?} {wanted_words} {arguments:?}");
        }
    }

    #[test]
    fn a_full_command_is_compared_with_the_first_argument() {
        let wanted = wanted("/usr/sbin/httpd ", true, Parameters::Any);
        assert!(is_tracked(&wanted, b"anything", || b"/usr/sbin/httpd\0-f\0"));
        assert!(!is_tracked(&wanted, b"httpd", || b"httpd\0-f\0"));
        // A thread of the kernel's has no arguments.
        assert!(!is_tracked(&wanted, b"kthreadd", || b""));
        assert!(!is_tracked(&wanted, b"anything", || b"/usr/sbin/httpd-2\0"));
    }
}
