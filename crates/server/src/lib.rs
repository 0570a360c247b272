//! The one binary: configuration, wiring and the commands of provisor
