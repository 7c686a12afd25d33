SUMMARY = "The least image that is a router with ringward"
DESCRIPTION = "An example: core-image-minimal's base system and ringward with its configuration inside."

LICENSE = "MIT"

inherit core-image

IMAGE_INSTALL = "packagegroup-core-boot packagegroup-ringward ${CORE_IMAGE_EXTRA_INSTALL}"
