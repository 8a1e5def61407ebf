# SPDX-License-Identifier: GPL-2.0
# What a user types. kbuild reads Kbuild, never this file.

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
K ?=
T ?=
PREFIX ?= /usr/local
VM := igt-tests/vm
export K T

modules: ## build hugemap.ko for the running kernel (KVER=, KDIR=: another)
	@test -e "$(KDIR)/Makefile" || { \
		echo "no kernel headers in $(KDIR): install them or set KDIR=" >&2; \
		exit 1; }
	$(MAKE) -C "$(KDIR)" M="$(CURDIR)" modules

install: modules_install

modules_install: ## install the module for that kernel (as root)
	$(MAKE) -C "$(KDIR)" M="$(CURDIR)" modules_install
	depmod "$(KVER)"

demo: ## show what it does in a guest (K=6.1: on which kernel)
	@$(VM)/setup
	@$(VM)/demo $(K)

demo-migrate: ## copy memory while a process writes it, by dirty tracking
	@$(VM)/setup
	@$(VM)/demo "$(K)" demo-migrate

check: ## all tests; K=6.1: guest tests of one kernel; T=binary[@subtest]
	@$(VM)/check

check-full: ## all tests on all kernels, those for debugging too, and all else (hours)
	@$(VM)/check full

kernel: ## build a kernel: K=6.1 [V=patched|stock] [C=plain|debug]
	@$(VM)/setup
	@id=$$($(VM)/kernel-id "$(K)" "$(V)" "$(C)") && $(VM)/build-kernel "$$id"

check-igt: ## our tests by Debian sid's igt_runner (K=7.2, T=, HM_LIST=all)
	@$(VM)/setup
	@$(VM)/check-igt $(K)

check-mm: ## the mm patches, before and after (K=6.1: of one kernel, T=P2)
	@$(VM)/setup
	@$(VM)/check-mm

unit: ## tests of the pure parts, in user space
	@$(MAKE) -s -C drivers/hugemap/tests check

lint: ## static checks
	@$(VM)/setup lint
	@$(VM)/lint

check-clients: ## fio, QEMU, gdb, CRIU, memtester, stress-ng on the nodes (K=7.3)
	@$(VM)/setup
	@$(VM)/check-clients $(K)

check-devices: ## the same operations on hugemap, device-dax, vfio-pci (K=7.3)
	@$(VM)/setup
	@$(VM)/check-devices

matrix-report: ## draw what hm_matrix found in the newest run of each kernel
	@$(VM)/matrix-report

bench: ## measure, beside others who map memory (K=6.1: on which kernel)
	@$(VM)/setup bench
	@bench/bench $(K)

bench-check: ## count instructions again and compare with what is committed
	@$(VM)/setup
	@bench/bench --check $(K)

matrix: ## build for every kernel of the table and say what became of it
	@$(VM)/setup
	@$(VM)/matrix

dkms-check: ## add, build, install and remove with DKMS, on every kernel
	@$(VM)/setup
	@$(VM)/check-dkms $(K)

selftest: ## prove that the test harness can fail
	@$(VM)/setup
	@$(VM)/selftest $(K)

fuzz: ## a million random operations on each kernel (K=, OPS=, SEED=)
	@$(VM)/setup
	@$(VM)/fuzz

mutants: ## prove that the suite notices faults of the driver (K=, T=vma-*)
	@$(VM)/setup
	@$(VM)/mutants

setup: ## install the packages the tests need (as root)
	@$(VM)/setup lint

tools: ## build hugemapctl and libhugemap in build/tools
	@$(MAKE) -C tools PREFIX="$(PREFIX)"

tools-install: ## install them (PREFIX=/usr/local, DESTDIR=)
	@$(MAKE) -C tools PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" install

check-hugemapctl: ## test them, in a guest too, and what docs/ shows of them
	@$(VM)/setup
	@$(VM)/check-hugemapctl $(K)

docs: ## the reference in docs/uapi.md again, from the ABI header
	@awk -f docs/uapi.awk uapi/drm/hugemap_drm.h >docs/uapi.md.new
	@mv docs/uapi.md.new docs/uapi.md

deb: ## build the Debian packages in build/deb, in a chroot (as root)
	@$(VM)/setup
	@$(VM)/build-deb

check-deb: ## the same, and install, use and remove them (K=6.12: Debian 13)
	@$(VM)/setup
	@$(VM)/check-deb $(K)

clean: ## remove what was built here (the cache in ~/.cache/hugemap stays)
	@find Kbuild drivers uapi -name '*.o' -o -name '.*.cmd' -o -name '*.mod' \
		-o -name '*.mod.c' -o -name '*.ko' | xargs -r rm -f
	@rm -f *.o *.ko *.mod *.mod.c .*.cmd Module.symvers modules.order
	@rm -rf build/deb build/tools

help: ## this list
	@awk -F ':.*## ' '/^[a-z_-]+:.*## / { printf "%-17s %s\n", $$1, $$2 }' Makefile

.PHONY: modules install modules_install demo demo-migrate check check-full \
	bench bench-check check-clients check-deb check-devices check-hugemapctl \
	check-igt check-mm deb dkms-check docs fuzz kernel lint matrix matrix-report \
	mutants unit selftest setup tools tools-install clean help
