# SPDX-License-Identifier: BSD-3-Clause
"""The Xen lab itself: if these fail, the tests of devices on Xen mean nothing."""
import re

import pytest
from xenlab import GuestError


def domains(xen):
    return [line.split()[0] for line in xen.check("xl list").splitlines()[1:]]


def test_control_domain_boots(xen):
    assert domains(xen) == ["Domain-0"]
    info = xen.check("xl info")
    assert re.search(r"^xen_version +: 4\.17", info, re.M), info
    assert "control_d" in xen.check("cat /proc/xen/capabilities")
    for node in ("evtchn", "privcmd", "gntdev", "gntalloc"):
        xen.check(f"test -c /dev/xen/{node}")


def test_files_go_in_and_out(xen):
    data = bytes(range(256)) * 40
    xen.put("/tmp/bytes", data)
    assert xen.get("/tmp/bytes") == data


def test_guest_answers_and_is_destroyed(xen):
    with xen.create("g1") as guest:
        assert guest.domid > 0
        assert guest.check("cat /sys/hypervisor/type").strip() == "xen"
        assert guest.run("exit 7")[0] == 7
        long = "echo " + "x" * 20000  # more than a console buffers
        assert guest.check(long).strip() == "x" * 20000
        data = bytes(range(256)) * 20
        guest.put("/tmp/bytes", data)
        assert guest.get("/tmp/bytes") == data
        assert domains(xen) == ["Domain-0", "g1"]
    assert domains(xen) == ["Domain-0"]


def test_two_guests_with_two_vcpus(xen):
    with xen.create("a", vcpus=2, wait=False) as a, xen.create("b", vcpus=2, wait=False) as b:
        for guest in (a, b):
            assert guest.ready().check("nproc").strip() == "2"
        a.check("echo a >/tmp/name")
        b.check("echo b >/tmp/name")
        assert a.check("cat /tmp/name") == "a\n"
        assert b.check("cat /tmp/name") == "b\n"


def test_guest_powers_off_and_reboots(xen):
    guest = xen.create("g2")
    first = guest.domid
    guest.run("sh -c 'sleep 0.5; reboot -f' >/dev/null 2>&1 &")
    guest.attach(after=first)
    assert guest.ready().domid > first
    guest.shut_down()
    assert domains(xen) == ["Domain-0"]


def test_errors_say_what_happened(xen):
    with pytest.raises(GuestError, match="xl create of broken failed"):
        xen.create("broken", kernel="/no/such/file")
    assert domains(xen) == ["Domain-0"]
