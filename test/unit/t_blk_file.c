/* SPDX-License-Identifier: BSD-3-Clause */
/* t_blk_file.c - block hosts of Linux on real files: both engines, locks, limits, sizes, and what is refused */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#define RIG_VQS 4u
#include "rig.h"
#include "hostrig.h"
#include "host/linux/blk.h"

#define SECTORS 1024u
#define BYTES	(SECTORS * 512u)
#define ALL                                                                                        \
	(VIO_BLK_F_FLUSH | VIO_BLK_F_CONFIG_WCE | VIO_BLK_F_DISCARD | VIO_BLK_F_WRITE_ZEROES |     \
	 VIO_BLK_F_MQ | VIO_BLK_F_SEG_MAX)

extern const struct host_kind host_linux_blk[];

static char path[64];
static uint8_t want[BYTES]; /* what the disk should hold */

static void make(const char *dir, uint32_t bytes)
{
	int fd;

	(void)snprintf(path, sizeof(path), "%s/t_blk.XXXXXX", dir);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	for (uint32_t i = 0; i < BYTES; i++) {
		want[i] = (uint8_t)(i + i / 511u);
	}
	if (bytes <= BYTES) {
		assert_int_equal(write(fd, want, bytes), bytes);
	}
	assert_int_equal(ftruncate(fd, bytes), 0);
	(void)close(fd);
}

static struct hostrig *disk(const char *engine, uint32_t queues, uint64_t features)
{
	struct hostrig *k = hr_new(&vio_class_blk);

	if (engine) {
		k->option[0][0] = "aio";
		k->option[0][1] = engine;
	}
	hr_set(k, "num-queues", queues);
	if (hr_open(k, host_linux_blk, "file", path)) {
		fail_msg("%s", k->ctx.err);
	}
	hr_start(k, features);
	return k;
}

static struct rig_req *waiting;
static unsigned nwaiting;

static bool all_back(struct hostrig *k)
{
	(void)k;
	for (unsigned i = 0; i < nwaiting; i++) {
		if (!waiting[i].back) {
			return false;
		}
	}
	return true;
}

static void wait_for(struct hostrig *k, struct rig_req *r, unsigned n)
{
	waiting = r;
	nwaiting = n;
	hr_until(k, all_back);
}

static void add(struct hostrig *k, uint16_t q, struct rig_req *r, uint32_t type, uint64_t sector,
		const void *data, uint32_t out, uint32_t in)
{
	static uint8_t buf[16 + 65536];

	vio_pack32(buf, type);
	vio_pack32(buf + 4, 0);
	vio_pack64(buf + 8, sector);
	memcpy(buf + 16, out ? data : buf, out);
	rig_add(&k->g, q, r, buf, 16 + out, in + 1u);
}

static uint8_t ask(struct hostrig *k, struct rig_req *r, uint32_t type, uint64_t sector,
		   const void *data, uint32_t out, uint32_t in)
{
	add(k, 0, r, type, sector, data, out, in);
	rig_kick(&k->g, 0);
	wait_for(k, r, 1);
	return r->in[in];
}

static uint8_t clear(struct hostrig *k, uint32_t type, uint64_t sector, uint32_t n, uint32_t flags)
{
	struct rig_req r;
	uint8_t raw[16];

	vio_pack64(raw, sector);
	vio_pack32(raw + 8, n);
	vio_pack32(raw + 12, flags);
	return ask(k, &r, type, 0, raw, 16, 0);
}

static void same_as_file(void)
{
	static uint8_t got[BYTES];
	int fd = open(path, O_RDONLY);

	assert_int_equal(pread(fd, got, BYTES, 0), BYTES);
	assert_memory_equal(got, want, BYTES);
	(void)close(fd);
}

static const char *const engines[] = { "io_uring", "threads" };
static const char *const places[] = { "/tmp", "/dev/shm" };

/* Random requests, eight at a time on disjoint parts of the disk, against a copy in memory. */
static void t_random(void **state)
{
	(void)state;
	for (unsigned e = 0; e < 4; e++) {
		struct hostrig *k;
		struct rig_req r[8];
		uint32_t used, seed = e + 1u;

		make(places[e & 1u], BYTES);
		k = disk(engines[e >> 1], 1, ALL);
		used = k->g.used;
		rig_piece = e & 1u ? 777 : 0;
		for (unsigned round = 0; round < 100; round++) {
			uint32_t at[8];

			for (unsigned i = 0; i < 8; i++) {
				uint32_t part = SECTORS / 8u, n;
				static uint8_t data[16 * 512];

				seed = seed * 1103515245u + 12345u;
				at[i] = part * i + ((seed >> 8) % (part - 16u));
				n = ((seed >> 16) % 16u) + 1u;
				memset(data, (int)(seed >> 20), sizeof(data));
				data[0] = (uint8_t)round;
				if (seed & 0x40000000u) {
					memcpy(want + at[i] * 512u, data, n * 512u);
					add(k, 0, &r[i], VIO_BLK_T_OUT, at[i], data, n * 512u, 0);
				} else {
					add(k, 0, &r[i], VIO_BLK_T_IN, at[i], NULL, 0, n * 512u);
				}
			}
			rig_kick(&k->g, 0);
			wait_for(k, r, 8);
			for (unsigned i = 0; i < 8; i++) {
				assert_int_equal(r[i].in[r[i].in_len - 1u], VIO_BLK_S_OK);
				assert_int_equal(r[i].len, r[i].in_len);
				assert_memory_equal(r[i].in, want + at[i] * 512u, r[i].in_len - 1u);
			}
			k->g.used = used;
		}
		rig_piece = 0;
		assert_int_equal(ask(k, r, VIO_BLK_T_FLUSH, 0, NULL, 0, 0), VIO_BLK_S_OK);
		same_as_file();
		hr_end(k);
		(void)unlink(path);
	}
}

static void t_clear(void **state)
{
	(void)state;
	for (unsigned e = 0; e < 4; e++) {
		struct hostrig *k;
		struct stat st;

		make(places[e & 1u], BYTES);
		k = disk(engines[e >> 1], 1,
			 ALL & ~(e & 1u ? VIO_BLK_F_FLUSH | VIO_BLK_F_CONFIG_WCE : 0));
		assert_int_equal(clear(k, VIO_BLK_T_WRITE_ZEROES, 3, 5, 0), VIO_BLK_S_OK);
		memset(want + 3 * 512, 0, 5 * 512);
		assert_int_equal(clear(k, VIO_BLK_T_WRITE_ZEROES, 100, 700, VIO_BLK_RANGE_UNMAP),
				 VIO_BLK_S_OK);
		memset(want + 100 * 512, 0, 700 * 512);
		same_as_file();
		assert_int_equal(stat(path, &st), 0);
		assert_true(st.st_blocks < 400); /* it was really deallocated */
		assert_int_equal(clear(k, VIO_BLK_T_DISCARD, 900, 64, 0), VIO_BLK_S_OK);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, BYTES);
		hr_end(k);
		(void)unlink(path);
	}
}

/* A write that the kernel refuses is reported, and the process lives. */
static void t_limit(void **state)
{
	(void)state;
	for (unsigned e = 0; e < 4; e++) {
		static uint8_t data[4096];
		const struct rlimit low = { 4096 * 5 + 512, RLIM_INFINITY };
		const struct rlimit off = { RLIM_INFINITY, RLIM_INFINITY };
		struct hostrig *k;
		struct rig_req r;

		make(places[e & 1u], BYTES);
		k = disk(engines[e >> 1], 1, ALL);
		memset(data, 1, sizeof(data));
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
		assert_int_equal(ask(k, &r, VIO_BLK_T_OUT, 41, data, 512, 0), VIO_BLK_S_IOERR);
		assert_int_equal(ask(k, &r, VIO_BLK_T_OUT, 40, data, 1024, 0), VIO_BLK_S_IOERR);
		assert_int_equal(ask(k, &r, VIO_BLK_T_OUT, 40, data, 512, 0), VIO_BLK_S_OK);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &off), 0);
		assert_int_equal(ask(k, &r, VIO_BLK_T_OUT, 41, data, 512, 0), VIO_BLK_S_OK);
		hr_end(k);
		(void)unlink(path);
	}
}

/* What a system call may answer, and what follows; short transfers are rare in life. */
static void t_steps(void **state)
{
	static const struct {
		enum vio_blk_op op;
		bool unmap;
		int64_t res[4];
		int more; /* of res that are not the last */
		int result;
	} answer[] = {
		{ VIO_BLK_READ, false, { 1536 }, 0, VIO_OK },
		{ VIO_BLK_READ, false, { -EINTR, 700, 836 }, 2, VIO_OK },
		{ VIO_BLK_READ, false, { 1535, 0 }, 1, VIO_E_IO },
		{ VIO_BLK_READ, false, { -EIO }, 0, VIO_E_IO },
		{ VIO_BLK_WRITE, false, { 1, 1024, 511 }, 2, VIO_OK },
		{ VIO_BLK_WRITE, false, { 512, -ENOSPC }, 1, VIO_E_IO },
		{ VIO_BLK_WRITE, false, { 0 }, 0, VIO_E_IO },
		{ VIO_BLK_SYNC, false, { 0 }, 0, VIO_OK },
		{ VIO_BLK_SYNC, false, { -EIO }, 0, VIO_E_IO }, /* once, and never again */
		{ VIO_BLK_DISCARD, false, { -EOPNOTSUPP }, 0, VIO_OK },
		{ VIO_BLK_DISCARD, false, { -EIO }, 0, VIO_E_IO },
		{ VIO_BLK_ZEROES, true, { -EOPNOTSUPP, -EOPNOTSUPP, 1000, 536 }, 3, VIO_OK },
		{ VIO_BLK_ZEROES, false, { -EINVAL, 1536 }, 1, VIO_OK },
		{ VIO_BLK_ZEROES, false, { -ENOSPC }, 0, VIO_E_IO },
	};
	static uint8_t bytes[1536];
	struct vio_seg seg[3];

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		seg[n] = (struct vio_seg){ .p = bytes + n * 512u, .len = 512 };
	}
	for (unsigned i = 0; i < sizeof(answer) / sizeof(answer[0]); i++) {
		struct vio_blk_io io = { .op = (uint8_t)answer[i].op,
					 .unmap = answer[i].unmap,
					 .sector = 7,
					 .sectors = 3 };
		bool payload = (answer[i].op == VIO_BLK_READ) || (answer[i].op == VIO_BLK_WRITE);
		uint64_t off = 7 * 512u;
		int result = 99;

		if (payload) {
			io.span = (struct vio_span){ .seg = seg, .n = 3, .len = 1536 };
		}
		blk_step_first(&io);
		for (int n = 0; n <= answer[i].more; n++) {
			struct iovec iov[BLK_IOV_MAX];
			struct blk_step s;
			size_t len = 0;

			blk_step_make(&io, &s, iov);
			for (uint16_t v = 0; v < s.n; v++) {
				len += iov[v].iov_len;
			}
			if (s.n) {
				assert_int_equal(s.off, off);
				assert_int_equal(len, 7 * 512u + 1536u - off);
			}
			if (payload) {
				assert_ptr_equal(iov[0].iov_base, bytes + (off - 7 * 512u));
			}
			assert_int_equal(blk_step_done(&io, answer[i].res[n], &result),
					 n < answer[i].more);
			off += answer[i].res[n] > 0 ? (uint64_t)answer[i].res[n] : 0;
		}
		assert_int_equal(result, answer[i].result);
	}
}

static struct hostrig *idling;

static void stop_loop(struct loop_task *t)
{
	(void)t;
	loop_stop(idling->loop);
}

static void idle(void *arg)
{
	(void)arg;
	idling->tick.fn = stop_loop;
	loop_post(idling->loop, &idling->tick);
	loop_run(idling->loop);
}

/* A reset while writes are at the file: each still gets its sync, nobody waits for ever, and the disk works on. */
static void t_reset(void **state)
{
	(void)state;
	for (unsigned e = 0; e < 2; e++) {
		static uint8_t data[4096];
		static struct rig_req r[8];
		struct hostrig *k;

		make("/tmp", BYTES);
		k = disk(engines[e], 1, 0);
		idling = k;
		k->g.lb.idle = idle;
		for (unsigned i = 0; i < 8; i++) {
			add(k, 0, &r[i], VIO_BLK_T_OUT, i * 8u, data, sizeof(data), 0);
		}
		rig_kick(&k->g, 0);
		assert_int_equal(rig_reset(&k->g), VIO_OK);
		assert_int_equal(rig_drive(&k->g, ALL), VIO_OK);
		memset(want, 0, 8 * sizeof(data));
		same_as_file();
		assert_int_equal(ask(k, &r[0], VIO_BLK_T_IN, 64, NULL, 0, 512), VIO_BLK_S_OK);
		assert_memory_equal(r[0].in, want + 64 * 512, 512);
		hr_end(k);
		(void)unlink(path);
	}
}

static bool told(struct hostrig *k)
{
	return k->g.lb.configs > 0;
}

static void t_resize(void **state)
{
	(void)state;
	for (unsigned e = 0; e < 2; e++) {
		struct hostrig *k;
		struct rig_req r;
		uint8_t raw[8];

		make("/tmp", BYTES);
		k = disk(engines[e], 1, ALL);
		assert_int_equal(truncate(path, BYTES / 2),
				 0); /* by name, without open: not noticed */
		assert_int_equal(ask(k, &r, VIO_BLK_T_IN, SECTORS / 2 - 1, NULL, 0, 1024),
				 VIO_BLK_S_IOERR);
		assert_int_equal(r.len, 512); /* what was there */
		assert_int_equal(k->g.lb.configs, 0);
		(void)close(open(path, O_WRONLY));
		hr_until(k, told);
		assert_int_equal(lb_bus.config_read(&k->g.lb, 0, raw, 8), VIO_OK);
		assert_int_equal(vio_unpack64(raw), SECTORS / 2);
		k->g.lb.configs = 0;
		int fd = open(path, O_WRONLY);

		assert_int_equal(ftruncate(fd, BYTES * 2 + 100), 0);
		(void)close(fd);
		hr_until(k, told);
		assert_int_equal(lb_bus.config_read(&k->g.lb, 0, raw, 8), VIO_OK);
		assert_int_equal(vio_unpack64(raw), SECTORS * 2);
		assert_int_equal(ask(k, &r, VIO_BLK_T_IN, SECTORS * 2 - 1, NULL, 0, 512),
				 VIO_BLK_S_OK);
		hr_end(k);
		(void)unlink(path);
	}
}

static void t_lanes(void **state)
{
	(void)state;
	for (unsigned e = 0; e < 2; e++) {
		static struct rig_req r[4 * 30];
		struct hostrig *k;

		make("/tmp", BYTES);
		k = disk(engines[e], 4, ALL);
		for (uint16_t q = 0; q < 3; q++) { /* the fourth has none: the device's serves it */
			k->d->vq[q].host = k->host.queue_open(&k->host, k->loop, q);
			assert_non_null(k->d->vq[q].host);
		}
		for (unsigned round = 0; round < 5; round++) {
			uint32_t used = k->g.used;

			for (unsigned i = 0; i < 120; i++) {
				add(k, (uint16_t)(i & 3u), &r[i], VIO_BLK_T_IN, i, NULL, 0, 512);
			}
			for (uint16_t q = 0; q < 4; q++) {
				rig_kick(&k->g, q);
			}
			wait_for(k, r, 120);
			for (unsigned i = 0; i < 120; i++) {
				assert_int_equal(r[i].in[512], VIO_BLK_S_OK);
				assert_memory_equal(r[i].in, want + i * 512, 512);
			}
			k->g.used = used;
		}
		for (uint16_t q = 0; q < 3; q++) {
			k->host.queue_close(&k->host, k->d->vq[q].host);
			k->d->vq[q].host = NULL;
		}
		hr_end(k);
		(void)unlink(path);
	}
}

static void t_lock(void **state)
{
	struct hostrig *a, *b;

	(void)state;
	make("/tmp", BYTES);
	a = disk(NULL, 1, ALL);
	b = hr_new(&vio_class_blk);
	assert_int_equal(hr_open(b, host_linux_blk, "file", path), -1);
	assert_non_null(strstr(b->ctx.err, "another program"));
	hr_set(b, "read-only", 1);
	assert_int_equal(hr_open(b, host_linux_blk, "file", path), -1);
	hr_end(a); /* the lock goes with it */
	assert_int_equal(hr_open(b, host_linux_blk, "file", path), 0);
	a = hr_new(&vio_class_blk);
	hr_set(a, "read-only", 1);
	assert_int_equal(hr_open(a, host_linux_blk, "file", path), 0); /* two readers */
	hr_end(a);
	hr_end(b);
	(void)unlink(path);
}

static void t_refused(void **state)
{
	static const struct {
		const char *kind, *arg, *option, *value, *says;
	} bad[] = {
		{ "file", NULL, NULL, NULL, "--blk-file" },
		{ "file", "", NULL, NULL, "--blk-file" },
		{ "file", "/nowhere/disk.img", NULL, NULL, "No such file" },
		{ "file", "/tmp", NULL, NULL, "directory" },
		{ "file", "/dev/full", NULL, NULL, "neither a regular file nor a block device" },
		{ "file", "/dev/null", NULL, NULL, "neither" },
		{ "file", "EMPTY", NULL, NULL, "truncate -s" },
		{ "file", "FILE", "aio", "native", "io_uring or threads" },
		{ "memory", NULL, NULL, NULL, "--size" },
		{ "memory", "1X", NULL, NULL, "1X" },
		{ "memory", NULL, "size", "511", "511" },
		{ "null", NULL, "size", "-1", "-1" },
		{ "null", NULL, "size", "99999999999999999999", "not a size" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hostrig *k = hr_new(&vio_class_blk);
		const char *arg = bad[i].arg;

		path[0] = 0;
		if (arg && (!strcmp(arg, "EMPTY") || !strcmp(arg, "FILE"))) {
			make("/tmp", strcmp(arg, "FILE") ? 511 : BYTES);
			arg = path;
		}
		k->option[0][0] = bad[i].option;
		k->option[0][1] = bad[i].value;
		assert_int_equal(hr_open(k, host_linux_blk, bad[i].kind, arg), -1);
		if (!strstr(k->ctx.err, bad[i].says)) {
			fail_msg("case %u says: %s", i, k->ctx.err);
		}
		hr_end(k);
		(void)unlink(path);
	}
}

/* In a process where io_uring_setup fails with EPERM, as under a sandbox: threads take over. */
static int without_uring(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog prog = { .len = 4, .filter = code };
	struct hostrig *k;
	struct rig_req r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog)) {
		return 2;
	}
	k = hr_new(&vio_class_blk);
	k->option[0][0] = "aio";
	k->option[0][1] = "io_uring";
	if (!hr_open(k, host_linux_blk, "file", path) || !strstr(k->ctx.err, "io_uring")) {
		return 3;
	}
	hr_end(k);
	k = disk(NULL, 1, ALL);
	if (ask(k, &r, VIO_BLK_T_IN, 7, NULL, 0, 512) || memcmp(r.in, want + 7 * 512, 512)) {
		return 4;
	}
	hr_end(k);
	return 0;
}

static void t_fallback(void **state)
{
	int st = 0;
	pid_t pid;

	(void)state;
	make("/tmp", BYTES);
	pid = fork();
	if (pid == 0) {
		_exit(without_uring());
	}
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_true(WIFEXITED(st));
	assert_int_equal(WEXITSTATUS(st), 0);
	(void)unlink(path);
}

/* Queues of one loop share the engine's ring: what one turn finds there of another queue's is shown all the same. */
static void t_neighbours(void **state)
{
	struct hostrig *k;

	(void)state;
	make("/tmp", BYTES);
	k = disk("io_uring", 2, ALL);
	for (unsigned i = 0; i < 64; i++) {
		struct rig_req both[2];

		add(k, 1, &both[0], VIO_BLK_T_FLUSH, 0, NULL, 0, 0);
		rig_kick(&k->g, 1);
		(void)usleep(
			1000); /* done in the kernel; the loop, which would see it, does not run */
		add(k, 0, &both[1], VIO_BLK_T_IN, i, NULL, 0, 512);
		rig_kick(&k->g, 0);
		wait_for(k, both, 2);
	}
	hr_end(k);
	(void)unlink(path);
}

static void t_memory_null(void **state)
{
	static const char *const kind[] = { "memory", "null" };
	uint8_t data[1024];

	(void)state;
	memset(data, 0x42, sizeof(data));
	for (unsigned i = 0; i < 2; i++) {
		struct hostrig *k = hr_new(&vio_class_blk);
		struct rig_req r;

		k->option[0][0] = "size";
		k->option[0][1] = "1M";
		assert_int_equal(hr_open(k, host_linux_blk, kind[i], NULL), 0);
		hr_start(k, ALL);
		assert_int_equal(ask(k, &r, VIO_BLK_T_OUT, 2047, data, 512, 0), VIO_BLK_S_OK);
		assert_int_equal(ask(k, &r, VIO_BLK_T_OUT, 2047, data, 1024, 0), VIO_BLK_S_IOERR);
		assert_int_equal(ask(k, &r, VIO_BLK_T_IN, 2047, NULL, 0, 512), VIO_BLK_S_OK);
		assert_int_equal(r.in[511], i ? 0xee : 0x42);
		assert_int_equal(r.len, i ? 0 : 513);
		assert_int_equal(clear(k, VIO_BLK_T_WRITE_ZEROES, 1, 2047, 0), VIO_BLK_S_OK);
		assert_int_equal(ask(k, &r, VIO_BLK_T_IN, 2047, NULL, 0, 512), VIO_BLK_S_OK);
		assert_int_equal(r.in[0], i ? 0xee : 0);
		assert_int_equal(ask(k, &r, VIO_BLK_T_FLUSH, 0, NULL, 0, 0), VIO_BLK_S_OK);
		assert_int_equal(ask(k, &r, VIO_BLK_T_GET_ID, 0, NULL, 0, 20), VIO_BLK_S_OK);
		assert_string_equal((char *)r.in, "dev0");
		hr_end(k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_random),	 cmocka_unit_test(t_clear),
		cmocka_unit_test(t_limit),	 cmocka_unit_test(t_resize),
		cmocka_unit_test(t_lanes),	 cmocka_unit_test(t_lock),
		cmocka_unit_test(t_refused),	 cmocka_unit_test(t_fallback),
		cmocka_unit_test(t_memory_null), cmocka_unit_test(t_steps),
		cmocka_unit_test(t_reset),	 cmocka_unit_test(t_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
