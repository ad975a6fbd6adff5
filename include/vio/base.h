/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base.h - error codes, little-endian words, and the single home of memory ordering
 *
 * Freestanding. Nothing else in core/, device/ or driver/ may use __atomic builtins on guest memory or
 * swap bytes by hand.
 */
#ifndef VIO_BASE_H
#define VIO_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Every function that can fail returns int: VIO_OK, VIO_PENDING, or one of the negative codes. The codes
 * are grouped by whose fault they are, and the group fixes the reaction.
 */
enum vio_err {
	VIO_OK = 0,
	VIO_PENDING = 1, /* accepted, finishes later; each function says how one learns of it */
	/* The guest's fault: the core sets DEVICE_NEEDS_RESET, other devices do not notice. */
	VIO_E_RING = -1, /* ring content that the specification forbids (virtio 1.3, 2.7, 2.8) */
	VIO_E_ADDR = -2, /* an address that is not the guest's memory */
	/* Nobody's fault, not now: nothing was consumed, a later turn tries again. */
	VIO_E_AGAIN = -3,
	/* The host's fault: becomes the device class's own error status inside the request. */
	VIO_E_IO = -4,
	VIO_E_NOTSUP = -5,
	/* The caller's fault: wrong argument or wrong moment. Nothing was changed. */
	VIO_E_ARG = -6
};

#define VIO_ASSERT_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), "wire size of " #type)
#define VIO_ASSERT_AT(type, member, off)                                                           \
	_Static_assert(offsetof(type, member) == (off), "wire offset of " #type "." #member)

/* The struct that has `member` at `ptr`. ptr: not NULL. */
#define VIO_CONTAINER(ptr, type, member)                                                           \
	((type *)(void *)((uint8_t *)(void *)(ptr)-offsetof(type, member)))

#if defined(__GNUC__)
#ifdef __OPTIMIZE_SIZE__
#define VIO_INLINE static inline
#else
#define VIO_INLINE static inline __attribute__((always_inline))
#endif
#define VIO_COLD		 __attribute__((noinline, cold))
#define VIO_LIKELY(x)		 __builtin_expect(!!(x), 1)
#define VIO_SUB_BORROWS(a, b, r) __builtin_sub_overflow((a), (b), (r))
#define VIO_ADD_CARRIES(a, b, r) __builtin_add_overflow((a), (b), (r))
#else
#define VIO_INLINE static inline
#define VIO_COLD
#define VIO_LIKELY(x)		 (x)
#define VIO_SUB_BORROWS(a, b, r) (*(r) = (a) - (b), (b) > (a))
#define VIO_ADD_CARRIES(a, b, r) (*(r) = (a) + (b), *(r) < (b))
#endif

/* Little-endian <-> CPU, both directions. */
#if defined(__BYTE_ORDER__) && (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
static inline uint16_t vio_le16(uint16_t v)
{
	return __builtin_bswap16(v);
}
static inline uint32_t vio_le32(uint32_t v)
{
	return __builtin_bswap32(v);
}
static inline uint64_t vio_le64(uint64_t v)
{
	return __builtin_bswap64(v);
}
#else
static inline uint16_t vio_le16(uint16_t v)
{
	return v;
}
static inline uint32_t vio_le32(uint32_t v)
{
	return v;
}
static inline uint64_t vio_le64(uint64_t v)
{
	return v;
}
#endif

/*
 * Words shared with the other side, aligned, little-endian. One load or one store each: the compiler can
 * neither repeat nor tear it, so a value that was checked is the value that is used.
 */
static inline uint16_t vio_get16(const void *p)
{
	return vio_le16(__atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED));
}
static inline uint32_t vio_get32(const void *p)
{
	return vio_le32(__atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED));
}
static inline uint16_t vio_get16_acq(const void *p)
{
	return vio_le16(__atomic_load_n((const uint16_t *)p, __ATOMIC_ACQUIRE));
}
static inline uint32_t vio_get32_acq(const void *p)
{
	return vio_le32(__atomic_load_n((const uint32_t *)p, __ATOMIC_ACQUIRE));
}
#if UINTPTR_MAX > 0xffffffffu /* a 64-bit load is a single one only here */
static inline uint64_t vio_get64(const void *p)
{
	return vio_le64(__atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED));
}
static inline uint64_t vio_get64_acq(const void *p)
{
	return vio_le64(__atomic_load_n((const uint64_t *)p, __ATOMIC_ACQUIRE));
}
#endif
static inline void vio_put16(void *p, uint16_t v)
{
	__atomic_store_n((uint16_t *)p, vio_le16(v), __ATOMIC_RELAXED);
}
static inline void vio_put32(void *p, uint32_t v)
{
	__atomic_store_n((uint32_t *)p, vio_le32(v), __ATOMIC_RELAXED);
}
static inline void vio_put16_rel(void *p, uint16_t v)
{
	__atomic_store_n((uint16_t *)p, vio_le16(v), __ATOMIC_RELEASE);
}
static inline void vio_put32_rel(void *p, uint32_t v)
{
	__atomic_store_n((uint32_t *)p, vio_le32(v), __ATOMIC_RELEASE);
}
/* Orders earlier stores before later loads. Needed twice on each side of a ring: see core/vq.c. */
static inline void vio_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Little-endian words at any alignment in private memory: configuration spaces and copied headers. */
static inline void vio_pack16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}
static inline void vio_pack32(uint8_t *p, uint32_t v)
{
	vio_pack16(p, (uint16_t)v);
	vio_pack16(p + 2, (uint16_t)(v >> 16));
}
static inline void vio_pack64(uint8_t *p, uint64_t v)
{
	vio_pack32(p, (uint32_t)v);
	vio_pack32(p + 4, (uint32_t)(v >> 32));
}
static inline uint16_t vio_unpack16(const uint8_t *p)
{
	return (uint16_t)(p[0] | ((uint32_t)p[1] << 8));
}
static inline uint32_t vio_unpack32(const uint8_t *p)
{
	return vio_unpack16(p) | ((uint32_t)vio_unpack16(p + 2) << 16);
}
static inline uint64_t vio_unpack64(const uint8_t *p)
{
	return vio_unpack32(p) | ((uint64_t)vio_unpack32(p + 4) << 32);
}

#endif
