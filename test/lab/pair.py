# SPDX-License-Identifier: BSD-3-Clause
"""pair - two machines under QEMU that share a window and a doorbell, and nothing else

    made = make("build/stratos", "build/pair")
    with scratch() as tmp, Window(tmp) as window, Back(made, window, disk=tmp / "disk") as back:
        back.serve()
        with Front(made, window) as front: ...

The window is a file of this machine; QEMU's ivshmem-doorbell puts it into both machines as a PCI device. Which of them
rings whom is arranged by an "ivshmem server", which Debian does not have: Window is one.
"""
import array
import contextlib
import hashlib
import json
import mmap
import os
import re
import select
import socket
import struct
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "guest"))
from harness import Guest, prepared  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20
VECTORS = 2
DEVICES = ["rng", "blk", "console", "i2c", "gpio"]  # in the order of their numbers
COUNTERS = "sent received bad full doorbells interrupts sessions lost requests again failed".split()


def send(to, number, fd=None):
    rights = [] if fd is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
    to.sendmsg([struct.pack("<q", number)], rights)


class Window:
    """The shared memory and its ivshmem server (protocol version 0). No position is given out twice: QEMU 7.2 uses the
    notifiers of a peer that came back after it has freed them, and doorbells get lost."""

    def __init__(self, folder, size=4 * MIB):
        self.path, self.size = Path(folder) / "window.sock", size
        self.fd = os.memfd_create("window")
        os.ftruncate(self.fd, size)
        self.memory = mmap.mmap(self.fd, size)
        self.peers = {}  # position: (socket, an eventfd for each vector)
        self.next = 0
        self.lock = threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen()
        self.quit_r, self.quit_w = os.pipe()
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self):
        while True:
            with self.lock:
                known = {s: n for n, (s, _) in self.peers.items()}
            for ready in select.select([self.listener, self.quit_r, *known], [], [])[0]:
                if ready == self.quit_r:
                    return
                if ready is self.listener:
                    self._add(self.listener.accept()[0])
                elif not self._alive(ready):
                    self._remove(known[ready])

    @staticmethod
    def _alive(s):
        try:
            return bool(s.recv(64))
        except OSError:
            return False

    def _add(self, new):
        with self.lock:
            me, self.next = self.next, self.next + 1
            mine = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(VECTORS)]
            with contextlib.suppress(OSError):
                send(new, 0)
                send(new, me)
                send(new, -1, self.fd)
                for n, (other, events) in self.peers.items():
                    for e in mine:
                        send(other, me, e)
                    for e in events:
                        send(new, n, e)
                for e in mine:
                    send(new, me, e)
            self.peers[me] = (new, mine)

    def _remove(self, position):
        with self.lock:
            gone, events = self.peers.pop(position)
            gone.close()
            for e in events:
                os.close(e)
            for other, _ in self.peers.values():
                with contextlib.suppress(OSError):
                    send(other, position)

    def ring(self, position, vector=0):
        with self.lock:
            if position in self.peers:
                os.eventfd_write(self.peers[position][1][vector], 1)

    def ring_all(self):
        for n in list(self.peers):
            self.ring(n)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        os.write(self.quit_w, b"x")
        self.thread.join()
        for n in list(self.peers):
            self._remove(n)
        self.listener.close()
        os.close(self.fd)
        for fd in (self.quit_r, self.quit_w):
            os.close(fd)


class Machine(Guest):
    """One of the two; made: the folder of tools/mkpair"""

    def __init__(self, role, made, window, memory=384, **options):
        extra = ["-chardev", f"socket,id=window,path={window.path}", "-device",
                 f"ivshmem-doorbell,chardev=window,vectors={VECTORS}", *options.pop("extra", [])]
        super().__init__("qemu", memory=memory, extra=extra, **options)
        self.name, self.role, self.made, self.window = f"{role} machine", role, Path(made), window

    def _machine(self):
        # QEMU leaves memory barriers out of the code of a machine that can have one CPU only, and these two share
        # memory: notifications were lost. Room for a second CPU, which never comes, brings the barriers back.
        return ["qemu-system-x86_64", "-M", "q35", "-cpu", "max", "-accel", "tcg,thread=multi", "-smp", "1,maxcpus=2"]

    def _memory(self):
        return ["-m", self.memory]  # private: there is no file of it

    def _kernel(self):
        return self.made / "vmlinuz", self.made / self.role


class Front(Machine):
    """The machine that uses the devices."""

    def __init__(self, made, window, **options):
        super().__init__("front", made, window, **options)

    def attribute(self, name):
        return self.check(f"cat /sys/bus/pci/drivers/stratos_msg/*/messages/{name}").strip()

    def counters(self):
        out = self.check(f"cd /sys/bus/pci/drivers/stratos_msg/*/messages && grep . {' '.join(COUNTERS)}")
        return {k: int(v) for k, v in re.findall(r"^(\w+):(\d+)$", out, re.M)}

    def outstanding(self):
        """Requests that are in the window now, of all devices but what waits for input: the console, edges of gpio."""
        queues = re.findall(r"^device (\d+) queue (\d+): .* in window (\d+)", self.attribute("queues"), re.M)
        return sum(int(n) for device, _, n in queues if device == str(DEVICES.index("blk")))

    def wait_state(self, state, seconds=60):
        end = time.monotonic() + seconds
        while self.attribute("state") != state:
            assert time.monotonic() < end, f"the session is {self.attribute('state')}, not {state}, after {seconds} s"
            time.sleep(0.2)

    def load(self, loops, size="16m"):
        """Start fio, which writes all of the disk and verifies it, so many times. Written through, so that a request
        that is done is in the file of this system, whatever happens to the machine that serves."""
        self.check("echo 'write through' >/sys/block/vda/cache_type; rm -f /tmp/fio; "
                   f"(fio --name=v --filename=/dev/vda --allow_file_create=0 --size={size} --rw=randwrite --bs=4k "
                   "--iodepth=8 --ioengine=libaio --direct=1 --verify=crc32c --do_verify=1 --verify_fatal=1 "
                   f"--loops={loops} --minimal >/tmp/fio 2>&1; "
                   "echo code=$? >>/tmp/fio) >/dev/null 2>&1 &")

    def loaded(self, seconds=120):
        """Wait for its end; returns its exit code and what it said."""
        out = self.check(f"for i in $(seq {5 * seconds}); do grep -q ^code= /tmp/fio && break; sleep 0.2; done; "
                         "cat /tmp/fio", timeout=seconds + 10)
        code = re.search(r"^code=(\d+)$", out, re.M)
        assert code, (f"fio has not ended after {seconds} s:\n{self.attribute('queues')}\n"
                      + self.check("dmesg | tail -n 20"))
        return int(code[1]), out

    def unload(self, seconds=60):
        self.check("rmmod stratos_msg", timeout=seconds)

    def reload(self):
        self.check("insmod /lib/stratos/stratos_msg.ko")
        self.wait_state("up")
        self.check("for i in $(seq 100); do [ -e /dev/vda ] && [ -e /dev/gpiochip0 ] && exit 0; sleep 0.1; done; exit 1")

    def complaints(self):
        """What the kernel says of itself that it should not."""
        return self.check("dmesg | grep -E 'BUG|Oops|WARNING|general protection|Call Trace|hung|blocked for|soft lockup' || true")


class Back(Machine):
    """The machine that serves them. disk: a file, which is the machine's /dev/vda"""

    def __init__(self, made, window, disk=None, **options):
        self.disk = disk
        extra = []
        if disk:
            extra = ["-drive", f"file={disk},format=raw,if=none,id=disk,cache=writeback",
                     "-device", "virtio-blk-pci,drive=disk"]
        super().__init__("back", made, window, extra=extra, first=["-device", "intel-iommu,intremap=on"],
                         append="intel_iommu=on", **options)

    def serve(self, more=""):
        """Start the program on all devices."""
        devices = {"blk": "blk-file=/dev/vda", "console": "host=pty:/run/tty,no-client=drop"}
        options = " ".join(f"--device {','.join(filter(None, [d, devices.get(d)]))}" for d in DEVICES)
        self.check("rm -f /run/tty; "
                   f"stratos serve --bus=ivshmem:$(cat /run/window) {more} {options} >/tmp/serve.log 2>&1 & "
                   "echo $! >/run/pid; for i in $(seq 100); do [ -e /run/tty ] && break; sleep 0.1; done; "
                   "stty -F /run/tty raw -echo || { cat /tmp/serve.log; exit 1; }; "
                   "(cat /run/tty >/tmp/tty 2>/dev/null &) >/dev/null 2>&1")

    def signal(self, name):
        self.check(f"kill -{name} $(cat /run/pid)")

    def counters(self):
        self.signal("USR1")
        time.sleep(0.3)
        return json.loads(re.findall(r"window: (\{.*\})", self.log())[-1])

    def log(self):
        return self.check("cat /tmp/serve.log")

    def maps(self):
        """What the program maps of devices: [(bytes, access, name)]"""
        lines = self.check("cat /proc/$(cat /run/pid)/maps")
        found = re.findall(r"^(\w+)-(\w+) (\S+) \S+ \S+ \d+ +(\S.*)$", lines, re.M)
        return [(int(end, 16) - int(begin, 16), access, name) for begin, end, access, name in found if "s" in access]

    # the host of checks.py

    def console_read(self):
        return self.check("cat /tmp/tty").encode()

    def console_write(self, data):
        self.check(f"printf %s '{data.decode()}' >/run/tty; echo >/run/tty")

    def disk_size(self):
        return self.disk.stat().st_size

    def disk_md5(self, offset, length):
        return hashlib.md5(self.disk.read_bytes()[offset:offset + length]).hexdigest()

    @staticmethod
    def console_port(guest):
        return "/dev/hvc0"


def make(program, out):
    return prepared("mkpair", program, out)
