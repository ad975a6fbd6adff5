# SPDX-License-Identifier: BSD-3-Clause
"""xenpair - Linux in a domain of Xen, our firmware in another, static shared memory between them, and no third domain

    with XenPair(elf) as guest:
        guest.check("head -c 64 /dev/hwrng")
        guest.counters()["trap: guest data abort"]

Xen makes both domains itself from its device tree (xen_pair.dts): there is no control domain, and no toolstack. Linux
has a device tree of its own (xen_pair_linux.dts), which the first code in its domain puts in place of Xen's, as Xen has
no way to say "restricted-dma-pool". The agent in Linux talks over a virtio console of QEMU that is given to the domain
as a piece of hardware; Xen has the serial line.
"""
import contextlib
import re
import socket
import subprocess
import time

import amp
import harness

MODULES = {"linux": 0x80000000, "linux.dtb": 0x7f000000, "firmware": 0x7e000000, "firmware.dtb": 0x7d000000}
# What Xen gives to a domain: machine's page, domain's page; a device of the machine whose interrupt goes with it
PAGE = "{name} {{ xen,reg = <0 {at:#x} 0 0x1000 0 {there:#x}>; xen,force-assign-without-iommu; {path} }};"
INTERRUPT = '{name} {{ xen,reg; xen,path = "{path}"; xen,force-assign-without-iommu; }};'
BELL, CONSOLE = "/bell@9030000", "/console@a003e00"
EL1 = 5


class Debugger(amp.Debugger):
    """For a machine of 64-bit cores."""

    def threads(self):
        answer, found = self.ask("qfThreadInfo", "[ml]"), []
        while answer.startswith("m"):
            found += answer[1:].split(",")
            answer = self.ask("qsThreadInfo", "[ml]")
        return found

    def number(self, register):
        return int.from_bytes(bytes.fromhex(self.ask(f"p{register:x}", "[0-9a-f]+")), "little")

    def jump_from(self, low, high, to):
        """The core that executes between these addresses, not in the hypervisor, goes on at `to`; False: there is none."""
        for thread in self.threads():
            self.ask(f"Hg{thread}")
            self.ask("qXfer:features:read:target.xml:0,ffb", "[lm]")  # QEMU knows registers by number only after this
            if low <= self.number(32) < high and self.number(33) & 15 == EL1:
                self.ask(f"P20={to.to_bytes(8, 'little').hex()}")
                return True
        return False

    def close(self):
        self.ask("D;1")
        self.socket.close()


class XenPair(amp.Machine):
    """Use as a context manager."""

    name, tree, last = "guest beside a domain of Xen", ("xen_pair_linux.dts",), "i2c"
    stub, dtb, kernel, initrd, orders = 0x60000000, 0x60010000, 0x60200000, 0x61000000, 0x7010f000
    log, code = 0x7010f800, (0x40000000, 0x40008000)
    own, shared = 0x600000, 0x110000  # bytes of the firmware's domain
    devices = ["rng", "i2c"]
    regs = {"rng": 0x70100000, "i2c": 0x70101000}
    windows = {"rng": (0x70000000, 0x10000), "i2c": (0x70010000, 0x10000)}

    # --- what boots

    def _linux(self):
        """The file that Xen takes for the kernel: first code, device tree, kernel, initrd."""
        guest, kernel = harness.prepared("mkguest", "arm64"), harness.prepared("mklabkernel")
        size = self.initrd + (guest / "initrd").stat().st_size - self.stub
        self.stub_words = [f"-DIMAGE_BYTES={size}"]
        parts = {self.stub: self._first_code(), self.dtb: self._device_tree(guest / "initrd"),
                 self.kernel: kernel / "vmlinuz", self.initrd: guest / "initrd"}
        with open(self.folder / "linux", "wb") as f:
            for at, part in parts.items():
                assert f.tell() <= at - self.stub, "what Linux boots from overlaps"
                f.seek(at - self.stub)
                f.write(part.read_bytes())
        return self.folder / "linux"

    def _tree(self, tree, out, **words):
        text = (amp.HERE / tree).read_text()
        for word, value in words.items():
            text = text.replace(f"@{word}@", value)
        (self.folder / f"{out}.dts").write_text(text)
        return self._make(f"{out}.dtb", "dtc", "-q", "-O", "dtb", self.folder / f"{out}.dts")

    def _devices(self, out, *nodes):
        return self._tree("xen_pair_devices.dts", out, DEVICES="\n".join(nodes))

    def _files(self):
        return {"linux": self._linux(),
                "linux.dtb": self._devices("linux", INTERRUPT.format(name="bell", path=BELL),
                                           PAGE.format(name="console", at=0x0a003000, there=0x0a003000,
                                                       path=f'xen,path = "{CONSOLE}";')),
                "firmware": self.elf.with_suffix(".bin"),
                "firmware.dtb": self._devices("firmware", PAGE.format(name="bell", at=0x09030000, there=0x70110000, path=""))}

    def command(self):
        files, hypervisor = self._files(), harness.prepared("mkxen", "4.17", "silo") / "xen"
        tree = self._tree("xen_pair.dts", "machine", LINUX_BYTES=f"{files['linux'].stat().st_size:#x}",
                          FIRMWARE_BYTES=f"{files['firmware'].stat().st_size:#x}")
        argv = ["qemu-system-aarch64", "-M", "virt,virtualization=on,gic-version=3", "-cpu", "cortex-a57", "-accel", "tcg",
                "-smp", 2, "-m", 1536, "-nodefaults", "-display", "none", "-no-reboot", "-monitor", "none",
                "-qmp", f"unix:{self.folder}/qmp,server=on,wait=off", "-gdb", f"unix:{self.folder}/gdb,server=on,wait=off",
                "-chardev", f"socket,id=xen,path={self.folder}/xen,server=on,wait=off,logfile={self.folder}/xen.log",
                "-serial", "chardev:xen", "-kernel", hypervisor, "-dtb", tree,
                "-global", "virtio-mmio.force-legacy=false", "-chardev", "stdio,id=agent,signal=off",
                "-device", "virtio-serial-device,bus=virtio-mmio-bus.31", "-device", "virtconsole,chardev=agent"]
        for name, at in MODULES.items():
            argv += ["-device", f"loader,file={files[name]},addr={at:#x},force-raw=on"]
        return argv

    # --- Xen

    def xen_log(self):
        file = self.folder / "xen.log"
        return file.read_bytes().decode(errors="replace").replace("\r", "") if file.exists() else ""

    def xen_says(self, *keys, timeout=30):
        """Press keys of Xen's debug console, each (key, the text to wait for: Xen forgets a key when the next one comes);
        returns what it printed."""
        before, until = len(self.xen_log()), time.monotonic() + timeout
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self.folder / "xen"))
            line.settimeout(0.2)
            for key, end in keys:
                line.sendall(key.encode())
                while end not in self.xen_log()[before:]:
                    if time.monotonic() > until:
                        raise harness.GuestError(f"Xen does not answer the key {key!r}:\n{self.xen_log()[before:]}")
                    with contextlib.suppress(socket.timeout):
                        line.recv(65536)  # nobody else takes it, and QEMU would wait
        return self.xen_log()[before:]

    def counters(self):
        """Xen's performance counters of all processors: {"hypercalls": n, ...}"""
        said = self.xen_says(("p", "counters SHOW"), ("g", "gnttab_usage_print_all ] done"))
        return {name.strip(): int(n) for name, n in re.findall(r"^\(XEN\) (\S.*?)TOTAL\[ *(\d+)\]", said, re.M)}

    def grants(self):
        """What Xen says of the grants of each domain: [(domain, what)]"""
        said = self.xen_says(("g", "gnttab_usage_print_all ] done"))
        return re.findall(r"grant-table for remote d(\d+) .*\n.*\n\(XEN\) (.*)", said)

    def belongings(self):
        """For each domain: bytes that it reaches, its interrupts, its pages of devices (as ranges)"""
        said = self.xen_says(("q", "Notifying guest 2:0"))
        found = re.findall(r"p2m mappings for domain.*\n.*1G mappings: (\d+).*\n.*2M mappings: (\d+).*\n.*4K mappings: (\d+)\n"
                           r".*\n.*Interrupts {(.*)}\n.*I/O Memory {(.*)}", said)
        return [{"reaches": (int(g) << 30) + (int(m) << 21) + (int(k) << 12), "interrupts": interrupts.strip(),
                 "pages": pages.strip()} for g, m, k, interrupts, pages in found]

    # --- firmware

    def firmware_log(self):
        said = ""
        if self.qmp and self.alive():
            said = self.memory(self.log, 0x800).replace(b"\0", b"").decode(errors="replace")
        return f"{said}\n--- end of Xen's log\n{harness.tail(self.xen_log())}"

    def jump(self, to):
        """Wherever the firmware is, it goes on there."""
        for _ in range(200):
            debug = Debugger(self.folder / "gdb")
            moved = debug.jump_from(*self.code, to)
            debug.close()
            if moved:
                return
            time.sleep(0.01)
        raise AssertionError("the firmware does not run")

    def _crash(self):
        names = subprocess.run(["aarch64-linux-gnu-nm", self.elf], capture_output=True, text=True, check=True).stdout
        self.jump(int(re.search(r"^([0-9a-f]+) \w board_restart$", names, re.M)[1], 16))
