# SPDX-License-Identifier: BSD-3-Clause
"""A CAN bus between two guests with User-Mode Linux's stock virtio_can, by cansend and candump."""
import re
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
