# SPDX-License-Identifier: GPL-2.0
# Cells of hm_matrix (see matrix-report) as one HTML page: rows are operation and
# page size, columns kernel, region, node, tracked or not. Fails if a cell is not
# as expected. Variable: date.
BEGIN {
	FS = "|"
	split("1G,2M,4K", orders, ",")
	split("flat,flat tracked,gem,gem tracked,dma-buf,dma-buf tracked", nodes, ",")
}

function esc(s) {
	gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s)
	gsub(/>/, "\\&gt;", s); gsub(/"/, "\\&quot;", s)
	return s
}

{
	if (!($1 in kernel_seen)) { kernel_seen[$1] = 1; kernels[++nk] = $1 }
	if (!($2 in region_seen)) { region_seen[$2] = 1; regions[++nr] = $2 }
	if ($5 != "*" && !($5 in op_seen)) { op_seen[$5] = 1; ops[++no] = $5 }
	cell[$1, $2, $3, $4, $5] = $6 "|" $7 "|" $8
	ran[$1, $2, $3, $4] = 1
}

# Colour and letter of an outcome: what it gave, and what maps the memory then.
function kind(was, order,    w) {
	split(was, w, " ")
	if (w[1] != "ok")
		return "refused"
	if (w[2] == order)
		return "kept"
	return w[2] ~ /4K/ && w[2] !~ /2M/ ? "small" : "cut"
}

function draw(k, r, n, o, op,    c, p, class, title, text) {
	c = cell[k, r, n, o, op]
	if (c == "")
		c = cell[k, r, n, o, "*"]
	title = op ", " o " pages of " r ", " n ", " k ": "
	if (c == "" && !ran[k, r, n, o]) {
		class = "none"; text = ""; title = title "not run"
	} else if (c == "") {
		class = "bad"; text = "?"; title = title "no result"
	} else {
		split(c, p, "|")
		if (p[1] == "skip") {
			class = "skip"; text = ""; title = title "not tried: " p[3]
		} else {
			class = kind(p[2], o)
			text = class == "refused" ? "e" : ""
			title = title p[2]
			if (p[1] != "pass") {
				class = "bad"; text = "!"
				title = title ", expected " p[3]
			}
		}
	}
	total[class]++
	last = n == nodes[6] ? r == regions[nr] ? " class=K" : " class=R" : ""
	return "<td" last "><i class=" class " title=\"" esc(title) "\">" text "</i>"
}

function legend(class, text, what) {
	return "<span><i class=" class ">" text "</i> " what ": " total[class] + 0 "</span>\n"
}

END {
	for (i = 1; i <= no; i++) {
		for (o = 1; o <= 3; o++) {
			body = body "<tr" (o == 3 ? " class=O" : "") ">"
			if (o == 1)
				body = body "<th rowspan=3 class=op>" esc(ops[i])
			body = body "<th class=order>" orders[o]
			for (k = 1; k <= nk; k++)
				for (r = 1; r <= nr; r++)
					for (n = 1; n <= 6; n++)
						body = body draw(kernels[k], regions[r], nodes[n], orders[o], ops[i])
			body = body "\n"
		}
	}
	print "<!DOCTYPE html>\n<html lang=en><meta charset=utf-8><title>hugemap: operations on mappings</title>"
	print "<style>"
	print ":root { color-scheme: light dark; --bg: #fff; --fg: #222; --dim: #777; --line: #bbb; --kept: #2e9e5b; --cut: #e8c547; --small: #e0903c; --refused: #7d9fd1; --skip: #ddd }"
	print "@media (prefers-color-scheme: dark) { :root { --bg: #181a1b; --fg: #ddd; --dim: #999; --line: #555; --kept: #2c8a52; --cut: #b3962b; --small: #b06d28; --refused: #4f71a8; --skip: #3a3d3f } }"
	print "body { background: var(--bg); color: var(--fg); font: 13px/1.4 sans-serif; margin: 1.5em }"
	print "table { border-collapse: collapse } th { font-weight: normal; text-align: left; white-space: nowrap }"
	print "td { padding: 0 } td.R { border-right: 1px solid var(--line) } td.K { border-right: 4px double var(--fg) }"
	print "tr.O > * { border-bottom: 1px solid var(--line) } th.op { border-bottom: 1px solid var(--line); padding-right: 1em; vertical-align: middle }"
	print "th.order { color: var(--dim); font-size: 10px; padding-right: .6em }"
	print "thead { position: sticky; top: 0; background: var(--bg) } thead th { text-align: center; font-size: 9px; border: 0 solid var(--line) } thead tr.k th { font-size: 15px; font-weight: bold } thead th.R { border-right-width: 1px } thead th.K { border-right: 4px double var(--fg) }"
	print "thead tr.n th { writing-mode: vertical-rl; padding: 2px 0; color: var(--dim); font-size: 9px }"
	print "i { display: inline-block; width: 9px; height: 10px; margin: 0 1px 0 0; vertical-align: top; font: bold 8px/10px sans-serif; text-align: center; color: #fff }"
	print ".kept { background: var(--kept) } .cut { background: var(--cut) } .small { background: var(--small) } .refused { background: var(--refused) } .skip { background: var(--skip) } .none { box-shadow: inset 0 0 0 1px var(--skip) } .bad { background: #d00; outline: 2px solid #d00 }"
	print ".legend span { margin-right: 1.6em } .legend i, h1 { vertical-align: -1px } h1 { font-size: 20px; margin: 0 }"
	print "</style>"
	bad = total["bad"] + 0
	printf "<h1>What operations do to mappings: %s%s</h1>\n",
		bad ? bad " cells are not as expected" : "as expected",
		total["none"] ? ", " total["none"] " cells not run" : ""
	printf "<p>%s. Rows: operation and size of the pages that mapped the memory before. Columns: kernel, kind of region, and how it is mapped (the region's flat window, a GEM object, a dma-buf), &ldquo;t&rdquo; while a tracker watches each 4 KiB. Point at a cell for what it gave. Expected is what igt-tests/tests/hugemap/hm_op_table.h says.\n", esc(date)
	print "<p class=legend>"
	printf "%s", legend("kept", "", "works, pages as large as before")
	printf "%s", legend("cut", "", "works, smaller pages where it cut")
	printf "%s", legend("small", "", "works, 4 KiB pages then")
	printf "%s", legend("refused", "e", "refused with the errno that is documented")
	printf "%s", legend("skip", "", "not there, or not safe, on this kernel")
	if (total["none"])
		printf "%s", legend("none", "", "not run (the fast list leaves them out)")
	printf "%s", legend("bad", "!", "not as expected, or no result")
	print "<table><thead><tr class=k><th colspan=2>"
	for (k = 1; k <= nk; k++)
		printf "<th class=K colspan=%d>%s", nr * 6, esc(kernels[k])
	print "\n<tr><th colspan=2>"
	for (k = 1; k <= nk; k++)
		for (r = 1; r <= nr; r++)
			printf "<th class=%s colspan=6>%s", r == nr ? "K" : "R", esc(regions[r])
	print "\n<tr class=n><th colspan=2>"
	for (k = 1; k <= nk; k++)
		for (r = 1; r <= nr; r++)
			for (n = 1; n <= 6; n++) {
				name = nodes[n]
				sub(/.* tracked/, "t", name)
				printf "<th%s>%s", n == 6 ? r == nr ? " class=K" : " class=R" : "", name
			}
	print "\n<tbody>"
	printf "%s", body
	print "</table></html>"
	exit bad > 0
}
