/*
 * Both sides of a login against each other: credentials, a lookup with one user and one token, and
 * the exchange of messages.
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "check.h"
#include "vectors.h"

#define TOKEN_ID "token-id"
#define TOKEN_HMAC "aG1hYw=="
#define TOKEN_OWNER "alice"

#define SHA_256 "SCRAM-SHA-256"
#define SHA_512 "SCRAM-SHA-512"
static const char *const MECHANISMS[] = {SHA_256, SHA_512};
enum { MECHANISMS_LEN = 2 };

static inline size_t key_len(const char *mechanism) {
  return strcmp(mechanism, "SCRAM-SHA-256") == 0 ? 32 : 64;
}

/* A credential and the keys that it points to: not to be copied. */
struct kept {
  uint8_t stored_key[64], server_key[64];
  scramtoken_credential credential;
};

/* What a server keeps of `password` with the known answers' salt. */
static inline void keep(struct kept *kept, const char *mechanism, const char *password,
                        uint32_t iterations) {
  const size_t len = key_len(mechanism);
  CHECK_OK(scramtoken_derive(mechanism, BYTES(password), BYTES(VECTOR_SALT_BYTES), iterations,
                             kept->stored_key, kept->server_key, len));
  kept->credential.salt = (const uint8_t *)VECTOR_SALT_BYTES;
  kept->credential.salt_len = strlen(VECTOR_SALT_BYTES);
  kept->credential.stored_key = kept->stored_key;
  kept->credential.stored_key_len = len;
  kept->credential.server_key = kept->server_key;
  kept->credential.server_key_len = len;
  kept->credential.iterations = iterations;
}

/* One user and one token of one mechanism, as a lookup's userdata. */
struct accounts {
  struct kept user, token;
  int64_t token_expiry_ms;
};

static inline void make_accounts(struct accounts *accounts, const char *mechanism) {
  keep(&accounts->user, mechanism, VECTOR_PASSWORD, VECTOR_ITERATIONS);
  keep(&accounts->token, mechanism, TOKEN_HMAC, VECTOR_ITERATIONS);
  accounts->token_expiry_ms = -1;
}

static inline bool is_name(const uint8_t *name, size_t name_len, const char *expected) {
  return name_len == strlen(expected) && memcmp(name, expected, name_len) == 0;
}

static inline scramtoken_status look_up_accounts(void *userdata, const char *mechanism,
                                                 const uint8_t *name, size_t name_len,
                                                 int32_t kind, scramtoken_lookup_reply *reply) {
  const struct accounts *accounts = (const struct accounts *)userdata;
  (void)mechanism;
  if ((kind & SCRAMTOKEN_IDENTITY_USER) != 0 && is_name(name, name_len, VECTOR_USER))
    return scramtoken_lookup_reply_user(reply, &accounts->user.credential);
  if ((kind & SCRAMTOKEN_IDENTITY_TOKEN) != 0 && is_name(name, name_len, TOKEN_ID))
    return scramtoken_lookup_reply_token(reply, &accounts->token.credential, BYTES(TOKEN_OWNER),
                                         accounts->token_expiry_ms);
  return scramtoken_lookup_reply_unknown(reply);
}

static inline scramtoken_server_config *config_with(struct accounts *accounts) {
  scramtoken_server_config *config = NULL;
  CHECK_OK(scramtoken_server_config_new(&config));
  CHECK_OK(scramtoken_server_config_set_lookup(config, look_up_accounts, accounts, NULL));
  return config;
}

static inline scramtoken_client *new_client(const char *mechanism) {
  scramtoken_client *client = NULL;
  CHECK_OK(scramtoken_client_new(mechanism, &client));
  CHECK(client != NULL);
  return client;
}

static inline scramtoken_client *password_client(const char *mechanism, const char *user,
                                                 const char *password) {
  scramtoken_client *client = new_client(mechanism);
  CHECK_OK(scramtoken_client_set_password(client, BYTES(user), BYTES(password)));
  return client;
}

static inline scramtoken_client *token_client(const char *mechanism, const char *token_id,
                                              const char *hmac) {
  scramtoken_client *client = new_client(mechanism);
  CHECK_OK(scramtoken_client_set_token(client, BYTES(token_id), BYTES(hmac)));
  return client;
}

static inline scramtoken_server *new_server(const scramtoken_server_config *config,
                                            const char *mechanism) {
  scramtoken_server *server = NULL;
  CHECK_OK(scramtoken_server_new(config, mechanism, &server));
  CHECK(server != NULL);
  return server;
}

/* Steps whose input is a text. */
static inline scramtoken_status client_step(scramtoken_client *client, const char *in,
                                            const uint8_t **out, size_t *out_len) {
  return scramtoken_client_step(client, (const uint8_t *)in, in == NULL ? 0 : strlen(in), out,
                                out_len);
}

static inline scramtoken_status server_step(scramtoken_server *server, const char *in,
                                            const uint8_t **out, size_t *out_len) {
  return scramtoken_server_step(server, (const uint8_t *)in, in == NULL ? 0 : strlen(in), out,
                                out_len);
}

/* How a login ended on both sides; CONTINUE on the client where the server fell silent. */
struct ending {
  scramtoken_status client, server;
};

static inline struct ending exchange(scramtoken_client *client, scramtoken_server *server) {
  struct ending ending = {SCRAMTOKEN_CONTINUE, SCRAMTOKEN_CONTINUE};
  const uint8_t *to_client = NULL, *to_server;
  size_t to_client_len = 0, to_server_len;
  for (;;) {
    ending.client =
        scramtoken_client_step(client, to_client, to_client_len, &to_server, &to_server_len);
    if (ending.client != SCRAMTOKEN_CONTINUE) return ending;
    to_client = NULL;
    ending.server =
        scramtoken_server_step(server, to_server, to_server_len, &to_client, &to_client_len);
    if (to_client == NULL) return ending;
  }
}

/* A whole login; frees the client. */
static inline struct ending log_in(const scramtoken_server_config *config, const char *mechanism,
                                   scramtoken_client *client) {
  scramtoken_server *server = new_server(config, mechanism);
  struct ending ending = exchange(client, server);
  scramtoken_client_free(client);
  scramtoken_server_free(server);
  return ending;
}

#define CHECK_ENDING(expression, of_client, of_server) \
  do { \
    struct ending check_ending = (expression); \
    CHECK_STATUS(check_ending.server, of_server); \
    CHECK_STATUS(check_ending.client, of_client); \
  } while (0)

#endif
