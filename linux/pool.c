// SPDX-License-Identifier: GPL-2.0-only
/*
 * pool.c - memory of the window, for rings and for copies of the drivers' buffers
 *
 * What is given out is known to this side alone, so the peer cannot make it inconsistent. And nothing hangs on it: when
 * a session ends, all of it is forgotten at once.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include "msg.h"

#define GRAIN 64u

static unsigned long grains_of(u32 len)
{
	return DIV_ROUND_UP(max(len, 1u) + 0UL, GRAIN);
}

int msg_pool_init(struct msg_pool *pool, u8 *window, u32 size)
{
	spin_lock_init(&pool->lock);
	pool->window = window;
	pool->grains = size / GRAIN;
	pool->bits = kvcalloc(BITS_TO_LONGS(pool->grains), sizeof(long), GFP_KERNEL);
	return pool->bits ? 0 : -ENOMEM;
}

void msg_pool_exit(struct msg_pool *pool)
{
	kvfree(pool->bits);
}

void msg_pool_start(struct msg_pool *pool, u32 begin, u32 end)
{
	unsigned long flags;

	spin_lock_irqsave(&pool->lock, flags);
	pool->begin = round_up(max(begin, GRAIN), GRAIN); /* offset 0 stands for none */
	pool->end = round_down(min_t(unsigned long, end, pool->grains *GRAIN), GRAIN);
	pool->hint = pool->begin / GRAIN;
	pool->used = 0;
	bitmap_zero(pool->bits, pool->grains);
	bitmap_set(pool->bits, 0, pool->begin / GRAIN);
	bitmap_set(pool->bits, pool->end / GRAIN, pool->grains - pool->end / GRAIN);
	spin_unlock_irqrestore(&pool->lock, flags);
}

u32 msg_pool_get(struct msg_pool *pool, u32 len)
{
	unsigned long n = grains_of(len), at, flags;
	u32 found = 0;

	if (n > pool->grains) {
		return 0;
	}
	spin_lock_irqsave(&pool->lock, flags);
	at = bitmap_find_next_zero_area(pool->bits, pool->grains, pool->hint, n, 0);
	if (at >= pool->grains) {
		at = bitmap_find_next_zero_area(pool->bits, pool->grains, 0, n, 0);
	}
	if (at < pool->grains) {
		bitmap_set(pool->bits, at, n);
		pool->hint = at + n;
		pool->used += n * GRAIN;
		pool->peak = max(pool->peak, pool->used);
		found = at * GRAIN;
	}
	spin_unlock_irqrestore(&pool->lock, flags);
	return found;
}

void msg_pool_put(struct msg_pool *pool, u32 at, u32 len)
{
	unsigned long n = grains_of(len), flags;

	spin_lock_irqsave(&pool->lock, flags);
	bitmap_clear(pool->bits, at / GRAIN, n);
	pool->used -= n * GRAIN;
	spin_unlock_irqrestore(&pool->lock, flags);
}
