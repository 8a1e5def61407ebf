// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the machine that QEMU boots on device memory (jobs/clients): writes
 * every page of 64 MiB, reads it again and says so on the second serial port.
 */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE	(64ul << 20)
#define STEP	4096

static int check(void)
{
	uint8_t *m = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED)
		return -1;
	for (size_t i = 0; i < SIZE; i += STEP)
		m[i] = i / STEP;
	for (size_t i = 0; i < SIZE; i += STEP)
		if (m[i] != (uint8_t)(i / STEP))
			return -1;
	return 0;
}

int main(void)
{
	const char *said;
	int fd;

	mkdir("/dev", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	fd = open("/dev/ttyS1", O_WRONLY | O_NOCTTY);
	said = check() ? "bad memory\n" : "nested: up\n";
	if (fd < 0 || write(fd, said, strlen(said)) < 0)
		return 1;
	for (;;)
		pause();
}
