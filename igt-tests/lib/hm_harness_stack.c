// SPDX-License-Identifier: MIT
/*
 * Stack traces of a static program, with the names of its own symbol table:
 * dladdr() knows nothing of it.
 */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unwind.h>

#include "hm_harness.h"
#include "igt.h"

#define MAX_FRAMES	16

struct symbols {
	const ElfW(Sym) *sym;
	size_t nr;
	const char *names;
};

static void symbols_load(struct symbols *s)
{
	const ElfW(Shdr) *sh;
	const ElfW(Ehdr) *eh;
	struct stat st;
	int fd, i;

	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return;
	eh = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (eh == MAP_FAILED)
		return;
	sh = (const void *)((const char *)eh + eh->e_shoff);
	for (i = 0; i < eh->e_shnum; i++) {
		if (sh[i].sh_type != SHT_SYMTAB)
			continue;
		s->sym = (const void *)((const char *)eh + sh[i].sh_offset);
		s->nr = sh[i].sh_size / sizeof(*s->sym);
		s->names = (const char *)eh + sh[sh[i].sh_link].sh_offset;
	}
}

static const ElfW(Sym) *symbols_find(const struct symbols *s, uintptr_t addr)
{
	size_t i;

	for (i = 0; i < s->nr; i++)
		if (ELF64_ST_TYPE(s->sym[i].st_info) == STT_FUNC &&
		    addr - s->sym[i].st_value < s->sym[i].st_size)
			return &s->sym[i];
	return NULL;
}

struct frames {
	uintptr_t ip[MAX_FRAMES];
	int nr;
};

static _Unwind_Reason_Code collect(struct _Unwind_Context *ctx, void *data)
{
	struct frames *f = data;

	f->ip[f->nr++] = _Unwind_GetIP(ctx);
	return f->nr < MAX_FRAMES ? _URC_NO_REASON : _URC_END_OF_STACK;
}

void hm_harness_print_stack(void)
{
	static struct symbols symbols;
	struct frames f = { .nr = 0 };
	const ElfW(Sym) *sym;
	int i;

	if (!symbols.nr)
		symbols_load(&symbols);
	_Unwind_Backtrace(collect, &f);
	igt_info("Stack trace:\n");
	/* The first frame is this function. */
	for (i = 1; i < f.nr; i++) {
		/* The address is behind the call, maybe behind the function. */
		sym = symbols_find(&symbols, f.ip[i] - 1);
		igt_info("  #%d [%s+%#lx] %#lx\n", i - 1,
			 sym ? symbols.names + sym->st_name : "<unknown>",
			 (unsigned long)(sym ? f.ip[i] - sym->st_value : 0),
			 (unsigned long)f.ip[i]);
	}
}
