//! The machines that QEMU stands for: what starts them, and what their kernels need.

/// One board's machine.
pub(crate) struct Machine {
    /// In `board/`.
    pub(crate) board: &'static str,
    /// As Debian calls it.
    pub(crate) architecture: &'static str,
    pub(crate) program: &'static str,
    /// What runs a single program of its processor.
    pub(crate) emulator: &'static str,
    pub(crate) arguments: &'static [&'static str],
    /// Its network card, without netdev and address.
    pub(crate) card: &'static str,
    /// What Debian's kernel has not built in, without what these depend on.
    pub(crate) modules: &'static [&'static str],
    /// The serial line.
    pub(crate) tty: &'static str,
}

pub(crate) const X86_64: Machine = Machine {
    board: "qemu-x86-64",
    architecture: "amd64",
    program: "qemu-system-x86_64",
    emulator: "qemu-x86_64",
    arguments: &["-machine", "q35", "-cpu", "max", "-m", "128"],
    card: "virtio-net-pci,romfile=",
    modules: &["virtio_pci", "virtio_net"],
    tty: "ttyS0",
};

/// The same machine, of a board with a console.
pub(crate) const GENERIC: Machine = Machine { board: "generic-x86-64", ..X86_64 };

pub(crate) const AARCH64: Machine = Machine {
    board: "qemu-aarch64",
    architecture: "arm64",
    program: "qemu-system-aarch64",
    emulator: "qemu-aarch64",
    arguments: &["-machine", "virt", "-cpu", "cortex-a57", "-m", "128"],
    card: "virtio-net-pci,romfile=",
    modules: &["virtio_pci", "virtio_net"],
    tty: "ttyAMA0",
};

pub(crate) const ARMV7: Machine = Machine {
    board: "qemu-armv7",
    architecture: "armhf",
    program: "qemu-system-arm",
    emulator: "qemu-arm",
    arguments: &["-machine", "virt,highmem=off", "-cpu", "cortex-a7", "-m", "256"],
    card: "virtio-net-device",
    modules: &["virtio_mmio", "virtio_net"],
    tty: "ttyAMA0",
};

pub(crate) const MIPSEL: Machine = Machine {
    board: "qemu-mipsel",
    architecture: "mipsel",
    program: "qemu-system-mipsel",
    emulator: "qemu-mipsel",
    arguments: &["-machine", "malta", "-cpu", "24Kc", "-m", "256"],
    card: "virtio-net-pci,romfile=",
    modules: &["virtio_pci", "virtio_net"],
    tty: "ttyS0",
};
