# SPDX-License-Identifier: GPL-2.0
# Reads what is known of the tests (igt-tests/ci), the result channel, then the
# console, of one run and decides. Writes $dir/failures, $dir/skips, $dir/passes,
# $dir/counts and $dir/junit (for junit.awk); fails on failure.
# Variables: file (1: the channel, 2: the console, 3: the list of fails, 4: of
# flakes), dir, kernel, job, ended (how QEMU ended: ok, timeout, no-init for a guest
# that never came to it, status-N), started and seconds (of the run).

function add(name, verdict, ms, why) {
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

# The word that the lists of drm/ci have for a failure.
function status(why) {
	if (why ~ /^(TIMEOUT|timeout)/)
		return "Timeout"
	if (why ~ /^(CRASH|crash|killed by signal|abort)/)
		return "Crash"
	return "Fail"
}

function flaky(name,    i) {
	for (i = 1; i <= flakes; i++)
		if (name ~ flake[i])
			return 1
	return 0
}

# A failure we know of is not one; a fail that passes is. The dynamic subtests
# come before what they are parts of.
function judge(i,    name, whole) {
	name = order[i]
	whole = name
	sub(/@[^@]*$/, "", whole)
	if (v[i] == "pass" && name in expected_to) {
		v[i] = "fail"
		reason[i] = "passes, is in the list of fails"
		return
	}
	if (v[i] != "fail")
		return
	if (name in expected_to && expected_to[name] != status(reason[i])) {
		reason[i] = "not " expected_to[name] ", as the list of fails has it: " reason[i]
	} else if (name in expected_to) {
		v[i] = "skip"; reason[i] = "expected to fail: " reason[i]
	} else if (flaky(name)) {
		v[i] = "skip"; reason[i] = "known to be flaky: " reason[i]
	} else if (known[name] && !unknown[name] && reason[i] == "FAIL") {
		# It failed because of its dynamic subtests and nothing else.
		v[i] = "skip"; reason[i] = "known failures of its parts"
	}
	if (v[i] == "skip")
		known[whole] = 1
	else
		unknown[whole] = 1
}

# ---- the lists ----
file >= 3 { sub(/\r$/, "") }
file >= 3 && /^#|^$/ { next }
file == 3 && /^[^,]+,(Fail|Crash|Timeout)$/ { split($0, p, ","); expected_to[p[1]] = p[2]; next }
file == 3 { fail("guest@lists", "list of fails: not understood: " $0); next }
file == 4 { flake[++flakes] = "^(" $0 ")$"; next }

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
file == 1 && /^FILE [^ \/]+ [A-Za-z0-9+\/=]+$/ {
	print $3 >(dir "/" $2 ".b64")
	next
}
file == 1 && /^END / { end = $2; ended_at = FNR; next }
file == 1 { protocol("not understood: " $0); next }

# ---- the console: only the kernel's own lines, and not what run-guest did to one
# that hung ----
(ended == "timeout" || ended == "no-init") && /panic - not syncing: NMI:/ { next }
/^\[ *[0-9]+\.[0-9]+\]/ && !/\] (\[IGT\]|hm-run:) / &&
/Kernel panic - not syncing|Oops: |kernel BUG at|(^|[^A-Za-z])BUG: |general protection/ {
	sub(/\r$/, "")
	if (!oops++)
		oops_line = $0
}

END {
	for (i = 1; i <= n; i++)
		if (order[i] ~ /@.*@/)
			judge(i)
	for (i = 1; i <= n; i++)
		if (order[i] !~ /@.*@/)
			judge(i)
	for (i = 1; i <= plans; i++)
		if (!(plan[i] in seen))
			fail(plan[i], "planned, never reported")
	for (i = 1; i <= splats; i++)
		fail("guest@kernel-log", splat[i])
	if (oops)
		fail("guest@console", oops_line)
	if (ended != "ok")
		fail("guest@exit", ended ~ /^status/ ? "QEMU: " ended : ended)
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

	for (i = split("failures skips passes", list, " "); i; i--)
		printf "" > (dir "/" list[i])
	list["fail"] = "/failures"; list["skip"] = "/skips"; list["pass"] = "/passes"
	out = dir "/junit"
	printf "suite\t%s on %s\t%d\t%s\t%s\n", job, kernel, seconds, started, dir > out
	for (i = 1; i <= n; i++) {
		count[v[i]]++
		binary = test = order[i]
		sub(/@.*/, "", binary)
		sub(/^[^@]*@/, "", test)
		gsub(/\t/, " ", reason[i])
		print v[i] "\t" kernel "." binary "\t" test "\t" t[i] / 1000 "\t" \
			reason[i] "\t" status(reason[i]) "\t" \
			(binary == "guest" && v[i] == "fail" ? dir "/console" : "") > out
		print order[i] (v[i] == "pass" ? "" : "\t" reason[i]) > (dir list[v[i]])
	}
	print count["pass"] + 0, count["fail"] + 0, count["skip"] + 0 > (dir "/counts")
	exit count["fail"] > 0
}
