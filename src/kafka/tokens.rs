//! Delegation tokens (KIP-48, KIP-373): create, renew, expire, describe.

use base64::{Engine, engine::general_purpose::STANDARD};
use kafka_protocol::messages::create_delegation_token_request::CreatableRenewers;
use kafka_protocol::messages::describe_delegation_token_request::DescribeDelegationTokenOwner;
use kafka_protocol::messages::describe_delegation_token_response::DescribedDelegationToken;
use kafka_protocol::messages::{
    CreateDelegationTokenRequest, CreateDelegationTokenResponse, DescribeDelegationTokenRequest,
    ExpireDelegationTokenRequest, RenewDelegationTokenRequest,
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::apis::Api;
use super::cluster::{Cluster, Identity};
use super::error_code;
use super::failure::Failure;
use crate::token::{Principal, Token};
use crate::{error::Error, status::Status};

impl Cluster {
    /// A new token, for `owner` or else for whom we are. A lifetime of -1 is the longest that the
    /// brokers allow.
    ///
    /// # Errors
    ///
    /// Kafka's, as `TOKEN_AUTH_DISABLED`, `TOKEN_REQUEST_NOT_ALLOWED`, `TOKEN_AUTHORIZATION_FAILED`
    /// or `INVALID_PRINCIPAL_TYPE`; `IO`, and those of a login.
    pub(crate) fn create_token(
        &mut self,
        owner: Option<&Principal>,
        renewers: &[Principal],
        max_lifetime_ms: i64,
    ) -> Result<Token, Error> {
        let mut request = CreateDelegationTokenRequest::default()
            .with_renewers(
                renewers
                    .iter()
                    .map(|renewer| {
                        CreatableRenewers::default()
                            .with_principal_type(renewer.kind().to_owned().into())
                            .with_principal_name(renewer.name().to_owned().into())
                    })
                    .collect(),
            )
            .with_max_lifetime_ms(max_lifetime_ms);
        if let Some(owner) = owner {
            request.owner_principal_type = Some(owner.kind().to_owned().into());
            request.owner_principal_name = Some(owner.name().to_owned().into());
        }
        let undone = "a token may have been made all the same: --describe shows it";
        self.ask_once(&request, undone, |response| {
            checked::<CreateDelegationTokenRequest>(response.error_code)?;
            created(&response, renewers)
        })
    }

    /// Gives a token more time; a period of -1 is the brokers' default. The new end, in ms since
    /// 1970.
    ///
    /// # Errors
    ///
    /// Kafka's, as `TOKEN_NOT_FOUND`, `TOKEN_EXPIRED`, `TOKEN_OWNER_MISMATCH` and those of
    /// `create_token`.
    pub(crate) fn renew_token(&mut self, hmac: &[u8], period_ms: i64) -> Result<i64, Error> {
        let request = RenewDelegationTokenRequest::default()
            .with_hmac(hmac.to_vec().into())
            .with_renew_period_ms(period_ms);
        self.ask(&request, |response| {
            checked::<RenewDelegationTokenRequest>(response.error_code)?;
            Ok(response.expiry_timestamp_ms)
        })
    }

    /// Sets a token's end; a negative period removes it at once. The new end, in ms since 1970.
    ///
    /// # Errors
    ///
    /// As `renew_token`.
    pub(crate) fn expire_token(&mut self, hmac: &[u8], period_ms: i64) -> Result<i64, Error> {
        let request = ExpireDelegationTokenRequest::default()
            .with_hmac(hmac.to_vec().into())
            .with_expiry_time_period_ms(period_ms);
        self.ask(&request, |response| {
            checked::<ExpireDelegationTokenRequest>(response.error_code)?;
            Ok(response.expiry_timestamp_ms)
        })
    }

    /// The tokens of these owners that we may see. Of no owners Kafka shows no tokens.
    ///
    /// # Errors
    ///
    /// As `create_token`.
    pub(crate) fn describe_tokens(&mut self, owners: &[Principal]) -> Result<Vec<Token>, Error> {
        self.describe_some(owners, |_| true)
    }

    /// Those of these owners' tokens whose ids are wanted.
    ///
    /// # Errors
    ///
    /// As `create_token`.
    pub(crate) fn describe_some(
        &mut self,
        owners: &[Principal],
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<Token>, Error> {
        let owners = owners.iter().map(|owner| {
            DescribeDelegationTokenOwner::default()
                .with_principal_type(owner.kind().to_owned().into())
                .with_principal_name(owner.name().to_owned().into())
        });
        let request = DescribeDelegationTokenRequest::default().with_owners(Some(owners.collect()));
        self.ask_for_list(&request, |response, tokens| {
            checked::<DescribeDelegationTokenRequest>(response.error_code)?;
            let wanted = tokens
                .filter(|token| token.as_ref().map_or(true, |token| is_wanted(&token.token_id)));
            wanted.map(|token| described(token?)).collect()
        })
    }

    /// What `keep` keeps of every token that we may see: those of our own, and of others by the operation
    /// Describe on the token or DescribeTokens on its owner. Kafka has no error for those that we may not.
    /// Each HMAC is wiped when its token is dropped. And which cluster they are of.
    ///
    /// # Errors
    ///
    /// As `create_token`.
    pub(crate) fn all_tokens<T>(
        &mut self,
        keep: impl Fn(Token) -> Option<T>,
    ) -> Result<(Identity, Vec<T>), Error> {
        let request = DescribeDelegationTokenRequest::default().with_owners(None);
        self.ask_whom_for_list(&request, |response, tokens| {
            checked::<DescribeDelegationTokenRequest>(response.error_code)?;
            let mut kept = Vec::new();
            for token in tokens {
                kept.extend(keep(described(token?)?));
            }
            Ok(kept)
        })
    }

    /// The token of this id, where we may see it.
    ///
    /// # Errors
    ///
    /// As `create_token`.
    pub(crate) fn find_token(&mut self, id: &str) -> Result<Option<Token>, Error> {
        let request = DescribeDelegationTokenRequest::default().with_owners(None);
        self.ask_for_list(&request, |response, tokens| {
            checked::<DescribeDelegationTokenRequest>(response.error_code)?;
            for token in tokens {
                let token = token?;
                if *token.token_id == *id {
                    return described(token).map(Some);
                }
            }
            Ok(None)
        })
    }

    /// When the token of this HMAC ends for good; None where we may not see it.
    ///
    /// # Errors
    ///
    /// As `create_token`.
    pub(crate) fn max_of_token(&mut self, hmac: &[u8]) -> Result<Option<i64>, Error> {
        // No list of owners: every token that we may see.
        let request = DescribeDelegationTokenRequest::default().with_owners(None);
        self.ask_for_list(&request, |response, tokens| {
            checked::<DescribeDelegationTokenRequest>(response.error_code)?;
            for token in tokens {
                let token = token?;
                if bool::from(token.hmac.ct_eq(hmac)) {
                    return Ok(Some(token.max_timestamp));
                }
            }
            Ok(None)
        })
    }
}

fn created(
    response: &CreateDelegationTokenResponse,
    renewers: &[Principal],
) -> Result<Token, Failure> {
    let mut token = token(&response.token_id, &response.hmac)?;
    let owner = principal(&response.principal_type, &response.principal_name);
    let requester = requester(
        &response.token_requester_principal_type,
        &response.token_requester_principal_name,
        &owner,
    );
    token.renewers = renewers.iter().map(Principal::to_string).collect();
    (token.owner, token.requester) = (Some(owner), Some(requester));
    token.issue_ms = Some(response.issue_timestamp_ms);
    token.expiry_ms = Some(response.expiry_timestamp_ms);
    token.max_ms = Some(response.max_timestamp_ms);
    Ok(token)
}

fn described(response: DescribedDelegationToken) -> Result<Token, Failure> {
    let mut token = token(&response.token_id, &response.hmac)?;
    let owner = principal(&response.principal_type, &response.principal_name);
    let requester = requester(
        &response.token_requester_principal_type,
        &response.token_requester_principal_name,
        &owner,
    );
    let renewers = response.renewers.iter();
    token.renewers = renewers
        .map(|renewer| principal(&renewer.principal_type, &renewer.principal_name))
        .collect();
    (token.owner, token.requester) = (Some(owner), Some(requester));
    token.issue_ms = Some(response.issue_timestamp);
    token.expiry_ms = Some(response.expiry_timestamp);
    token.max_ms = Some(response.max_timestamp);
    Ok(token)
}

fn token(id: &str, hmac: &[u8]) -> Result<Token, Failure> {
    let hmac = Zeroizing::new(STANDARD.encode(hmac));
    Token::new(id.as_bytes(), hmac.as_bytes()).map_err(|error| {
        // The broker's answer is wrong, not an argument of ours.
        Error::new(Status::MALFORMED, format!("the broker's answer: {error}")).into()
    })
}

fn checked<R: Api>(code: i16) -> Result<(), Failure> {
    if code == error_code::NONE { Ok(()) } else { Err(error_code::failure(R::NAME, code, None)) }
}

fn principal(kind: &str, name: &str) -> String {
    format!("{kind}:{name}")
}

/// Brokers before KIP-373 name no requester: it is the owner.
fn requester(kind: &str, name: &str, owner: &str) -> String {
    if kind.is_empty() { owner.to_owned() } else { principal(kind, name) }
}
