# SPDX-License-Identifier: BSD-3-Clause
"""A stock Linux guest on a stratos SCMI device: its clocks, sensors, resets, power domains, regulators and pins, seen and set
by the guest's own drivers, as its device tree tells them to."""
import os
import time

import control
import pytest

from harness import ROOT, Daemon, Guest, scratch

STRATOS = os.environ.get("STRATOS", str(ROOT / "build/stratos"))

# what is in the files of the second host before the guest comes
FILES = {"uart": "24000000", "rail": "900", "block": "1", "island": "0", "core": "900000", "core-on": "0"}


def board(tmp, host):
    """The board's file; on the Linux host some of its resources are files beside it."""
    for name, text in FILES.items():
        (tmp / name).write_text(text + "\n")
    (tmp / "board").write_text(control.board_text(tmp if host == "linux" else None))
    return f"--host={host}:{tmp}/board"


def becomes(file, want):
    """The file gets this content, within a few seconds."""
    end = time.monotonic() + 20
    while file.read_text() != want:
        assert time.monotonic() < end, f"{file.name} has {file.read_text()!r}, not {want!r}"
        time.sleep(0.05)


@pytest.mark.parametrize("host", ["sim", "linux"])
def test_stock_drivers(host):
    with scratch() as tmp:
        guest = Guest("arm64-qemu11", [("scmi", tmp / "scmi")], append=control.SCMI_DRIVERS)
        guest.extra = ["-dtb", control.scmi_tree(tmp, guest)]
        with Daemon([STRATOS, "scmi", f"--socket-path={tmp}/scmi", board(tmp, host)], socket=tmp / "scmi"), guest:
            for _, check in control.CHECKS["scmi"]:
                check(guest)
            if host == "linux":
                hwmon = control.hwmon(guest)
                for name, want in (("uart", "48000000"), ("core", "1000000"), ("core-on", "1"), ("block", "0"), ("island", "0")):
                    becomes(tmp / name, want + "\n")
                guest.check("echo on >/sys/devices/platform/island/power/control")
                becomes(tmp / "island", "1\n")
                (tmp / "rail").write_text("1234\n")
                assert guest.check(f"cat {hwmon}/in0_input") == "1234\n"
                (tmp / "rail").write_text("no number\n")
                assert guest.run(f"cat {hwmon}/in0_input")[0] != 0
                assert guest.check(f"cat {hwmon}/temp1_input") == "42500\n"
        if host == "linux":  # what the guest needed went with it
            assert (tmp / "island").read_text() == "0\n" and (tmp / "core-on").read_text() == "0\n"
            assert (tmp / "uart").read_text() == "48000000\n"
