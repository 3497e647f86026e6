/* scramtoken_client: known answers, what is sent, and every way in which a server can be wrong. */
#include "exchange.h"

#define N VECTOR_CLIENT_NONCE
#define R "r=" VECTOR_NONCE
#define S "s=" VECTOR_SALT

static scramtoken_client *vector_client(const char *mechanism) {
  scramtoken_client *client = password_client(mechanism, VECTOR_USER, VECTOR_PASSWORD);
  CHECK_OK(scramtoken_client_set_nonce(client, BYTES(N)));
  return client;
}

/* A client that has sent its client-first-message. */
static scramtoken_client *started_client(const char *mechanism) {
  scramtoken_client *client = vector_client(mechanism);
  const uint8_t *out;
  size_t out_len;
  CHECK_STATUS(client_step(client, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
  return client;
}

/* The step fails so, says so, writes no output, and ends the login. */
static void check_refused(scramtoken_client *client, const uint8_t *in, size_t in_len,
                          scramtoken_status status, const char *part) {
  const uint8_t *out = UNTOUCHED;
  size_t out_len = UNTOUCHED_LEN;
  CHECK_STATUS(scramtoken_client_step(client, in, in_len, &out, &out_len), status);
  CHECK_CONTAINS(scramtoken_client_error(client), part);
  CHECK_TEXT(scramtoken_last_error(), scramtoken_client_error(client));
  CHECK(strstr(scramtoken_client_error(client), VECTOR_PASSWORD) == NULL);
  CHECK_STATUS(scramtoken_client_step(client, in, in_len, &out, &out_len),
               STATE);
  CHECK_STATUS(scramtoken_client_step(client, NULL, 0, &out, &out_len),
               STATE);
  CHECK(out == UNTOUCHED && out_len == UNTOUCHED_LEN);
  scramtoken_client_free(client);
}

static void gives_the_known_answers(void) {
  static const char *const rows[][3] = {{SHA_256, SHA_256_PROOF, SHA_256_SIGNATURE},
                                        {SHA_512, SHA_512_PROOF, SHA_512_SIGNATURE}};
  for (size_t i = 0; i < 2; i++) {
    char expected[256], server_final[128];
    const uint8_t *out = NULL;
    size_t out_len = 0;
    scramtoken_client *client = vector_client(rows[i][0]);
    CHECK_STATUS(client_step(client, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
    CHECK_BYTES(out, out_len, VECTOR_CLIENT_FIRST);
    CHECK_STATUS(client_step(client, VECTOR_SERVER_FIRST, &out, &out_len), SCRAMTOKEN_CONTINUE);
    sprintf(expected, "%s,p=%s", VECTOR_CLIENT_FINAL_WITHOUT_PROOF, rows[i][1]);
    CHECK_BYTES(out, out_len, expected);
    sprintf(server_final, "v=%s", rows[i][2]);
    CHECK_OK(client_step(client, server_final, &out, &out_len));
    CHECK_STATUS(client_step(client, server_final, &out, &out_len), STATE);
    scramtoken_client_free(client);
  }
}

static void sends_tokenauth_for_a_token_only(void) {
  const uint8_t *out;
  size_t out_len;
  scramtoken_client *client = token_client(SHA_256, TOKEN_ID, TOKEN_HMAC);
  CHECK_OK(scramtoken_client_set_nonce(client, BYTES(N)));
  CHECK_STATUS(client_step(client, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
  CHECK_BYTES(out, out_len, "n,,n=" TOKEN_ID ",r=" N ",tokenauth=true");
  scramtoken_client_free(client);
}

static void escapes_names_and_sends_an_authzid(void) {
  const uint8_t *out;
  size_t out_len;
  scramtoken_client *client = password_client(SHA_256, "a,b=c\xc3\xa9", "x");
  CHECK_OK(scramtoken_client_set_authzid(client, BYTES("a,b=c\xc3\xa9")));
  CHECK_OK(scramtoken_client_set_nonce(client, BYTES(N)));
  CHECK_STATUS(client_step(client, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
  CHECK_BYTES(out, out_len, "n,a=a=2Cb=3Dc\xc3\xa9,n=a=2Cb=3Dc\xc3\xa9,r=" N);
  scramtoken_client_free(client);
}

static void draws_a_new_nonce_each_time(void) {
  char first[64];
  size_t first_len = 0;
  for (int i = 0; i < 2; i++) {
    const uint8_t *out;
    size_t out_len;
    scramtoken_client *client = password_client(SHA_256, "user", "pencil");
    CHECK_STATUS(client_step(client, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
    CHECK(out_len >= strlen("n,,n=user,r=") + 22 && out_len < sizeof first); /* 128 bits */
    if (i == 0) memcpy(first, out, first_len = out_len);
    else CHECK(out_len != first_len || memcmp(first, out, out_len) != 0);
    scramtoken_client_free(client);
  }
}

static void refuses_other_mechanisms(void) {
  static const char *const names[] = {"",           "SCRAM-SHA-1",        "SCRAM-SHA-256-PLUS",
                                      "SCRAM-SHA-", "scram-sha-256",      "SCRAM-SHA-256 ",
                                      "PLAIN",      "SCRAM-SHA-\xff\xfe"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    scramtoken_client *client = (scramtoken_client *)(uintptr_t)UNTOUCHED;
    scramtoken_status status = scramtoken_client_new(names[i], &client);
    CHECK(status == SCRAMTOKEN_ERR_UNSUPPORTED_MECHANISM ||
          (i == 7 && status == BAD)); /* no UTF-8 */
    CHECK((const uint8_t *)client == UNTOUCHED);
    CHECK_CONTAINS(scramtoken_last_error(), "mechanism");
  }
}

static void refuses_bad_names_and_secrets(void) {
  scramtoken_client *client = new_client(SHA_256);
  const uint8_t *out = UNTOUCHED;
  size_t out_len = UNTOUCHED_LEN;
  CHECK_STATUS(scramtoken_client_set_password(client, BYTES(""), BYTES("x")), BAD);
  CHECK_STATUS(scramtoken_client_set_password(client, BYTES("\xff"), BYTES("x")), BAD);
  CHECK_STATUS(scramtoken_client_set_password(client, (const uint8_t *)"a\0b", 3, BYTES("x")), BAD);
  CHECK_CONTAINS(scramtoken_client_error(client), "name");
  CHECK_STATUS(scramtoken_client_set_password(client, BYTES("user"), BYTES("")), BAD);
  CHECK_CONTAINS(scramtoken_client_error(client), "password");
  CHECK_STATUS(scramtoken_client_set_token(client, BYTES(""), BYTES("x")), BAD);
  CHECK_STATUS(scramtoken_client_set_token(client, BYTES("\xff"), BYTES("x")), BAD);
  CHECK_STATUS(scramtoken_client_set_token(client, BYTES(TOKEN_ID), BYTES("")), BAD);
  CHECK_STATUS(scramtoken_client_set_authzid(client, BYTES("")), BAD);
  CHECK_STATUS(scramtoken_client_set_authzid(client, BYTES("\xff")), BAD);
  CHECK_STATUS(scramtoken_client_set_nonce(client, BYTES("")), BAD);
  CHECK_STATUS(scramtoken_client_set_nonce(client, BYTES("a,b")), BAD);
  CHECK_STATUS(scramtoken_client_set_nonce(client, BYTES("a b")), BAD);
  CHECK_CONTAINS(scramtoken_client_error(client), "nonce");
  CHECK_STATUS(scramtoken_client_set_iteration_limits(client, 2, 1), BAD);
  CHECK_CONTAINS(scramtoken_client_error(client), "iteration");
  /* None of this gave it a credential, so it cannot begin; with one it can. */
  CHECK_STATUS(client_step(client, NULL, &out, &out_len), STATE);
  CHECK(out == UNTOUCHED && out_len == UNTOUCHED_LEN);
  scramtoken_client_free(client);
}

static void refuses_settings_after_the_first_step(void) {
  scramtoken_client *client = started_client(SHA_256);
  scramtoken_key_cache *cache = NULL;
  CHECK_OK(scramtoken_key_cache_new(1, &cache));
  CHECK_STATUS(scramtoken_client_set_password(client, BYTES("user"), BYTES("x")), STATE);
  CHECK_STATUS(scramtoken_client_set_token(client, BYTES("id"), BYTES("x")), STATE);
  CHECK_STATUS(scramtoken_client_set_key_cache(client, cache), STATE);
  CHECK_STATUS(scramtoken_client_set_authzid(client, BYTES("user")), STATE);
  CHECK_STATUS(scramtoken_client_set_iteration_limits(client, 4096, 8192), STATE);
  CHECK_STATUS(scramtoken_client_set_nonce(client, BYTES("abc")), STATE);
  /* The login is none the worse for it. */
  const uint8_t *out;
  size_t out_len;
  CHECK_STATUS(client_step(client, VECTOR_SERVER_FIRST, &out, &out_len), SCRAMTOKEN_CONTINUE);
  scramtoken_key_cache_free(cache);
  scramtoken_client_free(client);
}

static void refuses_a_wrong_server_first_message(void) {
  static const struct {
    const char *message;
    scramtoken_status status;
    const char *part;
  } rows[] = {
      {"", SCRAMTOKEN_ERR_MALFORMED, "server-first-message"},
      {"\xff" R "," S ",i=4096", SCRAMTOKEN_ERR_MALFORMED, "server-first-message"},
      {S ",i=4096," R, SCRAMTOKEN_ERR_MALFORMED, "server-first-message: r="},
      {R ",i=4096," S, SCRAMTOKEN_ERR_MALFORMED, "server-first-message: s="},
      {R, SCRAMTOKEN_ERR_MALFORMED, "server-first-message: s="},
      {R "," S, SCRAMTOKEN_ERR_MALFORMED, "server-first-message: i="},
      {"r=," S ",i=4096", SCRAMTOKEN_ERR_MALFORMED, "server-first-message: r="},
      {R " ," S ",i=4096", SCRAMTOKEN_ERR_MALFORMED, "server-first-message: r="},
      {R ",s=,i=4096", SCRAMTOKEN_ERR_MALFORMED, "server-first-message: s="},
      {R ",s=W22Z!J0S,i=4096", SCRAMTOKEN_ERR_MALFORMED, "server-first-message: s="},
      {R ",s=W22ZaJ0SNY7soEsUEjb6gQ,i=4096", SCRAMTOKEN_ERR_MALFORMED, "server-first-message: s="},
      {R ",s=W22ZaJ0SNY7soEsUEjb6gR==,i=4096", SCRAMTOKEN_ERR_MALFORMED,
       "server-first-message: s="},
      {R "," S ",i=", SCRAMTOKEN_ERR_MALFORMED, "server-first-message: i="},
      {R "," S ",i=0", SCRAMTOKEN_ERR_MALFORMED, "server-first-message: i="},
      {R "," S ",i=-1", SCRAMTOKEN_ERR_MALFORMED, "server-first-message: i="},
      {R "," S ",i=+4096", SCRAMTOKEN_ERR_MALFORMED, "server-first-message: i="},
      {R "," S ",i=04096", SCRAMTOKEN_ERR_MALFORMED, "server-first-message: i="},
      {R "," S ",i=0x1000", SCRAMTOKEN_ERR_MALFORMED, "server-first-message: i="},
      {R "," S ",i=4096 ", SCRAMTOKEN_ERR_MALFORMED, "server-first-message: i="},
      {R "," S ",i=4095", SCRAMTOKEN_ERR_ITERATIONS, "server-first-message: i="},
      {R "," S ",i=1", SCRAMTOKEN_ERR_ITERATIONS, "server-first-message: i="},
      {R "," S ",i=1000001", SCRAMTOKEN_ERR_ITERATIONS, "server-first-message: i="},
      {R "," S ",i=4294967295", SCRAMTOKEN_ERR_ITERATIONS, "server-first-message: i="},
      {R "," S ",i=4294971392", SCRAMTOKEN_ERR_ITERATIONS, "server-first-message: i="},
      {R "," S ",i=99999999999999999999999", SCRAMTOKEN_ERR_ITERATIONS,
       "server-first-message: i="},
      {"r=" N "," S ",i=4096", SCRAMTOKEN_ERR_NONCE, "server-first-message: r="},
      {"r=x" VECTOR_NONCE "," S ",i=4096", SCRAMTOKEN_ERR_NONCE, "server-first-message: r="},
      {"r=" VECTOR_SERVER_NONCE "," S ",i=4096", SCRAMTOKEN_ERR_NONCE, "server-first-message: r="},
      {"m=x," R "," S ",i=4096", SCRAMTOKEN_ERR_EXTENSION, "server-first-message: m="},
      {R "," S ",i=4096,m=x", SCRAMTOKEN_ERR_EXTENSION, "server-first-message: m="},
      {R "," S ",i=4096,x=1,x=2", SCRAMTOKEN_ERR_EXTENSION, "x="},
      {R "," S ",i=4096,i=5000", SCRAMTOKEN_ERR_MALFORMED, "i="},
      {R "," S ",i=4096,x", SCRAMTOKEN_ERR_MALFORMED, "server-first-message"},
      {R "," S ",i=4096,", SCRAMTOKEN_ERR_MALFORMED, "server-first-message"},
      {"e=unknown-user", SCRAMTOKEN_ERR_SERVER_REFUSED, "e=unknown-user"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    check_refused(started_client(SHA_256), BYTES(rows[i].message), rows[i].status,
                  rows[i].part);
  static const uint8_t with_nul[] = R "," S ",i=4096\0";
  check_refused(started_client(SHA_256), with_nul, sizeof with_nul,
                SCRAMTOKEN_ERR_MALFORMED, "server-first-message");
}

static void refuses_a_wrong_server_final_message(void) {
#define V "v=" SHA_256_SIGNATURE
  static const struct {
    const char *message;
    scramtoken_status status;
    const char *part;
  } rows[] = {
      {"", SCRAMTOKEN_ERR_MALFORMED, "server-final-message"},
      {"v", SCRAMTOKEN_ERR_MALFORMED, "server-final-message: v="},
      {"x=1," V, SCRAMTOKEN_ERR_MALFORMED, "server-final-message: v="},
      {"v=!", SCRAMTOKEN_ERR_MALFORMED, "server-final-message: v="},
      {"v=" SHA_256_PROOF, SCRAMTOKEN_ERR_SERVER_SIGNATURE, "server-final-message: v="},
      {"v=AAAA", SCRAMTOKEN_ERR_SERVER_SIGNATURE, "server-final-message: v="},
      {"v=", SCRAMTOKEN_ERR_SERVER_SIGNATURE, "server-final-message: v="},
      {"v=" SHA_512_SIGNATURE, SCRAMTOKEN_ERR_SERVER_SIGNATURE, "server-final-message: v="},
      {"e=invalid-proof", SCRAMTOKEN_ERR_SERVER_REFUSED, "e=invalid-proof"},
      {"e=", SCRAMTOKEN_ERR_MALFORMED, "server-final-message: e="},
      {"e=no\nlines", SCRAMTOKEN_ERR_SERVER_REFUSED, "e=no\\nlines"},
      {"m=x," V, SCRAMTOKEN_ERR_EXTENSION, "server-final-message: m="},
      {V ",m=x", SCRAMTOKEN_ERR_EXTENSION, "server-final-message: m="},
      {V ",x=1,x=1", SCRAMTOKEN_ERR_EXTENSION, "x="},
      {V ",", SCRAMTOKEN_ERR_MALFORMED, "server-final-message"},
  };
  const uint8_t *out;
  size_t out_len;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    scramtoken_client *client = started_client(SHA_256);
    CHECK_STATUS(client_step(client, VECTOR_SERVER_FIRST, &out, &out_len), SCRAMTOKEN_CONTINUE);
    check_refused(client, BYTES(rows[i].message), rows[i].status, rows[i].part);
  }
  /* An extension that is not mandatory is no error. */
  scramtoken_client *client = started_client(SHA_256);
  CHECK_STATUS(client_step(client, VECTOR_SERVER_FIRST, &out, &out_len), SCRAMTOKEN_CONTINUE);
  CHECK_OK(client_step(client, V ",x=1", &out, &out_len));
  scramtoken_client_free(client);
}

static void takes_no_input_at_first(void) {
  scramtoken_client *client = vector_client(SHA_256);
  const uint8_t *out = UNTOUCHED;
  size_t out_len = UNTOUCHED_LEN;
  CHECK(client_step(client, "r=x", &out, &out_len) < 0);
  CHECK(out == UNTOUCHED && out_len == UNTOUCHED_LEN);
  scramtoken_client_free(client);
}

static void takes_messages_of_4096_bytes_and_no_more(void) {
  const char *const head = VECTOR_SERVER_FIRST ",x=";
  char message[SCRAMTOKEN_MAX_MESSAGE + 1];
  memset(message, 'a', sizeof message);
  memcpy(message, head, strlen(head));
  const uint8_t *out;
  size_t out_len;
  CHECK_INT(SCRAMTOKEN_MAX_MESSAGE, 4096);
  scramtoken_client *client = started_client(SHA_256);
  CHECK_STATUS(scramtoken_client_step(client, (const uint8_t *)message, 4096, &out, &out_len),
               SCRAMTOKEN_CONTINUE);
  scramtoken_client_free(client);
  check_refused(started_client(SHA_256), (const uint8_t *)message, 4097,
                SCRAMTOKEN_ERR_TOO_LONG, "server-first-message");
  client = started_client(SHA_256);
  CHECK_STATUS(client_step(client, VECTOR_SERVER_FIRST, &out, &out_len), SCRAMTOKEN_CONTINUE);
  check_refused(client, (const uint8_t *)message, 4097, SCRAMTOKEN_ERR_TOO_LONG,
                "server-final-message");
}

static void keeps_to_its_iteration_limits(void) {
  static const struct {
    uint32_t min, max;
    const char *message;
    scramtoken_status status;
  } rows[] = {{5000, 6000, R "," S ",i=4999", SCRAMTOKEN_ERR_ITERATIONS},
              {5000, 6000, R "," S ",i=5000", SCRAMTOKEN_CONTINUE},
              {5000, 6000, R "," S ",i=6000", SCRAMTOKEN_CONTINUE},
              {5000, 6000, R "," S ",i=6001", SCRAMTOKEN_ERR_ITERATIONS},
              {5000, 5000, R "," S ",i=5000", SCRAMTOKEN_CONTINUE}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const uint8_t *out;
    size_t out_len;
    scramtoken_client *client = vector_client(SHA_256);
    CHECK_OK(scramtoken_client_set_iteration_limits(client, rows[i].min, rows[i].max));
    CHECK_STATUS(client_step(client, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
    CHECK_STATUS(client_step(client, rows[i].message, &out, &out_len), rows[i].status);
    scramtoken_client_free(client);
  }
}

/* Also where the step would be refused for what the caller does wrong. */
static void a_client_that_is_cancelled_before_it_is_set_up_is_over(void) {
  const uint8_t *out = UNTOUCHED;
  size_t out_len = UNTOUCHED_LEN;
  for (int is_set_up = 0; is_set_up < 2; is_set_up++) {
    scramtoken_client *client = is_set_up ? vector_client(SHA_256) : new_client(SHA_256);
    const char *in = is_set_up ? "in" : NULL;
    scramtoken_client_cancel(client);
    CHECK_STATUS(client_step(client, in, &out, &out_len), SCRAMTOKEN_ERR_CANCELLED);
    CHECK_STATUS(client_step(client, in, &out, &out_len), STATE);
    scramtoken_client_free(client);
  }
}

static void a_cancelled_client_is_over(void) {
  const uint8_t *out = UNTOUCHED;
  size_t out_len = UNTOUCHED_LEN;
  /* Before the first step, and between two. */
  for (int started = 0; started < 2; started++) {
    scramtoken_client *client =
        started ? started_client(SHA_256) : vector_client(SHA_256);
    const char *in = started ? VECTOR_SERVER_FIRST : NULL;
    scramtoken_client_cancel(client);
    scramtoken_client_cancel(client);
    CHECK_STATUS(client_step(client, in, &out, &out_len), SCRAMTOKEN_ERR_CANCELLED);
    CHECK_CONTAINS(scramtoken_client_error(client), "cancel");
    CHECK_STATUS(client_step(client, in, &out, &out_len), STATE);
    scramtoken_client_free(client);
  }
  CHECK(out == UNTOUCHED && out_len == UNTOUCHED_LEN);
}

int main(void) {
  RUN(gives_the_known_answers);
  RUN(sends_tokenauth_for_a_token_only);
  RUN(escapes_names_and_sends_an_authzid);
  RUN(draws_a_new_nonce_each_time);
  RUN(refuses_other_mechanisms);
  RUN(refuses_bad_names_and_secrets);
  RUN(refuses_settings_after_the_first_step);
  RUN(takes_no_input_at_first);
  RUN(refuses_a_wrong_server_first_message);
  RUN(refuses_a_wrong_server_final_message);
  RUN(takes_messages_of_4096_bytes_and_no_more);
  RUN(keeps_to_its_iteration_limits);
  RUN(a_client_that_is_cancelled_before_it_is_set_up_is_over);
  RUN(a_cancelled_client_is_over);
  return 0;
}
