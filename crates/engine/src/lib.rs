//! What provisor does: commands, queries, sign-in and the runner that carries tickets out
