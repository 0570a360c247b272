//! `provisor demo`

use clap::Args;

use super::serve::Listeners;
use crate::config::SettingsLayer;

const AFTER: &str = "\
Example:
  provisor demo
  curl -d '{\"user\":{\"username\":\"MarioG\",\"password\":\"Stuttgart\"},\"customer\":\"1000000\"}' \\
    http://127.0.0.1:8080/v1/getContracts
  curl http://127.0.0.1:8080/kommitt/ccsimplemailapi/mail/10953/list

The user is MarioG, his password Stuttgart; the network is simulated. Every example of both
documents can be pasted as it stands.";

/// Try it: a server on a throw-away database with example data
///
/// Changes nothing that lasts: its files are in a temporary folder that is removed at the end.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Demo {
    #[command(flatten)]
    listeners: Listeners,
}

impl Demo {
    pub(crate) fn flags(&self, layer: &mut SettingsLayer) {
        self.listeners.flags(layer);
    }
}
