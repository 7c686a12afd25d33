SUMMARY = "Compiler of ringward's configurations"
DESCRIPTION = "Compiles keepalived.conf and UCI to the checked configuration that ringward runs from, and \
puts it into the program."

require ringward.inc

CARGO_BUILD_FLAGS += "--no-default-features --features compiler --bin ringwardc"

BBCLASSEXTEND = "native nativesdk"
