# SPDX-License-Identifier: BSD-3-Clause
"""Linux served by our firmware on each board: a Cortex-R5, a Cortex-M3, a domain of Xen. One boot each."""
import re
import time

import amp
import checks
import pytest
import xenpair

MACHINES = {"zcu102_r5": amp.Zcu102, "mps2_an385": amp.Pair, "xen_domu": xenpair.XenPair}
DRIVERS = "/sys/bus/platform/drivers/virtio-mmio"
READS = 2000
on_m3 = pytest.mark.parametrize("guest", ["mps2_an385"], indirect=True)
on_xen = pytest.mark.parametrize("guest", ["xen_domu"], indirect=True)


@pytest.fixture(scope="module", params=MACHINES)
def guest(request):
    with MACHINES[request.param](amp.firmware(request.param)) as machine:
        yield machine


def works(guest):
    checks.rng_bytes(guest, None)
    checks.i2c_dump(guest, None)
    checks.i2c_temperature(guest, None)


def starts(guest):
    return guest.word(guest.orders + 4)


def reads(guest):
    out = guest.check(f"dd if=/dev/hwrng of=/dev/null bs=64 count={READS} 2>&1", timeout=120)
    assert f"{READS}+0 records in" in out, out


def test_serves(guest):
    works(guest)
    reads(guest)
    assert starts(guest) == 1 and guest.word(guest.orders + 8) == 0, guest.firmware_log()


def test_started_anew(guest):
    """Linux does not notice, wherever the firmware was."""
    for end in [guest.reset_firmware, *([guest.crash_firmware] if hasattr(guest, "_crash") else [])]:
        guest.check(f"dd if=/dev/hwrng of=/dev/null bs=64 count={READS} >/tmp/reads 2>&1; echo done >>/tmp/reads &")
        before = starts(guest)
        for _ in range(3):
            end()
        assert starts(guest) == before + 3
        guest.check("for try in $(seq 600); do grep -q done /tmp/reads && exit 0; sleep 0.1; done; exit 1", timeout=70)
        assert f"{READS}+0 records in" in guest.check("cat /tmp/reads")
        works(guest)


def test_bound_anew(guest):
    for at in guest.regs.values():
        guest.check(f"echo {at:x}.virtio >{DRIVERS}/unbind; echo {at:x}.virtio >{DRIVERS}/bind")
    works(guest)


@on_m3
def test_waits(guest):
    """Nobody asks for anything: each turn ends in waiting for the tick. Linux may ask by itself, so: in some second of many."""
    turns, waits = guest.orders + 12, guest.orders + 16
    for _ in range(60):
        waited, before = guest.word(waits), guest.word(turns)
        time.sleep(1)
        done = guest.word(turns) - before
        waited = guest.word(waits) - waited
        if 1 < done <= waited + 1:
            works(guest)
            return
    pytest.fail(f"{done} turns in the last second, {waited} of them waited")


@on_xen
def test_xen_has_no_part(guest):
    """No access of either domain is trapped, and neither ever asks Xen for anything."""
    before = guest.counters()
    reads(guest)
    after = guest.counters()
    traps = {n: after[n] - before[n] for n in after if re.match("trap|vgic|vuart|vpsci", n) and after[n] > before[n]}
    assert not traps and after["hypercalls"] == 0, f"{after['hypercalls']} hypercalls, {traps}"
    assert after["#GUEST-IRQS"] - before["#GUEST-IRQS"] >= READS / 2, "Xen's counters stand still"


@on_xen
def test_fault_is_a_start(guest):
    """What is not mapped cannot be run; the firmware starts anew, and says so."""
    before, faults = starts(guest), guest.word(guest.orders + 8)
    guest.jump(0x50000000)
    guest.wait_started(before)
    assert guest.word(guest.orders + 8) == faults + 1
    works(guest)
