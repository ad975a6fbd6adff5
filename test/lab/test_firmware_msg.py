# SPDX-License-Identifier: BSD-3-Clause
"""Linux served by our firmware by virtio-msg: one window for rng, i2c, gpio and, on the Cortex-R5, blk. Debian's kernel,
with the module of linux/. One boot of each board with the firmware's interrupt, one of the Cortex-R5 without."""
import hashlib
import random
import subprocess

import amp
import checks
import harness
import pytest

READS = 2000
DRIVER_TAIL = 0xc4  # of the driver's FIFO, from the window's start


class Host:
    """What the checks want to know of the disk."""

    def __init__(self, guest):
        self.guest = guest

    def disk_size(self):
        return amp.DISK_BYTES

    def disk_md5(self, offset, length):
        return hashlib.md5(self.guest.memory(amp.DISK + offset, length)).hexdigest()


MACHINES = {"zcu102_r5": amp.Zcu102Msg, "mps2_an385": amp.PairMsg}


@pytest.fixture(scope="module")
def firmware(tmp_path_factory):
    """The image of a board"""
    out = tmp_path_factory.mktemp("firmware")
    subprocess.run([harness.ROOT / "tools/firmware", "--out", out, *MACHINES], check=True)
    return lambda board: out / board / "msg.elf"


@pytest.fixture(scope="module", params=MACHINES)
def guest(request, firmware):
    machine = MACHINES[request.param]
    disk = random.Random(1).randbytes(1 << 20) if "blk" in machine.devices else None
    with machine(firmware(request.param), disk=disk) as machine:
        yield machine


def works(guest):
    checks.rng_bytes(guest, None)
    checks.i2c_dump(guest, None)
    checks.gpio_wire(guest, None)
    if "blk" not in guest.devices:
        return
    out = guest.check("dd if=/dev/vda bs=64k count=4 2>/dev/null | md5sum")
    assert out.split()[0] == hashlib.md5(guest.memory(amp.DISK, 256 << 10)).hexdigest()


def test_serves(guest):
    for device in guest.devices:
        dict(checks.CHECKS[device])["driver bound" if device != "blk" else "driver bound, capacity"](guest, Host(guest))
    works(guest)
    guest.check(f"dd if=/dev/hwrng of=/dev/null bs=64 count={READS} 2>&1 | grep -q '^{READS}+0 records in'", timeout=120)
    assert guest.count("bad") == 0 and guest.count("sessions") == 1 and guest.word(guest.orders + 8) == 0, guest.firmware_log()


def test_edges_come_by_interrupt(guest):
    before = guest.count("interrupts")
    checks.gpio_edges(guest, None)
    assert guest.count("interrupts") > before


def test_started_anew(guest):
    """Drivers do not notice: a new session begins, and what was not answered is asked again."""
    for end in [guest.reset_firmware, *([guest.crash_firmware] if hasattr(guest, "_crash") else [])]:
        before = guest.count("sessions")
        guest.check(f"rm -f /tmp/reads; (dd if=/dev/hwrng of=/dev/null bs=64 count={READS}; echo done) >/tmp/reads 2>&1 &")
        for _ in range(3):
            end()
            guest.wait_up(before + 1)
            before = guest.count("sessions")
        guest.check("for try in $(seq 600); do grep -q done /tmp/reads && exit 0; sleep 0.1; done; exit 1", timeout=70)
        assert f"{READS}+0 records in" in guest.check("cat /tmp/reads")
        assert guest.count("failed") == 0
        works(guest)


def test_lines_as_before(guest):
    """Behind a start of the firmware a line that is held drives its level, and one that is watched has its edges. Nobody in
    Linux asks for them again."""
    chip = checks.chip_of(guest)
    guest.check(f"gpioset -c {chip} 2=1 >/dev/null 2>&1 & echo $! >/tmp/holds; "
                f"timeout 60 gpiomon -c {chip} -n 2 -e both 1 >/tmp/edges 2>&1 & echo $! >/tmp/watches; sleep 1")
    before = guest.count("sessions")
    guest.reset_firmware()
    guest.wait_up(before + 1)
    assert guest.check(f"gpioget --numeric -c {chip} 3").strip().split()[0] == "1"
    guest.check(f"timeout 2 gpioset -c {chip} -t 200ms,200ms,200ms,0 0=1 >/dev/null 2>&1; "
                "for try in $(seq 300); do [ -d /proc/$(cat /tmp/watches) ] || break; sleep 0.1; done; kill $(cat /tmp/holds)", timeout=40)
    edges = guest.check("cat /tmp/edges")
    assert "rising" in edges and "falling" in edges, edges
    assert guest.check(f"gpioget --numeric -c {chip} 3").strip().split()[0] == "0"
    assert guest.count("bad") == 0
    works(guest)


def test_bound_anew(guest):
    for how in ("unbind", "bind"):
        guest.check(f"echo messages >/sys/bus/platform/drivers/stratos_msg/{how}")
    guest.wait_up()
    works(guest)


def test_corrupt_fifo(guest):
    """The firmware closes the window; the module begins a new session."""
    before = guest.count("sessions")
    guest.check(f"devmem {guest.windows['bus'][0] + DRIVER_TAIL:#x} 16 0x7777")
    guest.wait_up(before + 1)
    works(guest)


def test_without_interrupt(firmware):
    """The module looks by itself."""
    with amp.Zcu102Polled(firmware("zcu102_r5"), disk=random.Random(1).randbytes(1 << 20)) as machine:
        works(machine)
        checks.gpio_edges(machine, None)
        machine.reset_firmware()
        machine.wait_up(2)
        works(machine)
        assert machine.count("interrupts") == 0
