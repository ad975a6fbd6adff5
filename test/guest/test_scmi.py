# SPDX-License-Identifier: BSD-3-Clause
"""A stock Linux guest on a stratos SCMI device: its clocks, sensors, resets, power domains and regulators, seen and set
by the guest's own drivers, as its device tree tells them to."""
import os
import re
import subprocess
import time

import pytest

from harness import ROOT, Daemon, Guest, scratch

STRATOS = os.environ.get("STRATOS", str(ROOT / "build/stratos"))

BOARD = """
platform: board
clocks:
  - { name: pll, min: 100000000, max: 2000000000, step: 1000000, rate: 800000000, enabled: true }
  - { name: uart, rates: [24000000, 48000000, 96000000]@path:uart@ }
  - { name: hidden, rates: [5] }
sensors:
  - { name: soc, type: celsius, scale: -3, value: 42500, min: -40000, max: 125000, trips: 2 }
  - { name: rail, type: volts, scale: -3, value: 900@path:rail@ }
resets:
  - { name: usb }
  - { name: block@switch:block@ }
powers:
  - { name: island@switch:island@ }
regulators:
  - { name: vdd-core, min: 600000, max: 1200000, step: 12500, microvolt: 900000@path:core@@switch:core-on@ }
  - { name: vdd-io, microvolts: [1800000, 3300000] }
agents:
  - { name: linux, clocks: [uart, pll], sensors: [soc, rail], resets: [usb, block], powers: [island],
      regulators: [vdd-core, vdd-io], read-only: [pll] }
"""

# Clock 0 is set when its provider appears; the bus of the UART's kind takes its reset and its clock; the regulators
# are set when they are registered; the power domain has one user, a bus with nothing on it.
NODES = """
/ {
    firmware {
        scmi {
            compatible = "arm,scmi-virtio";
            #address-cells = <1>;
            #size-cells = <0>;
            pd: protocol@11 { reg = <0x11>; #power-domain-cells = <1>; };
            clk: protocol@14 { reg = <0x14>; #clock-cells = <1>; assigned-clocks = <&clk 0>; assigned-clock-rates = <48000000>; };
            protocol@15 { reg = <0x15>; #thermal-sensor-cells = <1>; };
            rst: protocol@16 { reg = <0x16>; #reset-cells = <1>; };
            protocol@17 {
                reg = <0x17>;
                regulators {
                    #address-cells = <1>;
                    #size-cells = <0>;
                    regulator@0 { reg = <0>; regulator-name = "core"; regulator-min-microvolt = <1000000>;
                                  regulator-max-microvolt = <1000000>; regulator-always-on; };
                    regulator@1 { reg = <1>; regulator-name = "io"; regulator-min-microvolt = <1800000>;
                                  regulator-max-microvolt = <3300000>; };
                };
            };
        };
    };
    island { compatible = "simple-pm-bus"; power-domains = <&pd 0>; };
};
"""


# what is in the files of the second host before the guest comes
FILES = {"uart": "24000000", "rail": "900", "block": "1", "island": "0", "core": "900000", "core-on": "0"}


def board(tmp, host):
    """The board's file; on the Linux host some of its resources are files beside it."""
    for name, text in FILES.items():
        (tmp / name).write_text(text + "\n")
    (tmp / "board").write_text(re.sub(r"@(\w+):([\w-]+)@", rf", \1: {tmp}/\2" if host == "linux" else "", BOARD))
    return f"--host={host}:{tmp}/board"


def becomes(file, want):
    """The file gets this content, within a few seconds."""
    end = time.monotonic() + 20
    while file.read_text() != want:
        assert time.monotonic() < end, f"{file.name} has {file.read_text()!r}, not {want!r}"
        time.sleep(0.05)


def tree(tmp, guest):
    """The device tree that QEMU makes for this machine, with our nodes, and a clock and a reset for its GPIO block."""
    argv = [str(a) for a in guest.command()]
    machine = argv[:argv.index("-chardev")]
    machine[machine.index("virt")] = f"virt,dumpdtb={tmp}/plain.dtb"
    subprocess.run(machine, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    text = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", f"{tmp}/plain.dtb"], check=True, capture_output=True,
                          text=True).stdout
    block = re.search(r"\tpl061@\w+ \{\n", text)
    text = text[:block.end()] + "\t\tresets = <&rst 1>;\n" + text[block.end():]
    (tmp / "tree.dts").write_text(text + NODES)
    subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", f"{tmp}/tree.dtb", f"{tmp}/tree.dts"], check=True)
    return tmp / "tree.dtb"


@pytest.mark.parametrize("host", ["sim", "linux"])
def test_stock_drivers(host):
    with scratch() as tmp:
        guest = Guest("arm64-qemu11", [("scmi", tmp / "scmi")], append="stratos.mods=scmi_transport_virtio,scmi-hwmon,scmi-regulator")
        guest.extra = ["-dtb", tree(tmp, guest)]
        with Daemon([STRATOS, "scmi", f"--socket-path={tmp}/scmi", board(tmp, host)], socket=tmp / "scmi"), guest:
            log = guest.check("dmesg | grep -i scmi; true")
            assert "SCMI Protocol v2.1 'stratos:board'" in log, log

            # clocks: the first was 24 MHz and is what the device tree wants now, the second may only be looked at
            guest.check("mkdir -p /d && mount -t debugfs d /d 2>/dev/null; ls /d/clk >/dev/null")
            assert guest.check("cat /d/clk/uart/clk_rate") == "48000000\n"
            assert guest.check("cat /d/clk/pll/clk_rate") == "800000000\n"
            assert guest.run("ls /d/clk/hidden")[0] != 0

            # sensors
            hwmon = guest.check("grep -l scmi_sensors /sys/class/hwmon/*/name").strip().rsplit("/", 1)[0]
            assert guest.check(f"cat {hwmon}/temp1_input {hwmon}/temp1_label") == "42500\nsoc\n"
            assert guest.check(f"cat {hwmon}/in0_input {hwmon}/in0_label") == "900\nrail\n"

            # regulators: one set and on, the other as it was
            rows = guest.check("for r in /sys/class/regulator/*; do echo $(cat $r/name $r/microvolts $r/state 2>/dev/null); done")
            assert "core 1000000 enabled" in rows and "io 1800000 disabled" in rows, rows

            # power domain: off, until its user is kept awake
            assert re.search(r"^island\s+off", guest.check("cat /d/pm_genpd/pm_genpd_summary"), re.M)
            guest.check("echo on >/sys/devices/platform/island/power/control")
            assert re.search(r"^island\s+on", guest.check("cat /d/pm_genpd/pm_genpd_summary"), re.M)
            guest.check("echo auto >/sys/devices/platform/island/power/control")

            # the GPIO block waits for its reset to be there, and gets it
            assert guest.run("ls /sys/bus/amba/drivers/pl061_gpio/*.pl061")[0] == 0

            if host == "linux":
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
