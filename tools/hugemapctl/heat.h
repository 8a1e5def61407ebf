/* SPDX-License-Identifier: MIT */
/* What `heat` has seen, and how it is drawn. */
#ifndef HEAT_H
#define HEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct heat - what was seen
 * @name: of the target
 * @release: of the kernel
 * @start: offset
 * @len: bytes
 * @unit: bytes of a unit
 * @nr: units
 * @rounds: syncs
 * @level: of each unit, the smallest page that maps it: 'G', 'M', 'K', '-' none
 * @written: of each unit, in how many rounds it was written
 * @levels: @level is known
 * @page: bytes of a base page
 * @pmd: of a page of the middle order
 * @pud: of a page of the largest order
 */
struct heat {
	const char *name;
	const char *release;
	uint64_t start;
	uint64_t len;
	uint64_t unit;
	size_t nr;
	uint64_t rounds;
	char *level;
	uint32_t *written;
	bool levels;
	uint64_t page;
	uint64_t pmd;
	uint64_t pud;
};

/* To standard output. */
void heat_text(const struct heat *h, bool color, bool utf8);
/* 0 or a negative errno; the file appears when it is complete. */
int heat_svg(const struct heat *h, const char *path);

#endif /* HEAT_H */
