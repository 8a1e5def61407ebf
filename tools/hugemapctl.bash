# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of hugemapctl for bash.

# Regions, and the DRM devices they are on.
_hugemapctl_targets() {
	local r

	for r in /sys/class/hugemap/hugemap*; do
		[ ! -e "$r" ] || printf '%s\n' "${r##*/}"
	done
	[ -z "${HUGEMAP_DMABUF:-}" ] || echo object
}

_hugemapctl_renders() {
	local r

	for r in /sys/class/hugemap/hugemap*/device/drm/renderD*; do
		[ ! -e "$r" ] || printf '%s\n' "${r##*/}"
	done | sort -u
}

_hugemapctl_trackers() {
	local s

	for s in "/run/hugemapctl/" "${XDG_RUNTIME_DIR:-/nonexistent}/hugemapctl/"; do
		[ ! -r "$s" ] || (cd "$s" && printf '%s\n' [0-9]*)
	done
}

_hugemapctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]} words='' common="--json --quiet --progress --help --usage --version"

	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		words="list info alloc map prefault dirty top heat checkpoint restore bench"
		[[ $cur != -* ]] || words="--help --usage --version"
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		return
	fi
	case $prev in
	--order | -o)
		if [ "$command" != heat ]; then
			mapfile -t COMPREPLY < <(compgen -W "4K 2M 1G any" -- "$cur")
			return
		fi
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--granule | -g)
		mapfile -t COMPREPLY < <(compgen -W "4K 64K 2M 1G" -- "$cur")
		return
		;;
	--output | --bitmap | --verify | --compact)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--offset | -s | --length | -l | --rounds | -r | --interval | -i | --count | -c | \
	--hold | --notify | --max-over | --number | -n)
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		case $command in
		alloc) words="--contiguous --hold --order" ;;
		map | prefault) words="--offset --length --order --write --hold" ;;
		dirty) words="--granule --offset --length --all --writable --adaptive --max-over
			--peek --retry --bitmap --interval --count --notify" ;;
		top) words="--interval --count --once" ;;
		heat) words="--granule --offset --length --writable --rounds --interval --output" ;;
		checkpoint) words="--rounds --interval --writable --verify --compact" ;;
		restore) words="--number --dry-run" ;;
		bench) words="--length" ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$words $common" -- "$cur")
		return
	fi
	case $command in
	dirty)
		if [ "$COMP_CWORD" = 2 ]; then
			words="start sync watch list stop"
		else
			case ${COMP_WORDS[2]} in
			sync | stop) words=$(_hugemapctl_trackers) ;;
			*) words=$(_hugemapctl_targets) ;;
			esac
		fi
		;;
	alloc) words=$(_hugemapctl_renders) ;;
	restore | checkpoint)
		words=$(_hugemapctl_targets)
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur"; compgen -f -- "$cur")
		return
		;;
	*) words=$(_hugemapctl_targets) ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -o filenames -F _hugemapctl hugemapctl
