# SPDX-License-Identifier: BSD-3-Clause
"""A CAN bus between two guests with User-Mode Linux's stock virtio_can, by cansend and candump."""
import os
import re
import select
import time

from harness import Daemon, Guest, scratch
from test_devices import STRATOS

CAN = 36


def bus(tmp, *options):
    """One process, two devices on one simulated bus."""
    devices = [word for n, more in enumerate(options)
               for word in ("--device", f"can,name=can{n},socket={tmp}/can{n},host=sim:{more.replace(',', ',,')}")]
    return Daemon([STRATOS, "serve", *devices], socket=tmp / f"can{len(options) - 1}")


def guest(tmp, n):
    return Guest("uml", [(CAN, tmp / f"can{n}")])


def up(machine):
    machine.check("ip link set can0 up")


def listen(machine, count, *more):
    """candump in the background, until it has heard so many frames"""
    machine.check(f"rm -f /tmp/heard; candump -L -n {count} {' '.join(more)} can0 </dev/null >/tmp/heard 2>&1 & "
                  "sleep 0.3; true")


def heard(machine, count):
    """The frames that candump wrote, as cansend takes them"""
    machine.check(f"n=0; while [ $(wc -l </tmp/heard) -lt {count} ]; do n=$((n + 1)); [ $n -lt 200 ] || exit 1; sleep 0.05; done")
    return [line.split()[2] for line in machine.check("cat /tmp/heard").splitlines()]


def test_two_guests():
    frames = ["123#0102030405060708", "7FF#", "1ABCDEF0#55", "100#R", "123##0" + "AB" * 64, "1FFFFFFF##0" + "CD" * 12]
    with scratch() as tmp, bus(tmp, "b", "b"), guest(tmp, 0) as one, guest(tmp, 1) as two:
        for machine in (one, two):
            up(machine)
            assert "can0" in machine.check("ip link show can0")
        for sender, hearer in ((one, two), (two, one)):
            listen(hearer, len(frames))
            for frame in frames:
                sender.check(f"cansend can0 {frame}")
            got = heard(hearer, len(frames))
            assert [re.sub("##.", "##0", f) for f in got] == frames  # the kernel's own mark of FD frames is not the bus's
        # both at once: each hears all that it sent itself (standard or extended), and all of the other, in order
        count = 200
        for machine in (one, two):
            listen(machine, 2 * count, "-r 1000000")
        for machine, more in ((one, "-e"), (two, "")):
            machine.check(f"cangen can0 {more} -g 1 -n {count} -I i -L i -D i </dev/null >/dev/null 2>&1 & true")
        for machine in (one, two):
            ids = [f.split("#")[0] for f in heard(machine, 2 * count)]
            for digits in (3, 8):
                assert [int(i, 16) for i in ids if len(i) == digits] == list(range(count))
        # stopped and started: the interface goes down and comes back
        one.check("ip link set can0 down")
        two.check("cansend can0 123#11")
        up(one)
        listen(one, 1)
        two.check("cansend can0 124#22")
        assert heard(one, 1) == ["124#22"]


class Adapter:
    """A tool of this host on the bus: SLCAN over the terminal that the daemon made"""

    def __init__(self, path):
        self.fd, self.rest = os.open(path, os.O_RDWR | os.O_NOCTTY), b""
        for line, answer in ((b"C\r", b""), (b"S6\r", b""), (b"O\r", b"")):
            os.write(self.fd, line)
            assert self.line() == answer

    def line(self):
        """The next line; BEL is one of its own"""
        end = time.monotonic() + 20
        while not (found := re.match(rb"([^\r\a]*)\r|(\a)", self.rest)):
            assert select.select([self.fd], [], [], max(0, end - time.monotonic()))[0], f"no line came, only {self.rest}"
            self.rest += os.read(self.fd, 4096)
        self.rest = self.rest[found.end():]
        return found.group(1) if found.group(2) is None else b"\a"

    def send(self, frame):
        os.write(self.fd, frame + b"\r")
        assert self.line() in (b"z", b"Z")

    def close(self):
        os.close(self.fd)


def test_two_guests_and_the_host():
    """Each of the three is heard by the two others; what the host writes wrongly harms nobody."""
    with scratch() as tmp, bus(tmp, f"b,slcan={tmp}/tty", "b"), guest(tmp, 0) as one, guest(tmp, 1) as two:
        for machine in (one, two):
            up(machine)
        host = Adapter(tmp / "tty")
        for sender, hearer in ((one, two), (two, one)):
            listen(hearer, 3)
            for frame in ("123#0102", "1ABCDEF0#55", "456##0" + "AB" * 12):
                sender.check(f"cansend can0 {frame}")
            assert [host.line() for _ in range(3)] == [b"t12320102", b"T1ABCDEF0155", b"d4569" + b"AB" * 12]
            heard(hearer, 3)
        for machine in (one, two):
            listen(machine, 4)
        for frame in (b"t7FF0", b"T0000000181122334455667788", b"r1000"):
            host.send(frame)
        for wrong in (b"t7FF9\r", b"t8000\r", b"x" * 3000 + b"\r"):
            os.write(host.fd, wrong)
            assert host.line() == b"\a"
        host.send(b"t0010")
        for machine in (one, two):
            got = heard(machine, 4)  # which of those that wait is first, their identifiers decide
            assert sorted(got) == ["00000001#1122334455667788", "001#", "100#R", "7FF#"]
        host.close()


def test_bus_off():
    """A guest that drives itself off the bus is told by the configuration; restarted, it takes part again."""
    with scratch() as tmp, bus(tmp, "b,busoff=666", "b") as daemon, guest(tmp, 0) as one, guest(tmp, 1) as two:
        for machine in (one, two):
            up(machine)
        one.check("candump -L -n 1 can0,0:0,#FFFFFFFF </dev/null >/tmp/errors 2>&1 & sleep 0.3; true")
        one.check("cansend can0 666#00")
        one.check("n=0; while [ ! -s /tmp/errors ]; do n=$((n + 1)); [ $n -lt 200 ] || exit 1; sleep 0.05; done")
        assert one.check("cat /tmp/errors").split()[2].startswith("20000040#")  # CAN_ERR_FLAG, bus-off
        assert "bus-off" in daemon.log
        listen(one, 1)
        two.check("cansend can0 001#01")
        time.sleep(0.5)
        assert one.check("cat /tmp/heard") == ""
        one.check("ip link set can0 down")
        up(one)
        listen(one, 1)
        two.check("cansend can0 002#02")
        assert heard(one, 1) == ["002#02"]
