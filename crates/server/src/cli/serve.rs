//! `provisor serve`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use ipnet::IpNet;

use crate::config::{MetricsListen, Role, SettingsLayer};

const AFTER: &str = "\
Prints two lines on standard output when it is ready:
  listening on http://127.0.0.1:8080
  metrics on http://127.0.0.1:8081/metrics

Examples:
  provisor serve
  provisor serve --database sqlite:///var/lib/provisor/provisor.db --listen 0.0.0.0:8080
  provisor serve --database \\
    'postgres://provisor@db.example/provisor?sslmode=verify-full&sslrootcert=system'
  provisor serve --database 'postgres://…' --role worker --network MAIL

SIGTERM or Ctrl-C stops it: it takes no more requests, finishes what runs, and ends within
10 seconds. What was accepted and is not done by then is carried out after the next start.";

/// Serve the APIs and carry out tickets
///
/// Makes the database when there is none and migrates an older one. Put a proxy with TLS in front of it. Several
/// servers may share one PostgreSQL database: each takes orders and carries out tickets, unless told otherwise.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Serve {
    #[command(flatten)]
    listeners: Listeners,
    /// The folder where simulated networks keep their state and mail systems their lookup files [default: the
    /// database's; with PostgreSQL the one that it is started in]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// What this node does: all of it, take orders (api) or carry them out (worker) [default: all]
    #[arg(long, value_enum, value_name = "ROLE")]
    role: Option<Role>,
    /// Carry out only this network's tickets; may be repeated [default: all networks]
    #[arg(long = "network", value_name = "CODE")]
    networks: Vec<String>,
    /// A network of proxies whose X-Forwarded-For is believed; may be repeated
    #[arg(long = "trusted-proxy", value_name = "CIDR")]
    trusted_proxies: Vec<IpNet>,
    /// Most requests per second of one source network, 0 for no limit [default: 5000]
    #[arg(long, value_name = "N")]
    rate_limit: Option<u32>,
}

/// Where a server listens.
#[derive(Debug, Clone, Args)]
pub(crate) struct Listeners {
    /// Where the APIs listen; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Where /metrics listens: address and port, or off [default: loopback, the port after --listen's]
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics_listen: Option<MetricsListen>,
}

impl Listeners {
    pub(crate) fn flags(&self, layer: &mut SettingsLayer) {
        layer.listen = self.listen;
        layer.metrics_listen = self.metrics_listen;
    }
}

impl Serve {
    pub(crate) fn flags(&self, layer: &mut SettingsLayer) {
        self.listeners.flags(layer);
        layer.data_dir.clone_from(&self.data_dir);
        layer.http.requests_per_second = self.rate_limit;
        layer.role = self.role;
        if !self.networks.is_empty() {
            layer.networks = Some(self.networks.clone());
        }
        if !self.trusted_proxies.is_empty() {
            layer.trusted_proxies = Some(self.trusted_proxies.clone());
        }
    }
}
