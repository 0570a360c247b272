//! The store port on SQLite: one writer with group commit, pooled readers, SQL in files
