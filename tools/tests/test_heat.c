// SPDX-License-Identifier: MIT
/*
 * test_heat DIR: pictures of a memory whose contents we know, for every way to
 * draw it; DIR/heat.svg is one to look at.
 */
#include <assert.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "heat.h"

static struct heat make(size_t nr, uint64_t unit, uint64_t rounds)
{
	struct heat h = {
		.name = "hugemap1<&\">", .release = "7.3.4", .len = nr * unit,
		.unit = unit, .nr = nr, .rounds = rounds, .levels = true,
		.page = KIB(4), .pmd = MIB(2), .pud = GIB(1),
	};

	h.level = malloc(nr);
	h.written = calloc(nr, sizeof(*h.written));
	assert(h.level && h.written);
	memset(h.level, 'G', nr);
	for (size_t u = nr / 2; u < nr; u++) {
		h.level[u] = u % 37 < 9 ? 'K' : u % 53 < 5 ? '-' : 'M';
		if (h.level[u] == 'K')
			h.written[u] = 1 + u % rounds;
	}
	for (size_t u = nr / 4; u < nr / 4 + nr / 16; u++)
		h.written[u] = rounds;
	return h;
}

static void drop(struct heat *h)
{
	free(h->level);
	free(h->written);
}

static char *slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	char *buf = calloc(1, 1 << 22);
	size_t n;

	assert(f && buf);
	n = fread(buf, 1, (1 << 22) - 1, f);
	assert(n && feof(f));
	fclose(f);
	return buf;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what))) {
		n++;
		text++;
	}
	return n;
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = { 1, 5, 32, 33, 512, 1024, 5000, 262144 };
	char path[512], *svg;
	struct heat h;

	assert(argc == 2);
	setlocale(LC_CTYPE, "C.UTF-8");
	assert(ctl_utf8());
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		h = make(sizes[i], KIB(4), 1 + i);
		snprintf(path, sizeof(path), "%s/heat-%zu.svg", argv[1], sizes[i]);
		assert(!heat_svg(&h, path));
		svg = slurp(path);
		/* Nothing of the name is left that would end the document. */
		assert(!strstr(svg, "<&\"") && strstr(svg, "hugemap1&#60;&#38;"));
		assert(strstr(svg, "</svg>"));
		assert(count(svg, "<rect") == count(svg, "/>"));
		free(svg);
		unlink(path);
		drop(&h);
	}
	h = make(1024, MIB(2), 10);
	snprintf(path, sizeof(path), "%s/heat.svg", argv[1]);
	assert(!heat_svg(&h, path));
	for (int way = 0; way < 4; way++)
		heat_text(&h, way & 1, way & 2);
	h.levels = false;
	heat_text(&h, false, true);
	assert(heat_svg(&h, "/nonexistent/x.svg") < 0);
	/* A disk that is full. */
	assert(heat_svg(&h, "/proc/x.svg") < 0);
	drop(&h);
	puts("test_heat: ok");
	return 0;
}
