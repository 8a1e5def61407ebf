# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# Devices of other drivers that map huge pages, in a guest of profile mm; source
# it, as lib.sh. Each function is true if the device is there.

vfio() {
	[ ! -c /dev/vfio/vfio ] || return 0
	dev=/sys/bus/pci/devices/0000:00:05.0
	# The IOMMU has no interrupt remapping: see run-guest.
	modprobe vfio_iommu_type1 allow_unsafe_interrupts=1 &&
		modprobe vfio_pci || return
	echo vfio-pci >$dev/driver_override
	[ ! -e $dev/driver ] || echo 0000:00:05.0 >$dev/driver/unbind
	echo 0000:00:05.0 >/sys/bus/pci/drivers_probe
	[ "$(readlink $dev/driver | xargs basename)" = vfio-pci ]
}

# dax [bytes]: a namespace of the persistent memory becomes a device with pages of
# that size, 1 GiB if not said. Another size is another device, /dev/dax0.0 again.
dax() {
	dax_align=${1:-$((1 << 30))}
	[ "$(cat /sys/bus/dax/devices/dax0.0/align 2>/dev/null)" != "$dax_align" ] ||
		return 0
	modprobe nd_e820 && modprobe dax_pmem && modprobe device_dax || return
	# Where it exists it takes the namespace first.
	modprobe nd_pmem 2>/dev/null
	sleep 1
	bus=/sys/bus/nd/devices
	[ ! -e $bus/namespace0.0/driver ] ||
		echo namespace0.0 >$bus/namespace0.0/driver/unbind
	# One that has the namespace goes when it gives that back.
	holder=$(cat $bus/namespace0.0/holder)
	if [ -n "$holder" ]; then
		echo "$holder" >/sys/bus/nd/drivers/dax_pmem/unbind &&
			echo >"$bus/$holder/namespace" || return
	fi
	seed=$(cat $bus/region0/dax_seed)
	echo "$dax_align" >"$bus/$seed/align" &&
		echo ram >"$bus/$seed/mode" &&
		echo "5a5a5a5a-0000-4000-8000-$(printf %012x "$dax_align")" >"$bus/$seed/uuid" &&
		echo namespace0.0 >"$bus/$seed/namespace" &&
		echo "$seed" >/sys/bus/nd/drivers/dax_pmem/bind
	sleep 1
	[ -c /dev/dax0.0 ]
}
