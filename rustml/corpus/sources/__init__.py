"""Where Rust source comes from: registries, directories, data sets, repositories."""
