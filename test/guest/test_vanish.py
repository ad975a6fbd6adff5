# SPDX-License-Identifier: BSD-3-Clause
"""Control devices on what a real kernel has, all of one process: a CAN interface (vcan), a sensor of hwmon (lm75 on i2c-stub),
an eMMC (QEMU's), a watchdog (softdog) and clocks. Resources vanish and come back; at the end nobody feeds the watchdog.
The driver is ask.c, which says what it is told."""
import struct
import time

import test_emmc
from asking import Driver, added
from harness import scratch
from test_emmc import NODE

CLASSIC, FD, LATE_TX_ACK = 1, 2, 8  # features of can
GONE = struct.pack("<i", -9).hex()  # SCMI: HARDWARE_ERROR
BOARD = """
sensors:
  - { name: soc, type: celsius, scale: -3, min: -55000, max: 125000, path: HWMON/temp1_input }
clocks:
  - { name: limit, rates: [60000, 70000], path: HWMON/temp1_max }
"""


class Can(Driver):
    def control(self, mode):
        return self.ask(struct.pack("<H", mode), 1, queue=2)[0]

    def send(self, number, data):
        return self.ask(struct.pack("<HHxxxxII", 1, len(data), 0, number) + data, 1)[0]

    def works(self):
        """A frame of the driver is heard by candump, one of cansend by the driver."""
        self.m.check("rm -f /run/heard; candump -L -n 1 vcan0 >/run/heard 2>&1 </dev/null & sleep 0.5")
        assert self.send(0x123, b"\xaa\xbb") == 0
        assert self.m.check("n=0; while [ ! -s /run/heard ]; do n=$((n + 1)); [ $n -lt 100 ] || exit 1; sleep 0.1; done; "
                            "cat /run/heard").split()[2] == "123#AABB"
        self.m.check("(sleep 2; exec cansend vcan0 456#0102) >/dev/null 2>&1 </dev/null &")
        kind, length, flags, number = struct.unpack("<HHxxxxII", self.ask(b"", 24, queue=1)[:16])
        assert (kind, length, flags, number) == (0x0101, 2, 0, 0x456)


class Scmi(Driver):
    def command(self, protocol, message, *words, room=8):
        answer = self.ask(struct.pack(f"<{len(words) + 1}I", protocol << 10 | message, *words), room)
        return answer[4:8].hex(), answer[8:]

    def reading(self):
        return self.command(0x15, 6, 0, 0, room=24)

    def works(self, want=25500):
        status, value = self.reading()
        assert (status, struct.unpack("<q", value[:8])[0]) == ("00000000", want)


class Rpmb(Driver):
    def result(self):
        """Of the question for the write counter"""
        answer = self.ask(bytes(506) + struct.pack(">HHH", 1, 0, 2), 512)
        assert answer[510:] == b"\x02\x00"
        return answer[509]

    def works(self):
        assert self.result() == 7  # there is a card, and it has no key


class Watchdog(Driver):
    def start(self, ms):
        return self.ask(struct.pack("<HHIIxxxx", 1, 0, ms, 0), 4)[0]

    def works(self):
        assert self.ask(struct.pack("<HH", 3, 0), 4)[0] == 0


class Rtc(Driver):
    def works(self):
        answer = self.ask(struct.pack("<Hxxxxxx8x", 1), 16)
        assert answer[0] == 0 and abs(struct.unpack("<Q", answer[8:])[0] / 1e9 - float(self.m.check("date +%s"))) < 60


class Machine(test_emmc.Machine):
    def _kernel(self):
        kernel, initrd = super()._kernel()
        return kernel, added(initrd, self.tmp)


def prepare(m):
    """The kernel's resources, and one process that serves them"""
    m.check("modprobe -a vcan can-raw softdog lm75 i2c-dev && modprobe i2c-stub chip_addr=0x48")
    m.check("ip link add vcan0 type vcan && ip link set vcan0 mtu 72 up")
    bus = m.check("for b in /sys/bus/i2c/devices/i2c-*; do grep -q stub $b/name && echo $b; done").split()[0]
    number = bus.rsplit("-", 1)[1]
    m.check(f"i2cset -y {number} 0x48 0 0x8019 w && echo lm75 0x48 >{bus}/new_device")  # 25.5 degrees
    hwmon = m.check(f"echo {bus}/{number}-0048/hwmon/hwmon*").strip()
    assert m.check(f"cat {hwmon}/temp1_input") == "25500\n"
    m.put("/run/board", BOARD.replace("HWMON", hwmon).encode())
    m.check(f"n=0; while [ ! -c {NODE} ]; do n=$((n + 1)); [ $n -lt 300 ] || exit 1; sleep 0.1; done")
    devices = {"can": "linux:vcan0", "scmi": "linux:/run/board", "rpmb": f"mmc:{NODE}", "watchdog": "linux:/dev/watchdog0", "rtc": "linux"}
    m.check("stratos serve " + " ".join(f"--device {d},socket=/run/{d},host={h}" for d, h in devices.items()) +
            " >/run/log 2>&1 </dev/null & echo $! >/run/pid; n=0; while [ ! -S /run/rtc ]; do n=$((n + 1)); [ $n -lt 300 ] || exit 1; sleep 0.1; done")
    return number, bus


def test_resources_of_a_real_kernel():
    with scratch() as tmp, Machine(tmp) as m:
        number, bus = prepare(m)
        can, scmi, rpmb = Can(m, "can", 3, CLASSIC | LATE_TX_ACK), Scmi(m, "scmi", 2), Rpmb(m, "rpmb", 1)
        dog, rtc = Watchdog(m, "watchdog", 2), Rtc(m, "rtc", 1)
        assert can.control(0x0201) == 0 and dog.start(600000) == 0
        assert "active" in m.check("cat /sys/class/watchdog/watchdog0/state")

        def all_work(but=()):
            for d in (can, scmi, rpmb, dog, rtc):
                if d not in but:
                    d.works()

        all_work()
        # what is in the chip is read, and what is set reaches it
        m.check(f"i2cset -f -y {number} 0x48 0 0x0020 w")
        scmi.works(32000)
        assert scmi.command(0x14, 5, 0, 0, 70000, 0)[0] == "00000000"
        assert m.check(f"i2cget -f -y {number} 0x48 3 w") == "0x0046\n"  # 70 degrees
        m.check(f"i2cset -f -y {number} 0x48 0 0x8019 w")

        # the interface is pulled out, and comes back as another one of that name
        m.check("ip link del vcan0")
        assert can.line("config 0 2") == "0100"  # bus-off
        assert can.send(0x123, b"") == 1 and can.control(0x0201) == 1
        all_work(but=[can])
        m.check("ip link add vcan0 type vcan && ip link set vcan0 up")
        assert can.control(0x0201) == 0 and can.line("config 0 2") == "0000"
        all_work()

        # the sensor's chip
        m.check(f"echo 0x48 >{bus}/delete_device")
        for _ in range(3):
            assert scmi.reading()[0] == GONE and scmi.command(0x14, 5, 0, 0, 60000, 0)[0] == GONE
            all_work(but=[scmi])

        # the card
        m.check("d=/sys/bus/pci/drivers/sdhci-pci; n=$(cd $d && echo 0000:*); echo $n >$d/unbind")
        for _ in range(3):
            assert rpmb.result() == 1
            all_work(but=[scmi, rpmb])
        log = m.check("cat /run/log")
        for said in ("vcan0: Network is down; the guest is told", "board: warning: soc: No such device",
                     "board: warning: limit: No such device", "the eMMC does not answer: "):
            assert log.count(said) == 1, log
        m.check("kill -0 $(cat /run/pid); ! dmesg | grep -E 'BUG|Oops'")

        # the driver hangs: the machine is reset, which QEMU ends at
        assert dog.start(2000) == 0
        end = time.monotonic() + 120
        while m.alive() and time.monotonic() < end:
            m._drain(0.5)
        assert not m.alive()
