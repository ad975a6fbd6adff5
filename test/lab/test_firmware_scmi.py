# SPDX-License-Identifier: BSD-3-Clause
"""Linux whose clocks, sensors, regulators, power domains and pins are those of a Cortex-R5 beside it: SCMI over virtio-msg, the
guest's own drivers, image scmi."""
import re

import amp
import pytest

READS = 500
DRIVERS = "stratos.mods=scmi_transport_virtio,scmi-hwmon,scmi-regulator,pinctrl-scmi"


@pytest.fixture(scope="module")
def guest():
    with amp.Zcu102Scmi(amp.firmware("zcu102_r5", "scmi"), append=DRIVERS) as machine:
        machine.check("mkdir -p /d && mount -t debugfs d /d 2>/dev/null; ls /d/clk >/dev/null")
        yield machine


def power(guest):
    """on, or off"""
    return re.search(r"^gpu\s+(on|off)", guest.check("cat /d/pm_genpd/pm_genpd_summary"), re.M)[1]


def island(guest, control):
    guest.check(f"echo {control} >/sys/devices/platform/island/power/control")


def hwmon(guest):
    return guest.check("grep -l scmi_sensors /sys/class/hwmon/*/name").strip().rsplit("/", 1)[0]


def test_platform_is_seen(guest):
    log = guest.check("dmesg | grep -i scmi; true")
    assert "SCMI Protocol v2.1 'stratos:firmware'" in log, log
    assert guest.check("cat /d/clk/pll/clk_rate") == "800000000\n"
    sensors = hwmon(guest)
    assert guest.check(f"cat {sensors}/temp1_label") == "soc\n"
    assert 0 < int(guest.check(f"cat {sensors}/temp1_input")) < 125000


def test_platform_is_set(guest):
    """The clock and the regulator as the device tree wants them, the power domain while somebody needs it."""
    assert guest.check("cat /d/clk/uart/clk_rate") == "48000000\n"
    rows = guest.check("for r in /sys/class/regulator/*; do echo $(cat $r/name $r/microvolts $r/state 2>/dev/null); done")
    assert "core 1000000 enabled" in rows, rows
    assert power(guest) == "off"
    island(guest, "on")
    assert power(guest) == "on"
    island(guest, "auto")
    assert power(guest) == "off"


def test_pins(guest):
    """What the device tree wants of two pins, and what is set by hand of two others."""
    mux = guest.check("cat /d/pinctrl/*scmi*/pinmux-pins")
    assert re.search(r"^pin 0 \(tx\): island .*function uart group serial", mux, re.M), mux
    settings = guest.check("cat /d/pinctrl/*scmi*/pinconf-pins")
    assert re.search(r"^pin 1 \(rx\): .*pull up.*drive strength \(4 mA\)", settings, re.M), settings
    assert not re.search(r"^pin 2 .*drive strength", settings, re.M), settings
    select = "$(echo /d/pinctrl/*scmi*/pinmux-select)"
    guest.check(f"echo 'bus gpio' >{select}")
    assert guest.run(f"echo 'bus uart' >{select}")[0] != 0


def test_many_requests(guest):
    """Sensors that are read again and again are asked for each time, and nothing is lost."""
    before, lost = guest.count("requests"), guest.count("failed") + guest.count("bad")
    out = guest.check(f"for n in $(seq {READS}); do cat {hwmon(guest)}/temp1_input || exit 1; done | sort | uniq -c", timeout=120)
    assert out.split() == [str(READS), "42000"], out
    assert guest.count("requests") >= before + READS
    assert guest.count("failed") + guest.count("bad") == lost


def test_started_anew(guest):
    """After a crash of the firmware its platform is as at a start, and Linux goes on."""
    sessions = guest.count("sessions")
    guest.crash_firmware()
    guest.wait_up(sessions + 1)
    assert guest.check(f"cat {hwmon(guest)}/temp1_input") == "42000\n"
    assert guest.check("cat /d/clk/pll/clk_rate") == "800000000\n"
