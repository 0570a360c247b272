//! SIMs, services and portal customers of a catalogue. Unlike the rest they are moved by tickets, too; a catalogue never
//! works against one.

use std::collections::BTreeMap;

use provisor_domain::catalogue::PortalAdoption;
use provisor_domain::plan::PortalChange;
use provisor_domain::ticket::Subject;
use provisor_domain::{Imsi, Msisdn, NetworkCode, Service, SimRecord, SimState, TicketId};
use rusqlite::{Connection, params};

use super::super::fault::{Fault, Result, about};
use super::super::statements::Statements;
use super::super::tickets::{add_service, count_services};
use super::super::{portal, row, sql};
use super::read;

/// A SIM as the books have it, and what stands in the way of changing it.
struct Known {
    sim: SimRecord,
    landing: bool,
    open_ticket: Option<TicketId>,
}

fn known(connection: &Connection, sim: &SimRecord) -> Result<Option<Known>> {
    let subject = Subject::Sim(sim.iccid.clone()).key();
    let mut statement = connection.prepare_cached(sql::CATALOGUE_WRITE_SIM_FIND)?;
    let mut rows = statement.query(params![sim.iccid.as_str(), subject])?;
    let Some(found) = rows.next()? else { return Ok(None) };
    Ok(Some(Known {
        sim: row::sim(found, 0)?,
        landing: found.get(row::SIM_COLUMNS)?,
        open_ticket: row::ticket_id_or_none(found, row::SIM_COLUMNS + 1)?,
    }))
}

pub(super) fn sims(connection: &Connection, sims: &[SimRecord]) -> Result<()> {
    for sim in sims {
        match known(connection, sim)? {
            None => add(connection, sim)?,
            Some(known) => change(connection, &known, sim)?,
        }
    }
    Ok(())
}

fn add(connection: &Connection, sim: &SimRecord) -> Result<()> {
    let added = connection.prepare_cached(sql::CATALOGUE_WRITE_SIM_ADD)?.execute(params![
        sim.iccid.as_str(),
        sim.imsi.as_ref().map(Imsi::as_str),
        sim.msisdn.as_ref().map(Msisdn::as_str),
        sim.customer.as_str(),
        sim.network.as_ref().map(NetworkCode::as_str),
        sim.state.as_str(),
    ]);
    about(added, || unfit(sim))?;
    Ok(())
}

fn unfit(sim: &SimRecord) -> String {
    format!(
        "SIM {}: its IMSI or number belongs to another SIM, or its customer or network is not known",
        sim.iccid
    )
}

/// Changes what the file says about a SIM and the books do not; what the file leaves out stays.
fn change(connection: &Connection, known: &Known, wanted: &SimRecord) -> Result<()> {
    let iccid = &wanted.iccid;
    if known.landing {
        let reason = format!("SIM {iccid} belongs to an import that has not finished");
        return Err(Fault::conflict(reason));
    }
    let old = &known.sim;
    let new = SimRecord {
        imsi: wanted.imsi.clone().or_else(|| old.imsi.clone()),
        msisdn: wanted.msisdn.clone().or_else(|| old.msisdn.clone()),
        customer: wanted.customer.clone(),
        network: wanted.network.clone().or_else(|| old.network.clone()),
        ..old.clone()
    };
    if new == *old {
        return Ok(());
    }
    if let Some(ticket) = known.open_ticket {
        let reason = format!("SIM {iccid} cannot change now: ticket {ticket} is open for it");
        return Err(Fault::conflict(reason));
    }
    if old.state == SimState::InUse {
        let reason = format!("SIM {iccid} is in use: its customer, numbers and network stay");
        return Err(Fault::conflict(reason));
    }
    let changed = connection.prepare_cached(sql::CATALOGUE_WRITE_SIM_CHANGE)?.execute(params![
        iccid.as_str(),
        new.imsi.as_ref().map(Imsi::as_str),
        new.msisdn.as_ref().map(Msisdn::as_str),
        new.customer.as_str(),
        new.network.as_ref().map(NetworkCode::as_str),
    ]);
    about(changed, || unfit(&new))?;
    Ok(())
}

pub(super) fn services(connection: &Connection, services: &[Service]) -> Result<()> {
    let mut live = BTreeMap::new();
    for service in services {
        if read::service(connection, service.code)?.is_none() {
            adopt(connection, service)?;
            let by = i64::from(service.status.is_live());
            *live.entry(service.contract.clone()).or_default() += by;
        }
    }
    count_services(connection, &live)
}

/// Takes over a service that runs already, and its SIM with it.
fn adopt(connection: &Connection, service: &Service) -> Result<()> {
    let code = service.code;
    let refuse = |reason: String| Err(Fault::conflict(format!("service {code}: {reason}")));
    let live = service.status.is_live();
    let sim = SimRecord {
        iccid: service.iccid.clone(),
        imsi: None,
        msisdn: None,
        customer: service.customer.clone(),
        network: None,
        state: if live { SimState::InUse } else { SimState::Stock },
        version: 1,
    };
    let iccid = &sim.iccid;
    match known(connection, &sim)? {
        None => add(connection, &sim)?,
        Some(Known { landing: true, .. }) => {
            return refuse(format!("SIM {iccid} belongs to an import that has not finished"));
        }
        Some(Known { open_ticket: Some(ticket), .. }) => {
            return refuse(format!("ticket {ticket} is open for SIM {iccid}"));
        }
        Some(known) if known.sim.customer != service.customer => {
            return refuse(format!("SIM {iccid} belongs to customer {}", known.sim.customer));
        }
        Some(known) if live && known.sim.state != SimState::Stock => {
            return refuse(format!("SIM {iccid} is {}", known.sim.state.as_str()));
        }
        Some(_) if live => {
            let in_use = params![iccid.as_str(), SimState::InUse.as_str()];
            connection.prepare_cached(sql::SIM_SET)?.execute(in_use)?;
        }
        Some(_) => {}
    }
    let mut owner = connection.prepare_cached(sql::CATALOGUE_WRITE_CONTRACT_CUSTOMER)?;
    let mut owners = owner.query([service.contract.as_str()])?;
    match owners.next()? {
        None => return refuse(format!("contract {} is not known", service.contract)),
        Some(row) if row.get_ref(0)?.as_str().ok() != Some(service.customer.as_str()) => {
            let (contract, customer) = (&service.contract, &service.customer);
            return refuse(format!("contract {contract} is not one of customer {customer}"));
        }
        Some(_) => {}
    }
    add_service(connection, service).map_err(|fault| match fault.refusal() {
        Some(_) => Fault::conflict(format!(
            "service {code}: its number is on another live service, or its network or tariff is not known"
        )),
        None => fault,
    })
}

/// Takes over portal customers that are not known yet.
pub(super) fn portal_customers(connection: &Connection, adopted: &[PortalAdoption]) -> Result<()> {
    for one in adopted {
        let id = &one.id;
        if portal::is_known(connection, id)? {
            continue;
        }
        let refuse = |reason: String| Fault::conflict(format!("portal customer {id}: {reason}"));
        if let Some(ticket) = portal::open_ticket(connection, id)? {
            return Err(refuse(format!("ticket {ticket} is open for it")));
        }
        let change = PortalChange {
            id: id.clone(),
            enabled: one.enabled,
            own_password: one.own_password,
            ends_sessions: false,
            secret: one.secret.clone(),
            packs: Some(one.packs.clone()),
            mailboxes: Some(one.mailboxes.clone()),
        };
        let written = portal::set(&mut Statements::of(connection), &change);
        written.map_err(|fault| fault.refusal().map_or(fault, refuse))?;
    }
    Ok(())
}
