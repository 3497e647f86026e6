/* scramtoken_server without a lookup: the caller supplies. Known answers, verdicts, and every way
 * in which a client can be wrong. */
#include "exchange.h"

#define FIRST VECTOR_CLIENT_FIRST
#define FINAL VECTOR_CLIENT_FINAL_WITHOUT_PROOF ",p=" SHA_256_PROOF

static scramtoken_server_config *empty_config(void) {
  scramtoken_server_config *config = NULL;
  CHECK_OK(scramtoken_server_config_new(&config));
  return config;
}

/* A login of the known answers that waits for its client-first-message. */
static scramtoken_server *vector_server(const char *mechanism) {
  scramtoken_server_config *config = empty_config();
  scramtoken_server *server = new_server(config, mechanism);
  scramtoken_server_config_free(config); /* the login keeps what it needs */
  CHECK_OK(scramtoken_server_set_nonce(server, BYTES(VECTOR_SERVER_NONCE)));
  return server;
}

/* The same, which waits for a credential. */
static scramtoken_server *asking_server(const char *mechanism, const char *client_first) {
  scramtoken_server *server = vector_server(mechanism);
  const uint8_t *out = UNTOUCHED;
  size_t out_len = UNTOUCHED_LEN;
  CHECK_STATUS(server_step(server, client_first, &out, &out_len), SCRAMTOKEN_NEED_CREDENTIAL);
  return server;
}

/* The same, which waits for the client-final-message. */
static scramtoken_server *challenging_server(const char *mechanism) {
  struct kept kept;
  keep(&kept, mechanism, VECTOR_PASSWORD, VECTOR_ITERATIONS);
  scramtoken_server *server = asking_server(mechanism, FIRST);
  CHECK_OK(scramtoken_server_supply_user(server, &kept.credential));
  const uint8_t *out;
  size_t out_len;
  CHECK_STATUS(server_step(server, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
  CHECK_BYTES(out, out_len, VECTOR_SERVER_FIRST);
  return server;
}

static scramtoken_verdict verdict_of(const scramtoken_server *server) {
  scramtoken_verdict verdict;
  memset(&verdict, 0x5a, sizeof verdict);
  CHECK_OK(scramtoken_server_verdict(server, &verdict));
  for (int i = 0; i < 4; i++) CHECK(verdict.reserved[i] == 0);
  return verdict;
}

static void check_undecided(const scramtoken_server *server) {
  scramtoken_verdict verdict = verdict_of(server);
  CHECK_INT(verdict.outcome, SCRAMTOKEN_UNDECIDED);
  CHECK(!verdict.is_token && verdict.name_len == 0 && verdict.token_id_len == 0);
}

static void check_rejected(const scramtoken_server *server, scramtoken_status reason) {
  scramtoken_verdict verdict = verdict_of(server);
  CHECK_INT(verdict.outcome, SCRAMTOKEN_REJECTED);
  CHECK_STATUS(verdict.reason, reason);
  CHECK(verdict.name_len == 0 && verdict.token_id_len == 0);
  CHECK_INT(verdict.expiry_ms, -1);
}

/* The step fails so, says so, has this e= to send, and ends the login. */
static void check_refused(scramtoken_server *server, const uint8_t *in, size_t in_len,
                          scramtoken_status status, const char *part, const char *answer) {
  const uint8_t *out = NULL;
  size_t out_len = 0;
  CHECK_STATUS(scramtoken_server_step(server, in, in_len, &out, &out_len), status);
  CHECK(out != NULL);
  CHECK_BYTES(out, out_len, answer);
  CHECK_CONTAINS(scramtoken_server_error(server), part);
  CHECK_TEXT(scramtoken_last_error(), scramtoken_server_error(server));
  check_rejected(server, status);
  out = UNTOUCHED;
  out_len = UNTOUCHED_LEN;
  CHECK_STATUS(scramtoken_server_step(server, in, in_len, &out, &out_len),
               STATE);
  CHECK_STATUS(scramtoken_server_step(server, NULL, 0, &out, &out_len),
               STATE);
  CHECK(out == UNTOUCHED && out_len == UNTOUCHED_LEN);
  check_rejected(server, status); /* as it was */
  scramtoken_server_free(server);
}

static void gives_the_known_answers(void) {
  static const char *const rows[][3] = {{SHA_256, SHA_256_PROOF, SHA_256_SIGNATURE},
                                        {SHA_512, SHA_512_PROOF, SHA_512_SIGNATURE}};
  for (size_t i = 0; i < 2; i++) {
    char final[256], expected[128];
    const uint8_t *out;
    size_t out_len;
    scramtoken_server *server = challenging_server(rows[i][0]);
    check_undecided(server);
    sprintf(final, "%s,p=%s", VECTOR_CLIENT_FINAL_WITHOUT_PROOF, rows[i][1]);
    CHECK_OK(server_step(server, final, &out, &out_len));
    sprintf(expected, "v=%s", rows[i][2]);
    CHECK_BYTES(out, out_len, expected);
    scramtoken_verdict verdict = verdict_of(server);
    CHECK_INT(verdict.outcome, SCRAMTOKEN_AUTHENTICATED);
    CHECK_OK(verdict.reason);
    CHECK_BYTES(verdict.name, verdict.name_len, VECTOR_USER);
    CHECK(!verdict.is_token && verdict.token_id_len == 0 && !verdict.doubled_nonce);
    CHECK_INT(verdict.expiry_ms, -1);
    /* A message after the end changes nothing. */
    CHECK_STATUS(server_step(server, final, &out, &out_len), STATE);
    CHECK_INT(verdict_of(server).outcome, SCRAMTOKEN_AUTHENTICATED);
    scramtoken_server_free(server);
  }
}

static void asks_for_whom_the_client_named(void) {
  static const struct {
    const char *client_first, *name;
    int32_t kind;
  } rows[] = {
      {"n,,n=user,r=abc", "user", SCRAMTOKEN_IDENTITY_USER},
      {"y,,n=user,r=abc", "user", SCRAMTOKEN_IDENTITY_USER},
      {"n,a=user,n=user,r=abc", "user", SCRAMTOKEN_IDENTITY_USER},
      {"n,a=a=2Cb=3D,n=a=2Cb=3D,r=abc", "a,b=", SCRAMTOKEN_IDENTITY_USER},
      {"n,,n=\xc3\xa9,r=abc", "\xc3\xa9", SCRAMTOKEN_IDENTITY_USER},
      {"n,,n=id,r=abc,tokenauth=true", "id", SCRAMTOKEN_IDENTITY_TOKEN},
      {"n,a=id,n=id,r=abc,tokenauth=true", "id", SCRAMTOKEN_IDENTITY_TOKEN},
      {"n,,n=id,r=abc,tokenauth=TRUE", "id", SCRAMTOKEN_IDENTITY_TOKEN},
      {"n,,n=id,r=abc,x=1,tokenauth=True", "id", SCRAMTOKEN_IDENTITY_TOKEN},
      {"n,,n=id,r=abc,tokenauth=false", "id", SCRAMTOKEN_IDENTITY_USER},
      {"n,,n=id,r=abc,tokenauth=1", "id", SCRAMTOKEN_IDENTITY_USER},
      {"n,,n=id,r=abc,TokenAuth=true", "id", SCRAMTOKEN_IDENTITY_USER},
      {"n,,n=id,r=abc,x=1", "id", SCRAMTOKEN_IDENTITY_USER},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    scramtoken_server *server = asking_server(SHA_256, rows[i].client_first);
    const uint8_t *name = NULL;
    size_t name_len = 0;
    int32_t kind = 0;
    CHECK_OK(scramtoken_server_identity(server, &name, &name_len, &kind));
    CHECK_BYTES(name, name_len, rows[i].name);
    CHECK_INT(kind, rows[i].kind);
    check_undecided(server);
    scramtoken_server_free(server);
  }
}

static void a_token_logs_in_as_its_owner(void) {
  for (size_t i = 0; i < MECHANISMS_LEN; i++) {
    const char *mechanism = MECHANISMS[i];
    struct kept kept;
    keep(&kept, mechanism, TOKEN_HMAC, 1); /* any count from 1 may be supplied */
    scramtoken_client *client = token_client(mechanism, TOKEN_ID, TOKEN_HMAC);
    CHECK_OK(scramtoken_client_set_iteration_limits(client, 1, 1));
    scramtoken_server_config *config = empty_config();
    scramtoken_server *server = new_server(config, mechanism);
    const uint8_t *out;
    size_t out_len;
    CHECK_STATUS(client_step(client, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
    CHECK_STATUS(scramtoken_server_step(server, out, out_len, &out, &out_len),
                 SCRAMTOKEN_NEED_CREDENTIAL);
    CHECK_OK(scramtoken_server_supply_token(server, &kept.credential, BYTES(TOKEN_OWNER),
                                            INT64_C(9000000000000)));
    CHECK_STATUS(server_step(server, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
    CHECK_STATUS(scramtoken_client_step(client, out, out_len, &out, &out_len),
                 SCRAMTOKEN_CONTINUE);
    CHECK_OK(scramtoken_server_step(server, out, out_len, &out, &out_len));
    scramtoken_verdict verdict = verdict_of(server);
    CHECK_INT(verdict.outcome, SCRAMTOKEN_AUTHENTICATED);
    CHECK(verdict.is_token);
    CHECK_BYTES(verdict.name, verdict.name_len, TOKEN_OWNER);
    CHECK_BYTES(verdict.token_id, verdict.token_id_len, TOKEN_ID);
    CHECK_INT(verdict.expiry_ms, INT64_C(9000000000000));
    CHECK_OK(scramtoken_client_step(client, out, out_len, &out, &out_len));
    scramtoken_client_free(client);
    scramtoken_server_free(server);
    scramtoken_server_config_free(config);
  }
}

static void takes_only_what_it_asked_for(void) {
  struct kept kept;
  keep(&kept, SHA_256, VECTOR_PASSWORD, VECTOR_ITERATIONS);
  scramtoken_server *server = vector_server(SHA_256);
  const uint8_t *out = UNTOUCHED, *name = UNTOUCHED;
  size_t out_len = UNTOUCHED_LEN, name_len = UNTOUCHED_LEN;
  int32_t kind = 77;
  /* Nothing, yet. */
  CHECK_STATUS(scramtoken_server_identity(server, &name, &name_len, &kind), STATE);
  CHECK_STATUS(scramtoken_server_supply_user(server, &kept.credential), STATE);
  CHECK_STATUS(scramtoken_server_supply_token(server, &kept.credential, BYTES("o"), -1), STATE);
  CHECK_STATUS(scramtoken_server_supply_unknown(server), STATE);
  /* A user, and no token; neither a message of the client nor a step comes before it. */
  CHECK_STATUS(server_step(server, FIRST, &out, &out_len), SCRAMTOKEN_NEED_CREDENTIAL);
  out = UNTOUCHED;
  out_len = UNTOUCHED_LEN;
  CHECK_STATUS(scramtoken_server_supply_token(server, &kept.credential, BYTES("o"), -1), BAD);
  CHECK_CONTAINS(scramtoken_server_error(server), "user");
  CHECK_STATUS(server_step(server, FINAL, &out, &out_len), BAD);
  CHECK_STATUS(server_step(server, NULL, &out, &out_len), STATE);
  CHECK_CONTAINS(scramtoken_server_error(server), "supply");
  check_undecided(server);
  /* One, and not a second one. */
  CHECK_OK(scramtoken_server_supply_user(server, &kept.credential));
  CHECK_STATUS(scramtoken_server_supply_user(server, &kept.credential), STATE);
  CHECK_STATUS(scramtoken_server_supply_unknown(server), STATE);
  CHECK_STATUS(scramtoken_server_identity(server, &name, &name_len, &kind), STATE);
  CHECK_STATUS(server_step(server, FINAL, &out, &out_len), BAD);
  CHECK(out == UNTOUCHED && out_len == UNTOUCHED_LEN);
  CHECK_STATUS(server_step(server, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
  /* Nothing any more. None of it was the client's fault, so it still logs in. */
  CHECK_STATUS(scramtoken_server_supply_user(server, &kept.credential), STATE);
  CHECK_STATUS(scramtoken_server_supply_unknown(server), STATE);
  CHECK_STATUS(scramtoken_server_identity(server, &name, &name_len, &kind), STATE);
  CHECK(name == UNTOUCHED && name_len == UNTOUCHED_LEN && kind == 77);
  CHECK_OK(server_step(server, FINAL, &out, &out_len));
  CHECK_STATUS(scramtoken_server_supply_unknown(server), STATE);
  scramtoken_server_free(server);

  server = asking_server(SHA_256, FIRST ",tokenauth=true");
  CHECK_STATUS(scramtoken_server_supply_user(server, &kept.credential), BAD);
  CHECK_CONTAINS(scramtoken_server_error(server), "token");
  CHECK_OK(scramtoken_server_supply_token(server, &kept.credential, BYTES("o"), -1));
  scramtoken_server_free(server);
}

static void refuses_a_bad_credential(void) {
  static uint8_t long_salt[1 << 20];
  static const struct {
    const char *part;
    int what;
  } rows[] = {{"salt", 0},       {"salt", 1},       {"salt", 2},       {"iteration", 3},
              {"stored", 4},     {"stored", 5},     {"server", 6},     {"server", 7}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    for (int as_token = 0; as_token < 2; as_token++) {
      struct kept kept;
      keep(&kept, SHA_256, VECTOR_PASSWORD, 1);
      scramtoken_credential *credential = &kept.credential;
      switch (rows[i].what) {
        case 0: credential->salt = NULL; break;
        case 1: credential->salt_len = 0; break;
        case 2: credential->salt = long_salt, credential->salt_len = sizeof long_salt; break;
        case 3: credential->iterations = 0; break;
        case 4: credential->stored_key = NULL; break;
        case 5: credential->stored_key_len = 64; break; /* another mechanism's */
        case 6: credential->server_key = NULL; break;
        case 7: credential->server_key_len = 31; break;
      }
      if (rows[i].what == 5) credential->stored_key = long_salt;
      scramtoken_server *server =
          asking_server(SHA_256, as_token ? FIRST ",tokenauth=true" : FIRST);
      scramtoken_status status =
          as_token ? scramtoken_server_supply_token(server, credential, BYTES(TOKEN_OWNER), -1)
                   : scramtoken_server_supply_user(server, credential);
      CHECK_STATUS(status, BAD);
      CHECK_CONTAINS(scramtoken_server_error(server), rows[i].part);
      CHECK_OK(scramtoken_server_supply_unknown(server)); /* the login may go on */
      scramtoken_server_free(server);
    }
  }
  /* An owner is a name. */
  struct kept kept;
  keep(&kept, SHA_256, TOKEN_HMAC, 1);
  static const char *const owners[] = {"", "\xff"};
  for (size_t i = 0; i < 2; i++) {
    scramtoken_server *server = asking_server(SHA_256, FIRST ",tokenauth=true");
    CHECK_STATUS(scramtoken_server_supply_token(server, &kept.credential, BYTES(owners[i]), -1),
                 BAD);
    CHECK_CONTAINS(scramtoken_server_error(server), "owner");
    scramtoken_server_free(server);
  }
}

static void refuses_other_mechanisms_and_late_nonces(void) {
  scramtoken_server_config *config = empty_config();
  scramtoken_server *server = (scramtoken_server *)(uintptr_t)UNTOUCHED;
  CHECK_STATUS(scramtoken_server_new(config, "PLAIN", &server),
               SCRAMTOKEN_ERR_UNSUPPORTED_MECHANISM);
  CHECK_STATUS(scramtoken_server_new(config, "SCRAM-SHA-512-PLUS", &server),
               SCRAMTOKEN_ERR_UNSUPPORTED_MECHANISM);
  CHECK((const uint8_t *)server == UNTOUCHED);
  scramtoken_server_config_free(config);
  server = vector_server(SHA_256);
  CHECK_STATUS(scramtoken_server_set_nonce(server, BYTES("")), BAD);
  CHECK_STATUS(scramtoken_server_set_nonce(server, BYTES("a,b")), BAD);
  scramtoken_server_free(server);
  server = asking_server(SHA_256, FIRST);
  CHECK_STATUS(scramtoken_server_set_nonce(server, BYTES("abc")), STATE);
  scramtoken_server_free(server);
}

static void refuses_a_wrong_client_first_message(void) {
#define OTHER "e=other-error"
#define EXT "e=extensions-not-supported"
  static const struct {
    const char *message;
    scramtoken_status status;
    const char *part, *answer;
  } rows[] = {
      {"", SCRAMTOKEN_ERR_MALFORMED, "client-first-message", OTHER},
      {"\xff,,n=user,r=abc", SCRAMTOKEN_ERR_MALFORMED, "client-first-message", OTHER},
      {"n", SCRAMTOKEN_ERR_MALFORMED, "client-first-message", OTHER},
      {"x,,n=user,r=abc", SCRAMTOKEN_ERR_MALFORMED, "client-first-message: the GS2 header", OTHER},
      {"n,n=user,r=abc", SCRAMTOKEN_ERR_MALFORMED, "client-first-message: the GS2 header", OTHER},
      {"p=tls-unique,,n=user,r=abc", SCRAMTOKEN_ERR_CHANNEL_BINDING, "client-first-message: p=",
       "e=channel-binding-not-supported"},
      {"n,a=other,n=user,r=abc", SCRAMTOKEN_ERR_AUTHZID, "client-first-message: a=", OTHER},
      {"n,a=other,n=id,r=abc,tokenauth=true", SCRAMTOKEN_ERR_AUTHZID, "client-first-message: a=",
       OTHER},
      {"n,a=,n=user,r=abc", SCRAMTOKEN_ERR_MALFORMED, "client-first-message: a=", OTHER},
      {"n,a==2,n=user,r=abc", SCRAMTOKEN_ERR_MALFORMED, "client-first-message: a=", OTHER},
      {"n,,n=,r=abc", SCRAMTOKEN_ERR_MALFORMED, "client-first-message: n=", OTHER},
      {"n,,n=a=b,r=abc", SCRAMTOKEN_ERR_MALFORMED, "client-first-message: n=", OTHER},
      {"n,,n=a=2c,r=abc", SCRAMTOKEN_ERR_MALFORMED, "client-first-message: n=", OTHER},
      {"n,,r=abc,n=user", SCRAMTOKEN_ERR_MALFORMED, "client-first-message: n=", OTHER},
      {"n,,n=user", SCRAMTOKEN_ERR_MALFORMED, "client-first-message: r=", OTHER},
      {"n,,n=user,r=", SCRAMTOKEN_ERR_MALFORMED, "client-first-message: r=", OTHER},
      {"n,,n=user,r=a b", SCRAMTOKEN_ERR_MALFORMED, "client-first-message: r=", OTHER},
      {"n,,n=user,r=\xc3\xa9", SCRAMTOKEN_ERR_MALFORMED, "client-first-message: r=", OTHER},
      {"n,,m=x,n=user,r=abc", SCRAMTOKEN_ERR_EXTENSION, "client-first-message: m=", EXT},
      {"n,,n=user,r=abc,m=x", SCRAMTOKEN_ERR_EXTENSION, "client-first-message: m=", EXT},
      {"n,,n=user,r=abc,tokenauth=true,tokenauth=true", SCRAMTOKEN_ERR_EXTENSION, "tokenauth=",
       EXT},
      {"n,,n=user,r=abc,tokenauth=true,tokenauth=false", SCRAMTOKEN_ERR_EXTENSION, "tokenauth=",
       EXT},
      {"n,,n=user,r=abc,tokenauth=", SCRAMTOKEN_ERR_MALFORMED, "tokenauth=", OTHER},
      {"n,,n=user,r=abc,tokenauth", SCRAMTOKEN_ERR_MALFORMED, "client-first-message", OTHER},
      {"n,,n=user,r=abc,", SCRAMTOKEN_ERR_MALFORMED, "client-first-message", OTHER},
      {"n,,n=user,r=abc,n=root", SCRAMTOKEN_ERR_MALFORMED, "client-first-message: n=", OTHER},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    check_refused(vector_server(SHA_256), BYTES(rows[i].message), rows[i].status,
                  rows[i].part, rows[i].answer);
  static const uint8_t with_nul[] = "n,,n=us\0er,r=abc";
  check_refused(vector_server(SHA_256), with_nul, sizeof with_nul - 1,
                SCRAMTOKEN_ERR_MALFORMED, "client-first-message", OTHER);
}

static void refuses_a_wrong_client_final_message(void) {
#define C "c=biws"
#define R "r=" VECTOR_NONCE
#define P "p=" SHA_256_PROOF
#define PROOF "e=invalid-proof"
#define BINDING "e=channel-bindings-dont-match"
  static const struct {
    const char *message;
    scramtoken_status status;
    const char *part, *answer;
  } rows[] = {
      {"", SCRAMTOKEN_ERR_MALFORMED, "client-final-message", OTHER},
      {"\xff" C "," R "," P, SCRAMTOKEN_ERR_MALFORMED, "client-final-message", OTHER},
      {R "," C "," P, SCRAMTOKEN_ERR_MALFORMED, "client-final-message: c=", OTHER},
      {C "," P, SCRAMTOKEN_ERR_MALFORMED, "client-final-message: r=", OTHER},
      {C "," R, SCRAMTOKEN_ERR_MALFORMED, "client-final-message: ", OTHER},
      {"c=!," R "," P, SCRAMTOKEN_ERR_MALFORMED, "client-final-message: c=", OTHER},
      {"c=eSws," R "," P, SCRAMTOKEN_ERR_CHANNEL_BINDING, "client-final-message: c=", BINDING},
      {"c=bixhPXVzZXIs," R "," P, SCRAMTOKEN_ERR_CHANNEL_BINDING, "client-final-message: c=",
       BINDING},
      {"c=," R "," P, SCRAMTOKEN_ERR_CHANNEL_BINDING, "client-final-message: c=", BINDING},
      {C ",r=" VECTOR_CLIENT_NONCE "," P, SCRAMTOKEN_ERR_NONCE, "client-final-message: r=", OTHER},
      {C ",r=" VECTOR_SERVER_NONCE "," P, SCRAMTOKEN_ERR_NONCE, "client-final-message: r=", OTHER},
      {C "," R "x," P, SCRAMTOKEN_ERR_NONCE, "client-final-message: r=", OTHER},
      {C ",r=x" VECTOR_NONCE "," P, SCRAMTOKEN_ERR_NONCE, "client-final-message: r=", OTHER},
      {C ",r=" VECTOR_CLIENT_NONCE VECTOR_NONCE ",p=" SHA_256_DOUBLED_PROOF, SCRAMTOKEN_ERR_NONCE,
       "client-final-message: r=", OTHER},
      {C ",r=," P, SCRAMTOKEN_ERR_MALFORMED, "client-final-message: r=", OTHER},
      {C "," R ",p=", SCRAMTOKEN_ERR_INVALID_PROOF, "client-final-message: p=", PROOF},
      {C "," R ",p=AAAA", SCRAMTOKEN_ERR_INVALID_PROOF, "client-final-message: p=", PROOF},
      {C "," R ",p=!", SCRAMTOKEN_ERR_MALFORMED, "client-final-message: p=", OTHER},
      {C "," R ",p=" SHA_256_SIGNATURE, SCRAMTOKEN_ERR_INVALID_PROOF, "client-final-message: p=",
       PROOF},
      {C "," R ",p=" SHA_512_PROOF, SCRAMTOKEN_ERR_INVALID_PROOF, "client-final-message: p=",
       PROOF},
      {"m=x," C "," R "," P, SCRAMTOKEN_ERR_EXTENSION, "client-final-message: m=", EXT},
      {C "," R ",m=x," P, SCRAMTOKEN_ERR_EXTENSION, "client-final-message: m=", EXT},
      {C "," R ",x=1,x=2," P, SCRAMTOKEN_ERR_EXTENSION, "x=", EXT},
      {C "," R ",x=1," P, SCRAMTOKEN_ERR_INVALID_PROOF, "client-final-message: p=", PROOF},
      {C "," R "," P ",x=1", SCRAMTOKEN_ERR_MALFORMED, "client-final-message: p=", OTHER},
      {C "," R "," P ",", SCRAMTOKEN_ERR_MALFORMED, "client-final-message", OTHER},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    check_refused(challenging_server(SHA_256), BYTES(rows[i].message), rows[i].status,
                  rows[i].part, rows[i].answer);
}

static void takes_messages_of_4096_bytes_and_no_more(void) {
  uint8_t message[SCRAMTOKEN_MAX_MESSAGE + 1];
  memset(message, 'a', sizeof message);
  memcpy(message, FIRST ",x=", strlen(FIRST ",x="));
  const uint8_t *out;
  size_t out_len;
  scramtoken_server *server = vector_server(SHA_256);
  CHECK_STATUS(scramtoken_server_step(server, message, 4096, &out, &out_len),
               SCRAMTOKEN_NEED_CREDENTIAL);
  scramtoken_server_free(server);
  check_refused(vector_server(SHA_256), message, 4097, SCRAMTOKEN_ERR_TOO_LONG,
                "client-first-message", OTHER);
  check_refused(challenging_server(SHA_256), message, 4097, SCRAMTOKEN_ERR_TOO_LONG,
                "client-final-message", OTHER);
  /* A nonce for which the challenge has no room. */
  memset(message, 'a', sizeof message);
  memcpy(message, "n,,n=user,r=", strlen("n,,n=user,r="));
  server = vector_server(SHA_256);
  CHECK_STATUS(scramtoken_server_step(server, message, 4096, &out, &out_len),
               SCRAMTOKEN_NEED_CREDENTIAL);
  CHECK_OK(scramtoken_server_supply_unknown(server));
  check_refused(server, NULL, 0, SCRAMTOKEN_ERR_TOO_LONG, "server-first-message", OTHER);
}

static void starts_with_a_message(void) {
  scramtoken_server *server = vector_server(SHA_256);
  const uint8_t *out = UNTOUCHED;
  size_t out_len = UNTOUCHED_LEN;
  CHECK(server_step(server, NULL, &out, &out_len) < 0);
  scramtoken_server_free(server);
}

static void a_const_call_leaves_the_error_alone(void) {
  scramtoken_server *server = vector_server(SHA_256);
  const uint8_t *out, *name;
  size_t out_len, name_len;
  int32_t kind;
  CHECK(server_step(server, "x", &out, &out_len) < 0);
  const char *error = scramtoken_server_error(server);
  char before[256];
  snprintf(before, sizeof before, "%s", error);
  CHECK_STATUS(scramtoken_server_identity(server, &name, &name_len, &kind), STATE);
  CHECK_CONTAINS(scramtoken_last_error(), "no credential is asked for");
  CHECK_STATUS(scramtoken_server_verdict(server, NULL), BAD);
  CHECK_CONTAINS(scramtoken_last_error(), "out is NULL");
  CHECK(scramtoken_server_error(server) == error);
  CHECK_TEXT(error, before);
  scramtoken_server_free(server);
}

/* Runs a login to its end and leaves both messages of the server in `first` and `last`. */
static scramtoken_status whole_login(scramtoken_client *client, const struct kept *kept,
                                     bool is_token, int64_t expiry_ms, char *first, char *last) {
  scramtoken_server *server = vector_server(SHA_256);
  const uint8_t *out;
  size_t out_len;
  CHECK_STATUS(client_step(client, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
  CHECK_STATUS(scramtoken_server_step(server, out, out_len, &out, &out_len),
               SCRAMTOKEN_NEED_CREDENTIAL);
  if (kept == NULL) CHECK_OK(scramtoken_server_supply_unknown(server));
  else if (!is_token) CHECK_OK(scramtoken_server_supply_user(server, &kept->credential));
  else
    CHECK_OK(scramtoken_server_supply_token(server, &kept->credential, BYTES(TOKEN_OWNER),
                                            expiry_ms));
  CHECK_STATUS(server_step(server, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
  sprintf(first, "%.*s", (int)out_len, (const char *)out);
  CHECK_STATUS(scramtoken_client_step(client, out, out_len, &out, &out_len), SCRAMTOKEN_CONTINUE);
  scramtoken_status status = scramtoken_server_step(server, out, out_len, &out, &out_len);
  sprintf(last, "%.*s", (int)out_len, (const char *)out);
  scramtoken_client_free(client);
  scramtoken_server_free(server);
  return status;
}

static void strangers_look_like_anybody(void) {
  enum { KNOWN, WRONG, STRANGER, EXPIRED, CASES };
  char first[CASES][512], last[CASES][512];
  struct kept user, token;
  keep(&user, SHA_256, VECTOR_PASSWORD, VECTOR_ITERATIONS);
  keep(&token, SHA_256, TOKEN_HMAC, VECTOR_ITERATIONS);
  CHECK_OK(whole_login(password_client(SHA_256, "user", VECTOR_PASSWORD), &user, false, -1,
                       first[KNOWN], last[KNOWN]));
  CHECK_STATUS(whole_login(password_client(SHA_256, "user", "wrong"), &user, false, -1,
                           first[WRONG], last[WRONG]),
               SCRAMTOKEN_ERR_INVALID_PROOF);
  CHECK_STATUS(whole_login(password_client(SHA_256, "user", "wrong"), NULL, false, -1,
                           first[STRANGER], last[STRANGER]),
               SCRAMTOKEN_ERR_UNKNOWN_USER);
  CHECK_STATUS(whole_login(token_client(SHA_256, TOKEN_ID, TOKEN_HMAC), &token, true, 1,
                           first[EXPIRED], last[EXPIRED]),
               SCRAMTOKEN_ERR_TOKEN_EXPIRED);
  CHECK(strncmp(last[KNOWN], "v=", 2) == 0);
  for (int i = WRONG; i < CASES; i++) {
    CHECK(strlen(first[i]) == strlen(first[KNOWN]));
    CHECK_CONTAINS(first[i], ",i=4096");
    CHECK_TEXT(last[i], "e=invalid-proof");
  }
}

/* The server must never take its own made-up keys for a proof. */
static void nobody_logs_in_as_a_stranger(void) {
  char first[512], last[512];
  for (int is_token = 0; is_token < 2; is_token++) {
    scramtoken_client *client = is_token ? token_client(SHA_256, "nobody", "x")
                                         : password_client(SHA_256, "nobody", "x");
    CHECK_STATUS(whole_login(client, NULL, is_token != 0, -1, first, last),
                 is_token ? SCRAMTOKEN_ERR_TOKEN_NOT_FOUND : SCRAMTOKEN_ERR_UNKNOWN_USER);
  }
}

int main(void) {
  RUN(gives_the_known_answers);
  RUN(asks_for_whom_the_client_named);
  RUN(a_token_logs_in_as_its_owner);
  RUN(takes_only_what_it_asked_for);
  RUN(refuses_a_bad_credential);
  RUN(refuses_other_mechanisms_and_late_nonces);
  RUN(starts_with_a_message);
  RUN(a_const_call_leaves_the_error_alone);
  RUN(refuses_a_wrong_client_first_message);
  RUN(refuses_a_wrong_client_final_message);
  RUN(takes_messages_of_4096_bytes_and_no_more);
  RUN(strangers_look_like_anybody);
  RUN(nobody_logs_in_as_a_stranger);
  return 0;
}
