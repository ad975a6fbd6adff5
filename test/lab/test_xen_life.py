# SPDX-License-Identifier: BSD-3-Clause
"""Guests and the daemon come and go in any order, on Xen 4.17, and leave nothing behind."""
import re
import time

import pytest
from serving import LOG, Stratos, Traffic, blk, entropy, negotiated, rng

CYCLES, BOOTED = 20, 3  # of them, these many boot
SERIES = ["KILL", "KILL", "TERM", "KILL", "TERM"]
RESUMED = "from where an earlier process ended"


@pytest.fixture
def disks(xen):
    names = ["/var/d0", "/var/d1"]
    xen.check("; ".join(f"truncate -s 64M {n}" for n in names))
    yield names
    xen.check("rm -f " + " ".join(names))


def test_daemon_killed_under_load(xen, disks):
    """A series of kills and orderly restarts; the guest, writing over packed and split rings, only waits."""
    with Stratos(xen, {"g": [blk(disks[0]), blk(disks[1], packed="off"), rng()]}) as stratos:
        with stratos.guest("g") as guest:
            assert [negotiated(guest, n, 34) for n in (0, 1)] == [True, False]
            traffic = Traffic(guest, "vda", "vdb")
            traffic.more()
            for signal in SERIES:
                stratos.restart(signal)
                stratos.wait_log(RESUMED, times=3)
                time.sleep(1)
            traffic.more()
            traffic.stop()
            entropy(guest)
            domid = guest.domid
        done = stratos.counters(domid)
        assert done["map calls"] == done["unmap calls"], done


def test_guest_paused_rebooted_crashed(xen, disks):
    """The same daemon serves the next domain of that name each time."""
    with Stratos(xen, {"g": [blk(disks[0]), rng()]}) as stratos:
        with stratos.guest("g", on_reboot="restart") as guest:
            traffic = Traffic(guest, "vda")
            traffic.more()
            guest.pause()
            time.sleep(1)
            guest.unpause()
            traffic.more()
            first = guest.domid
            guest.run("sh -c 'sleep 0.3; reboot -f' >/dev/null 2>&1 &")
            stratos.wait_left(first, 2)
            guest.attach(after=first)
            assert guest.ready().domid > first
            entropy(guest)
        with stratos.guest("g", on_reboot="destroy") as guest:  # that is what panic=-1 makes of a crash
            Traffic(guest, "vda").more()
            guest.run("sh -c 'sleep 0.3; echo c >/proc/sysrq-trigger' >/dev/null 2>&1 &")
            stratos.wait_left(guest.domid, 2)
            xen.wait_gone("g")
        with stratos.guest("g") as guest:
            entropy(guest)


def test_daemon_started_late(xen, disks):
    """While the toolstack waits for it."""
    stratos = Stratos(xen, {"g": [blk(disks[0]), rng()]})
    stratos.start(after=3)
    try:
        with stratos.guest("g") as guest:
            entropy(guest)
    finally:
        stratos.signal("KILL")


def held(xen, stratos):
    """What the daemon and Xen hold for guests."""
    xen.check("xl dmesg -c >/dev/null; xl debug-keys e")
    for _ in range(50):
        dump = xen.check("xl dmesg")
        if "Event channel information for domain 0" in dump:
            break
    zero = dump.split("Event channel information for domain 0")[1].split("Event channel information")[0]
    pid = stratos.pid
    return {"descriptors": xen.check(f"ls /proc/{pid}/fd | wc -l").strip(),
            "mappings": xen.check(f"grep -c xen /proc/{pid}/maps || true").strip(),
            "event channels": len(re.findall(r"\[\d/\d/", zero)),
            "xenstore": xen.check("xenstore-ls -f /local/domain/0/backend | wc -l").strip(),
            "state files": xen.check("ls /run/stratos | wc -l").strip(),
            "domains": xen.check("xl list | tail -n +2 | cut -d' ' -f1").split()}


def cycle(xen, stratos, boots):
    with stratos.guest("g", paused=not boots) as guest:
        if boots:
            entropy(guest)
    return guest.domid


def test_cycles_leave_nothing(xen, disks):
    """20 guests created and destroyed, some with traffic, some before they ran."""
    with Stratos(xen, {"g": [blk(disks[0]), rng()]}) as stratos:
        domids = [cycle(xen, stratos, True)]
        before = held(xen, stratos)
        assert before["domains"] == ["Domain-0"]
        for n in range(CYCLES):
            domids.append(cycle(xen, stratos, n % (CYCLES // BOOTED) == 1))
        assert held(xen, stratos) == before
        for domid in domids:
            done = stratos.counters(domid)
            assert done["map calls"] == done["unmap calls"], f"domain {domid}: {done}"
        assert "(null)" not in xen.check("xl list")
        assert "warning" not in xen.check(f"cat {LOG}")
