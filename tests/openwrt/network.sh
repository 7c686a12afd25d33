# Which device each network has is in /tmp/network: lan=eth0, a line each.
network_get_device() {
	local found
	found=$(sed -n "s/^$2=//p" /tmp/network)
	[ -n "$found" ] && eval "$1=$found"
}
