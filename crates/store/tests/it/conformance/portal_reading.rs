//! Reading portal customers, tenants, and who calls for them.

use std::sync::Arc;

use provisor_domain::catalogue::Catalogue;
use provisor_domain::limits::PORTAL_CUSTOMERS_PER_PAGE_MAX;
use provisor_domain::portal::{PortalCustomer, PortalId, PortalRecord};
use provisor_domain::store::{NewCredential, NewUser, PortalFound, Store, StoreError};
use provisor_domain::user::CredentialUse;
use provisor_domain::{MailAddress, UserKind};
use secrecy::SecretString;

use super::portal_world::{adoption, enable_mail, first_enable, portal, secret};
use super::world::{KOMMITT, MARIO, OTHER, World, a, catalogue, origin};

fn adopted(ids: &[&str]) -> Catalogue {
    let portal_customers = ids.iter().map(|id| adoption(id)).collect();
    Catalogue { portal_customers, ..Catalogue::default() }
}

fn nothing() -> PortalFound {
    PortalFound {
        customer: None,
        open_ticket: None,
        packs: vec![],
        mailboxes: vec![],
        address_taken: false,
    }
}

pub(crate) async fn a_portal_customer_is_its_tenants(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.load(adopted(&["kommitt/10953"])).await;
    let (ours, theirs) = (portal("10953"), a::<PortalId>("other/10953"));
    let ticket = world.opened(world.portal_order(&ours, enable_mail(&ours, "9")).await).await;
    let found = world.portal(&ours).await;
    let customer = PortalCustomer { enabled: true, own_password: true, sessions: 0, version: 1 };
    assert_eq!((found.customer, found.open_ticket), (Some(customer), Some(ticket)));
    assert_eq!(found.packs, adoption("kommitt/10953").packs);
    assert_eq!(found.mailboxes, adoption("kommitt/10953").mailboxes, "primary first, by address");
    // What is another tenant's is absent like what is nobody's.
    for id in [&theirs, &portal("77"), &portal("1095"), &a("nowhere/10953")] {
        assert_eq!(world.portal(id).await, nothing(), "{id}");
        assert!(world.store.portal_auth(id.clone()).await.unwrap().is_none(), "{id}");
    }
    let auth = world.store.portal_auth(ours.clone()).await.unwrap().unwrap();
    assert_eq!((auth.secret, auth.customer.version), (Some(secret("10953")), 1));

    let taken = async |id: &PortalId, address: &str| {
        let address: MailAddress = a(address);
        world.store.portal_find(id.clone(), Some(address)).await.unwrap().address_taken
    };
    for (id, address, wanted) in [
        (&ours, "m.10953@kommitt.example", false), // its own
        (&theirs, "m.10953@kommitt.example", true),
        (&theirs, "M.10953@KOMMITT.example", true),
        (&portal("14056"), "b.10953@kommitt.example", true), // also while it is only kept
        (&theirs, "n.10953@kommitt.example", false),
    ] {
        assert_eq!(taken(id, address).await, wanted, "{id} {address}");
    }
}

pub(crate) async fn portal_customers_come_in_pages(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    assert_eq!(world.store.portal_page(None).await.unwrap(), []);
    let mut ids: Vec<PortalId> = (0..=PORTAL_CUSTOMERS_PER_PAGE_MAX)
        .map(|number| a(&format!("{}/{number}", if number % 2 == 0 { KOMMITT } else { OTHER })))
        .collect();
    let names: Vec<String> = ids.iter().rev().map(ToString::to_string).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    world.load(adopted(&names)).await;
    // One that is not there yet is not shown.
    world.opened(first_enable(&portal("new"), world.start)).await;
    ids.sort();
    let first = world.store.portal_page(None).await.unwrap();
    assert_eq!(first.len(), PORTAL_CUSTOMERS_PER_PAGE_MAX);
    let after = first.last().map(|(id, _)| id.clone());
    let second = world.store.portal_page(after).await.unwrap();
    let read: Vec<_> = first.iter().chain(&second).map(|(id, _)| id.clone()).collect();
    assert_eq!(read, ids);
    let last = second.last().map(|(id, _)| id.clone());
    assert_eq!(world.store.portal_page(last).await.unwrap(), []);
    let (id, record) = &first[0];
    let whole = adoption(&id.to_string());
    let wanted = PortalRecord {
        customer: Some(PortalCustomer {
            enabled: true,
            own_password: true,
            sessions: 0,
            version: 1,
        }),
        secret: whole.secret,
        packs: whole.packs,
        mailboxes: whole.mailboxes,
    };
    assert_eq!(*record, wanted);
}

pub(crate) async fn tenants_are_listed_and_their_changes_noticed(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let mut tenants = catalogue().tenants;
    assert_eq!(world.store.tenant_list().await.unwrap(), tenants);
    let before = world.store.stamp().await.unwrap();
    world.load(catalogue()).await;
    assert_eq!(world.store.stamp().await.unwrap(), before);
    let write = async |tenants: &[_]| {
        let catalogue = Catalogue { tenants: tenants.to_vec(), ..Catalogue::default() };
        world.store.catalogue_write(catalogue, origin(), world.start).await
    };
    tenants[0].networks.push(a("10.0.0.0/8"));
    tenants[0].packs.pop();
    write(&tenants).await.unwrap();
    assert_eq!(world.store.tenant_list().await.unwrap(), tenants);
    let after = world.store.stamp().await.unwrap();
    assert!(after.networks > before.networks);
    assert_eq!(after.users, before.users);
    // The default moves from one to the other, whichever the file names first.
    for default in [1, 0, 1] {
        tenants[0].default = default == 0;
        tenants[1].default = default == 1;
        write(&tenants).await.unwrap();
        assert_eq!(world.store.tenant_list().await.unwrap(), tenants);
    }
    tenants[0].default = true;
    let mut nowhere = tenants[1].clone();
    nowhere.mail = a("NOWHERE");
    for (bad, named) in
        [(&tenants[..1], KOMMITT), (&tenants[..], "default"), (&[nowhere], "NOWHERE")]
    {
        match write(bad).await {
            Err(StoreError::Conflict(reason)) => assert!(reason.contains(named), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) async fn a_tenants_user_calls_for_it_alone(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let kommitt = UserKind::Tenant(a(KOMMITT));
    let user = |name: &str, tenant: &str| NewUser {
        username: a(name),
        kind: UserKind::Tenant(a(tenant)),
        password_hash: SecretString::from("$argon2id$one"),
        customers: vec![],
        bars: vec![],
        boltons: vec![],
    };
    let add = async |user| world.store.user_add(user, origin(), world.start).await;
    assert!(add(user("BackEnd", KOMMITT)).await.unwrap());
    let auth = world.store.user_auth(a("BackEnd")).await.unwrap().unwrap();
    assert_eq!(auth.kind, kommitt);
    let listed = world.store.user_list(None, 100).await.unwrap();
    assert_eq!((listed[0].username.as_str(), &listed[0].kind), ("BackEnd", &kommitt));
    for (bad, named) in [
        (user("Toad", "nowhere"), "nowhere"),
        (NewUser { customers: vec![a(MARIO)], ..user("Toad", KOMMITT) }, KOMMITT),
        (NewUser { bars: vec![a("AS_DATA")], ..user("Toad", KOMMITT) }, KOMMITT),
        (NewUser { boltons: vec![a("ROAM")], ..user("Toad", KOMMITT) }, KOMMITT),
    ] {
        match add(bad).await {
            Err(StoreError::Conflict(reason)) => assert!(reason.contains(named), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(world.store.user_auth(a("Toad")).await.unwrap().is_none());

    let credential = NewCredential {
        digest: [7; 32],
        label: "pvk_7".to_owned(),
        usable_for: CredentialUse::Write,
        networks: vec![],
        expires: None,
    };
    let owner = async |digest: u8| world.store.credential_owner([digest; 32]).await.unwrap();
    assert_eq!(owner(7).await, None);
    world.store.credential_add(a("BackEnd"), credential, origin(), world.start).await.unwrap();
    assert_eq!((owner(7).await, owner(8).await), (Some(a("BackEnd")), None));
    let auth = world.store.credential_auth(a("BackEnd"), [7; 32]).await.unwrap().unwrap();
    assert_eq!((auth.user.kind, auth.usable_for), (kommitt.clone(), CredentialUse::Write));
    let id = world.store.credential_list(a("BackEnd"), None, 100).await.unwrap().unwrap()[0].id;
    world.store.credential_revoke(a("BackEnd"), id, origin(), world.start).await.unwrap();
    assert_eq!(owner(7).await, None);

    // The catalogue makes a user one of another kind, and back; what was granted goes and comes with it.
    let mut next = catalogue();
    next.users[2].kind = kommitt;
    let refused = world.store.catalogue_write(next.clone(), origin(), world.start).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    next.users[2].customers.clear();
    next.users[2].bars.clear();
    next.users[2].boltons.clear();
    world.load(next.clone()).await;
    let scope = world.scope("MarioG").await;
    assert_eq!(scope.kind, next.users[2].kind);
    assert_eq!(world.store.contract_list(scope, a(MARIO)).await.unwrap(), []);
    world.load(catalogue()).await;
    let scope = world.scope("MarioG").await;
    assert_eq!(scope.kind, UserKind::Account);
    assert_eq!(world.store.contract_list(scope, a(MARIO)).await.unwrap().len(), 2);
}
