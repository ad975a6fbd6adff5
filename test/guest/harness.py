# SPDX-License-Identifier: BSD-3-Clause
"""harness - boot a Linux guest against vhost-user back-ends and run commands in it.

    with scratch() as tmp, \\
         Daemon(["build/stratos", "rng", f"--socket-path={tmp}/rng"], socket=tmp / "rng") as rng, \\
         Guest("qemu", [("rng", rng.socket, {"packed": "on"})]) as guest:
        rc, out = guest.run("head -c 32 /dev/hwrng | wc -c")

Vehicles, the first argument of Guest (made on first use, see tools/lab; all of them emulate, none needs KVM):
    qemu     QEMU of this system (7.2 on Debian 12), x86, Debian's 6.12 kernel, devices on PCI
    qemu11   QEMU 11 from the cache, else the same
    arm64    qemu-system-aarch64 of this system, machine virt, devices on virtio-mmio
    arm64-qemu11  the same with QEMU 11
    uml      User-Mode Linux 7.2: it is the vhost-user front-end itself

Back-ends must be started before the guest and outlive it: open the Daemon first, as above. When a boot or a
command goes wrong, GuestError carries the end of the console and of the log of every running Daemon.
"""
import base64
import contextlib
import itertools
import os
import re
import select
import shutil
import signal
import socket as sockets
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# kind: (QEMU's device on PCI, on virtio-mmio, virtio device ID). "console" has no front-end of its own; QEMU 11's
# generic one serves it.
GENERIC = "vhost-user-test-device"
KINDS = {
    "rng": ("vhost-user-rng-pci", "vhost-user-rng", 4),
    "blk": ("vhost-user-blk-pci", "vhost-user-blk", 2),
    "i2c": ("vhost-user-i2c-pci", "vhost-user-i2c-device", 34),
    "gpio": ("vhost-user-gpio-pci", "vhost-user-gpio-device", 41),
    "scmi": ("vhost-user-scmi-pci", "vhost-user-scmi", 32),
    "console": (GENERIC + "-pci", GENERIC, 3),
    "rtc": ("vhost-user-rtc-pci", "vhost-user-rtc", 17),  # QEMU 11
}
# emulation is slow and other work may share the machine: seconds for a boot
BOOT_SECONDS = {"qemu": 120, "qemu11": 120, "arm64": 180, "arm64-qemu11": 180, "uml": 30}
CHUNK = 3500  # bytes that the console of every guest surely buffers (4096 and no more in User-Mode Linux)


class GuestError(Exception):
    """The guest or a back-end did not do what the test bed needs (not: a test's own check failed)."""


@contextlib.contextmanager
def scratch():
    """A temporary folder with a path short enough for a Unix socket's name."""
    path = Path(tempfile.mkdtemp(prefix="stratos."))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def tail(data, lines=30):
    text = data.decode(errors="replace") if isinstance(data, bytes) else data
    return "\n".join("    " + line for line in text.splitlines()[-lines:]) or "    (nothing)"


def prepared(*command):
    """Run a tool that prints the path of something it makes when it is missing; its progress goes to our stderr."""
    done = subprocess.run([ROOT / "tools" / command[0], *command[1:]], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise GuestError(f"tools/{' '.join(command)} failed, see above")
    return Path(done.stdout.strip())


def bound(argv):
    """The same command, ended by the kernel when the thread that starts it ends: no test leaves a process behind."""
    return ["setpriv", "--pdeathsig", "KILL", "--", *(str(a) for a in argv)]


class Daemon:
    """A back-end process. Use as a context manager, or start() and stop()."""

    running = []

    def __init__(self, argv, socket=None, ready=None, timeout=10, env=None, stop_signal=signal.SIGTERM, cwd=ROOT):
        """socket: wait until it listens. ready: wait until this text is in the log. timeout: seconds, start and stop."""
        self.argv = [str(a) for a in argv]
        self.socket = Path(socket) if socket else None
        self.ready, self.timeout, self.stop_signal, self.cwd = ready, timeout, stop_signal, cwd
        self.env = {**os.environ, **(env or {})}
        self.process = None
        self._log = tempfile.TemporaryFile()

    @property
    def log(self):
        self._log.flush()
        return os.pread(self._log.fileno(), 1 << 20, 0).decode(errors="replace")

    def _listening(self):
        """True when the socket listens; does not connect, as a back-end may serve one connection only."""
        if not self.socket.is_socket():
            return False
        try:
            inode_listens = re.compile(r"^\S+ \S+ \S+ 00010000 \S+ \S+ +\d+ " + re.escape(str(self.socket)) + "$", re.M)
            return bool(inode_listens.search(Path("/proc/net/unix").read_text()))
        except OSError:
            return True

    def start(self):
        if self.socket and self.socket.exists():
            self.socket.unlink()
        try:
            self.process = subprocess.Popen(bound(self.argv), stdin=subprocess.DEVNULL, stdout=self._log,
                                            stderr=subprocess.STDOUT, cwd=self.cwd, env=self.env)
        except OSError as e:
            raise GuestError(f"cannot start {self.argv[0]}: {e.strerror}") from e
        Daemon.running.append(self)
        end = time.monotonic() + self.timeout
        while not ((not self.socket or self._listening()) and (not self.ready or self.ready in self.log)):
            if self.process.poll() is not None:
                self._forget()
                raise GuestError(f"{' '.join(self.argv)}\n  ended with code {self.process.returncode} before it was "
                                 f"ready; its log:\n{tail(self.log)}")
            if time.monotonic() > end:
                self.kill()
                raise GuestError(f"{' '.join(self.argv)}\n  was not ready after {self.timeout} s; its log:\n{tail(self.log)}")
            time.sleep(0.02)
        return self

    def _forget(self):
        if self in Daemon.running:
            Daemon.running.remove(self)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._forget()

    def stop(self, code=0):
        """Ask it to end and check its exit code; code=None takes any."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(self.timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise GuestError(f"{self.argv[0]} did not end {self.timeout} s after {self.stop_signal.name}; "
                             f"its log:\n{tail(self.log)}") from None
        self._forget()
        if code is not None and self.process.returncode != code:
            raise GuestError(f"{' '.join(self.argv)}\n  ended with code {self.process.returncode}, not {code}; "
                             f"its log:\n{tail(self.log)}")

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind:  # the test has failed already: show the log beside it, and add no second error
            print(f"--- log of {' '.join(self.argv)} (code {self.process.poll()})\n{tail(self.log)}")
            self.kill()
        elif self in Daemon.running:  # else the test has stopped it itself
            self.stop()


class Agent:
    """The command agent of a booted system (test/guest/init) at the other end of a stream of bytes.

    A subclass says what the stream is: _reader() and _writer() return file descriptors, _ended() says in words how
    the system ended when the stream does, _fail(text) raises a GuestError with all that helps to find out why."""

    def __init__(self, name):
        self.name = name
        self.console = b""  # all that the console ever said
        self.taken = 0  # how much of it has been looked at
        self.ids = itertools.count(1)
        self.release = None  # of its kernel

    def _ready(self, timeout):
        """Wait until the agent answers."""
        self.release = self._expect(rb"AGENT READY (\S+) (\S+)\r?\n", timeout, "boot")[2].decode()

    def _expect(self, pattern, timeout, what):
        """Read the console until the pattern is in what was not looked at yet."""
        end = time.monotonic() + timeout
        fd = self._reader()
        while True:
            found = re.compile(pattern, re.M).search(self.console, self.taken)
            if found:
                self.taken = found.end()
                return found
            wrong = re.search(rb"Kernel panic|Initramfs unpacking failed", self.console[self.taken:])
            if wrong:
                self._drain(1)
                self._fail(f"{wrong[0].decode()} during: {what}")
            left = end - time.monotonic()
            if left <= 0:
                self._fail(f"no answer within {timeout:.0f} s to: {what}")
            if select.select([fd], [], [], left)[0]:
                data = os.read(fd, 65536)
                if not data:
                    self._fail(f"{self._ended()} during: {what}")
                self.console += data

    def _drain(self, seconds):
        """Take what else the console says for so long."""
        end = time.monotonic() + seconds
        fd = self._reader()
        while select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
            data = os.read(fd, 65536)
            if not data:
                return
            self.console += data

    def _send(self, line, data=b""):
        try:
            data = line.encode() + b"\n" + data
            while data:
                data = data[os.write(self._writer(), data):]
        except BrokenPipeError:
            self._drain(1)
            self._fail("has ended, so no command can be sent")

    def _answer(self, number, timeout, what):
        self._expect(rb"^OUT %s\r?\n" % number.encode(), timeout + 15, what)
        begin = self.taken
        end = self._expect(rb"\n?^END %s rc=(\d+)\n" % number.encode(), timeout + 15, what)
        return int(end[1]), self.console[begin:end.start()].decode(errors="replace")

    def run(self, script, timeout=60):
        """Run a shell script in the guest; returns (exit code, output). After the timeout it is ended: code 143 or 137."""
        script = script.encode()
        number = f"r{next(self.ids)}"
        if len(script) > CHUNK:
            self.put(f"/tmp/{number}", script)
            script = b"/bin/sh /tmp/%s" % number.encode()
        self._send(f"RUN {number} {int(timeout)} {len(script)}", script)
        return self._answer(number, timeout, tail(script, 5))

    def check(self, script, timeout=60):
        """Run a script that must succeed; returns its output."""
        rc, out = self.run(script, timeout)
        if rc:
            raise AssertionError(f"in the {self.name}, code {rc}: {script}\n{out}")
        return out

    def put(self, path, data):
        """Write bytes to a file in the guest (some 100 KiB a second, it goes over the console)."""
        self.check(f": >'{path}'")
        for at in range(0, len(data), CHUNK):
            number = f"p{next(self.ids)}"
            part = data[at:at + CHUNK]
            self._send(f"PUT {number} {len(part)} {path}", part)
            rc, out = self._answer(number, 60, f"put {path}")
            if rc:
                raise GuestError(f"could not write {path} in the {self.name}: {out}")

    def get(self, path):
        """The bytes of a file in the guest."""
        return base64.b64decode(self.check(f"base64 '{path}'"))


class Machine(Agent):
    """A system in a process of its own, whose standard input and output are the agent's console. As a context
    manager: leaving it powers it off, or ends it at once where something went wrong.

    A subclass has command(), its argument list, and _fail(text); _starting() and _started() where there is more to
    do before the process and between it and the agent's first word, _logs() for more than the console."""

    boot_timeout = off_timeout = 30  # seconds
    process = folder = boot_seconds = None

    def _starting(self):
        """Returns further arguments for Popen."""
        return {}

    def _started(self):
        pass

    def _logs(self):
        return f"\n{tail(self.console)}"

    def start(self):
        self.folder = Path(tempfile.mkdtemp(prefix="stratos-machine."))
        begin = time.monotonic()
        try:
            more = self._starting()
            self.process = subprocess.Popen(bound(self.command()), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.STDOUT, bufsize=0, start_new_session=True, **more)
            self._started()
            self._ready(self.boot_timeout)
        except BaseException:
            self.kill()
            raise
        self.boot_seconds = time.monotonic() - begin
        return self

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def _reader(self):
        return self.process.stdout.fileno()

    def _writer(self):
        return self.process.stdin.fileno()

    def _ended(self):
        self.process.wait()
        return f"ended with code {self.process.returncode}"

    def quit(self):
        """Power off in an orderly way."""
        if self.alive():
            self._send("QUIT")
            self._expect(rb"AGENT BYE", self.off_timeout, "QUIT")
            end = time.monotonic() + self.off_timeout
            while self.alive() and time.monotonic() < end:
                self._drain(0.05)
            try:
                self.process.wait(0.1)
            except subprocess.TimeoutExpired:
                self.kill()
                raise GuestError(f"{self.name} did not power off within {self.off_timeout} s") from None
        self._cleanup()

    def kill(self):
        """End it at once, as a crash of the virtual machine would."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)  # User-Mode Linux has helper processes
        if self.process:
            self.process.wait()
        self._cleanup()

    def _cleanup(self):
        if self.process:
            for pipe in (self.process.stdin, self.process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind:
            if self.alive() and kind is not GuestError:
                print(f"--- end of what the {self.name} said{self._logs()}")
            self.kill()
        else:
            self.quit()


class Guest(Machine):
    """A booted guest. Use as a context manager; leaving it powers the guest off."""

    def __init__(self, vehicle="qemu", devices=(), memory=None, cpus=1, append="", extra=(), first=(), timeout=None):
        """devices: (kind, socket) or (kind, socket, properties of QEMU's device); the property "chardev" adds to the
        character device, e.g. "reconnect=1". A kind may also be a number, a virtio device ID. User-Mode Linux takes
        all features that the back-end offers and ignores properties. memory: MiB (256, arm64 512). append: words for the kernel.
        extra: further options of QEMU. first: the same, before the devices (an IOMMU, a port to plug them into)."""
        if vehicle not in BOOT_SECONDS:
            raise ValueError(f"vehicle {vehicle!r} is none of {', '.join(BOOT_SECONDS)}")
        super().__init__(f"{vehicle} guest")
        self.vehicle, self.cpus = vehicle, cpus
        self.arm = vehicle.startswith("arm64")
        self.memory = memory or (512 if self.arm else 256)  # arm64's kernel and what it unpacks are large
        self.devices = [(d[0], d[1], dict(d[2]) if len(d) > 2 else {}) for d in devices]
        self.append, self.first, self.extra = append, list(first), list(extra)
        self.boot_timeout = timeout or BOOT_SECONDS[vehicle]

    # --- command lines

    def _qemu_device(self, n, kind, path, props):
        props = dict(props)
        chardev = f"socket,id=c{n},path={path}"
        if "chardev" in props:
            chardev += "," + props.pop("chardev")
        pci, mmio, number = KINDS.get(kind, (GENERIC + "-pci", GENERIC, kind))
        if mmio == GENERIC:
            if not self.vehicle.endswith("qemu11"):
                raise ValueError(f"device {kind} needs a vehicle with QEMU 11, or uml")
            props = {"virtio-id": number, "num_vqs": 2, "config_size": 12, **props}
        device = mmio if self.arm else pci
        words = "".join(f",{k}={v}" for k, v in props.items())
        return ["-chardev", chardev, "-device", f"{device},chardev=c{n}{words}"]

    def _kernel(self):
        """The kernel and the initrd to boot."""
        guest = prepared("mkguest", "arm64" if self.arm else "amd64")
        return guest / "vmlinuz", guest / "initrd"

    def _machine(self):
        """The program, its machine and its processors."""
        if self.arm:
            argv = ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57", "-global", "virtio-mmio.force-legacy=false"]
        else:
            argv = ["qemu-system-x86_64", "-M", "q35", "-cpu", "max"]
        if self.vehicle.endswith("qemu11"):
            prepared("qemu11", "--prepare", "arm" if self.arm else "x86")
            argv.insert(0, ROOT / "tools/qemu11")
        # A thread for each CPU is faster, but the kernel patches its code while the others run it, and then QEMU 7.2
        # now and then executes the breakpoint that is there for a moment: "Oops: int3" during boot.
        return argv + ["-accel", "tcg,thread=single", "-smp", self.cpus]

    def _memory(self):
        return ["-m", self.memory, "-object", f"memory-backend-memfd,id=mem,share=on,size={self.memory}M", "-machine",
                "memory-backend=mem"]

    def command(self):
        quiet = f"quiet loglevel=2 panic=-1 random.trust_cpu=on {self.append}"
        if self.vehicle == "uml":
            guest = prepared("mkguest", "amd64")
            argv = [prepared("mkuml"), f"mem={self.memory}M", f"initrd={guest}/initrd-uml", "con0=fd:0,fd:1", "con=null",
                    "ssl=null", "rdinit=/init", *quiet.split()]
            argv += [f"virtio_uml.device={path}:{KINDS.get(kind, (0, 0, kind))[2]}" for kind, path, _ in self.devices]
            return argv + self.extra
        kernel, initrd = self._kernel()
        serial = "ttyAMA0" if self.arm else "ttyS0"
        if not self.arm:  # a kernel on a busy machine may not see its timer tick in time, and would panic
            quiet = f"no_timer_check {quiet}"
        argv = [*self._machine(), *self._memory(), "-no-reboot", "-nodefaults", "-display", "none", "-serial", "stdio",
                "-kernel", kernel, "-initrd", initrd, "-append", f"console={serial} mitigations=off {quiet}"]
        argv += self.first
        for n, (kind, path, props) in enumerate(self.devices):
            argv += self._qemu_device(n, kind, path, props)
        return argv + self.extra

    # --- life

    def _starting(self):
        # User-Mode Linux keeps the guest's memory in a file under TMPDIR, and sockets' names in HOME/.uml; the cache
        # of QEMU 11 is found through HOME
        env = dict(os.environ, HOME=os.environ.get("HOME", "/") if self.vehicle.endswith("qemu11") else str(self.folder))
        env.setdefault("TMPDIR", "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp")
        return {"env": env}

    def _fail(self, text):
        logs = "".join(f"\n  log of {' '.join(d.argv)} (code {d.process.poll()}):\n{tail(d.log)}" for d in Daemon.running)
        command = " ".join(str(a) for a in self.process.args[4:])
        raise GuestError(f"{self.name}: {text}\n  command: {command}\n  end of its console:\n{tail(self.console)}{logs}")


def can_connect(path):
    """True when a Unix socket accepts a connection (and drops it again)."""
    with sockets.socket(sockets.AF_UNIX) as s:
        try:
            s.connect(str(path))
            return True
        except OSError:
            return False
