# SPDX-License-Identifier: BSD-3-Clause
"""confined - a guest that shares one window of its memory, and what its back-ends can map of it

The guest's memory is two NUMA nodes: node 0 is private, which means that there is no file that could be handed to
anybody; node 1 is a shared memfd, and all of it is a pool for the DMA of the guest's virtio devices (`stratos
guest-dtb`). The kernel is the lab's own, of Debian's unmodified source: Debian's leaves CONFIG_DMA_RESTRICTED_POOL out.
"""
import contextlib
import re
import subprocess
from collections import namedtuple
from pathlib import Path

from harness import Guest, GuestError, prepared

MIB = 1 << 20
Mapping = namedtuple("Mapping", "start size access file name")  # file: (device, inode), None for anonymous memory


class Confined(Guest):
    def __init__(self, stratos, folder, vehicle="arm64", devices=(), window=32, platform=True, stock=False, **options):
        """window: MiB, or a part of one. folder: for the device tree. platform: VIRTIO_F_ACCESS_PLATFORM is offered to the guest. stock:
        Debian's own kernel, which does not know the pool."""
        on = {"iommu_platform": "on"} if platform else {}
        super().__init__(vehicle, [(d[0], d[1], {**on, **(d[2] if len(d) > 2 else {})}) for d in devices], **options)
        self.stratos, self.dtb, self.window = stratos, Path(folder) / "window.dtb", window
        self.stock = stock

    def _kernel(self):
        kernel, initrd = super()._kernel()
        return kernel if self.stock else prepared("mklabkernel") / "vmlinuz", initrd

    def _memory(self):
        window = int(self.window * 1024)
        nodes = ["-m", f"{self.memory}M", "-object", f"memory-backend-ram,id=m0,size={self.memory * 1024 - window}K", "-numa",
                 "node,nodeid=0,memdev=m0,cpus=0", "-object", f"memory-backend-memfd,id=m1,size={window}K,share=on",
                 "-numa", "node,nodeid=1,memdev=m1"]
        plain = self.dtb.with_suffix(".plain")
        argv = [*self._machine(), *nodes, "-machine", f"dumpdtb={plain}", "-display", "none"]
        done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if not plain.exists():
            raise GuestError(f"QEMU wrote no device tree:\n{done.stdout}")
        done = subprocess.run([self.stratos, "guest-dtb", plain, self.dtb], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise GuestError(done.stdout)
        return nodes + ["-dtb", self.dtb]

    def pid(self):
        """QEMU's process."""
        return self.process.pid  # setpriv and the loader of QEMU 11 replace themselves


def mappings(pid):
    out = []
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        m = re.match(r"(\w+)-(\w+) (\S+) \w+ (\S+) (\d+)\s*(.*)", line)
        start, end = int(m[1], 16), int(m[2], 16)
        out.append(Mapping(start, end - start, m[3], (m[4], int(m[5])) if m[5] != "0" else None, m[6]))
    return out


def memory_files(pid):
    """Files without a place on a disk that a process has open, as links of /proc say it: memfd, shared memory."""
    names = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            names.append(str(link.readlink()))
    return [n for n in names if re.match(r"/memfd:|/dev/shm/|/dev/zero|/SYSV", n)]


def guest_memory(guest):
    """(the window's mapping in QEMU, the private memory's mapping in QEMU)"""
    maps = mappings(guest.pid())
    window = [m for m in maps if m.name.startswith("/memfd:") and m.size == guest.window * MIB]
    private = [m for m in maps if m.file is None and m.size >= (guest.memory - guest.window) * MIB]
    assert len(window) == 1 and private, "QEMU's maps do not show the guest's memory: " + "\n".join(map(str, maps))
    return window[0], private[0]


def of_guest(pid, window):
    """What a back-end maps of the guest: (bytes of the window, names of other shared memory that it has)"""
    shared = [m for m in mappings(pid) if "s" in m.access]
    inside = [m for m in shared if m.file == window.file]
    others = [m.name for m in shared if m.file != window.file and re.match(r"/memfd:|/dev/shm/|/dev/zero|/SYSV", m.name)]
    return sum(m.size for m in inside), others + memory_files(pid)


def search(pid, window, data):
    """True when a back-end's mapping of the window has these bytes somewhere. Needs root."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as f:
        for m in mappings(pid):
            if m.file == window.file:
                f.seek(m.start)
                have = b""
                while len(have) < m.size:
                    part = f.read(min(MIB, m.size - len(have)))
                    assert part, "the mapping cannot be read"
                    have += part
                if data in have:
                    return True
    return False
