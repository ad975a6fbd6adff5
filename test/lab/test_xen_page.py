# SPDX-License-Identifier: BSD-3-Clause
"""Configuration that a guest reads from a page of its own, and what that saves.

The guest has nodes at addresses of our choice, by a partial device tree (device_tree= of xl.cfg): each device once with
trapped configuration and once with a page of it. An ordinary virtio disk beside them makes libxl give the guest shared
interrupts. Each device has a daemon of its own, whose counters are then that device's alone.
"""
import re
import subprocess
from types import SimpleNamespace

import pytest
from serving import Stratos, rng

MIB = 64
FREE = 0x02088f00, 44  # of no device
# name: address, interrupt (libxl takes addresses from 0x2000000 on, interrupts from 33 on, and 32 for the UART), driver
DEVICES = {
    "blk-trap": (0x02080f00, 43, "virtio_blk"),
    "blk-page": (0x02082f00, 40, "virtio_blk"),
    "gpio-trap": (0x02084f00, 41, "gpio_virtio"),
    "gpio-page": (0x02086f00, 42, "gpio_virtio"),
}
TREE = """/dts-v1/;
/ {{
    #address-cells = <2>;
    #size-cells = <2>;
    passthrough {{
        compatible = "simple-bus";
        ranges;
        #address-cells = <2>;
        #size-cells = <2>;
        {}
    }};
}};
"""
NODE = """virtio@{0:x} {{
            compatible = "virtio,mmio";
            reg = <0 {0:#x} 0 0x200>;
            interrupts = <0 {1} 1>;
            dma-coherent;
        }};
        """
FIO = ("fio --name=v --filename=/dev/{} --size=1M --rw=randwrite --bs=4k --iodepth=16 --ioengine=libaio --direct=1 "
       "--verify=crc32c --do_verify=1 --verify_fatal=1")


def image(name):
    return f"/var/{name}.img"


class Daemon:
    """One device of a guest that no toolstack knows of"""

    def __init__(self, xen, name):
        self.xen, self.name = xen, name
        self.log = f"/var/{name}.log"

    def start(self, domid, at, irq, options=""):
        kind, mode = self.name.split("-")
        more = f",blk-file={image(self.name)}" if kind == "blk" else ""
        self.xen.check(f"stratos serve {options} --xen {domid} --device {kind},name={self.name},xen-base={at:#x},"
                       f"xen-irq={irq},xen-config={mode}{more} >>{self.log} 2>&1 & echo $! >{self.log}.pid")
        self.pid = int(self.xen.check(f"cat {self.log}.pid"))
        self.wait("serving at")
        return self.said()

    def wait(self, pattern):
        rc, _ = self.xen.run(f"for try in $(seq 300); do grep -q '{pattern}' {self.log} && exit 0; sleep 0.1; done; "
                             "exit 1")
        assert rc == 0, f"no '{pattern}':\n{self.said()}"

    def said(self):
        return self.xen.check(f"cat {self.log}")

    def accesses(self):
        """Trapped ones so far: all, those to configuration"""
        self.xen.check(f": >{self.log}; kill -USR1 {self.pid}")
        self.wait(" accesses ")
        return tuple(map(int, re.search(r"(\d+) accesses .(\d+) to configuration", self.said()).groups()))

    def signal(self, name):
        self.xen.run(f"kill -{name} {self.pid}; while [ -e /proc/{self.pid}/exe ]; do sleep 0.1; done; : >{self.log}")


@pytest.fixture(scope="module")
def tree(xen, tmp_path_factory):
    """The partial device tree, in the control domain."""
    folder = tmp_path_factory.mktemp("page")
    text = TREE.format("".join(NODE.format(at, irq - 32) for at, irq, _ in DEVICES.values()))
    (folder / "page.dts").write_text(text)
    subprocess.run(["dtc", "-q", "-O", "dtb", "-o", folder / "page.dtb", folder / "page.dts"], check=True)
    xen.put("/var/page.dtb", (folder / "page.dtb").read_bytes())
    return "/var/page.dtb"


@pytest.fixture(scope="module")
def served(xen, tree):
    """The guest after its drivers' probes, with what each daemon said and counted by then."""
    daemons = {name: Daemon(xen, name) for name in DEVICES}
    xen.check("; ".join(f"truncate -s {MIB}M {image(n)}" for n in daemons if n.startswith("blk")))
    with Stratos(xen, {"g": [rng()]}) as stratos:
        with stratos.guest("g", device_tree=tree, paused=True, vcpus=1) as guest:
            said = {name: d.start(guest.domid, *DEVICES[name][:2]) for name, d in daemons.items()}
            guest.unpause().ready()
            for at, _, driver in DEVICES.values():
                guest.check(f"for try in $(seq 100); do for l in /sys/bus/virtio/drivers/{driver}/virtio*; do "
                            f"readlink -f $l; done | grep {at:x} && exit 0; sleep 0.1; done; exit 1", 60)
            probe = {name: d.accesses() for name, d in daemons.items()}
            yield SimpleNamespace(guest=guest, daemons=daemons, said=said, probe=probe)
        for daemon in daemons.values():
            daemon.signal("KILL")
    xen.check("rm -f /var/*.img /var/page.dtb /var/*-page.log* /var/*-trap.log*")


def disk_of(guest, name):
    at = DEVICES[name][0]
    return guest.check(f"for d in /sys/block/vd*; do readlink -f $d | grep -q {at:x} && basename $d; done; true").strip()


def test_probe(served):
    """Both modes work; the page saves what drivers read at their start."""
    for name, said in served.said.items():
        assert ("configuration is a page" in said) == name.endswith("page"), said
    print(served.probe)
    for name, (_, configuration) in served.probe.items():
        assert (configuration == 0) == name.endswith("page"), served.probe
    assert served.guest.check("gpiodetect").count("gpiochip") == 2


def test_disk_grows(xen, served):
    """A change under way: the driver reads generation and configuration until they agree."""
    count = {}
    for name in ("blk-trap", "blk-page"):
        disk, daemon = disk_of(served.guest, name), served.daemons[name]
        assert served.guest.check(f"cat /sys/block/{disk}/size").strip() == str(MIB << 11)
        before = daemon.accesses()
        xen.check(f"truncate -s {MIB + 32}M {image(name)}")
        served.guest.check(f"for try in $(seq 300); do [ $(cat /sys/block/{disk}/size) = {MIB + 32 << 11} ] && exit 0; "
                           "sleep 0.1; done; exit 1")
        count[name] = tuple(a - b for a, b in zip(daemon.accesses(), before))
    print(count)
    assert count["blk-page"][1] == 0 < count["blk-trap"][1], count


def test_restart(served):
    """The next daemon maps the page that the guest has."""
    daemon, disk = served.daemons["blk-page"], disk_of(served.guest, "blk-page")
    served.guest.check(FIO.format(disk), 300)
    for signal in ("KILL", "TERM"):
        daemon.signal(signal)
        said = daemon.start(served.guest.domid, *DEVICES["blk-page"][:2])
        assert "configuration is a page" in said and "from where an earlier process ended" in said, said
        served.guest.check(FIO.format(disk), 300)


def test_page_stays(xen, served):
    """The guest keeps the one page, for its driver may still look there; the next device takes it over."""
    def pages():
        told = len(xen.xen_log())
        xen.check("xl debug-keys q; sleep 0.5")
        found = re.search(rf"General information for domain {served.guest.domid}:.*?nr_pages=(\d+)",
                          xen.xen_log()[told:], re.S)
        return int(found[1])

    before = pages()
    daemon = Daemon(xen, "rng-page")
    for _ in range(2):
        assert "configuration is a page" in daemon.start(served.guest.domid, *FREE, options="--state-dir=")
        assert pages() == before + 1
        daemon.signal("TERM")
        assert pages() == before + 1
