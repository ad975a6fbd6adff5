# SPDX-License-Identifier: BSD-3-Clause
"""Devices for guests of Xen 4.17, over foreign pages: what reaches the disk, what a bad xenstore does, clear errors."""
import re

import pytest
from serving import PACKED, Stratos, Traffic, blk, both_ways, entropy, negotiated, random_file, rng

MIB = 64


def test_two_guests_of_two_vcpus(xen):
    """One daemon, packed rings for one guest, split ones for the other; 64 MiB of each disk read and written."""
    for name in "ab":
        random_file(xen, f"/var/{name}", MIB)
    guests = {"a": [blk("/var/a"), rng()], "b": [blk("/var/b", packed="off"), rng(packed="off")]}
    with Stratos(xen, guests) as stratos:
        with stratos.guest("a", wait=False) as a, stratos.guest("b", wait=False) as b:
            for guest, packed in ((a, True), (b, False)):
                assert guest.ready().check("nproc").strip() == "2"
                assert [negotiated(guest, n, PACKED) for n in (0, 1)] == [packed, packed]
            both_ways(xen, [(a, "vda", "/var/a"), (b, "vda", "/var/b")], MIB)
            for guest in (a, b):
                entropy(guest)
            domids = a.domid, b.domid
        for domid in domids:
            done = stratos.counters(domid)
            assert done["map calls"] == done["unmap calls"] > 0 and done["refused"] == 0, done
    xen.check("rm -f /var/a /var/b")


@pytest.fixture(scope="module")
def served(xen):
    """Guests a and b with a disk and a generator each; a's third device has no node yet."""
    for name in "ab":
        xen.check(f"truncate -s 64M /var/{name}")
    with Stratos(xen, {"a": [blk("/var/a"), rng(), rng(name="odd")], "b": [blk("/var/b"), rng()]}) as stratos:
        disk = stratos.config("a")["disk"][:2]
        with stratos.guest("a", disk=disk, wait=False) as a, stratos.guest("b", wait=False) as b:
            yield stratos, a.ready(), b.ready()
    xen.check("rm -f /var/a /var/b")


GARBAGE = {
    "base is a word": {"base": "abc", "irq": "40"},
    "base is not where registers can be": {"base": "0x2000401", "irq": "40"},
    "base is beyond all memory": {"base": "0xfffffffffffffe00", "irq": "40"},
    "no irq": {"base": "0x2000400"},
    "irq is too large": {"base": "0x2000400", "irq": "99999999999999999999"},
    "nothing": {},
}


@pytest.mark.parametrize("values", list(GARBAGE.values()), ids=list(GARBAGE))
def test_node_of_garbage(xen, served, values):
    """The device whose node it is fails alone, and the log names domain and device."""
    stratos, a, b = served
    node = f"/local/domain/0/backend/virtio_disk/{a.domid}/51744"
    stratos.clear_log()
    xen.check("; ".join(f"xenstore-write {node}/{k} '{v}'" for k, v in {**values, "state": "1"}.items()))
    stratos.wait_log(f"odd: error: domain {a.domid}: base")
    assert xen.check(f"xenstore-read {node}/state").strip() == "1"
    xen.check(f"xenstore-rm {node}")
    for guest in (a, b):
        entropy(guest)


@pytest.mark.parametrize("state", ["", "wrong", "-1", "7", "4294967297", "1 "])
def test_state_of_garbage(xen, served, state):
    """Not a state: nothing is done with the node."""
    stratos, a, b = served
    node = f"/local/domain/0/backend/virtio_disk/{a.domid}/51744"
    xen.check(f"xenstore-write {node}/base 0x2000400; xenstore-write {node}/irq 40; "
              f"xenstore-write -- {node}/state '{state}'")
    for guest in (a, b):
        entropy(guest)
    assert xen.check(f"xenstore-read {node}/state").rstrip("\n") == state
    assert "odd: domain" not in stratos.log()
    xen.check(f"xenstore-rm {node}")


def test_node_removed_under_traffic(xen, served):
    """The device is gone for its guest; the guest's other device and the other guest go on."""
    stratos, a, b = served
    ours, theirs = Traffic(a, "vda", size="256k"), Traffic(b, "vda", size="256k")
    a.check("(while head -c 64 /dev/hwrng; do sleep 0.05; done) >/dev/null 2>&1 &")
    ours.more()
    stratos.clear_log()
    xen.check(f"xenstore-rm /local/domain/0/backend/virtio_disk/{a.domid}/51728")
    stratos.wait_log(f"a-rng1: domain {a.domid}: left")
    a.check("cd /sys/bus/virtio/drivers/virtio_rng && for d in virtio*; do echo $d >unbind || exit 1; done", 30)
    for traffic in (ours, theirs):
        traffic.more()
        traffic.stop()
    entropy(b)
    assert stratos.alive()


def test_errors_name_what_is_missing(xen):
    def fails(command):
        rc, out = xen.run(f"timeout 20 {command} 2>&1")
        assert rc == 1, f"code {rc}: {out}"
        return out

    by_hand = "stratos serve --xen 99 --device rng,xen-base=0x2000000,xen-irq=33"
    assert re.search(r"rng0: domain 99: .*there is no such domain", fails(by_hand))
    xen.check("mv /dev/xen/privcmd /dev/xen/away")
    try:
        assert re.search(r"/dev/xen/privcmd: No such file.*modprobe", fails(by_hand))
    finally:
        xen.check("mv /dev/xen/away /dev/xen/privcmd")
