//! Support cases, as the people see them who answer them.

use std::sync::Arc;

use provisor_domain::limits::CASE_MESSAGE_LISTED_CHARS_MAX;
use provisor_domain::store::{Opened, ServiceSummary, Store, TicketFound};
use provisor_domain::support_case::{
    CaseClosing, CaseDetail, CaseEntry, CaseFilter, NewSupportCase, SupportCase, SupportFile,
};
use provisor_domain::{Service, TicketId};

use super::world::{MARIO, World, a, origin};

const EVERYTHING: CaseFilter = CaseFilter { closed: true, before: None, limit: 100 };
const OPEN: CaseFilter = CaseFilter { closed: false, ..EVERYTHING };

fn form() -> SupportFile {
    SupportFile { name: "form.pdf".to_owned(), content: vec![0, 159, 146] }
}

async fn case(world: &World, message: &str, about: Option<&Service>) -> TicketId {
    let case = NewSupportCase {
        scope: world.scope("MarioG").await,
        ticket_type: a("PORT"),
        message: message.to_owned(),
        file: about.map(|_| form()),
        service: about.cloned().map(|service| ServiceSummary::of(service, None)),
        origin: origin(),
        idempotency: None,
        raised: world.at(5),
    };
    match world.store.support_case_open(case).await {
        Ok(Opened::Ticket(id)) => id,
        other => panic!("not opened: {other:?}"),
    }
}

async fn listed(world: &World, filter: CaseFilter) -> Vec<TicketId> {
    let cases = world.store.support_case_list(filter).await.unwrap();
    cases.iter().map(|entry| entry.case.id).collect()
}

pub(crate) async fn cases_are_listed_and_shown(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let service = world.connected(0).await;
    let long = "\u{fc}".repeat(CASE_MESSAGE_LISTED_CHARS_MAX + 1);
    let loose = case(&world, &long, None).await;
    let about = case(&world, "Bring it\nover", Some(&service)).await;
    let last = case(&world, "please", None).await;
    assert_eq!(listed(&world, EVERYTHING).await, [last, about, loose]);
    assert_eq!(listed(&world, CaseFilter { limit: 2, ..OPEN }).await, [last, about]);
    assert_eq!(listed(&world, CaseFilter { before: Some(about), ..OPEN }).await, [loose]);
    let entry = CaseEntry {
        case: SupportCase {
            id: about,
            ticket_type: a("PORT"),
            service: Some(service.code),
            raised: world.at(5),
            closed: None,
        },
        customer: Some(a(MARIO)),
        raised_by: origin().actor,
        message: "Bring it\nover".to_owned(),
        file_name: Some("form.pdf".to_owned()),
        close_reason: None,
    };
    assert_eq!(world.store.support_case_list(OPEN).await.unwrap()[1], entry);
    let shown = world.store.support_case_show(about).await.unwrap();
    assert_eq!(shown, Some(CaseDetail { entry, file: Some(form()) }));
    // A list has the beginning of a message, the case all of it.
    let in_list = world.store.support_case_list(OPEN).await.unwrap()[2].message.clone();
    assert_eq!(in_list.chars().count(), CASE_MESSAGE_LISTED_CHARS_MAX);
    let shown = world.store.support_case_show(loose).await.unwrap().unwrap();
    assert_eq!((shown.entry.message, shown.file, shown.entry.customer), (long, None, None));
    let absent = TicketId::new(9_999).unwrap();
    assert_eq!(world.store.support_case_show(absent).await.unwrap(), None);
    // The ticket that connected the service has a number, and is no case.
    assert_eq!(world.store.support_case_show(TicketId::FIRST).await.unwrap(), None);
}

pub(crate) async fn cases_are_closed_once(store: Arc<dyn Store>) {
    let world = World::with_sims(store, 1).await;
    let (first, second) = (case(&world, "one", None).await, case(&world, "two", None).await);
    let close = async |ids: Vec<TicketId>, reason: Option<&str>, at| {
        let reason = reason.map(str::to_owned);
        world.store.support_case_close(ids, reason, origin(), world.at(at)).await.unwrap()
    };
    let absent = TicketId::new(9_999).unwrap();
    let outcomes = close(vec![first, absent, first], Some("number is over"), 7).await;
    let wanted = [CaseClosing::Closed, CaseClosing::Absent, CaseClosing::AlreadyClosed];
    assert_eq!(outcomes, wanted);
    assert_eq!(close(vec![first], Some("again"), 8).await, [CaseClosing::AlreadyClosed]);
    let shown = world.store.support_case_show(first).await.unwrap().unwrap().entry;
    assert_eq!(shown.close_reason.as_deref(), Some("number is over"));
    assert_eq!(shown.case.closed, Some(world.at(7)));
    assert_eq!(listed(&world, OPEN).await, [second]);
    assert_eq!(listed(&world, EVERYTHING).await, [second, first]);
    let found = world.store.ticket_find(world.scope("MarioG").await, first).await.unwrap();
    let Some(TicketFound::Case(seen)) = found else { panic!("{found:?}") };
    assert_eq!(seen.closed, Some(world.at(7)), "its raiser sees it");
    assert_eq!(close(vec![second], None, 9).await, [CaseClosing::Closed]);
    let shown = world.store.support_case_show(second).await.unwrap().unwrap().entry;
    assert_eq!((shown.close_reason, shown.case.closed), (None, Some(world.at(9))));
}
