//! All HTTP: a folder a face, and the kit they share
