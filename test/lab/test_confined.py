# SPDX-License-Identifier: BSD-3-Clause
"""A guest that shares one window of its memory with the back-ends, on this system's QEMU. docs/window.md"""
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "guest"))
import checks  # noqa: E402
import confined  # noqa: E402
from harness import scratch  # noqa: E402
from test_devices import STRATOS, bits, check_blk, check_rng, daemon, disk, features  # noqa: E402

ACCESS_PLATFORM, PACKED = 33, 34


def test_mmio():
    with scratch() as tmp, daemon(tmp, "rng", "--window=32M") as rng, daemon(tmp, "blk", disk(tmp), "--window=32M") as blk:
        devices = [("rng", tmp / "rng"), ("blk", tmp / "blk", {"packed": "on"})]
        with confined.Confined(STRATOS, tmp, devices=devices) as guest:
            assert ACCESS_PLATFORM in bits(features(guest, 4))
            assert {ACCESS_PLATFORM, PACKED} <= bits(features(guest, 2))
            check_rng(guest)
            check_blk(guest, tmp)
            window, _ = confined.guest_memory(guest)
            for d in (rng, blk):
                assert confined.of_guest(d.process.pid, window) == (32 << 20, [])
        assert "needs a reset" not in rng.log + blk.log


def test_pci():
    """The pool of the host bridge is that of the devices behind it."""
    with scratch() as tmp, daemon(tmp, "blk", disk(tmp), "--window") as blk:
        extra = ["-chardev", f"socket,id=p0,path={tmp}/blk", "-device", "vhost-user-blk-pci,chardev=p0,disable-legacy=on,iommu_platform=on"]
        with confined.Confined(STRATOS, tmp, extra=extra) as guest:
            assert ACCESS_PLATFORM in bits(features(guest, 2))
            check_blk(guest, tmp)
            window, _ = confined.guest_memory(guest)
            assert confined.of_guest(blk.process.pid, window) == (32 << 20, [])
        assert "needs a reset" not in blk.log


def test_feature_not_offered():
    """Without VIRTIO_F_ACCESS_PLATFORM Linux ignores the pool: the device refuses, guest and connection live on."""
    with scratch() as tmp, daemon(tmp, "rng", "--window") as back:
        with confined.Confined(STRATOS, tmp, devices=[("rng", tmp / "rng")], platform=False) as guest:
            assert ACCESS_PLATFORM not in bits(features(guest, 4))
            assert guest.run("timeout 2 head -c 16 /dev/hwrng 2>/dev/null | wc -c")[1].split()[:1] != ["16"]
            assert "not inside the window; the guest must be offered VIRTIO_F_ACCESS_PLATFORM" in back.log
            assert back.log.count("needs a reset") == 1 and "front-end left" not in back.log


def test_window_too_large():
    with scratch() as tmp, daemon(tmp, "rng", "--window=16M") as back:
        with confined.Confined(STRATOS, tmp, devices=[("rng", tmp / "rng")]) as guest:
            window, _ = confined.guest_memory(guest)
            assert "shares 0x2000000 bytes at guest address 0x5e000000, but the window has at most 0x1000000" in back.log
            assert confined.of_guest(back.process.pid, window) == (0, [])


@pytest.mark.parametrize("kind, kib", [("rng", 64), ("i2c", 64), ("gpio", 64), ("blk", 1024)])
def test_small(kind, kib):
    """A whole device, rings and bounce buffers, in so little shared memory."""
    host = ["--host=memory", "--size=16M"] if kind == "blk" else []
    todo = [("fio verifies 4 MiB", checks.blk_fio)] if kind == "blk" else checks.CHECKS[kind]
    with scratch() as tmp, daemon(tmp, kind, f"--window={kib}K", *host) as back:
        with confined.Confined(STRATOS, tmp, "arm64-qemu11", [(kind, tmp / kind)], window=kib / 1024) as guest:
            for _, check in todo:
                check(guest, None)
            window, _ = confined.guest_memory(guest)
            assert confined.of_guest(back.process.pid, window) == (kib << 10, [])
        assert "needs a reset" not in back.log


def test_features_ok():
    """A driver that does not take VIRTIO_F_ACCESS_PLATFORM gets no FEATURES_OK, one that does gets it."""
    with scratch() as tmp, daemon(tmp, "rng", "--window") as back:
        with confined.Confined(STRATOS, tmp, devices=[("rng", tmp / "rng")]) as guest:
            assert ACCESS_PLATFORM in bits(features(guest, 4))
            guest.check("cd /sys/bus/virtio/drivers/virtio_rng; echo virtio0 >unbind")
            base = int(re.search(r"(\w+)\.virtio_mmio", guest.check("readlink /sys/bus/virtio/devices/virtio0"))[1], 16)
            for high, status in ((1, 0x3), (3, 0xb)):  # version 1, and with bit 33
                out = guest.check("w() { devmem $((%d + $1)) 32 $2; }; w 0x70 0; w 0x70 1; w 0x70 3; w 0x24 0; w 0x20 0; "
                                  "w 0x24 1; w 0x20 %d; w 0x70 0xb; w 0x70" % (base, high))
                assert int(out, 16) == status, f"features 0x{high:x}00000000: status {out}"
        assert "needs a reset" not in back.log
