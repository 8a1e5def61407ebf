# SPDX-License-Identifier: GPL-2.0
# gnuplot -e "csv='medians.csv'; out='dir'" plot.gp
set datafile separator ","
set terminal svg size 860,420 dynamic font "sans-serif,12" background "white"
set grid ytics lc rgb "#dddddd"
set key outside right top
set border 3
set tics nomirror
pick(m, unit) = sprintf("< awk -F, '$1 == \"%s\" && $5 == \"%s\"' %s | sort -t, -k3,3n -k7,7n", m, unit, csv)

set output out."/faults.svg"
set title "One page fault: instructions, by who maps"
set style fill solid 0.8
set boxwidth 0.8
set yrange [0:*]
set ylabel "instructions"
set xtics rotate by -45
unset key
plot pick("fault", "instructions") using 0:7:xtic(2) with boxes \
	lc rgb "#4477aa" notitle, \
	"" using 0:7:(sprintf("%d", $7)) with labels offset 0,0.6 font ",9" notitle

set key outside right top
set xtics norotate
set output out."/sync.svg"
set title "What was written? Cost by the number of pages written, 16 GiB"
set logscale xy
set xrange [0.7:6e6]
set yrange [1000:*]
set format x "%.0s%c"
set format y "10^{%T}"
set xlabel "pages written"
line(p) = sprintf("< awk -F, '$1 == \"sync\" && $2 == \"%s\" && $3 == %s && $4 > 0 && $5 == \"instructions\"' %s | sort -t, -k4n", p, "17179869184", csv)
plot line("hugemap") using 4:7:8:9 with yerrorlines lw 2 pt 7 title "hugemap SYNC", \
	line("mprotect") using 4:7:8:9 with yerrorlines lw 2 pt 5 title "mprotect + SIGSEGV", \
	line("soft-dirty") using 4:7:8:9 with yerrorlines lw 2 pt 9 title "soft-dirty + pagemap"

set output out."/scale.svg"
set title "Cost by the size of the mapping, 1 GiB entries"
set xrange [0.8:330]
set yrange [100:*]
set xlabel "GiB"
grow(m, p) = sprintf("< awk -F, '$1 == \"%s\" && $2 == \"%s\" && $5 == \"instructions\"' %s | sort -t, -k3n", m, p, csv)
plot grow("first-touch", "hugemap-1g") using ($3/2**30):7 with linespoints lw 2 pt 7 title "first touch", \
	grow("first-touch", "floor-1g") using ($3/2**30):7 with linespoints lw 1 pt 6 title "first touch, floor", \
	grow("start", "hugemap-1g") using ($3/2**30):7 with linespoints lw 2 pt 5 title "START", \
	grow("sync-count", "hugemap-1g") using ($3/2**30):7 with linespoints lw 2 pt 9 title "SYNC, 100 pages", \
	grow("munmap-split", "hugemap-1g") using ($3/2**30):7 with linespoints lw 2 pt 11 title "munmap() after it"

set output out."/populate.svg"
set title "First touch of 1 GiB: instructions"
unset logscale x
set logscale y
set xrange [*:*]
set yrange [1000:*]
unset xlabel
unset key
set xtics rotate by -45
set boxwidth 0.8
first = sprintf("< awk -F, '$1 == \"first-touch\" && $3 == 1073741824 && $5 == \"instructions\"' %s | sort -t, -k7,7n", csv)
plot first using 0:7:xtic(2) with boxes lc rgb "#4477aa" notitle, \
	"" using 0:7:(sprintf("%.2g", $7)) with labels offset 0,0.6 font ",9" notitle
