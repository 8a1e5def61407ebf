# SPDX-License-Identifier: GPL-2.0
# junit.awk <results>...: JUnit XML of the results of one or more suites. A line
# each, with tabs between:
#	suite NAME SECONDS TIMESTAMP [TEXT]
#	pass|fail|skip CLASS NAME SECONDS [WHY [KIND [FILE]]]
# KIND is the type of a failure; the end of FILE is what it said.

BEGIN { FS = "\t" }

function xml(s) {
	gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s)
	gsub(/>/, "\\&gt;", s); gsub(/"/, "\\&quot;", s)
	# Control characters are not allowed in XML at all, and what is no ASCII
	# may be no UTF-8.
	gsub(/[\001-\010\013-\037\177-\377]/, "?", s)
	return s
}

# The end of a file.
function tail(name,    line, n, i, s) {
	while ((getline line < name) > 0)
		keep[n++ % 100] = line
	close(name)
	for (i = n > 100 ? n - 100 : 0; i < n; i++)
		s = s "\n" keep[i % 100]
	return s
}

$1 == "suite" {
	name[++suites] = $2
	seconds[suites] = $3
	time[suites] = $4
	text[suites] = $5
	all_seconds += $3
	next
}

{
	tests[suites]++
	all++
	s = sprintf("<testcase classname=\"%s\" name=\"%s\" time=\"%.3f\"",
		xml($2), xml($3), $4)
	if ($1 == "fail") {
		failures[suites]++
		all_failures++
		s = s sprintf("><failure type=\"%s\" message=\"%s\">%s</failure></testcase>",
			xml($6 == "" ? "Fail" : $6), xml($5),
			xml($5 ($7 == "" ? "" : tail($7))))
	} else if ($1 == "skip") {
		skipped[suites]++
		s = s "><skipped message=\"" xml($5) "\"/></testcase>"
	} else {
		s = s "/>"
	}
	line[suites, tests[suites]] = s
}

END {
	print "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
	printf "<testsuites name=\"hugemap\" tests=\"%d\" failures=\"%d\" errors=\"0\" time=\"%.3f\">\n",
		all, all_failures, all_seconds
	for (i = 1; i <= suites; i++) {
		printf "<testsuite name=\"%s\" tests=\"%d\" failures=\"%d\" errors=\"0\" skipped=\"%d\" time=\"%.3f\" timestamp=\"%s\">\n",
			xml(name[i]), tests[i], failures[i], skipped[i],
			seconds[i], xml(time[i])
		for (k = 1; k <= tests[i]; k++)
			print line[i, k]
		if (text[i] != "")
			printf "<system-out>%s</system-out>\n", xml(text[i])
		print "</testsuite>"
	}
	print "</testsuites>"
}
