// SPDX-License-Identifier: MIT
/*
 * hugemapctl dirty: trackers that outlive a command, and one to watch.
 *
 * A tracker ends with the file it was started on.  So `start` leaves a process
 * behind that holds the file, in a directory of the user's own listens on a
 * socket named after the tracker, and hands the file to whoever connects.
 */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"

enum {
	KEY_ALL = CTL_KEY, KEY_ADAPTIVE, KEY_MAX_OVER, KEY_WRITABLE, KEY_PEEK,
	KEY_RETRY, KEY_NOTIFY, KEY_BITMAP,
};

struct args {
	const char *what;		/* "start" and so on */
	struct ctl_where where;		/* its name: target, or number */
	struct hugemap_track how;
	unsigned int sync;
	const char *bitmap;
	double interval;
	uint64_t count;
};

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "start, watch:", 1 },
	{ "granule", 'g', "SIZE", 0, "4K, 64K, 2M or 1G (4K)", 1 },
	CTL_RANGE_OPTIONS(1),
	{ "all", KEY_ALL, NULL, 0, "Everything is dirty at first", 1 },
	CTL_WRITABLE_OPTION(KEY_WRITABLE, 1),
	{ "adaptive", KEY_ADAPTIVE, NULL, 0,
	  "Larger blocks where all is written", 1 },
	{ "max-over", KEY_MAX_OVER, "GRANULES", 0,
	  "--adaptive: how many too much a sync may report (0)", 1 },
	{ NULL, 0, NULL, 0, "sync:", 2 },
	{ "peek", KEY_PEEK, NULL, 0, "Only look: all stays dirty", 2 },
	{ "retry", KEY_RETRY, NULL, 0, "And what the last sync reported", 2 },
	{ "bitmap", KEY_BITMAP, "FILE", 0,
	  "Write the bitmap there: a bit per granule, little-endian words", 2 },
	{ NULL, 0, NULL, 0, "watch:", 3 },
	{ "interval", 'i', "SECONDS", 0, "Time between two syncs (1)", 3 },
	{ "count", 'c', "N", 0, "So many syncs (until interrupted)", 3 },
	{ "notify", KEY_NOTIFY, "GRANULES", 0,
	  "Sync as soon as so many are dirty", 3 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case 'g':
		a->how.granule = ctl_size(state, "--granule", arg);
		return 0;
	case 's':
	case 'l':
		return ctl_parse_where(key, arg, state, &a->where);
	case 'i':
		a->interval = ctl_seconds(state, "--interval", arg);
		return 0;
	case 'c':
		a->count = ctl_number(state, "--count", arg, 1, UINT32_MAX);
		return 0;
	case KEY_ALL:
		a->how.flags |= HUGEMAP_TRACK_ALL;
		return 0;
	case KEY_WRITABLE:
		a->how.flags |= HUGEMAP_TRACK_WRITABLE;
		return 0;
	case KEY_ADAPTIVE:
		a->how.flags |= HUGEMAP_TRACK_ADAPTIVE;
		return 0;
	case KEY_MAX_OVER:
		a->how.max_over = ctl_number(state, "--max-over", arg, 0,
					     UINT64_MAX);
		return 0;
	case KEY_NOTIFY:
		a->how.notify = ctl_number(state, "--notify", arg, 1, UINT64_MAX);
		return 0;
	case KEY_PEEK:
		a->sync |= HUGEMAP_SYNC_PEEK;
		return 0;
	case KEY_RETRY:
		a->sync |= HUGEMAP_SYNC_RETRY;
		return 0;
	case KEY_BITMAP:
		a->bitmap = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (!a->what)
			a->what = arg;
		else if (!a->where.name)
			a->where.name = arg;
		else
			argp_error(state, "'%s'?", arg);
		return 0;
	case ARGP_KEY_END:
		if (!a->what)
			argp_error(state, "start, sync, watch, list or stop?");
		else if (strcmp(a->what, "list") && !a->where.name)
			argp_error(state, "%s what?", a->what);
		if (a->sync == (HUGEMAP_SYNC_PEEK | HUGEMAP_SYNC_RETRY))
			argp_error(state, "--peek or --retry, not both");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "start TARGET\nsync NUMBER\nwatch TARGET\nlist\nstop NUMBER",
	.doc = "start: begin to track writes to TARGET, and print a NUMBER. sync: "
		"what was written since the last sync. watch: how much is "
		"written, sync by sync. list: what is tracked by start. stop: end "
		"it.",
	.children = ctl_common,
};

/* ---- the process that holds the file ---- */

/* What it sends, with the file. */
struct ticket {
	struct hugemap_track how;
	uint32_t id;		/* tracker */
	uint32_t region;
	int64_t pid;		/* of the holder */
	char name[64];		/* target */
};

static void run_dir(char *path, size_t size)
{
	const char *base = geteuid() ? getenv("XDG_RUNTIME_DIR") : "/run";
	struct stat st;

	if (!base || !*base)
		ctl_fail(CTL_FAILED, "XDG_RUNTIME_DIR is not set: there is no place for the socket");
	snprintf(path, size, "%s/hugemapctl", base);
	if (mkdir(path, 0700) && errno != EEXIST)
		ctl_fail_err(-errno, "%s", path);
	if (lstat(path, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
	    st.st_mode & 077)
		ctl_fail(CTL_DENIED, "%s: not a directory of this user's alone", path);
}

static void socket_of(struct sockaddr_un *sa, const char *number)
{
	char dir[80];

	run_dir(dir, sizeof(dir));
	sa->sun_family = AF_UNIX;
	if (snprintf(sa->sun_path, sizeof(sa->sun_path), "%s/%s", dir, number) >=
	    (int)sizeof(sa->sun_path))
		ctl_fail_err(-ENAMETOOLONG, "%s", dir);
}

/* A connection to a holder, or a negative errno. */
static int call(const char *number)
{
	struct sockaddr_un sa;
	int fd, ret;

	socket_of(&sa, number);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static int send_ticket(int to, const struct ticket *ticket, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} ctrl = { .buf = "" };
	struct iovec iov = { (void *)ticket, sizeof(*ticket) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = ctrl.buf,
		.msg_controllen = sizeof(ctrl.buf),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(to, &msg, MSG_NOSIGNAL) == sizeof(*ticket) ? 0 : -errno;
}

static int recv_ticket(int from, struct ticket *ticket, int *fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} ctrl;
	struct iovec iov = { ticket, sizeof(*ticket) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = ctrl.buf,
		.msg_controllen = sizeof(ctrl.buf),
	};
	struct cmsghdr *c;
	ssize_t n;

	n = recvmsg(from, &msg, MSG_WAITALL | MSG_CMSG_CLOEXEC);
	c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);
	if (n < 0)
		return -errno;
	if (n != sizeof(*ticket) || !c || c->cmsg_type != SCM_RIGHTS)
		return -EPROTO;
	memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return 0;
}

/* Everybody who connects gets the file; who then says 'q' ends it. */
static _Noreturn void hold(int listener, const char *path,
			   const struct ticket *ticket, int fd)
{
	for (;;) {
		struct timeval wait = { .tv_sec = 10 };
		int to = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		char c = 0;

		if (to < 0 && errno != EINTR && errno != ECONNABORTED &&
		    errno != EMFILE && errno != ENFILE)
			break;
		if (to < 0)
			continue;
		setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		if (!send_ticket(to, ticket, fd) && read(to, &c, 1) == 1 &&
		    c == 'q') {
			unlink(path);
			/* Answered when the tracker has gone with the file. */
			close(fd);
			_exit(0);
		}
		close(to);
	}
	unlink(path);
	_exit(1);
}

/* A socket with the smallest number that is free. */
static int listen_somewhere(struct sockaddr_un *sa, unsigned int *number)
{
	char dir[80], text[16];
	int lock, fd, probe;

	run_dir(dir, sizeof(dir));
	lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (lock < 0 || fd < 0 || flock(lock, LOCK_EX))
		ctl_fail_err(-errno, "%s", dir);
	for (*number = 1; *number < 10000; ++*number) {
		snprintf(text, sizeof(text), "%u", *number);
		socket_of(sa, text);
		probe = call(text);
		if (probe >= 0) {
			close(probe);
			continue;
		}
		/* Of a holder that was killed. */
		if (probe == -ECONNREFUSED)
			unlink(sa->sun_path);
		if (bind(fd, (struct sockaddr *)sa, sizeof(*sa)) ||
		    listen(fd, 16))
			ctl_fail_err(-errno, "%s", sa->sun_path);
		close(lock);
		return fd;
	}
	ctl_fail(CTL_FAILED, "%s: too many trackers", dir);
}

static void begin(struct args *a, struct ctl_target *t,
		  struct hugemap_tracker **tracker)
{
	ctl_open_mem(t, a->where.name, O_RDWR);
	a->how.start = a->where.offset;
	a->how.len = a->where.len;
	ctl_track(t, &a->how, tracker);
}

static int cmd_start(struct args *a)
{
	struct hugemap_tracker *tracker;
	struct ticket ticket;
	struct sockaddr_un sa;
	struct ctl_target t;
	unsigned int number;
	int listener, null;
	pid_t pid;

	begin(a, &t, &tracker);
	memset(&ticket, 0, sizeof(ticket));
	ticket.how = a->how;
	ticket.id = hugemap_tracker_id(tracker);
	ticket.region = t.info.region;
	snprintf(ticket.name, sizeof(ticket.name), "%s", a->where.name);
	listener = listen_somewhere(&sa, &number);
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		ctl_fail_err(-errno, "fork");
	if (!pid) {
		ticket.pid = getpid();
		setsid();
		if (chdir("/"))
			_exit(1);
		null = open("/dev/null", O_RDWR);
		for (int fd = 0; null >= 0 && fd < 3; fd++)
			dup2(null, fd);
		/* An inherited pipe would keep its reader waiting. */
		for (int fd = 3; fd < 256; fd++)
			if (fd != listener && fd != hugemap_fd(t.hm))
				close(fd);
		hold(listener, sa.sun_path, &ticket, hugemap_fd(t.hm));
	}
	if (ctl.json) {
		cJSON *top = cJSON_CreateObject();

		json_u64(top, "number", number);
		cJSON_AddStringToObject(top, "target", a->where.name);
		json_u64(top, "offset", a->how.start);
		json_u64(top, "length", a->how.len);
		json_u64(top, "granule", a->how.granule);
		json_u64(top, "pid", pid);
		json_print(top);
	} else {
		printf("tracker %u: %s of %s in granules of %s\n", number,
		       ctl_bytes(a->how.len), a->where.name, ctl_bytes(a->how.granule));
	}
	return CTL_OK;
}

/* Exits if there is no such tracker. */
static int connect_to(const char *number, struct ticket *ticket, int *fd)
{
	int conn, ret;

	if (strspn(number, "0123456789") != strlen(number) || !*number)
		ctl_fail(CTL_USAGE, "'%s' is no number of a tracker", number);
	conn = call(number);
	if (conn == -ENOENT || conn == -ECONNREFUSED)
		ctl_fail(CTL_FAILED, "no tracker %s: 'hugemapctl dirty list' shows those there are",
			 number);
	if (conn < 0)
		ctl_fail_err(conn, "tracker %s", number);
	ret = recv_ticket(conn, ticket, fd);
	if (ret)
		ctl_fail_err(ret, "tracker %s", number);
	return conn;
}

static void write_bitmap(const char *path, const struct hugemap_tracker *t)
{
	const uint64_t *bitmap;
	size_t words;
	FILE *f;

	bitmap = hugemap_bitmap(t, &words);
	f = fopen(path, "we");
	if (!f)
		ctl_fail_err(-errno, "%s", path);
	for (size_t i = 0; i < words; i++) {
		uint64_t le = htole64(bitmap[i]);

		fwrite(&le, sizeof(le), 1, f);
	}
	if (ferror(f) | fclose(f))
		ctl_fail_err(-EIO, "%s (sync with --retry has it all again)", path);
}

static int cmd_sync(struct args *a)
{
	uint64_t off = 0, len = 0, bytes = 0;
	struct hugemap_tracker *t;
	struct hugemap_dirty d;
	struct ticket ticket;
	struct hugemap *hm;
	cJSON *top, *runs;
	int conn, fd, ret;

	conn = connect_to(a->where.name, &ticket, &fd);
	ret = hugemap_open_fd(fd, ticket.region, &hm);
	if (!ret)
		ret = hugemap_adopt(hm, ticket.id, &ticket.how, &t);
	if (!ret)
		ret = hugemap_sync(t, a->sync, &d);
	if (ret)
		ctl_fail_err(ret, "tracker %s: DIRTY_SYNC", a->where.name);
	if (a->bitmap)
		write_bitmap(a->bitmap, t);
	top = cJSON_CreateObject();
	runs = cJSON_CreateArray();
	if (!ctl.json && d.dirty)
		printf("%18s %18s\n", "OFFSET", "LENGTH");
	while (hugemap_next(t, &off, &len)) {
		bytes += len;
		if (ctl.json) {
			cJSON *run = cJSON_CreateObject();

			json_u64(run, "offset", off);
			json_u64(run, "length", len);
			cJSON_AddItemToArray(runs, run);
		} else {
			printf("%#18" PRIx64 " %18s\n", off, ctl_bytes(len));
		}
	}
	if (ctl.json) {
		cJSON_AddStringToObject(top, "target", ticket.name);
		json_u64(top, "granule", ticket.how.granule);
		json_u64(top, "epoch", d.epoch);
		json_u64(top, "dirty", d.dirty);
		json_u64(top, "over", d.over);
		json_u64(top, "bytes", bytes);
		cJSON_AddItemToObject(top, "runs", runs);
		json_print(top);
	} else {
		cJSON_Delete(runs);
		cJSON_Delete(top);
		printf("%s, sync %" PRIu64 ": %" PRIu64 " granules dirty, %s",
		       ticket.name, d.epoch, d.dirty, ctl_bytes(bytes));
		if (d.over)
			printf(", %" PRIu64 " perhaps not written", d.over);
		putchar('\n');
	}
	/* The tracker stays: only our handle of it goes, with the process. */
	close(conn);
	return CTL_OK;
}

static int cmd_stop(struct args *a)
{
	struct ticket ticket;
	int conn, fd;
	char c;

	conn = connect_to(a->where.name, &ticket, &fd);
	close(fd);
	if (write(conn, "q", 1) != 1)
		ctl_fail_err(-errno, "tracker %s", a->where.name);
	/* Until it has gone. */
	while (read(conn, &c, 1) > 0)
		;
	if (ctl.json) {
		cJSON *top = cJSON_CreateObject();

		cJSON_AddStringToObject(top, "stopped", a->where.name);
		json_print(top);
	}
	return CTL_OK;
}

static int by_number(const struct dirent **a, const struct dirent **b)
{
	return atoi((*a)->d_name) - atoi((*b)->d_name);
}

static int is_number(const struct dirent *d)
{
	return d->d_name[0] >= '1' && d->d_name[0] <= '9';
}

static int cmd_dirty_list(void)
{
	cJSON *top = cJSON_CreateObject();
	cJSON *array = cJSON_AddArrayToObject(top, "trackers");
	struct dirent **names;
	char dir[80];
	int n;

	run_dir(dir, sizeof(dir));
	n = scandir(dir, &names, is_number, by_number);
	if (n < 0)
		ctl_fail_err(-errno, "%s", dir);
	if (!ctl.json)
		printf("%-8s %-16s %-10s %-10s %-10s %s\n", "TRACKER", "TARGET",
		       "OFFSET", "LENGTH", "GRANULE", "PID");
	for (int i = 0; i < n; i++) {
		struct ticket ticket;
		int conn, fd;
		cJSON *obj;

		conn = call(names[i]->d_name);
		if (conn < 0 || recv_ticket(conn, &ticket, &fd))
			goto next;
		close(fd);
		close(conn);
		if (!ctl.json) {
			printf("%-8s %-16s %-10s %-10s %-10s %" PRId64 "\n",
			       names[i]->d_name, ticket.name,
			       ctl_bytes(ticket.how.start), ctl_bytes(ticket.how.len),
			       ctl_bytes(ticket.how.granule), ticket.pid);
			goto next;
		}
		obj = cJSON_CreateObject();
		cJSON_AddItemToArray(array, obj);
		json_u64(obj, "number", atoi(names[i]->d_name));
		cJSON_AddStringToObject(obj, "target", ticket.name);
		json_u64(obj, "offset", ticket.how.start);
		json_u64(obj, "length", ticket.how.len);
		json_u64(obj, "granule", ticket.how.granule);
		json_u64(obj, "pid", ticket.pid);
next:
		free(names[i]);
	}
	free(names);
	if (ctl.json)
		json_print(top);
	else
		cJSON_Delete(top);
	return CTL_OK;
}

/* ---- watch ---- */

static void wait_for(const struct hugemap_tracker *t, double seconds)
{
	struct pollfd p = { .fd = hugemap_notify_fd(t), .events = POLLIN };
	uint64_t val;

	if (p.fd < 0) {
		ctl_sleep(seconds);
	} else if (!ctl_stop && poll(&p, 1, MIN(seconds * 1e3, INT_MAX)) == 1) {
		if (read(p.fd, &val, sizeof(val)) < 0)
			return;
	}
}

static int cmd_watch(struct args *a)
{
	struct hugemap_tracker *tracker;
	struct ctl_target t;
	double begun;

	begin(a, &t, &tracker);
	ctl_catch_signals();
	begun = ctl_now();
	if (!ctl.json)
		printf("%8s %10s %12s %10s %10s\n", "SECONDS", "DIRTY", "BYTES",
		       "RUNS", "OVER");
	for (uint64_t n = 0; !ctl_stop && (!a->count || n < a->count); n++) {
		uint64_t off = 0, len = 0, bytes = 0, runs = 0;
		struct hugemap_dirty d;
		double now;
		int ret;

		fflush(stdout);
		wait_for(tracker, a->interval);
		if (ctl_stop)
			break;
		ret = hugemap_sync(tracker, 0, &d);
		if (ret)
			ctl_fail_err(ret, "%s: DIRTY_SYNC", a->where.name);
		now = ctl_now() - begun;
		for (; hugemap_next(tracker, &off, &len); runs++)
			bytes += len;
		if (ctl.json) {
			cJSON *line = cJSON_CreateObject();

			json_ms(line, "seconds", now);
			json_u64(line, "epoch", d.epoch);
			json_u64(line, "dirty", d.dirty);
			json_u64(line, "over", d.over);
			json_u64(line, "bytes", bytes);
			json_u64(line, "runs", runs);
			json_line(line);
		} else {
			printf("%8.1f %10" PRIu64 " %12s %10" PRIu64 " %10" PRIu64
			       "\n", now, d.dirty, ctl_bytes(bytes), runs, d.over);
		}
	}
	hugemap_untrack(tracker);
	ctl_close(&t);
	return CTL_OK;
}

int cmd_dirty(int argc, char **argv)
{
	struct args a = { .how.granule = KIB(4), .interval = 1 };

	ctl_parse(&argp, argc, argv, &a);
	if (!strcmp(a.what, "start"))
		return cmd_start(&a);
	if (!strcmp(a.what, "sync"))
		return cmd_sync(&a);
	if (!strcmp(a.what, "watch"))
		return cmd_watch(&a);
	if (!strcmp(a.what, "list"))
		return cmd_dirty_list();
	if (!strcmp(a.what, "stop"))
		return cmd_stop(&a);
	ctl_fail(CTL_USAGE, "dirty %s? It is start, sync, watch, list or stop",
		 a.what);
}
