//! The requests that we send, with the shape of what may come back.

use kafka_protocol::messages::describe_delegation_token_response::DescribedDelegationToken;
use kafka_protocol::messages::describe_user_scram_credentials_response::DescribeUserScramCredentialsResult;
use kafka_protocol::messages::{
    AlterUserScramCredentialsRequest, ApiVersionsRequest, CreateDelegationTokenRequest,
    DescribeClusterRequest, DescribeDelegationTokenRequest, DescribeUserScramCredentialsRequest,
    ExpireDelegationTokenRequest, RenewDelegationTokenRequest, SaslAuthenticateRequest,
    SaslHandshakeRequest,
};
use kafka_protocol::protocol::{Decodable, Message, Request, VersionRange};

use super::frame;
use super::shape::{Field, Field::*, INT8, INT16, INT32, INT64};

/// A request of Kafka's protocol.
pub(super) trait Api: Request {
    /// Its name in Kafka's documentation.
    const NAME: &'static str;
    /// Which versions to send, at most.
    const VERSIONS: VersionRange = <Self as Message>::VERSIONS;
    /// What its response consists of.
    const RESPONSE: &'static [Field];
    /// How many bytes its response may have, where the broker has proved who it is.
    const MAX_LEN: usize = frame::MAX_UNPROVED;
    /// How many elements its response may have: of its arrays, of theirs, and of tagged fields.
    const MAX_ELEMENTS: usize = 1000;

    /// What a broker must speak for what this request holds, beyond what it needs at all.
    fn needs(&self) -> Option<Needs> {
        None
    }
}

/// A version of a request without which a part of it cannot be said.
pub(super) struct Needs {
    pub(super) version: i16,
    /// Which part, and what it takes: a sentence.
    pub(super) text: &'static str,
}

/// A request whose response is a list, which may be long: its elements are decoded one at a time.
pub(super) trait ListApi: Api {
    /// One of the list, which is the first array of [`Api::RESPONSE`].
    type Element: Decodable;
}

const MIB: usize = 1024 * 1024;

impl Api for ApiVersionsRequest {
    const NAME: &'static str = "ApiVersions";
    // Every broker answers version 0, and nothing of the later ones is of use here.
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };
    const RESPONSE: &'static [Field] = &[INT16, Array(&[INT16, INT16, INT16])];
}

impl Api for SaslHandshakeRequest {
    const NAME: &'static str = "SaslHandshake";
    // Version 0 sends the SASL messages outside of Kafka's frames.
    const VERSIONS: VersionRange = VersionRange { min: 1, max: 1 };
    const RESPONSE: &'static [Field] = &[INT16, Strings];
}

impl Api for SaslAuthenticateRequest {
    const NAME: &'static str = "SaslAuthenticate";
    // Version 0 does not say when the session ends.
    const VERSIONS: VersionRange = VersionRange { min: 1, max: 2 };
    const RESPONSE: &'static [Field] = &[INT16, String, Bytes, INT64];
}

impl Api for DescribeClusterRequest {
    const NAME: &'static str = "DescribeCluster";
    const MAX_LEN: usize = MIB;
    const MAX_ELEMENTS: usize = 10_000;
    const RESPONSE: &'static [Field] = &[
        INT32,
        INT16,
        String,
        Since(1, &INT8),
        String,
        INT32,
        Array(&[INT32, String, INT32, String, Since(2, &INT8)]),
        INT32,
    ];
}

impl Api for CreateDelegationTokenRequest {
    const NAME: &'static str = "CreateDelegationToken";

    fn needs(&self) -> Option<Needs> {
        let text = "a token for somebody else (--owner-principal) takes Kafka 3.3 or newer; no token \
                    was asked for";
        let is_for_another =
            self.owner_principal_name.as_ref().is_some_and(|name| !name.is_empty());
        is_for_another.then_some(Needs { version: 3, text })
    }

    const RESPONSE: &'static [Field] = &[
        INT16,
        String,
        String,
        Since(3, &String),
        Since(3, &String),
        INT64,
        INT64,
        INT64,
        String,
        Bytes,
        INT32,
    ];
}

impl Api for RenewDelegationTokenRequest {
    const NAME: &'static str = "RenewDelegationToken";
    const RESPONSE: &'static [Field] = &[INT16, INT64, INT32];
}

impl Api for ExpireDelegationTokenRequest {
    const NAME: &'static str = "ExpireDelegationToken";
    const RESPONSE: &'static [Field] = &[INT16, INT64, INT32];
}

impl Api for DescribeDelegationTokenRequest {
    const NAME: &'static str = "DescribeDelegationToken";
    // A hundred thousand tokens, each with a renewer, take some 25 MiB.
    const MAX_LEN: usize = 32 * MIB;
    const MAX_ELEMENTS: usize = 250_000;
    const RESPONSE: &'static [Field] = &[
        INT16,
        Array(&[
            String,
            String,
            Since(3, &String),
            Since(3, &String),
            INT64,
            INT64,
            INT64,
            String,
            Bytes,
            Array(&[String, String]),
        ]),
        INT32,
    ];
}

impl ListApi for DescribeDelegationTokenRequest {
    type Element = DescribedDelegationToken;
}

impl Api for DescribeUserScramCredentialsRequest {
    const NAME: &'static str = "DescribeUserScramCredentials";
    // Two hundred thousand users, each with a credential of both mechanisms, take some 8 MiB.
    const MAX_LEN: usize = 32 * MIB;
    const MAX_ELEMENTS: usize = 600_000;
    const RESPONSE: &'static [Field] =
        &[INT32, INT16, String, Array(&[String, INT16, String, Array(&[INT8, INT32])])];
}

impl ListApi for DescribeUserScramCredentialsRequest {
    type Element = DescribeUserScramCredentialsResult;
}

impl Api for AlterUserScramCredentialsRequest {
    const NAME: &'static str = "AlterUserScramCredentials";
    const RESPONSE: &'static [Field] = &[INT32, Array(&[String, INT16, String])];
}
