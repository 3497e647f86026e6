/* What a careless or hostile caller does: NULLs, huge inputs, noise, forks, and a lot of logins. */
#define _POSIX_C_SOURCE 200809L /* fork, pipe */

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exchange.h"

/* ---- NULLs ---- */

static void nulls_are_invalid_arguments(void) {
  struct accounts accounts;
  make_accounts(&accounts, SHA_256);
  const scramtoken_credential *credential = &accounts.user.credential;
  scramtoken_server_config *config = config_with(&accounts);
  scramtoken_client *client = new_client(SHA_256);
  scramtoken_server *server = new_server(config, SHA_256);
  const uint8_t *out = UNTOUCHED, *name = UNTOUCHED;
  size_t out_len = UNTOUCHED_LEN, name_len = UNTOUCHED_LEN;
  int32_t kind;
  uint8_t key[32];
  const uint8_t *x = (const uint8_t *)"x";

  CHECK_STATUS(scramtoken_client_new(NULL, &client), BAD);
  CHECK_STATUS(scramtoken_client_new(SHA_256, NULL), BAD);
  CHECK_STATUS(scramtoken_client_set_password(NULL, x, 1, x, 1), BAD);
  CHECK_STATUS(scramtoken_client_set_password(client, NULL, 1, x, 1), BAD);
  CHECK_STATUS(scramtoken_client_set_password(client, x, 1, NULL, 1), BAD);
  CHECK_STATUS(scramtoken_client_set_password(client, NULL, 0, NULL, 0), BAD);
  CHECK_STATUS(scramtoken_client_set_token(NULL, x, 1, x, 1), BAD);
  CHECK_STATUS(scramtoken_client_set_token(client, NULL, 1, x, 1), BAD);
  CHECK_STATUS(scramtoken_client_set_token(client, x, 1, NULL, 1), BAD);
  CHECK_STATUS(scramtoken_client_set_key_cache(NULL, NULL), BAD);
  CHECK_STATUS(scramtoken_client_set_key_cache(client, NULL), BAD);
  CHECK_CONTAINS(scramtoken_client_error(client), "NULL");
  CHECK_STATUS(scramtoken_client_set_authzid(NULL, x, 1), BAD);
  CHECK_STATUS(scramtoken_client_set_authzid(client, NULL, 1), BAD);
  CHECK_STATUS(scramtoken_client_set_iteration_limits(NULL, 1, 2), BAD);
  CHECK_STATUS(scramtoken_client_set_nonce(NULL, x, 1), BAD);
  CHECK_STATUS(scramtoken_client_set_nonce(client, NULL, 1), BAD);
  CHECK_OK(scramtoken_client_set_password(client, x, 1, x, 1));
  CHECK_STATUS(scramtoken_client_step(NULL, NULL, 0, &out, &out_len), BAD);
  CHECK_STATUS(scramtoken_client_step(client, NULL, 0, NULL, &out_len), BAD);
  CHECK_STATUS(scramtoken_client_step(client, NULL, 0, &out, NULL), BAD);
  CHECK_STATUS(scramtoken_client_step(client, NULL, 1, &out, &out_len), BAD);
  CHECK(out == UNTOUCHED && out_len == UNTOUCHED_LEN);
  CHECK_STATUS(scramtoken_client_step(client, NULL, 0, &out, &out_len), SCRAMTOKEN_CONTINUE);
  out = UNTOUCHED;
  out_len = UNTOUCHED_LEN;
  scramtoken_client_cancel(NULL);
  CHECK(scramtoken_client_error(NULL) != NULL);
  CHECK_STATUS(scramtoken_key_cache_new(1, NULL), BAD);

  CHECK_STATUS(scramtoken_server_config_new(NULL), BAD);
  CHECK_STATUS(scramtoken_server_config_set_lookup(NULL, look_up_accounts, NULL, NULL), BAD);
  CHECK_STATUS(scramtoken_server_config_set_lookup(config, NULL, NULL, NULL), BAD);
  CHECK_STATUS(scramtoken_server_config_set_implicit_tokens(NULL, true), BAD);
  CHECK_STATUS(scramtoken_server_config_set_doubled_nonce(NULL, true), BAD);
  CHECK_STATUS(scramtoken_server_config_set_mock_secret(NULL, x, 1), BAD);
  CHECK_STATUS(scramtoken_server_config_set_mock_secret(config, NULL, 32), BAD);
  CHECK_STATUS(scramtoken_server_config_set_mock_iterations(NULL, 4096), BAD);
  CHECK_STATUS(scramtoken_server_config_set_mock_token_iterations(NULL, SHA_256, 4096), BAD);
  CHECK_STATUS(scramtoken_server_config_set_mock_token_iterations(config, NULL, 4096), BAD);
  CHECK_STATUS(scramtoken_server_config_set_clock(NULL, NULL, NULL, NULL), BAD);
  CHECK_STATUS(scramtoken_server_config_set_audit(NULL, NULL, NULL, NULL), BAD);

  scramtoken_server *no_server = (scramtoken_server *)(uintptr_t)UNTOUCHED;
  CHECK_STATUS(scramtoken_server_new(NULL, SHA_256, &no_server), BAD);
  CHECK_STATUS(scramtoken_server_new(config, NULL, &no_server), BAD);
  CHECK_STATUS(scramtoken_server_new(config, SHA_256, NULL), BAD);
  CHECK((const uint8_t *)no_server == UNTOUCHED);
  CHECK_STATUS(scramtoken_server_set_nonce(NULL, x, 1), BAD);
  CHECK_STATUS(scramtoken_server_set_nonce(server, NULL, 1), BAD);
  CHECK_STATUS(scramtoken_server_step(NULL, x, 1, &out, &out_len), BAD);
  CHECK_STATUS(scramtoken_server_step(server, x, 1, NULL, &out_len), BAD);
  CHECK_STATUS(scramtoken_server_step(server, x, 1, &out, NULL), BAD);
  CHECK_STATUS(scramtoken_server_step(server, NULL, 1, &out, &out_len), BAD);
  CHECK_STATUS(scramtoken_server_identity(NULL, &name, &name_len, &kind), BAD);
  CHECK_STATUS(scramtoken_server_supply_user(NULL, credential), BAD);
  CHECK_STATUS(scramtoken_server_supply_token(NULL, credential, x, 1, -1), BAD);
  CHECK_STATUS(scramtoken_server_supply_unknown(NULL), BAD);
  scramtoken_verdict verdict;
  verdict.outcome = 77;
  CHECK_STATUS(scramtoken_server_verdict(NULL, &verdict), BAD);
  CHECK_INT(verdict.outcome, 77);
  CHECK_STATUS(scramtoken_server_verdict(server, NULL), BAD);
  CHECK(scramtoken_server_error(NULL) != NULL);
  CHECK(out == UNTOUCHED && out_len == UNTOUCHED_LEN);
  /* None of it ended the login. */
  CHECK_STATUS(server_step(server, VECTOR_CLIENT_FIRST, &out, &out_len), SCRAMTOKEN_CONTINUE);
  scramtoken_server_free(server);

  scramtoken_server_config *asking = NULL;
  CHECK_OK(scramtoken_server_config_new(&asking));
  static const char *const firsts[] = {VECTOR_CLIENT_FIRST, VECTOR_CLIENT_FIRST ",tokenauth=true"};
  for (int is_token = 0; is_token < 2; is_token++) {
    server = new_server(asking, SHA_256);
    CHECK_STATUS(server_step(server, firsts[is_token], &out, &out_len),
                 SCRAMTOKEN_NEED_CREDENTIAL);
    CHECK_STATUS(scramtoken_server_identity(server, NULL, &name_len, &kind), BAD);
    CHECK_STATUS(scramtoken_server_identity(server, &name, NULL, &kind), BAD);
    CHECK_STATUS(scramtoken_server_identity(server, &name, &name_len, NULL), BAD);
    CHECK(name == UNTOUCHED && name_len == UNTOUCHED_LEN);
    if (is_token) {
      CHECK_STATUS(scramtoken_server_supply_token(server, credential, NULL, 1, -1), BAD);
      CHECK_STATUS(scramtoken_server_supply_token(server, NULL, x, 1, -1), BAD);
    } else {
      CHECK_STATUS(scramtoken_server_supply_user(server, NULL), BAD);
    }
    scramtoken_server_free(server);
  }
  scramtoken_server_config_free(asking);

  CHECK_STATUS(scramtoken_derive(NULL, x, 1, x, 1, 1, key, key, 32), BAD);
  CHECK(scramtoken_last_error()[0] != '\0');
  scramtoken_client_free(client);
  scramtoken_client_free(NULL);
  scramtoken_key_cache_free(NULL);
  scramtoken_server_free(NULL);
  scramtoken_server_config_free(config);
  scramtoken_server_config_free(NULL);
}

/* ---- huge inputs ---- */

enum { MIB = 1 << 20 };
static uint8_t huge[MIB];

static void a_mebibyte_is_refused_or_taken_but_never_sent(void) {
  memset(huge, 'a', sizeof huge);
  const uint8_t *out = UNTOUCHED;
  size_t out_len = UNTOUCHED_LEN;
  /* As a name or nonce it fits into no message. */
  for (int what = 0; what < 4; what++) {
    scramtoken_client *client = new_client(SHA_256);
    const uint8_t *x = (const uint8_t *)"x";
    scramtoken_status status = scramtoken_client_set_password(client, x, 1, x, 1);
    if (what == 0) status = scramtoken_client_set_password(client, huge, MIB, x, 1);
    if (what == 1) status = scramtoken_client_set_token(client, huge, MIB, x, 1);
    if (what == 2) status = scramtoken_client_set_authzid(client, huge, MIB);
    if (what == 3) status = scramtoken_client_set_nonce(client, huge, MIB);
    if (status == SCRAMTOKEN_OK) status = scramtoken_client_step(client, NULL, 0, &out, &out_len);
    CHECK(status == BAD || status == SCRAMTOKEN_ERR_TOO_LONG);
    CHECK(strlen(scramtoken_client_error(client)) < 256);
    scramtoken_client_free(client);
  }
  CHECK(out == UNTOUCHED && out_len == UNTOUCHED_LEN);

  /* As a password it is only hashed. */
  struct kept kept;
  keep(&kept, SHA_256, "x", 1);
  CHECK_OK(scramtoken_derive(SHA_256, huge, MIB, BYTES("salt"), 1, kept.stored_key,
                             kept.server_key, 32));
  scramtoken_client *client = new_client(SHA_256);
  CHECK_OK(scramtoken_client_set_password(client, BYTES("user"), huge, MIB));
  CHECK_STATUS(scramtoken_client_step(client, NULL, 0, &out, &out_len), SCRAMTOKEN_CONTINUE);
  out = UNTOUCHED;
  out_len = UNTOUCHED_LEN;

  /* As a message it is refused before it is read. */
  CHECK_STATUS(scramtoken_client_step(client, huge, MIB, &out, &out_len), SCRAMTOKEN_ERR_TOO_LONG);
  CHECK(out == UNTOUCHED && out_len == UNTOUCHED_LEN);
  scramtoken_client_free(client);
  struct accounts accounts;
  make_accounts(&accounts, SHA_256);
  scramtoken_server_config *config = config_with(&accounts);
  scramtoken_server *server = new_server(config, SHA_256);
  CHECK_STATUS(scramtoken_server_step(server, huge, MIB, &out, &out_len), SCRAMTOKEN_ERR_TOO_LONG);
  CHECK_BYTES(out, out_len, "e=other-error");
  scramtoken_server_free(server);
  server = new_server(config, SHA_256);
  CHECK_STATUS(server_step(server, VECTOR_CLIENT_FIRST, &out, &out_len), SCRAMTOKEN_CONTINUE);
  CHECK_STATUS(scramtoken_server_step(server, huge, MIB, &out, &out_len), SCRAMTOKEN_ERR_TOO_LONG);
  scramtoken_server_free(server);
  server = new_server(config, SHA_256);
  CHECK_OK(scramtoken_server_set_nonce(server, huge, 4096));
  CHECK_STATUS(server_step(server, VECTOR_CLIENT_FIRST, &out, &out_len), SCRAMTOKEN_ERR_TOO_LONG);
  scramtoken_server_free(server);
  CHECK_OK(scramtoken_server_config_set_mock_secret(config, huge, MIB));
  scramtoken_server_config_free(config);
}

static void a_length_that_no_memory_has_is_refused(void) {
  scramtoken_client *client = new_client(SHA_256);
  const uint8_t *out = UNTOUCHED;
  size_t out_len = UNTOUCHED_LEN;
  CHECK_STATUS(scramtoken_client_set_password(client, huge, SIZE_MAX, huge, 1), BAD);
  CHECK_STATUS(scramtoken_client_set_password(client, huge, 1, huge, SIZE_MAX), BAD);
  CHECK_STATUS(scramtoken_client_set_token(client, huge, 1, huge, SIZE_MAX), BAD);
  CHECK_OK(scramtoken_client_set_password(client, BYTES("user"), BYTES("x")));
  CHECK_STATUS(scramtoken_client_step(client, huge, SIZE_MAX, &out, &out_len), BAD);
  CHECK(out == UNTOUCHED && out_len == UNTOUCHED_LEN);
  scramtoken_client_free(client);
}

/* ---- noise ---- */

static uint64_t random_state = UINT64_C(0x9e3779b97f4a7c15); /* the same noise at each run */
static uint32_t random_number(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (uint32_t)(random_state >> 32);
}

/* A good message with some bytes changed, cut or doubled is refused or, rarely, still good; in no
 * case is anybody let in who has no proof. */
static void noise_is_refused(void) {
  struct accounts accounts;
  make_accounts(&accounts, SHA_256);
  scramtoken_server_config *config = config_with(&accounts);
  static const char *const messages[] = {VECTOR_CLIENT_FIRST ",tokenauth=true,x=1",
                                         VECTOR_CLIENT_FINAL_WITHOUT_PROOF ",p=" SHA_256_PROOF,
                                         "n,a=user,n=us=2Cer,r=abc", VECTOR_SERVER_FIRST,
                                         ("v=" SHA_256_SIGNATURE)};
  for (int round = 0; round < 2000; round++) {
    uint8_t message[512];
    const char *model = messages[random_number() % 5];
    size_t len = strlen(model);
    memcpy(message, model, len);
    for (uint32_t changes = 1 + random_number() % 4; changes > 0; changes--) {
      size_t at = random_number() % len;
      switch (random_number() % 4) {
        case 0: message[at] = (uint8_t)random_number(); break;
        case 1: message[at] = (uint8_t)(",=ncraspvem"[random_number() % 11]); break;
        case 2: len = at + 1; break;
        default:
          if (len + at <= sizeof message) memcpy(message + len, message, at), len += at;
      }
    }
    const uint8_t *out;
    size_t out_len;
    scramtoken_server *server = new_server(config, SHA_256);
    if (round % 2 != 0) (void)server_step(server, VECTOR_CLIENT_FIRST, &out, &out_len);
    CHECK(scramtoken_server_step(server, message, len, &out, &out_len) != SCRAMTOKEN_OK);
    scramtoken_server_free(server);
    scramtoken_client *client = password_client(SHA_256, VECTOR_USER, VECTOR_PASSWORD);
    CHECK_OK(scramtoken_client_set_iteration_limits(client, 1, 1));
    CHECK_STATUS(client_step(client, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
    CHECK(scramtoken_client_step(client, message, len, &out, &out_len) < 0); /* not its nonce */
    scramtoken_client_free(client);
  }
  scramtoken_server_config_free(config);
}

/* ---- forks ---- */

static void draw_nonce(char *nonce) {
  const uint8_t *out;
  size_t out_len;
  scramtoken_client *client = password_client(SHA_256, VECTOR_USER, VECTOR_PASSWORD);
  CHECK_STATUS(client_step(client, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
  sprintf(nonce, "%.*s", (int)out_len, (const char *)out);
  scramtoken_client_free(client);
}

static void a_forked_child_draws_other_nonces(void) {
  char before[128], own[128], childs[128];
  int pipe_fds[2], status;
  memset(childs, 0, sizeof childs);
  draw_nonce(before); /* so that the library has begun before the fork */
  CHECK_INT(pipe(pipe_fds), 0);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    draw_nonce(childs);
    _exit(write(pipe_fds[1], childs, sizeof childs) == (ssize_t)sizeof childs ? 0 : 1);
  }
  draw_nonce(own);
  CHECK(read(pipe_fds[0], childs, sizeof childs) == (ssize_t)sizeof childs);
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(strcmp(own, childs) != 0 && strcmp(own, before) != 0);
  close(pipe_fds[0]);
  close(pipe_fds[1]);
}

/* ---- memory ---- */

static void log_in_often(const scramtoken_server_config *config, scramtoken_key_cache *cache,
                         int logins) {
  for (int i = 0; i < logins; i++) {
    scramtoken_client *client =
        i % 2 == 0 ? password_client(SHA_256, VECTOR_USER, i % 4 == 0 ? VECTOR_PASSWORD : "wrong")
                   : token_client(SHA_256, TOKEN_ID, TOKEN_HMAC);
    CHECK_OK(scramtoken_client_set_key_cache(client, cache));
    log_in(config, SHA_256, client);
    scramtoken_client *failing = NULL;
    CHECK_STATUS(scramtoken_client_new("PLAIN", &failing), SCRAMTOKEN_ERR_UNSUPPORTED_MECHANISM);
  }
}

static void memory_does_not_grow(void) {
  struct accounts accounts;
  make_accounts(&accounts, SHA_256);
  scramtoken_server_config *config = config_with(&accounts);
  scramtoken_key_cache *cache = NULL;
  CHECK_OK(scramtoken_key_cache_new(2, &cache)); /* for three secrets: it evicts all the time */
  log_in_often(config, cache, 50);
  size_t before = mallinfo2().uordblks;
  log_in_often(config, cache, 500);
  size_t after = mallinfo2().uordblks;
  CHECK(after < before + 4096);
  scramtoken_key_cache_free(cache);
  scramtoken_server_config_free(config);
}

int main(void) {
  RUN(nulls_are_invalid_arguments);
  RUN(a_mebibyte_is_refused_or_taken_but_never_sent);
  RUN(a_length_that_no_memory_has_is_refused);
  RUN(noise_is_refused);
  RUN(a_forked_child_draws_other_nonces);
  RUN(memory_does_not_grow);
  return 0;
}
