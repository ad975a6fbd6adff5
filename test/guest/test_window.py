# SPDX-License-Identifier: BSD-3-Clause
"""--window on guests that do not keep to one. Those that do need the lab's kernel: test/lab/test_confined.py"""
import re

from confined import Confined, guest_memory, of_guest
from harness import Guest, scratch
from test_devices import STRATOS, bits, daemon, features


def test_all_memory_shared():
    """A guest whose memory is all shared: nothing of it is mapped."""
    with scratch() as tmp, daemon(tmp, "rng", "--window=32M") as back:
        with Guest("qemu", [("rng", tmp / "rng")]):
            assert re.search(r"the front-end shares (0x\w+ bytes at .*, but the window has at most 0x2000000|\d+, )", back.log), back.log
            assert "memfd" not in "".join(open(f"/proc/{back.process.pid}/maps"))


def test_kernel_without_pool():
    """Debian's kernel takes VIRTIO_F_ACCESS_PLATFORM and ignores the pool: its ring lies where nobody can reach it."""
    with scratch() as tmp, daemon(tmp, "rng", "--window") as back:
        with Confined(STRATOS, tmp, devices=[("rng", tmp / "rng")], stock=True) as guest:
            assert 33 in bits(features(guest, 4))
            assert re.search(r"ring 0 cannot start: it is not inside the window", back.log), back.log
            assert "front-end left" not in back.log
            window, _ = guest_memory(guest)
            assert of_guest(back.process.pid, window) == (32 << 20, [])
