/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the pure files need of the kernel's <linux/bitmap.h>, in user space: one
 * word at a time and nothing clever, so that the sanitizers see each access.
 */
#ifndef _HM_TEST_BITMAP_H_
#define _HM_TEST_BITMAP_H_

#include <linux/types.h>

#if __SIZEOF_LONG__ != 8
#error "64-bit words"
#endif

#define BITS_PER_LONG		64
#define DIV_ROUND_UP(n, d)	div_round_up(n, d)
#define BITS_TO_LONGS(n)	DIV_ROUND_UP(n, BITS_PER_LONG)
#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)

#define min(a, b) ({ \
	typeof(a) __a = (a); \
	typeof(b) __b = (b); \
	(void)(&__a == &__b); \
	__a < __b ? __a : __b; \
})
#define max(a, b) ({ \
	typeof(a) __a = (a); \
	typeof(b) __b = (b); \
	(void)(&__a == &__b); \
	__a > __b ? __a : __b; \
})

static inline unsigned long div_round_up(unsigned long n, unsigned long d)
{
	return (n + d - 1) / d;
}

static inline unsigned long __ffs(unsigned long word)
{
	return __builtin_ctzl(word);
}

static inline unsigned int hweight_long(unsigned long word)
{
	return __builtin_popcountl(word);
}

static inline bool test_bit(unsigned long nr, const unsigned long *map)
{
	return map[nr / BITS_PER_LONG] >> nr % BITS_PER_LONG & 1;
}

static inline void __set_bit(unsigned long nr, unsigned long *map)
{
	map[nr / BITS_PER_LONG] |= 1UL << nr % BITS_PER_LONG;
}

static inline void __clear_bit(unsigned long nr, unsigned long *map)
{
	map[nr / BITS_PER_LONG] &= ~(1UL << nr % BITS_PER_LONG);
}

static inline void bitmap_clear(unsigned long *map, unsigned long first,
				unsigned long nr)
{
	while (nr--)
		__clear_bit(first++, map);
}

static inline void set_bit(unsigned long nr, unsigned long *map)
{
	__atomic_fetch_or(&map[nr / BITS_PER_LONG], 1UL << nr % BITS_PER_LONG,
			  __ATOMIC_SEQ_CST);
}

static inline long atomic_long_fetch_or(long bits, atomic_long_t *v)
{
	return __atomic_fetch_or(v, bits, __ATOMIC_SEQ_CST);
}

static inline unsigned long find_next_bit(const unsigned long *map,
					  unsigned long size,
					  unsigned long from)
{
	unsigned long word, bits;

	while (from < size) {
		word = from / BITS_PER_LONG;
		bits = map[word] >> from % BITS_PER_LONG;
		if (bits) {
			from += __ffs(bits);
			return from < size ? from : size;
		}
		from = (word + 1) * BITS_PER_LONG;
	}
	return size;
}

#endif /* _HM_TEST_BITMAP_H_ */
