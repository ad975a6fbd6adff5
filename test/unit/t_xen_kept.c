/* SPDX-License-Identifier: BSD-3-Clause */
/* t_xen_kept.c - the file that outlives the daemon: of somebody else, broken, locked, or not there */
#include "test/unit/xen_keep_bed.h"
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include "test/support/world.h"

/* Where fields of the file's head lie; a file of another layout is one of another version. */
enum {
	MAGIC = 0,
	BYTES = 16,
	CLASS = 20,
	SERVER = 24,
	DOM = 28,
	NVQ = 30,
	BASE_AT = 32,
	VACANT = 40,
	VM = 44,
	REGS = 96
};

static void tamper(off_t at, uint8_t flip)
{
	int fd = open(file_of(0), O_RDWR | O_CLOEXEC);
	uint8_t v;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &v, 1, at), 1);
	v ^= flip;
	assert_int_equal(pwrite(fd, &v, 1, at), 1);
	(void)close(fd);
}

static void event(void)
{
	xm_store_fire("@releaseDomain");
	rounds(3);
}

/* The device begins anew: the driver has to. */
static bool begins_anew(struct side *s)
{
	s->dev.bad = 0;
	s->stuck = false;
	return io(s, VIO_MMIO_STATUS, 4, false, 0) == 0 && start(s, s->packed) && traffic(s, 2);
}

/* ---- not ours ---- */

/* The number is used again by another guest, where the server of that number is another program's. */
static void foreign_guest(void **st)
{
	struct side *s = &b.s[0];

	(void)st;
	(void)serve(1, false, false);
	for (unsigned kill9 = 0; kill9 < 2; kill9++) {
		(kill9 ? killed : stopped)();
		xm_write("/local/domain/1/vm", kill9 ? "/vm/b" : "/vm/a");
		xm.dom[1].page->vcpu_ioreq[0].state = STATE_IOREQ_READY;
		assert_false(back(0, 1));
		assert_true(
			logged("no ioreq server: File exists")); /* the model has room for one */
		assert_int_equal(xm.dom[1].page->vcpu_ioreq[0].state, STATE_IOREQ_READY);
		assert_true(xm.dom[1].server);
		xm_server_end(&xm.dom[1]);
		event();
		assert_non_null(s->xd->g);
		assert_true(begins_anew(s));
	}
}

static void other_head(void **st)
{
	static const struct {
		off_t at;
		bool adopted;
	} field[] = { { MAGIC, false },	   { DOM, false },    { VM, false },
		      { VM + 20, false },  { SERVER, false }, { BYTES, true },
		      { BYTES + 3, true }, { CLASS, true },   { NVQ, true },
		      { NVQ + 1, true },   { BASE_AT, true }, { BASE_AT + 7, true },
		      { VACANT + 1, true } };
	struct side *s = &b.s[0];

	(void)st;
	(void)serve(1, false, true);
	for (size_t i = 0; i < 2 * sizeof(field) / sizeof(field[0]); i++) {
		bool adopted = field[i / 2].adopted;

		(i & 1 ? killed : stopped)();
		tamper(field[i / 2].at, 0x12);
		log_clear();
		assert_int_equal(back(0, 1), adopted);
		assert_false(logged("from where an earlier process ended"));
		if (!adopted) {
			xm_server_end(&xm.dom[1]);
			event();
		}
		assert_non_null(s->xd->g);
		assert_true(begins_anew(s));
	}
}

/* A virtual CPU waits in the server; the device that comes is another one than it was. */
static void other_class(void **st)
{
	struct vio_dev_ops ops;
	struct side *s = &b.s[0];
	uint64_t v;

	(void)st;
	(void)serve(1, false, false);
	offer_and_hold(s);
	assert_true(xm_access(1, 1, s->base + VIO_MMIO_DEVICE_ID, 4, false, 0));
	killed();
	xm_rm(path(1, 0, "type"));
	assert_true(xen_up(32));
	assert_true(add(0, "guest", NULL, 0));
	ops = *s->dev.d.ops;
	ops.id = 41;
	s->dev.d.ops = &ops;
	assert_true(answered(1, 1, &v));
	assert_int_equal(v, 41);
	assert_int_equal(io(s, VIO_MMIO_STATUS, 4, false, 0), 0);
	assert_int_equal(s->dev.n, 0); /* it gets no request of the other one */
	stopped();
}

/* The device offers less than the driver accepted: it cannot go on, which the log says. */
static void other_features(void **st)
{
	struct side *s = &b.s[0];

	(void)st;
	(void)serve(1, true, false);
	killed();
	put(1, 0, "grant_usage", "%llu", 0);
	log_clear();
	assert_true(back(0, 1));
	assert_true(logged("cannot be used: the guest must reset the device"));
	s->grants = false;
	assert_true(begins_anew(s));
}

/* ---- broken ---- */

static void truncated(void **st)
{
	struct side *s = &b.s[0];
	struct stat info;

	(void)st;
	(void)serve(1, false, true);
	assert_int_equal(stat(file_of(0), &info), 0);
	for (off_t len = 0; len < info.st_size; len += len < 300 ? 7 : 701) {
		bool ok;

		stopped();
		assert_int_equal(truncate(file_of(0), len), 0);
		ok = back(0, 1);
		if (!ok) {
			assert_true(len < 400); /* not even the number of the server */
			xm_server_end(&xm.dom[1]);
			event();
		}
		assert_non_null(s->xd->g);
		(void)io(s, VIO_MMIO_STATUS, 4, true, 0);
		assert_true(begins_anew(s));
	}
}

static void scribble(unsigned seed)
{
	static uint8_t all[65536];
	int fd = open(file_of(0), O_RDWR | O_CLOEXEC);
	ssize_t n = pread(fd, all, sizeof(all), 0);
	size_t from = seed % 3 == 0 ? 0 : REGS, to = seed % 3 == 1 ? REGS + 250 : (size_t)n;
	unsigned count = seed % 5 == 0 ? 40000 : 1 + world_random() % 40;

	assert_true(fd >= 0 && n > (ssize_t)REGS + 250);
	while (count-- > 0) {
		all[from + world_random() % (to - from)] =
			(uint8_t)(world_random() & 3 ? world_random() : 0xff);
	}
	assert_int_equal(pwrite(fd, all, (size_t)n, 0), n);
	(void)close(fd);
}

/* Whatever is in the file: nothing crashes, and the driver mends it by a reset. */
static void garbage(void **st)
{
	struct side *s = &b.s[0];
	unsigned resumed = 0, refused = 0, foreign = 0;

	(void)st;
	(void)serve(1, false, false);
	for (unsigned seed = 0; seed < 10000; seed++) {
		assert_int_equal(offer(s), VIO_OK); /* to be seen by the next one, perhaps */
		(seed % 20 == 0 ? killed : stopped)();
		scribble(seed);
		log_clear();
		if (!back(0, 1)) {
			foreign++;
			xm_server_end(&xm.dom[1]);
			event();
		}
		assert_non_null(s->xd->g);
		resumed += logged("from where an earlier process ended");
		refused += logged("cannot be used");
		rounds(3);
		(void)io(s, VIO_MMIO_STATUS, 4, true, 0);
		assert_false(s->stuck);
		s->packed = seed & 1;
		if (!begins_anew(s)) {
			fail_msg("seed %u", seed);
		}
	}
	assert_true(resumed > 1000 && refused > 100 && foreign > 1000);
}

/* ---- at the moment of a store ---- */

/* The daemon is killed in the middle of a save: the registers are those before it, or those after it. */
static void killed_while_saving(void **st)
{
	struct side *s = &b.s[0];

	(void)st;
	(void)serve(1, false, false);
	for (unsigned i = 0; i < 200; i++) {
		pid_t child = fork();
		int how;

		assert_true(child >= 0);
		if (child == 0) {
			for (;;) {
				xen_keep_save(s->xd);
			}
		}
		usleep(100 + world_random() % 300);
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, &how, 0), child);
		log_clear();
		killed();
		assert_true(back(0, 1));
		assert_true(logged("from where an earlier process ended"));
		assert_int_equal(io(s, VIO_MMIO_QUEUE_READY, 4, false, 0), 1);
		assert_true(traffic(s, 1));
	}
}

/* ---- not to be had ---- */

/* Another process serves it: not two at once. As soon as that one has ended, this one begins. */
static void locked(void **st)
{
	struct side *s = &b.s[0];
	int fd;

	(void)st;
	(void)serve(1, false, false);
	killed();
	fd = open(file_of(0), O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_false(back(0, 1));
	assert_true(logged("dev0: error: domain 1: a device of this name is served already"));
	assert_true(xm.dom[1].server);
	log_clear();
	event();
	assert_false(logged("served already")); /* said once */
	(void)close(fd);
	assert_true(b.x->again.at != 0);
	loop_clock(b.loop)->set(loop_clock(b.loop), &b.x->again, 1);
	rounds(3);
	assert_non_null(s->xd->g);
	assert_true(traffic(s, 3));
}

/* Served all the same, and it is said what that means; a restarted daemon has nothing to go on from. */
static void no_folder(void **st)
{
	static const char *const dir[] = { NULL, "/dev/null", "/dev/null/x", "/proc" };

	(void)st;
	for (size_t i = 0; i < sizeof(dir) / sizeof(dir[0]); i++) {
		teardown(NULL);
		setup(NULL);
		b.state_dir = dir[i];
		(void)serve(1, false, false);
		assert_int_equal(logged("must be started anew"), dir[i] != NULL);
		assert_true(traffic(&b.s[0], 3));
		stopped();
		assert_false(xm.dom[1].server);
		assert_true(back(0, 1));
		assert_true(begins_anew(&b.s[0]));
		killed();
		assert_false(back(0, 1));
		xm_server_end(&xm.dom[1]);
		event();
		assert_true(begins_anew(&b.s[0]));
	}
}

/* Something else is where the file should be. */
static void no_file(void **st)
{
	struct side *s = &b.s[0];
	char victim[64];
	struct stat info;

	(void)st;
	for (unsigned kind = 0; kind < 3; kind++) {
		teardown(NULL);
		setup(NULL);
		s->dom = 1;
		(void)snprintf(victim, sizeof(victim), "%s/victim", state_dir);
		(void)close(open(victim, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		if (kind == 0) {
			assert_int_equal(symlink(victim, file_of(0)), 0);
		} else if (kind == 1) {
			assert_int_equal(mkfifo(file_of(0), 0600), 0);
		} else {
			assert_int_equal(mkdir(file_of(0), 0700), 0);
		}
		(void)serve(1, false, false);
		assert_true(logged("must be started anew"));
		assert_true(traffic(s, 3));
		assert_int_equal(stat(victim, &info), 0);
		assert_int_equal(info.st_size, 0);
		if (kind == 2) {
			(void)rmdir(file_of(0));
		}
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(foreign_guest), T(other_head), T(other_class), T(other_features),
		T(truncated),	  T(garbage),	 T(locked),	 T(killed_while_saving),
		T(no_folder),	  T(no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
