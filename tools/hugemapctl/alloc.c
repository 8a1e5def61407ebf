// SPDX-License-Identifier: MIT
/*
 * hugemapctl alloc: an object, for as long as a command runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl.h"

enum { KEY_HOLD = CTL_KEY, KEY_CONTIGUOUS };

struct args {
	uint64_t size;
	const char *device;
	unsigned int order;
	unsigned int flags;
	double hold;
	char **command;
};

static const struct argp_option options[] = {
	{ "contiguous", KEY_CONTIGUOUS, NULL, 0, "One physical piece, or fail", 0 },
	{ "hold", KEY_HOLD, "SECONDS", 0,
	  "Without a COMMAND: keep it so long (0)", 0 },
	{ "order", 'o', "SIZE", 0,
	  "Largest pages to align for and to use: 4K, 2M, 1G or any (any)", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case 'o':
		a->order = ctl_order(state, arg);
		return 0;
	case KEY_CONTIGUOUS:
		a->flags |= HUGEMAP_CONTIGUOUS;
		return 0;
	case KEY_HOLD:
		a->hold = ctl_seconds(state, "--hold", arg);
		return 0;
	case ARGP_KEY_ARG:
		if (state->quoted && state->next > state->quoted) {
			if (!a->size)
				argp_error(state, "which SIZE?");
			a->command = &state->argv[state->next - 1];
			state->next = state->argc;
		} else if (!a->size) {
			a->size = ctl_size(state, "SIZE", arg);
			if (!a->size)
				argp_error(state, "an object of no bytes?");
		} else if (!a->device) {
			a->device = arg;
		} else {
			argp_error(state, "'%s'? A COMMAND comes behind '--'", arg);
		}
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which SIZE?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "SIZE [DEVICE[:REGION]] [-- COMMAND [ARGUMENT...]]",
	.doc = "Make an object of SIZE zeroed bytes and say what it is made of. "
		"It lives as long as COMMAND runs, which finds the device in "
		"$HUGEMAP_DEVICE and the object as a dma-buf, the descriptor "
		"$HUGEMAP_DMABUF; 'object' is its name for hugemapctl. Without a "
		"DEVICE it is made wherever there is room.",
	.children = ctl_common,
};

struct object {
	char device[64];
	struct hugemap *hm;
	struct hugemap_mem *mem;
};

/* Returns what hugemap_open() or hugemap_alloc() says. */
static int try_region(struct object *o, const char *device,
		      const struct args *a)
{
	int ret;

	snprintf(o->device, sizeof(o->device), "%s", device);
	ret = hugemap_open(o->device, O_RDWR, &o->hm);
	if (ret)
		return ret;
	ret = hugemap_alloc(o->hm, a->size, a->order, a->flags, &o->mem);
	if (ret)
		hugemap_close(o->hm);
	return ret;
}

/* In any region of any device. */
static int try_all(struct object *o, const struct args *a)
{
	struct hugemap_entry *all;
	int ret, seen = -ENODEV;
	char device[64];
	size_t nr;

	ret = hugemap_list(&all, &nr);
	if (ret)
		return ret == -ENOENT ? -ENODEV : ret;
	for (size_t i = 0; i < nr; i++) {
		unsigned int region = 0;

		if (!all[i].render[0])
			continue;
		/* Regions of a device are numbered in the order of their nodes. */
		for (size_t j = 0; j < i; j++)
			region += !strcmp(all[j].render, all[i].render);
		snprintf(device, sizeof(device), "%.31s:%u", all[i].render, region);
		ret = try_region(o, device, a);
		if (!ret)
			break;
		/* "No room" says more than "not allowed", and that than nothing. */
		if (seen == -ENODEV || ret == -ENOSPC)
			seen = ret;
	}
	free(all);
	return ret ? seen : 0;
}

static int run(char **command, const struct object *o)
{
	char fd_text[16];
	int fd, status;
	pid_t pid;

	fd = hugemap_export(o->mem);
	if (fd < 0)
		ctl_fail_err(fd, "cannot export the object");
	/* The command's to inherit. */
	fcntl(fd, F_SETFD, 0);
	snprintf(fd_text, sizeof(fd_text), "%d", fd);
	if (setenv("HUGEMAP_DEVICE", o->device, 1) ||
	    setenv("HUGEMAP_DMABUF", fd_text, 1))
		ctl_fail_err(-ENOMEM, "setenv");
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		ctl_fail_err(-errno, "fork");
	if (!pid) {
		execvp(command[0], command);
		fprintf(stderr, "hugemapctl: %s: %s\n", command[0],
			strerror(errno));
		_exit(errno == ENOENT ? 127 : 126);
	}
	/* A ^C is the command's. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			ctl_fail_err(-errno, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int cmd_alloc(int argc, char **argv)
{
	struct args a = { .order = HUGEMAP_ORDER_ANY };
	struct hugemap_counts pages;
	struct hugemap_info info;
	unsigned int extents;
	struct object o;
	int ret, status = CTL_OK;

	ctl_parse(&argp, argc, argv, &a);
	ret = a.device ? try_region(&o, a.device, &a) : try_all(&o, &a);
	if (ret == -ENOENT && a.device)
		ctl_fail(CTL_NO_DEVICE, "%s: no such device, or no such region of it",
			 a.device);
	if (ret == -EINVAL && a.device && strstr(a.device, "hugemap"))
		ctl_fail(CTL_USAGE, "%s: objects are made on a DRM device, as renderD128",
			 a.device);
	if (ret == -EINVAL)
		ctl_fail(CTL_USAGE, "no pages of that --order here");
	if (ret == -E2BIG || ret == -ENOSPC)
		ctl_fail(CTL_FAILED, "%s: %s of %s%s", a.device ? a.device :
			 "any region", ret == -E2BIG ? "smaller than an object" :
			 "no room for an object", ctl_bytes(a.size), a.flags ?
			 " in one piece" : "");
	if (ret)
		ctl_fail_err(ret, "%s", a.device ? a.device : "render nodes");
	ret = hugemap_layout(o.mem, &pages, &extents);
	if (!ret)
		ret = hugemap_get_info(o.hm, &info);
	if (ret)
		ctl_fail_err(ret, "%s", o.device);
	if (ctl.json) {
		cJSON *top = cJSON_CreateObject();

		cJSON_AddStringToObject(top, "device", o.device);
		json_u64(top, "node", info.node);
		json_u64(top, "size", hugemap_size(o.mem));
		json_u64(top, "extents", extents);
		json_pages(top, "pages", &pages);
		json_print(top);
	} else if (!ctl.quiet) {
		fprintf(a.command ? stderr : stdout,
			"%s (hugemap%u): %s in %u piece%s: %" PRIu64 " x %s, %"
			PRIu64 " x %s, %" PRIu64 " x %s\n", o.device, info.node,
			ctl_bytes(hugemap_size(o.mem)), extents,
			extents == 1 ? "" : "s", pages.pud,
			ctl_bytes(ctl_order_bytes(&info, info.pud_order)), pages.pmd,
			ctl_bytes(ctl_order_bytes(&info, info.pmd_order)), pages.pte,
			ctl_bytes(info.page));
	}
	if (a.command) {
		status = run(a.command, &o);
	} else {
		ctl_catch_signals();
		fflush(stdout);
		ctl_sleep(a.hold);
	}
	hugemap_free(o.mem);
	hugemap_close(o.hm);
	return status;
}
