//! SIMs, services and portal customers of a catalogue. Unlike the rest they are moved by tickets, too; a catalogue never
//! works against one: it holds their subjects first.

use std::collections::{BTreeMap, BTreeSet};

use provisor_domain::catalogue::{Catalogue, PortalAdoption};
use provisor_domain::plan::PortalChange;
use provisor_domain::ticket::Subject;
use provisor_domain::{Imsi, Msisdn, NetworkCode, Service, SimRecord, SimState, TicketId};

use super::super::fault::{Fault, Result};
use super::super::link::{Ask, params};
use super::super::tickets::{add_services, count_services};
use super::super::work::Work;
use super::super::{portal, row, sql};
use super::read;

/// Keeps tickets from being opened for what the catalogue may change. Answers what [`let_go`] gives back.
pub(super) async fn hold(work: &mut Work, catalogue: &Catalogue) -> Result<Vec<String>> {
    let sims = catalogue.sims.iter().map(|sim| &sim.iccid);
    let sims = sims.chain(catalogue.services.iter().map(|service| &service.iccid));
    let portal = catalogue.portal_customers.iter().map(|one| Subject::Portal(one.id.clone()));
    let all = sims.map(|iccid| Subject::Sim(iccid.clone())).chain(portal);
    let all: BTreeSet<String> = all.map(|subject| subject.key()).collect();
    let all: Vec<String> = all.into_iter().collect();
    if !all.is_empty() {
        work.one(sql::CATALOGUE_WRITE_HOLD, params![all.clone()]).await?;
    }
    Ok(all)
}

/// What gives back the subjects that are held.
pub(super) fn let_go(held: Vec<String>) -> Ask {
    Ask::new(sql::CATALOGUE_WRITE_LET_GO, params![held])
}

/// A SIM as the books have it, and what stands in the way of changing it.
struct Known {
    sim: SimRecord,
    landing: bool,
    open_ticket: Option<TicketId>,
}

async fn known(work: &mut Work, sim: &SimRecord) -> Result<Option<Known>> {
    let subject = Subject::Sim(sim.iccid.clone()).key();
    let asked = params![sim.iccid.to_string(), subject];
    let answer = work.one(sql::CATALOGUE_WRITE_SIM_FIND, asked).await?;
    let Some(found) = answer.rows.first() else { return Ok(None) };
    Ok(Some(Known {
        sim: row::sim(found, 0)?,
        landing: row::get(found, row::SIM_COLUMNS)?,
        open_ticket: row::ticket_id_or_none(found, row::SIM_COLUMNS + 1)?,
    }))
}

pub(super) async fn sims(work: &mut Work, sims: &[SimRecord]) -> Result<()> {
    for sim in sims {
        match known(work, sim).await? {
            None => work.go(&[add(sim)]).await.map(drop)?,
            Some(known) => change(work, &known, sim).await?,
        }
    }
    Ok(())
}

fn add(sim: &SimRecord) -> Ask {
    let added = params![
        sim.iccid.to_string(),
        sim.imsi.as_ref().map(Imsi::to_string),
        sim.msisdn.as_ref().map(Msisdn::to_string),
        sim.customer.to_string(),
        sim.network.as_ref().map(NetworkCode::to_string),
        sim.state.as_str(),
    ];
    Ask::new(sql::CATALOGUE_WRITE_SIM_ADD, added).or_say(unfit(sim))
}

fn unfit(sim: &SimRecord) -> String {
    format!(
        "SIM {}: its IMSI or number belongs to another SIM, or its customer or network is not known",
        sim.iccid
    )
}

/// Changes what the file says about a SIM and the books do not; what the file leaves out stays.
async fn change(work: &mut Work, known: &Known, wanted: &SimRecord) -> Result<()> {
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
    let changed = params![
        iccid.to_string(),
        new.imsi.as_ref().map(Imsi::to_string),
        new.msisdn.as_ref().map(Msisdn::to_string),
        new.customer.to_string(),
        new.network.as_ref().map(NetworkCode::to_string),
    ];
    work.go(&[Ask::new(sql::CATALOGUE_WRITE_SIM_CHANGE, changed).or_say(unfit(&new))]).await?;
    Ok(())
}

pub(super) async fn services(work: &mut Work, services: &[Service]) -> Result<()> {
    let mut live = BTreeMap::new();
    for service in services {
        let found = work.go(&[read::service(service.code)]).await?;
        if found.iter().all(|answer| answer.rows.is_empty()) {
            adopt(work, service).await?;
            let by = i64::from(service.status.is_live());
            *live.entry(service.contract.clone()).or_default() += by;
        }
    }
    work.go(count_services(&live).as_slice()).await.map(drop)
}

/// Takes over a service that runs already, and its SIM with it.
async fn adopt(work: &mut Work, service: &Service) -> Result<()> {
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
    match known(work, &sim).await? {
        None => work.go(&[add(&sim)]).await.map(drop)?,
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
            let in_use = params![vec![iccid.to_string()], vec![SimState::InUse.as_str()]];
            work.one(sql::SIM_SET, in_use).await?;
        }
        Some(_) => {}
    }
    let owner = params![service.contract.to_string()];
    let owner = work.one(sql::CATALOGUE_WRITE_CONTRACT_CUSTOMER, owner).await?;
    match owner.rows.first() {
        None => return refuse(format!("contract {} is not known", service.contract)),
        Some(row) if row::get::<&str>(row, 0)? != service.customer.as_str() => {
            let (contract, customer) = (&service.contract, &service.customer);
            return refuse(format!("contract {contract} is not one of customer {customer}"));
        }
        Some(_) => {}
    }
    let products = params![service.network.to_string(), service.tariff.to_string()];
    let known = work.one(sql::CATALOGUE_WRITE_SERVICE_KNOWN, products).await?;
    if !row::get::<bool>(known.one()?, 0)? {
        return refuse("its network or tariff is not known".to_owned());
    }
    let words = format!("service {code}: its number is on another live service");
    // At first: from here on nobody is handed out this code.
    let counted = Ask::new(sql::CATALOGUE_WRITE_SERVICE_CODE, params![code.number()]);
    work.go(&[counted, add_services(&[service])?.or_say(words)]).await?;
    Ok(())
}

/// Takes over portal customers that are not known yet.
pub(super) async fn portal_customers(work: &mut Work, adopted: &[PortalAdoption]) -> Result<()> {
    for one in adopted {
        let id = &one.id;
        let (known, ticket) = portal::read_standing(&work.go(&portal::standing(id)).await?)?;
        if known {
            continue;
        }
        let refuse = |reason: String| Fault::conflict(format!("portal customer {id}: {reason}"));
        if let Some(ticket) = ticket {
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
        let written = work.go(&portal::set(&change)).await;
        written.map_err(|fault| fault.refusal().map_or(fault, refuse))?;
    }
    Ok(())
}
