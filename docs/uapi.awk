# SPDX-License-Identifier: GPL-2.0
# awk -f uapi.awk uapi/drm/hugemap_drm.h: the reference in uapi.md, from the
# comments of the header (`make docs`). Offsets, sizes and request numbers are
# counted here: the header has no padding (lint@uapi).

function fail(what) {
	printf "%s:%d: %s\n", FILENAME, FNR, what >"/dev/stderr"
	failed = 1
	exit 1
}

function hex(s,    i, n) {
	if (s !~ /^0x/)
		return s + 0
	for (i = 3; i <= length(s); i++)
		n = n * 16 + index("0123456789abcdef", tolower(substr(s, i, 1))) - 1
	return n
}

# What kernel-doc marks, as code: %CONSTANT, &struct.member, @member; and what
# Markdown would take for emphasis: constants with a star at the end, types.
function markup(s,    out, word) {
	while (match(s, /[%&@][A-Za-z_][A-Za-z0-9_.]*[A-Za-z0-9_]|[A-Z]+_HUGEMAP_[A-Z_]*\*|__[su][0-9]+/)) {
		word = substr(s, RSTART, RLENGTH)
		sub(/^[%&@]/, "", word)
		out = out substr(s, 1, RSTART - 1) "`" word "`"
		s = substr(s, RSTART + RLENGTH)
	}
	return out s
}

function cell(s) {
	s = markup(s)
	gsub(/\|/, "\\|", s)
	return s
}

# The text of a comment: lines with their indentation.
function comment_line(s) {
	sub(/^[ \t]*\/\*\*?[ \t]?/, "", s)
	sub(/[ \t]*\*\/.*$/, "", s)
	sub(/^[ \t]*\*[ \t]?/, "", s)
	return s
}

function one_line(s) {
	gsub(/[ \t]*\n[ \t]*/, " ", s)
	gsub(/^[ \t\n]+|[ \t\n]+$/, "", s)
	return s
}

# A section of the page; constants that come next belong to it.
function section(title, body) {
	sub(/[ \t\n]+$/, "", body)
	n++
	titles[n] = title
	bodies[n] = body
	owner = n
	group = ""
}

function constant(name, value, text) {
	nr_constants++
	names[nr_constants] = name
	values[nr_constants] = value
	texts[nr_constants] = text
	# Without a comment they go with what is above them, else with the
	# structure below.
	owners[nr_constants] = owner
	groups[nr_constants] = group
}

function end_of_comment(    name) {
	if (text ~ /^DOC: /) {
		name = text
		sub(/\n.*/, "", name)
		sub(/^DOC: [^\n]*\n+/, "", text)
		section(substr(name, 6), text)
	} else if (text ~ /^struct [a-z_]+ - /) {
		split(text, word, " ")
		struct_name = word[2]
		sub(/^struct [a-z_]+ - /, "", text)
		struct_text = text
	} else if (in_struct) {
		member_text = text
		sub(/^@[a-z0-9_]+:[ \t]*/, "", member_text)
	} else if (text ~ /^@[A-Z_0-9]+:/) {
		constant_text = text
		sub(/^@[A-Z_0-9]+:[ \t]*/, "", constant_text)
		owner = 0
	} else {
		# A plain one: over the constants that follow, or nothing of ours.
		group = one_line(text)
		owner = 0
	}
	text = ""
}

function member(type, name,    size, dir, what) {
	size = sizes[type]
	if (!size)
		fail("a type of unknown size: " type)
	if (member_text == "")
		fail("no comment for " name)
	what = one_line(member_text)
	dir = "-"
	if (match(what, /^(in and out|in|out)(:|$)/)) {
		dir = substr(what, 1, RLENGTH)
		sub(/:$/, "", dir)
		what = substr(what, RLENGTH + 1)
		sub(/^ /, "", what)
	}
	table = table sprintf("| %d | `%s` | `%s` | %s | %s |\n", offset, name,
			      type, dir, cell(what))
	offset += size
	member_text = ""
}

function end_of_struct(    i) {
	section(struct_name, struct_text)
	tables[n] = table
	bytes[struct_name] = offset
	for (i = 1; i <= nr_constants; i++)
		if (!owners[i])
			owners[i] = n
	owner = 0
	in_struct = offset = 0
	table = ""
}

# The short name of an ioctl from that of its structure.
function ioctl_of(name) { return toupper(substr(name, length("drm_hugemap_") + 1)) }

function print_constants(of,    i, any, last) {
	for (i = 1; i <= nr_constants; i++) {
		if (owners[i] != of)
			continue
		if (!any++)
			printf "\n| constant | value | |\n|---|---|---|\n"
		if (groups[i] != last)
			printf "| | | *%s* |\n", cell(groups[i])
		last = groups[i]
		if (texts[i] == "" && names[i] ~ /_FLAGS$/)
			texts[i] = "all flags"
		if (texts[i] == "" && names[i] ~ /_COUNT$/)
			texts[i] = "how many there are"
		printf "| `%s` | `%s` | %s |\n", names[i], values[i],
		       cell(one_line(texts[i]))
	}
}

# Paragraphs about one constant each go into the table of constants.
function take_constants(of,    part, parts, i, j, name, rest) {
	parts = split(bodies[of], part, /\n\n+/)
	for (i = 1; i <= parts; i++) {
		name = part[i]
		if (name !~ /^%[A-Z_0-9]+: /) {
			rest = rest (rest == "" ? "" : "\n\n") part[i]
			continue
		}
		sub(/: .*/, "", name)
		sub(/^%[A-Z_0-9]+: /, "", part[i])
		for (j = 1; j <= nr_constants; j++)
			if (names[j] == substr(name, 2))
				texts[j] = part[i]
	}
	bodies[of] = rest
}

function request(name,    dir) {
	dir = dirs[name] == "IOWR" ? 3 : dirs[name] == "IOW" ? 1 : 2
	return sprintf("0x%04x%04x", dir * 16384 + bytes[structs[name]],
		       100 * 256 + 64 + hex(numbers[name]))
}

BEGIN {
	sizes["__u32"] = sizes["__s32"] = 4
	sizes["__u64"] = sizes["__s64"] = 8
}

# Comments, which begin and end on lines of their own or on one line.
!in_comment && /^[ \t]*\/\*/ { in_comment = 1; text = "" }
in_comment {
	line = comment_line($0)
	text = text == "" ? line : text "\n" line
	if (/\*\//) {
		in_comment = 0
		end_of_comment()
	}
	next
}

/^struct [a-z_]+ \{/ {
	if ($2 != struct_name)
		fail("no comment for struct " $2)
	in_struct = 1
	next
}
in_struct && /^\};/ { end_of_struct(); next }
in_struct && NF { sub(/;.*/, "", $2); member($1, $2); next }

# Requests, on one line or two.
/^#define DRM_IOCTL_HUGEMAP_/ {
	name = substr($2, length("DRM_IOCTL_HUGEMAP_") + 1)
	while (/\\$/ && (getline more) > 0) {
		sub(/\\$/, "")
		$0 = $0 " " more
	}
	match($0, /DRM_IO[A-Z]+\(/)
	dirs[name] = substr($0, RSTART + 4, RLENGTH - 5)
	match($0, /struct [a-z_]+/)
	structs[name] = substr($0, RSTART + 7, RLENGTH - 7)
	ioctls[++nr_ioctls] = name
	next
}

/^#define DRM_HUGEMAP_/ {
	value = $3
	what = constant_text
	if (match($0, /\/\*.*\*\//))
		what = comment_line(substr($0, RSTART, RLENGTH))
	if (group ~ /^Numbers of the ioctls/)
		numbers[substr($2, length("DRM_HUGEMAP_") + 1)] = value
	else
		constant($2, value, what)
	constant_text = ""
	next
}

END {
	if (failed)
		exit 1
	print "# The interface, call by call"
	print ""
	print "Generated from the comments of [`uapi/drm/hugemap_drm.h`](../uapi/drm/hugemap_drm.h) by `make docs`; `make lint` fails if it"
	print "is not what they say. How to use it: [getting started](getting-started.md), [dirty tracking](dirty-tracking.md),"
	print "[libhugemap](libhugemap.md)."
	print ""
	print "| ioctl | request | | structure, bytes | |"
	print "|---|---|---|---|---|"
	for (i = 1; i <= nr_ioctls; i++) {
		name = ioctls[i]
		if (!(name in numbers) || !bytes[structs[name]])
			fail(name ": no number, or no structure")
		for (j = 1; j <= n; j++)
			if (titles[j] == structs[name])
				what = bodies[j]
		sub(/\n.*/, "", what)
		printf "| [`%s`](#%s) | `%s` | %s | `%s`, %d | %s |\n", name,
		       tolower(name), request(name),
		       dirs[name] == "IOWR" ? "in, out" : "in", structs[name],
		       bytes[structs[name]], cell(what)
	}
	print ""
	print "The names are those of the requests without `DRM_IOCTL_HUGEMAP_`. A request number is for the structure as it is"
	print "here; the kernel accepts other sizes in it (below, Growing)."
	for (i = 1; i <= n; i++) {
		name = titles[i]
		if (!(i in tables))
			take_constants(i)
		body = markup(bodies[i])
		# The first line of a structure is no sentence.
		if (i in tables && body !~ /^[^\n]*\?/)
			sub(/$|\n/, ".&", body)
		if (!(i in tables)) {
			printf "\n## %s\n\n%s\n", name, body
			print_constants(i)
			continue
		}
		if (ioctl_of(name) in structs)
			printf "\n## %s\n\n`struct %s`: ", ioctl_of(name), name
		else
			printf "\n### struct %s\n\n", name
		if (!(ioctl_of(name) in structs))
			body = toupper(substr(body, 1, 1)) substr(body, 2)
		print body
		print "\n| offset | member | type | in, out | |\n|---|---|---|---|---|"
		printf "%s", tables[i]
		print_constants(i)
	}
}
