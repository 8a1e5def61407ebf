# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# For the jobs, which init runs with busybox sh: . /jobs/lib.sh
# Descriptor 3 is the result channel.

hm_info() { echo "INFO $1=$2" >&3; }

# hm_plan <test>: what must be reported later, or the run counts as failed.
hm_plan() { echo "PLAN $1 -" >&3; }

# hm_result <test> pass|fail|skip [reason]
hm_result() { echo "RESULT $1 $2 0 ${3:-}" >&3; }

# hm_check <test> <command...>: a test that passes if the command succeeds.
hm_check() {
	hm_check_name=$1
	shift
	hm_plan "$hm_check_name"
	if "$@"; then
		hm_result "$hm_check_name" pass
	else
		hm_result "$hm_check_name" fail "$* failed"
	fi
}

# hm_load [parameters...]: what hugemap.ko depends on, then the module itself.
hm_load() {
	for hm_dep in $(modinfo /modules/hugemap.ko |
			sed -n 's/^depends: *//p' | tr , ' '); do
		modprobe "$hm_dep" || return 1
	done
	insmod /modules/hugemap.ko "$@"
}
