// SPDX-License-Identifier: GPL-2.0
/*
 * hold NODE BYTES: maps that much of a node, writes the number of each 64-bit
 * word into its first page, prints "PID ADDRESS" and waits to be killed.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t len;
	uint64_t *m;
	int fd;

	if (argc != 3)
		errx(2, "usage: hold NODE BYTES");
	len = strtoull(argv[2], NULL, 0);
	fd = open(argv[1], O_RDWR);
	if (fd < 0)
		err(1, "%s", argv[1]);
	m = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED)
		err(1, "mmap");
	for (uint64_t i = 0; i < 512; i++)
		m[i] = i;
	printf("%d %p\n", getpid(), m);
	fflush(stdout);
	for (;;)
		pause();
}
