# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Shared by the scripts that run in a chroot (dkms-inside, deb-inside): results.
# They set what, the first part of every name; failed is 1 when a step has failed.

# Used by the scripts that source this file.
# shellcheck disable=SC2034
log=/tmp/step.log
failed=0

# say PASS|FAIL <name> [<reason>]: of a failure what was printed, to stderr.
say() {
	if [ "$1" = FAIL ]; then
		failed=1
		tail -n 30 "$log" /var/lib/dkms/*/*/build/make.log \
			/var/lib/dkms/*/*/*/*/log/make.log >&2 2>/dev/null || true
	fi
	# shellcheck disable=SC2154
	echo "$1 $what@$2${3:+ $3}"
}

# step <name> <command...>: not "command || rc=$?", where a function would go on
# after a failure.
step() {
	local n=$1 rc=0

	shift
	"$@" >"$log" 2>&1 </dev/null &
	wait $! || rc=$?
	if [ $rc = 0 ]; then
		say PASS "$n"
	else
		say FAIL "$n" "exit status $rc"
	fi
	return 0
}
