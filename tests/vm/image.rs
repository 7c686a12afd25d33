//! What `board/build` makes, and what a guest of these tests gets besides: the modules of its
//! network card, an address of its own, and another program where a test wants one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use super::machine::Machine;

/// Tells the proportional set size of all processes of ringward. The shell that starts it is
/// called the same.
const PSS: &[u8] = b"for process in /proc/[0-9]*; do
    [ \"$(readlink $process/exe)\" != /sbin/ringward ] || grep '^Pss:' $process/smaps_rollup
done | awk '{ sum += $2 } END { print sum, \"kB of ringward\" }'
";

/// Where Cargo builds.
pub(crate) fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// The folder of `board/build` for this machine's board; built at the first call.
///
/// Two images share the compiler's folders, so it is one at a time.
pub(crate) fn built(machine: &Machine) -> PathBuf {
    static BUILT: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = target().join("boards").join(machine.board);
    if !built.contains(&machine.board) {
        run("tests/vm/fetch", &[machine.architecture]);
        run("board/build", &[machine.board, "--config", "tests/vm/image.conf"]);
        built.push(machine.board);
    }
    folder
}

/// A setting of a board that was built.
pub(crate) fn setting(machine: &Machine, name: &str) -> String {
    let settings = fs::read_to_string(built(machine).join("settings")).unwrap();
    let mut lines = settings.lines().filter_map(|line| line.split_once('='));
    lines.find(|(key, _)| *key == name).expect(name).1.to_owned()
}

fn run(script: &str, arguments: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    let mut command = Command::new(&script);
    command.args(arguments).env("CARGO_TARGET_DIR", target()).env_remove("RUSTFLAGS");
    let status = command.status().unwrap_or_else(|error| panic!("{}: {error}", script.display()));
    assert!(status.success(), "{} {arguments:?} failed", script.display());
}

/// A folder of these tests.
pub(crate) fn folder_of(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vm").join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// One router, advertising twice a second: as in `image.conf`, which is in the images as they are
/// built.
pub(crate) fn configuration(name: &str, address: &str, priority: u8) -> String {
    format!(
        "vrrp_instance {name} {{\n  interface eth0\n  virtual_router_id 51\n  priority {priority}\n  \
         advert_int 0.5\n  version 3\n  virtual_ipaddress {{\n    {address}/24\n  }}\n}}\n"
    )
}

/// The program of a board with these configurations in it, the oldest first.
pub(crate) fn program(machine: &Machine, configurations: &[String]) -> Vec<u8> {
    let folder = folder_of("program");
    let program = folder.join("ringward");
    fs::copy(built(machine).join("ringward.empty"), &program).unwrap();
    for text in configurations {
        fs::write(folder.join("a.conf"), text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringwardc"));
        command.args(["embed", "--config", "a.conf", "--into", "ringward", "-o", "ringward"]);
        let output = command.current_dir(&folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    fs::read(program).unwrap()
}

/// The initramfs of a board, with what a guest gets besides.
///
/// The kernel unpacks one archive after the other, and a later file replaces an earlier one
/// (Documentation/driver-api/early-userspace/buffer-format.rst).
pub(crate) fn initramfs(machine: &Machine, address: &str, program: Option<&[u8]>) -> Vec<u8> {
    initramfs_with(machine, address, program, &[])
}

/// The same with files that replace those of the board.
pub(crate) fn initramfs_with(
    machine: &Machine,
    address: &str,
    program: Option<&[u8]>,
    files: &[(&str, &str)],
) -> Vec<u8> {
    let mut archive = fs::read(built(machine).join("initramfs.gz")).unwrap();
    pad(&mut archive);
    for folder in ["lib", "lib/vm"] {
        entry(&mut archive, folder, 0o040_755, &[]);
    }
    for module in modules(machine) {
        let octets = fs::read(&module).unwrap();
        entry(&mut archive, &place(&module)[1..], 0o100_644, unsigned(&octets));
    }
    entry(&mut archive, "etc/plan", 0o100_644, plan(machine, address).as_bytes());
    entry(&mut archive, "etc/pss", 0o100_755, PSS);
    if let Some(program) = program {
        entry(&mut archive, "sbin/ringward", 0o100_700, program);
    }
    for (name, content) in files {
        entry(&mut archive, name, 0o100_644, content.as_bytes());
    }
    entry(&mut archive, "TRAILER!!!", 0, &[]);
    archive
}

/// What a guest does before its router: its card's modules, and its address.
pub(crate) fn plan(machine: &Machine, address: &str) -> String {
    let modules = modules(machine);
    let mut lines: Vec<_> =
        modules.iter().map(|module| format!("module {}", place(module))).collect();
    lines.push(format!("address eth0 {address}/24\n"));
    lines.join("\n")
}

/// Where a module is in a guest.
fn place(module: &Path) -> String {
    format!("/lib/vm/{}", module.file_name().unwrap().to_str().unwrap())
}

/// One entry of a "newc" archive.
fn entry(archive: &mut Vec<u8>, name: &str, mode: u32, content: &[u8]) {
    let len = u32::try_from(content.len()).unwrap();
    let name_len = u32::try_from(name.len()).unwrap() + 1;
    // c_magic, c_ino, c_mode, c_uid, c_gid, c_nlink, c_mtime, c_filesize, c_maj, c_min, c_rmaj,
    // c_rmin, c_namesize, c_chksum
    archive.extend_from_slice(b"070701");
    for field in [0, mode, 0, 0, 1, 0, len, 0, 0, 0, 0, name_len, 0] {
        archive.extend_from_slice(format!("{field:08X}").as_bytes());
    }
    archive.extend_from_slice(name.as_bytes());
    archive.push(0);
    pad(archive);
    archive.extend_from_slice(content);
    pad(archive);
}

fn pad(archive: &mut Vec<u8>) {
    archive.resize(archive.len().next_multiple_of(4), 0);
}

/// The files of the modules that a machine needs, each behind those that it depends on.
fn modules(machine: &Machine) -> Vec<PathBuf> {
    let mut files = BTreeMap::new();
    let kernel = target().join("vm").join(format!("kernel-{}", machine.architecture));
    find(&kernel.join("modules"), &mut files);
    let mut found = Vec::new();
    for name in machine.modules {
        collect(name, &files, &mut found);
    }
    found
}

/// A module without the signature behind it: the kernel says so and takes it, and need not reckon
/// with keys of 4096 bits first (struct module_signature, linux/module_signature.h).
fn unsigned(module: &[u8]) -> &[u8] {
    let Some(rest) = module.strip_suffix(b"~Module signature appended~\n") else { return module };
    let (rest, len) = rest.split_at(rest.len() - 4);
    let len = u32::from_be_bytes(len.try_into().unwrap());
    &rest[..rest.len() - 8 - usize::try_from(len).unwrap()]
}

fn find(folder: &Path, files: &mut BTreeMap<String, PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "ko") {
            files.insert(path.file_stem().unwrap().to_str().unwrap().replace('-', "_"), path);
        }
    }
}

/// What has no file is built into the kernel.
fn collect(name: &str, files: &BTreeMap<String, PathBuf>, found: &mut Vec<PathBuf>) {
    let Some(path) = files.get(name) else { return };
    let octets = fs::read(path).unwrap();
    // In the section .modinfo, as one string: "depends=virtio,virtio_ring".
    let at = octets.windows(9).position(|window| window == b"\0depends=").unwrap() + 9;
    let list = octets[at..].split(|octet| *octet == 0).next().unwrap();
    for needed in String::from_utf8(list.to_vec()).unwrap().split(',') {
        collect(&needed.replace('-', "_"), files, found);
    }
    if !found.contains(path) {
        found.push(path.clone());
    }
}
