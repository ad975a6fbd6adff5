# SPDX-License-Identifier: BSD-3-Clause
"""control - guests of the control devices, and what is looked at in them: clocks (rtc), a flash memory on a bus (spi), a
platform (scmi), a watchdog. The tests and the demonstration share it; CHECKS is in the form of checks.py.

rtc and spi are driven by User-Mode Linux 7.2, which has drivers that Debian's kernels leave out; scmi by Debian's arm64
kernel under QEMU 11, with drivers that tools/mkguest compiles from its source, and watchdog by that of linux/.
"""
import hashlib
import os
import re
import subprocess
import time

# What is on an SPI bus cannot be asked of it: a device tree says it. User-Mode Linux makes the virtio device of its node.
SPI_TREE = """/dts-v1/;
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

# See board_text. What is slow Linux sets and reads by asynchronous commands.
SCMI_BOARD = """
platform: board
clocks:
  - { name: pll, min: 100000000, max: 2000000000, step: 1000000, rate: 800000000, enabled: true }
  - { name: uart, rates: [24000000, 48000000, 96000000], slow: true@path:uart@ }
  - { name: hidden, rates: [5] }
sensors:
  - { name: soc, type: celsius, scale: -3, value: 42500, min: -40000, max: 125000, trips: 2 }
  - { name: rail, type: volts, scale: -3, value: 900, slow: true@path:rail@ }
resets:
  - { name: usb }
  - { name: block, slow: true@switch:block@ }
powers:
  - { name: island@switch:island@ }
regulators:
  - { name: vdd-core, min: 600000, max: 1200000, step: 12500, microvolt: 900000, slow: true@path:core@@switch:core-on@ }
  - { name: vdd-io, microvolts: [1800000, 3300000] }
pins:
  - { name: hidden }
  - { name: tx }
  - { name: rx }
  - { name: scl }
  - { name: sda }
pin-groups:
  - { name: serial, pins: [tx, rx] }
  - { name: bus, pins: [scl, sda] }
pin-functions:
  - { name: a function with a long name, groups: [serial] }
  - { name: i2c, groups: [bus] }
  - { name: gpio, groups: [serial, bus], gpio: true }
agents:
  - { name: linux, clocks: [uart, pll], sensors: [soc, rail], resets: [usb, block], powers: [island],
      regulators: [vdd-core, vdd-io], read-only: [pll], pins: [tx, rx, scl, sda], pin-groups: [serial, bus],
      pin-functions: [gpio, i2c, a function with a long name] }
"""

# Clock 0 is set when its provider appears; the bus of the UART's kind takes its reset and its clock; the regulators
# are set when they are registered; the power domain has one user, a bus with nothing on it, which wants two pins too.
SCMI_NODES = """
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
            protocol@19 {
                reg = <0x19>;
                serial: serial-pins { groups = "serial"; function = "a function with a long name"; bias-pull-up;
                                      drive-strength = <8>; };
            };
        };
    };
    island { compatible = "simple-pm-bus"; power-domains = <&pd 0>; pinctrl-names = "default"; pinctrl-0 = <&serial>; };
};
"""

SCMI_DRIVERS = "stratos.mods=scmi_transport_virtio,scmi-hwmon,scmi-regulator,pinctrl-scmi"
WATCHDOG_DRIVERS = "stratos.mods=pretimeout_noop"  # of the watchdog itself the device asks for
WATCHDOG = "/sys/class/watchdog/watchdog0"


def compiled(tmp, text):
    """A device tree of this text"""
    (tmp / "tree.dts").write_text(text)
    subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", tmp / "tree.dtb", tmp / "tree.dts"], check=True)
    return tmp / "tree.dtb"


def md5(data):
    return hashlib.md5(data).hexdigest()


# --- rtc

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


def rtc_clocks(guest, _=None):
    names = clocks(guest)
    assert len(names) >= 2 and "Virtio PTP type 3/variant 2" in names and "Virtio PTP type 2/variant 0" in names, names


def rtc_time(guest, _=None):
    """The host's"""
    before = int(time.time())
    assert before <= rtc_seconds(guest) <= time.time()
    assert re.search(r"^\d{4}-\d\d-\d\d", guest.check("cat /sys/class/rtc/rtc*/date"))


def rtc_alarm(guest, _=None):
    at = rtc_seconds(guest) + 2
    set_alarm(guest, at)
    assert guest.check("cat /sys/class/rtc/rtc*/wakealarm") == f"{at}\n"
    wait_alarm(guest)
    assert rtc_seconds(guest) >= at


# --- spi

def spi_found(guest, _=None):
    where = "/sys/class/mtd/mtd0"
    assert guest.check(f"cat {where}/type {where}/size {where}/erasesize").split() == ["nor", "1048576", "65536"]
    assert guest.check("cat /sys/bus/spi/devices/spi0.0/spi-nor/jedec_id") == "ef4014\n"


def spi_read(guest, _=None):
    assert guest.check("head -c 14 /dev/mtd0") == "stratos flash\n"


def spi_write(guest, _=None, data=None):
    """Through the block layer: reads, erases and programs whole blocks of the chip"""
    data = data or os.urandom(70000)
    guest.put("/tmp/data", data)
    guest.check("dd if=/tmp/data of=/dev/mtdblock0 bs=1000 seek=100 conv=fsync,notrunc status=none", timeout=120)
    spi_read(guest)
    spi_holds(guest, data)


def spi_holds(guest, data):
    """It reads as it was written, and what is behind it as erased."""
    assert guest.check("dd if=/dev/mtd0 bs=1000 skip=100 count=70 status=none | md5sum").split()[0] == md5(data)
    assert guest.check("dd if=/dev/mtd0 bs=1000 skip=170 count=1 status=none | tr -d '\\377' | wc -c") == "0\n"


# --- scmi

def board_text(folder=None):
    """The platform's file; with a folder some of its resources are files in there."""
    return re.sub(r"@(\w+):([\w-]+)@", rf", \1: {folder}/\2" if folder else "", SCMI_BOARD)


def scmi_tree(tmp, guest):
    """The device tree that QEMU makes for this machine, with our nodes, and a reset for its GPIO block."""
    argv = [str(a) for a in guest.command()]
    machine = argv[:argv.index("-chardev")]
    machine[machine.index("virt")] = f"virt,dumpdtb={tmp}/plain.dtb"
    subprocess.run(machine, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    text = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", f"{tmp}/plain.dtb"], check=True, capture_output=True,
                          text=True).stdout
    block = re.search(r"\tpl061@\w+ \{\n", text)
    return compiled(tmp, text[:block.end()] + "\t\tresets = <&rst 1>;\n" + text[block.end():] + SCMI_NODES)


def scmi_found(guest, _=None):
    log = guest.check("dmesg | grep -i scmi; true")
    assert "SCMI Protocol v2.1 'stratos:board'" in log, log
    guest.check("mkdir -p /d && mount -t debugfs d /d 2>/dev/null; ls /d/clk >/dev/null")


def scmi_clocks(guest, _=None):
    """The first was 24 MHz and is what the device tree wants now, the second may only be looked at."""
    assert guest.check("cat /d/clk/uart/clk_rate") == "48000000\n"
    assert guest.check("cat /d/clk/pll/clk_rate") == "800000000\n"
    assert guest.run("ls /d/clk/hidden")[0] != 0


def hwmon(guest):
    return guest.check("grep -l scmi_sensors /sys/class/hwmon/*/name").strip().rsplit("/", 1)[0]


def scmi_sensors(guest, _=None):
    at = hwmon(guest)
    assert guest.check(f"cat {at}/temp1_input {at}/temp1_label") == "42500\nsoc\n"
    assert guest.check(f"cat {at}/in0_input {at}/in0_label") == "900\nrail\n"


def scmi_regulators(guest, _=None):
    """One set and on, the other as it was"""
    rows = guest.check("for r in /sys/class/regulator/*; do echo $(cat $r/name $r/microvolts $r/state 2>/dev/null); done")
    assert "core 1000000 enabled" in rows and "io 1800000 disabled" in rows, rows


def scmi_power(guest, _=None):
    """Off, until its user is kept awake"""
    for control, state in ((None, "off"), ("on", "on")):
        if control:
            guest.check(f"echo {control} >/sys/devices/platform/island/power/control")
        assert re.search(rf"^island\s+{state}", guest.check("cat /d/pm_genpd/pm_genpd_summary"), re.M)
    guest.check("echo auto >/sys/devices/platform/island/power/control")


def scmi_reset(guest, _=None):
    """The GPIO block waits for its reset to be there, and gets it."""
    assert guest.run("ls /sys/bus/amba/drivers/pl061_gpio/*.pl061")[0] == 0


def scmi_pins(guest, _=None):
    """What there is; those of the bus are requested and set by its driver, the others are set by hand."""
    at = "/d/pinctrl/*scmi*"
    assert re.findall(r"^pin \d+ \((\w+)\)", guest.check(f"cat {at}/pins"), re.M) == ["tx", "rx", "scl", "sda"]
    groups = guest.check(f"cat {at}/pingroups")
    assert re.search(r"^group: serial\npin 0 \(tx\)\npin 1 \(rx\)\n", groups, re.M), groups
    functions = guest.check(f"cat {at}/pinmux-functions")
    assert re.search(r"gpio, groups = \[ serial bus \]", functions), functions
    assert re.search(r"a function with a long name, groups = \[ serial \]", functions), functions
    mux = guest.check(f"cat {at}/pinmux-pins")
    assert re.search(r"^pin 0 \(tx\): island .*function a function with a long name group serial", mux, re.M), mux
    settings = guest.check(f"cat {at}/pinconf-pins")
    assert re.search(r"^pin 1 \(rx\): .*pull up.*drive strength \(8 mA\)", settings, re.M), settings
    assert not re.search(r"^pin 2 .*drive strength", settings, re.M), settings
    guest.check(f"echo 'bus i2c' >$(echo {at}/pinmux-select)")
    assert guest.run(f"echo 'serial i2c' >$(echo {at}/pinmux-select)")[0] != 0


# --- watchdog; the daemon's host is the simulated one, with its record beside the socket

def watchdog(tmp):
    """For Guest: the device, on QEMU's generic front-end"""
    return 35, tmp / "watchdog", {"virtio-id": 35, "num_vqs": 2, "config_size": 20}


def record(guest):
    """What happened, as the host wrote it down"""
    path = next(path for kind, path, _ in guest.devices if kind == 35).parent / "record"
    return path.read_text().splitlines() if path.exists() else []


def becomes(guest, last):
    """The record ends so; how long a guest may take for its seconds is not known."""
    end = time.monotonic() + 120
    while record(guest)[-1:] != [last]:
        assert time.monotonic() < end, f"the record ends with {record(guest)[-5:]}, not with {last!r}"
        time.sleep(0.05)


def pet(guest, timeout=20):
    """Begin to pet the watchdog, each second"""
    guest.check(f"setsid watchdog -F -t 1 -T {timeout} /dev/watchdog0 >/dev/null 2>&1 & echo $! >/run/petting; "
                f"n=0; while [ $(cat {WATCHDOG}/state) != active ]; do n=$((n + 1)); [ $n -lt 200 ] || exit 1; sleep 0.1; done")


def stop(guest):
    """An orderly end: the magic character, then close"""
    guest.check("kill $(cat /run/petting)")


def hang(guest):
    guest.check("kill -9 $(cat /run/petting)")


def watchdog_found(guest, _=None):
    """Bound, with the times of the device's configuration"""
    said = guest.check("wdctl")
    assert re.search(r"^Identity: +virtio watchdog", said, re.M) and re.search(r"^Timeout: +60 seconds", said, re.M), said
    assert guest.check(f"cd {WATCHDOG} && cat min_timeout max_timeout bootstatus state").split() == ["1", "3600", "0", "inactive"]


def watchdog_petted(guest, _=None):
    """The timeout that the program chose, and never much less than that left"""
    pet(guest, timeout=100)
    said = guest.check("sleep 3; wdctl")
    left = re.search(r"^Timeleft: +(\d+) seconds", said, re.M)
    assert re.search(r"^Timeout: +100 seconds", said, re.M) and left and 50 < int(left[1]) <= 100, said
    becomes(guest, "start 100000")


def watchdog_stopped(guest, _=None):
    stop(guest)
    becomes(guest, "stop")
    assert guest.check(f"cat {WATCHDOG}/state {WATCHDOG}/timeleft").split() == ["inactive", "0"]


def watchdog_expires(guest, _=None):
    pet(guest, timeout=5)
    hang(guest)
    becomes(guest, "expired reset")


CHECKS = {
    "rtc": [("its clocks", rtc_clocks), ("time of the host", rtc_time), ("alarm comes", rtc_alarm)],
    "spi": [("flash memory found by its id", spi_found), ("read", spi_read), ("erased, programmed, read back", spi_write)],
    "scmi": [("platform found", scmi_found), ("clocks seen and set", scmi_clocks), ("sensors", scmi_sensors),
             ("regulators set", scmi_regulators), ("power domain on and off", scmi_power), ("reset taken", scmi_reset),
             ("pins seen, requested and set", scmi_pins)],
    "watchdog": [("wdctl tells its times", watchdog_found), ("petted by busybox's watchdog", watchdog_petted),
                 ("orderly close stops it", watchdog_stopped), ("a program that hangs meets the action", watchdog_expires)],
}
