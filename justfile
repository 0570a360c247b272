# The commands of daily work. `just` lists them; `.ci/run` is what must pass before a change lands.

# list the commands
default:
    @just --list

# compile everything quickly
check:
    cargo check --workspace --all-targets

# format and lint
lint:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings

# all tests, but those of the faces on PostgreSQL (see ci)
test *ARGS:
    cargo test --workspace {{ARGS}}

# what must pass before a change lands
ci:
    .ci/run

# the server on a throw-away database with the documents' examples
demo:
    cargo run --release -- demo

# benchmarks: ratios to floors measured in the same run (docs/benchmarks.md)
bench *ARGS:
    cargo build --release -p provisor-server -p provisor-bench
    target/release/provisor-bench {{ARGS}}

# the crash test with more kills under load: just crash 10000
crash POINTS="1000":
    PROVISOR_CRASH_POINTS={{POINTS}} cargo test -p provisor-server --test e2e crash -- --nocapture

# the nemesis on a cluster for so many seconds, and so many failovers: just cluster 28800 1000
cluster SECONDS="3600" FAILOVERS="100" SEED="1":
    PROVISOR_CLUSTER_SECONDS={{SECONDS}} PROVISOR_FAILOVERS={{FAILOVERS}} PROVISOR_CLUSTER_SEED={{SEED}} \
        cargo test -p provisor-server --test e2e cluster -- --nocapture

# fuzz the request body for so many seconds
fuzz SECONDS="300":
    fuzz/run {{SECONDS}}

# licences, banned and duplicate crates, sources
deny:
    command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
    cargo deny check bans licenses sources
