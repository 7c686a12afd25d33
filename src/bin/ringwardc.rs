//! The compiler and workbench.
fn main() {}
