# SPDX-License-Identifier: BSD-3-Clause
"""Stock drivers of User-Mode Linux 7.2 that Debian's kernels leave out: clocks, and a flash memory on an SPI bus."""
import hashlib
import os
import re
import subprocess
import time

from harness import Guest, scratch
from test_devices import daemon


def rtc_seconds(guest):
    return int(guest.check("cat /sys/class/rtc/rtc*/since_epoch"))


def clocks(guest):
    """The names of the PTP clocks that the driver has made, one for each clock of the device."""
    return guest.check("cat /sys/class/ptp/ptp*/clock_name").splitlines()


def set_alarm(guest, at):
    guest.check(f"f=$(echo /sys/class/rtc/rtc*/wakealarm); echo 0 >$f; echo {at} >$f")


def wait_alarm(guest):
    """The kernel forgets the alarm when its interrupt has come, and not before."""
    guest.check("n=0; while [ -n \"$(cat /sys/class/rtc/rtc*/wakealarm)\" ]; do n=$((n + 1)); [ $n -lt 300 ] || exit 1; "
                "sleep 0.1; done", timeout=90)


def test_rtc_of_this_machine():
    with scratch() as tmp, daemon(tmp, "rtc", "--smear=utc-sls") as _, Guest("uml", [("rtc", tmp / "rtc")]) as guest:
        names = clocks(guest)
        assert len(names) >= 2 and "Virtio PTP type 3/variant 2" in names and "Virtio PTP type 2/variant 0" in names
        before = int(time.time())
        now = rtc_seconds(guest)
        assert before <= now <= time.time()
        assert re.search(r"^\d{4}-\d\d-\d\d", guest.check("cat /sys/class/rtc/rtc*/date"))
        set_alarm(guest, now + 2)
        assert guest.check("cat /sys/class/rtc/rtc*/wakealarm") == f"{now + 2}\n"
        wait_alarm(guest)
        assert rtc_seconds(guest) >= now + 2
        # the driver lets go of the device and takes it again
        guest.check("d=/sys/bus/virtio/drivers/virtio_rtc; n=$(cd $d && echo virtio*); echo $n >$d/unbind; echo $n >$d/bind")
        set_alarm(guest, now + 6)
        wait_alarm(guest)
        assert rtc_seconds(guest) >= now + 6


def test_rtc_simulated_leap_second():
    """The guest's smeared clock does not step; 2000-01-02 begins with a leap second, and time goes 100 times as fast."""
    with scratch() as tmp, daemon(tmp, "rtc", "--host=sim:start=946771190,speed=100,leap=946771200") as _, \
         Guest("uml", [("rtc", tmp / "rtc")]) as guest:
        assert clocks(guest) == [f"Virtio PTP type {n}/variant {v}" for n, v in ((0, 0), (1, 0), (2, 0), (3, 1))]
        last = rtc_seconds(guest)
        assert last >= 946771189
        for _ in range(20):
            now = rtc_seconds(guest)
            assert now >= last
            last = now
        set_alarm(guest, last + 200)
        wait_alarm(guest)
        assert rtc_seconds(guest) >= last + 200


# What is on an SPI bus cannot be asked of it: a device tree says it. User-Mode Linux makes the virtio device of its node.
TREE = """/dts-v1/;
/ {{
	#address-cells = <1>;
	#size-cells = <1>;
	bus {{
		compatible = "virtio,uml";
		socket-path = "{socket}";
		virtio-device-id = <45>;
		spi {{
			compatible = "virtio,device2d";
			#address-cells = <1>;
			#size-cells = <0>;
			flash@0 {{
				compatible = "jedec,spi-nor";
				reg = <0>;
				spi-max-frequency = <20000000>;
			}};
		}};
	}};
}};
"""


def test_spi_flash():
    """Linux's flash driver finds the chip by its id, reads, erases and programs it; what it wrote is there for the next guest."""
    with scratch() as tmp, daemon(tmp, "spi"):
        (tmp / "tree.dts").write_text(TREE.format(socket=tmp / "spi"))
        subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", tmp / "tree.dtb", tmp / "tree.dts"], check=True)
        data = os.urandom(70000)
        for boot in range(2):
            with Guest("uml", [], extra=[f"dtb={tmp}/tree.dtb"]) as guest:
                where = "/sys/class/mtd/mtd0"
                assert guest.check(f"cat {where}/type {where}/size {where}/erasesize").split() == ["nor", "1048576", "65536"]
                assert guest.check("cat /sys/bus/spi/devices/spi0.0/spi-nor/jedec_id") == "ef4014\n"
                if boot == 0:
                    assert guest.check("head -c 14 /dev/mtd0") == "stratos flash\n"
                    guest.put("/tmp/data", data)
                    # through the block layer: reads, erases and programs whole blocks of the chip
                    guest.check("dd if=/tmp/data of=/dev/mtdblock0 bs=1000 seek=100 conv=fsync,notrunc status=none", timeout=120)
                    assert guest.check("head -c 14 /dev/mtd0") == "stratos flash\n"
                assert guest.check("dd if=/dev/mtd0 bs=1000 skip=100 count=70 status=none | md5sum").split()[0] == md5(data)
                assert guest.check("dd if=/dev/mtd0 bs=1000 skip=170 count=1 status=none | tr -d '\\377' | wc -c") == "0\n"


def md5(data):
    return hashlib.md5(data).hexdigest()
