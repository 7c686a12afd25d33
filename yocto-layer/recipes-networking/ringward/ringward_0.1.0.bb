SUMMARY = "VRRP on one io_uring, from a compiled configuration"
DESCRIPTION = "Keeps IP addresses alive on routers and firewalls: VRRP versions 2 and 3 in one small \
program that speaks with keepalived. Its configuration is compiled and checked when the image is built."

require ringward.inc

inherit systemd update-rc.d

DEPENDS += "ringwardc-native"

# The text of the configuration, which is compiled and put into the program. A layer of yours has its
# own file of this name, or names another one.
RINGWARD_CONFIG ?= "keepalived.conf"

SRC_URI += "file://ringward.service \
            file://ringward.init \
            file://${RINGWARD_CONFIG}"

PACKAGECONFIG ??= "commands trackers console"
PACKAGECONFIG[commands] = "--features commands"
PACKAGECONFIG[trackers] = "--features trackers"
PACKAGECONFIG[console] = "--features console"

CARGO_BUILD_FLAGS += "--no-default-features --features daemon --bin ringward"

do_install:append() {
    # A program of root's.
    install -d ${D}${sbindir}
    mv ${D}${bindir}/ringward ${D}${sbindir}/ringward
    rmdir ${D}${bindir}
    ringwardc embed --config ${UNPACKDIR}/${RINGWARD_CONFIG} \
        --into ${D}${sbindir}/ringward -o ${D}${sbindir}/ringward
    install -D -m 0644 ${UNPACKDIR}/ringward.service ${D}${systemd_system_unitdir}/ringward.service
    install -D -m 0755 ${UNPACKDIR}/ringward.init ${D}${sysconfdir}/init.d/ringward
}

SYSTEMD_SERVICE:${PN} = "ringward.service"

INITSCRIPT_NAME = "ringward"
INITSCRIPT_PARAMS = "defaults 70 01"
