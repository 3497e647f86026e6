/* Token managers: every operation with its outcomes, rotation of secret keys, callbacks, and logins with
 * the tokens. */
#include "exchange.h"

#define ALICE "User:alice"
#define BOB "User:bob"
#define EVE "User:eve"
#define USER SCRAMTOKEN_IDENTITY_USER
#define SECRET "a secret key of the tests"
#define OTHER_SECRET "another secret key of the tests"
#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

static int64_t now_ms;

static int64_t fake_clock(void *userdata) {
  (void)userdata;
  return now_ms;
}

static scramtoken_store *store;

static scramtoken_token_manager *bare_manager(void) {
  scramtoken_token_manager *manager = NULL;
  CHECK_OK(scramtoken_token_manager_new(store, &manager));
  CHECK_OK(scramtoken_token_manager_set_clock(manager, fake_clock, NULL, NULL));
  CHECK_OK(scramtoken_token_manager_set_iterations(manager, SHA_512, 0)); /* half the time */
  return manager;
}

static scramtoken_token_manager *new_manager(void) {
  scramtoken_token_manager *manager = bare_manager();
  CHECK_OK(scramtoken_token_manager_add_secret_key(manager, "first", BYTES(SECRET)));
  return manager;
}

/* A store without tokens, and the time at which everything begins. */
static void begin(void) {
  store = NULL;
  CHECK_OK(scramtoken_store_open("memory:", &store));
  now_ms = INT64_C(1700000000000);
}

static scramtoken_token *create_for(const scramtoken_token_manager *manager, const char *owner,
                                    const char *renewer) {
  scramtoken_token *token = NULL;
  CHECK_OK(scramtoken_token_create(manager, ALICE, USER, owner, &renewer, renewer != NULL, -1,
                                   &token));
  CHECK(token != NULL);
  return token;
}

static scramtoken_token *create(const scramtoken_token_manager *manager) {
  return create_for(manager, NULL, NULL);
}

static scramtoken_status renew(const scramtoken_token_manager *manager, const char *who,
                               const scramtoken_token *token, int64_t period_ms) {
  return scramtoken_token_renew(manager, who, USER, BYTES(scramtoken_token_hmac(token)), period_ms,
                                NULL);
}

static scramtoken_status expire(const scramtoken_token_manager *manager, const char *who,
                                const scramtoken_token *token, int64_t period_ms) {
  return scramtoken_token_expire(manager, who, USER, BYTES(scramtoken_token_hmac(token)), period_ms,
                                 NULL);
}

/* What a visitor has seen. */
struct visit {
  int count, most;
  char last_id[64];
  bool has_hmac;
};

static int32_t visit(void *userdata, const scramtoken_token *token) {
  struct visit *seen = (struct visit *)userdata;
  seen->count++;
  snprintf(seen->last_id, sizeof seen->last_id, "%s", scramtoken_token_id(token));
  seen->has_hmac = scramtoken_token_hmac(token) != NULL;
  return seen->count == seen->most;
}

static struct visit describe(const scramtoken_token_manager *manager, const char *who,
                             const char *const *owners, size_t owners_len) {
  struct visit seen = {0, 0, "", false};
  CHECK_OK(scramtoken_token_describe(manager, who, USER, owners, owners_len, visit, &seen));
  return seen;
}

#define COUNT(manager, who) (describe(manager, who, NULL, 0).count)

/* ---- the life of a token ---- */

static void a_token_is_made(void) {
  begin();
  scramtoken_token_manager *manager = new_manager();
  scramtoken_token *token = create_for(manager, NULL, BOB);
  CHECK_INT(strlen(scramtoken_token_id(token)), 22);
  CHECK_INT(strlen(scramtoken_token_hmac(token)), 88);
  CHECK_TEXT(scramtoken_token_owner(token), ALICE);
  CHECK_TEXT(scramtoken_token_requester(token), ALICE);
  CHECK_INT(scramtoken_token_renewers_len(token), 1);
  CHECK_TEXT(scramtoken_token_renewer(token, 0), BOB);
  CHECK_INT(scramtoken_token_issue_ms(token), now_ms);
  CHECK_INT(scramtoken_token_expiry_ms(token), now_ms + DAY_MS);
  CHECK_INT(scramtoken_token_max_ms(token), now_ms + 7 * DAY_MS);
  scramtoken_token_free(token);

  CHECK_OK(scramtoken_token_manager_set_lifetimes(manager, 2 * HOUR_MS, HOUR_MS));
  CHECK_OK(scramtoken_token_create(manager, ALICE, USER, NULL, NULL, 0, HOUR_MS / 2, &token));
  CHECK_INT(scramtoken_token_expiry_ms(token), now_ms + HOUR_MS / 2);
  CHECK_INT(scramtoken_token_max_ms(token), now_ms + HOUR_MS / 2);
  scramtoken_token_free(token);
  scramtoken_token_manager_free(manager);
  scramtoken_store_free(store);
}

static void a_token_is_renewed_and_expires(void) {
  begin();
  scramtoken_token_manager *manager = new_manager();
  scramtoken_token *token = create_for(manager, NULL, BOB);
  const char *hmac = scramtoken_token_hmac(token);
  int64_t expiry_ms = 0;
  now_ms += HOUR_MS;
  CHECK_OK(scramtoken_token_renew(manager, BOB, USER, BYTES(hmac), -1, &expiry_ms));
  CHECK_INT(expiry_ms, now_ms + DAY_MS);
  CHECK_OK(scramtoken_token_renew(manager, ALICE, USER, BYTES(hmac), 1000, &expiry_ms));
  CHECK_INT(expiry_ms, now_ms + 1000);
  CHECK_STATUS(renew(manager, EVE, token, -1), SCRAMTOKEN_ERR_TOKEN_OWNER_MISMATCH);
  CHECK_STATUS(expire(manager, EVE, token, -1), SCRAMTOKEN_ERR_TOKEN_OWNER_MISMATCH);
  CHECK_OK(scramtoken_token_expire(manager, BOB, USER, BYTES(hmac), 10, &expiry_ms));
  CHECK_INT(expiry_ms, now_ms + 10);
  now_ms += 11;
  CHECK_STATUS(renew(manager, EVE, token, -1), SCRAMTOKEN_ERR_TOKEN_EXPIRED);
  CHECK_STATUS(expire(manager, ALICE, token, 5), SCRAMTOKEN_ERR_TOKEN_EXPIRED);
  CHECK_OK(scramtoken_token_expire(manager, ALICE, USER, BYTES(hmac), -1, &expiry_ms));
  CHECK_INT(expiry_ms, now_ms);
  CHECK_STATUS(renew(manager, ALICE, token, -1), SCRAMTOKEN_ERR_TOKEN_NOT_FOUND);
  expiry_ms = 5;
  CHECK_STATUS(scramtoken_token_expire(manager, ALICE, USER, BYTES(hmac), -1, &expiry_ms),
               SCRAMTOKEN_ERR_TOKEN_NOT_FOUND);
  CHECK_INT(expiry_ms, 5);
  CHECK_STATUS(scramtoken_token_renew(manager, ALICE, USER, NULL, 0, -1, &expiry_ms),
               SCRAMTOKEN_ERR_TOKEN_NOT_FOUND);
  scramtoken_token_free(token);
  scramtoken_token_manager_free(manager);
  scramtoken_store_free(store);
}

static void what_has_ended_is_swept(void) {
  begin();
  scramtoken_token_manager *manager = new_manager();
  for (int i = 0; i < 3; i++) scramtoken_token_free(create(manager));
  size_t removed = 7;
  CHECK_OK(scramtoken_token_sweep(manager, &removed));
  CHECK_INT(removed, 0);
  now_ms += DAY_MS + 1;
  CHECK_INT(COUNT(manager, ALICE), 3); /* until then they are shown, as in Kafka */
  CHECK_OK(scramtoken_token_sweep(manager, &removed));
  CHECK_INT(removed, 3);
  CHECK_OK(scramtoken_token_sweep(manager, NULL));
  CHECK_INT(COUNT(manager, ALICE), 0);
  scramtoken_token_manager_free(manager);
  scramtoken_store_free(store);
}

static void who_sees_a_token(void) {
  begin();
  scramtoken_token_manager *manager = new_manager();
  scramtoken_token_free(create_for(manager, NULL, BOB));
  scramtoken_token *second = create(manager);
  static const char *const of_alice[] = {ALICE}, *const of_both[] = {BOB, ALICE, BOB};
  CHECK_INT(COUNT(manager, ALICE), 2);
  CHECK_INT(COUNT(manager, BOB), 1);
  CHECK_INT(COUNT(manager, EVE), 0);
  CHECK_INT(describe(manager, ALICE, of_both, 3).count, 2);
  CHECK_INT(describe(manager, BOB, of_alice, 1).count, 1);
  CHECK_INT(describe(manager, ALICE, of_alice, 0).count, 0); /* no owners */
  struct visit first_alone = {0, 1, "", false};
  CHECK_OK(scramtoken_token_describe(manager, ALICE, USER, NULL, 0, visit, &first_alone));
  CHECK_INT(first_alone.count, 1);
  CHECK(first_alone.has_hmac);
  scramtoken_token_free(second);
  scramtoken_token_manager_free(manager);
  scramtoken_store_free(store);
}

/* ---- who may not ---- */

static void a_token_login_manages_no_tokens(void) {
  begin();
  scramtoken_token_manager *manager = new_manager();
  scramtoken_token *token = create(manager), *out = (scramtoken_token *)(uintptr_t)UNTOUCHED;
  const char *hmac = scramtoken_token_hmac(token);
  const scramtoken_status no = SCRAMTOKEN_ERR_TOKEN_REQUEST_NOT_ALLOWED;
  const int32_t by_token = SCRAMTOKEN_IDENTITY_TOKEN;
  CHECK_STATUS(scramtoken_token_create(manager, ALICE, by_token, NULL, NULL, 0, -1, &out), no);
  CHECK((const uint8_t *)out == UNTOUCHED);
  CHECK_STATUS(scramtoken_token_renew(manager, ALICE, by_token, BYTES(hmac), -1, NULL), no);
  CHECK_STATUS(scramtoken_token_expire(manager, ALICE, by_token, BYTES(hmac), -1, NULL), no);
  CHECK_STATUS(scramtoken_token_describe(manager, ALICE, by_token, NULL, 0, visit, NULL), no);
  scramtoken_token_free(token);
  scramtoken_token_manager_free(manager);
  scramtoken_store_free(store);
}

static void without_a_secret_key_everything_is_off(void) {
  begin();
  scramtoken_token_manager *manager = bare_manager();
  const scramtoken_status off = SCRAMTOKEN_ERR_TOKEN_AUTH_DISABLED;
  scramtoken_token *token = NULL;
  size_t removed;
  CHECK_STATUS(scramtoken_token_create(manager, ALICE, USER, NULL, NULL, 0, -1, &token), off);
  CHECK_STATUS(scramtoken_token_renew(manager, ALICE, USER, BYTES("x"), -1, NULL), off);
  CHECK_STATUS(scramtoken_token_expire(manager, ALICE, USER, BYTES("x"), -1, NULL), off);
  CHECK_STATUS(scramtoken_token_describe(manager, ALICE, USER, NULL, 0, visit, NULL), off);
  CHECK_STATUS(scramtoken_token_sweep(manager, &removed), off);
  scramtoken_token_manager_free(manager);
  scramtoken_store_free(store);
}

/* What an authorizer was asked last, and what it says. */
struct authorizer {
  int asked, answer, finalized;
  int32_t operation;
  char requester[32], owner[32], token_id[64];
};

static int32_t authorize(void *userdata, const char *requester, int32_t operation,
                         const char *owner, const char *token_id) {
  struct authorizer *authorizer = (struct authorizer *)userdata;
  authorizer->asked++;
  authorizer->operation = operation;
  snprintf(authorizer->requester, sizeof authorizer->requester, "%s", requester);
  snprintf(authorizer->owner, sizeof authorizer->owner, "%s", owner);
  snprintf(authorizer->token_id, sizeof authorizer->token_id, "%s", token_id ? token_id : "(null)");
  return authorizer->answer;
}

static void finalize_authorizer(void *userdata) { ((struct authorizer *)userdata)->finalized++; }

static void tokens_of_others_are_for_the_authorizer(void) {
  begin();
  scramtoken_token_manager *manager = new_manager();
  scramtoken_token *token = (scramtoken_token *)(uintptr_t)UNTOUCHED;
  const scramtoken_status no = SCRAMTOKEN_ERR_TOKEN_AUTHORIZATION_FAILED;
  CHECK_STATUS(scramtoken_token_create(manager, ALICE, USER, BOB, NULL, 0, -1, &token), no);

  struct authorizer authorizer = {0, 2, 0, 0, "", "", ""};
  CHECK_OK(scramtoken_token_manager_set_authorizer(manager, authorize, &authorizer,
                                                   finalize_authorizer));
  CHECK_STATUS(scramtoken_token_create(manager, ALICE, USER, BOB, NULL, 0, -1, &token), no);
  CHECK((const uint8_t *)token == UNTOUCHED);
  CHECK_INT(authorizer.operation, SCRAMTOKEN_OPERATION_CREATE);
  CHECK_TEXT(authorizer.requester, ALICE);
  CHECK_TEXT(authorizer.owner, BOB);
  CHECK_TEXT(authorizer.token_id, "(null)");
  authorizer.answer = 1;
  token = create_for(manager, BOB, NULL);
  CHECK_TEXT(scramtoken_token_owner(token), BOB);
  CHECK_TEXT(scramtoken_token_requester(token), ALICE);
  CHECK_INT(authorizer.asked, 2);
  CHECK_INT(COUNT(manager, ALICE) + COUNT(manager, BOB), 2); /* both without a question */
  CHECK_INT(authorizer.asked, 2);
  CHECK_INT(COUNT(manager, EVE), 1);
  CHECK_INT(authorizer.operation, SCRAMTOKEN_OPERATION_DESCRIBE);
  CHECK_TEXT(authorizer.token_id, scramtoken_token_id(token));
  authorizer.answer = -1;
  CHECK_INT(COUNT(manager, EVE), 0);
  scramtoken_token_free(token);

  CHECK_INT(authorizer.finalized, 0);
  CHECK_OK(scramtoken_token_manager_set_authorizer(manager, authorize, &authorizer, NULL));
  CHECK_INT(authorizer.finalized, 1);
  scramtoken_token_manager_free(manager);
  CHECK_INT(authorizer.finalized, 1);
  scramtoken_store_free(store);
}

static void principals_that_cannot_be(void) {
  begin();
  scramtoken_token_manager *manager = new_manager();
  scramtoken_token *token = NULL;
  static const char *const texts[] = {"", "alice", ":alice", "User:", "\xff:x"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    const char *const *text = &texts[i];
    CHECK_STATUS(scramtoken_token_create(manager, *text, USER, NULL, NULL, 0, -1, &token), BAD);
    CHECK_STATUS(scramtoken_token_create(manager, ALICE, USER, *text, NULL, 0, -1, &token), BAD);
    CHECK_STATUS(scramtoken_token_create(manager, ALICE, USER, NULL, text, 1, -1, &token), BAD);
    CHECK_STATUS(scramtoken_token_renew(manager, *text, USER, BYTES("x"), 1, NULL), BAD);
    CHECK_STATUS(scramtoken_token_describe(manager, ALICE, USER, text, 1, visit, NULL), BAD);
  }
  CHECK_CONTAINS(scramtoken_last_error(), "owners");
  static const char *const group[] = {"Group:x"};
  const scramtoken_status type = SCRAMTOKEN_ERR_INVALID_PRINCIPAL_TYPE;
  CHECK_STATUS(scramtoken_token_create(manager, ALICE, USER, NULL, group, 1, -1, &token), type);
  /* A login with it would act as User:x. */
  CHECK_STATUS(scramtoken_token_create(manager, *group, USER, NULL, NULL, 0, -1, &token), type);
  static const char *many[1001];
  for (size_t i = 0; i < 1001; i++) many[i] = BOB;
  CHECK_STATUS(scramtoken_token_create(manager, ALICE, USER, NULL, many, 1001, -1, &token), BAD);
  CHECK_OK(scramtoken_token_create(manager, ALICE, USER, NULL, many, 1000, -1, &token));
  scramtoken_token_free(token);
  scramtoken_token_manager_free(manager);
  scramtoken_store_free(store);
}

static void arguments_that_cannot_be(void) {
  begin();
  scramtoken_token_manager *manager = NULL, *none = NULL;
  scramtoken_token *token = NULL;
  size_t size;
  CHECK_STATUS(scramtoken_token_manager_new(NULL, &manager), BAD);
  CHECK_STATUS(scramtoken_token_manager_new(store, NULL), BAD);
  CHECK(manager == NULL);
  manager = new_manager();
  CHECK_STATUS(scramtoken_token_manager_add_secret_key(none, "k", BYTES(SECRET)), BAD);
  CHECK_STATUS(scramtoken_token_manager_add_secret_key(manager, NULL, BYTES(SECRET)), BAD);
  CHECK_STATUS(scramtoken_token_manager_add_secret_key(manager, "", BYTES(OTHER_SECRET)), BAD);
  CHECK_STATUS(scramtoken_token_manager_add_secret_key(manager, "k", NULL, 20), BAD);
  CHECK_STATUS(scramtoken_token_manager_add_secret_key(manager, "k", BYTES("fifteen bytes..")), BAD);
  CHECK_CONTAINS(scramtoken_last_error(), "15 bytes");
  CHECK_STATUS(scramtoken_token_manager_set_signing_key(manager, NULL), BAD);
  CHECK_STATUS(scramtoken_token_manager_set_signing_key(none, "first"), BAD);
  CHECK_STATUS(scramtoken_token_manager_remove_secret_key(manager, NULL, &size), BAD);
  CHECK_STATUS(scramtoken_token_manager_remove_secret_key(none, "first", &size), BAD);
  CHECK_STATUS(scramtoken_token_manager_set_lifetimes(none, 1, 1), BAD);
  CHECK_STATUS(scramtoken_token_manager_set_lifetimes(manager, 0, 1), BAD);
  CHECK_STATUS(scramtoken_token_manager_set_lifetimes(manager, 1, -1), BAD);
  CHECK_STATUS(scramtoken_token_manager_set_iterations(none, SHA_256, 4096), BAD);
  CHECK_STATUS(scramtoken_token_manager_set_iterations(manager, NULL, 4096), BAD);
  CHECK_STATUS(scramtoken_token_manager_set_iterations(manager, SHA_256, 4095), BAD);
  CHECK_STATUS(scramtoken_token_manager_set_iterations(manager, SHA_256, 1000001), BAD);
  CHECK_STATUS(scramtoken_token_manager_set_iterations(manager, SHA_256, 0), BAD); /* 512 is off */
  CHECK_STATUS(scramtoken_token_manager_set_iterations(manager, "SCRAM-SHA-1", 4096),
               SCRAMTOKEN_ERR_UNSUPPORTED_MECHANISM);
  struct authorizer unused = {0, 0, 0, 0, "", "", ""};
  CHECK_STATUS(scramtoken_token_manager_set_clock(manager, NULL, &unused, finalize_authorizer), BAD);
  CHECK_STATUS(scramtoken_token_manager_set_audit(manager, NULL, &unused, finalize_authorizer), BAD);
  CHECK_STATUS(scramtoken_token_manager_set_authorizer(manager, NULL, &unused, finalize_authorizer),
               BAD);
  CHECK_STATUS(scramtoken_token_manager_set_clock(none, fake_clock, &unused, finalize_authorizer),
               BAD);
  CHECK_INT(unused.finalized, 0);
  CHECK_STATUS(scramtoken_token_create(none, ALICE, USER, NULL, NULL, 0, -1, &token), BAD);
  CHECK_STATUS(scramtoken_token_create(manager, NULL, USER, NULL, NULL, 0, -1, &token), BAD);
  CHECK_STATUS(scramtoken_token_create(manager, ALICE, 0, NULL, NULL, 0, -1, &token), BAD);
  CHECK_STATUS(scramtoken_token_create(manager, ALICE, SCRAMTOKEN_IDENTITY_EITHER, NULL, NULL, 0, -1,
                                       &token), BAD);
  CHECK_STATUS(scramtoken_token_create(manager, ALICE, USER, NULL, NULL, 1, -1, &token), BAD);
  CHECK_STATUS(scramtoken_token_create(manager, ALICE, USER, NULL, NULL, 0, -1, NULL), BAD);
  CHECK(token == NULL);
  CHECK_STATUS(scramtoken_token_renew(none, ALICE, USER, BYTES("x"), 1, NULL), BAD);
  CHECK_STATUS(scramtoken_token_renew(manager, ALICE, USER, NULL, 1, 1, NULL), BAD);
  CHECK_STATUS(scramtoken_token_expire(none, ALICE, USER, BYTES("x"), 1, NULL), BAD);
  CHECK_STATUS(scramtoken_token_expire(manager, ALICE, USER, NULL, 1, 1, NULL), BAD);
  CHECK_STATUS(scramtoken_token_describe(none, ALICE, USER, NULL, 0, visit, NULL), BAD);
  CHECK_STATUS(scramtoken_token_describe(manager, ALICE, USER, NULL, 1, visit, NULL), BAD);
  CHECK_STATUS(scramtoken_token_describe(manager, ALICE, USER, NULL, 0, NULL, NULL), BAD);
  CHECK_STATUS(scramtoken_token_sweep(none, &size), BAD);
  now_ms = -1;
  CHECK_STATUS(scramtoken_token_create(manager, ALICE, USER, NULL, NULL, 0, -1, &token), STATE);
  scramtoken_token_manager_free(NULL);
  scramtoken_token_manager_free(manager);
  scramtoken_store_free(store);
}

/* ---- secret keys ---- */

static void secret_keys_rotate(void) {
  begin();
  scramtoken_token_manager *here = new_manager(), *there = new_manager();
  scramtoken_token *old_token = create(here);
  CHECK_OK(scramtoken_token_manager_add_secret_key(here, "second", BYTES(OTHER_SECRET)));
  CHECK_OK(scramtoken_token_manager_add_secret_key(here, "second", BYTES(OTHER_SECRET)));
  CHECK_STATUS(scramtoken_token_manager_add_secret_key(here, "second", BYTES(SECRET)), BAD);
  CHECK_STATUS(scramtoken_token_manager_add_secret_key(here, "third", BYTES(SECRET)), BAD);
  CHECK_STATUS(scramtoken_token_manager_set_signing_key(here, "third"), BAD);
  CHECK_STATUS(scramtoken_token_manager_set_signing_key(there, "second"), BAD);
  CHECK_OK(scramtoken_token_manager_set_signing_key(here, "second"));
  scramtoken_token *token = create(here);
  CHECK_OK(renew(here, ALICE, old_token, -1));
  CHECK_OK(renew(there, ALICE, token, -1)); /* without its key */
  struct visit seen = {0, 0, "", true};
  static const char *const alice[] = {ALICE};
  CHECK_OK(scramtoken_token_describe(there, ALICE, USER, alice, 1, visit, &seen));
  CHECK_INT(seen.count, 2);

  size_t ended = 7;
  CHECK_STATUS(scramtoken_token_manager_remove_secret_key(here, "second", &ended), STATE);
  CHECK_STATUS(scramtoken_token_manager_remove_secret_key(here, "third", &ended), BAD);
  CHECK_INT(ended, 7);
  CHECK_OK(scramtoken_token_manager_remove_secret_key(here, "first", &ended));
  CHECK_INT(ended, 1);
  CHECK_OK(scramtoken_token_manager_remove_secret_key(here, "first", NULL));
  CHECK_STATUS(renew(here, ALICE, old_token, -1), SCRAMTOKEN_ERR_TOKEN_NOT_FOUND);
  CHECK_STATUS(scramtoken_token_manager_add_secret_key(here, "first", BYTES(SECRET)), BAD);
  CHECK_STATUS(scramtoken_token_manager_add_secret_key(here, "third", BYTES(SECRET)), BAD);
  /* It signs elsewhere still, and is not heeded any more. */
  scramtoken_token *none = NULL;
  CHECK_STATUS(scramtoken_token_create(there, ALICE, USER, NULL, NULL, 0, -1, &none), STATE);
  CHECK_CONTAINS(scramtoken_last_error(), "\"first\"");
  seen = describe(there, ALICE, NULL, 0);
  CHECK_INT(seen.count, 1);
  CHECK_TEXT(seen.last_id, scramtoken_token_id(token));
  CHECK(!seen.has_hmac);
  CHECK(describe(here, ALICE, NULL, 0).has_hmac);
  scramtoken_token_free(old_token);
  scramtoken_token_free(token);
  scramtoken_token_manager_free(here);
  scramtoken_token_manager_free(there);
  scramtoken_store_free(store);
}

/* ---- logins ---- */

static struct ending log_in_with(const scramtoken_server_config *config, const char *mechanism,
                                 const scramtoken_token *token) {
  const char *id = scramtoken_token_id(token), *hmac = scramtoken_token_hmac(token);
  return log_in(config, mechanism, token_client(mechanism, id, hmac));
}

#define CHECK_LETS_IN(config, mechanism, token) \
  CHECK_ENDING(log_in_with(config, mechanism, token), SCRAMTOKEN_OK, SCRAMTOKEN_OK)
#define CHECK_REFUSES(config, mechanism, token, reason) \
  CHECK_ENDING(log_in_with(config, mechanism, token), SCRAMTOKEN_ERR_SERVER_REFUSED, reason)

static void tokens_log_in(void) {
  begin();
  scramtoken_token_manager *manager = new_manager();
  CHECK_OK(scramtoken_token_manager_set_iterations(manager, SHA_512, 5000));
  scramtoken_server_config *config = NULL;
  CHECK_OK(scramtoken_server_config_new(&config));
  CHECK_OK(scramtoken_server_config_set_store(config, store));
  CHECK_OK(scramtoken_server_config_set_clock(config, fake_clock, NULL, NULL));
  scramtoken_store_free(store); /* both keep it */
  scramtoken_token *token = create(manager);
  CHECK_LETS_IN(config, SHA_256, token);
  CHECK_LETS_IN(config, SHA_512, token);
  now_ms += DAY_MS + 1; /* ended, and not swept */
  CHECK_REFUSES(config, SHA_256, token, SCRAMTOKEN_ERR_TOKEN_EXPIRED);
  scramtoken_token_free(token);

  token = create(manager);
  CHECK_LETS_IN(config, SHA_256, token);
  CHECK_OK(expire(manager, ALICE, token, -1));
  CHECK_REFUSES(config, SHA_256, token, SCRAMTOKEN_ERR_TOKEN_NOT_FOUND);
  scramtoken_token_free(token);

  CHECK_OK(scramtoken_token_manager_set_iterations(manager, SHA_256, 0));
  token = create(manager);
  CHECK_REFUSES(config, SHA_256, token, SCRAMTOKEN_ERR_TOKEN_NOT_FOUND);
  CHECK_LETS_IN(config, SHA_512, token);
  CHECK_OK(scramtoken_token_manager_add_secret_key(manager, "second", BYTES(OTHER_SECRET)));
  CHECK_OK(scramtoken_token_manager_set_signing_key(manager, "second"));
  CHECK_LETS_IN(config, SHA_512, token);
  CHECK_OK(scramtoken_token_manager_remove_secret_key(manager, "first", NULL));
  CHECK_REFUSES(config, SHA_512, token, SCRAMTOKEN_ERR_TOKEN_NOT_FOUND);
  scramtoken_token_free(token);
  token = create(manager);
  CHECK_LETS_IN(config, SHA_512, token);
  scramtoken_token_free(token);
  scramtoken_token_manager_free(manager);
  scramtoken_server_config_free(config);
}

/* ---- audit ---- */

struct heard {
  int count, finalized;
  int64_t time_ms;
  scramtoken_status status;
  char operation[32], requester[32], owner[32], token_id[64];
};

static void copy(char *to, size_t size, const char *text) {
  snprintf(to, size, "%s", text != NULL ? text : "-");
}

static void hear(void *userdata, const scramtoken_audit_event *event) {
  struct heard *heard = (struct heard *)userdata;
  heard->count++;
  heard->time_ms = scramtoken_audit_time_ms(event);
  heard->status = scramtoken_audit_status(event);
  CHECK(scramtoken_audit_mechanism(event) == NULL && !scramtoken_audit_doubled_nonce(event));
  copy(heard->operation, sizeof heard->operation, scramtoken_audit_operation(event));
  copy(heard->requester, sizeof heard->requester, scramtoken_audit_requester(event));
  copy(heard->owner, sizeof heard->owner, scramtoken_audit_owner(event));
  copy(heard->token_id, sizeof heard->token_id, scramtoken_audit_token_id(event));
}

static void finalize_heard(void *userdata) { ((struct heard *)userdata)->finalized++; }

static struct heard heard;

static void check_heard(const char *operation, scramtoken_status status, const char *requester,
                        const char *owner, const char *token_id) {
  CHECK_INT(heard.count, 1);
  CHECK_TEXT(heard.operation, operation);
  CHECK_STATUS(heard.status, status);
  CHECK_TEXT(heard.requester, requester);
  CHECK_TEXT(heard.owner, owner);
  CHECK_TEXT(heard.token_id, token_id);
  CHECK_INT(heard.time_ms, now_ms);
  heard.count = 0;
}

static void each_decision_is_heard(void) {
  begin();
  memset(&heard, 0, sizeof heard);
  scramtoken_token_manager *manager = new_manager();
  CHECK_OK(scramtoken_token_manager_set_audit(manager, hear, &heard, finalize_heard));
  scramtoken_token *token = create(manager), *none = NULL;
  const char *id = scramtoken_token_id(token);
  check_heard("token-create", SCRAMTOKEN_OK, ALICE, ALICE, id);
  const scramtoken_status no = SCRAMTOKEN_ERR_TOKEN_AUTHORIZATION_FAILED;
  CHECK_STATUS(scramtoken_token_create(manager, EVE, USER, ALICE, NULL, 0, -1, &none), no);
  check_heard("token-create", no, EVE, ALICE, "-");
  CHECK_OK(renew(manager, ALICE, token, -1));
  check_heard("token-renew", SCRAMTOKEN_OK, ALICE, ALICE, id);
  CHECK_STATUS(expire(manager, "User:e\nve", token, -1), SCRAMTOKEN_ERR_TOKEN_OWNER_MISMATCH);
  check_heard("token-expire", SCRAMTOKEN_ERR_TOKEN_OWNER_MISMATCH, "User:e\\u{a}ve", ALICE, id);
  now_ms += 2 * DAY_MS;
  CHECK_OK(scramtoken_token_sweep(manager, NULL));
  check_heard("token-sweep", SCRAMTOKEN_OK, "-", ALICE, id);
  CHECK_STATUS(scramtoken_token_manager_remove_secret_key(manager, "first", NULL), STATE);
  check_heard("secret-key-remove", STATE, "-", "-", "-");
  CHECK_INT(heard.finalized, 0);
  scramtoken_token_free(token);
  scramtoken_token_manager_free(manager);
  CHECK_INT(heard.finalized, 1);
  scramtoken_store_free(store);
}

/* What a callback's userdata is; its finalizer uses the manager, as foreign code may. */
struct owned {
  scramtoken_token_manager *manager;
  bool is_freed;
};

static int64_t owned_clock(void *userdata) {
  CHECK(!((struct owned *)userdata)->is_freed);
  return now_ms;
}

static int32_t owned_authorizer(void *userdata, const char *requester, int32_t operation,
                                const char *owner, const char *token_id) {
  (void)requester, (void)operation, (void)owner, (void)token_id;
  CHECK(!((struct owned *)userdata)->is_freed);
  return 1;
}

static void owned_audit(void *userdata, const scramtoken_audit_event *event) {
  (void)event;
  CHECK(!((struct owned *)userdata)->is_freed);
}

static void free_and_create(void *userdata) {
  struct owned *owned = (struct owned *)userdata;
  owned->is_freed = true;
  if (owned->manager != NULL) scramtoken_token_free(create_for(owned->manager, BOB, NULL));
}

static void a_finalizer_may_use_the_manager(void) {
  begin();
  scramtoken_token_manager *manager = new_manager();
  struct owned owned[2][3];
  for (int i = 0; i < 2; i++) {
    for (int j = 0; j < 3; j++) {
      owned[i][j].manager = i == 0 ? manager : NULL; /* the last ones go with the manager */
      owned[i][j].is_freed = false;
    }
    CHECK_OK(scramtoken_token_manager_set_authorizer(manager, owned_authorizer, &owned[i][0],
                                                     free_and_create));
    CHECK_OK(
        scramtoken_token_manager_set_clock(manager, owned_clock, &owned[i][1], free_and_create));
    CHECK_OK(
        scramtoken_token_manager_set_audit(manager, owned_audit, &owned[i][2], free_and_create));
  }
  for (int j = 0; j < 3; j++) CHECK(owned[0][j].is_freed && !owned[1][j].is_freed);
  scramtoken_token_manager_free(manager);
  for (int j = 0; j < 3; j++) CHECK(owned[1][j].is_freed);
  scramtoken_store_free(store);
}

int main(void) {
  RUN(a_token_is_made);
  RUN(a_token_is_renewed_and_expires);
  RUN(what_has_ended_is_swept);
  RUN(who_sees_a_token);
  RUN(a_token_login_manages_no_tokens);
  RUN(without_a_secret_key_everything_is_off);
  RUN(tokens_of_others_are_for_the_authorizer);
  RUN(principals_that_cannot_be);
  RUN(arguments_that_cannot_be);
  RUN(secret_keys_rotate);
  RUN(tokens_log_in);
  RUN(each_decision_is_heard);
  RUN(a_finalizer_may_use_the_manager);
  return 0;
}
