# SPDX-License-Identifier: GPL-2.0
# Has the emulator lost an interrupt? Reads what run-guest has asked QEMU for while
# the guest stood still: "info registers -a", then "info lapic" of each CPU. A CPU
# that waits for interrupts and lets them in, and whose APIC has one in service:
# the handler never ran, and none of that vector or below will come through. Seen
# with QEMU 7.2 (1 of some hundred guests, on a busy machine); a kernel does not wait
# inside a handler, however wrong it is. True if so.
/^CPU#/ {
	cpu = substr($1, 5)
}

# RFL: in hexadecimal, 0x200 is the interrupt flag.
match($0, /RFL=[0-9a-f]+/) && /HLT=1/ {
	if (substr($0, RSTART + RLENGTH - 3, 1) ~ /[2367abef]/)
		waits[cpu] = 1
}

/^dumping local APIC state for CPU/ {
	cpu = $7
}

/^ISR/ && $2 != "(none)" && cpu in waits {
	found = 1
}

END {
	exit !found
}
