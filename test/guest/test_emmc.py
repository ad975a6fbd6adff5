# SPDX-License-Identifier: BSD-3-Clause
"""rpmb on an eMMC: a machine with stratos in it, and an eMMC that QEMU 11 emulates, with an RPMB partition. The driver is
that of the conformance suite; mmc-utils, which knows nothing of it, uses the same partition."""
import importlib.machinery
import importlib.util
import os
import re
import sys

from harness import ROOT, Guest, scratch

STRATOS = os.environ.get("STRATOS", str(ROOT / "build/stratos"))
MIB = 1 << 20
NODE = "/dev/mmcblk0rpmb"
KEY = b"stratos conform: RPMB test key.\0"  # conform/dev_rpmb.c
CONFORM = "stratos conform --dev=rpmb --write --rule='rpmb.*' --socket-path=/run/rpmb"


def mkpair():
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("mkpair", str(ROOT / "tools/mkpair"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("mkpair", loader))
    loader.exec_module(module)
    return module


class Machine(Guest):
    """The x86 guest with this program in it, and an eMMC of 16 MiB, of which 2 are its RPMB"""

    def __init__(self, tmp):
        self.tmp = tmp
        with open(tmp / "emmc", "wb") as f:
            f.truncate(16 * MIB + 2 * MIB + 2 * MIB)  # and two boot partitions
        super().__init__("qemu11", append="stratos.mods=sdhci-pci,mmc_block", extra=[
            "-drive", f"if=none,id=emmc,format=raw,file={tmp}/emmc", "-device", "sdhci-pci",
            "-device", f"emmc,drive=emmc,boot-partition-size={MIB},rpmb-partition-size={2 * MIB}"])

    def _kernel(self):
        kernel, initrd = super()._kernel()
        mkpair().program_part(kernel.parent, STRATOS, self.tmp / "program")
        (self.tmp / "initrd").write_bytes(initrd.read_bytes() + (self.tmp / "program").read_bytes())
        return kernel, self.tmp / "initrd"

    def serve(self, *options):
        """A daemon in the machine"""
        self.check(f"stratos rpmb --host=mmc:{NODE} --socket-path=/run/rpmb {' '.join(options)} >/run/log 2>&1 & echo $! >/run/pid; "
                   "n=0; while [ ! -S /run/rpmb ]; do n=$((n + 1)); [ $n -lt 300 ] || exit 1; sleep 0.1; done")

    def conform(self):
        """Its results: {rule: (result, why)}"""
        out = self.run(CONFORM, timeout=120)[1]
        rows = re.findall(r"^(pass|FAIL|n/a) +(rpmb\.\S+) +\S+ +(.*)$", out, re.M)
        assert rows, out
        return {rule: (result, why) for result, rule, why in rows}

    def block(self, address, key="/tmp/key"):
        """A block, as mmc-utils reads it; it compares the MAC."""
        self.check(f"rm -f /tmp/out; mmc rpmb read-block {NODE} {address} 1 /tmp/out {key}")
        return self.get("/tmp/out")


def test_emmc():
    with scratch() as tmp, Machine(tmp) as m:
        m.check(f"n=0; while [ ! -c {NODE} ]; do n=$((n + 1)); [ $n -lt 300 ] || exit 1; sleep 0.1; done")
        m.put("/tmp/key", KEY)
        m.put("/tmp/other", KEY[::-1])
        m.put("/tmp/data", bytes(range(256)))

        # a guest cannot spend the card's only key
        m.serve()
        assert "2048 KiB, 1 blocks a write, without a key" in m.check("cat /run/log")
        assert m.conform()["rpmb.key-used"][0] == "FAIL"
        assert "--program-key=on allows it" in m.check("cat /run/log")
        assert "0x0007" in m.run(f"mmc rpmb read-counter {NODE}")[1]  # no key yet

        # mmc-utils programs it and writes; the same key then serves the driver
        m.check(f"mmc rpmb write-key {NODE} /tmp/key && mmc rpmb write-block {NODE} 5 /tmp/data /tmp/key")
        results = m.conform()
        assert not [r for r in results.values() if r[0] == "FAIL"], results
        assert [results[f"rpmb.{r}"][0] for r in ("key-used", "kept", "counter-adds", "data", "data-forged")] == ["pass"] * 5

        # what the driver wrote is what mmc-utils reads, authentic, and the other way round nothing was touched
        assert m.block(1) == b"\x66" * 256
        assert m.block(5) == bytes(range(256))
        assert m.run(f"mmc rpmb read-block {NODE} 1 1 /tmp/out /tmp/other")[0] != 0  # it does compare
        count = re.search(r"Counter value: (0x\w+)", m.check(f"mmc rpmb read-counter {NODE}"))
        assert count and int(count[1], 16) > 1

        # the card is pulled out: the daemon lives and says so
        m.check("d=/sys/bus/pci/drivers/sdhci-pci; n=$(cd $d && echo 0000:*); echo $n >$d/unbind")
        results = m.conform()
        assert results["rpmb.capacity"][0] == "pass" and results["rpmb.key-used"][0] == "n/a", results  # its answer is not signed
        assert "the eMMC does not answer: " in m.check("cat /run/log"), m.check("cat /run/log")
        m.check("kill $(cat /run/pid); n=0; while kill -0 $(cat /run/pid) 2>/dev/null; do n=$((n + 1)); [ $n -lt 300 ] || exit 1; "
                "sleep 0.1; done; ! dmesg | grep -E 'BUG|Oops'")

