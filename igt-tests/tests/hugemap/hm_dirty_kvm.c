// SPDX-License-Identifier: MIT
/*
 * Dirty tracking of memory that a KVM guest writes.
 *
 * KVM has page tables of its own.  It fills them from those of the process, and
 * an MMU notifier empties them when the driver takes an entry away: then the
 * guest's next write must be a fault in the process once more.
 */
#include <pthread.h>

#include "hm_dirty.h"

/* IGT's own headers define a macro of this one, and must be first. */
#include <linux/kvm.h>

/**
 * TEST: hugemap dirty tracking of virtual machines
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: dirty tracking
 * Description: What a virtual machine writes into device memory.
 *
 * SUBTEST: exact-4k
 * Description: Granules of 4 KiB: what a guest and the process write.
 *
 * SUBTEST: exact-2m
 * Description: Granules of 2 MiB.
 *
 * SUBTEST: read-write
 * Description: What a guest reads counts as written, until the SYNC.
 *
 * SUBTEST: huge
 * Description: A page of 1 GiB in the guest's tables does not survive.
 *
 * SUBTEST: migrate
 * Description: A copy made while the guest runs is right in the end.
 *
 * SUBTEST: read-only
 * Description: Read-only entries: nothing is lost, whatever KVM does.
 */

IGT_TEST_DESCRIPTION("What a virtual machine writes into device memory.");

/* Mapped for the guest, and once more to look at without being noticed. */
static struct target kvm_target(struct hm_node *node, enum hm_dirty_kind kind,
				uint64_t max)
{
	struct target t = target_open(node, kind, max);

	t.ro = target_map(&t, PROT_READ);
	return t;
}

/*
 * Before 6.12 KVM looks for a base page in special mappings, finds none where a
 * large entry is and fails with EFAULT (follow_pte() in hva_to_pfn_remapped()).
 */
static bool kvm_needs_small(void)
{
	return !hm_kernel_at_least(6, 12);
}

static void target_keep_small(struct target *t)
{
	if (kvm_needs_small())
		igt_assert_eq(__hm_prefault(t->fd, t->p, t->size, 0, 0, NULL),
			      0);
}

/* ---- a virtual machine ---- */

/* Guest physical addresses. */
#define GPA_CODE	0x0u
#define GPA_COUNT	0x1000u
#define GPA_LIST	0x2000u
#define LOW_SIZE	0x10000u
#define GPA_MEM		0x40000000u	/* 1 GiB pages fit */

#define OP_READ		1
#define OP_WRITE	2

#define MAX_CMDS	2048

struct cmd {
	uint32_t addr;
	uint32_t val;
	uint32_t op;		/* a read comes first */
	uint32_t got;
};

struct vm {
	int kvm, vm, vcpu;
	struct kvm_run *run;
	size_t run_size;
	char *low;
	unsigned int nr;
};

/* 32-bit code in a flat address space without paging. */
extern const char guest_begin[], guest_end[];
asm(".pushsection .rodata\n"
    ".code32\n"
    "guest_begin:\n"
    "	movl	$0x2000, %esi\n"
    "	movl	0x1000, %ecx\n"
    "1:	jecxz	4f\n"
    "	movl	(%esi), %edi\n"
    "	movl	4(%esi), %eax\n"
    "	testl	$1, 8(%esi)\n"
    "	jz	2f\n"
    "	movl	(%edi), %ebx\n"
    "	movl	%ebx, 12(%esi)\n"
    "2:	testl	$2, 8(%esi)\n"
    "	jz	3f\n"
    "	movl	%eax, (%edi)\n"
    "3:	addl	$16, %esi\n"
    "	decl	%ecx\n"
    "	jmp	1b\n"
    "4:	hlt\n"
    "	jmp	guest_begin\n"
    "guest_end:\n"
    ".code64\n"
    ".popsection\n");

static void modprobe(const char *name)
{
	pid_t pid = fork();

	igt_assert(pid >= 0);
	if (!pid) {
		execlp("modprobe", "modprobe", "-q", name, NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static int igt_hugemap_require_kvm(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		modprobe("kvm_amd");
		modprobe("kvm_intel");
		fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	}
	igt_require_f(fd >= 0, "no /dev/kvm on this kernel or machine\n");
	return fd;
}

static void vm_slot(struct vm *vm, uint32_t slot, uint64_t gpa, void *p,
		    uint64_t size)
{
	struct kvm_userspace_memory_region mem = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)p,
	};

	igt_assert_eq(ioctl(vm->vm, KVM_SET_USER_MEMORY_REGION, &mem), 0);
}

/* At the start of its code. */
static void vm_reset(struct vm *vm)
{
	struct kvm_segment data = {
		.limit = 0xffffffff, .selector = 0x10, .type = 3,
		.present = 1, .db = 1, .s = 1, .g = 1,
	};
	struct kvm_regs regs = { .rip = GPA_CODE, .rflags = 2 };
	struct kvm_sregs sregs;

	igt_assert_eq(ioctl(vm->vcpu, KVM_GET_SREGS, &sregs), 0);
	sregs.ds = data;
	sregs.es = data;
	sregs.fs = data;
	sregs.gs = data;
	sregs.ss = data;
	sregs.cs = data;
	sregs.cs.selector = 8;
	sregs.cs.type = 11;
	sregs.cr0 |= 1;
	igt_assert_eq(ioctl(vm->vcpu, KVM_SET_SREGS, &sregs), 0);
	igt_assert_eq(ioctl(vm->vcpu, KVM_SET_REGS, &regs), 0);
}

static struct vm vm_open(struct target *t)
{
	struct vm vm = { .kvm = igt_hugemap_require_kvm() };

	vm.vm = ioctl(vm.kvm, KVM_CREATE_VM, 0);
	igt_assert_fd(vm.vm);
	/* Three pages that old Intel processors need; others ignore it. */
	ioctl(vm.vm, KVM_SET_TSS_ADDR, 0xfffbd000ul);
	vm.low = mmap(NULL, LOW_SIZE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(vm.low != MAP_FAILED);
	memcpy(vm.low + GPA_CODE, guest_begin, guest_end - guest_begin);
	vm_slot(&vm, 0, 0, vm.low, LOW_SIZE);
	vm_slot(&vm, 1, GPA_MEM, t->p, t->size);
	vm.vcpu = ioctl(vm.vm, KVM_CREATE_VCPU, 0);
	igt_assert_fd(vm.vcpu);
	vm.run_size = ioctl(vm.kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	vm.run = mmap(NULL, vm.run_size, RW, MAP_SHARED, vm.vcpu, 0);
	igt_assert(vm.run != MAP_FAILED);
	vm_reset(&vm);
	return vm;
}

static void vm_close(struct vm *vm)
{
	hm_munmap(vm->run, vm->run_size);
	close(vm->vcpu);
	close(vm->vm);
	close(vm->kvm);
	hm_munmap(vm->low, LOW_SIZE);
}

static struct cmd *vm_cmd(struct vm *vm, unsigned int i)
{
	return (struct cmd *)(vm->low + GPA_LIST) + i;
}

static void vm_add(struct vm *vm, uint64_t off, uint32_t val, uint32_t op)
{
	struct cmd c = { .addr = GPA_MEM + off, .val = val, .op = op };

	igt_assert_lt(vm->nr, MAX_CMDS);
	*vm_cmd(vm, vm->nr++) = c;
}

/* The guest does what was added; returns KVM_EXIT_* or a negative errno. */
static int __vm_run(struct vm *vm)
{
	int ret;

	*(uint32_t *)(vm->low + GPA_COUNT) = vm->nr;
	vm->nr = 0;
	do {
		ret = ioctl(vm->vcpu, KVM_RUN, 0) ? -errno : 0;
	} while (ret == -EINTR || ret == -EAGAIN);
	return ret ?: (int)vm->run->exit_reason;
}

static void vm_run(struct vm *vm)
{
	int ret = __vm_run(vm);

	if (ret == KVM_EXIT_INTERNAL_ERROR)
		igt_info("internal error %u\n", vm->run->internal.suberror);
	igt_assert_eq(ret, KVM_EXIT_HLT);
}

/* A counter of all virtual machines, -1 if there is none. */
static long kvm_stat(const char *name)
{
	char path[64], buf[32];

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%s", name);
	return __hm_read_file(path, buf, sizeof(buf)) > 0 ? atol(buf) : -1;
}

/* ---- what should be there ---- */

/**
 * struct model - what was written and should be reported
 * @granule: bytes
 * @nr: granules
 * @val: by page, the word that is there; 0: not known
 * @dirty: by granule, since the last SYNC
 * @got: bitmap of SYNC
 * @nr_dirty: bits in @dirty
 * @nr_over: those that were read first
 * @next: the next value to write
 */
struct model {
	uint64_t granule, nr;
	uint32_t *val;
	uint64_t *dirty;
	uint64_t *got;
	uint64_t nr_dirty, nr_over;
	uint32_t next;
};

static struct model model_open(const struct target *t, uint64_t granule)
{
	struct model m = { .granule = granule, .nr = t->size / granule };
	size_t words = (m.nr + 63) / 64;

	m.val = calloc(t->size / HM_PAGE, sizeof(*m.val));
	m.dirty = calloc(words, sizeof(*m.dirty));
	m.got = calloc(words, sizeof(*m.got));
	igt_assert(m.val && m.dirty && m.got);
	return m;
}

static void model_close(struct model *m)
{
	free(m->val);
	free(m->dirty);
	free(m->got);
}

/* Returns the value to write. */
static uint32_t model_access(struct model *m, uint64_t off, uint32_t op)
{
	uint64_t g = off / m->granule;

	if (!get_bit(m->dirty, g)) {
		m->dirty[g / 64] |= 1ull << (g % 64);
		m->nr_dirty++;
		m->nr_over += !!(op & OP_READ);
	}
	if (op & OP_WRITE)
		m->val[off / HM_PAGE] = ++m->next;
	return m->next;
}

static void model_clean(struct model *m)
{
	memset(m->dirty, 0, (m->nr + 63) / 64 * 8);
	m->nr_dirty = 0;
	m->nr_over = 0;
}

/* A SYNC reports just what is dirty. */
static void model_sync(struct model *m, struct target *t, uint32_t tracker,
		       uint32_t flags)
{
	struct drm_hugemap_dirty_sync out;

	memset(m->got, 0xa5, (m->nr + 63) / 64 * 8);
	igt_assert_eq(__hm_dirty_sync(t->fd, tracker, 0, 0, flags, m->got,
				      &out), 0);
	for (uint64_t i = 0; i < (m->nr + 63) / 64; i++)
		igt_assert_f(m->got[i] == m->dirty[i],
			     "word %" PRIu64 " is %#" PRIx64 ", expected %#" PRIx64 "\n",
			     i, m->got[i], m->dirty[i]);
	igt_assert_eq_u64(out.nr_dirty, m->nr_dirty);
	igt_assert_eq_u64(out.nr_over, m->nr_over);
	if (!(flags & DRM_HUGEMAP_SYNC_PEEK))
		model_clean(m);
}

/* In each page a word of its own. */
static uint64_t word_of(uint64_t pg)
{
	return pg * HM_PAGE + pg * 4 % HM_PAGE;
}

static uint32_t peek(const struct target *t, uint64_t pg)
{
	return *(const volatile uint32_t *)(t->ro + word_of(pg));
}

static void model_check(const struct model *m, const struct target *t)
{
	for (uint64_t pg = 0; pg < t->size / HM_PAGE; pg++)
		if (m->val[pg])
			igt_assert_f(peek(t, pg) == m->val[pg],
				     "page %" PRIu64 " holds %#x, expected %#x\n",
				     pg, peek(t, pg), m->val[pg]);
}

static void guest_access(struct vm *vm, struct model *m, uint64_t pg,
			 uint32_t op)
{
	uint64_t off = word_of(pg);

	vm_add(vm, off, model_access(m, off, op), op);
}

static void host_write(struct target *t, struct model *m, uint64_t pg)
{
	uint64_t off = word_of(pg);
	uint32_t val = model_access(m, off, OP_WRITE);

	*(volatile uint32_t *)(t->p + off) = val;
}

/* ---- exact bitmaps ---- */

#define NR_PAGES	100

static void exact(struct hm_node *node, enum hm_dirty_kind kind, uint64_t granule)
{
	struct target t = kvm_target(node, kind, HM_MIB(256));
	struct model m = model_open(&t, granule);
	uint64_t pages = t.size / HM_PAGE, pg[NR_PAGES] = {};
	uint32_t read_val[NR_PAGES] = {};
	unsigned int seed = 1;
	struct vm vm;
	uint32_t tracker;

	target_keep_small(&t);
	vm = vm_open(&t);
	tracker = hm_dirty_start(t.fd, t.handle, 0, t.size, granule,
				 DRM_HUGEMAP_DIRTY_WRITABLE);
	for (int round = 0; round < 6; round++) {
		/* Every other page is one of the last round. */
		for (int i = 0; i < NR_PAGES; i++)
			if (!round || i % 2)
				pg[i] = rand_r(&seed) % pages;
		for (int i = 0; i < NR_PAGES / 4; i++)
			host_write(&t, &m, i % 3 ? pg[i] : rand_r(&seed) % pages);
		/* Reads, writes, and both. */
		for (int i = 0; i < NR_PAGES; i++) {
			uint32_t op = 1 + (i + round) % 3;

			read_val[i] = op & OP_READ ? m.val[pg[i]] : 0;
			guest_access(&vm, &m, pg[i], op);
		}
		vm_run(&vm);
		for (int i = 0; i < NR_PAGES; i++)
			if (read_val[i])
				igt_assert_eq_u64(vm_cmd(&vm, i)->got,
						  read_val[i]);
		for (int i = 0; i < NR_PAGES / 4; i++)
			host_write(&t, &m, i % 3 ? pg[NR_PAGES - i - 1] :
				   rand_r(&seed) % pages);
		model_sync(&m, &t, tracker, DRM_HUGEMAP_SYNC_PEEK);
		model_sync(&m, &t, tracker, 0);
		model_check(&m, &t);
		/* Looking at it was not noticed. */
		model_sync(&m, &t, tracker, 0);
	}
	hm_dirty_stop(t.fd, tracker);
	vm_close(&vm);
	model_close(&m);
	target_close(&t);
}

static void exact_4k(struct hm_node *node, enum hm_dirty_kind kind)
{
	exact(node, kind, HM_PAGE);
}

static void exact_2m(struct hm_node *node, enum hm_dirty_kind kind)
{
	exact(node, kind, HM_MIB(2));
}

/* ---- what was read is written ---- */

static void read_write(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = kvm_target(node, kind, HM_MIB(64));
	struct model m = model_open(&t, HM_PAGE);
	struct vm vm;
	uint32_t tracker;

	target_keep_small(&t);
	vm = vm_open(&t);
	tracker = hm_dirty_start(t.fd, t.handle, 0, t.size, HM_PAGE,
				 DRM_HUGEMAP_DIRTY_WRITABLE);
	for (uint64_t pg = 0; pg < t.size / HM_PAGE; pg += 61)
		guest_access(&vm, &m, pg, OP_READ);
	vm_run(&vm);
	/* Not another fault: what was read counts as written. */
	for (uint64_t pg = 0; pg < t.size / HM_PAGE; pg += 61)
		guest_access(&vm, &m, pg, OP_WRITE);
	vm_run(&vm);
	igt_assert_eq_u64(m.nr_over, m.nr_dirty);
	model_sync(&m, &t, tracker, 0);
	model_check(&m, &t);
	for (uint64_t pg = 0; pg < t.size / HM_PAGE; pg += 61)
		guest_access(&vm, &m, pg, OP_WRITE);
	vm_run(&vm);
	igt_assert_eq_u64(m.nr_over, 0);
	model_sync(&m, &t, tracker, 0);
	model_check(&m, &t);
	hm_dirty_stop(t.fd, tracker);
	vm_close(&vm);
	model_close(&m);
	target_close(&t);
}

/* ---- large pages of the guest ---- */

static void huge(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = kvm_target(node, kind, HM_GIB(1));
	long before, after;
	struct model m;
	struct vm vm;
	uint32_t tracker;

	if (kvm_needs_small() || t.size < HM_GIB(1) ||
	    !hm_has_order(node, node->q.pud_order)) {
		target_close(&t);
		igt_skip("no page of 1 GiB for a guest here\n");
	}
	before = kvm_stat("pages_1g");
	m = model_open(&t, HM_PAGE);
	vm = vm_open(&t);
	for (int i = 0; i < 8; i++)
		guest_access(&vm, &m, i * 32000, OP_WRITE);
	vm_run(&vm);
	hm_assert_levels(node, t.p, t.size, 1, 0, 0);
	after = kvm_stat("pages_1g");
	igt_info("pages of 1 GiB in guests: %ld, %ld before\n", after, before);
	if (before >= 0)
		igt_assert_eq_s64(after, before + 1);
	model_clean(&m);
	/* It is all dirty: one page of 1 GiB will do, until the SYNC. */
	tracker = hm_dirty_start(t.fd, t.handle, 0, t.size, HM_PAGE,
				 DRM_HUGEMAP_DIRTY_WRITABLE |
				 DRM_HUGEMAP_DIRTY_ALL);
	for (int i = 0; i < 8; i++)
		guest_access(&vm, &m, 7 + i * 32000, OP_WRITE);
	vm_run(&vm);
	hm_assert_levels(node, t.p, t.size, 1, 0, 0);
	igt_assert_eq_u64(hm_dirty_sync(t.fd, tracker, 0, 0, 0, NULL), m.nr);
	model_clean(&m);
	if (before >= 0)
		igt_assert_eq_s64(kvm_stat("pages_1g"), before);
	/* The guest must not write through the page it had. */
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 64; i++)
			guest_access(&vm, &m, round * 3 + i * 4000, OP_WRITE);
		vm_run(&vm);
		model_sync(&m, &t, tracker, 0);
		model_check(&m, &t);
	}
	hm_dirty_stop(t.fd, tracker);
	vm_close(&vm);
	model_close(&m);
	target_close(&t);
}

/* ---- a guest that does not stop ---- */

struct writer {
	struct vm *vm;
	uint64_t pages;
	atomic_bool stop;
	int ret;
	atomic_uint runs;
};

static void *write_on(void *data)
{
	struct writer *w = data;
	unsigned int seed = 3;
	uint32_t val = 0;

	while (!atomic_load(&w->stop)) {
		for (int i = 0; i < 64; i++) {
			uint64_t pg = rand_r(&seed) % (i % 2 ? w->pages : 64);

			vm_add(w->vm, word_of(pg), ++val, OP_WRITE);
		}
		w->ret = __vm_run(w->vm);
		if (w->ret != KVM_EXIT_HLT)
			atomic_store(&w->stop, true);
		atomic_fetch_add(&w->runs, 1);
	}
	return NULL;
}

static uint64_t copy_dirty(const struct target *t, uint32_t tracker,
			   uint64_t *map, char *to)
{
	uint64_t n = hm_dirty_sync(t->fd, tracker, 0, 0, 0, map);

	for (uint64_t pg = 0; pg < t->size / HM_PAGE; pg++)
		if (get_bit(map, pg))
			memcpy(to + pg * HM_PAGE, t->ro + pg * HM_PAGE,
			       HM_PAGE);
	return n;
}

static void migrate(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = kvm_target(node, kind, HM_MIB(32));
	uint64_t *map = calloc(t.size / HM_PAGE / 64 + 1, sizeof(*map));
	char *to = malloc(t.size);
	struct writer w = { .pages = t.size / HM_PAGE };
	unsigned int rounds = hm_stress_times(40, 12);
	uint64_t copied = 0;
	pthread_t thread;
	struct vm vm;
	uint32_t tracker;

	igt_assert(map && to);
	target_keep_small(&t);
	vm = vm_open(&t);
	w.vm = &vm;
	tracker = hm_dirty_start(t.fd, t.handle, 0, t.size, HM_PAGE,
				 DRM_HUGEMAP_DIRTY_WRITABLE |
				 DRM_HUGEMAP_DIRTY_ALL);
	igt_assert_eq(pthread_create(&thread, NULL, write_on, &w), 0);
	/* As long as it takes for the two to have met, and a few rounds. */
	for (unsigned int round = 0;
	     round < rounds || atomic_load(&w.runs) < rounds; round++) {
		copied += copy_dirty(&t, tracker, map, to);
		if (atomic_load(&w.stop))
			break;
	}
	atomic_store(&w.stop, true);
	pthread_join(thread, NULL);
	igt_assert_eq(w.ret, KVM_EXIT_HLT);
	copied += copy_dirty(&t, tracker, map, to);
	igt_info("%u runs of the guest, %" PRIu64 " pages copied\n",
		 atomic_load(&w.runs), copied);
	igt_assert_eq(memcmp(to, t.ro, t.size), 0);
	hm_dirty_stop(t.fd, tracker);
	vm_close(&vm);
	free(to);
	free(map);
	target_close(&t);
}

/* ---- read-only entries, which KVM does not expect ---- */

/*
 * Without DRM_HUGEMAP_DIRTY_WRITABLE KVM finds read-only entries where it wants
 * to write.  On x86 it then has the emulator do the write, through the mapping
 * of the process; elsewhere KVM_RUN fails.  Whatever it does, nothing that was
 * written may be lost.
 */
static void read_only(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = kvm_target(node, kind, HM_MIB(64));
	struct model m = model_open(&t, HM_PAGE);
	uint64_t pages = t.size / HM_PAGE;
	uint32_t *old = calloc(pages, sizeof(*old));
	struct vm vm;
	uint32_t tracker;

	igt_assert(old);
	target_keep_small(&t);
	vm = vm_open(&t);
	tracker = hm_dirty_start(t.fd, t.handle, 0, t.size, HM_PAGE, 0);
	for (int round = 0; round < 4; round++) {
		int ret;

		for (uint64_t pg = 0; pg < pages; pg++)
			old[pg] = peek(&t, pg);
		/* Once the guest reads before it writes, once the process. */
		for (uint64_t pg = round; pg < pages; pg += 61) {
			if (round % 2)
				guest_access(&vm, &m, pg, OP_READ);
			else
				(void)*(volatile char *)(t.p + pg * HM_PAGE);
		}
		model_clean(&m);
		for (uint64_t pg = round; pg < pages; pg += 61)
			guest_access(&vm, &m, pg, OP_WRITE);
		ret = __vm_run(&vm);
		hm_dirty_sync(t.fd, tracker, 0, 0, 0, m.got);
		for (uint64_t pg = 0; pg < pages; pg++)
			igt_assert_f(peek(&t, pg) == old[pg] ||
				     get_bit(m.got, pg),
				     "page %" PRIu64 " was written, unnoticed\n",
				     pg);
		if (ret == KVM_EXIT_HLT) {
			model_check(&m, &t);
			model_clean(&m);
			continue;
		}
		igt_info("round %d: KVM_RUN ended with %d\n", round, ret);
		memset(m.val, 0, pages * sizeof(*m.val));
		vm_reset(&vm);
	}
	hm_dirty_stop(t.fd, tracker);
	vm_close(&vm);
	free(old);
	model_close(&m);
	target_close(&t);
}

static void run(void (*fn)(struct hm_node *node, enum hm_dirty_kind kind))
{
	close(igt_hugemap_require_kvm());
	for_each_target(fn);
}

int igt_main()
{
	igt_describe("Granules of 4 KiB: what a guest and the process write.");
	igt_subtest_with_dynamic("exact-4k")
		run(exact_4k);

	igt_describe("Granules of 2 MiB.");
	igt_subtest_with_dynamic("exact-2m")
		run(exact_2m);

	igt_describe("What a guest reads counts as written, until the SYNC.");
	igt_subtest_with_dynamic("read-write")
		run(read_write);

	igt_describe("A page of 1 GiB in the guest's tables does not survive.");
	igt_subtest_with_dynamic("huge")
		run(huge);

	igt_describe("A copy made while the guest runs is right in the end.");
	igt_subtest_with_dynamic("migrate")
		run(migrate);

	igt_describe("Read-only entries: nothing is lost, whatever KVM does.");
	igt_subtest_with_dynamic("read-only")
		run(read_only);
}
