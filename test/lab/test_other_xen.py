# SPDX-License-Identifier: BSD-3-Clause
"""The lab's other machines: Xen 4.17 with FLASK; and Xen 4.20, whose toolstack knows virtio, with the lab's own kernel in
guests and control domain: devices over grants.

An idle machine costs a processor, so these come before the one that all other tests share: the order is that of names.
"""
import re

import pytest
from serving import PACKED, Stratos, Traffic, blk, both_ways, entropy, negotiated, random_file, rng
from xenlab import BACKEND, Xen

ACCESS_PLATFORM = 33


@pytest.fixture(scope="module")
def xen420():
    with Xen("4.20", lab_kernel="dom0") as machine:
        yield machine


def may_be_a_backend(xen, **label):
    """An ordinary domain has the program and all that it opens."""
    with xen.create("back", append=BACKEND, ramdisk=xen.backend_initrd(), **label) as back:
        assert back.check("stratos --version").startswith("stratos ")
        for node in ("evtchn", "privcmd", "gntdev"):
            back.check(f"test -c /dev/xen/{node}")
        if label:
            assert "stratos_t" in xen.check("xl list -Z")


def test_flask():
    with Xen("4.17", "flask", append="flask=enforcing") as xen:
        assert re.search(r"^xen_version +: 4\.17", xen.check("xl info"), re.M)
        may_be_a_backend(xen, seclabel="system_u:system_r:stratos_t")


def test_newer_xen(xen420):
    assert re.search(r"^xen_version +: 4\.20", xen420.check("xl info"), re.M)
    may_be_a_backend(xen420)


@pytest.mark.parametrize("grants, mib", [(True, 64), (False, 8)], ids=["grants", "foreign"])
def test_packed_and_split(xen420, grants, mib):
    for name in "ab":
        random_file(xen420, f"/var/{name}", mib)
    guests = {"a": [blk("/var/a"), rng()], "b": [blk("/var/b", packed="off"), rng(packed="off")]}
    with Stratos(xen420, guests, grants=grants) as stratos:
        with stratos.guest("a", wait=False) as a, stratos.guest("b", wait=False) as b:
            for guest, packed in ((a, True), (b, False)):
                guest.ready()
                assert [negotiated(guest, n, PACKED) for n in (0, 1)] == [packed, packed]
                assert [negotiated(guest, n, ACCESS_PLATFORM) for n in (0, 1)] == [grants, grants]
            both_ways(xen420, [(a, "vda", "/var/a"), (b, "vda", "/var/b")], mib)
            for guest in (a, b):
                entropy(guest)
            domids = a.domid, b.domid
        for domid in domids:
            done = stratos.counters(domid)
            assert done["map calls"] == done["unmap calls"] > 0 and done["refused"] == 0, done
    xen420.check("rm -f /var/a /var/b")


def test_daemon_killed_under_load(xen420):
    """What was granted for requests in flight is mapped anew by the next process."""
    xen420.check("truncate -s 64M /var/a")
    with Stratos(xen420, {"a": [blk("/var/a"), rng()]}, grants=True) as stratos:
        with stratos.guest("a") as guest:
            traffic = Traffic(guest, "vda")
            for signal in ("KILL", "TERM", "KILL"):
                traffic.more()
                stratos.restart(signal)
            traffic.more()
            traffic.stop()
            entropy(guest)
    xen420.check("rm -f /var/a")
