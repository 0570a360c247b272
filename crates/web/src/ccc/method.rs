//! The methods of the CCC face: the table that routes, dispatch, figures and tests are made from.

use bytes::Bytes;
use provisor_domain::OrderKind;

/// A method of the CCC document or of the contract beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Lists a customer's contracts.
    GetContracts,
    /// Raises a ticket for a new service.
    ConnectService,
    /// Raises a ticket that ends a service.
    DisconnectService,
    /// Raises a ticket for another name.
    ChangeServiceName,
    /// Raises a ticket for a bar.
    AddBar,
    /// Raises a ticket that lifts a bar.
    RemoveBar,
    /// Shows a service and what its network says.
    QueryService,
    /// Shows a ticket.
    QueryTicket,
    /// Raises a ticket for a bolt-on.
    AddBolton,
    /// Raises a ticket that takes a bolt-on away.
    RemoveBolton,
    /// Raises a ticket that sets tariff, APNs and bolt-ons of a template.
    ApplyTemplate,
    /// Raises a ticket for another SIM.
    ChangeSim,
    /// Writes a support case down.
    RaiseTicket,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::GetContracts,
        Self::ConnectService,
        Self::DisconnectService,
        Self::ChangeServiceName,
        Self::AddBar,
        Self::RemoveBar,
        Self::QueryService,
        Self::QueryTicket,
        Self::AddBolton,
        Self::RemoveBolton,
        Self::ApplyTemplate,
        Self::ChangeSim,
        Self::RaiseTicket,
    ];

    /// Its name: the last segment of its paths.
    pub fn name(self) -> &'static str {
        match self {
            Self::GetContracts => "getContracts",
            Self::ConnectService => "connectService",
            Self::DisconnectService => "disconnectService",
            Self::ChangeServiceName => "changeServiceName",
            Self::AddBar => "addBar",
            Self::RemoveBar => "removeBar",
            Self::QueryService => "queryService",
            Self::QueryTicket => "queryTicket",
            Self::AddBolton => "addBolton",
            Self::RemoveBolton => "removeBolton",
            Self::ApplyTemplate => "applyTemplate",
            Self::ChangeSim => "changeSIM",
            Self::RaiseTicket => "raiseTicket",
        }
    }

    /// The body as it is read. The document prints its "Remove Bar" request without the last brace; so that it can be
    /// pasted as it stands, a body of this one method that ends right after a text is read as if the brace were there.
    pub(super) fn mended(self, body: Bytes) -> Bytes {
        let ends_with_text = body.trim_ascii_end().ends_with(b"\"");
        if self == Self::RemoveBar && ends_with_text {
            [&body, &b"}"[..]].concat().into()
        } else {
            body
        }
    }

    /// Whether it changes anything: such a method raises a ticket (or a support case), needs more than a read-only
    /// credential, and takes an idempotency key.
    pub fn raises_ticket(self) -> bool {
        match self {
            Self::GetContracts | Self::QueryService | Self::QueryTicket => false,
            Self::ConnectService
            | Self::DisconnectService
            | Self::ChangeServiceName
            | Self::AddBar
            | Self::RemoveBar
            | Self::AddBolton
            | Self::RemoveBolton
            | Self::ApplyTemplate
            | Self::ChangeSim
            | Self::RaiseTicket => true,
        }
    }

    /// The method that raises tickets of this kind: what `queryTicket` calls their type. `None` for a kind that no caller
    /// raises (`reassert`), and for those of the other face, whose tickets no user of this one reaches.
    pub(super) fn that_raises(kind: OrderKind) -> Option<Self> {
        Some(match kind {
            OrderKind::Connect => Self::ConnectService,
            OrderKind::Disconnect => Self::DisconnectService,
            OrderKind::Rename => Self::ChangeServiceName,
            OrderKind::AddBar => Self::AddBar,
            OrderKind::RemoveBar => Self::RemoveBar,
            OrderKind::AddBolton => Self::AddBolton,
            OrderKind::RemoveBolton => Self::RemoveBolton,
            OrderKind::ApplyTemplate => Self::ApplyTemplate,
            OrderKind::ChangeSim => Self::ChangeSim,
            OrderKind::Reassert
            | OrderKind::PortalEnable
            | OrderKind::PortalDisable
            | OrderKind::PortalPassword
            | OrderKind::PackEnable
            | OrderKind::PackDisable => return None,
        })
    }
}
