//! The C API: one file for each C type, thin over the rooms. The header is generated from here.
#![allow(unsafe_code, reason = "this is a door: every block argues why it is sound")]
#![allow(non_camel_case_types, reason = "the names are C's")]
#![allow(unreachable_pub, reason = "public to C; cbindgen reads what is pub")]

// In the order in which the header reads best.
mod status;
mod callback;
mod clock;
mod key_cache;
mod token;
mod source;
mod client;
mod credential;
mod lookup;
mod store;
mod audit;
mod server_config;
mod verdict;
mod server;
mod derive;
mod token_manager;
mod token_requests;

mod boundary;
mod snapshots;

pub use audit::{
    scramtoken_audit_doubled_nonce, scramtoken_audit_event, scramtoken_audit_fn,
    scramtoken_audit_mechanism, scramtoken_audit_operation, scramtoken_audit_owner,
    scramtoken_audit_requester, scramtoken_audit_status, scramtoken_audit_time_ms,
    scramtoken_audit_token_id,
};
pub use callback::scramtoken_finalizer_fn;
pub use client::{
    scramtoken_client, scramtoken_client_cancel, scramtoken_client_error, scramtoken_client_free,
    scramtoken_client_new, scramtoken_client_set_authzid, scramtoken_client_set_iteration_limits,
    scramtoken_client_set_key_cache, scramtoken_client_set_nonce, scramtoken_client_set_password,
    scramtoken_client_set_source, scramtoken_client_set_token, scramtoken_client_step,
    scramtoken_client_warning,
};
pub use clock::scramtoken_clock_fn;
pub use credential::scramtoken_credential;
pub use derive::scramtoken_derive;
pub use key_cache::{scramtoken_key_cache, scramtoken_key_cache_free, scramtoken_key_cache_new};
pub use lookup::{
    SCRAMTOKEN_IDENTITY_EITHER, SCRAMTOKEN_IDENTITY_TOKEN, SCRAMTOKEN_IDENTITY_USER,
    scramtoken_lookup_fn, scramtoken_lookup_reply, scramtoken_lookup_reply_token,
    scramtoken_lookup_reply_unknown, scramtoken_lookup_reply_user,
};
pub use server::{
    scramtoken_server, scramtoken_server_error, scramtoken_server_free, scramtoken_server_identity,
    scramtoken_server_new, scramtoken_server_set_nonce, scramtoken_server_step,
    scramtoken_server_supply_token, scramtoken_server_supply_unknown,
    scramtoken_server_supply_user, scramtoken_server_verdict,
};
pub use server_config::{
    scramtoken_server_config, scramtoken_server_config_free, scramtoken_server_config_new,
    scramtoken_server_config_set_audit, scramtoken_server_config_set_clock,
    scramtoken_server_config_set_doubled_nonce, scramtoken_server_config_set_implicit_tokens,
    scramtoken_server_config_set_lookup, scramtoken_server_config_set_mock_iterations,
    scramtoken_server_config_set_mock_secret, scramtoken_server_config_set_mock_token_iterations,
    scramtoken_server_config_set_store,
};
pub use source::{
    scramtoken_source, scramtoken_source_fn, scramtoken_source_free,
    scramtoken_source_from_callback, scramtoken_source_open, scramtoken_source_reply,
    scramtoken_source_reply_password, scramtoken_source_reply_token, scramtoken_source_token,
};
pub use status::{
    SCRAMTOKEN_ABI_VERSION, SCRAMTOKEN_CONTINUE, SCRAMTOKEN_ERR_AUTHZID, SCRAMTOKEN_ERR_CANCELLED,
    SCRAMTOKEN_ERR_CHANNEL_BINDING, SCRAMTOKEN_ERR_CORRUPT, SCRAMTOKEN_ERR_EXTENSION,
    SCRAMTOKEN_ERR_INTERNAL, SCRAMTOKEN_ERR_INVALID_ARGUMENT,
    SCRAMTOKEN_ERR_INVALID_PRINCIPAL_TYPE, SCRAMTOKEN_ERR_INVALID_PROOF,
    SCRAMTOKEN_ERR_INVALID_STATE, SCRAMTOKEN_ERR_IO, SCRAMTOKEN_ERR_ITERATIONS,
    SCRAMTOKEN_ERR_MALFORMED, SCRAMTOKEN_ERR_NONCE, SCRAMTOKEN_ERR_PERMISSIONS,
    SCRAMTOKEN_ERR_SERVER_REFUSED, SCRAMTOKEN_ERR_SERVER_SIGNATURE,
    SCRAMTOKEN_ERR_TOKEN_AUTH_DISABLED, SCRAMTOKEN_ERR_TOKEN_AUTHORIZATION_FAILED,
    SCRAMTOKEN_ERR_TOKEN_EXPIRED, SCRAMTOKEN_ERR_TOKEN_NOT_FOUND,
    SCRAMTOKEN_ERR_TOKEN_OWNER_MISMATCH, SCRAMTOKEN_ERR_TOKEN_REQUEST_NOT_ALLOWED,
    SCRAMTOKEN_ERR_TOKENS_STALE, SCRAMTOKEN_ERR_TOO_LONG, SCRAMTOKEN_ERR_UNKNOWN_USER,
    SCRAMTOKEN_ERR_UNSUPPORTED_MECHANISM, SCRAMTOKEN_ERR_USER_NOT_FOUND, SCRAMTOKEN_MAX_MESSAGE,
    SCRAMTOKEN_NEED_CREDENTIAL, SCRAMTOKEN_OK, SCRAMTOKEN_VERSION_MAJOR, SCRAMTOKEN_VERSION_MINOR,
    SCRAMTOKEN_VERSION_PATCH, scramtoken_abi_version, scramtoken_last_error, scramtoken_status,
    scramtoken_status_name, scramtoken_version,
};
pub use store::{
    scramtoken_store, scramtoken_store_delete_token, scramtoken_store_delete_user,
    scramtoken_store_free, scramtoken_store_open, scramtoken_store_open_read_only,
    scramtoken_store_put_credential, scramtoken_store_put_token, scramtoken_store_put_user,
    scramtoken_store_visit_users, scramtoken_store_warning, scramtoken_user_visit_fn,
};
pub use token::{
    scramtoken_token, scramtoken_token_expiry_ms, scramtoken_token_free, scramtoken_token_hmac,
    scramtoken_token_id, scramtoken_token_issue_ms, scramtoken_token_max_ms,
    scramtoken_token_owner, scramtoken_token_renewer, scramtoken_token_renewers_len,
    scramtoken_token_requester,
};
pub use token_manager::{
    SCRAMTOKEN_OPERATION_CREATE, SCRAMTOKEN_OPERATION_DESCRIBE, scramtoken_authorizer_fn,
    scramtoken_token_manager, scramtoken_token_manager_add_secret_key,
    scramtoken_token_manager_free, scramtoken_token_manager_new,
    scramtoken_token_manager_remove_secret_key, scramtoken_token_manager_set_audit,
    scramtoken_token_manager_set_authorizer, scramtoken_token_manager_set_clock,
    scramtoken_token_manager_set_iterations, scramtoken_token_manager_set_lifetimes,
    scramtoken_token_manager_set_signing_key,
};
pub use token_requests::{
    scramtoken_token_create, scramtoken_token_describe, scramtoken_token_expire,
    scramtoken_token_renew, scramtoken_token_sweep, scramtoken_token_visit_fn,
};
pub use verdict::{
    SCRAMTOKEN_AUTHENTICATED, SCRAMTOKEN_REJECTED, SCRAMTOKEN_UNDECIDED, scramtoken_verdict,
};
