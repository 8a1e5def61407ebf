# SPDX-License-Identifier: GPL-2.0
# Reads the result channel, then the console, of one run and decides. Writes
# $dir/failures, $dir/skips, $dir/counts and $dir/junit.xml; fails on failure.
# Variables: file (1: the channel, 2: the console), dir, kernel, job, ended (how
# QEMU ended: ok, timeout, status-N).

function xml(s) {
	gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s)
	gsub(/>/, "\\&gt;", s); gsub(/"/, "\\&quot;", s)
	# Control characters are not allowed in XML at all.
	gsub(/[\001-\010\013-\037]/, "?", s)
	return s
}

function add(name, verdict, ms, why) {
	count[verdict]++
	order[++n] = name
	v[n] = verdict; t[n] = ms; reason[n] = why
	seen[name] = 1
}

function fail(name, why) { add(name, "fail", 0, why) }

# One failure is enough: the channel may be full of anything.
function protocol(why) { if (!bad_lines++) fail("guest@protocol", why) }

function rest(from,    s, i) {
	s = $0
	for (i = 1; i < from; i++)
		sub(/^[^ ]+ ?/, "", s)
	return s
}

# ---- the channel ----
file == 1 && ended_at { protocol("after END: " $0); next }
file == 1 && /^PLAN [^ ]+ [^ ]+$/ {
	name = $3 == "-" ? $2 : $2 "@" $3
	if (!(name in planned))
		plan[++plans] = name
	planned[name] = 1
	next
}
file == 1 && /^RESULT [^ ]+ (pass|fail|skip) [0-9]+/ {
	add($2, $3, $4, rest(5))
	next
}
file == 1 && /^SPLAT / { splat[++splats] = rest(2); next }
file == 1 && /^TAINT [0-9]+$/ { taint = $2; tainted = 1; next }
file == 1 && /^INFO / { next }
file == 1 && /^END / { end = $2; ended_at = FNR; next }
file == 1 { protocol("not understood: " $0); next }

# ---- the console: only the kernel's own lines ----
/^\[ *[0-9]+\.[0-9]+\]/ && !/\] (\[IGT\]|hm-run:) / &&
/Kernel panic - not syncing|Oops: |kernel BUG at|(^|[^A-Za-z])BUG: |general protection/ {
	sub(/\r$/, "")
	if (!oops++)
		oops_line = $0
}

END {
	for (i = 1; i <= plans; i++)
		if (!(plan[i] in seen))
			fail(plan[i], "planned, never reported")
	for (i = 1; i <= splats; i++)
		fail("guest@kernel-log", splat[i])
	if (oops)
		fail("guest@console", oops_line)
	if (ended != "ok")
		fail("guest@exit", ended == "timeout" ? "timeout" : "QEMU: " ended)
	if (!ended_at)
		fail("guest@end", "the guest died: no END")
	else if (end != "ok")
		fail("guest@end", end)
	else if (!n)
		fail("guest@end", "no results at all")
	# O (out of tree) and E (unsigned) are what our module is, N (a test) is
	# what KUnit's are; U (by the user) is the parameter that the job for
	# the mm patches gives ours.
	expected = 4096 * (int(taint / 4096) % 2) + 8192 * (int(taint / 8192) % 2)
	if (job == "check")
		expected += 262144 * (int(taint / 262144) % 2)
	if (job == "mm")
		expected += 64 * (int(taint / 64) % 2)
	if (tainted && taint - expected)
		fail("guest@taint", "kernel tainted: " taint)
	else if (ended_at && !tainted)
		fail("guest@taint", "not reported")

	printf "" > (dir "/failures"); printf "" > (dir "/skips")
	out = dir "/junit.xml"
	printf "<?xml version=\"1.0\"?>\n<testsuite name=\"%s %s\" tests=\"%d\" failures=\"%d\" skipped=\"%d\">\n",
		xml(kernel), xml(job), n, count["fail"], count["skip"] > out
	for (i = 1; i <= n; i++) {
		printf "<testcase name=\"%s\" time=\"%.3f\"", xml(order[i]), t[i] / 1000 > out
		if (v[i] == "pass") {
			print "/>" > out
			continue
		}
		printf "><%s message=\"%s\"/></testcase>\n",
			v[i] == "fail" ? "failure" : "skipped", xml(reason[i]) > out
		print order[i] "\t" reason[i] > (dir (v[i] == "fail" ? "/failures" : "/skips"))
	}
	print "</testsuite>" > out
	print count["pass"] + 0, count["fail"] + 0, count["skip"] + 0 > (dir "/counts")
	exit count["fail"] > 0
}
