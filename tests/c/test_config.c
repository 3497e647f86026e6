/* scramtoken_server_config: each setting, and who keeps it alive. */
#include "exchange.h"


static scramtoken_server_config *new_config(void) {
  scramtoken_server_config *config = NULL;
  CHECK_OK(scramtoken_server_config_new(&config));
  return config;
}

/* The challenge that a config without a lookup makes up for a name. */
static void mock_challenge(const scramtoken_server_config *config, const char *mechanism,
                           const char *client_first, char *salt, unsigned *iterations) {
  scramtoken_server *server = new_server(config, mechanism);
  const uint8_t *out;
  size_t out_len;
  char message[512];
  CHECK_STATUS(server_step(server, client_first, &out, &out_len), SCRAMTOKEN_NEED_CREDENTIAL);
  CHECK_OK(scramtoken_server_supply_unknown(server));
  CHECK_STATUS(server_step(server, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
  sprintf(message, "%.*s", (int)out_len, (const char *)out);
  CHECK(sscanf(message, "r=%*[^,],s=%63[^,],i=%u", salt, iterations) == 2);
  scramtoken_server_free(server);
}

static void made_up_challenges_depend_on_name_kind_mechanism_and_secret(void) {
  enum { SALTS = 7 };
  char salts[SALTS][64], again[64];
  unsigned iterations;
  scramtoken_server_config *one = new_config(), *two = new_config(), *other = new_config();
  CHECK_OK(scramtoken_server_config_set_mock_secret(one, BYTES("0123456789abcdef........")));
  CHECK_OK(scramtoken_server_config_set_mock_secret(two, BYTES("0123456789abcdef........")));
  CHECK_OK(scramtoken_server_config_set_mock_secret(other, BYTES("another secret of it....")));
  mock_challenge(one, SHA_256, "n,,n=alice,r=abc", salts[0], &iterations);
  CHECK_INT(iterations, 4096);
  CHECK_INT(strlen(salts[0]), 24); /* base64 of 16 bytes */
  mock_challenge(one, SHA_256, "n,,n=alice,r=another", again, &iterations);
  CHECK_TEXT(again, salts[0]);
  mock_challenge(two, SHA_256, "n,,n=alice,r=abc", again, &iterations);
  CHECK_TEXT(again, salts[0]);
  mock_challenge(one, SHA_256, "n,,n=bob,r=abc", salts[1], &iterations);
  mock_challenge(one, SHA_512, "n,,n=alice,r=abc", salts[2], &iterations);
  mock_challenge(other, SHA_256, "n,,n=alice,r=abc", salts[3], &iterations);
  mock_challenge(one, SHA_256, "n,,n=alice,r=abc,tokenauth=true", salts[6], &iterations);
  CHECK_INT(iterations, 4096);
  /* Without a secret each config draws one of its own, and stays with it. */
  scramtoken_server_config *drawn[2];
  for (int i = 0; i < 2; i++) {
    drawn[i] = new_config();
    mock_challenge(drawn[i], SHA_256, "n,,n=alice,r=abc", salts[4 + i], &iterations);
    mock_challenge(drawn[i], SHA_256, "n,,n=alice,r=abc", again, &iterations);
    CHECK_TEXT(again, salts[4 + i]);
    scramtoken_server_config_free(drawn[i]);
  }
  for (int i = 0; i < SALTS; i++)
    for (int j = 0; j < i; j++) CHECK(strcmp(salts[i], salts[j]) != 0);
  scramtoken_server_config_free(one);
  scramtoken_server_config_free(two);
  scramtoken_server_config_free(other);
}

static void made_up_iterations_are_configured(void) {
  char salt[64];
  unsigned iterations;
  scramtoken_server_config *config = new_config();
  CHECK_STATUS(scramtoken_server_config_set_mock_iterations(config, 0), BAD);
  CHECK_CONTAINS(scramtoken_last_error(), "iteration");
  mock_challenge(config, SHA_256, "n,,n=alice,r=abc", salt, &iterations);
  CHECK_INT(iterations, 4096); /* a setting that failed changed nothing */
  CHECK_OK(scramtoken_server_config_set_mock_iterations(config, 8192));
  mock_challenge(config, SHA_256, "n,,n=alice,r=abc", salt, &iterations);
  CHECK_INT(iterations, 8192);
  /* Tokens have their own, for each mechanism. */
  mock_challenge(config, SHA_256, "n,,n=alice,r=abc,tokenauth=true", salt, &iterations);
  CHECK_INT(iterations, 4096);
  CHECK_STATUS(scramtoken_server_config_set_mock_token_iterations(config, SHA_256, 0), BAD);
  CHECK_CONTAINS(scramtoken_last_error(), "iteration");
  CHECK_STATUS(scramtoken_server_config_set_mock_token_iterations(config, "PLAIN", 5000),
               SCRAMTOKEN_ERR_UNSUPPORTED_MECHANISM);
  CHECK_OK(scramtoken_server_config_set_mock_token_iterations(config, SHA_256, 5000));
  mock_challenge(config, SHA_256, "n,,n=alice,r=abc,tokenauth=true", salt, &iterations);
  CHECK_INT(iterations, 5000);
  mock_challenge(config, SHA_512, "n,,n=alice,r=abc,tokenauth=true", salt, &iterations);
  CHECK_INT(iterations, 4096);
  mock_challenge(config, SHA_256, "n,,n=alice,r=abc", salt, &iterations);
  CHECK_INT(iterations, 8192);
  CHECK_STATUS(scramtoken_server_config_set_mock_secret(config, BYTES("")), BAD);
  CHECK_CONTAINS(scramtoken_last_error(), "secret");
  scramtoken_server_config_free(config);
}

static int32_t asked_kind(const scramtoken_server_config *config, const char *client_first) {
  scramtoken_server *server = new_server(config, SHA_256);
  const uint8_t *out, *name;
  size_t out_len, name_len;
  int32_t kind;
  CHECK_STATUS(server_step(server, client_first, &out, &out_len), SCRAMTOKEN_NEED_CREDENTIAL);
  CHECK_OK(scramtoken_server_identity(server, &name, &name_len, &kind));
  scramtoken_server_free(server);
  return kind;
}

static void implicit_tokens_ask_for_either(void) {
  scramtoken_server_config *config = new_config();
  CHECK_INT(asked_kind(config, "n,,n=x,r=abc"), SCRAMTOKEN_IDENTITY_USER);
  CHECK_OK(scramtoken_server_config_set_implicit_tokens(config, true));
  CHECK_INT(asked_kind(config, "n,,n=x,r=abc"), SCRAMTOKEN_IDENTITY_EITHER);
  CHECK_INT(asked_kind(config, "n,,n=x,r=abc,tokenauth=true"), SCRAMTOKEN_IDENTITY_TOKEN);
  CHECK_OK(scramtoken_server_config_set_implicit_tokens(config, false));
  CHECK_INT(asked_kind(config, "n,,n=x,r=abc"), SCRAMTOKEN_IDENTITY_USER);
  scramtoken_server_config_free(config);
}

static void an_implicit_token_is_marked_as_a_token(void) {
  struct accounts accounts;
  make_accounts(&accounts, SHA_256);
  scramtoken_server_config *config = config_with(&accounts);
  /* A client that cannot send tokenauth=true: refused, then let in. */
  CHECK_ENDING(log_in(config, SHA_256, password_client(SHA_256, TOKEN_ID, TOKEN_HMAC)),
               SCRAMTOKEN_ERR_SERVER_REFUSED, SCRAMTOKEN_ERR_UNKNOWN_USER);
  CHECK_OK(scramtoken_server_config_set_implicit_tokens(config, true));
  scramtoken_client *client = password_client(SHA_256, TOKEN_ID, TOKEN_HMAC);
  scramtoken_server *server = new_server(config, SHA_256);
  CHECK_ENDING(exchange(client, server), SCRAMTOKEN_OK, SCRAMTOKEN_OK);
  scramtoken_verdict verdict;
  CHECK_OK(scramtoken_server_verdict(server, &verdict));
  CHECK(verdict.outcome == SCRAMTOKEN_AUTHENTICATED && verdict.is_token);
  CHECK_BYTES(verdict.name, verdict.name_len, TOKEN_OWNER);
  CHECK_BYTES(verdict.token_id, verdict.token_id_len, TOKEN_ID);
  scramtoken_client_free(client);
  scramtoken_server_free(server);
  /* tokenauth=true never falls back to a user. */
  CHECK_ENDING(log_in(config, SHA_256, token_client(SHA_256, VECTOR_USER, VECTOR_PASSWORD)),
               SCRAMTOKEN_ERR_SERVER_REFUSED, SCRAMTOKEN_ERR_TOKEN_NOT_FOUND);
  scramtoken_server_config_free(config);
}

static void doubled_nonces_are_let_in_where_switched_on(void) {
#define DOUBLED VECTOR_CLIENT_NONCE VECTOR_NONCE
  struct accounts accounts;
  make_accounts(&accounts, SHA_256);
  scramtoken_server_config *config = config_with(&accounts);
  CHECK_OK(scramtoken_server_config_set_doubled_nonce(config, true));
  static const struct {
    const char *final;
    scramtoken_status status;
  } rows[] = {
      {"c=biws,r=" DOUBLED ",p=" SHA_256_DOUBLED_PROOF, SCRAMTOKEN_OK},
      {VECTOR_CLIENT_FINAL_WITHOUT_PROOF ",p=" SHA_256_PROOF, SCRAMTOKEN_OK},
      {"c=biws,r=" DOUBLED ",p=" SHA_256_PROOF, SCRAMTOKEN_ERR_INVALID_PROOF},
      {"c=biws,r=" VECTOR_CLIENT_NONCE DOUBLED ",p=" SHA_256_PROOF, SCRAMTOKEN_ERR_NONCE},
      {"c=biws,r=x" VECTOR_NONCE ",p=" SHA_256_PROOF, SCRAMTOKEN_ERR_NONCE},
      {"c=biws,r=" VECTOR_SERVER_NONCE ",p=" SHA_256_PROOF, SCRAMTOKEN_ERR_NONCE},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    scramtoken_server *server = new_server(config, SHA_256);
    CHECK_OK(scramtoken_server_set_nonce(server, BYTES(VECTOR_SERVER_NONCE)));
    const uint8_t *out;
    size_t out_len;
    CHECK_STATUS(server_step(server, VECTOR_CLIENT_FIRST, &out, &out_len), SCRAMTOKEN_CONTINUE);
    CHECK_STATUS(server_step(server, rows[i].final, &out, &out_len), rows[i].status);
    scramtoken_verdict verdict;
    CHECK_OK(scramtoken_server_verdict(server, &verdict));
    CHECK(verdict.doubled_nonce == (i == 0));
    if (i == 0) CHECK_BYTES(out, out_len, "v=" SHA_256_DOUBLED_SIGNATURE);
    scramtoken_server_free(server);
  }
  scramtoken_server_config_free(config);
}

static int64_t fixed_clock(void *userdata) { return *(const int64_t *)userdata; }

static void a_token_expires_by_the_configs_clock(void) {
  struct accounts accounts;
  make_accounts(&accounts, SHA_256);
  int64_t now;
  scramtoken_server_config *config = config_with(&accounts);
  CHECK_OK(scramtoken_server_config_set_clock(config, fixed_clock, &now, NULL));
  static const struct {
    int64_t expiry_ms, now;
    bool expired;
  } rows[] = {{1000, 999, false}, {1000, 1000, false},     {1000, 1001, true},
              {-1, 1000, false},  {-1, INT64_MAX, false},  {0, 1, true},
              {-2, 1000, true},   {INT64_MIN, 0, true},    {INT64_MAX, INT64_MAX, false},
              {0, -5, false},     {INT64_MAX, 1000, false}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    accounts.token_expiry_ms = rows[i].expiry_ms;
    now = rows[i].now;
    CHECK_ENDING(log_in(config, SHA_256, token_client(SHA_256, TOKEN_ID, TOKEN_HMAC)),
                 rows[i].expired ? SCRAMTOKEN_ERR_SERVER_REFUSED : SCRAMTOKEN_OK,
                 rows[i].expired ? SCRAMTOKEN_ERR_TOKEN_EXPIRED : SCRAMTOKEN_OK);
  }
  /* A user does not expire; and a wrong HMAC hears nothing of the expiry. */
  CHECK_ENDING(log_in(config, SHA_256, password_client(SHA_256, VECTOR_USER, VECTOR_PASSWORD)),
               SCRAMTOKEN_OK, SCRAMTOKEN_OK);
  accounts.token_expiry_ms = 1;
  now = 1000;
  CHECK_ENDING(log_in(config, SHA_256, token_client(SHA_256, TOKEN_ID, "wrong")),
               SCRAMTOKEN_ERR_SERVER_REFUSED, SCRAMTOKEN_ERR_INVALID_PROOF);
  scramtoken_server_config_free(config);
}

static void without_a_clock_it_is_now(void) {
  struct accounts accounts;
  make_accounts(&accounts, SHA_256);
  scramtoken_server_config *config = config_with(&accounts);
  accounts.token_expiry_ms = INT64_C(1700000000000); /* in 2023 */
  CHECK_ENDING(log_in(config, SHA_256, token_client(SHA_256, TOKEN_ID, TOKEN_HMAC)),
               SCRAMTOKEN_ERR_SERVER_REFUSED, SCRAMTOKEN_ERR_TOKEN_EXPIRED);
  accounts.token_expiry_ms = INT64_C(9000000000000); /* in 2255 */
  CHECK_ENDING(log_in(config, SHA_256, token_client(SHA_256, TOKEN_ID, TOKEN_HMAC)), SCRAMTOKEN_OK,
               SCRAMTOKEN_OK);
  scramtoken_server_config_free(config);
}

/* ---- who keeps what alive ---- */

static void count(void *userdata) { ++*(int *)userdata; }

struct finalized_accounts {
  struct accounts accounts;
  int finalized, now_finalized, audit_finalized;
  int64_t now;
};

static scramtoken_status look_up(void *userdata, const char *mechanism, const uint8_t *name,
                                 size_t name_len, int32_t kind, scramtoken_lookup_reply *reply) {
  struct finalized_accounts *f = (struct finalized_accounts *)userdata;
  CHECK_INT(f->finalized, 0);
  return look_up_accounts(&f->accounts, mechanism, name, name_len, kind, reply);
}
static void finalize_lookup(void *userdata) {
  ++((struct finalized_accounts *)userdata)->finalized;
}
static int64_t now(void *userdata) {
  struct finalized_accounts *f = (struct finalized_accounts *)userdata;
  CHECK_INT(f->now_finalized, 0);
  return f->now;
}
static void finalize_clock(void *userdata) {
  ++((struct finalized_accounts *)userdata)->now_finalized;
}
static void ignore_event(void *userdata, const scramtoken_audit_event *event) {
  CHECK(event != NULL);
  CHECK_INT(((struct finalized_accounts *)userdata)->audit_finalized, 0);
}
static void finalize_audit(void *userdata) {
  ++((struct finalized_accounts *)userdata)->audit_finalized;
}

static void a_config_may_be_freed_while_its_logins_live(void) {
  struct finalized_accounts f;
  memset(&f, 0, sizeof f);
  make_accounts(&f.accounts, SHA_256);
  scramtoken_server_config *config = new_config();
  CHECK_OK(scramtoken_server_config_set_lookup(config, look_up, &f, finalize_lookup));
  CHECK_OK(scramtoken_server_config_set_clock(config, now, &f, finalize_clock));
  CHECK_OK(scramtoken_server_config_set_audit(config, ignore_event, &f, finalize_audit));
  scramtoken_server *servers[2];
  scramtoken_client *client = token_client(SHA_256, TOKEN_ID, TOKEN_HMAC);
  for (int i = 0; i < 2; i++) servers[i] = new_server(config, SHA_256);
  scramtoken_server_config_free(config);
  CHECK(f.finalized == 0 && f.now_finalized == 0 && f.audit_finalized == 0);
  CHECK_ENDING(exchange(client, servers[0]), SCRAMTOKEN_OK, SCRAMTOKEN_OK);
  scramtoken_client_free(client);
  scramtoken_server_free(servers[0]);
  CHECK(f.finalized == 0 && f.now_finalized == 0 && f.audit_finalized == 0);
  scramtoken_server_free(servers[1]); /* the last user; it never began */
  CHECK_INT(f.finalized, 1);
  CHECK_INT(f.now_finalized, 1);
  CHECK_INT(f.audit_finalized, 1);
}

static void a_login_takes_its_config_as_it_was(void) {
  struct finalized_accounts before, after;
  memset(&before, 0, sizeof before);
  memset(&after, 0, sizeof after);
  make_accounts(&before.accounts, SHA_256);
  make_accounts(&after.accounts, SHA_256);
  keep(&after.accounts.user, SHA_256, "another password", 4096);
  scramtoken_server_config *config = new_config();
  CHECK_OK(scramtoken_server_config_set_lookup(config, look_up, &before, finalize_lookup));
  scramtoken_server *old_login = new_server(config, SHA_256);
  CHECK_OK(scramtoken_server_config_set_lookup(config, look_up, &after, finalize_lookup));
  CHECK_INT(before.finalized, 0);
  scramtoken_client *client = password_client(SHA_256, VECTOR_USER, VECTOR_PASSWORD);
  CHECK_ENDING(exchange(client, old_login), SCRAMTOKEN_OK, SCRAMTOKEN_OK);
  scramtoken_client_free(client);
  scramtoken_server_free(old_login);
  CHECK_INT(before.finalized, 1);
  CHECK_ENDING(log_in(config, SHA_256, password_client(SHA_256, VECTOR_USER, "another password")),
               SCRAMTOKEN_OK, SCRAMTOKEN_OK);
  /* Nobody uses a replaced callback any longer. */
  int finalized[4] = {0, 0, 0, 0};
  CHECK_OK(scramtoken_server_config_set_clock(config, now, &finalized[0], count));
  CHECK_OK(scramtoken_server_config_set_clock(config, now, &finalized[1], count));
  CHECK_OK(scramtoken_server_config_set_audit(config, ignore_event, &finalized[2], count));
  CHECK_OK(scramtoken_server_config_set_audit(config, ignore_event, &finalized[3], count));
  CHECK(finalized[0] == 1 && finalized[1] == 0 && finalized[2] == 1 && finalized[3] == 0);
  CHECK_INT(after.finalized, 0);
  scramtoken_server_config_free(config);
  CHECK(finalized[0] == 1 && finalized[1] == 1 && finalized[2] == 1 && finalized[3] == 1);
  CHECK_INT(after.finalized, 1);
}

static void a_setter_that_fails_runs_no_finalizer(void) {
  int finalized = 0;
  scramtoken_server_config *config = new_config();
  CHECK_STATUS(scramtoken_server_config_set_lookup(config, NULL, &finalized, count), BAD);
  CHECK_STATUS(scramtoken_server_config_set_clock(config, NULL, &finalized, count), BAD);
  CHECK_STATUS(scramtoken_server_config_set_audit(config, NULL, &finalized, count), BAD);
  CHECK_STATUS(scramtoken_server_config_set_lookup(NULL, look_up, &finalized, count), BAD);
  CHECK_STATUS(scramtoken_server_config_set_clock(NULL, now, &finalized, count), BAD);
  CHECK_STATUS(scramtoken_server_config_set_audit(NULL, ignore_event, &finalized, count), BAD);
  scramtoken_server_config_free(config);
  CHECK_INT(finalized, 0);
}

int main(void) {
  RUN(made_up_challenges_depend_on_name_kind_mechanism_and_secret);
  RUN(made_up_iterations_are_configured);
  RUN(implicit_tokens_ask_for_either);
  RUN(an_implicit_token_is_marked_as_a_token);
  RUN(doubled_nonces_are_let_in_where_switched_on);
  RUN(a_token_expires_by_the_configs_clock);
  RUN(without_a_clock_it_is_now);
  RUN(a_config_may_be_freed_while_its_logins_live);
  RUN(a_login_takes_its_config_as_it_was);
  RUN(a_setter_that_fails_runs_no_finalizer);
  return 0;
}
