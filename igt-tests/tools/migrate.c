// SPDX-License-Identifier: GPL-2.0
/*
 * What `make demo-migrate` shows: memory is moved while a process writes it.
 *
 *	migrate RENDERNODE FROM TO
 *
 * Process A writes into an object of 1 GiB in the region FROM: again and again
 * a hot part, and pages here and there.  Process B copies the object into one in
 * the region TO, round by round: first all of it, then the pages that were
 * written meanwhile, until that does not become less.  Then it stops A and
 * copies the rest.  Both sides must be the same.
 *
 * Exit status 1 and a line on standard error if anything is not as it should.
 */
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <drm/hugemap_drm.h>

#define GIB		(1ul << 30)
#define GRANULE		4096ul
#define PAGES		(GIB / GRANULE)
#define WORDS		(PAGES / 64)

#define HOT_START	(256ul << 20)
#define HOT_PAGES	4096		/* 16 MiB */
#define HOT_PER_RANDOM	64
#define PAUSE_US	20000		/* after each pass: the copy has to win */

#define FEW		1000		/* pages: the rest */
#define MAX_ROUNDS	30

/* What the two tell each other. */
struct shared {
	atomic_ulong passes;	/* over the hot part */
	atomic_int fd;		/* A's, once it is ready */
	atomic_bool promote;	/* A: do it */
};

struct migration {
	struct shared *shared;
	int fd;
	uint32_t from, to;	/* handles */
	const char *src;
	char *dst;
	uint32_t node;		/* of the region that A writes to */
	pid_t pid;
	uint64_t map[WORDS];
};

static void do_ioctl(int fd, unsigned long nr, void *args, const char *what)
{
	if (ioctl(fd, nr, args))
		err(1, "%s", what);
}

static int open_node(const char *name)
{
	int fd = open(name, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", name);
	return fd;
}

static char *map(int fd, uint32_t handle, int prot)
{
	struct drm_hugemap_gem_mmap_offset args = { .handle = handle };
	char *p;

	do_ioctl(fd, DRM_IOCTL_HUGEMAP_GEM_MMAP_OFFSET, &args, "GEM_MMAP_OFFSET");
	p = mmap(NULL, GIB, prot, MAP_SHARED, fd, args.offset);
	if (p == MAP_FAILED)
		err(1, "mmap");
	return p;
}

static uint32_t create(int fd, uint32_t region)
{
	struct drm_hugemap_gem_create args = {
		.size = GIB,
		.region = region,
		.flags = DRM_HUGEMAP_GEM_CONTIGUOUS,
		.max_order = DRM_HUGEMAP_ORDER_ANY,
	};

	do_ioctl(fd, DRM_IOCTL_HUGEMAP_GEM_CREATE, &args, "GEM_CREATE");
	return args.handle;
}

/* ---- SHA-256, of eight buffers of the same length at once ---- */

typedef uint32_t v8 __attribute__((vector_size(32)));

static const uint32_t sha_k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
	0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
	0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

#define ROR(x, n)	((x) >> (n) | (x) << (32 - (n)))

#ifdef __x86_64__
__attribute__((target_clones("avx2", "default")))
#endif
static void sha256_8(const char *const in[8], size_t len, uint32_t out[8][8])
{
	v8 s[8], w[64], r[8], t1, t2;
	uint32_t last[16] = { [0] = 0x80, [14] = htobe32(len >> 29),
			      [15] = htobe32(len << 3) };
	static const uint32_t init[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	};

	for (int i = 0; i < 8; i++)
		s[i] = (v8){} + init[i];
	/* @len is whole blocks of 64 bytes: the padding is one of its own. */
	for (size_t at = 0; at <= len; at += 64) {
		for (int i = 0; i < 16; i++)
			for (int lane = 0; lane < 8; lane++) {
				uint32_t x = last[i];

				if (at < len)
					memcpy(&x, in[lane] + at + i * 4, 4);
				w[i][lane] = be32toh(x);
			}
		for (int i = 16; i < 64; i++) {
			t1 = w[i - 15];
			t2 = w[i - 2];
			w[i] = w[i - 16] + w[i - 7] +
			       (ROR(t1, 7) ^ ROR(t1, 18) ^ t1 >> 3) +
			       (ROR(t2, 17) ^ ROR(t2, 19) ^ t2 >> 10);
		}
		memcpy(r, s, sizeof(r));
		for (int i = 0; i < 64; i++) {
			t1 = r[7] + sha_k[i] + w[i] +
			     (ROR(r[4], 6) ^ ROR(r[4], 11) ^ ROR(r[4], 25)) +
			     (r[6] ^ (r[4] & (r[5] ^ r[6])));
			t2 = (ROR(r[0], 2) ^ ROR(r[0], 13) ^ ROR(r[0], 22)) +
			     ((r[0] & r[1]) | (r[2] & (r[0] | r[1])));
			r[7] = r[6];
			r[6] = r[5];
			r[5] = r[4];
			r[4] = r[3] + t1;
			r[3] = r[2];
			r[2] = r[1];
			r[1] = r[0];
			r[0] = t1 + t2;
		}
		for (int i = 0; i < 8; i++)
			s[i] += r[i];
	}
	for (int i = 0; i < 8; i++)
		for (int lane = 0; lane < 8; lane++)
			out[lane][i] = htobe32(s[i][lane]);
}

/*
 * The SHA-256 of the SHA-256 of each page, in hexadecimal.  Page by page is
 * what can be done eight at once: the emulator is slow.
 */
static void hash(const char *p, char hex[65])
{
	uint32_t (*leaf)[8] = malloc(PAGES * sizeof(*leaf)), root[8][8];
	const char *in[8];

	if (!leaf)
		err(1, "malloc");
	for (size_t pg = 0; pg < PAGES; pg += 8) {
		for (int i = 0; i < 8; i++)
			in[i] = p + (pg + i) * GRANULE;
		sha256_8(in, GRANULE, leaf + pg);
	}
	for (int i = 0; i < 8; i++)
		in[i] = (const char *)leaf;
	sha256_8(in, PAGES * sizeof(*leaf), root);
	for (int i = 0; i < 32; i++)
		sprintf(hex + 2 * i, "%02x", ((unsigned char *)root[0])[i]);
	free(leaf);
}

/* ---- process A ---- */

static void store(char *p, size_t page, uint64_t val)
{
	((volatile uint64_t *)(p + page * GRANULE))[val % 512] = val;
}

static void __attribute__((noreturn)) writer(struct shared *shared,
					     const char *name, int dmabuf)
{
	struct drm_prime_handle prime = { .fd = dmabuf };
	struct drm_hugemap_promote promote = { .len = GIB };
	unsigned int seed = 1;
	uint64_t val = 0;
	int fd = open_node(name);
	char *p;

	do_ioctl(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime, "import");
	p = map(fd, prime.handle, PROT_READ | PROT_WRITE);
	promote.addr = (uintptr_t)p;
	for (size_t i = 0; i < PAGES; i++)
		store(p, i, ++val);
	atomic_store(&shared->fd, fd);
	for (;;) {
		for (size_t i = 0; i < HOT_PAGES; i++) {
			store(p, HOT_START / GRANULE + i, ++val);
			if (i % HOT_PER_RANDOM == 0)
				store(p, rand_r(&seed) % PAGES, ++val);
		}
		atomic_fetch_add(&shared->passes, 1);
		usleep(PAUSE_US);
		if (atomic_load(&shared->promote)) {
			do_ioctl(fd, DRM_IOCTL_HUGEMAP_PROMOTE, &promote,
				 "PROMOTE");
			atomic_store(&shared->promote, false);
		}
	}
}

/* ---- process B ---- */

/* A must live for what is waited for to happen. */
static void pause_for(struct migration *m)
{
	int status;

	if (waitpid(m->pid, &status, WNOHANG))
		errx(1, "the writer has ended");
	usleep(1000);
}

/* A goes over its hot part once more. */
static void let_write(struct migration *m)
{
	unsigned long passes = atomic_load(&m->shared->passes);

	while (atomic_load(&m->shared->passes) < passes + 2)
		pause_for(m);
}

/* Minor faults of A so far. */
static long faults_of(pid_t pid)
{
	char name[64], line[1024];
	long n = -1;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	f = fopen(name, "r");
	if (!f || !fgets(line, sizeof(line), f) ||
	    sscanf(strrchr(line, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %ld",
		   &n) != 1)
		errx(1, "%s: not understood", name);
	fclose(f);
	return n;
}

/* Faults of A that made something dirty. */
static long marks_of(pid_t pid, int fd)
{
	char name[64], line[256];
	long n = -1;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/fdinfo/%d", pid, fd);
	f = fopen(name, "r");
	if (!f)
		err(1, "%s", name);
	while (fgets(line, sizeof(line), f))
		sscanf(line, "hugemap-dirty-mark: %ld", &n);
	fclose(f);
	if (n < 0)
		errx(1, "no counter of faults");
	return n;
}

/* The page table entries of A's mapping: 1 GiB, 2 MiB, 4 KiB. */
static void entries_of(const struct migration *m, unsigned long n[3])
{
	char name[64], line[256], level[8];
	unsigned long count;
	bool ours = false;
	FILE *f;
	int pid;

	memset(n, 0, 3 * sizeof(*n));
	snprintf(name, sizeof(name),
		 "/sys/kernel/debug/hugemap/hugemap%u/mappings", m->node);
	f = fopen(name, "r");
	if (!f)
		err(1, "%s", name);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "pid %d", &pid) == 1)
			ours = pid == m->pid;
		else if (ours && sscanf(line, " %*s %7s %lu", level, &count) == 2)
			for (int i = 0; i < 3; i++)
				if (!strcmp(level, ((const char *[]){
						"pud", "pmd", "pte" })[i]))
					n[i] += count;
	}
	fclose(f);
}

static void row(const char *what, const char *rest, const unsigned long n[3])
{
	printf("  %-8s%-46s%6lu%6lu%8lu\n", what, rest, n[0], n[1], n[2]);
	fflush(stdout);
}

/* One line of the table; returns how many pages there were to copy. */
static uint64_t copy_round(struct migration *m, uint32_t tracker,
			   const char *name, long *faults, long *marks)
{
	int fd = atomic_load(&m->shared->fd);
	struct drm_hugemap_dirty_sync sync = {
		.tracker = tracker,
		.bitmap = (uintptr_t)m->map,
	};
	long f, d;
	unsigned long n[3];
	char line[64];

	entries_of(m, n);
	d = marks_of(m->pid, fd);
	f = faults_of(m->pid);
	do_ioctl(m->fd, DRM_IOCTL_HUGEMAP_DIRTY_SYNC, &sync, "DIRTY_SYNC");
	for (size_t w = 0; w < WORDS; w++)
		for (uint64_t bits = m->map[w]; bits; bits &= bits - 1) {
			size_t at = (w * 64 + __builtin_ctzll(bits)) * GRANULE;

			memcpy(m->dst + at, m->src + at, GRANULE);
		}
	snprintf(line, sizeof(line), "%7llu%8llu%9.1f%10ld%10ld",
		 (unsigned long long)sync.nr_dirty,
		 (unsigned long long)sync.nr_over,
		 sync.nr_dirty * GRANULE / 1048576.0, f - *faults, d - *marks);
	row(name, line, n);
	*faults = f;
	*marks = d;
	return sync.nr_dirty;
}

static void compare(struct migration *m)
{
	char *hex = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	if (hex == MAP_FAILED)
		err(1, "mmap");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		hash(m->src, hex);
		_exit(0);
	}
	hash(m->dst, hex + 128);
	if (waitpid(pid, &status, 0) != pid || status)
		errx(1, "hashing failed");
	printf("  A's memory: sha256 %s\n  the copy:   sha256 %s\n", hex,
	       hex + 128);
	fflush(stdout);
	if (strcmp(hex, hex + 128)) {
		size_t n = 0;

		for (size_t i = 0; i < GIB; i += GRANULE)
			n += !!memcmp(m->src + i, m->dst + i, GRANULE);
		errx(1, "the copy differs in %zu pages", n);
	}
	munmap(hex, 4096);
}

static void migrate(struct migration *m, uint32_t flags, uint64_t max_over)
{
	int fd = atomic_load(&m->shared->fd), status, stale = 0, round;
	struct drm_hugemap_dirty_start start = {
		.handle = m->from,
		.flags = DRM_HUGEMAP_DIRTY_ALL | flags,
		.granule = GRANULE,
		.max_over = max_over,
	};
	struct drm_hugemap_dirty_stop stop = {};
	long faults, marks;
	uint64_t last = PAGES, now;
	unsigned long n[3];
	char name[16];

	printf("  %-8s%7s%8s%9s%10s%10s%20s\n  %-8s%7s%8s%9s%10s%10s%6s%6s%8s\n",
	       "", "dirty", "of them", "MiB", "faults", "of them",
	       "entries of A", "round", "pages", "over", "copied", "of A",
	       "marking", "1G", "2M", "4K");
	entries_of(m, n);
	row("before", "", n);
	faults = faults_of(m->pid);
	marks = marks_of(m->pid, fd);
	do_ioctl(m->fd, DRM_IOCTL_HUGEMAP_DIRTY_START, &start, "DIRTY_START");
	for (round = 1; round <= MAX_ROUNDS && stale < 4; round++) {
		snprintf(name, sizeof(name), "%d", round);
		let_write(m);
		now = copy_round(m, start.tracker, name, &faults, &marks);
		if (now < FEW)
			break;
		stale = now > last - last / 10 ? stale + 1 : 0;
		last = now < last || stale ? now : last;
	}
	let_write(m);
	/* WUNTRACED: when this returns, A's last store is complete. */
	if (kill(m->pid, SIGSTOP) ||
	    waitpid(m->pid, &status, WUNTRACED) != m->pid || !WIFSTOPPED(status))
		errx(1, "the writer does not stop");
	copy_round(m, start.tracker, "stopped", &faults, &marks);
	stop.tracker = start.tracker;
	do_ioctl(m->fd, DRM_IOCTL_HUGEMAP_DIRTY_STOP, &stop, "DIRTY_STOP");
	compare(m);
	atomic_store(&m->shared->promote, true);
	if (kill(m->pid, SIGCONT))
		err(1, "SIGCONT");
	while (atomic_load(&m->shared->promote))
		pause_for(m);
	let_write(m);
	entries_of(m, n);
	row("after", "(DIRTY_STOP and PROMOTE)", n);
}

int main(int argc, char **argv)
{
	static struct migration m;
	struct drm_hugemap_query query = {};
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };

	if (argc != 4)
		errx(2, "usage: migrate RENDERNODE FROM TO");
	m.fd = open_node(argv[1]);
	query.region = atoi(argv[2]);
	do_ioctl(m.fd, DRM_IOCTL_HUGEMAP_QUERY, &query, "QUERY");
	m.node = query.node;
	m.shared = mmap(NULL, sizeof(*m.shared), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (m.shared == MAP_FAILED)
		err(1, "mmap");
	m.from = create(m.fd, atoi(argv[2]));
	m.to = create(m.fd, atoi(argv[3]));
	m.src = map(m.fd, m.from, PROT_READ);
	m.dst = map(m.fd, m.to, PROT_READ | PROT_WRITE);
	prime.handle = m.from;
	do_ioctl(m.fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime, "export");
	m.pid = fork();
	if (m.pid < 0)
		err(1, "fork");
	if (!m.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		writer(m.shared, argv[1], prime.fd);
	}
	while (!atomic_load(&m.shared->fd))
		pause_for(&m);
	let_write(&m);

	printf("\n== each page of 4 KiB by itself\n");
	migrate(&m, 0, 0);
	memset(m.dst, 0, GIB);
	printf("\n== adaptive: 2 MiB or 64 KiB at once where most of it is written\n");
	migrate(&m, DRM_HUGEMAP_DIRTY_ADAPTIVE, 8192);

	kill(m.pid, SIGKILL);
	waitpid(m.pid, NULL, 0);
	if (fflush(stdout) || ferror(stdout))
		err(1, "output");
	return 0;
}
