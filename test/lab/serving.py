# SPDX-License-Identifier: BSD-3-Clause
"""serving - stratos in the control domain of the lab, and what the tests of devices on Xen ask of guests

    with Stratos(xen, {"a": [blk("/var/a"), rng()]}) as stratos:
        with stratos.guest("a") as guest:
            entropy(guest)

Each device of a guest takes the next node: with Xen 4.17 that of a disk, with later ones a node of its own type.
"""
import concurrent.futures
import contextlib
import re
import time

from xenlab import LAB_KERNEL, virtio_disks

LOG = "/var/log/stratos.log"
PACKED = 34  # bit of VIRTIO_F_RING_PACKED


def blk(path, **options):
    return ("blk", 2, {"blk-file": path, **options})


def rng(**options):
    return ("rng", 4, options)


class Stratos:
    """One daemon; guests: {name: [device, ...]}. grants: what the toolstack says to guests of Xen 4.18 and later."""

    def __init__(self, xen, guests, grants=False, options=""):
        self.xen, self.guests, self.grants, self.options = xen, guests, grants, options
        self.pid = None

    def command(self):
        words = ["stratos", "serve", "--verbose", self.options]
        for name, devices in self.guests.items():
            words += ["--xen", name]
            for n, (kind, _, options) in enumerate(devices):
                node = {"xen-node": f"virtio_disk/{51712 + 16 * n}" if self.old else f"virtio/{n}"}
                given = {"name": f"{name}-{kind}{n}", **node, **options}
                words.append(f"--device {kind}," + ",".join(f"{k}={v}" for k, v in given.items() if v is not None))
        return " ".join(words)

    @property
    def old(self):
        return self.xen.version == "4.17"

    def start(self, after=0):
        """after: seconds until it starts; then nobody waits for it here."""
        self.xen.check(f"{{ sleep {after}; exec {self.command()}; }} >>{LOG} 2>&1 & echo $! >/run/stratos.pid")
        self.pid = int(self.xen.check("cat /run/stratos.pid"))
        if not after:
            last = list(self.guests)[-1]
            self.wait_log(f"on Xen, domain {last}", times=len(self.guests[last]))
        return self

    def signal(self, name):
        """End it by a signal."""
        self.xen.check(f"kill -{name} {self.pid}; for try in $(seq 300); do [ -e /proc/{self.pid}/exe ] || exit 0; "
                       "sleep 0.1; done; exit 1")

    def restart(self, signal):
        """End it by that signal and start it anew, as a service manager does."""
        self.signal(signal)
        self.xen.check(f"mv {LOG} {LOG}.before; : >{LOG}")
        self.start()

    def alive(self):
        return self.xen.run(f"[ -e /proc/{self.pid}/exe ]")[0] == 0

    def log(self):
        return self.xen.check(f"cat {LOG}")

    def wait_log(self, pattern, times=1, timeout=60):
        """Until the log has that many lines that match an extended regular expression."""
        rc, _ = self.xen.run(f"for try in $(seq {timeout * 10}); do [ $(grep -cE '{pattern}' {LOG}) -ge {times} ] && "
                             "exit 0; sleep 0.1; done; exit 1", timeout + 10)
        assert rc == 0, f"the log has no '{pattern}':\n{self.log()}"

    def wait_left(self, domid, devices):
        """Until it has let go of so many devices of a domain."""
        self.wait_log(f"domain {domid}: (left|gone)$", devices)

    def clear_log(self):
        self.xen.check(f": >{LOG}")

    def counters(self, domid):
        """What the daemon did for a domain, as it says when the guest leaves: {"accesses": n, ...}"""
        self.wait_log(f"domain {domid}: [0-9]+ accesses")
        line = re.findall(rf"domain {domid}: (\d+ accesses.*)", self.log())[-1]
        return {name.strip(): int(n) for n, name in re.findall(r"(\d+) ([a-z][a-z ]*)", line)}

    def __enter__(self):
        self.xen.check(f"rm -rf /run/stratos {LOG} {LOG}.before; : >{LOG}")
        return self.start()

    def __exit__(self, kind, *_):
        if kind:
            print(self.xen.logs())
        with contextlib.suppress(AssertionError):
            self.signal("KILL")
        self.xen.check("rm -rf /run/stratos")

    # --- guests

    def config(self, name):
        devices = self.guests[name]
        if self.old:
            return {"disk": virtio_disks(len(devices))}
        return {"kernel": LAB_KERNEL,
                "virtio": [f"type=virtio,device{number:x},transport=mmio,grant_usage={int(self.grants)}"
                           for _, number, _ in devices]}

    def guest(self, name, **cfg):
        return self.xen.create(name, **{"vcpus": 2, **self.config(name), **cfg})


# ---- what guests are asked

def negotiated(guest, device, bit):
    """The driver of /sys/bus/virtio/devices/virtioN took that feature."""
    return guest.check(f"cat /sys/bus/virtio/devices/virtio{device}/features")[bit] == "1"


def random_file(xen, path, mib):
    xen.check(f"head -c {mib << 20} /dev/urandom >{path}", 300)


PART = 16  # MiB, for guests have little memory


def parts(mib):
    return range(0, mib, PART)


def sums(domain, path, mib, flags=""):
    """md5 of each part of a file or disk"""
    out = domain.check(f"""set -o pipefail
        for at in {" ".join(map(str, parts(mib)))}; do
            dd if={path} bs=1M skip=$at count={min(PART, mib)} {flags} 2>/tmp/sums | md5sum || {{ cat /tmp/sums; exit 1; }}
        done""", 300)
    return [line.split()[0] for line in out.splitlines() if line.strip()]


def overwrite(guest, disk, mib):
    """Random bytes on all of a disk; returns md5 of each part."""
    out = guest.check(f"""for at in {" ".join(map(str, parts(mib)))}; do
            dd if=/dev/urandom of=/tmp/r bs=1M count={min(PART, mib)} 2>/tmp/dd &&
            dd if=/tmp/r of=/dev/{disk} bs=1M seek=$at oflag=direct conv=fsync 2>/tmp/dd &&
            [ $(stat -c %s /tmp/r) = {min(PART, mib) << 20} ] && md5sum /tmp/r || {{ cat /tmp/dd; ls -l /tmp; exit 1; }}
        done""", 300)
    return [line.split()[0] for line in out.splitlines() if line.strip()]


def both_ways(xen, disks, mib):
    """disks: [(guest, disk, image)], one a guest: all of each image read by its guest, then all of it written, at the
    same time in all guests; md5 of each part on both sides."""
    def read(d):
        return sums(d[0], f"/dev/{d[1]}", mib, "iflag=direct")

    with concurrent.futures.ThreadPoolExecutor(len(disks)) as pool:
        for what, work in (("the guest reads other bytes than the image has", read),
                           ("the image has other bytes than the guest wrote", lambda d: overwrite(d[0], d[1], mib))):
            for (guest, disk, image), ours in zip(disks, list(pool.map(work, disks))):
                theirs = sums(xen, image, mib)
                wrong = [at for at, one, other in zip(parts(mib), ours, theirs) if one != other]
                assert len(ours) == len(theirs) == len(parts(mib)) and not wrong, \
                    f"{guest.name}, {disk}: {what}, in the {PART} MiB from {wrong} MiB; now it reads " \
                    f"{sums(guest, f'/dev/{disk}', mib, 'iflag=direct')}, wrote or read {ours}, image {theirs}"


def entropy(guest):
    assert guest.check("head -c 512 /dev/hwrng | wc -c", 60).strip() == "512"


class Traffic:
    """fio in the guest, writing and verifying disks again and again in the background, until stop()"""

    def __init__(self, guest, *disks, size="1M"):
        self.guest, self.disks = guest, disks
        guest.check("rm -f /tmp/enough /tmp/rounds.*")
        for disk in disks:
            fio = (f"fio --name=v --filename=/dev/{disk} --size={size} --rw=randwrite --bs=4k --iodepth=16 "
                   "--ioengine=libaio --direct=1 --verify=crc32c --do_verify=1 --verify_fatal=1")
            guest.check(f"""(while [ ! -e /tmp/enough ]; do
                {fio} >/tmp/fio.{disk} 2>&1 || {{ echo BAD; exit 1; }}
                echo >>/tmp/rounds.{disk}
            done; echo END) >/tmp/traffic.{disk} 2>&1 &""")

    def rounds(self):
        """How often fio wrote and verified, on the slowest disk"""
        out = self.guest.check(" ".join(f"cat /tmp/rounds.{d} 2>/dev/null | wc -l;" for d in self.disks))
        return min(int(n) for n in out.split())

    def more(self, n=1, timeout=300):
        """Wait until n whole rounds have begun and ended from now on, on each disk."""
        goal, end = self.rounds() + 1 + n, time.monotonic() + timeout
        while self.rounds() < goal:
            assert time.monotonic() < end, f"no progress:\n{self.state()}"
            time.sleep(0.3)

    def state(self):
        return self.guest.run("tail -n 5 /tmp/traffic.* /tmp/fio.*")[1]

    def stop(self, timeout=300):
        self.guest.check("touch /tmp/enough; " + " ".join(
            f"until grep -qE 'END|BAD' /tmp/traffic.{d}; do sleep 0.2; done;" for d in self.disks), timeout)
        assert "BAD" not in self.state(), self.state()
