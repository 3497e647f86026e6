/* Audit events: one for each login that was decided, with names that are safe to write to a log. */
#include "exchange.h"

/* The last event, copied: it is valid within its callback only. */
struct seen {
  int count;
  int64_t time_ms;
  scramtoken_status status;
  bool doubled_nonce;
  char operation[32], mechanism[32], requester[512], owner[512], token_id[512];
};

static void copy(char *to, const char *text) { strcpy(to, text != NULL ? text : "(null)"); }

static void audit(void *userdata, const scramtoken_audit_event *event) {
  struct seen *seen = (struct seen *)userdata;
  seen->count++;
  seen->time_ms = scramtoken_audit_time_ms(event);
  seen->status = scramtoken_audit_status(event);
  seen->doubled_nonce = scramtoken_audit_doubled_nonce(event);
  copy(seen->operation, scramtoken_audit_operation(event));
  copy(seen->mechanism, scramtoken_audit_mechanism(event));
  copy(seen->requester, scramtoken_audit_requester(event));
  copy(seen->owner, scramtoken_audit_owner(event));
  copy(seen->token_id, scramtoken_audit_token_id(event));
}

static int64_t fixed_clock(void *userdata) {
  (void)userdata;
  return INT64_C(1234567890123);
}

static struct accounts accounts;
static struct seen seen;

static scramtoken_server_config *audited_config(void) {
  make_accounts(&accounts, SHA_512);
  memset(&seen, 0, sizeof seen);
  scramtoken_server_config *config = config_with(&accounts);
  CHECK_OK(scramtoken_server_config_set_audit(config, audit, &seen, NULL));
  CHECK_OK(scramtoken_server_config_set_clock(config, fixed_clock, NULL, NULL));
  return config;
}

static void check_seen(scramtoken_status status, const char *requester, const char *owner,
                       const char *token_id) {
  CHECK_INT(seen.count, 1);
  CHECK_STATUS(seen.status, status);
  CHECK_TEXT(seen.requester, requester);
  CHECK_TEXT(seen.owner, owner);
  CHECK_TEXT(seen.token_id, token_id);
  CHECK_TEXT(seen.operation, "login");
  CHECK_TEXT(seen.mechanism, SHA_512);
  CHECK_INT(seen.time_ms, INT64_C(1234567890123));
  CHECK(!seen.doubled_nonce);
  seen.count = 0;
}

static void each_login_is_one_event(void) {
  scramtoken_server_config *config = audited_config();
  log_in(config, SHA_512, password_client(SHA_512, VECTOR_USER, VECTOR_PASSWORD));
  check_seen(SCRAMTOKEN_OK, VECTOR_USER, "(null)", "(null)");
  log_in(config, SHA_512, password_client(SHA_512, VECTOR_USER, "wrong"));
  check_seen(SCRAMTOKEN_ERR_INVALID_PROOF, VECTOR_USER, "(null)", "(null)");
  log_in(config, SHA_512, password_client(SHA_512, "nobody", "x"));
  check_seen(SCRAMTOKEN_ERR_UNKNOWN_USER, "nobody", "(null)", "(null)");
  log_in(config, SHA_512, token_client(SHA_512, TOKEN_ID, TOKEN_HMAC));
  check_seen(SCRAMTOKEN_OK, TOKEN_ID, TOKEN_OWNER, TOKEN_ID);
  log_in(config, SHA_512, token_client(SHA_512, TOKEN_ID, "wrong"));
  check_seen(SCRAMTOKEN_ERR_INVALID_PROOF, TOKEN_ID, TOKEN_OWNER, TOKEN_ID);
  log_in(config, SHA_512, token_client(SHA_512, "no-token", "x"));
  check_seen(SCRAMTOKEN_ERR_TOKEN_NOT_FOUND, "no-token", "(null)", "no-token");
  accounts.token_expiry_ms = 1;
  log_in(config, SHA_512, token_client(SHA_512, TOKEN_ID, TOKEN_HMAC));
  check_seen(SCRAMTOKEN_ERR_TOKEN_EXPIRED, TOKEN_ID, TOKEN_OWNER, TOKEN_ID);
  scramtoken_server_config_free(config);
}

/* Sends these bytes as the first message of a login. */
static void send_first(const scramtoken_server_config *config, const char *message, size_t len) {
  const uint8_t *out;
  size_t out_len;
  scramtoken_server *server = new_server(config, SHA_512);
  CHECK(scramtoken_server_step(server, (const uint8_t *)message, len, &out, &out_len) < 0);
  CHECK_INT(seen.count, 1);
  CHECK_STATUS(server_step(server, "again", &out, &out_len), STATE);
  scramtoken_server_free(server); /* neither of these is a decision */
}

static void a_message_that_breaks_the_grammar_is_an_event(void) {
  scramtoken_server_config *config = audited_config();
  send_first(config, "garbage", 7);
  check_seen(SCRAMTOKEN_ERR_MALFORMED, "(null)", "(null)", "(null)");
  send_first(config, "n,a=root,n=user,r=abc", strlen("n,a=root,n=user,r=abc"));
  check_seen(SCRAMTOKEN_ERR_AUTHZID, "user", "(null)", "(null)");
  send_first(config, "n,,n=us\xff" "er,r=abc", strlen("n,,n=us\xff" "er,r=abc"));
  check_seen(SCRAMTOKEN_ERR_MALFORMED, "us\xef\xbf\xbd" "er", "(null)", "(null)");
  send_first(config, "n,,n=a\0b,r=abc", 14);
  check_seen(SCRAMTOKEN_ERR_MALFORMED, "a\\u{0}b", "(null)", "(null)");
  scramtoken_server_config_free(config);
}

static void names_cannot_forge_a_log(void) {
  scramtoken_server_config *config = audited_config();
  log_in(config, SHA_512, password_client(SHA_512, "a\r\nb\x1b[2Jc\x7f", "x"));
  check_seen(SCRAMTOKEN_ERR_UNKNOWN_USER, "a\\u{d}\\u{a}b\\u{1b}[2Jc\\u{7f}", "(null)", "(null)");
  char name[1001];
  memset(name, 'x', 1000);
  name[1000] = '\0';
  log_in(config, SHA_512, token_client(SHA_512, name, "x"));
  CHECK_INT(seen.count, 1);
  CHECK_INT(strlen(seen.requester), 256);
  CHECK_INT(strlen(seen.token_id), 256);
  /* Not in the middle of a character: 255 x, then e acute in two bytes. */
  memcpy(name + 255, "\xc3\xa9", 2);
  log_in(config, SHA_512, password_client(SHA_512, name, "x"));
  CHECK_INT(strlen(seen.requester), 255);
  scramtoken_server_config_free(config);
}

static void a_doubled_nonce_is_told(void) {
  make_accounts(&accounts, SHA_256);
  memset(&seen, 0, sizeof seen);
  scramtoken_server_config *config = config_with(&accounts);
  CHECK_OK(scramtoken_server_config_set_audit(config, audit, &seen, NULL));
  CHECK_OK(scramtoken_server_config_set_doubled_nonce(config, true));
  scramtoken_server *server = new_server(config, SHA_256);
  CHECK_OK(scramtoken_server_set_nonce(server, BYTES(VECTOR_SERVER_NONCE)));
  const uint8_t *out;
  size_t out_len;
  CHECK_STATUS(server_step(server, VECTOR_CLIENT_FIRST, &out, &out_len), SCRAMTOKEN_CONTINUE);
  CHECK_OK(server_step(server,
                       "c=biws,r=" VECTOR_CLIENT_NONCE VECTOR_NONCE ",p=" SHA_256_DOUBLED_PROOF,
                       &out, &out_len));
  CHECK(seen.count == 1 && seen.doubled_nonce);
  CHECK(seen.time_ms > INT64_C(1700000000000)); /* the system's clock */
  scramtoken_server_free(server);
  scramtoken_server_config_free(config);
}

static void a_login_that_is_given_up_is_no_event(void) {
  scramtoken_server_config *config = audited_config();
  scramtoken_server *server = new_server(config, SHA_512);
  scramtoken_server_free(server);
  server = new_server(config, SHA_512);
  const uint8_t *out;
  size_t out_len;
  CHECK_STATUS(server_step(server, VECTOR_CLIENT_FIRST, &out, &out_len), SCRAMTOKEN_CONTINUE);
  scramtoken_server_free(server);
  CHECK_INT(seen.count, 0);
  scramtoken_server_config_free(config);
}

static scramtoken_status io_error(void *userdata, const char *mechanism, const uint8_t *name,
                                  size_t name_len, int32_t kind, scramtoken_lookup_reply *reply) {
  (void)userdata, (void)mechanism, (void)name, (void)name_len, (void)kind, (void)reply;
  return SCRAMTOKEN_ERR_IO;
}

static void a_failing_lookup_is_an_event(void) {
  scramtoken_server_config *config = audited_config();
  CHECK_OK(scramtoken_server_config_set_lookup(config, io_error, NULL, NULL));
  send_first(config, VECTOR_CLIENT_FIRST, strlen(VECTOR_CLIENT_FIRST));
  check_seen(SCRAMTOKEN_ERR_IO, VECTOR_USER, "(null)", "(null)");
  scramtoken_server_config_free(config);
}

/* The verdict as each callback of a step sees it. */
struct watched {
  struct accounts *accounts;
  scramtoken_server *server;
  int32_t in_lookup, in_clock, in_audit;
};

static int32_t outcome_of(const scramtoken_server *server) {
  scramtoken_verdict verdict;
  CHECK_OK(scramtoken_server_verdict(server, &verdict));
  return verdict.outcome;
}

static scramtoken_status watching_lookup(void *userdata, const char *mechanism,
                                         const uint8_t *name, size_t name_len, int32_t kind,
                                         scramtoken_lookup_reply *reply) {
  struct watched *watched = (struct watched *)userdata;
  const uint8_t *out;
  size_t out_len;
  watched->in_lookup = outcome_of(watched->server);
  CHECK_STATUS(server_step(watched->server, NULL, &out, &out_len), STATE);
  CHECK_INT(outcome_of(watched->server), watched->in_lookup);
  return look_up_accounts(watched->accounts, mechanism, name, name_len, kind, reply);
}

static int64_t watching_clock(void *userdata) {
  struct watched *watched = (struct watched *)userdata;
  watched->in_clock = outcome_of(watched->server);
  return 0;
}

static void watching_audit(void *userdata, const scramtoken_audit_event *event) {
  struct watched *watched = (struct watched *)userdata;
  (void)event;
  watched->in_audit = outcome_of(watched->server);
}

static void callbacks_see_the_verdict_as_it_is(void) {
  make_accounts(&accounts, SHA_512);
  for (int is_right = 0; is_right < 2; is_right++) {
    struct watched watched = {&accounts, NULL, -1, -1, -1};
    scramtoken_server_config *config = NULL;
    CHECK_OK(scramtoken_server_config_new(&config));
    CHECK_OK(scramtoken_server_config_set_lookup(config, watching_lookup, &watched, NULL));
    CHECK_OK(scramtoken_server_config_set_clock(config, watching_clock, &watched, NULL));
    CHECK_OK(scramtoken_server_config_set_audit(config, watching_audit, &watched, NULL));
    watched.server = new_server(config, SHA_512);
    scramtoken_client *client =
        password_client(SHA_512, VECTOR_USER, is_right ? VECTOR_PASSWORD : "wrong");
    exchange(client, watched.server);
    CHECK_INT(watched.in_lookup, SCRAMTOKEN_UNDECIDED);
    CHECK_INT(watched.in_clock, SCRAMTOKEN_UNDECIDED);
    CHECK_INT(watched.in_audit, is_right ? SCRAMTOKEN_AUTHENTICATED : SCRAMTOKEN_REJECTED);
    CHECK_INT(outcome_of(watched.server), watched.in_audit);
    scramtoken_client_free(client);
    scramtoken_server_free(watched.server);
    scramtoken_server_config_free(config);
  }
}

static void no_event_has_no_fields(void) {
  CHECK_INT(scramtoken_audit_time_ms(NULL), 0);
  CHECK_STATUS(scramtoken_audit_status(NULL), BAD);
  CHECK(scramtoken_audit_operation(NULL) == NULL && scramtoken_audit_mechanism(NULL) == NULL);
  CHECK(scramtoken_audit_requester(NULL) == NULL && scramtoken_audit_owner(NULL) == NULL);
  CHECK(scramtoken_audit_token_id(NULL) == NULL && !scramtoken_audit_doubled_nonce(NULL));
}

int main(void) {
  RUN(each_login_is_one_event);
  RUN(a_message_that_breaks_the_grammar_is_an_event);
  RUN(names_cannot_forge_a_log);
  RUN(a_doubled_nonce_is_told);
  RUN(a_login_that_is_given_up_is_no_event);
  RUN(a_failing_lookup_is_an_event);
  RUN(callbacks_see_the_verdict_as_it_is);
  RUN(no_event_has_no_fields);
  return 0;
}
