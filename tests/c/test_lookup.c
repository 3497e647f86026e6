/* Lookup callbacks, good and bad: nothing but one good reply is ever a yes. */
#include "exchange.h"


typedef scramtoken_status (*behaviour)(const struct kept *, scramtoken_lookup_reply *);

struct caller {
  struct kept kept;
  behaviour behave;
  char mechanism[32], name[64];
  int32_t kind;
  int calls;
};

static scramtoken_status look_up(void *userdata, const char *mechanism, const uint8_t *name,
                                 size_t name_len, int32_t kind, scramtoken_lookup_reply *reply) {
  struct caller *caller = (struct caller *)userdata;
  CHECK(name_len < sizeof caller->name && strlen(mechanism) < sizeof caller->mechanism);
  strcpy(caller->mechanism, mechanism);
  memcpy(caller->name, name, name_len);
  caller->name[name_len] = '\0';
  caller->kind = kind;
  caller->calls++;
  return caller->behave(&caller->kept, reply);
}

static scramtoken_server_config *config_of(struct caller *caller, behaviour behave) {
  memset(caller, 0, sizeof *caller);
  keep(&caller->kept, SHA_256, VECTOR_PASSWORD, VECTOR_ITERATIONS);
  caller->behave = behave;
  scramtoken_server_config *config = NULL;
  CHECK_OK(scramtoken_server_config_new(&config));
  CHECK_OK(scramtoken_server_config_set_lookup(config, look_up, caller, NULL));
  return config;
}

/* ---- what callbacks may do ---- */

static scramtoken_status reply_user(const struct kept *kept, scramtoken_lookup_reply *reply) {
  CHECK_OK(scramtoken_lookup_reply_user(reply, &kept->credential));
  return SCRAMTOKEN_OK;
}
static scramtoken_status reply_token(const struct kept *kept, scramtoken_lookup_reply *reply) {
  CHECK_OK(scramtoken_lookup_reply_token(reply, &kept->credential, BYTES(TOKEN_OWNER), 12345));
  return SCRAMTOKEN_OK;
}
static scramtoken_status reply_unknown(const struct kept *kept, scramtoken_lookup_reply *reply) {
  (void)kept;
  CHECK_OK(scramtoken_lookup_reply_unknown(reply));
  return SCRAMTOKEN_OK;
}

static void a_user_and_a_token_log_in(void) {
  struct caller caller;
  scramtoken_server_config *config = config_of(&caller, reply_user);
  CHECK_ENDING(log_in(config, SHA_256, password_client(SHA_256, "user", VECTOR_PASSWORD)),
               SCRAMTOKEN_OK, SCRAMTOKEN_OK);
  CHECK_TEXT(caller.mechanism, SHA_256);
  CHECK_TEXT(caller.name, "user");
  CHECK_INT(caller.kind, SCRAMTOKEN_IDENTITY_USER);
  CHECK_INT(caller.calls, 1);
  CHECK_ENDING(log_in(config, SHA_256, password_client(SHA_256, "a,b=c", VECTOR_PASSWORD)),
               SCRAMTOKEN_OK, SCRAMTOKEN_OK);
  CHECK_TEXT(caller.name, "a,b=c"); /* as it is, not as it travels */
  scramtoken_server_config_free(config);

  config = config_of(&caller, reply_token);
  CHECK_ENDING(log_in(config, SHA_256, token_client(SHA_256, TOKEN_ID, VECTOR_PASSWORD)),
               SCRAMTOKEN_ERR_SERVER_REFUSED, SCRAMTOKEN_ERR_TOKEN_EXPIRED); /* 12345 ms is 1970 */
  CHECK_TEXT(caller.name, TOKEN_ID);
  CHECK_INT(caller.kind, SCRAMTOKEN_IDENTITY_TOKEN);
  scramtoken_server_config_free(config);

  config = config_of(&caller, reply_unknown);
  CHECK_ENDING(log_in(config, SHA_256, password_client(SHA_256, "user", VECTOR_PASSWORD)),
               SCRAMTOKEN_ERR_SERVER_REFUSED, SCRAMTOKEN_ERR_UNKNOWN_USER);
  CHECK_ENDING(log_in(config, SHA_256, token_client(SHA_256, TOKEN_ID, VECTOR_PASSWORD)),
               SCRAMTOKEN_ERR_SERVER_REFUSED, SCRAMTOKEN_ERR_TOKEN_NOT_FOUND);
  scramtoken_server_config_free(config);
}

static void either_may_be_answered_with_either(void) {
  struct caller caller;
  static const behaviour behaviours[] = {reply_user, reply_token};
  for (int is_token = 0; is_token < 2; is_token++) {
    scramtoken_server_config *config = config_of(&caller, behaviours[is_token]);
    CHECK_OK(scramtoken_server_config_set_implicit_tokens(config, true));
    CHECK_ENDING(log_in(config, SHA_256, password_client(SHA_256, "user", VECTOR_PASSWORD)),
                 is_token ? SCRAMTOKEN_ERR_SERVER_REFUSED : SCRAMTOKEN_OK,
                 is_token ? SCRAMTOKEN_ERR_TOKEN_EXPIRED : SCRAMTOKEN_OK);
    CHECK_INT(caller.kind, SCRAMTOKEN_IDENTITY_EITHER);
    scramtoken_server_config_free(config);
  }
}

static scramtoken_status no_reply(const struct kept *kept, scramtoken_lookup_reply *reply) {
  CHECK(kept != NULL && reply != NULL);
  return SCRAMTOKEN_OK;
}
static scramtoken_status two_replies(const struct kept *kept, scramtoken_lookup_reply *reply) {
  CHECK_OK(scramtoken_lookup_reply_user(reply, &kept->credential));
  CHECK_STATUS(scramtoken_lookup_reply_user(reply, &kept->credential), STATE);
  return SCRAMTOKEN_OK;
}
static scramtoken_status unknown_then_user(const struct kept *kept,
                                           scramtoken_lookup_reply *reply) {
  CHECK_OK(scramtoken_lookup_reply_unknown(reply));
  CHECK_STATUS(scramtoken_lookup_reply_user(reply, &kept->credential), STATE);
  return SCRAMTOKEN_OK;
}
static scramtoken_status user_then_unknown(const struct kept *kept,
                                           scramtoken_lookup_reply *reply) {
  CHECK_OK(scramtoken_lookup_reply_user(reply, &kept->credential));
  CHECK_STATUS(scramtoken_lookup_reply_unknown(reply), STATE);
  return SCRAMTOKEN_OK;
}
static scramtoken_status user_then_token(const struct kept *kept, scramtoken_lookup_reply *reply) {
  CHECK_OK(scramtoken_lookup_reply_user(reply, &kept->credential));
  CHECK_STATUS(scramtoken_lookup_reply_token(reply, &kept->credential, BYTES("o"), -1), STATE);
  return SCRAMTOKEN_OK;
}
static scramtoken_status reply_then_io(const struct kept *kept, scramtoken_lookup_reply *reply) {
  CHECK_OK(scramtoken_lookup_reply_user(reply, &kept->credential));
  return SCRAMTOKEN_ERR_IO;
}
static scramtoken_status only_io(const struct kept *kept, scramtoken_lookup_reply *reply) {
  (void)kept, (void)reply;
  return SCRAMTOKEN_ERR_IO;
}
static scramtoken_status bad_credential(const struct kept *kept, scramtoken_lookup_reply *reply) {
  scramtoken_credential credential = kept->credential;
  credential.iterations = 0;
  CHECK_STATUS(scramtoken_lookup_reply_user(reply, &credential), BAD);
  CHECK_CONTAINS(scramtoken_last_error(), "iteration");
  return SCRAMTOKEN_OK;
}
static scramtoken_status wrong_kind(const struct kept *kept, scramtoken_lookup_reply *reply) {
  CHECK_STATUS(scramtoken_lookup_reply_token(reply, &kept->credential, BYTES("o"), -1), BAD);
  return SCRAMTOKEN_OK;
}
static scramtoken_status nulls(const struct kept *kept, scramtoken_lookup_reply *reply) {
  CHECK_STATUS(scramtoken_lookup_reply_user(NULL, &kept->credential), BAD);
  CHECK_STATUS(scramtoken_lookup_reply_user(reply, NULL), BAD);
  CHECK_STATUS(scramtoken_lookup_reply_token(NULL, &kept->credential, BYTES("o"), -1), BAD);
  CHECK_STATUS(scramtoken_lookup_reply_token(reply, NULL, BYTES("o"), -1), BAD);
  CHECK_STATUS(scramtoken_lookup_reply_token(reply, &kept->credential, NULL, 1, -1), BAD);
  CHECK_STATUS(scramtoken_lookup_reply_unknown(NULL), BAD);
  return SCRAMTOKEN_ERR_IO;
}

/* Whatever an unknown status means, it is no yes, even after a good reply. */
static scramtoken_status strange_status;
static scramtoken_status reply_then_strange(const struct kept *kept,
                                            scramtoken_lookup_reply *reply) {
  CHECK_OK(scramtoken_lookup_reply_user(reply, &kept->credential));
  return strange_status;
}

/* The step fails with the status at once, and so does the login; there is no second lookup. */
static void check_fails(behaviour behave, scramtoken_status status) {
  struct caller caller;
  scramtoken_server_config *config = config_of(&caller, behave);
  scramtoken_server *server = new_server(config, SHA_256);
  const uint8_t *out = NULL;
  size_t out_len = 0;
  CHECK_STATUS(server_step(server, VECTOR_CLIENT_FIRST, &out, &out_len), status);
  if (out != NULL) CHECK_BYTES(out, out_len, "e=other-error");
  CHECK(scramtoken_server_error(server)[0] != '\0');
  scramtoken_verdict verdict;
  CHECK_OK(scramtoken_server_verdict(server, &verdict));
  CHECK_INT(verdict.outcome, SCRAMTOKEN_REJECTED);
  CHECK_STATUS(verdict.reason, status);
  CHECK_STATUS(server_step(server, VECTOR_CLIENT_FIRST, &out, &out_len), STATE);
  CHECK_STATUS(scramtoken_server_supply_user(server, &caller.kept.credential), STATE);
  CHECK_INT(caller.calls, 1);
  scramtoken_server_free(server);
  scramtoken_server_config_free(config);
}

static void nothing_else_is_a_yes(void) {
  check_fails(no_reply, STATE);
  check_fails(two_replies, STATE);
  check_fails(unknown_then_user, STATE);
  check_fails(user_then_unknown, STATE);
  check_fails(user_then_token, STATE);
  check_fails(reply_then_io, SCRAMTOKEN_ERR_IO);
  check_fails(only_io, SCRAMTOKEN_ERR_IO);
  check_fails(nulls, SCRAMTOKEN_ERR_IO);
}

static void a_reply_that_fails_is_none(void) {
  struct caller caller;
  static const behaviour behaviours[] = {bad_credential, wrong_kind};
  for (size_t i = 0; i < 2; i++) {
    scramtoken_server_config *config = config_of(&caller, behaviours[i]);
    scramtoken_server *server = new_server(config, SHA_256);
    const uint8_t *out;
    size_t out_len;
    scramtoken_status status = server_step(server, VECTOR_CLIENT_FIRST, &out, &out_len);
    CHECK(status == BAD || status == STATE);
    scramtoken_server_free(server);
    scramtoken_server_config_free(config);
  }
}

static void unknown_statuses_are_errors(void) {
  static const scramtoken_status statuses[] = {1, 2, 3, 77, INT32_MAX, -9, -12345, INT32_MIN};
  for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
    struct caller caller;
    strange_status = statuses[i];
    scramtoken_server_config *config = config_of(&caller, reply_then_strange);
    scramtoken_server *server = new_server(config, SHA_256);
    const uint8_t *out = NULL;
    size_t out_len = 0;
    CHECK(server_step(server, VECTOR_CLIENT_FIRST, &out, &out_len) < 0);
    scramtoken_verdict verdict;
    CHECK_OK(scramtoken_server_verdict(server, &verdict));
    CHECK_INT(verdict.outcome, SCRAMTOKEN_REJECTED);
    CHECK(verdict.reason < 0);
    scramtoken_server_free(server);
    scramtoken_server_config_free(config);
  }
}

static void with_a_lookup_nobody_else_supplies(void) {
  struct caller caller;
  scramtoken_server_config *config = config_of(&caller, reply_user);
  scramtoken_server *server = new_server(config, SHA_256);
  const uint8_t *out;
  size_t out_len;
  CHECK_STATUS(scramtoken_server_supply_user(server, &caller.kept.credential), STATE);
  CHECK_STATUS(server_step(server, VECTOR_CLIENT_FIRST, &out, &out_len), SCRAMTOKEN_CONTINUE);
  CHECK_STATUS(scramtoken_server_supply_user(server, &caller.kept.credential), STATE);
  scramtoken_server_free(server);
  scramtoken_server_config_free(config);
}

/* A callback may call the library: here it derives, and runs a whole login of its own. */
static scramtoken_status reenter(const struct kept *kept, scramtoken_lookup_reply *reply) {
  struct caller inner;
  scramtoken_server_config *config = config_of(&inner, reply_user);
  CHECK_ENDING(log_in(config, SHA_256, password_client(SHA_256, "inner", VECTOR_PASSWORD)),
               SCRAMTOKEN_OK, SCRAMTOKEN_OK);
  scramtoken_server_config_free(config);
  CHECK(scramtoken_server_config_new(NULL) == BAD); /* sets this thread's last error */
  return scramtoken_lookup_reply_user(reply, &kept->credential);
}

static void a_callback_may_call_the_library(void) {
  struct caller caller;
  scramtoken_server_config *config = config_of(&caller, reenter);
  CHECK_ENDING(log_in(config, SHA_256, password_client(SHA_256, "user", VECTOR_PASSWORD)),
               SCRAMTOKEN_OK, SCRAMTOKEN_OK);
  scramtoken_server_config_free(config);
}

struct freeing {
  struct kept kept;
  scramtoken_server_config *config;
  int finalized;
};

static scramtoken_status free_config(void *userdata, const char *mechanism, const uint8_t *name,
                                     size_t name_len, int32_t kind,
                                     scramtoken_lookup_reply *reply) {
  struct freeing *freeing = (struct freeing *)userdata;
  (void)mechanism, (void)name, (void)name_len, (void)kind;
  scramtoken_server_config_free(freeing->config);
  CHECK_INT(freeing->finalized, 0); /* the login still uses this callback */
  return scramtoken_lookup_reply_user(reply, &freeing->kept.credential);
}

static void finalize(void *userdata) { ++((struct freeing *)userdata)->finalized; }

static void a_callback_may_free_its_config(void) {
  struct freeing freeing;
  memset(&freeing, 0, sizeof freeing);
  keep(&freeing.kept, SHA_256, VECTOR_PASSWORD, VECTOR_ITERATIONS);
  CHECK_OK(scramtoken_server_config_new(&freeing.config));
  CHECK_OK(scramtoken_server_config_set_lookup(freeing.config, free_config, &freeing, finalize));
  scramtoken_client *client = password_client(SHA_256, "user", VECTOR_PASSWORD);
  CHECK_ENDING(log_in(freeing.config, SHA_256, client), SCRAMTOKEN_OK, SCRAMTOKEN_OK);
  CHECK_INT(freeing.finalized, 1);
}

int main(void) {
  RUN(a_user_and_a_token_log_in);
  RUN(either_may_be_answered_with_either);
  RUN(nothing_else_is_a_yes);
  RUN(a_reply_that_fails_is_none);
  RUN(unknown_statuses_are_errors);
  RUN(with_a_lookup_nobody_else_supplies);
  RUN(a_callback_may_call_the_library);
  RUN(a_callback_may_free_its_config);
  return 0;
}
