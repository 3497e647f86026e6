/* Stores: users in memory and on disk, what is refused, and servers that look them up. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* mkdtemp */
#endif
#include <sys/stat.h>
#include <unistd.h>

#include "exchange.h"

#define IO SCRAMTOKEN_ERR_IO

/* A directory with room for one store; in memory, where commits are quick. */
static char base[] = "/dev/shm/scramtoken-store-XXXXXX";
static char uri[64];

static void make_base(void) {
  strcpy(base + sizeof base - 7, "XXXXXX");
  CHECK(mkdtemp(base) != NULL);
  snprintf(uri, sizeof uri, "lmdb:%s/store", base);
}

static void remove_base(void) {
  static const char *const files[] = {"data.mdb", "lock.mdb", "presence.lock"};
  char path[96];
  for (size_t i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/%s", uri + strlen("lmdb:"), files[i]);
    CHECK_INT(unlink(path), 0);
  }
  CHECK_INT(rmdir(uri + strlen("lmdb:")), 0);
  CHECK_INT(rmdir(base), 0);
}

static scramtoken_store *open_store(const char *place) {
  scramtoken_store *store = NULL;
  CHECK_OK(scramtoken_store_open(place, &store));
  CHECK(store != NULL);
  return store;
}

static void put_user(scramtoken_store *store, const char *mechanism, const char *name,
                     const char *password) {
  CHECK_OK(scramtoken_store_put_user(store, mechanism, BYTES(name), BYTES(password), 4096));
}

static scramtoken_server_config *config_on(const scramtoken_store *store) {
  scramtoken_server_config *config = NULL;
  CHECK_OK(scramtoken_server_config_new(&config));
  CHECK_OK(scramtoken_server_config_set_store(config, store));
  return config;
}

#define CHECK_LOGIN(config, mechanism, name, password) \
  CHECK_ENDING(log_in(config, mechanism, password_client(mechanism, name, password)), \
               SCRAMTOKEN_OK, SCRAMTOKEN_OK)
#define CHECK_REFUSED(config, mechanism, name, password, status) \
  CHECK_ENDING(log_in(config, mechanism, password_client(mechanism, name, password)), \
               SCRAMTOKEN_ERR_SERVER_REFUSED, status)
#define WRONG SCRAMTOKEN_ERR_INVALID_PROOF
#define UNKNOWN SCRAMTOKEN_ERR_UNKNOWN_USER

static void users_log_in_on(const char *place) {
  scramtoken_store *store = open_store(place);
  put_user(store, SHA_256, "alice", "pencil");
  put_user(store, SHA_512, "alice", "another pencil");
  put_user(store, SHA_512, "b\xc3\xb6" "b,=", "p");
  scramtoken_server_config *config = config_on(store);
  scramtoken_store_free(store); /* the config keeps it */
  CHECK_LOGIN(config, SHA_256, "alice", "pencil");
  CHECK_LOGIN(config, SHA_512, "alice", "another pencil");
  CHECK_LOGIN(config, SHA_512, "b\xc3\xb6" "b,=", "p");
  CHECK_REFUSED(config, SHA_512, "alice", "pencil", WRONG);
  CHECK_REFUSED(config, SHA_256, "b\xc3\xb6" "b,=", "p", UNKNOWN);
  CHECK_REFUSED(config, SHA_256, "carol", "pencil", UNKNOWN);
  /* A user's name is nobody's token id, and the other way round. */
  CHECK_ENDING(log_in(config, SHA_256, token_client(SHA_256, "alice", "pencil")),
               SCRAMTOKEN_ERR_SERVER_REFUSED, SCRAMTOKEN_ERR_TOKEN_NOT_FOUND);
  scramtoken_server_config_free(config);
}

static void users_log_in(void) {
  users_log_in_on("memory:");
  make_base();
  users_log_in_on(uri);
  remove_base();
}

static void the_longest_name_logs_in(void) {
  static char name[4000];
  memset(name, 'n', sizeof name - 1);
  scramtoken_store *store = open_store("memory:");
  put_user(store, SHA_256, name, "pencil");
  scramtoken_server_config *config = config_on(store);
  CHECK_LOGIN(config, SHA_256, name, "pencil");
  scramtoken_server_config_free(config);
  scramtoken_store_free(store);
}

static void a_change_counts_at_once(void) {
  scramtoken_store *store = open_store("memory:");
  scramtoken_server_config *config = config_on(store);
  CHECK_REFUSED(config, SHA_256, "alice", "pencil", UNKNOWN);
  put_user(store, SHA_256, "alice", "pencil");
  CHECK_LOGIN(config, SHA_256, "alice", "pencil");
  put_user(store, SHA_256, "alice", "pen");
  CHECK_REFUSED(config, SHA_256, "alice", "pencil", WRONG);
  CHECK_LOGIN(config, SHA_256, "alice", "pen");

  struct kept kept; /* of any iteration count: this one is the verge of what clients accept */
  keep(&kept, SHA_256, "derived", 4096);
  CHECK_OK(scramtoken_store_put_credential(store, SHA_256, BYTES("alice"), &kept.credential));
  CHECK_LOGIN(config, SHA_256, "alice", "derived");
  keep(&kept, SHA_256, "derived", 1);
  CHECK_OK(scramtoken_store_put_credential(store, SHA_256, BYTES("alice"), &kept.credential));
  CHECK_INT(log_in(config, SHA_256, password_client(SHA_256, "alice", "derived")).client,
            SCRAMTOKEN_ERR_ITERATIONS);

  CHECK_STATUS(scramtoken_store_delete_user(store, SHA_512, BYTES("alice")),
               SCRAMTOKEN_ERR_USER_NOT_FOUND);
  CHECK_CONTAINS(scramtoken_last_error(), "\"alice\" of SCRAM-SHA-512");
  CHECK_OK(scramtoken_store_delete_user(store, SHA_256, BYTES("alice")));
  CHECK_REFUSED(config, SHA_256, "alice", "derived", UNKNOWN);
  CHECK_STATUS(scramtoken_store_delete_user(store, SHA_256, BYTES("alice")),
               SCRAMTOKEN_ERR_USER_NOT_FOUND);
  scramtoken_server_config_free(config);
  scramtoken_store_free(store);
}

/* ---- what is refused ---- */

static void bad_uris(void) {
  static const char *const uris[] = {
      "", "memory", "memory:x", "lmdb:", "lmdb:store", "lmdb", "redis://localhost", "file:/x"};
  scramtoken_store *store = (scramtoken_store *)UNTOUCHED;
  for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
    CHECK_STATUS(scramtoken_store_open(uris[i], &store), BAD);
    CHECK_CONTAINS(scramtoken_last_error(), "memory: or lmdb:/path");
    CHECK_STATUS(scramtoken_store_open_read_only(uris[i], &store), BAD);
  }
  CHECK_STATUS(scramtoken_store_open_read_only("memory:", &store), BAD);
  CHECK_STATUS(scramtoken_store_open(NULL, &store), BAD);
  CHECK_STATUS(scramtoken_store_open("memory:", NULL), BAD);
  CHECK_STATUS(scramtoken_store_open_read_only(NULL, &store), BAD);
  CHECK(store == (scramtoken_store *)UNTOUCHED);
}

static void bad_users(void) {
  static char long_name[SCRAMTOKEN_MAX_MESSAGE + 2];
  memset(long_name, 'n', sizeof long_name - 1);
  scramtoken_store *store = open_store("memory:");
  struct kept kept;
  keep(&kept, SHA_256, "pencil", 4096);
  static const struct {
    const char *name, *part;
    size_t len;
  } names[] = {{"", "is empty", 0},
               {"a\0b", "holds a NUL", 3},
               {"\xff", "is not UTF-8", 1},
               {NULL, "name is NULL", 5},
               {long_name, "4097 bytes", sizeof long_name - 1}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const uint8_t *name = (const uint8_t *)names[i].name;
    CHECK_STATUS(scramtoken_store_put_user(store, SHA_256, name, names[i].len, BYTES("p"), 4096),
                 BAD);
    CHECK_CONTAINS(scramtoken_last_error(), names[i].part);
    CHECK_STATUS(
        scramtoken_store_put_credential(store, SHA_256, name, names[i].len, &kept.credential), BAD);
    CHECK_STATUS(scramtoken_store_delete_user(store, SHA_256, name, names[i].len), BAD);
  }
  const uint8_t *alice = (const uint8_t *)"alice";
  CHECK_STATUS(scramtoken_store_put_user(store, SHA_256, alice, 5, BYTES(""), 4096), BAD);
  CHECK_STATUS(scramtoken_store_put_user(store, SHA_256, alice, 5, NULL, 3, 4096), BAD);
  static const uint32_t counts[] = {0, 1, 4095, 1000001, UINT32_MAX};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    CHECK_STATUS(scramtoken_store_put_user(store, SHA_256, alice, 5, BYTES("p"), counts[i]), BAD);
    CHECK_CONTAINS(scramtoken_last_error(), "4096 to 1000000");
  }
  CHECK_STATUS(scramtoken_store_put_user(store, "PLAIN", alice, 5, BYTES("p"), 4096),
               SCRAMTOKEN_ERR_UNSUPPORTED_MECHANISM);
  CHECK_STATUS(scramtoken_store_put_user(store, NULL, alice, 5, BYTES("p"), 4096), BAD);
  CHECK_STATUS(scramtoken_store_put_user(NULL, SHA_256, alice, 5, BYTES("p"), 4096), BAD);
  CHECK_STATUS(scramtoken_store_put_credential(store, SHA_256, alice, 5, NULL), BAD);
  CHECK_STATUS(scramtoken_store_put_credential(store, SHA_512, alice, 5, &kept.credential), BAD);
  kept.credential.iterations = 0;
  CHECK_STATUS(scramtoken_store_put_credential(store, SHA_256, alice, 5, &kept.credential), BAD);
  CHECK_STATUS(scramtoken_store_put_credential(NULL, SHA_256, alice, 5, &kept.credential), BAD);
  CHECK_STATUS(scramtoken_store_delete_user(NULL, SHA_256, alice, 5), BAD);
  CHECK_STATUS(scramtoken_server_config_set_store(NULL, store), BAD);
  scramtoken_server_config *config = NULL;
  CHECK_OK(scramtoken_server_config_new(&config));
  CHECK_STATUS(scramtoken_server_config_set_store(config, NULL), BAD);
  scramtoken_server_config_free(config);
  scramtoken_store_free(store);
  scramtoken_store_free(NULL);
}

/* ---- visits ---- */

enum { MANY = 600 }; /* more than are read at once */

struct visits {
  scramtoken_store *store;
  int seen, stop_at;
  bool seen_by_number[MANY];
};

static int32_t visit_numbered(void *userdata, const char *mechanism, const uint8_t *name,
                              size_t name_len, uint32_t iterations) {
  struct visits *visits = (struct visits *)userdata;
  char text[16] = "";
  CHECK(name_len < sizeof text);
  memcpy(text, name, name_len);
  CHECK_TEXT(mechanism, SHA_512);
  CHECK_INT(iterations, 7);
  int number = atoi(text);
  CHECK(number >= 0 && number < MANY && !visits->seen_by_number[number]);
  visits->seen_by_number[number] = true;
  /* The library may be called from inside, and the visit goes on. */
  CHECK_OK(scramtoken_store_delete_user(visits->store, mechanism, name, name_len));
  return ++visits->seen == visits->stop_at ? 42 : 0;
}

static void every_user_is_visited(void) {
  make_base();
  struct kept kept;
  keep(&kept, SHA_512, "pencil", 1);
  kept.credential.iterations = 7;
  const char *places[] = {"memory:", uri};
  for (int i = 0; i < 2; i++) {
    struct visits visits;
    memset(&visits, 0, sizeof visits);
    visits.store = open_store(places[i]);
    for (int number = 0; number < MANY; number++) {
      char name[16];
      snprintf(name, sizeof name, "%d", number);
      CHECK_OK(scramtoken_store_put_credential(visits.store, SHA_512, BYTES(name),
                                               &kept.credential));
    }
    visits.stop_at = 10;
    CHECK_OK(scramtoken_store_visit_users(visits.store, visit_numbered, &visits));
    CHECK_INT(visits.seen, 10);
    visits.stop_at = 0;
    CHECK_OK(scramtoken_store_visit_users(visits.store, visit_numbered, &visits));
    CHECK_INT(visits.seen, MANY);
    CHECK_OK(scramtoken_store_visit_users(visits.store, visit_numbered, &visits));
    CHECK_INT(visits.seen, MANY);
    CHECK_STATUS(scramtoken_store_visit_users(visits.store, NULL, NULL), BAD);
    CHECK_STATUS(scramtoken_store_visit_users(NULL, visit_numbered, &visits), BAD);
    scramtoken_store_free(visits.store);
  }
  remove_base();
}

/* ---- the same store more than once ---- */

static void a_path_is_shared_within_a_process(void) {
  make_base();
  scramtoken_store *read_only = NULL;
  CHECK_STATUS(scramtoken_store_open_read_only(uri, &read_only), IO);
  CHECK_CONTAINS(scramtoken_last_error(), "there is no store");

  scramtoken_store *first = open_store(uri);
  scramtoken_store *second = open_store(uri);
  CHECK_OK(scramtoken_store_open_read_only(uri, &read_only));
  put_user(first, SHA_256, "alice", "pencil");
  scramtoken_store_free(first);
  scramtoken_server_config *config = config_on(read_only);
  CHECK_LOGIN(config, SHA_256, "alice", "pencil");
  CHECK_STATUS(
      scramtoken_store_put_user(read_only, SHA_256, BYTES("bob"), BYTES("pencil"), 4096), STATE);
  CHECK_CONTAINS(scramtoken_last_error(), "for reading only");
  CHECK_STATUS(scramtoken_store_delete_user(read_only, SHA_256, BYTES("alice")), STATE);
  CHECK_OK(scramtoken_store_delete_user(second, SHA_256, BYTES("alice")));
  CHECK_REFUSED(config, SHA_256, "alice", "pencil", UNKNOWN);
  put_user(second, SHA_256, "carol", "pencil");
  scramtoken_store_free(second);
  scramtoken_store_free(read_only);
  scramtoken_server_config_free(config);

  /* All closed: what was written is still there. */
  CHECK_OK(scramtoken_store_open_read_only(uri, &read_only));
  config = config_on(read_only);
  CHECK_LOGIN(config, SHA_256, "carol", "pencil");
  scramtoken_server_config_free(config);
  scramtoken_store_free(read_only);
  remove_base();
}

static void a_new_store_is_for_its_user_alone(void) {
  make_base();
  mode_t before = umask(0);
  scramtoken_store_free(open_store(uri));
  umask(before);
  static const char *const names[] = {"", "/data.mdb", "/lock.mdb", "/presence.lock"};
  for (size_t i = 0; i < 4; i++) {
    char path[96];
    struct stat is;
    snprintf(path, sizeof path, "%s%s", uri + strlen("lmdb:"), names[i]);
    CHECK_INT(stat(path, &is), 0);
    CHECK_INT(is.st_mode & 07777, i == 0 ? 0700 : 0600);
  }
  remove_base();
}

/* As a Kubernetes volume with fsGroup gives them at each mount. */
static void rights_of_ones_own_group_are_taken_away(void) {
  make_base();
  scramtoken_store_free(open_store(uri));
  const char *path = uri + strlen("lmdb:");
  CHECK_INT(chmod(path, 02770), 0);
  scramtoken_store *first = open_store(uri), *second = open_store(uri), *memory = open_store("memory:");
  CHECK_CONTAINS(scramtoken_store_warning(first), path);
  CHECK_CONTAINS(scramtoken_store_warning(first), "had rights on it");
  CHECK_TEXT(scramtoken_store_warning(second), "");
  CHECK_TEXT(scramtoken_store_warning(memory), "");
  CHECK_TEXT(scramtoken_store_warning(NULL), "");
  struct stat is;
  CHECK_INT(stat(path, &is), 0);
  CHECK_INT(is.st_mode & 0777, 0700);
  scramtoken_store_free(first);
  scramtoken_store_free(second);
  scramtoken_store_free(memory);
  remove_base();
}

/* ---- made-up challenges ---- */

static void check_challenge(const scramtoken_server_config *config, const char *name, char *salt,
                            size_t size) {
  scramtoken_server *server = new_server(config, SHA_256);
  char first[64];
  snprintf(first, sizeof first, "n,,n=%s,r=abc", name);
  const uint8_t *out;
  size_t out_len;
  CHECK_STATUS(server_step(server, first, &out, &out_len), SCRAMTOKEN_CONTINUE);
  char challenge[256];
  CHECK(out_len < sizeof challenge);
  memcpy(challenge, out, out_len);
  challenge[out_len] = '\0';
  const char *found = strstr(challenge, ",s=");
  CHECK(found != NULL && strlen(found) < size);
  strcpy(salt, found);
  scramtoken_server_free(server);
}

static void strangers_get_the_stores_own_challenge(void) {
  make_base();
  char first[128], again[128], other[128];
  scramtoken_store *store = open_store(uri);
  scramtoken_server_config *config = config_on(store);
  check_challenge(config, "nobody", first, sizeof first);
  CHECK_CONTAINS(first, ",i=4096");
  check_challenge(config, "somebody", other, sizeof other);
  CHECK(strcmp(first, other) != 0);
  scramtoken_server_config_free(config);
  scramtoken_store_free(store);

  /* After a restart, and through another config. */
  store = open_store(uri);
  config = config_on(store);
  check_challenge(config, "nobody", again, sizeof again);
  CHECK_TEXT(again, first);
  /* What is set goes before what the store has. */
  CHECK_OK(scramtoken_server_config_set_mock_secret(config, BYTES("secret")));
  CHECK_OK(scramtoken_server_config_set_mock_iterations(config, 8192));
  check_challenge(config, "nobody", other, sizeof other);
  CHECK(strncmp(other, first, 20) != 0);
  CHECK_CONTAINS(other, ",i=8192");
  scramtoken_server_config_free(config);
  scramtoken_store_free(store);
  remove_base();

  store = open_store("memory:"); /* another store, another secret */
  config = config_on(store);
  check_challenge(config, "nobody", other, sizeof other);
  CHECK(strcmp(other, first) != 0);
  scramtoken_server_config_free(config);
  scramtoken_store_free(store);
}

static void the_last_one_set_answers(void) {
  struct accounts accounts;
  make_accounts(&accounts, SHA_256);
  scramtoken_store *store = open_store("memory:");
  put_user(store, SHA_256, "alice", "pencil");
  scramtoken_server_config *config = config_with(&accounts);
  CHECK_REFUSED(config, SHA_256, "alice", "pencil", UNKNOWN);
  CHECK_OK(scramtoken_server_config_set_store(config, store));
  CHECK_LOGIN(config, SHA_256, "alice", "pencil");
  CHECK_REFUSED(config, SHA_256, VECTOR_USER, VECTOR_PASSWORD, UNKNOWN);
  CHECK_OK(scramtoken_server_config_set_lookup(config, look_up_accounts, &accounts, NULL));
  CHECK_LOGIN(config, SHA_256, VECTOR_USER, VECTOR_PASSWORD);
  scramtoken_server_config_free(config);
  scramtoken_store_free(store);
}

/* ---- tokens that another authority made ---- */

static scramtoken_status put_hmac(scramtoken_store *store, const char *id, const char *owner,
                                  const char *hmac, int64_t expiry_ms) {
  return scramtoken_store_put_token(store, id, owner, expiry_ms, BYTES(hmac), NULL, NULL);
}

#define CHECK_TOKEN(config, mechanism, id, hmac, status)                                  \
  CHECK_ENDING(log_in(config, mechanism, token_client(mechanism, id, hmac)),              \
               (status) == SCRAMTOKEN_OK ? SCRAMTOKEN_OK : SCRAMTOKEN_ERR_SERVER_REFUSED, \
               status)
#define ENDED SCRAMTOKEN_ERR_TOKEN_EXPIRED
#define NO_TOKEN SCRAMTOKEN_ERR_TOKEN_NOT_FOUND
#define FUTURE INT64_C(32503680000000) /* the year 3000 */

static void tokens_come_change_and_go_on(const char *place) {
  scramtoken_store *store = open_store(place);
  scramtoken_server_config *config = config_on(store);
  CHECK_TOKEN(config, SHA_256, "id", "aG1hYw==", NO_TOKEN);
  CHECK_OK(put_hmac(store, "id", "User:alice", "aG1hYw==", FUTURE));
  CHECK_TOKEN(config, SHA_256, "id", "aG1hYw==", SCRAMTOKEN_OK);
  CHECK_TOKEN(config, SHA_512, "id", "aG1hYw==", SCRAMTOKEN_OK);
  CHECK_TOKEN(config, SHA_512, "id", "b3RoZXI=", WRONG);
  CHECK_REFUSED(config, SHA_256, "id", "aG1hYw==", UNKNOWN); /* not as a user */
  CHECK_OK(put_hmac(store, "id", "User:alice", "b3RoZXI=", -1));
  CHECK_TOKEN(config, SHA_512, "id", "b3RoZXI=", SCRAMTOKEN_OK);
  CHECK_TOKEN(config, SHA_512, "id", "aG1hYw==", WRONG);
  CHECK_OK(put_hmac(store, "id", "User:alice", "b3RoZXI=", 1000));
  CHECK_TOKEN(config, SHA_512, "id", "b3RoZXI=", ENDED);

  struct kept kept;
  keep(&kept, SHA_512, "ZGVyaXZlZA==", 4096);
  CHECK_OK(scramtoken_store_put_token(store, "id", "User:bob", FUTURE, NULL, 0, NULL,
                                      &kept.credential));
  CHECK_TOKEN(config, SHA_512, "id", "ZGVyaXZlZA==", SCRAMTOKEN_OK);
  CHECK_TOKEN(config, SHA_256, "id", "ZGVyaXZlZA==", NO_TOKEN); /* not by that mechanism */

  CHECK_OK(scramtoken_store_delete_token(store, "id"));
  CHECK_TOKEN(config, SHA_512, "id", "ZGVyaXZlZA==", NO_TOKEN);
  CHECK_STATUS(scramtoken_store_delete_token(store, "id"), NO_TOKEN);
  scramtoken_server_config_free(config);
  scramtoken_store_free(store);
}

static void tokens_come_change_and_go(void) {
  tokens_come_change_and_go_on("memory:");
  make_base();
  tokens_come_change_and_go_on(uri);
  remove_base();
}

static void bad_tokens(void) {
  static char long_id[257];
  memset(long_id, 'i', sizeof long_id - 1);
  scramtoken_store *store = open_store("memory:");
  struct kept kept;
  keep(&kept, SHA_256, "aG1hYw==", 4096);
  const scramtoken_credential *credential = &kept.credential;
  CHECK_STATUS(put_hmac(NULL, "id", "User:alice", "aG1hYw==", -1), BAD);
  CHECK_STATUS(put_hmac(store, NULL, "User:alice", "aG1hYw==", -1), BAD);
  CHECK_STATUS(put_hmac(store, "", "User:alice", "aG1hYw==", -1), BAD);
  CHECK_STATUS(put_hmac(store, long_id, "User:alice", "aG1hYw==", -1), BAD);
  CHECK_STATUS(put_hmac(store, "i d", "User:alice", "aG1hYw==", -1), BAD);
  CHECK_STATUS(put_hmac(store, "id", NULL, "aG1hYw==", -1), BAD);
  CHECK_STATUS(put_hmac(store, "id", "alice", "aG1hYw==", -1), BAD);
  CHECK_STATUS(put_hmac(store, "id", "Group:alice", "aG1hYw==", -1),
               SCRAMTOKEN_ERR_INVALID_PRINCIPAL_TYPE);
  CHECK_STATUS(put_hmac(store, "id", "User:alice", "aG1hYw==\n", -1), BAD);
  CHECK(strstr(scramtoken_last_error(), "aG1h") == NULL);
  CHECK_STATUS(put_hmac(store, "id", "User:alice", "aG1hYw==", -2), BAD);
  CHECK_STATUS(scramtoken_store_put_token(store, "id", "User:alice", -1, NULL, 0, NULL, NULL), BAD);
  CHECK_STATUS(scramtoken_store_put_token(store, "id", "User:alice", -1, NULL, 5, NULL, NULL), BAD);
  /* An HMAC that came out empty is not none. */
  CHECK_STATUS(scramtoken_store_put_token(store, "id", "User:alice", -1, BYTES(""), credential, NULL),
               BAD);
  CHECK_STATUS(scramtoken_store_put_token(store, "id", "User:alice", -1, BYTES("aG1hYw=="),
                                          credential, NULL), BAD);
  CHECK_CONTAINS(scramtoken_last_error(), "one of the two");
  /* A key of 32 bytes where one of 64 belongs. */
  CHECK_STATUS(scramtoken_store_put_token(store, "id", "User:alice", -1, NULL, 0, NULL, credential),
               BAD);
  CHECK_STATUS(scramtoken_store_delete_token(NULL, "id"), BAD);
  CHECK_STATUS(scramtoken_store_delete_token(store, NULL), BAD);
  CHECK_STATUS(scramtoken_store_delete_token(store, "id"), NO_TOKEN);
  scramtoken_store_free(store);

  make_base();
  scramtoken_store_free(open_store(uri));
  CHECK_OK(scramtoken_store_open_read_only(uri, &store));
  CHECK_STATUS(put_hmac(store, "id", "User:alice", "aG1hYw==", -1), SCRAMTOKEN_ERR_INVALID_STATE);
  CHECK_STATUS(scramtoken_store_delete_token(store, "id"), SCRAMTOKEN_ERR_INVALID_STATE);
  scramtoken_store_free(store);
  remove_base();
}

int main(void) {
  RUN(users_log_in);
  RUN(the_longest_name_logs_in);
  RUN(a_change_counts_at_once);
  RUN(bad_uris);
  RUN(bad_users);
  RUN(every_user_is_visited);
  RUN(a_path_is_shared_within_a_process);
  RUN(a_new_store_is_for_its_user_alone);
  RUN(rights_of_ones_own_group_are_taken_away);
  RUN(strangers_get_the_stores_own_challenge);
  RUN(the_last_one_set_answers);
  RUN(tokens_come_change_and_go);
  RUN(bad_tokens);
  return 0;
}
