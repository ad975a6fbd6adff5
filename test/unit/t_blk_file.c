/* SPDX-License-Identifier: BSD-3-Clause */
/* t_blk_file.c - block hosts of Linux on real files: what is read and written, by both engines, limits and sizes */
#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "blk_file_bed.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_random), cmocka_unit_test(t_clear),
		cmocka_unit_test(t_limit),  cmocka_unit_test(t_resize),
		cmocka_unit_test(t_lanes),  cmocka_unit_test(t_steps),
		cmocka_unit_test(t_reset),  cmocka_unit_test(t_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
