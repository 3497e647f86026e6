//! The SCRAM credentials that a cluster keeps of its users (KIP-554): describe, set, delete.

use kafka_protocol::messages::alter_user_scram_credentials_request::{
    ScramCredentialDeletion, ScramCredentialUpsertion,
};
use kafka_protocol::messages::describe_user_scram_credentials_request::UserName;
use kafka_protocol::messages::{
    AlterUserScramCredentialsRequest, DescribeUserScramCredentialsRequest,
};
use zeroize::Zeroizing;

use super::apis::Api;
use super::cluster::Cluster;
use super::error_code;
use crate::scram::{BASE36_RANDOM, Cancel, Mechanism, base36, cancelled, salted_password};
use crate::{error::Error, random};

/// A user, with the mechanisms it has credentials of and their iterations.
#[derive(Debug)]
pub(crate) struct ScramUser {
    pub(crate) name: String,
    pub(crate) credentials: Vec<(Mechanism, i32)>,
}

/// A change to the credential of one mechanism.
pub(crate) enum ScramAlteration {
    /// Sets the credential of a mechanism; the cluster gets salt and salted password, not the
    /// password.
    Set { mechanism: Mechanism, iterations: u32, password: Zeroizing<String> },
    /// Removes it.
    Delete(Mechanism),
}

impl Cluster {
    /// The SCRAM users of these names, or all of them where there are no names. A name that is no
    /// SCRAM user is left out.
    ///
    /// # Errors
    ///
    /// Kafka's; `IO`, and those of a login.
    pub(crate) fn describe_scram_users(
        &mut self,
        names: &[String],
    ) -> Result<Vec<ScramUser>, Error> {
        const RESOURCE_NOT_FOUND: i16 = 91;

        let users = names.iter().map(|name| UserName::default().with_name(name.clone().into()));
        let users = (!names.is_empty()).then(|| users.collect());
        let request = DescribeUserScramCredentialsRequest::default().with_users(users);
        self.ask_for_list(&request, |response, results| {
            let failure = |code, said: Option<&str>| {
                error_code::failure(DescribeUserScramCredentialsRequest::NAME, code, said)
            };
            if response.error_code != error_code::NONE {
                return Err(failure(response.error_code, response.error_message.as_deref()));
            }
            let mut users = Vec::new();
            for result in results {
                let result = result?;
                match result.error_code {
                    error_code::NONE => users.push(ScramUser {
                        name: result.user.to_string(),
                        credentials: result
                            .credential_infos
                            .iter()
                            .filter_map(|info| Some((mechanism(info.mechanism)?, info.iterations)))
                            .collect(),
                    }),
                    RESOURCE_NOT_FOUND => {}
                    code => return Err(failure(code, result.error_message.as_deref())),
                }
            }
            Ok(users)
        })
    }

    /// Changes a user's credential of one mechanism: KRaft takes no more in one request.
    ///
    /// # Errors
    ///
    /// `USER_NOT_FOUND` for a credential to delete that is not there; Kafka's others; `IO`, and
    /// those of a login.
    pub(crate) fn alter_scram_user(
        &mut self,
        user: &str,
        alteration: &ScramAlteration,
    ) -> Result<(), Error> {
        let mut request = AlterUserScramCredentialsRequest::default();
        match alteration {
            ScramAlteration::Set { mechanism, iterations, password } => {
                request.upsertions.push(upsertion(user, *mechanism, *iterations, password)?);
            }
            ScramAlteration::Delete(mechanism) => request.deletions.push(
                ScramCredentialDeletion::default()
                    .with_name(user.to_owned().into())
                    .with_mechanism(number(*mechanism)),
            ),
        }
        self.ask_controller(&request, |response| {
            let mut results = response.results.iter();
            let failed = results.find(|result| result.error_code != error_code::NONE);
            failed.map_or(Ok(()), |result| {
                let said = result.error_message.as_deref();
                let name = AlterUserScramCredentialsRequest::NAME;
                Err(error_code::failure(name, result.error_code, said))
            })
        })
    }
}

fn upsertion(
    user: &str,
    mechanism: Mechanism,
    iterations: u32,
    password: &str,
) -> Result<ScramCredentialUpsertion, Error> {
    // As Kafka's own tools salt: a salt of another look would tell made-up ones from those of users.
    let salt: Vec<u8> = base36(&random::bytes::<BASE36_RANDOM>()?).collect();
    let cancel = Cancel::default();
    let salted = salted_password(mechanism, password.as_bytes(), &salt, iterations, &cancel)
        .ok_or_else(cancelled)?;
    Ok(ScramCredentialUpsertion::default()
        .with_name(user.to_owned().into())
        .with_mechanism(number(mechanism))
        .with_iterations(i32::try_from(iterations).unwrap_or(i32::MAX))
        .with_salt(salt.into())
        .with_salted_password(salted.as_bytes().to_vec().into()))
}

/// The numbers of KIP-554.
fn number(mechanism: Mechanism) -> i8 {
    match mechanism {
        Mechanism::ScramSha256 => 1,
        Mechanism::ScramSha512 => 2,
    }
}

fn mechanism(of_number: i8) -> Option<Mechanism> {
    Mechanism::ALL.into_iter().find(|mechanism| number(*mechanism) == of_number)
}
