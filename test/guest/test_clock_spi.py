# SPDX-License-Identifier: BSD-3-Clause
"""Stock drivers of User-Mode Linux 7.2 that Debian's kernels leave out: clocks, and a flash memory on an SPI bus."""
import os

import control
from control import clocks, rtc_seconds, set_alarm, wait_alarm
from harness import Guest, scratch
from test_devices import daemon


def test_rtc_of_this_machine():
    with scratch() as tmp, daemon(tmp, "rtc", "--smear=utc-sls") as _, Guest("uml", [("rtc", tmp / "rtc")]) as guest:
        for _, check in control.CHECKS["rtc"]:
            check(guest)
        # the driver lets go of the device and takes it again
        guest.check("d=/sys/bus/virtio/drivers/virtio_rtc; n=$(cd $d && echo virtio*); echo $n >$d/unbind; echo $n >$d/bind")
        control.rtc_alarm(guest)


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


def test_spi_flash():
    """Linux's flash driver finds the chip by its id, reads, erases and programs it; what it wrote is there for the next guest."""
    with scratch() as tmp, daemon(tmp, "spi"):
        tree = control.compiled(tmp, control.SPI_TREE.format(socket=tmp / "spi"))
        data = os.urandom(70000)
        for boot in range(2):
            with Guest("uml", [], extra=[f"dtb={tree}"]) as guest:
                control.spi_found(guest)
                if boot == 0:
                    control.spi_read(guest)
                    control.spi_write(guest, data=data)
                control.spi_holds(guest, data)
