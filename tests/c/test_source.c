/* scramtoken_source: where a client finds its credential at each login, and what it is refused. */
#define _POSIX_C_SOURCE 200809L /* mkdtemp, setenv, fork, clock_gettime */
#define _DEFAULT_SOURCE 1       /* seteuid */

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exchange.h"

#define OTHER_USER 65534

/* ---- files ---- */

static char directory[256], file[300], uri[320];

static void make_directory(void) {
  const char *parent = getenv("TMPDIR");
  snprintf(directory, sizeof directory, "%s/scramtoken-XXXXXX", parent == NULL ? "/tmp" : parent);
  CHECK(mkdtemp(directory) != NULL);
  snprintf(file, sizeof file, "%s/token.json", directory);
  snprintf(uri, sizeof uri, "file:%s", file);
}

static void write_file(const char *text, mode_t mode) {
  unlink(file);
  int descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL, 0600);
  CHECK(descriptor >= 0);
  CHECK(write(descriptor, text, strlen(text)) == (ssize_t)strlen(text));
  CHECK(fchmod(descriptor, mode) == 0 && close(descriptor) == 0);
}

#define TOKEN_JSON "{\"token_id\": \"" TOKEN_ID "\", \"hmac\": \"" TOKEN_HMAC "\"}"
#define USER_JSON "{\"username\": \"" VECTOR_USER "\", \"password\": \"" VECTOR_PASSWORD "\"}"

static scramtoken_source *open_source(const char *of) {
  scramtoken_source *source = NULL;
  CHECK_OK(scramtoken_source_open(of, &source));
  CHECK(source != NULL);
  return source;
}

static scramtoken_client *source_client(const char *mechanism, const scramtoken_source *source) {
  scramtoken_client *client = new_client(mechanism);
  CHECK_OK(scramtoken_client_set_source(client, source));
  return client;
}

/* The first step of a client of this source fails, nothing is sent, and the login is over. */
static void check_refused(const scramtoken_source *source, scramtoken_status status,
                          const char *text) {
  const uint8_t *out = UNTOUCHED;
  size_t out_len = UNTOUCHED_LEN;
  scramtoken_client *client = source_client(SHA_256, source);
  CHECK_STATUS(client_step(client, NULL, &out, &out_len), status);
  CHECK_CONTAINS(scramtoken_client_error(client), text);
  CHECK_CONTAINS(scramtoken_last_error(), text);
  CHECK(strstr(scramtoken_last_error(), TOKEN_HMAC) == NULL);
  CHECK(out == UNTOUCHED && out_len == UNTOUCHED_LEN);
  CHECK_STATUS(client_step(client, NULL, &out, &out_len), STATE);
  scramtoken_client_free(client);
}

static void uris_that_cannot_be(void) {
  static const char *const uris[] = {"", "/run/token", "http://host/", "file:", "file:token.json",
                                     "dir:here", "env:KAFKA", "\xff"};
  scramtoken_source *source = (scramtoken_source *)(uintptr_t)UNTOUCHED;
  for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++)
    CHECK_STATUS(scramtoken_source_open(uris[i], &source), BAD);
  CHECK_STATUS(scramtoken_source_open("tokens", &source), BAD);
  CHECK_CONTAINS(scramtoken_last_error(), "file:/path, dir:/path or env:");
  CHECK_STATUS(scramtoken_source_open(NULL, &source), BAD);
  CHECK_STATUS(scramtoken_source_open("env:", NULL), BAD);
  CHECK((const uint8_t *)source == UNTOUCHED);
  scramtoken_source_free(NULL);
}

static void each_login_reads_anew(void) {
  struct accounts accounts;
  for (size_t i = 0; i < MECHANISMS_LEN; i++) {
    make_accounts(&accounts, MECHANISMS[i]);
    scramtoken_server_config *config = config_with(&accounts);
    scramtoken_source *source = open_source(uri);
    for (int round = 0; round < 2; round++) {
      write_file(TOKEN_JSON, 0600);
      CHECK_ENDING(log_in(config, MECHANISMS[i], source_client(MECHANISMS[i], source)),
                   SCRAMTOKEN_OK, SCRAMTOKEN_OK);
      write_file(USER_JSON, 0400);
      CHECK_ENDING(log_in(config, MECHANISMS[i], source_client(MECHANISMS[i], source)),
                   SCRAMTOKEN_OK, SCRAMTOKEN_OK);
    }
    scramtoken_source_free(source);
    scramtoken_server_config_free(config);
  }
}

static void what_is_wrong_is_said(void) {
  scramtoken_source *source = open_source(uri);
  unlink(file);
  check_refused(source, SCRAMTOKEN_ERR_IO, file);
  write_file("{\"token_id\": \"id\", \"hmac\": \"" TOKEN_HMAC, 0600);
  check_refused(source, SCRAMTOKEN_ERR_CORRUPT, "does not end");
  write_file("{\"token_id\": \"id\", \"hmac\": \"" TOKEN_HMAC "\", \"password\": \"x\"}", 0600);
  check_refused(source, SCRAMTOKEN_ERR_CORRUPT, "keep one of the two");
  write_file("{\"token_id\": 1, \"hmac\": \"" TOKEN_HMAC "\"}", 0600);
  check_refused(source, SCRAMTOKEN_ERR_CORRUPT, "\"token_id\" is not a string");
  write_file(TOKEN_JSON, 0644);
  check_refused(source, SCRAMTOKEN_ERR_PERMISSIONS, "chmod 600 ");
  scramtoken_token *token = (scramtoken_token *)(uintptr_t)UNTOUCHED;
  CHECK_STATUS(scramtoken_source_token(source, &token), SCRAMTOKEN_ERR_PERMISSIONS);
  CHECK_STATUS(scramtoken_source_token(source, NULL), BAD);
  CHECK_STATUS(scramtoken_source_token(NULL, &token), BAD);
  CHECK((const uint8_t *)token == UNTOUCHED);
  scramtoken_source_free(source);
}

static void an_expired_token_is_not_sent(void) {
  scramtoken_source *source = open_source(uri);
  write_file("{\"token_id\": \"id\", \"hmac\": \"h\", \"expiry_timestamp_ms\": 1000}", 0600);
  check_refused(source, SCRAMTOKEN_ERR_TOKEN_EXPIRED, "the token \"id\" expired");
  scramtoken_token *token = NULL;
  CHECK_OK(scramtoken_source_token(source, &token));
  CHECK_INT(scramtoken_token_expiry_ms(token), 1000);
  scramtoken_token_free(token);
  scramtoken_source_free(source);
}

static void a_token_says_what_is_known_of_it(void) {
  scramtoken_source *source = open_source(uri);
  scramtoken_token *token = NULL;
  write_file("{\"token_id\": \"id\", \"hmac\": \"aG1hYw==\", \"owner\": \"User:alice\","
             " \"mechanism\": \"SCRAM-SHA-256\", \"issue_timestamp_ms\": 1,"
             " \"expiry_timestamp_ms\": 2, \"max_timestamp_ms\": 3}", 0600);
  CHECK_OK(scramtoken_source_token(source, &token));
  CHECK_TEXT(scramtoken_token_id(token), "id");
  CHECK_TEXT(scramtoken_token_hmac(token), "aG1hYw==");
  CHECK_TEXT(scramtoken_token_owner(token), "User:alice");
  CHECK(scramtoken_token_requester(token) == NULL);
  CHECK_INT(scramtoken_token_renewers_len(token), 0);
  CHECK(scramtoken_token_renewer(token, 0) == NULL);
  CHECK_INT(scramtoken_token_issue_ms(token), 1);
  CHECK_INT(scramtoken_token_expiry_ms(token), 2);
  CHECK_INT(scramtoken_token_max_ms(token), 3);
  scramtoken_token_free(token);

  write_file(TOKEN_JSON, 0600);
  CHECK_OK(scramtoken_source_token(source, &token));
  scramtoken_source_free(source); /* a token stands by itself */
  CHECK_TEXT(scramtoken_token_hmac(token), TOKEN_HMAC);
  CHECK(scramtoken_token_owner(token) == NULL);
  CHECK_INT(scramtoken_token_issue_ms(token), -1);
  CHECK_INT(scramtoken_token_expiry_ms(token), -1);
  CHECK_INT(scramtoken_token_max_ms(token), -1);
  scramtoken_token_free(token);

  CHECK(scramtoken_token_id(NULL) == NULL && scramtoken_token_hmac(NULL) == NULL);
  CHECK(scramtoken_token_owner(NULL) == NULL && scramtoken_token_requester(NULL) == NULL);
  CHECK(scramtoken_token_renewer(NULL, 0) == NULL);
  CHECK_INT(scramtoken_token_renewers_len(NULL), 0);
  CHECK_INT(scramtoken_token_issue_ms(NULL), -1);
  CHECK_INT(scramtoken_token_expiry_ms(NULL), -1);
  CHECK_INT(scramtoken_token_max_ms(NULL), -1);
  scramtoken_token_free(NULL);

  write_file(USER_JSON, 0600);
  source = open_source(uri);
  CHECK_STATUS(scramtoken_source_token(source, &token), SCRAMTOKEN_ERR_TOKEN_NOT_FOUND);
  scramtoken_source_free(source);
}

static void the_last_good_credential_serves_and_says_so_once(void) {
  struct accounts accounts;
  make_accounts(&accounts, SHA_256);
  scramtoken_server_config *config = config_with(&accounts);
  scramtoken_source *source = open_source(uri);
  for (int round = 0; round < 2; round++) {
    static const bool warned[] = {false, true, false};
    write_file(TOKEN_JSON, 0600);
    for (size_t i = 0; i < sizeof warned / sizeof warned[0]; i++) {
      scramtoken_client *client = source_client(SHA_256, source);
      scramtoken_server *server = new_server(config, SHA_256);
      CHECK_TEXT(scramtoken_client_warning(client), "");
      CHECK_ENDING(exchange(client, server), SCRAMTOKEN_OK, SCRAMTOKEN_OK);
      CHECK((scramtoken_client_warning(client)[0] != '\0') == warned[i]);
      if (warned[i]) CHECK_CONTAINS(scramtoken_client_warning(client), file);
      CHECK_TEXT(scramtoken_client_error(client), "");
      scramtoken_client_free(client);
      scramtoken_server_free(server);
      write_file("", 0600);
    }
  }
  CHECK_TEXT(scramtoken_client_warning(NULL), "");
  write_file(TOKEN_JSON, 0640);
  check_refused(source, SCRAMTOKEN_ERR_PERMISSIONS, "chmod 600 ");
  scramtoken_source_free(source);
  scramtoken_server_config_free(config);
}

/* Who runs setuid, or has dropped root, is judged by the effective user. */
static void the_effective_user_counts(void) {
  CHECK(geteuid() == 0); /* only root can become another user: run as root */
  CHECK(chmod(directory, 0711) == 0);
  for (int owned = 0; owned < 2; owned++) {
    write_file(TOKEN_JSON, 0600);
    if (owned) CHECK(chown(file, OTHER_USER, (gid_t)-1) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      CHECK(seteuid(OTHER_USER) == 0);
      scramtoken_source *source = open_source(uri);
      scramtoken_token *token = NULL;
      CHECK_STATUS(scramtoken_source_token(source, &token),
                   owned ? SCRAMTOKEN_OK : SCRAMTOKEN_ERR_IO);
      scramtoken_token_free(token);
      scramtoken_source_free(source);
      exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
  }
  scramtoken_source *source = open_source(uri);
  check_refused(source, SCRAMTOKEN_ERR_PERMISSIONS, "belongs to user 65534");
  scramtoken_source_free(source);
}

/* ---- the environment ---- */

static void the_environment_counts_as_it_is_at_the_login(void) {
  struct accounts accounts;
  make_accounts(&accounts, SHA_512);
  scramtoken_server_config *config = config_with(&accounts);
  CHECK(unsetenv("KAFKA_TOKEN_ID") == 0 && unsetenv("KAFKA_TOKEN_HMAC") == 0);
  scramtoken_source *source = open_source("env:");
  check_refused(source, SCRAMTOKEN_ERR_IO, "KAFKA_TOKEN_ID and KAFKA_TOKEN_HMAC");
  CHECK(setenv("KAFKA_TOKEN_ID", TOKEN_ID, 1) == 0);
  check_refused(source, SCRAMTOKEN_ERR_IO, "lacks KAFKA_TOKEN_HMAC");
  CHECK(setenv("KAFKA_TOKEN_HMAC", TOKEN_HMAC, 1) == 0);
  CHECK_ENDING(log_in(config, SHA_512, source_client(SHA_512, source)), SCRAMTOKEN_OK,
               SCRAMTOKEN_OK);
  CHECK(setenv("KAFKA_TOKEN_HMAC", "", 1) == 0);
  check_refused(source, SCRAMTOKEN_ERR_CORRUPT, "KAFKA_TOKEN_HMAC is empty");
  CHECK(unsetenv("KAFKA_TOKEN_HMAC") == 0); /* nothing of before serves */
  check_refused(source, SCRAMTOKEN_ERR_IO, "lacks KAFKA_TOKEN_HMAC");
  scramtoken_source_free(source);
  scramtoken_server_config_free(config);
}

/* ---- callbacks ---- */

typedef scramtoken_status (*behaviour)(scramtoken_source_reply *);

struct host {
  behaviour behave;
  int calls, finalized;
};

static scramtoken_status ask(void *userdata, scramtoken_source_reply *reply) {
  struct host *host = (struct host *)userdata;
  host->calls++;
  return host->behave(reply);
}

static void finalize(void *userdata) { ((struct host *)userdata)->finalized++; }

static scramtoken_source *callback_source(struct host *host, behaviour behave) {
  scramtoken_source *source = NULL;
  memset(host, 0, sizeof *host);
  host->behave = behave;
  CHECK_OK(scramtoken_source_from_callback(ask, host, finalize, &source));
  return source;
}

static scramtoken_status reply_token(scramtoken_source_reply *reply) {
  return scramtoken_source_reply_token(reply, BYTES(TOKEN_ID), BYTES(TOKEN_HMAC), -1);
}
static scramtoken_status reply_password(scramtoken_source_reply *reply) {
  return scramtoken_source_reply_password(reply, BYTES(VECTOR_USER), BYTES(VECTOR_PASSWORD));
}
static scramtoken_status reply_expired(scramtoken_source_reply *reply) {
  return scramtoken_source_reply_token(reply, BYTES(TOKEN_ID), BYTES(TOKEN_HMAC), 0);
}
static scramtoken_status no_reply(scramtoken_source_reply *reply) {
  (void)reply;
  return SCRAMTOKEN_OK;
}
static scramtoken_status two_replies(scramtoken_source_reply *reply) {
  CHECK_OK(reply_token(reply));
  CHECK_STATUS(reply_password(reply), STATE);
  return SCRAMTOKEN_OK;
}
static scramtoken_status strange_status;
static scramtoken_status reply_then_strange(scramtoken_source_reply *reply) {
  CHECK_OK(reply_token(reply));
  return strange_status;
}
static scramtoken_status bad_replies(scramtoken_source_reply *reply) {
  const uint8_t *x = (const uint8_t *)"x";
  CHECK_STATUS(scramtoken_source_reply_token(NULL, x, 1, x, 1, -1), BAD);
  CHECK_STATUS(scramtoken_source_reply_token(reply, NULL, 1, x, 1, -1), BAD);
  CHECK_STATUS(scramtoken_source_reply_token(reply, x, 1, NULL, 1, -1), BAD);
  CHECK_STATUS(scramtoken_source_reply_token(reply, x, 0, x, 1, -1), BAD);
  CHECK_STATUS(scramtoken_source_reply_token(reply, x, 1, x, 0, -1), BAD);
  CHECK_STATUS(scramtoken_source_reply_token(reply, BYTES("\xff"), x, 1, -1), BAD);
  CHECK_STATUS(scramtoken_source_reply_token(reply, x, 1, BYTES("aG1hYw==\n"), -1), BAD);
  CHECK_STATUS(scramtoken_source_reply_password(NULL, x, 1, x, 1), BAD);
  CHECK_STATUS(scramtoken_source_reply_password(reply, NULL, 1, x, 1), BAD);
  CHECK_STATUS(scramtoken_source_reply_password(reply, x, 1, NULL, 1), BAD);
  CHECK_STATUS(scramtoken_source_reply_password(reply, x, 1, x, 0), BAD);
  return SCRAMTOKEN_OK;
}
static scramtoken_status bad_replies_then_a_good_one(scramtoken_source_reply *reply) {
  CHECK_OK(bad_replies(reply));
  return reply_token(reply);
}

static void the_host_is_asked_at_each_login(void) {
  static const behaviour behaviours[] = {reply_token, reply_password, bad_replies_then_a_good_one};
  struct accounts accounts;
  make_accounts(&accounts, SHA_256);
  scramtoken_server_config *config = config_with(&accounts);
  for (size_t i = 0; i < sizeof behaviours / sizeof behaviours[0]; i++) {
    struct host host;
    scramtoken_source *source = callback_source(&host, behaviours[i]);
    CHECK_INT(host.calls, 0);
    for (int logins = 1; logins < 4; logins++) {
      CHECK_ENDING(log_in(config, SHA_256, source_client(SHA_256, source)), SCRAMTOKEN_OK,
                   SCRAMTOKEN_OK);
      CHECK_INT(host.calls, logins);
    }
    scramtoken_source_free(source);
    CHECK_INT(host.finalized, 1);
  }
  scramtoken_server_config_free(config);
}

static void nothing_but_one_good_reply_is_an_answer(void) {
  static const struct {
    behaviour behave;
    scramtoken_status status;
    const char *text;
  } rows[] = {{no_reply, STATE, "no answer"},
              {bad_replies, STATE, "no answer"},
              {two_replies, STATE, "answered twice"},
              {reply_expired, SCRAMTOKEN_ERR_TOKEN_EXPIRED, "expired"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct host host;
    scramtoken_source *source = callback_source(&host, rows[i].behave);
    check_refused(source, rows[i].status, rows[i].text);
    CHECK_INT(host.calls, 1);
    scramtoken_source_free(source);
  }
  static const scramtoken_status statuses[] = {1,    2,          77, INT32_MAX, SCRAMTOKEN_ERR_IO,
                                               -999, INT32_MIN};
  for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
    struct host host;
    strange_status = statuses[i];
    scramtoken_source *source = callback_source(&host, reply_then_strange);
    check_refused(source, strange_status < 0 ? strange_status : STATE, "source callback");
    scramtoken_token *token = NULL;
    CHECK_STATUS(scramtoken_source_token(source, &token),
                 strange_status < 0 ? strange_status : STATE);
    scramtoken_source_free(source);
  }
}

/* A callback may call the library: here it reads another source, and logs in. */
static scramtoken_status reenter(scramtoken_source_reply *reply) {
  struct host inner;
  struct accounts accounts;
  make_accounts(&accounts, SHA_256);
  scramtoken_server_config *config = config_with(&accounts);
  scramtoken_source *source = callback_source(&inner, reply_password);
  CHECK_ENDING(log_in(config, SHA_256, source_client(SHA_256, source)), SCRAMTOKEN_OK,
               SCRAMTOKEN_OK);
  scramtoken_source_free(source);
  scramtoken_server_config_free(config);
  return reply_token(reply);
}

static void a_callback_may_call_the_library(void) {
  struct host host;
  scramtoken_source *source = callback_source(&host, reenter);
  scramtoken_token *token = NULL;
  CHECK_OK(scramtoken_source_token(source, &token));
  CHECK_TEXT(scramtoken_token_id(token), TOKEN_ID);
  scramtoken_token_free(token);
  scramtoken_source_free(source);
}

static void the_finalizer_runs_once_after_the_last_user(void) {
  struct host host;
  scramtoken_source *source = callback_source(&host, reply_token);
  scramtoken_client *client = source_client(SHA_256, source);
  scramtoken_source_free(source);
  CHECK_INT(host.finalized, 0);
  const uint8_t *out;
  size_t out_len;
  CHECK_STATUS(client_step(client, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
  scramtoken_client_free(client);
  CHECK_INT(host.finalized, 1);

  source = (scramtoken_source *)(uintptr_t)UNTOUCHED;
  CHECK_STATUS(scramtoken_source_from_callback(NULL, &host, finalize, &source), BAD);
  CHECK_STATUS(scramtoken_source_from_callback(ask, &host, finalize, NULL), BAD);
  CHECK((const uint8_t *)source == UNTOUCHED);
  CHECK_INT(host.finalized, 1);
}

/* ---- the client ---- */

static void the_credential_set_last_counts(void) {
  struct host host;
  const uint8_t *out;
  size_t out_len;
  scramtoken_source *source = callback_source(&host, reply_token);
  scramtoken_client *client = password_client(SHA_256, "user", "pencil");
  CHECK_OK(scramtoken_client_set_source(client, source));
  CHECK_STATUS(client_step(client, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
  CHECK(memcmp(out, "n,,n=" TOKEN_ID ",r=", strlen("n,,n=" TOKEN_ID ",r=")) == 0);
  CHECK_STATUS(scramtoken_client_set_source(client, source), STATE);
  scramtoken_client_free(client);
  client = source_client(SHA_256, source);
  CHECK_OK(scramtoken_client_set_password(client, BYTES("user"), BYTES("pencil")));
  CHECK_STATUS(client_step(client, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
  CHECK(memcmp(out, "n,,n=user,r=", strlen("n,,n=user,r=")) == 0);
  CHECK_STATUS(scramtoken_client_set_source(client, NULL), BAD);
  CHECK_STATUS(scramtoken_client_set_source(NULL, source), BAD);
  scramtoken_client_free(client);
  CHECK_INT(host.calls, 1);
  scramtoken_source_free(source);
}

/* A first step that was called wrongly asks nobody, and leaves the login as it was. */
static void a_wrong_call_does_not_read(void) {
  struct host host;
  const uint8_t *out;
  size_t out_len;
  scramtoken_source *source = callback_source(&host, reply_token);
  scramtoken_client *client = source_client(SHA_256, source);
  CHECK_STATUS(client_step(client, "r=x", &out, &out_len), BAD);
  CHECK_INT(host.calls, 0);
  CHECK_STATUS(client_step(client, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
  scramtoken_client_free(client);
  client = source_client(SHA_256, source);
  scramtoken_client_cancel(client);
  CHECK_STATUS(client_step(client, NULL, &out, &out_len), SCRAMTOKEN_ERR_CANCELLED);
  scramtoken_client_free(client);
  CHECK_INT(host.calls, 1);
  scramtoken_source_free(source);
}

/* Slow enough to tell a hash (some 0.1 s) from none (far below 1 ms). */
static double answer_slow_challenge(const scramtoken_source *source,
                                    const scramtoken_key_cache *cache) {
  struct timespec before, after;
  const uint8_t *out;
  size_t out_len;
  scramtoken_client *client = source_client(SHA_512, source);
  if (cache != NULL) CHECK_OK(scramtoken_client_set_key_cache(client, cache));
  CHECK_OK(scramtoken_client_set_nonce(client, BYTES(VECTOR_CLIENT_NONCE)));
  CHECK_STATUS(client_step(client, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
  CHECK_STATUS(client_step(client, "r=" VECTOR_NONCE ",s=" VECTOR_SALT ",i=100000", &out, &out_len),
               SCRAMTOKEN_CONTINUE);
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
  scramtoken_client_free(client);
  return (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
}

static void clients_share_the_sources_keys_unless_they_have_their_own(void) {
  struct host host, another;
  scramtoken_key_cache *own = NULL;
  CHECK_OK(scramtoken_key_cache_new(1, &own));
  scramtoken_source *source = callback_source(&host, reply_token);
  double slow = answer_slow_challenge(source, own);
  CHECK(answer_slow_challenge(source, own) < slow / 20);
  CHECK(answer_slow_challenge(source, NULL) > slow / 4);
  CHECK(answer_slow_challenge(source, NULL) < slow / 20);
  scramtoken_source *second = callback_source(&another, reply_token);
  CHECK(answer_slow_challenge(second, NULL) > slow / 4);
  scramtoken_key_cache_free(own);
  scramtoken_source_free(second);
  scramtoken_source_free(source);
}

int main(void) {
  make_directory();
  RUN(uris_that_cannot_be);
  RUN(each_login_reads_anew);
  RUN(what_is_wrong_is_said);
  RUN(an_expired_token_is_not_sent);
  RUN(a_token_says_what_is_known_of_it);
  RUN(the_last_good_credential_serves_and_says_so_once);
  RUN(the_effective_user_counts);
  RUN(the_environment_counts_as_it_is_at_the_login);
  RUN(the_host_is_asked_at_each_login);
  RUN(nothing_but_one_good_reply_is_an_answer);
  RUN(a_callback_may_call_the_library);
  RUN(the_finalizer_runs_once_after_the_last_user);
  RUN(the_credential_set_last_counts);
  RUN(a_wrong_call_does_not_read);
  RUN(clients_share_the_sources_keys_unless_they_have_their_own);
  CHECK(unlink(file) == 0 && rmdir(directory) == 0);
  return 0;
}
