# SPDX-License-Identifier: BSD-3-Clause
"""xenlab - real Xen with a control domain and guests, emulated by QEMU, and commands in each of them.

    with Xen() as xen:
        xen.check("xl list")                                       # in the control domain
        xen.check("stratos serve ... >/var/log/stratos.log 2>&1 &")
        with xen.create("g1", disk=virtio_disks(1)) as guest:
            rc, out = guest.run("head -c 32 /dev/hwrng | wc -c")

What boots (made on first use, see tools/lab): the hypervisor of tools/mkxen; the control domain of tools/mkdom0, that
is Debian's tools for Xen, the stratos program, and in /guest the kernel and initrd of the arm64 test guest; each guest
is that same test guest. All of them have the same command agent (test/guest/init).

How bytes travel: QEMU gives the control domain a virtio console for its agent and a port for each guest. A pair of
"cat" in the control domain joins a guest's port to the terminal of its emulated UART. So each guest is a stream of its
own here: different threads may run commands in different guests at once. Xen's own console is a log file (xen.log).

Virtio devices of a guest: with Xen 4.17 each entry of disk=virtio_disks(n) gives the guest one virtio-mmio device at
0x2000000 + n * 0x200 with interrupt 33 + n, of whatever class the back-end serves there; with 4.20
virtio=["type=virtio,device,transport=mmio"] does the same. With 4.17 "xl create" gives up after 10 s unless a back-end
answers in xenstore: start it first.

When anything goes wrong GuestError carries the ends of all logs: Xen's, those in the control domain's /var/log
(*.log there is the place for a daemon's output) and the console of the guest.
"""
import base64
import contextlib
import re
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "guest"))
from harness import Agent, GuestError, Machine, prepared, tail  # noqa: E402

BOOT_SECONDS = 180  # emulation is slow and other work may share the machine
CREATE_SECONDS = 60
# Linux reserves 64 MiB for large buffers of devices (cma) and takes 50 MiB itself: too much for a small domain
WORDS = "cma=0 quiet loglevel=2 panic=-1"
# The agent of a guest speaks on the UART that Xen emulates. Under emulation on processors that are really free, the
# event channel of a guest's hvc_xen is now and then left pending and masked, and its console stands still for good.
# FLASK denies that UART ("unknown domctl: 81"), so there it is Xen's own console. mode: terminal in the guest, in xenstore
CONSOLES = {"silo": ("ttyAMA0", "vuart/0/tty"), "flask": ("hvc0", "console/tty")}
LAB_KERNEL = "/guest/vmlinuz-lab"
BACKEND = "stratos.mods=xenfs,xen-evtchn,xen-gntdev,xen-gntalloc,xen-privcmd"
RAM = 0x40000000  # where QEMU's machine has its memory


def virtio_disks(n, backend=None):
    """n entries for disk= of Xen 4.17; backend: name of the domain that serves them, else it is dom0."""
    of = f",backend={backend}" if backend else ""
    return [f"specification=virtio,backendtype=standalone{of},vdev=xvd{chr(ord('a') + i)},format=raw,access=rw,"
            "target=/guest/disk" for i in range(n)]


class XenGuest(Agent):
    """A guest of Xen. As a context manager: leaving it destroys the guest."""

    def __init__(self, xen, name, port):
        super().__init__(f"Xen guest {name}")
        self.xen, self.domain_name, self.port = xen, name, port
        self.domid = None

    def _reader(self):
        return self.xen.ports[self.port].fileno()

    _writer = _reader

    def _ended(self):
        return "is gone, because QEMU ended"

    def _fail(self, text):
        raise GuestError(f"{self.name}: {text}\n  end of its console:\n{tail(self.console)}{self.xen.logs()}")

    def put(self, path, data):
        """Write bytes to a file in the guest."""
        # As text: a terminal may take a byte for itself (hvc_xen takes ^O, for the keys of sysrq).
        self.check(f": >'{path}'")
        for at in range(0, len(data), 2400):
            text = base64.b64encode(data[at:at + 2400]).decode()
            self.check(f"base64 -d >>'{path}' <<'END'\n{text}\nEND\n")

    def attach(self, after=-1, seconds=60):
        """Join the console of the domain that has this guest's name to our stream: after create, and again after a
        reboot, which makes a new domain. after: number of the domain before, which may still be there."""
        self._detach()
        out = self.xen.check(f"""
            for try in $(seq {seconds * 5}); do
                id=$(xl domid '{self.domain_name}' 2>/dev/null) && [ "$id" -gt {after} ] && break
                id=
                sleep 0.2
            done
            [ -n "$id" ] || {{ echo "no domain of that name after {after}"; exit 1; }}
            for try in $(seq 100); do
                tty=$(xenstore-read /local/domain/$id/{CONSOLES[self.xen.mode][1]} 2>/dev/null) && [ -e "$tty" ] && break
                sleep 0.1
            done
            [ -e "$tty" ] || {{ echo "no console in xenstore"; exit 1; }}
            for d in /sys/class/virtio-ports/*; do
                [ "$(cat $d/name)" != guest{self.port} ] || port=/dev/$(basename $d)
            done
            stty raw -echo -F $tty
            exec 3<>$port 2>/dev/null  # a port can be opened only once
            cat <$tty >&3 &
            echo $! >/run/console.{self.port}
            cat <&3 >$tty &
            echo $! >>/run/console.{self.port}
            echo DOMAIN $id""", 2 * seconds)
        self.domid = int(re.search(r"DOMAIN (\d+)", out)[1])

    def _detach(self):
        self.xen.run(f"""
            cd /run && [ -e console.{self.port} ] || exit 0
            for p in $(cat console.{self.port}); do
                kill $p
                for try in $(seq 50); do [ -e /proc/$p/exe ] && sleep 0.1; done
            done
            rm -f console.{self.port}""")
        self._drain(0)
        self.taken = len(self.console)

    def ready(self, timeout=BOOT_SECONDS):
        """Wait until the guest has booted and its agent answers."""
        self._ready(timeout)
        return self

    def unpause(self):
        self.xen.check(f"xl unpause '{self.domain_name}'")
        return self

    def pause(self):
        self.xen.check(f"xl pause '{self.domain_name}'")

    def shut_down(self, timeout=60):
        """Power off from within, in an orderly way, and wait until the domain is gone."""
        self._send("QUIT")
        self._expect(rb"AGENT BYE", 30, "QUIT")
        self.xen.wait_gone(self.domain_name, timeout)
        self._free()

    def destroy(self, timeout=60):
        """End the domain at once."""
        rc, out = self.xen.run(f"xl destroy '{self.domain_name}'", timeout)
        self._free()
        if rc and "not exist" not in out and "invalid domain" not in out:
            self._fail(f"xl destroy failed with code {rc}: {out}")

    def _free(self):
        if self.port is not None:
            self._detach()
            self.xen.free_ports.append(self.port)
            self.port = None
            self.xen.guests.pop(self.domain_name, None)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind and kind is not GuestError:
            print(f"--- end of the console of {self.name}\n{tail(self.console)}{self.xen.logs()}")
        if self.port is not None and self.xen.alive():
            self.destroy()


class Xen(Machine):
    """Xen and its control domain. Use as a context manager; leaving it powers the machine off.
    run(), check(), put() and get() work in the control domain."""

    boot_timeout, off_timeout = BOOT_SECONDS, 60

    def __init__(self, version="4.17", mode="silo", memory=2560, dom0_memory=1024, cpus=3, dom0_cpus=1, guests=6,
                 append="", dom0_append="", extra=(), program=True, lab_kernel=None):
        """version: 4.17 or 4.20. mode: silo or flask, see tools/mkxen. memory: MiB of the machine and of the control
        domain; guests get what is left, less about 100 MiB. cpus: of the machine. guests: how many may have a console
        at once. append, dom0_append: words for Xen and for the control domain's kernel. extra: further options of
        QEMU. program: False leaves stratos out of the control domain. lab_kernel: "guest" brings the kernel of
        tools/mklabkernel for guests (kernel=LAB_KERNEL at create()), "dom0" lets the control domain run it as well."""
        super().__init__(f"control domain of Xen {version}")
        self.version, self.mode, self.memory, self.dom0_memory = version, mode, memory, dom0_memory
        self.cpus, self.dom0_cpus, self.append, self.dom0_append = cpus, dom0_cpus, append, dom0_append
        if lab_kernel not in (None, "guest", "dom0"):
            raise ValueError(f"lab_kernel is 'guest', 'dom0' or None, not {lab_kernel!r}")
        self.extra, self.program, self.lab_kernel = list(extra), program, lab_kernel
        self.pairs = [socket.socketpair() for _ in range(guests)]  # ours, QEMU's
        self.ports = [ours for ours, _ in self.pairs]
        self.free_ports = list(range(guests))
        self.guests = {}

    # --- life

    def command(self):
        hypervisor = prepared("mkxen", self.version, self.mode) / "xen"
        dom0 = prepared("mkdom0", self.version, *([] if self.program else ["--no-program"]),
                        *(["--lab-kernel"] if self.lab_kernel else []))
        kernel = dom0 / ("lab" if self.lab_kernel == "dom0" else "vmlinuz")
        # both lie where Xen neither runs nor puts its device tree; Xen copies them and takes the space back
        kernel_at = RAM + (256 << 20)
        initrd_at = kernel_at + (-(-kernel.stat().st_size >> 21) + 16 << 21)
        # conswitch: our bytes never mean "talk to Xen". bootscrub: memory of an emulator is zero.
        # resist: with any other value a virtual CPU whose credit has sunk to the minimum, as happens under emulation,
        # is not taken by an idle CPU other than its last one, and nobody runs it (Xen 4.17, credit2.c, runq_candidate)
        words = (f"dtuart=/pl011@9000000 console=dtuart conswitch=` bootscrub=0 loglvl=info guest_loglvl=info "
                 f"sched_credit2_migrate_resist=0 dom0_mem={self.dom0_memory}M dom0_max_vcpus={self.dom0_cpus} {self.append}")
        linux = f"console=hvc0 {WORDS} rdinit=/init stratos.agent=hvc1 {self.dom0_append}"
        argv = ["qemu-system-aarch64", "-M", "virt,virtualization=on,gic-version=3", "-cpu", "cortex-a57", "-accel", "tcg",
                "-smp", self.cpus, "-m", self.memory, "-nodefaults", "-display", "none", "-no-reboot",
                "-serial", f"file:{self.folder}/xen.log", "-kernel", hypervisor, "-append", words,
                "-device", f"guest-loader,addr={kernel_at:#x},kernel={kernel},bootargs={linux}",
                "-device", f"guest-loader,addr={initrd_at:#x},initrd={dom0}/initrd",
                "-global", "virtio-mmio.force-legacy=false",
                "-device", "virtio-serial-device", "-chardev", "stdio,id=agent,signal=off",
                "-device", "virtconsole,chardev=agent"]
        for n, (_, theirs) in enumerate(self.pairs):
            argv += ["-chardev", f"socket,id=guest{n},fd={theirs.fileno()}",
                     "-device", f"virtserialport,chardev=guest{n},name=guest{n}"]
        return argv + self.extra

    def _starting(self):
        return {"pass_fds": [theirs.fileno() for _, theirs in self.pairs]}

    def _started(self):
        for _, theirs in self.pairs:
            theirs.close()

    def _fail(self, text):
        command = " ".join(str(a) for a in self.process.args[4:])
        raise GuestError(f"{self.name}: {text}\n  command: {command}\n  end of the agent's console:\n{tail(self.console)}\n"
                         f"  end of xen.log:\n{tail(self.xen_log())}")

    def xen_log(self):
        """What Xen's console said; the kernel of the control domain and, in a debug build, guests speak there too."""
        file = self.folder / "xen.log"
        return file.read_bytes().decode(errors="replace").replace("\r", "") if file.exists() else ""

    def _logs(self):
        return self.logs()

    def logs(self):
        """The ends of all logs, for an error's text."""
        text = f"\n  end of xen.log:\n{tail(self.xen_log())}"
        if self.alive():
            with contextlib.suppress(GuestError, AssertionError):
                said = self.run("xl list; for f in /var/log/*.log /var/log/xen/*.log /var/log/xen/console/*.log; do "
                                "[ ! -s $f ] || { echo \"== $f\"; tail -n 25 $f; }; done | "
                                # a guest's panic is not this machine's
                                "sed 's/Kernel panic/Kernel Panic/'; dmesg | tail -n 10", 30)[1]
                text += f"\n  in the control domain:\n{tail(said, 200)}"
        return text

    def _cleanup(self):
        for stream in self.ports:
            with contextlib.suppress(OSError):
                stream.close()
        super()._cleanup()

    # --- guests

    def config(self, name, append="", **cfg):
        """The text of a configuration file for xl; values are strings, numbers or lists of strings.
        append: words for its kernel, behind the usual ones (which extra= replaces)."""
        tty = CONSOLES[self.mode][0]
        cfg = {"name": name, "kernel": "/guest/vmlinuz", "ramdisk": "/guest/initrd", "memory": 256, "vcpus": 1,
               "vuart": "sbsa_uart" if tty == "ttyAMA0" else None,
               "extra": f"console={tty} {WORDS} rdinit=/init {append}", **cfg}

        def value(v):
            if isinstance(v, (list, tuple)):
                return "[ " + ", ".join(value(x) for x in v) + " ]"
            return str(v) if isinstance(v, int) else '"' + str(v).replace('"', r"\"") + '"'

        return "".join(f"{k} = {value(v)}\n" for k, v in cfg.items() if v is not None)

    def create(self, name, paused=False, wait=True, append="", timeout=CREATE_SECONDS, **cfg):
        """Create a guest; cfg are lines of its configuration for xl, None leaves a default out. append: words for
        its kernel. paused: leave it paused (start it with unpause() and ready()). wait: until its agent answers.
        timeout: seconds for xl."""
        if not self.free_ports:
            raise GuestError(f"all {len(self.ports)} consoles are in use: destroy a guest, or ask for more with guests=")
        self.put(f"/guest/{name}.cfg", self.config(name, append, **cfg).encode())
        rc, out = self.run(f"xl create -p /guest/{name}.cfg", timeout)
        if rc:
            raise GuestError(f"{self.name}: xl create of {name} failed with code {rc}:\n{tail(out)}{self.logs()}")
        guest = XenGuest(self, name, self.free_ports.pop(0))
        self.guests[name] = guest
        try:
            guest.attach()
            if not paused:
                guest.unpause()
                if wait:
                    guest.ready()
        except BaseException:
            if self.alive():
                with contextlib.suppress(GuestError):
                    guest.destroy()
            raise
        return guest

    def guest(self, name):
        return self.guests[name]

    def backend_initrd(self, more=()):
        """Path in the control domain of an initrd like the guests', with the program, its libraries and those of Xen
        (and more files) in it: ramdisk= of a domain that is a back-end itself. Its agent's words for the kernel are
        BACKEND."""
        files = " ".join(["bin/stratos", "lib/libxen*.so*", "lib/libcyaml*", "lib/libyaml*", "lib/liburing*",
                          *(str(m).lstrip("/") for m in more)])
        self.check("[ -e /guest/backend ] || { cd / && cp /guest/initrd /guest/backend.new && "
                   f"ls -d {files} 2>/dev/null | cpio -o -H newc 2>/dev/null >>/guest/backend.new && "
                   "mv /guest/backend.new /guest/backend; }")
        return "/guest/backend"

    def wait_gone(self, name, timeout=60):
        """Wait until no domain has this name."""
        self.check(f"while xl domid '{name}' >/dev/null 2>&1; do sleep 0.2; done", timeout)


def main():
    """Try the machine, and say how to use it."""
    with Xen(program=False) as xen:
        version = re.search(r"^xen_version +: (\S+)", xen.check("xl info"), re.M)[1]
    print(f"Xen {version} with Linux {xen.release} in its control domain came up in {xen.boot_seconds:.0f} s.\n\n"
          "  make demo-xen                  a guest with all devices\n"
          "  make test-lab                  the tests in test/lab\n"
          "  python3 -i test/lab/xenlab.py  a machine to play with: print(xen.check('xl list')), xen.create('g1'), xen.quit()")


if __name__ == "__main__":
    if sys.flags.interactive:
        xen = Xen().start()
    else:
        main()
