//! What provisor does: signing callers in, deciding their orders, and carrying tickets out.
//!
//! One file per command or query. A face parses a request into a typed order, calls one method of [`Engine`], and
//! translates the answer; it holds no rule. [`runner`] takes tickets to the networks; [`watch`] notices what others
//! changed in the database.
//!
//! Invariant: no database transaction is open while a driver is called, and nothing here knows a face.

mod call;
mod callbacks;
mod chance;
mod commands;
mod endings;
mod engine;
mod insist;
mod metrics;
mod moment;
mod networks;
mod queries;
mod reconcile;
mod runner;
mod sight;
mod sign_in;
mod tenants;
mod watch;

pub use call::{Call, Caller, Error, Raised};
pub use callbacks::ReportTaken;
pub use chance::Chance;
pub use commands::change::ServiceOrder;
pub use commands::connect::ConnectOrder;
pub use commands::portal::{PortalCall, PortalOrder};
pub use commands::portal_password::{LogInError, PortalSession};
pub use commands::support_case::SupportOrder;
pub use engine::{Engine, Parts, Share};
pub use metrics::Metrics;
pub use networks::{Network, NetworkFactory};
pub use queries::at_network::SimAtNetwork;
pub use queries::service::{NetworkSays, ServiceView};
pub use reconcile::{CheckReport, Checking, Checks, Stands, TicketRead};
pub use runner::Runner;
pub use sign_in::back_end::{BackEnd, BackEndError, Shown};
pub use sign_in::credential::{Credential, CredentialDigest};
pub use sign_in::password::{PasswordParams, hash_password, password_objection, verify_password};
pub use sign_in::throttle::source_network;
pub use sign_in::{SignIn, SignInError};
pub use tenants::Tenants;
pub use watch::Watch;
