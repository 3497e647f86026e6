//! Whose SCRAM users: a cluster's or a store's. What they answer is the same.

use core::ops::ControlFlow;
use std::collections::BTreeMap;

use crate::error::Error;
use crate::kafka::{Cluster, ScramAlteration, ScramUser};
use crate::store::{Store, User};

pub(super) enum Users {
    Cluster(Box<Cluster>),
    Store(Store),
}

impl Users {
    pub(super) fn alter(&mut self, user: &str, alteration: &ScramAlteration) -> Result<(), Error> {
        match (self, alteration) {
            (Self::Cluster(cluster), _) => cluster.alter_scram_user(user, alteration),
            (Self::Store(store), ScramAlteration::Set { mechanism, iterations, password }) => {
                store.put_user(*mechanism, user.as_bytes(), password.as_bytes(), *iterations)
            }
            (Self::Store(store), ScramAlteration::Delete(mechanism)) => {
                store.delete_user(*mechanism, user.as_bytes())
            }
        }
    }

    /// The users of these names, or all of them where there are no names. A name that is no user is
    /// left out.
    pub(super) fn describe(&mut self, names: &[String]) -> Result<Vec<ScramUser>, Error> {
        let store = match self {
            Self::Cluster(cluster) => return cluster.describe_scram_users(names),
            Self::Store(store) => store,
        };
        let mut found = Vec::new();
        for name in names {
            found.extend(store.users_of_name(name)?);
        }
        if names.is_empty() {
            store.visit_users(|user| {
                found.push(user.clone());
                ControlFlow::Continue(())
            })?;
        }
        Ok(by_name(found))
    }
}

fn by_name(users: Vec<User>) -> Vec<ScramUser> {
    let mut by_name: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for User { name, mechanism, iterations } in users {
        let iterations = i32::try_from(iterations).unwrap_or(i32::MAX);
        by_name.entry(name).or_default().push((mechanism, iterations));
    }
    by_name.into_iter().map(|(name, credentials)| ScramUser { name, credentials }).collect()
}
