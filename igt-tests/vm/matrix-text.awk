# SPDX-License-Identifier: GPL-2.0
# Cells of hm_matrix (see matrix-report) as a table of what differs between the
# columns: a row for each operation and page size whose cells are not all the same.
# What was not tried is told below. Fails if a cell is not as expected.
BEGIN { FS = "|" }

{
	col = $2 ($3 == "device" ? "" : " " $3)
	if (!(col in seen)) { seen[col] = 1; cols[++nc] = col }
	kernel = $1
	row = $4 "|" $5
	if (!(row in row_seen)) { row_seen[row] = 1; rows[++n] = row }
	was[row, col] = $6 == "skip" ? "not tried [" note($8) "]" : $7
	if ($6 == "fail") {
		was[row, col] = $7 " !"
		wrong[++bad] = $5 " of " $4 " on " col ": " $7 ", expected " $8
	}
	total[col]++
}

function note(why) {
	if (!(why in number)) { number[why] = ++notes; text[notes] = why }
	return number[why]
}

END {
	printf "Linux %s, what differs:\n%-4s %-32s", kernel, "", ""
	for (c = 1; c <= nc; c++)
		printf " %-16s", cols[c]
	print ""
	for (i = 1; i <= n; i++) {
		split(rows[i], r, "|")
		first = ""; differ = 0
		for (c = 1; c <= nc; c++) {
			w = was[rows[i], cols[c]]
			if (w == "")
				continue
			if (first == "")
				first = w
			differ += w != first
		}
		if (!differ) { same++; continue }
		printf "%-4s %-32s", r[1], r[2]
		for (c = 1; c <= nc; c++) {
			w = was[rows[i], cols[c]]
			printf " %-16s", w == "" ? "-" : w
		}
		print ""
	}
	for (i = 1; i <= notes; i++)
		printf "[%d] %s\n", i, text[i]
	for (i = 1; i <= bad; i++)
		print "NOT AS EXPECTED: " wrong[i]
	printf "%d operations are the same on all, %d are not;", same, n - same
	for (c = 1; c <= nc; c++)
		printf " %s %d cells%s", cols[c], total[cols[c]], c < nc ? "," : ";"
	printf " %d not as expected\n", bad
	exit bad > 0
}
