//! The tenants of the Simple Portal face that this process knows.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use provisor_domain::catalogue::Tenant;

/// All tenants; replaced as a whole, so that readers never see half a change.
#[derive(Debug, Default)]
pub struct Tenants(RwLock<Arc<Known>>);

#[derive(Debug, Default)]
struct Known {
    by_name: HashMap<Box<str>, Arc<Tenant>>,
    default: Option<Arc<Tenant>>,
    /// The stamp that was current before they were read.
    seen_at: Option<i64>,
}

impl Tenants {
    /// The tenant of this name.
    pub fn named(&self, name: &str) -> Option<Arc<Tenant>> {
        self.known().by_name.get(name).cloned()
    }

    /// The tenant that answers paths that name none: the one that says so in the catalogue, else the only one.
    pub fn default_one(&self) -> Option<Arc<Tenant>> {
        self.known().default.clone()
    }

    /// All of them, in no particular order.
    pub fn all(&self) -> Vec<Arc<Tenant>> {
        self.known().by_name.values().cloned().collect()
    }

    /// As of which stamp these are; `None` when they were never read.
    pub(crate) fn seen_at(&self) -> Option<i64> {
        self.known().seen_at
    }

    pub(crate) fn replace(&self, tenants: Vec<Tenant>, seen_at: i64) {
        let tenants: Vec<Arc<Tenant>> = tenants.into_iter().map(Arc::new).collect();
        let only = || tenants.first().filter(|_| tenants.len() == 1);
        let default = tenants.iter().find(|tenant| tenant.default).or_else(only).cloned();
        let by_name = tenants.iter().map(|tenant| (tenant.name.as_str().into(), tenant.clone()));
        let known = Known { by_name: by_name.collect(), default, seen_at: Some(seen_at) };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
    }

    fn known(&self) -> Arc<Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
