# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Shared by the scripts of this directory; source it, do not run it.
#
# Everything below $HM_CACHE is made in a temporary name and renamed when it
# is complete, under a lock: an interrupted run leaves nothing half made, and
# two runs at once make each thing once.

# Used by the scripts that source this file.
# shellcheck disable=SC2034
VM=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
TOP=$(readlink -f "$VM/../..")
HM_CACHE=${HM_CACHE:-${HOME:-/root}/.cache/hugemap}
PROG=$(basename "$0")
mkdir -p "$HM_CACHE"/{apt,kernels,chroots,build,initramfs,logs,lock,tmp}

note() { printf '%s: %s\n' "$PROG" "$*" >&2; }
die() { note "$@"; exit 1; }

need_root() {
	[ "$(id -u)" = 0 ] || die "must be root: mounts and chroots are made"
}

need_tools() {
	local t missing=()

	for t; do
		command -v "$t" >/dev/null || missing+=("$t")
	done
	[ ${#missing[@]} = 0 ] ||
		die "missing: ${missing[*]} ('make setup' as root installs them)"
}

# take_lock <name>: held until drop_lock or the end of the script. (Not a
# wrapper around a command: "f || rc=$?" would switch off errexit inside f.)
take_lock() {
	exec {HM_LOCK}>"$HM_CACHE/lock/${1//\//_}"
	flock "$HM_LOCK"
}

drop_lock() { exec {HM_LOCK}>&-; }

# new_tmp: sets tmp to a new empty directory on the file system of the cache,
# gone when the script ends. Those of killed runs are removed on the way: the
# name carries the pid of the owner.
new_tmp() {
	local d owner

	for d in "$HM_CACHE"/tmp/*.*; do
		owner=$(basename "${d%.*}")
		[ ! -d "$d" ] || [ -d "/proc/$owner" ] || remove "$d"
	done
	tmp=$(mktemp -d "$HM_CACHE/tmp/$$.XXXXXX")
	HM_TMPS+=("$tmp")
	trap 'remove "${HM_TMPS[@]}"' EXIT
}

# Should something be mounted below after all, it is left alone.
remove() { rm -rf --one-file-system "$@"; }

# Hash of the names and the content of files and directories, without what a
# developer's own build leaves there.
hash_of() {
	find "$@" -type f ! -name '*.o' ! -name '*.ko' ! -name '*.mod' \
		! -name '*.mod.c' ! -name '.*.cmd' ! -name '*.a' -print0 |
		LC_ALL=C sort -z | xargs -0r sha256sum | sha256sum | cut -c1-16
}

# copy_tree <dir>: what git has or would take, into the new directory.
copy_tree() {
	need_tools git
	mkdir "$1"
	git -C "$TOP" ls-files -co --exclude-standard -z |
		(cd "$TOP" && xargs -0 cp --parents -t "$1")
}

# archive <dir>: as cpio, to standard output, owned by root.
archive() { (cd "$1" && find . -mindepth 1 | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0); }

kernel_ids() { awk '!/^#/ && NF { print $1 }' "$VM/kernels.tbl"; }

# "<id>-<variant>" is the kernel <id> of the table, built by us (build-kernel):
# stock, patched, debug, patched-debug; tree is what the user built himself.
# Nothing runs on one that is not asked for by name.
is_own() { [ "${1#*-}" != "$1" ]; }
is_debug() { [ "${1%-debug}" != "$1" ]; }
is_patched() { [[ $1 == *-patched* ]]; }

# own_config <id>: what our configurations ask for on this kernel.
own_config() {
	local files=("$VM/kernel.config")

	! is_debug "$1" || files+=("$VM/debug.config")
	echo "CONFIG_LOCALVERSION=\"-${1#*-}\""
	awk -v id="${1%%-*}" '
		sub(/^#only /, " ") { skip = !index($0, " " id " "); next }
		!skip && /^CONFIG_/ { print }
		{ skip = 0 }' "${files[@]}"
}

# own_patches <id>: the series for this kernel, in order.
own_patches() {
	! is_patched "$1" || find "$TOP/mm-patches/${1%%-*}" -name '*.patch' | LC_ALL=C sort
}

# kernel_row <id>: sets SUITE.
kernel_row() {
	SUITE=$(awk -v id="${1%%-*}" '$1 == id { print $2 }' "$VM/kernels.tbl")
	[ -n "$SUITE" ] || die "no kernel '$1'; there are: $(kernel_ids | xargs)"
	case $1 in
	*-*)
		case ${1#*-} in
		stock | patched | debug | patched-debug | tree) ;;
		*) die "no kernel '$1': -stock, -patched, -debug, -patched-debug, -tree" ;;
		esac
		;;
	esac
	! is_patched "$1" || [ -d "$TOP/mm-patches/${1%%-*}" ] ||
		die "$1: no patches in mm-patches/${1%%-*}"
}

# load_kernel <id>: fetches it; sets SUITE, KERNEL_DIR and what
# resolve-kernel found: RELEASE, VERSION, IMAGE, MORE, HEADERS.
load_kernel() {
	kernel_row "$1"
	KERNEL_DIR=$("$VM/fetch-kernel" "$1")
	# shellcheck source=/dev/null
	. "$KERNEL_DIR/info"
}

# guest_lines <kernel-id> <options of run-guest...>: the module and the tests in a
# guest, and what became of it as PASS, SKIP and FAIL lines. T: globs of names.
# False if anything failed.
guest_lines() {
	local id=$1 log module tests rc=0

	shift
	rm -f "$tmp/log"
	module=$("$VM/build-module" "$id") || return 1
	tests=$("$VM/build-tests") || return 1
	HM_LOGDIR_FILE=$tmp/log "$VM/run-guest" --kernel "$id" --module "$module" \
		--tests "$tests" --env "HM_TESTS=${T:-}" "$@" || rc=1
	log=$(cat "$tmp/log") && [ -f "$log/counts" ] || return 1
	[ -z "${HM_STEP_DIR:-}" ] || cp "$log/junit" "$HM_STEP_DIR/$id.junit"
	sed "s/^/PASS $id:/" "$log/passes"
	sed "s/^/SKIP $id:/; s/\t/ /" "$log/skips"
	sed "s/^/FAIL $id:/; s/\t/ /" "$log/failures"
	return "$rc"
}

# each_kernel <command> <kernel-id...>: the command with each of them; false if it
# was false once.
each_kernel() {
	local command=$1 id rc=0

	shift
	for id in "$@"; do
		"$command" "$id" || {
			rc=1
			note "$id: failed"
		}
	done
	return "$rc"
}

# criu_headers <archive> <dir>: from the archive of clients, what our plugin of
# CRIU is built with; not every Debian has it.
criu_headers() {
	mkdir -p "$2/all"
	(cd "$2/all" && cpio -i --quiet -d 'clients/usr/include/criu/*') <"$1"
	mv "$2/all/clients/usr/include/criu" "$2/"
	rm -r "$2/all"
}

# install_tools <root> <build directory>: hugemapctl and libhugemap, and with
# CRIU_INCLUDE the plugin of CRIU.
install_tools() { make -s -C "$TOP/tools" O="$2" DESTDIR="$1" PREFIX=/usr install; }

# complete_tools <root> [program...]: what a guest needs to run those that are
# installed there, and the programs: jq, and every library, from this machine.
complete_tools() {
	local root=$1 file

	shift
	cp "$(command -v jq)" "$root/usr/bin/"
	# The guest has programs in /bin alone.
	mkdir -p "$root/bin"
	cp "$root"/usr/bin/* "$root/bin/"
	LD_LIBRARY_PATH=$root/usr/lib ldd "$root"/usr/bin/* "$@" |
		grep -o '/[^ ]*\.so[^ ]*' | grep -v "^$root/" | sort -u |
		while read -r file; do
			mkdir -p "$root$(dirname "$file")"
			cp -L "$file" "$root$file"
		done
}
