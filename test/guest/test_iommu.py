# SPDX-License-Identifier: BSD-3-Clause
"""A guest whose devices sit behind an emulated IOMMU: every address that the device sees is translated by QEMU.

Intel's IOMMU with ATS is the configuration to use: QEMU then passes on every invalidation. QEMU gives a device the ATS
capability only behind a pcie-root-port, whatever ats= says. Without it QEMU 7.2 passes on some invalidations and not
others, which must cost speed only.
"""
import os
import re

import pytest

from harness import Guest, scratch
from test_devices import bits, check_blk, daemon, disk, features

ACCESS_PLATFORM, PACKED = 33, 34
PORT = ["-device", "pcie-root-port,id=rp0,chassis=1"]
IOMMU = ["-device", "intel-iommu,intremap=off,device-iotlb=on"]
PLAIN = ["-device", "intel-iommu,intremap=off"]
LAZY, STRICT = "intel_iommu=on", "intel_iommu=on iommu.strict=1"


def work(vehicle, iommu, ats, append, packed):
    """Boot, use the disk, let the driver go and come back, use it again; returns (misses, invalidations)."""
    props = {"iommu_platform": "on", "disable-legacy": "on", "packed": packed}
    if ats:
        props |= {"ats": "on", "bus": "rp0"}
    with scratch() as tmp, daemon(tmp, "blk", disk(tmp), "--iommu", "--verbose") as back:
        with Guest(vehicle, [("blk", tmp / "blk", props)], append=append, first=iommu + (PORT if ats else [])) as guest:
            assert guest.check("ls /sys/kernel/iommu_groups | wc -l") != "0\n"
            for _ in range(2):
                got = bits(features(guest, 2))
                assert ACCESS_PLATFORM in got and (PACKED in got) == (packed == "on")
                check_blk(guest, tmp)
                # requests of hundreds of pages, scattered as a process's memory is
                guest.check("dd if=/dev/urandom of=/tmp/in bs=1M count=6 status=none; "
                            "dd if=/tmp/in of=/dev/vda bs=2M oflag=direct conv=fsync status=none; "
                            "dd if=/dev/vda bs=2M count=3 iflag=direct status=none | cmp - /tmp/in")
                assert "needs a reset" not in back.log
                guest.check("cd /sys/bus/virtio/drivers/virtio_blk; v=$(echo virtio*); echo $v >unbind; echo $v >bind")
            guest.check("dd if=/dev/vda bs=64k count=16 iflag=direct status=none | cmp - /tmp/in -n 1048576")
            assert "needs a reset" not in back.log
        counts = re.search(r"IOTLB: (\d+) misses, (\d+) invalidations", back.log)
        assert counts, back.log
        return int(counts[1]), int(counts[2])


# one case of each kind by default: half a minute each. STRATOS_ALL=1 runs the whole matrix.
MATRIX = [(v, a, p) for v in ("qemu", "qemu11") for a in (LAZY, STRICT) for p in ("off", "on")]
WITHOUT = [(v, i, a) for v in ("qemu", "qemu11") for i in (IOMMU, PLAIN) for a in (LAZY, STRICT)]
if not os.environ.get("STRATOS_ALL"):
    MATRIX = [("qemu", LAZY, "off"), ("qemu11", STRICT, "on")]
    WITHOUT = [("qemu", PLAIN, LAZY)]


@pytest.mark.parametrize("vehicle, append, packed", MATRIX)
def test_blk_with_ats(vehicle, append, packed):
    misses, invalidations = work(vehicle, IOMMU, True, append, packed)
    assert misses > 0 and invalidations > 0


@pytest.mark.parametrize("vehicle, iommu, append", WITHOUT)
def test_blk_without_ats(vehicle, iommu, append):
    misses, _ = work(vehicle, iommu, False, append, "off")  # invalidations: as many as QEMU cares to send
    assert misses > 0
