# SPDX-License-Identifier: BSD-3-Clause
"""Tests of the test bed itself: every vehicle boots and moves data, with QEMU's own storage daemon as the back-end."""
import hashlib
import os
import time

import pytest

from harness import Daemon, Guest, GuestError, scratch

VEHICLES = ["uml", "qemu", "qemu11", "arm64"]


def storage(tmp, size=64 << 20):
    """QEMU's vhost-user-blk server over a file."""
    disk = tmp / "disk"
    with open(disk, "wb") as f:
        f.truncate(size)
    return Daemon(["qemu-storage-daemon", "--blockdev", f"driver=file,node-name=disk,filename={disk},discard=unmap",
                   "--export", f"type=vhost-user-blk,id=e,node-name=disk,addr.type=unix,addr.path={tmp}/blk,writable=on"],
                  socket=tmp / "blk")


@pytest.mark.parametrize("vehicle", VEHICLES)
def test_boot_and_commands(vehicle):
    with Guest(vehicle) as guest:
        assert guest.run("echo out; echo err >&2; exit 3") == (3, "out\nerr\n")
        assert guest.run("printf no-newline") == (0, "no-newline")
        data = os.urandom(20000)
        guest.put("/tmp/data", data)
        assert guest.get("/tmp/data") == data
        assert guest.run("# long\n" * 1000 + "echo end") == (0, "end\n")
        begin = time.monotonic()
        rc, _ = guest.run("sleep 60", timeout=1)
        assert rc in (137, 143) and time.monotonic() - begin < 20
        drivers = guest.check("[ -d /lib/modules ] && modprobe -a i2c-virtio gpio-virtio; ls /sys/bus/virtio/drivers")
        assert "i2c_virtio" in drivers and "gpio_virtio" in drivers
        assert "v2." in guest.check("gpiodetect --version")


@pytest.mark.parametrize("vehicle", VEHICLES)
def test_block_device_verifies(vehicle):
    with scratch() as tmp, storage(tmp) as back, Guest(vehicle, [("blk", back.socket)]) as guest:
        assert guest.check("blockdev --getsize64 /dev/vda") == f"{64 << 20}\n"
        guest.check("fio --name=v --filename=/dev/vda --size=16M --rw=randwrite --bs=4k --iodepth=16 --ioengine=io_uring "
                    "--direct=1 --verify=crc32c --verify_fatal=1 --minimal", timeout=120)
        guest.check("dd if=/dev/urandom of=/dev/vda bs=4k count=1 seek=5 conv=fsync status=none")
        sum_in_guest = guest.check("dd if=/dev/vda bs=4k count=1 skip=5 status=none | sha256sum").split()[0]
        with open(tmp / "disk", "rb") as f:
            f.seek(5 * 4096)
            page = f.read(4096)
        assert hashlib.sha256(page).hexdigest() == sum_in_guest


def test_failures_are_told():
    with scratch() as tmp:
        with pytest.raises(GuestError, match="failed to execute"):
            Daemon(["/no/such/program"], socket=tmp / "s").start()
        with pytest.raises(GuestError, match="(?s)before it was ready.*wrong"):
            Daemon(["sh", "-c", "echo wrong; exit 1"], socket=tmp / "s").start()
        with Daemon(["sh", "-c", "echo up; trap 'exit 5' TERM; while :; do sleep 0.1; done"], ready="up") as d:
            with pytest.raises(GuestError, match="code 5"):
                d.stop()
        with pytest.raises(GuestError, match="boot"):
            Guest("qemu", [("rng", tmp / "nobody-listens")]).start()
