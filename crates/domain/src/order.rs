//! Orders: what a caller asked for, typed and checked, independent of the face it came through.

use serde::{Deserialize, Serialize};

use crate::portal::{Action, Pack, Relation, RequestEntry};
use crate::service::AppliedBar;
use crate::{
    ApnCode, BarCode, BoltonCode, ContractCode, Iccid, MailAddress, Name, ReportingGroup,
    TariffCode,
};

/// What a ticket is to bring about. Stored with the ticket as JSON; members may be added with a default, never
/// renamed or removed, because a neighbour version of the program may read it.
///
/// The service or portal customer that an order changes is not part of it: it is the ticket's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Order {
    /// A new service on a SIM in stock.
    Connect(Connect),
    /// The service ends; its SIM goes back to stock.
    Disconnect,
    /// The service gets another name. Only the books change.
    Rename {
        /// The new name.
        name: Name,
    },
    /// A bar is applied.
    AddBar {
        /// Which, and whether it suspends (as the catalogue said when the order was given).
        bar: AppliedBar,
    },
    /// A bar is lifted.
    RemoveBar {
        /// Which.
        bar: BarCode,
    },
    /// A bolt-on is added.
    AddBolton {
        /// Which.
        bolton: BoltonCode,
    },
    /// A bolt-on is taken away.
    RemoveBolton {
        /// Which.
        bolton: BoltonCode,
    },
    /// Tariff, APNs and bolt-ons become those of a template.
    ApplyTemplate {
        /// The template's tariff.
        tariff: TariffCode,
        /// The template's APNs.
        #[serde(default)]
        apns: Vec<ApnCode>,
        /// The template's bolt-ons.
        #[serde(default)]
        boltons: Vec<BoltonCode>,
    },
    /// The service moves to another SIM; the present one is retired.
    ChangeSim {
        /// The SIM it moves to.
        new_sim: Iccid,
    },
    /// The network is to have again what the books say of the SIM, whatever that is when the ticket is carried out. The
    /// books do not change, but for the SIM's version. Raised by the reconciler, or by an operator.
    Reassert,
    /// A portal customer is created, or gets a new password. The password travels beside the order
    /// ([`crate::store::NewTicket::secret`]) and is forgotten with the ticket's end.
    PortalEnable,
    /// A portal customer may not log in any more; its sessions end.
    PortalDisable,
    /// A portal customer's stored password changes, because the customer chose another one or because the real one was
    /// seen for the first time. Not a request of the provider: it has no number in a relation.
    PortalPassword {
        /// Whether the customer chose it.
        own: bool,
    },
    /// A portal customer gets a pack, or another value of it.
    PackEnable {
        /// The pack and its value.
        pack: Pack,
        /// What it means for mailboxes, for the pack that gives them.
        #[serde(default)]
        mail: Option<MailTerms>,
    },
    /// A portal customer's pack ends.
    PackDisable {
        /// The pack and its value.
        pack: Pack,
        /// How many days mail is kept, for the pack that gives mailboxes.
        #[serde(default)]
        mail_kept_days: Option<u16>,
    },
}

/// What a tenant gives with its mailboxes, as its catalogue entry said when the order was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailTerms {
    /// The address of the primary mailbox.
    pub primary: MailAddress,
    /// What each mailbox holds, in bytes.
    pub mailbox_bytes: u64,
}

/// The particulars of [`Order::Connect`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connect {
    /// The name of the new service.
    pub name: Name,
    /// The contract it is billed under; its customer is the ticket's.
    pub contract: ContractCode,
    /// Its tariff.
    pub tariff: TariffCode,
    /// Its APNs, without repetition.
    #[serde(default)]
    pub apns: Vec<ApnCode>,
    /// The reporting group it will belong to (the ordering user's, for a user of kind group).
    #[serde(default)]
    pub group: Option<ReportingGroup>,
}

/// The kinds of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// [`Order::Connect`].
    Connect,
    /// [`Order::Disconnect`].
    Disconnect,
    /// [`Order::Rename`].
    Rename,
    /// [`Order::AddBar`].
    AddBar,
    /// [`Order::RemoveBar`].
    RemoveBar,
    /// [`Order::AddBolton`].
    AddBolton,
    /// [`Order::RemoveBolton`].
    RemoveBolton,
    /// [`Order::ApplyTemplate`].
    ApplyTemplate,
    /// [`Order::ChangeSim`].
    ChangeSim,
    /// [`Order::Reassert`].
    Reassert,
    /// [`Order::PortalEnable`].
    PortalEnable,
    /// [`Order::PortalDisable`].
    PortalDisable,
    /// [`Order::PortalPassword`].
    PortalPassword,
    /// [`Order::PackEnable`].
    PackEnable,
    /// [`Order::PackDisable`].
    PackDisable,
}

impl OrderKind {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Connect,
        Self::Disconnect,
        Self::Rename,
        Self::AddBar,
        Self::RemoveBar,
        Self::AddBolton,
        Self::RemoveBolton,
        Self::ApplyTemplate,
        Self::ChangeSim,
        Self::Reassert,
        Self::PortalEnable,
        Self::PortalDisable,
        Self::PortalPassword,
        Self::PackEnable,
        Self::PackDisable,
    ];

    /// The word in the store, in logs and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Disconnect => "disconnect",
            Self::Rename => "rename",
            Self::AddBar => "add_bar",
            Self::RemoveBar => "remove_bar",
            Self::AddBolton => "add_bolton",
            Self::RemoveBolton => "remove_bolton",
            Self::ApplyTemplate => "apply_template",
            Self::ChangeSim => "change_sim",
            Self::Reassert => "reassert",
            Self::PortalEnable => "portal_enable",
            Self::PortalDisable => "portal_disable",
            Self::PortalPassword => "portal_password",
            Self::PackEnable => "pack_enable",
            Self::PackDisable => "pack_disable",
        }
    }
}

impl std::str::FromStr for OrderKind {
    type Err = crate::Malformed;
    fn from_str(raw: &str) -> Result<Self, crate::Malformed> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == raw).ok_or(crate::Malformed {
            what: "order kind",
            rule: "one of the words in OrderKind::as_str",
        })
    }
}

/// A row of [`Relation::Packs`].
fn packs(action: Action, pack: &Pack) -> RequestEntry<'_> {
    let pack = Some((&pack.name, &pack.value));
    RequestEntry { relation: Relation::Packs, action, pack }
}

impl Order {
    /// Its kind.
    pub fn kind(&self) -> OrderKind {
        match self {
            Self::Connect(_) => OrderKind::Connect,
            Self::Disconnect => OrderKind::Disconnect,
            Self::Rename { .. } => OrderKind::Rename,
            Self::AddBar { .. } => OrderKind::AddBar,
            Self::RemoveBar { .. } => OrderKind::RemoveBar,
            Self::AddBolton { .. } => OrderKind::AddBolton,
            Self::RemoveBolton { .. } => OrderKind::RemoveBolton,
            Self::ApplyTemplate { .. } => OrderKind::ApplyTemplate,
            Self::ChangeSim { .. } => OrderKind::ChangeSim,
            Self::Reassert => OrderKind::Reassert,
            Self::PortalEnable => OrderKind::PortalEnable,
            Self::PortalDisable => OrderKind::PortalDisable,
            Self::PortalPassword { .. } => OrderKind::PortalPassword,
            Self::PackEnable { .. } => OrderKind::PackEnable,
            Self::PackDisable { .. } => OrderKind::PackDisable,
        }
    }

    /// The row by which the order is numbered in one of the document's relations; `None` for an order that has no
    /// number there.
    pub fn request(&self) -> Option<RequestEntry<'_>> {
        let access = |action| RequestEntry { relation: Relation::Access, action, pack: None };
        match self {
            Self::PortalEnable => Some(access(Action::Enable)),
            Self::PortalDisable => Some(access(Action::Disable)),
            Self::PackEnable { pack, .. } => Some(packs(Action::Enable, pack)),
            Self::PackDisable { pack, .. } => Some(packs(Action::Disable, pack)),
            Self::Connect(_)
            | Self::Disconnect
            | Self::Rename { .. }
            | Self::AddBar { .. }
            | Self::RemoveBar { .. }
            | Self::AddBolton { .. }
            | Self::RemoveBolton { .. }
            | Self::ApplyTemplate { .. }
            | Self::ChangeSim { .. }
            | Self::Reassert
            | Self::PortalPassword { .. } => None,
        }
    }
}
