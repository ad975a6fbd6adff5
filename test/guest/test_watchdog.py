# SPDX-License-Identifier: BSD-3-Clause
"""Our Linux driver (linux/virtio_watchdog.c) on a stratos watchdog: times, petting, stop, warning, expiry, no way out,
a back-end that dies, sleep, and a machine that is really reset. On arm64: make demo-control."""
import control
from harness import Guest, scratch
from test_devices import daemon


def guest(tmp, props=None, **more):
    kind, path, own = control.watchdog(tmp)
    return Guest("qemu11", [(kind, path, {**own, **(props or {})})], append=control.WATCHDOG_DRIVERS, **more)


def test_driver():
    with scratch() as tmp:
        with daemon(tmp, "watchdog", f"--host=sim:{tmp}/record") as d, guest(tmp) as g:
            for _, check in control.CHECKS["watchdog"]:
                check(g)
            came_back(g)
            warned(g)
            slept(g)
            loaded_again(g)
            left_alone(g, d)


def came_back(g):
    """A device that knows of no start any more, here as it has expired without a consequence, is started by the next kick."""
    control.pet(g, timeout=7)
    g.check("kill -STOP $(cat /run/petting)")
    control.becomes(g, "expired reset")
    g.check("kill -CONT $(cat /run/petting)")
    control.becomes(g, "start 7000")
    control.stop(g)
    control.becomes(g, "stop")


def warned(g):
    """The device warns before it expires, and the kernel's governor is told; a watchdog that is petted warns nobody."""
    said = "dmesg | grep -c 'watchdog0: pretimeout event'; true"
    g.check("wdctl --settimeout 20 --setpretimeout 15 /dev/watchdog0")
    assert g.check(f"cat {control.WATCHDOG}/pretimeout {control.WATCHDOG}/timeout").split() == ["15", "20"]
    control.pet(g, timeout=20)
    g.check("sleep 8")
    assert g.check(said) == "0\n"
    control.hang(g)
    control.becomes(g, "expired reset")
    assert g.check(said) == "1\n"
    # a timeout that the warning does not fit into any more goes without
    g.check("wdctl --settimeout 12 /dev/watchdog0")
    assert g.check(f"cat {control.WATCHDOG}/pretimeout") == "0\n"
    assert control.record(g)[-1] == "stop"


def slept(g):
    """Sleep resets the device: the driver starts it again when the machine wakes up, and it is petted on."""
    control.pet(g, timeout=60)
    before = len(control.record(g))
    g.check("echo devices >/sys/power/pm_test && echo freeze >/sys/power/state", timeout=90)
    assert control.record(g)[before:][-1:] == ["start 60000"], control.record(g)
    assert g.check(f"cat {control.WATCHDOG}/state") == "active\n"
    control.stop(g)
    control.becomes(g, "stop")


def loaded_again(g):
    """While it runs the driver stays. Loaded anew it takes another timeout, and a wish that it never be stopped."""
    control.pet(g)
    assert g.run("rmmod virtio_watchdog")[0] != 0
    control.stop(g)
    control.becomes(g, "stop")
    g.check(f"rmmod virtio_watchdog; modprobe virtio_watchdog action=5; [ ! -e {control.WATCHDOG} ]")  # not ours to choose
    assert "does not leave action 5 to us" in g.check("dmesg")
    g.check("rmmod virtio_watchdog; modprobe virtio_watchdog timeout=15 nowayout=1")
    assert g.check(f"cd {control.WATCHDOG} && cat timeout nowayout state").split() == ["15", "1", "inactive"]
    control.pet(g, timeout=15)
    before = len(control.record(g))
    control.stop(g)
    control.becomes(g, "expired reset")
    assert "stop" not in control.record(g)[before:]


def left_alone(g, d):
    """A back-end that is gone answers nothing: nobody waits for ever."""
    d.kill()
    assert g.check(f"cat {control.WATCHDOG}/timeleft") == "0\n"
    assert g.run("wdctl --settimeout 33 /dev/watchdog0")[0] != 0
    assert g.check(f"cat {control.WATCHDOG}/timeout") == "15\n"


def test_machine_is_reset():
    """QEMU resets a guest that hangs, and its driver tells why it booted; closing it in the orderly way does not help. What
    endures a reset is found running by the next kernel, which pets it until a program does."""
    with scratch() as tmp, daemon(tmp, "watchdog", f"--host=qmp:{tmp}/qmp", "--endure", "--no-way-out") as d, \
         guest(tmp, extra=["-qmp", f"unix:{tmp}/qmp,server=on,wait=off", "-action", "reboot=reset"]) as g:
        cause = f"cat {control.WATCHDOG}/bootstatus {control.WATCHDOG}/nowayout {control.WATCHDOG}/state"
        assert g.check(cause).split() == ["0", "1", "inactive"]
        control.pet(g, timeout=10)
        control.stop(g)
        g._ready(180)
        assert "was told: reset" in d.log
        assert g.check(cause).split() == ["32", "1", "inactive"]
        assert "Card previously reset the CPU" in g.check("wdctl")
        control.pet(g, timeout=60)
        g._send("RUN reboot 60 9", b"reboot -f")
        g._ready(180)
        assert "it was running already" in g.check("dmesg")
        assert int(g.check(f"cat {control.WATCHDOG}/timeleft")) > 0
        assert d.log.count("was told") == 1
