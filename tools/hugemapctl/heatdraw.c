// SPDX-License-Identifier: MIT
/*
 * The pictures of `heat`: for the terminal, and as SVG.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"
#include "heat.h"

/* A cell stands for some units: the smallest page of them, the most writes. */
struct cell {
	char level;
	uint32_t written;
};

static const char levels[] = "GMK-";

static size_t units_per_cell(const struct heat *h, size_t max)
{
	size_t n = 1;

	while ((h->nr + n - 1) / n > max)
		n *= 2;
	return n;
}

static struct cell cell_of(const struct heat *h, size_t i, size_t per)
{
	static const char rank[] = "-GMK";
	struct cell c = { .level = '-' };

	for (size_t u = i * per; u < MIN((i + 1) * per, h->nr); u++) {
		if (strchr(rank, h->level[u]) > strchr(rank, c.level))
			c.level = h->level[u];
		c.written = MAX(c.written, h->written[u]);
	}
	return c;
}

/* An offset, in the largest unit that has no fraction. */
static const char *offset_text(uint64_t off)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	static char buf[32];
	unsigned int u = 0;

	while (off && u + 1 < ARRAY_SIZE(units) &&
	       !(off & ((1ull << 10 * (u + 1)) - 1)))
		u++;
	snprintf(buf, sizeof(buf), "%" PRIu64 "%s%s", off >> 10 * u,
		 off ? " " : "", off ? units[u] : "");
	return buf;
}

static const char *level_text(const struct heat *h, char level)
{
	switch (level) {
	case 'G':
		return ctl_bytes(h->pud);
	case 'M':
		return ctl_bytes(h->pmd);
	case 'K':
		return ctl_bytes(h->page);
	default:
		return "not mapped";
	}
}

static size_t count_level(const struct heat *h, char level)
{
	size_t n = 0;

	for (size_t u = 0; u < h->nr; u++)
		n += h->level[u] == level;
	return n;
}

static size_t count_written(const struct heat *h)
{
	size_t n = 0;

	for (size_t u = 0; u < h->nr; u++)
		n += !!h->written[u];
	return n;
}

/* ---- terminal ---- */

#define TEXT_COLUMNS	32
#define TEXT_CELLS	(TEXT_COLUMNS * 32)

/* Of the 256 colours. */
static int level_color(char level)
{
	return level == 'G' ? 25 : level == 'M' ? 36 : level == 'K' ? 221 : 236;
}

static const char *const heat_blocks[] = { "·", "░", "▒", "▓", "█" };
static const char *const heat_ascii[] = { ".", ":", "+", "#", "@" };
static const int heat_colors[] = { 236, 223, 215, 202, 124 };

/* 0: never, 4: in every round. */
static unsigned int heat_step(const struct heat *h, uint32_t written)
{
	if (!written)
		return 0;
	if (written >= h->rounds)
		return 4;
	return 1 + (uint64_t)written * 3 / h->rounds;
}

static void put_level(char level, bool color, bool utf8)
{
	if (color && utf8)
		printf("\033[38;5;%dm█\033[0m", level_color(level));
	else if (color)
		printf("\033[30;48;5;%dm%c\033[0m", level_color(level), level);
	else
		putchar(level == '-' ? '.' : level);
}

static void put_heat(unsigned int step, bool color, bool utf8)
{
	if (color && utf8)
		printf("\033[38;5;%dm█\033[0m", heat_colors[step]);
	else if (color)
		printf("\033[30;48;5;%dm%s\033[0m", heat_colors[step],
		       heat_ascii[step]);
	else
		fputs(utf8 ? heat_blocks[step] : heat_ascii[step], stdout);
}

void heat_text(const struct heat *h, bool color, bool utf8)
{
	size_t per = units_per_cell(h, TEXT_CELLS);
	size_t cells = (h->nr + per - 1) / per;
	size_t columns = MIN(cells, TEXT_COLUMNS);

	printf("%s: %s from %s on, a cell is %s, %" PRIu64 " rounds\n\n", h->name,
	       ctl_bytes(h->len), offset_text(h->start), ctl_bytes(per * h->unit),
	       h->rounds);
	printf("%11s ", "");
	if (h->levels)
		printf("%-*s   ", (int)columns, "mapped by");
	puts("written");
	for (size_t row = 0; row * columns < cells; row++) {
		printf("%11s ", offset_text(h->start + row * columns * per *
						h->unit));
		for (size_t i = 0; h->levels && i < columns; i++) {
			size_t n = row * columns + i;

			if (n < cells)
				put_level(cell_of(h, n, per).level, color, utf8);
			else
				putchar(' ');
		}
		if (h->levels)
			fputs("   ", stdout);
		for (size_t n = row * columns;
		     n < MIN((row + 1) * columns, cells); n++)
			put_heat(heat_step(h, cell_of(h, n, per).written), color,
				 utf8);
		putchar('\n');
	}
	fputs("\n", stdout);
	for (const char *l = levels; h->levels && *l; l++) {
		printf("%11s ", "");
		put_level(*l, color, utf8);
		printf(" %-10s %8zu units\n", level_text(h, *l), count_level(h, *l));
	}
	if (!h->levels)
		printf("%11s which pages map it only root can see\n", "");
	printf("%11s ", "");
	for (unsigned int step = 0; step < ARRAY_SIZE(heat_colors); step++) {
		put_heat(step, color, utf8);
		printf("%s", step == 0 ? " never  " : step == 4 ? " in every round" :
		       " ");
	}
	printf("; %zu of %zu units written\n", count_written(h), h->nr);
}

/* ---- SVG ---- */

#define SVG_CELLS	4096
#define SVG_WIDTH	480		/* of a panel */

static const char *level_fill(char level)
{
	return level == 'G' ? "#1f4e79" : level == 'M' ? "#2a9d8f" :
	       level == 'K' ? "#f2c14e" : "#e9ecef";
}

/* From pale yellow to dark red; light to dark also without colours. */
static void heat_fill(const struct heat *h, uint32_t written, char *buf)
{
	static const unsigned char stops[][3] = {
		{ 255, 237, 170 }, { 253, 174, 97 }, { 227, 74, 51 },
		{ 127, 0, 20 },
	};
	double x = h->rounds > 1 ? (double)(MIN(written, h->rounds) - 1) /
		   (h->rounds - 1) : 1;
	int i = x >= 1 ? 2 : x * 3;
	double part = x * 3 - i;
	int rgb[3];

	if (!written) {
		strcpy(buf, "#e9ecef");
		return;
	}
	for (int c = 0; c < 3; c++)
		rgb[c] = stops[i][c] + part * (stops[i + 1][c] - stops[i][c]);
	sprintf(buf, "#%02x%02x%02x", rgb[0] & 255, rgb[1] & 255, rgb[2] & 255);
}

/* A name of the user's may have anything in it. */
static void put_escaped(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (strchr("<>&\"'", *s))
			fprintf(f, "&#%d;", *s);
		else if ((unsigned char)*s >= ' ')
			fputc(*s, f);
	}
}

struct grid {
	size_t per, cells, columns, rows;
	double side;		/* of a cell */
	int height;
};

static void svg_panel(FILE *f, const struct heat *h, const struct grid *g, int x,
		      int y, bool heat)
{
	double gap = g->side > 8 ? 1 : g->side / 8;
	char fill[8];
	size_t end;

	for (size_t row = 0; row < g->rows; row++) {
		double top = y + row * g->side;

		if (row % MAX(1, (size_t)(18 / g->side + 0.99)) == 0)
			fprintf(f, "<text class=\"a\" x=\"%d\" y=\"%.1f\">%s</text>\n",
				x - 8, top + g->side / 2 + 4,
				offset_text(h->start + row * g->columns * g->per *
					    h->unit));
		/* Cells that look the same are one rectangle. */
		for (size_t i = row * g->columns;
		     i < MIN((row + 1) * g->columns, g->cells); i = end) {
			struct cell c = cell_of(h, i, g->per), next;

			for (end = i + 1; end < MIN((row + 1) * g->columns, g->cells);
			     end++) {
				next = cell_of(h, end, g->per);
				if (heat ? next.written != c.written :
				    next.level != c.level)
					break;
			}
			if (heat)
				heat_fill(h, c.written, fill);
			else
				strcpy(fill, level_fill(c.level));
			fprintf(f, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\"/>\n",
				x + (i % g->columns) * g->side, top,
				(end - i) * g->side - gap, g->side - gap, fill);
		}
	}
	/* The cells of a run get their borders back. */
	for (size_t i = 1; i < g->columns; i++)
		fprintf(f, "<rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" fill=\"#fff\"/>\n",
			x + i * g->side - gap, y, gap, g->height);
}

static void svg_key(FILE *f, int x, int y, const char *fill)
{
	fprintf(f, "<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"14\" fill=\"%s\"/>\n",
		x, y, fill);
}

static void svg_levels(FILE *f, const struct heat *h, int x, int y)
{
	for (int i = 0; i < 4; i++) {
		int kx = x + i % 2 * 240, ky = y + i / 2 * 24;
		size_t n = count_level(h, levels[i]);

		svg_key(f, kx, ky, level_fill(levels[i]));
		fprintf(f, "<text x=\"%d\" y=\"%d\">%s: %zu unit%s</text>\n",
			kx + 20, ky + 12, level_text(h, levels[i]), n,
			n == 1 ? "" : "s");
	}
}

static void svg_scale(FILE *f, const struct heat *h, int x, int y)
{
	uint64_t steps = MIN(h->rounds, 20u);
	char fill[8];

	svg_key(f, x, y, "#e9ecef");
	fprintf(f, "<text x=\"%d\" y=\"%d\">never</text>\n", x + 20, y + 12);
	fprintf(f, "<text x=\"%d\" y=\"%d\">%zu of %zu units written</text>\n", x,
		y + 36, count_written(h), h->nr);
	fprintf(f, "<text x=\"%d\" y=\"%d\">once</text>\n", x + 76, y + 12);
	x += 112;
	for (uint64_t i = 0; i < steps; i++, x += 10) {
		heat_fill(h, h->rounds <= 20 ? i + 1 :
			  1 + i * (h->rounds - 1) / 19, fill);
		svg_key(f, x, y, fill);
	}
	fprintf(f, "<text x=\"%d\" y=\"%d\">in each of %" PRIu64 " rounds</text>\n",
		x + 10, y + 12, h->rounds);
}

int heat_svg(const struct heat *h, const char *path)
{
	struct grid g = { .per = units_per_cell(h, SVG_CELLS) };
	int x = 90, y = 70, width, height, ret = 0;
	time_t now = time(NULL);
	char date[32], *tmp;
	struct tm tm;
	FILE *f;

	g.cells = (h->nr + g.per - 1) / g.per;
	g.columns = g.cells > 1024 ? 64 : g.cells > 32 ? 32 : g.cells;
	g.rows = (g.cells + g.columns - 1) / g.columns;
	g.side = MIN((double)SVG_WIDTH / g.columns, 24.0);
	g.height = g.rows * g.side;
	width = x + (h->levels ? 2 * SVG_WIDTH + 90 : SVG_WIDTH) + 30;
	height = y + g.height + 90;
	if (asprintf(&tmp, "%s.tmp", path) < 0)
		return -ENOMEM;
	f = fopen(tmp, "we");
	if (!f) {
		ret = -errno;
		free(tmp);
		return ret;
	}
	fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n",
		width, height, width, height);
	fputs("<style>text{font:13px sans-serif;fill:#212529}.a{font-size:11px;text-anchor:end;fill:#6c757d}.h{font-size:18px;font-weight:bold}.p{font-size:14px;font-weight:bold}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
	      f);
	fprintf(f, "<text class=\"h\" x=\"%d\" y=\"30\">", x);
	put_escaped(f, h->name);
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", gmtime_r(&now, &tm));
	fprintf(f, ", %s</text>\n<text x=\"%d\" y=\"52\">a cell is %s (%zu unit%s of %s); Linux ",
		ctl_bytes(h->len), x, ctl_bytes(g.per * h->unit), g.per,
		g.per == 1 ? "" : "s", ctl_bytes(h->unit));
	put_escaped(f, h->release);
	fprintf(f, "; %s</text>\n", date);
	if (h->levels) {
		fprintf(f, "<text class=\"p\" x=\"%d\" y=\"%d\">Smallest page that maps it</text>\n",
			x, y + 14);
		svg_panel(f, h, &g, x, y + 24, false);
		svg_levels(f, h, x, y + 34 + g.height);
		x += SVG_WIDTH + 90;
	}
	fprintf(f, "<text class=\"p\" x=\"%d\" y=\"%d\">How often it was written</text>\n",
		x, y + 14);
	svg_panel(f, h, &g, x, y + 24, true);
	svg_scale(f, h, x, y + 34 + g.height);
	fputs("</svg>\n", f);
	if (ferror(f))
		ret = -EIO;
	if (fclose(f) && !ret)
		ret = -errno;
	if (!ret && rename(tmp, path))
		ret = -errno;
	if (ret)
		unlink(tmp);
	free(tmp);
	return ret;
}
