//! `sasl.kerberos.service.name` and the options of Krb5LoginModule, with the meaning that Java gives them.

use std::path::PathBuf;
use std::sync::Arc;

use super::principal::Principal;
use super::{Credentials, Gssapi, MemoryCache, Service, keytab};
use crate::error::Error;
use crate::kafka::property::{invalid, value};
use crate::properties::{LoginModule, Properties};

impl Gssapi {
    /// As the properties say. Without a `module` the default ticket cache serves, which kinit fills.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT`, with the key and the option; those of the keytab.
    pub(in super::super) fn from_properties(
        properties: &Properties,
        module: Option<&LoginModule>,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Error> {
        let credentials = match module {
            Some(module) => credentials(module, warnings)?,
            None => Credentials::Tickets { cache: None, principal: None },
        };
        Ok(Self { service: service(properties, module)?, credentials })
    }
}

fn service(properties: &Properties, module: Option<&LoginModule>) -> Result<Service, Error> {
    const KEY: &str = "sasl.kerberos.service.name";

    let of_module = module.and_then(|module| module.option("serviceName"));
    let name = match (value(properties, KEY), of_module) {
        (Some(one), Some(other)) if one != other => {
            let what = "serviceName in sasl.jaas.config says otherwise; remove one of them";
            return Err(invalid(KEY, what));
        }
        (one, other) => one.or(other).filter(|name| !name.is_empty()).ok_or_else(|| {
            let what = "it is missing; give the first part of the brokers' Kerberos principal, which is \
                        mostly kafka (sasl.mechanism is GSSAPI, Kerberos, where nothing else is set)";
            invalid(KEY, what)
        })?,
    };
    let principal = Principal::parse(name);
    match principal.as_ref().map(|name| (name.components.as_slice(), &name.realm)) {
        Some(([_], None)) => Ok(Service::OfHost(name.to_owned())),
        Some(([_, _, ..], _)) => Ok(Service::Principal(name.to_owned())),
        _ => {
            let what =
                "it is neither a name like kafka nor a whole principal like kafka/host@REALM";
            Err(invalid(KEY, what))
        }
    }
}

fn credentials(module: &LoginModule, warnings: &mut Vec<String>) -> Result<Credentials, Error> {
    let option = |name| module.option(name).filter(|text| !text.is_empty());
    let is_true = |name| option(name).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let principal = option("principal").map(principal).transpose()?;
    if option("isInitiator").is_some_and(|text| text.eq_ignore_ascii_case("false")) {
        return Err(wrong("isInitiator: false is for brokers; remove it"));
    }
    for (named, switch) in [("keyTab", "useKeyTab"), ("ticketCache", "useTicketCache")] {
        if option(named).is_some() && !is_true(switch) {
            return Err(wrong(&format!("{named}: it wants {switch}=true beside it")));
        }
    }
    // Java would look into the ticket cache first where both are true; for the same principal.
    if is_true("useKeyTab") {
        let path = option("keyTab").ok_or_else(|| wrong("keyTab: useKeyTab=true wants it"))?;
        let path = path.strip_prefix("FILE:").unwrap_or(path);
        if path.contains('\0') {
            return Err(wrong("keyTab: it is no path"));
        }
        let path = PathBuf::from(path);
        let (principal, name) = principal.ok_or_else(|| {
            wrong("principal: useKeyTab=true wants it, such as principal=\"alice@EXAMPLE.COM\"")
        })?;
        warnings.extend(keytab::check(&path, &principal)?);
        let cache = Arc::new(MemoryCache::new());
        return Ok(Credentials::Keytab { path, principal: name, cache });
    }
    if is_true("useTicketCache") {
        let cache = option("ticketCache");
        if cache.is_some_and(|cache| cache.contains('\0')) {
            return Err(wrong("ticketCache: it is no path"));
        }
        // Whatever else it is, such as KCM: or KEYRING:persistent:1000, libkrb5 knows.
        let cache = cache.map(|cache| match cache.starts_with('/') {
            true => format!("FILE:{cache}"),
            false => cache.to_owned(),
        });
        return Ok(Credentials::Tickets { cache, principal: principal.map(|(_, name)| name) });
    }
    Err(wrong(
        "Krb5LoginModule would ask for a password, and nobody is asked here: set useKeyTab=true with \
         keyTab and principal, or useTicketCache=true",
    ))
}

fn principal(text: &str) -> Result<(Principal, String), Error> {
    let parsed = Principal::parse(text);
    let parsed =
        parsed.ok_or_else(|| wrong("principal: it is not like alice or alice@EXAMPLE.COM"));
    Ok((parsed?, text.to_owned()))
}

fn wrong(what: &str) -> Error {
    invalid("sasl.jaas.config", what)
}
