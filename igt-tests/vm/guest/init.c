// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the test guest: sets the system up, runs /job with the result
 * channel as file descriptor 3, reads the kernel log and the taint mask and
 * powers off. The host trusts a run only when the last line of the channel
 * is END.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "klog.h"

#define RESULT_FD	3
#define RESULT_TTY	"/dev/ttyS1"
#define MAX_SPLATS	20

static const struct {
	const char *source, *target, *type, *data;
	unsigned long flags;
	int required;
} mounts[] = {
	{ "devtmpfs", "/dev", "devtmpfs", NULL, 0, 1 },
	{ "proc", "/proc", "proc", NULL, 0, 1 },
	{ "sysfs", "/sys", "sysfs", NULL, 0, 1 },
	{ "devpts", "/dev/pts", "devpts", NULL, 0, 0 },
	{ "tmpfs", "/dev/shm", "tmpfs", "mode=1777", 0, 0 },
	{ "tmpfs", "/tmp", "tmpfs", "mode=1777", 0, 1 },
	{ "tmpfs", "/run", "tmpfs", NULL, 0, 0 },
	{ "debugfs", "/sys/kernel/debug", "debugfs", NULL, 0, 0 },
	{ "tracefs", "/sys/kernel/tracing", "tracefs", NULL, 0, 0 },
};

static void power_off(void)
{
	sync();
	tcdrain(RESULT_FD);
	tcdrain(STDOUT_FILENO);
	reboot(RB_POWER_OFF);
	/* Not reached; PID 1 must not return: that would be a panic. */
	for (;;)
		pause();
}

static void __attribute__((format(printf, 1, 2))) result(const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	if (write(RESULT_FD, line, n) != n)
		perror("init: result channel");
}

static void fatal(const char *what)
{
	printf("init: %s: %s\n", what, strerror(errno));
	/* Without END the host counts the run as failed. */
	power_off();
}

static void mount_all(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].target, 0755);
		if (mount(mounts[i].source, mounts[i].target, mounts[i].type,
			  mounts[i].flags, mounts[i].data) &&
		    mounts[i].required)
			fatal(mounts[i].target);
	}
}

/* The console may not exist before devtmpfs is there. */
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR);

	if (fd < 0)
		return;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
	setvbuf(stdout, NULL, _IOLBF, 0);
}

static void open_result(void)
{
	int fd = open(RESULT_TTY, O_WRONLY | O_NOCTTY);
	struct termios tio;

	if (fd < 0)
		fatal(RESULT_TTY);
	if (tcgetattr(fd, &tio))
		fatal("tcgetattr " RESULT_TTY);
	cfmakeraw(&tio);
	cfsetspeed(&tio, B115200);
	tio.c_cflag |= CLOCAL;
	if (tcsetattr(fd, TCSANOW, &tio))
		fatal("tcsetattr " RESULT_TTY);
	if (fd != RESULT_FD) {
		dup2(fd, RESULT_FD);
		close(fd);
	}
}

/*
 * The first machine of KVM and the end of the last one make the kernel patch its
 * scheduler, which the emulator's other CPU does not survive once in a hundred
 * times (vm/run-guest says why).  Where the guest has KVM, there is one for good.
 */
static void hold_kvm(void)
{
	static const char *const names[] = { "kvm_amd", "kvm_intel" };
	unsigned int i;
	int fd;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		pid_t pid = fork();

		if (pid < 0)
			fatal("fork");
		if (!pid) {
			execl("/sbin/modprobe", "modprobe", "-q", names[i],
			      (char *)NULL);
			_exit(127);
		}
		waitpid(pid, NULL, 0);
	}
	fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	/* Never closed. */
	if (ioctl(fd, KVM_CREATE_VM, 0) < 0)
		printf("init: KVM_CREATE_VM: %s\n", strerror(errno));
	close(fd);
}

/* The kernel has come up on one CPU (vm/run-guest says why). */
static void online_cpus(void)
{
	char path[64];
	int cpu, fd;

	for (cpu = 1;; cpu++) {
		snprintf(path, sizeof(path),
			 "/sys/devices/system/cpu/cpu%d/online", cpu);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			return;
		if (fd < 0 || write(fd, "1", 1) != 1)
			fatal(path);
		close(fd);
	}
}

/* Lines "NAME=value" of /env, written by mkinitramfs; no quoting at all. */
static void load_env(void)
{
	FILE *f = fopen("/env", "re");
	char *line = NULL;
	size_t size = 0;

	setenv("PATH", "/tests:/bin:/sbin", 1);
	setenv("HOME", "/tmp", 1);
	setenv("TERM", "dumb", 1);
	if (!f)
		return;
	while (getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = 0;
		/* putenv() keeps the string. */
		if (strchr(line, '=') && putenv(strdup(line)))
			fatal("putenv");
	}
	free(line);
	fclose(f);
}

static void report_system(void)
{
	char cmdline[768] = "";
	struct utsname uts;
	FILE *f = fopen("/proc/cmdline", "re");

	if (f) {
		if (fgets(cmdline, sizeof(cmdline), f))
			cmdline[strcspn(cmdline, "\n")] = 0;
		fclose(f);
	}
	uname(&uts);
	result("INFO release=%s", uts.release);
	result("INFO version=%s", uts.version);
	result("INFO cmdline=%s", cmdline);
}

/* Runs the job and reaps whatever is left to PID 1 meanwhile. */
static int run_job(void)
{
	pid_t job, pid;
	int status;

	job = fork();
	if (job < 0)
		fatal("fork");
	if (!job) {
		int null = open("/dev/null", O_RDONLY);

		setsid();
		if (null >= 0)
			dup2(null, STDIN_FILENO);
		execl("/bin/sh", "sh", "/job", (char *)NULL);
		perror("init: /job");
		_exit(127);
	}
	do {
		pid = wait(&status);
		if (pid < 0 && errno != EINTR)
			fatal("wait");
	} while (pid != job);
	return status;
}

/* A process that survives SIGKILL must not keep the guest from ending. */
static void end_processes(void)
{
	int tries;

	kill(-1, SIGKILL);
	for (tries = 0; tries < 50; tries++) {
		if (waitpid(-1, NULL, WNOHANG) < 0)
			return;
		usleep(20000);
	}
	result("SPLAT processes left that cannot be killed");
}

static void report_splat(const char *line)
{
	result("SPLAT %s", line);
}

static void report_taint(void)
{
	FILE *f = fopen("/proc/sys/kernel/tainted", "re");
	unsigned long taint;

	if (!f || fscanf(f, "%lu", &taint) != 1)
		fatal("taint");
	fclose(f);
	result("TAINT %lu", taint);
}

int main(void)
{
	int klog, status;

	mount_all();
	open_console();
	open_result();
	hold_kvm();
	online_cpus();
	sethostname("hugemap", 7);
	load_env();
	report_system();
	/* What follows on the console is the job's; see `demo`. */
	printf("init: job %s\n", getenv("HM_JOB") ?: "");
	klog = klog_open(0);
	if (klog < 0)
		fatal("/dev/kmsg");
	status = run_job();
	printf("init: job ended\n");
	end_processes();
	klog_scan(klog, MAX_SPLATS, report_splat);
	report_taint();
	if (WIFSIGNALED(status))
		result("END job-signal-%d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		result("END job-exit-%d", WEXITSTATUS(status));
	else
		result("END ok");
	power_off();
}
