# SPDX-License-Identifier: BSD-3-Clause
"""amp - Linux on a Cortex-A53 and our firmware on another core that shares memory with it

    with Zcu102(elf) as guest:
        guest.check("head -c 64 /dev/hwrng")

Zcu102: a Cortex-R5 in the same QEMU (machine xlnx-zcu102). Pair: a Cortex-M3 in a second QEMU, one file as memory.
"""
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "guest"))
import harness

HERE = Path(__file__).resolve().parent
DISK, DISK_BYTES = 0x72000000, 16 << 20
ORDER_RESET = 0x74657372


R5_PROCESS = 2  # QEMU's debugger shows each cluster as a process


class Debugger:
    """QEMU's end of the debugger's protocol, as much as moving a core takes. The machine stands still meanwhile."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(str(path))
        self.data = b""
        self.ask("qSupported:multiprocess+", "PacketSize")

    def ask(self, text, want="OK"):
        """The first answer that begins with what is wanted (a pattern); that the machine stopped is told unasked."""
        data = text.encode()
        self.socket.sendall(b"$%s#%02x" % (data, sum(data) & 0xff))
        while True:
            found = re.search(rb"\$([^#]*)#..", self.data, re.S)
            if found:
                self.data = self.data[found.end():]
                self.socket.sendall(b"+")
                answer = found[1].decode(errors="replace")
                if re.match(want, answer):
                    return answer
                if not answer.startswith("T"):
                    raise harness.GuestError(f"QEMU's debugger answers {answer!r} to {text}")
                continue
            more = self.socket.recv(65536)
            if not more:
                raise harness.GuestError(f"QEMU's debugger closed the connection at {text}")
            self.data += more

    def jump(self, process, pc):
        """The first core of a process goes on at pc, as a processor of the ARM family does after reset."""
        thread = re.search(r"thread:(p[0-9a-f.]+)", self.ask(f"vAttach;{process}", rf"T..thread:p0*{process}\."))[1]
        self.ask(f"Hg{thread}")
        self.ask("qXfer:features:read:target.xml:0,ffb", "[lm]")  # QEMU knows registers by number only after this
        self.ask("P19=d3010000")  # CPSR: supervisor, ARM instructions, nothing interrupts
        self.ask(f"Pf={pc.to_bytes(4, 'little').hex()}")

    def close(self):
        """Let go of all; the machine goes on."""
        self.ask("D;1")
        self.ask(f"D;{R5_PROCESS}")
        self.socket.close()


def connect(path, process, timeout=30):
    """The monitor of a QEMU that is just starting."""
    end = time.monotonic() + timeout
    raw = socket.socket(socket.AF_UNIX)
    raw.settimeout(timeout)
    while True:
        try:
            raw.connect(str(path))
            break
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                out = process.stdout.read() if process.poll() is not None else b""
                raise harness.GuestError(f"QEMU does not start: {out.decode(errors='replace')}") from None
            time.sleep(0.02)
    monitor = raw.makefile("rw")
    raw.close()  # the file keeps it
    json.loads(monitor.readline())
    ask(monitor, "qmp_capabilities")
    return monitor


def ask(monitor, command, **arguments):
    monitor.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
    monitor.flush()
    while True:
        answer = json.loads(monitor.readline())
        if "error" in answer:
            raise harness.GuestError(f"QEMU refuses {command}: {answer['error']['desc']}")
        if "return" in answer:
            return answer["return"]


class Machine(harness.Machine):
    """A booted machine: Linux, and a firmware beside it. Use as a context manager."""

    name = None
    tree = ()  # its device tree in this folder, in pieces
    stub = dtb = kernel = initrd = orders = 0  # addresses; orders: order, starts, fault, turns, 4 bytes each
    last = None  # the device that the firmware publishes last
    stub_words = ()  # for amp.S
    devices, regs, windows = [], {}, {}  # names; device: address; device: (address, size)

    def __init__(self, elf, disk=None, append="", timeout=180):
        """elf: the firmware. disk: bytes of the disk's beginning."""
        super().__init__(self.name)
        self.elf, self.disk, self.append, self.boot_timeout = elf, disk or b"", append, timeout
        self.qmp = None

    def _make(self, name, *argv):
        out = self.folder / name
        done = subprocess.run([*map(str, argv), "-o", str(out)], capture_output=True, text=True)
        if done.returncode:
            raise harness.GuestError(f"{argv[0]} failed: {done.stderr}")
        return out

    def _device_tree(self, initrd):
        words = {"APPEND": self.append, "INITRD": f"{self.initrd:#x}",
                 "INITRD_END": f"{self.initrd + initrd.stat().st_size:#x}"}
        text = "".join((HERE / piece).read_text() for piece in self.tree)
        for word, value in words.items():
            text = text.replace(f"@{word}@", value)
        (self.folder / "tree.dts").write_text(text)
        return self._make("tree.dtb", "dtc", "-q", "-O", "dtb", self.folder / "tree.dts")

    def _published(self):
        """Where the firmware writes last before it serves."""
        return self.regs[self.last]

    def _kernel(self):
        """Linux and its initrd"""
        return harness.prepared("mklabkernel") / "vmlinuz", harness.prepared("mkguest", "arm64") / "initrd"

    def _first_code(self):
        elf = self._make("stub.elf", "aarch64-linux-gnu-gcc", "-nostdlib", f"-Wl,-Ttext={self.stub:#x}", *self.stub_words,
                         f"-DMAGIC_AT={self._published():#x}", f"-DDTB={self.dtb:#x}", f"-DKERNEL={self.kernel:#x}",
                         HERE / "amp.S")
        subprocess.run(["aarch64-linux-gnu-objcopy", "-O", "binary", "-j", ".text", elf, elf.with_suffix(".bin")], check=True)
        return elf.with_suffix(".bin")

    def _linux(self):
        """Options of the QEMU that runs Linux: no console and no monitor but ours, and what lies in memory at start."""
        kernel, initrd = self._kernel()
        raw = [(kernel, self.kernel), (self._device_tree(initrd), self.dtb), (initrd, self.initrd),
               (self._first_code(), self.stub)]
        if self.disk:
            (self.folder / "disk").write_bytes(self.disk)
            raw.append((self.folder / "disk", DISK))
        argv = ["-display", "none", "-no-reboot", "-monitor", "none", "-qmp", f"unix:{self.folder}/qmp,server=on,wait=off",
                "-serial", "stdio", "-device", f"loader,addr={self.stub:#x},cpu-num=0"]
        for file, at in raw:
            argv += ["-device", f"loader,file={file},addr={at:#x},force-raw=on"]
        return argv

    # --- life

    def _starting(self):
        return {"env": dict(os.environ, QEMU_AUDIO_DRV="none")}

    def _started(self):
        self.qmp = connect(self.folder / "qmp", self.process)

    def _cleanup(self):
        if self.qmp:
            self.qmp.close()
        super()._cleanup()

    def quit(self):
        self.kill()

    def _logs(self):
        return f"\n{harness.tail(self.console)}\n{self.firmware_log()}"

    def _fail(self, text):
        raise harness.GuestError(f"{self.name}: {text}\n  end of its console:\n{harness.tail(self.console)}\n"
                                 f"  firmware:\n{harness.tail(self.firmware_log())}")

    def firmware_log(self):
        path = self.folder / "firmware.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # --- QEMU's monitor

    def monitor(self, command, **arguments):
        return ask(self.qmp, command, **arguments)

    def human(self, line):
        return self.monitor("human-monitor-command", **{"command-line": line})

    def memory(self, at, n):
        """Bytes of physical memory, as QEMU has them."""
        path = self.folder / "memory"
        self.monitor("pmemsave", val=at, size=n, filename=str(path))
        return path.read_bytes()

    def word(self, at):
        return int.from_bytes(self.memory(at, 4), "little")

    # --- firmware

    def reset_firmware(self):
        """It is asked to start again from its first instruction, and does so between two turns."""
        before = self.word(self.orders + 4)
        self.check(f"devmem {self.orders:#x} 32 {ORDER_RESET:#x}")
        self.wait_started(before)

    def crash_firmware(self):
        """As a watchdog does: wherever it is, it starts again from its first instruction."""
        before = self.word(self.orders + 4)
        self._crash()
        self.wait_started(before)

    def wait_started(self, before, timeout=10):
        end = time.monotonic() + timeout
        while self.word(self.orders + 4) == before:
            if time.monotonic() > end:
                raise AssertionError(f"the firmware was not started again; it says:\n{self.firmware_log()}")
            time.sleep(0.01)


class Zcu102(Machine):
    """A Cortex-R5 of the same chip."""

    name, tree, last = "zcu102 guest", ("zcu102.dts",), "blk"
    stub, dtb, kernel, initrd, orders = 0x60000000, 0x0f000000, 0x00200000, 0x10000000, 0x7100f000
    stub_words = ["-DPOWER_ON=4"]  # the R5, as QEMU's PSCI counts
    devices = ["rng", "i2c", "blk"]
    regs = {"rng": 0x71000000, "i2c": 0x71001000, "blk": 0x71002000}
    windows = {"rng": (0x70000000, 0x10000), "i2c": (0x70010000, 0x10000), "blk": (0x70100000, 0x100000)}

    def command(self):
        return ["qemu-system-aarch64", "-M", "xlnx-zcu102", "-m", "2G", "-smp", "6", *self._linux(),
                "-serial", f"file:{self.folder}/firmware.log", "-gdb", f"unix:{self.folder}/gdb,server=on,wait=off",
                "-device", f"loader,file={self.elf}"]

    def _crash(self):
        debug = Debugger(self.folder / "gdb")
        debug.jump(R5_PROCESS, 0)
        debug.close()


class Messages:
    """In front of a machine's class: all devices are behind one window, by virtio-msg. Linux is Debian's, with the module
    of linux/."""

    magic = "-DMAGIC=0x31575453"  # of the block behind the window's layout
    regs = {}
    node = "/sys/bus/platform/devices/messages"

    def _published(self):
        return self.windows["bus"][0] + 64

    def _kernel(self):
        made = harness.prepared("mkamp")
        return made / "vmlinuz", made / "initrd"

    def _ready(self, timeout):
        super()._ready(timeout)
        self.wait_up()

    def wait_up(self, sessions=1, timeout=30):
        """Until so many sessions were begun, and all devices are there."""
        end = time.monotonic() + timeout
        while True:
            rc, out = self.run(f"cd {self.node}/messages && cat state sessions && ls -d ../virtio* | wc -l")
            if rc == 0 and out.split()[0] == "up" and int(out.split()[1]) >= sessions and int(out.split()[2]) == len(self.devices):
                return
            if time.monotonic() > end:
                self._fail(f"the module found no firmware: {out}")
            time.sleep(0.1)

    def count(self, name):
        """A counter of the module."""
        return int(self.check(f"cat {self.node}/messages/{name}"))


class Zcu102Msg(Messages, Zcu102):
    """A Cortex-R5 that speaks virtio-msg."""

    name, tree = "zcu102 guest with virtio-msg", ("zcu102.dts", "zcu102_msg.dts")
    stub_words = [*Zcu102.stub_words, Messages.magic]
    windows = {"bus": (0x70100000, 0x100000)}
    devices = ["rng", "i2c", "gpio", "blk"]


class Zcu102Polled(Zcu102Msg):
    """The same, and Linux is not told of an interrupt."""

    name, tree = "zcu102 guest that polls", (*Zcu102Msg.tree, "zcu102_polled.dts")


class Zcu102Scmi(Zcu102Msg):
    """The same with image scmi: clocks, sensors and the like."""

    name, tree = "zcu102 guest with SCMI", (*Zcu102Msg.tree, "zcu102_scmi.dts")
    devices = ["scmi"]


class Pair(Machine):
    """A Cortex-M3 in a second QEMU; one file is memory of both. Its bell is the test interface of Linux's QEMU."""

    name, tree, last = "guest beside a Cortex-M3", ("pair.dts",), "i2c"
    stub, dtb, kernel, initrd, orders = 0x48000000, 0x4f000000, 0x42000000, 0x50000000, 0x40c0f000
    stub_words = []
    devices = ["rng", "i2c"]
    regs = {"rng": 0x40c00000, "i2c": 0x40c01000}
    windows = {"rng": (0x40800000, 0x10000), "i2c": (0x40810000, 0x10000)}
    second = second_qmp = None

    def _memory(self, size):
        return ["-object", f"memory-backend-file,id=ram,mem-path={self.folder}/ram,share=on,size={size}"]

    def command(self):
        with open(self.folder / "ram", "wb") as f:
            f.truncate(512 << 20)
        # With one CPU QEMU leaves memory barriers out, and notifications get lost: there is room for a second. The other
        # machine cannot have one.
        return ["qemu-system-aarch64", "-M", "virt,memory-backend=ram", "-cpu", "cortex-a53", "-m", "512", "-smp", "1,maxcpus=2",
                *self._memory("512M"), "-accel", "tcg,thread=multi", "-qtest", f"unix:{self.folder}/bell,server=on,wait=off",
                "-qtest-log", "none", "-S", *self._linux()]

    def _started(self):
        super()._started()
        argv = ["qemu-system-arm", "-M", "mps2-an385,memory-backend=ram", *self._memory("16M"), "-display", "none",
                "-monitor", "none", "-qmp", f"unix:{self.folder}/qmp2,server=on,wait=off",
                "-serial", f"file:{self.folder}/firmware.log", "-serial", f"unix:{self.folder}/bell",
                "-kernel", str(self.elf)]
        self.second = subprocess.Popen(harness.bound(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, env=dict(os.environ, QEMU_AUDIO_DRV="none"))
        self.second_qmp = connect(self.folder / "qmp2", self.second)
        self.monitor("cont")

    def _cleanup(self):
        if self.second:
            self.second.kill()
            self.second.wait()
            self.second.stdout.close()
        if self.second_qmp:
            self.second_qmp.close()
        super()._cleanup()


class PairMsg(Messages, Pair):
    """A Cortex-M3 that speaks virtio-msg."""

    name, tree = "guest beside a Cortex-M3, with virtio-msg", ("pair.dts", "pair_msg.dts")
    stub_words = [*Pair.stub_words, Messages.magic]
    windows = {"bus": (0x40900000, 0x100000)}
    devices = ["rng", "i2c", "gpio"]


def firmware(board, image="all"):
    """The image's path, built now."""
    out = harness.ROOT / "build/firmware"
    subprocess.run([harness.ROOT / "tools/firmware", "--out", out, board], check=True, stdout=subprocess.DEVNULL)
    return out / board / f"{image}.elf"


def main():
    """Try both machines, and say how to use them."""
    for board, machine in (("zcu102_r5", Zcu102), ("mps2_an385", Pair)):
        with machine(firmware(board)) as guest:
            guest.check("head -c 64 /dev/hwrng >/dev/null")
            print(f"Linux {guest.release} and firmware {board}: up in {guest.boot_seconds:.0f} s, entropy comes.", flush=True)
    print("\n  make demo-amp                       what firmware serves on each board\n"
          "  make test-lab                       the tests in test/lab\n"
          "  python3 -i test/lab/amp.py [BOARD]  a machine to play with: print(guest.check('i2cdetect -l')),\n"
          "                                      print(guest.firmware_log()), guest.crash_firmware(), guest.kill()")


if __name__ == "__main__":
    if sys.flags.interactive:
        board = sys.argv[1] if len(sys.argv) > 1 else "zcu102_r5"
        guest = {"zcu102_r5": Zcu102, "mps2_an385": Pair}[board](firmware(board)).start()
    else:
        main()
