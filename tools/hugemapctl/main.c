// SPDX-License-Identifier: MIT
/*
 * hugemapctl: see, use and test regions of the hugemap driver.
 */
#include <locale.h>
#include <string.h>

#include "ctl.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} commands[] = {
	{ "list", cmd_list, "the regions of this machine" },
	{ "info", cmd_info, "what a region is and what was done with it" },
	{ "alloc", cmd_alloc, "make an object, for as long as a command runs" },
	{ "map", cmd_map, "map memory, touch it, show by which pages" },
	{ "prefault", cmd_prefault, "fill a mapping at once" },
	{ "dirty", cmd_dirty, "start, sync, watch or stop dirty tracking" },
	{ "top", cmd_top, "live faults, by order and reason" },
	{ "heat", cmd_heat, "a picture: orders, and how often what was written" },
	{ "checkpoint", cmd_checkpoint, "save memory to a file, incrementally" },
	{ "restore", cmd_restore, "load a checkpoint, after verifying it" },
	{ "bench", cmd_bench, "what faults, prefaults and syncs cost" },
};

const char *argp_program_version = "hugemapctl " HUGEMAP_VERSION;

static char *help(int key, const char *text, void *input)
{
	char *buf;
	size_t size;
	FILE *f;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	f = open_memstream(&buf, &size);
	if (!f)
		return NULL;
	fputs("Commands:\n", f);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(f, "  %-11s %s\n", commands[i].name, commands[i].what);
	fputs("\nhugemapctl COMMAND --help says more, hugemapctl(1) all of it.", f);
	fclose(f);
	return buf;
}

struct choice {
	const struct command *command;
	int next;	/* its index in argv */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct choice *in = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
			if (!strcmp(commands[i].name, arg))
				in->command = &commands[i];
		if (!in->command)
			argp_error(state, "no command '%s'", arg);
		/* What follows is the command's. */
		in->next = state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which command?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.parser = parse,
	.args_doc = "COMMAND [ARGUMENT...]",
	.doc = "See, use and test memory of the hugemap driver.\v",
	.help_filter = help,
};

int main(int argc, char **argv)
{
	struct choice in = { .next = 0 };
	char name[64];

	setlocale(LC_CTYPE, "");
	argp_err_exit_status = CTL_USAGE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &in);
	snprintf(name, sizeof(name), "hugemapctl %s", in.command->name);
	argv[in.next] = name;
	return in.command->run(argc - in.next, argv + in.next);
}
