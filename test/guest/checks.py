# SPDX-License-Identifier: BSD-3-Clause
"""checks - what a demonstration looks at, device by device, and its report

A check is a function of the guest (an Agent of harness.py) and of the host, an object with
  disk_size(), disk_md5(offset, length)                              the image behind the block device, in bytes
  console_port(guest), console_read(), console_write(bytes)          the guest's name of the console; all that came; type
  fio_block                                                          size of a block in what fio verifies, if not "4k"
"""
import json
import re
import sys
import time


class Progress:
    """Where a demonstration is: one line on a terminal, else a line for each step."""

    def __init__(self):
        self.begin, self.tty = time.monotonic(), sys.stderr.isatty()

    def say(self, text):
        line = f"demo: {time.monotonic() - self.begin:5.1f} s  {text}"
        print(f"\r\033[K{line}" if self.tty else line, end="" if self.tty else "\n", file=sys.stderr, flush=True)

    def end(self):
        if self.tty:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def find(guest, driver):
    """sysfs folder of the (only) virtio device that a driver of the guest has bound"""
    out = guest.check(f"ls -d /sys/bus/virtio/drivers/{driver}/virtio* 2>/dev/null || true").split()
    assert out, f"no device is bound to {driver}"
    return out[0]


def rng_bound(guest, _):
    find(guest, "virtio_rng")
    name = guest.check("cat /sys/class/misc/hw_random/rng_current").strip()
    assert name.startswith("virtio_rng"), f"the guest's generator is {name}"


def rng_bytes(guest, _):
    a, b = (guest.check("head -c 4096 /dev/hwrng | md5sum").split()[0] for _ in range(2))
    assert a != b, "the same 4096 bytes twice"


def blk_bound(guest, host):
    sectors = int(guest.check("cat /sys/block/vda/size"))
    assert sectors * 512 == host.disk_size(), f"{sectors} sectors"
    assert int(guest.check("ls -d /sys/block/vda/mq/* | wc -l")) >= 1


def blk_read(guest, host):
    want = host.disk_md5(0, 1 << 20)
    got = guest.check("dd if=/dev/vda bs=64k count=16 iflag=direct 2>/dev/null | md5sum").split()[0]
    assert got == want, "other bytes than the image has"


def blk_write(guest, host):
    guest.check("dd if=/dev/urandom of=/tmp/r bs=64k count=16 2>/dev/null; "
                "dd if=/tmp/r of=/dev/vda bs=64k seek=32 oflag=direct conv=fsync 2>/dev/null")
    want = guest.check("md5sum </tmp/r").split()[0]
    got = host.disk_md5(2 << 20, 1 << 20)
    assert got == want, "the image has other bytes than the guest wrote"


def blk_fio(guest, host):
    block = getattr(host, "fio_block", "4k")
    guest.check(f"fio --name=v --filename=/dev/vda --offset=4m --size=4m --rw=randwrite --bs={block} --iodepth=8 --ioengine=libaio "
                "--direct=1 --verify=crc32c --do_verify=1 --verify_fatal=1", timeout=60)


def console_bound(guest, _):
    find(guest, "virtio_console")
    guest.check("test -c /dev/hvc0 || ls /dev/vport* >/dev/null")


def console_out(guest, host):
    port = host.console_port(guest)
    guest.check(f"stty -F {port} raw -echo 2>/dev/null; echo from-the-guest >{port}")
    end = time.monotonic() + 20
    while b"from-the-guest" not in host.console_read():
        assert time.monotonic() < end, "the line did not arrive at the host"
        time.sleep(0.05)


def console_in(guest, host):
    port = host.console_port(guest)
    guest.check(f"stty -F {port} raw -echo 2>/dev/null; (timeout 20 head -n1 {port} >/tmp/line) >/dev/null 2>&1 & sleep 0.5")
    host.console_write(b"from-the-host\n")
    out = guest.check("for i in $(seq 100); do grep -q host /tmp/line && break; sleep 0.1; done; cat /tmp/line")
    assert "from-the-host" in out, f"the guest read {out!r}"


def bus_of(guest):
    out = guest.check("for i in /sys/class/i2c-dev/*; do echo ${i##*-} $(cat $i/name); done")
    nums = [line.split()[0] for line in out.splitlines() if "virtio" in line.lower()]
    assert nums, f"no virtio bus among: {out}"
    return nums[0]


def i2c_bound(guest, _):
    bus_of(guest)


def i2c_detect(guest, _):
    out = guest.check(f"i2cdetect -y {bus_of(guest)} 0x48 0x50")
    assert re.search(r"\b48\b", out.split("\n", 1)[1]) and re.search(r"\b50\b", out.split("\n", 1)[1]), out


def i2c_dump(guest, _):
    out = guest.check(f"i2ctransfer -y {bus_of(guest)} w1@0x50 0 r14").split()
    assert bytes(int(x, 16) for x in out) == b"stratos eeprom", out


def i2c_temperature(guest, _):
    out = guest.check(f"i2ctransfer -y {bus_of(guest)} w1@0x48 0 r2").split()
    assert out == ["0x19", "0x80"], out


def chip_of(guest):
    out = guest.check("gpiodetect")
    m = re.search(r"^(gpiochip\d+) \[([^\]]*virtio[^\]]*)\]", out, re.M) or re.search(r"^(gpiochip\d+)", out, re.M)
    assert m, f"no chip: {out}"
    return m[1]


def gpio_bound(guest, _):
    find(guest, "gpio_virtio") if guest.run("ls -d /sys/bus/virtio/drivers/gpio_virtio")[0] == 0 else chip_of(guest)


def gpio_wire(guest, _):
    chip = chip_of(guest)
    for level in ("1", "0"):
        out = guest.check(f"gpioset -c {chip} 0={level} & p=$!; sleep 0.3; gpioget --numeric -c {chip} 1; kill $p; wait $p 2>/dev/null; true")
        assert out.strip().split()[0] == level, f"line 1 reads {out.strip()!r}, line 0 drives {level}"


def gpio_edges(guest, _):
    chip = chip_of(guest)
    out = guest.check(f"timeout 20 gpiomon -c {chip} -n 2 -e both 1 >/tmp/edges 2>&1 & m=$!; sleep 1; "
                      f"timeout 2 gpioset -c {chip} -t 200ms,200ms,200ms,0 0=1 >/dev/null 2>&1; wait $m; cat /tmp/edges")
    assert "rising" in out and "falling" in out, out


CHECKS = {
    "rng": [("driver bound", rng_bound), ("4 KiB twice, different", rng_bytes)],
    "blk": [("driver bound, capacity", blk_bound), ("reads the image", blk_read), ("writes reach the image", blk_write),
            ("fio verifies 4 MiB", blk_fio)],
    "console": [("driver bound", console_bound), ("guest to host", console_out), ("host to guest", console_in)],
    "i2c": [("driver bound", i2c_bound), ("i2cdetect finds both chips", i2c_detect), ("EEPROM text", i2c_dump),
            ("temperature 25.5", i2c_temperature)],
    "gpio": [("driver bound", gpio_bound), ("wired lines follow", gpio_wire), ("gpiomon sees both edges", gpio_edges)],
}


def run_checks(guest, names, host, progress, report):
    for device in names:
        for name, check in CHECKS[device]:
            progress.say(f"{device}: {name}")
            entry = {"name": name, "ok": True}
            try:
                check(guest, host)
            except (AssertionError, OSError, ValueError) as e:
                entry.update(ok=False, why=str(e)[:2000])
            report.setdefault(device, []).append(entry)


def failed(names, report, why):
    """Guest or back-end did not live: each device gets a failed check."""
    for n in names:
        report.setdefault(n, []).append({"name": "guest and back-end live", "ok": False,
                                         "why": why[:4000] if n == names[0] else f"as {names[0]}"})


def show(report):
    width = max((len(device) for device in report), default=0)
    for device, checks in report.items():
        for c in checks:
            print(f"  {device:{width}}  {'ok' if c['ok'] else 'FAIL':5} {c['name']}")
            if not c["ok"]:
                print("\n".join("      " + line for line in c["why"].splitlines()[:40]))


def finish(title, report, out, begin, what="devices", more=None):
    """Write the report to out, with `more` beside it, and print the table; returns the exit code."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"devices": [{"device": d, "checks": c} for d, c in report.items()],
                               **(more or {})}, indent=1) + "\n")
    bad = sum(not c["ok"] for checks in report.values() for c in checks)
    total = sum(len(c) for c in report.values())
    print(f"stratos demo: {title} on {len(report)} {what}, {time.monotonic() - begin:.0f} s")
    show(report)
    print(f"{total - bad} of {total} checks ok; report: {out}")
    return 1 if bad or not total else 0
