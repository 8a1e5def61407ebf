# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# For the jobs, which init runs with busybox sh: . /jobs/lib.sh
# Descriptor 3 is the result channel.

hm_info() { echo "INFO $1=$2" >&3; }

# hm_plan <test>: what must be reported later, or the run counts as failed.
hm_plan() { echo "PLAN $1 -" >&3; }

# hm_result <test> pass|fail|skip [reason]
hm_result() { echo "RESULT $1 $2 0 ${3:-}" >&3; }

# hm_check <test> <command...>: a test that passes, as this does, if the command
# succeeds.
hm_check() {
	hm_check_name=$1
	shift
	hm_plan "$hm_check_name"
	if "$@"; then
		hm_result "$hm_check_name" pass
	else
		hm_result "$hm_check_name" fail "$* failed"
		return 1
	fi
}

# hm_send <name>: standard input becomes a file of that name in the directory of
# the run's logs.
hm_send() { base64 -w 512 | sed "s/^/FILE $1 /" >&3; }

# hm_coverage: sends what ran of the module, loaded or not any more.
hm_coverage() {
	hm_gcov=/sys/kernel/debug/gcov
	[ -d $hm_gcov ] || return 0
	mkdir /tmp/gcda
	# Each has the size 0 until it is read.
	find $hm_gcov -name 'hm_*.gcda' | while read -r hm_data; do
		cat "$hm_data" >"/tmp/gcda/$(basename "$hm_data")"
	done
	tar cz -C /tmp/gcda . | hm_send gcda.tar.gz
}

# hm_load [parameters...]: what hugemap.ko depends on, then the module itself.
hm_load() {
	for hm_dep in $(modinfo /modules/hugemap.ko |
			sed -n 's/^depends: *//p' | tr , ' '); do
		modprobe "$hm_dep" || return 1
	done
	insmod /modules/hugemap.ko "$@"
}

# hm_load_all: with every kind of region there is. The second BAR gets struct
# pages: a function takes the value that `pages` has when it is bound. Tests that
# load the module use the same parameters.
hm_load_all() {
	hm_pci=/sys/bus/pci/drivers/hugemap
	export HM_MODARGS="region=system:1G,reserved:2G@4G,reserved:2G@6G:pages=on"
	# shellcheck disable=SC2086
	hm_load $HM_MODARGS &&
		echo 0000:00:06.0 >$hm_pci/unbind &&
		echo 1 >/sys/module/hugemap/parameters/pages &&
		echo 0000:00:06.0 >$hm_pci/bind &&
		echo 0 >/sys/module/hugemap/parameters/pages &&
		[ -c /dev/hugemap4 ]
}

# hm_kmemleak <test>: where the kernel looks for leaked memory, none is of the
# module: functions of one that has gone are bare addresses.
hm_kmemleak() {
	hm_leaks=/sys/kernel/debug/kmemleak
	[ -e $hm_leaks ] || return 0
	hm_plan "$1"
	# It tells of nothing that is younger, or that it sees the first time.
	sleep 6
	for hm_scan in 1 2 3; do
		echo scan >$hm_leaks && continue
		hm_result "$1" fail "cannot scan ($hm_scan)"
		return
	done
	awk '
		function flush() { if (ours) { printf "%s", text; n++ }
			text = ""; ours = trace = 0 }
		/^unreferenced object/ { flush() }
		{ text = text $0 "\n" }
		/^  backtrace/ { trace = 1 }
		trace && (/\[hugemap\]/ || / 0x[0-9a-f]+$/) { ours = 1 }
		END { flush(); exit n > 0 }' $hm_leaks >/tmp/leaks &&
		hm_result "$1" pass && return
	cat /tmp/leaks
	hm_result "$1" fail \
		"$(grep -c ^unreferenced /tmp/leaks) objects, see the console; the first: $(
		grep -m1 -E '\[hugemap\]| 0x[0-9a-f]+$' /tmp/leaks | xargs)"
}
