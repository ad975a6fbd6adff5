# SPDX-License-Identifier: BSD-3-Clause
"""The module of linux/ against stratos in another machine, and against a hostile peer. docs/window.md

The hostile peer is this test: the window is a file of this system. A stratos process of this system sets the devices
up and is stopped; then the test writes to the window in its place.
"""
import random
import signal
import struct
import threading
import time

import pytest

import pair
import checks
from harness import ROOT, Daemon, GuestError, scratch
from test_devices import STRATOS

MIB = 1 << 20
BLK = pair.DEVICES.index("blk")
CONSOLE = pair.DEVICES.index("console")


@pytest.fixture(scope="module")
def made():
    return pair.make(STRATOS, ROOT / "build/pair")


class Quiet:
    @staticmethod
    def say(text):
        pass


def all_work(front, host):
    report = {}
    checks.run_checks(front, list(checks.CHECKS), host, Quiet, report)
    bad = [f"{d}: {c['name']}: {c.get('why')}" for d, of in report.items() for c in of if not c["ok"]]
    assert not bad, "\n".join(bad)


def make_disk(tmp):
    (tmp / "disk").write_bytes(random.randbytes(16 * MIB))
    return tmp / "disk"


def test_two_machines(made):
    """Traffic, kill -9 of the program and of its machine under load, unload under load."""
    with scratch() as tmp, pair.Window(tmp) as window:
        back = pair.Back(made, window, disk=make_disk(tmp)).start()
        try:
            back.serve()
            with pair.Front(made, window) as front:
                front.wait_state("up")
                all_work(front, back)
                a, b = front.counters(), back.counters()
                assert (a["sent"], a["received"], a["bad"], b["bad"]) == (b["received"], b["sent"], 0, 0)
                front.load(1)
                back.signal("KILL")
                back.serve()
                assert front.loaded()[0] == 0
                front.load(1)
                back.kill()
                back = pair.Back(made, window, disk=tmp / "disk").start()
                back.serve()
                assert front.loaded()[0] == 0
                front.load(1)
                front.unload()
                front.loaded()
                front.reload()
                all_work(front, back)
                assert front.complaints() == ""
        finally:
            back.kill()


class Local(Daemon):
    """stratos in this system, at the window's server."""

    def __init__(self, tmp, window, only=None):
        more = {"blk": f",blk-file={tmp}/disk", "console": f",host=file:{tmp}/console"}
        devices = [w for d in ([only] if only else pair.DEVICES) for w in ("--device", d + more.get(d, ""))]
        super().__init__([STRATOS, "serve", f"--bus=ivshmem-server:{window.path}", *devices], ready="for rings and buffers")

    def start(self):
        end = time.monotonic() + 5
        while True:
            try:
                return super().start()
            except GuestError:  # the kernel lets go of a killed program's disk a moment after its end: io_uring
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def stop_running(self):
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)


class Rogue:
    """The device side's hand in the window. Offsets are those of the AMP layout."""

    def __init__(self, window):
        self.m, self.window = window.memory, window
        self.count, self.size = struct.unpack_from("<HH", self.m, 10)
        self.head, self.elements = struct.unpack_from("<QQ", self.m, 24)

    def status(self, value):
        struct.pack_into("<H", self.m, self.head + 2, value)

    def tail(self, value):
        struct.pack_into("<H", self.m, self.head + 4, value)
        self.ring()

    def ring(self):
        self.window.ring_all()

    def put(self, kind, number, dev, payload=b"", size=None, token=0):
        at = struct.unpack_from("<H", self.m, self.head + 4)[0]
        data = struct.pack("<BBHHH", kind, number, dev, token, 8 + len(payload) if size is None else size) + payload
        self.m[self.elements + at * self.size:self.elements + at * self.size + len(data)] = data
        self.tail((at + 1) % self.count)
        time.sleep(0.005)

    def ring_of(self, front, device, queue):
        """(entries, offset of the available ring, of the used ring)"""
        for line in front.attribute("queues").splitlines():
            words = line.replace(":", "").split()
            if (words[1], words[3]) == (str(device), str(queue)):
                n, at = int(words[4]), int(words[7].rstrip(","), 16)
                used = (at + 16 * n + 6 + 2 * n + 63) // 64 * 64
                return n, at + 16 * n, used
        raise AssertionError("no such queue")


@pytest.fixture(scope="module")
def front(made):
    """One machine for the tests below; each leaves it with a session that works."""
    with scratch() as tmp, pair.Window(tmp) as window:
        make_disk(tmp)
        with Local(tmp, window) as first, pair.Front(made, window) as machine:
            machine.tmp, machine.peer = tmp, first
            machine.wait_state("up")
            yield machine
            assert machine.complaints() == ""
            machine.peer.kill()


def lives(front):
    """The kernel answers, and with a new back-end everything works again, without a reload."""
    front.peer.kill()
    front.check("true", timeout=10)
    front.peer = Local(front.tmp, front.window).start()
    front.wait_state("up")
    front.check("head -c 64 /dev/hwrng >/dev/null; dd if=/dev/vda of=/dev/null bs=64k count=16 iflag=direct 2>/dev/null",
                timeout=30)
    checks.i2c_dump(front, None)
    assert front.complaints() == ""


def test_index_of_the_messages(front):
    rogue = Rogue(front.window)
    for value in (rogue.count, 0x7fff, 0xffff):
        front.peer.stop_running()
        bad = front.counters()["bad"]
        rogue.tail(value)
        front.wait_state("down", 10)
        assert front.counters()["bad"] > bad
        lives(front)


def test_garbage_in_messages(front):
    front.peer.stop_running()
    rogue, bad = Rogue(front.window), front.counters()["bad"]
    for size in (0, 7, rogue.size + 1, 0xffff):
        rogue.put(0, 0x42, BLK, struct.pack("<I", 0), size=size)
    rogue.put(0, 0x42, BLK)  # no payload
    rogue.put(0, 0x42, 0xffff, struct.pack("<I", 0))
    rogue.put(0, 0x42, BLK, struct.pack("<I", 0xffffffff))
    rogue.put(0, 0x99, BLK, bytes(40))
    rogue.put(2, 0x40, 0, struct.pack("<HH", 0xffff, 1))
    rogue.put(1, 0x08, BLK, struct.pack("<I", 0), token=0xffff)  # nobody asked
    assert front.counters()["bad"] == bad + 10
    for event in (1, 2, 0x8000):  # devices that are not there
        rogue.put(2, 0x40, 0, struct.pack("<HH", 50, event))
    rogue.put(0, 0x40, BLK, struct.pack("<IIII", 0x4f, 0, 0, 0))  # needs a reset, says the disk
    lives(front)


def test_random_messages(front):
    front.peer.stop_running()
    rogue, rng = Rogue(front.window), random.Random(7)
    for _ in range(600):
        kind, number = rng.choice((0, 1, 2, 3, rng.randrange(256))), rng.choice((2, 3, 8, 0x40, 0x41, 0x42, rng.randrange(256)))
        dev, size = rng.choice((0, 1, 2, 3, 4, 5, rng.randrange(65536))), rng.choice((8, 12, 56, rng.randrange(300)))
        rogue.put(kind, number, dev, rng.randbytes(48), size=size)
    lives(front)


@pytest.mark.parametrize("what", ["index", "beyond", "not outstanding", "twice"])
def test_used_ring(front, what):
    """The console has buffers in the window that wait for input."""
    front.peer.stop_running()
    rogue = Rogue(front.window)
    n, avail, used = rogue.ring_of(front, CONSOLE, 0)
    first = struct.unpack_from("<H", rogue.m, avail + 4)[0]
    ids, step = {"index": ((0,), 0x8000), "beyond": ((n,), 1), "not outstanding": ((0xffffffff,), 1),
                 "twice": ((first, first), 2)}[what]
    bad = front.counters()["bad"]
    for i, number in enumerate(ids):
        struct.pack_into("<II", rogue.m, used + 4 + 8 * i, number, 4)
    struct.pack_into("<H", rogue.m, used + 2, step)
    rogue.put(0, 0x42, CONSOLE, struct.pack("<I", 0))
    front.wait_state("down", 10)
    assert front.counters()["bad"] > bad
    lives(front)


def test_used_length(front):
    """More written than there was room for, says the device: the driver gets what there was room for."""
    front.peer.stop_running()
    rogue = Rogue(front.window)
    front.check("(timeout 5 dd if=/dev/hwrng of=/tmp/in bs=1 count=4096) >/dev/null 2>&1 & sleep 1")
    n, avail, used = rogue.ring_of(front, pair.DEVICES.index("rng"), 0)
    filled, done = (struct.unpack_from("<H", rogue.m, at + 2)[0] for at in (avail, used))
    assert filled == (done + 1) % 65536, "no request is outstanding"
    head = struct.unpack_from("<H", rogue.m, avail + 4 + 2 * (done % n))[0]
    struct.pack_into("<II", rogue.m, used + 4 + 8 * (done % n), head, 0xffffffff)
    struct.pack_into("<H", rogue.m, used + 2, filled)
    rogue.put(0, 0x42, pair.DEVICES.index("rng"), struct.pack("<I", 0))
    got = int(front.check("sleep 5; wc -c </tmp/in"))
    assert 0 < got < 512, f"{got} bytes of 64"
    lives(front)


@pytest.mark.parametrize("at, value", [(4, 2), (10, 0), (10, 1), (12, 8), (12, 0xffff), (24, 0), (24, 1 << 40),
                                       (32, 4 * MIB - 64), (48, 0x81), (56, 0x180)])
def test_layout(front, at, value):
    """A layout that does not fit together is not used: version, sizes, places outside, odd, or one in another."""
    rogue = Rogue(front.window)
    front.peer.stop_running()
    good = rogue.m[0:64]
    struct.pack_into("<Q" if at >= 16 else "<H", rogue.m, at, value)
    if at == 56:  # the elements of both directions in one place
        struct.pack_into("<Q", rogue.m, 32, value)
    rogue.status(0)
    rogue.ring()
    front.wait_state("down", 10)
    rogue.status(1)
    rogue.ring()
    time.sleep(0.5)
    assert front.attribute("state") == "down"
    rogue.m[0:64] = good
    lives(front)


def test_storm(front):
    """Doorbells without end, and messages without end: other work of the machine goes on."""
    front.peer.stop_running()
    rogue, end = Rogue(front.window), threading.Event()

    def storm():
        n = 0
        while not end.is_set():
            n += 1
            if n % 3:
                rogue.ring()
            else:
                rogue.tail(n % rogue.count)
    thread = threading.Thread(target=storm)
    thread.start()
    try:
        for _ in range(5):
            front.check("head -c 1000000 /dev/zero | md5sum", timeout=30)
    finally:
        end.set()
        thread.join()
    lives(front)


def test_anything_anywhere(front):
    """All of the window is overwritten again and again, under load, while stratos serves it."""
    rng, m = random.Random(11), front.window.memory
    for how in (64, 0x3000, 64 << 10, len(m)):
        front.load(1)
        for _ in range(300):
            at = rng.randrange(how)
            m[at:at + 4] = rng.randbytes(4)
            time.sleep(0.003)
        lives(front)
        front.loaded()  # what it read was written over: its exit code says nothing


def test_device_leaves(front):
    """A disk that is taken away with requests outstanding: they end, and its successor comes."""
    front.load(1)
    time.sleep(1)
    front.peer.stop_running()
    rogue = Rogue(front.window)
    rogue.put(2, 0x40, 0, struct.pack("<HH", BLK, 2))
    assert front.loaded(30)[0] != 0
    front.check("for i in $(seq 100); do [ ! -e /sys/block/vda ] && break; sleep 0.1; done; [ ! -e /sys/block/vda ]")
    lives(front)


def test_console_of_a_stuck_back_end(front):
    """More output than there is room for: it is dropped, the machine goes on, and the next back-end gets what comes then."""
    front.peer.stop_running()
    failed = front.counters()["failed"]
    front.check("for i in $(seq 400); do echo line $i >/dev/hvc0; done", timeout=30)
    assert front.counters()["failed"] > failed
    lives(front)
    front.check("echo and then >/dev/hvc0")
    time.sleep(0.5)
    assert b"and then" in (front.tmp / "console").read_bytes()


def test_back_end_gone_for_good(made):
    """Nobody waits for ever: after its patience the machine's requests end with errors; a new back-end serves again."""
    with scratch() as tmp, pair.Window(tmp) as window:
        make_disk(tmp)
        with Local(tmp, window) as peer, pair.Front(made, window) as front:
            front.wait_state("up")
            front.check("echo 2 >/sys/module/stratos_msg/parameters/patience")
            front.load(1)
            time.sleep(1)
            peer.stop()  # says so in the window
            code, out = front.loaded(30)
            assert code != 0 and "Input/output error" in out
            front.check("echo posted >/dev/hvc0", timeout=10)  # a console without a back-end blocks nobody
            front.tmp, front.peer = tmp, peer
            lives(front)
            front.peer.kill()


@pytest.mark.parametrize("kind, kib", [("rng", 64), ("i2c", 64), ("gpio", 64), ("blk", 64)])
def test_small(made, kind, kib):
    """A whole device, messages, rings and copies, in so little shared memory."""
    todo = [("fio verifies 4 MiB", checks.blk_fio)] if kind == "blk" else checks.CHECKS[kind]
    with scratch() as tmp, pair.Window(tmp, kib << 10) as window:
        make_disk(tmp)
        with Local(tmp, window, kind), pair.Front(made, window) as front:
            front.wait_state("up")
            front.check("sleep 1")
            for _, check in todo:
                check(front, None)
            assert front.counters()["bad"] == 0 and front.complaints() == ""
