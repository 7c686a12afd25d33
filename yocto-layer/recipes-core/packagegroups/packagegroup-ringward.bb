SUMMARY = "A router that shares its addresses with others"
DESCRIPTION = "ringward, with what an administrator wants beside it on a router."

inherit packagegroup

RDEPENDS:${PN} = "ringward"
RRECOMMENDS:${PN} = "iproute2 ringwardc"
