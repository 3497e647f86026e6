/*
 * After an object is freed, its secret is nowhere in the process, neither as it was given nor as
 * HMAC's padded key: this looks through all of the memory that the process can write. (Not under
 * valgrind, which keeps copies of its own.)
 *
 * The secrets are kept reversed here, and straight only where the library is given them, so that
 * the search does not find this program's own copy.
 */
#define _POSIX_C_SOURCE 200809L /* mkstemp */

#include <unistd.h>

#include "exchange.h"

enum { LEN = 32 };
static const char reversed_password[LEN + 1] = "drowssap-a-si-siht-zyxwvutsrqpon";
static const char reversed_hmac[LEN + 1] = "=QWY0MmcpR3ZTV2c1NWZTJXZ2VmSldXY";

/* Volatile, so that the compiler neither leaves a copy elsewhere nor skips the wiping. */
static volatile uint8_t straight[LEN];

static const uint8_t *lay_out(const char *reversed) {
  for (int i = 0; i < LEN; i++) straight[i] = (uint8_t)reversed[LEN - 1 - i];
  return (const uint8_t *)straight;
}

static void wipe(void) {
  for (int i = 0; i < LEN; i++) straight[i] = 0;
}

/* RFC 2104: a key is hashed XORed with these. */
static const char masks[] = {0, 0x36, 0x5c};

static bool is_at(const volatile char *at, const char *reversed, char mask) {
  for (int i = 0; i < LEN; i++)
    if ((at[i] ^ mask) != reversed[LEN - 1 - i]) return false;
  return true;
}

/* How often the secret stands in writable memory; `where` becomes the last mapping's line. */
static int copies(const char *reversed, char *where) {
  int found = 0;
  char line[512];
  FILE *maps = fopen("/proc/self/maps", "r");
  CHECK(maps != NULL);
  while (fgets(line, sizeof line, maps) != NULL) {
    uintptr_t from, to;
    char mode[8];
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s", &from, &to, mode) != 3) continue;
    if (mode[0] != 'r' || mode[1] != 'w' || strstr(line, "[v") != NULL) continue;
    for (uintptr_t at = from; at + LEN <= to; at++) {
      for (size_t i = 0; i < sizeof masks; i++) {
        if (!is_at((const volatile char *)at, reversed, masks[i])) continue;
        found++;
        strcpy(where, line);
      }
    }
  }
  fclose(maps);
  return found;
}

static void check_gone(const char *reversed) {
  char where[512] = "";
  wipe();
  int found = copies(reversed, where);
  if (found != 0) CHECK_FAIL("the secret is still there, %d times, in %s", found, where);
}

static void the_search_finds_a_copy(void) {
  char where[512] = "";
  lay_out(reversed_password);
  CHECK_INT(copies(reversed_password, where), 1);
  check_gone(reversed_password);
}

static void a_password_goes_with_its_client(void) {
  const uint8_t *out;
  size_t out_len;
  char where[512] = "";
  for (size_t i = 0; i < MECHANISMS_LEN; i++) {
    /* Never used, given anew, in the middle of a login, and at its end. */
    for (int steps = 0; steps < 4; steps++) {
      scramtoken_client *client = new_client(MECHANISMS[i]);
      CHECK_OK(scramtoken_client_set_password(client, BYTES("user"), lay_out(reversed_password),
                                              LEN));
      wipe();
      CHECK_INT(copies(reversed_password, where), 1);
      if (steps == 1) CHECK_OK(scramtoken_client_set_password(client, BYTES("user"), BYTES("x")));
      if (steps == 1) check_gone(reversed_password);
      if (steps >= 2) CHECK_OK(scramtoken_client_set_nonce(client, BYTES(VECTOR_CLIENT_NONCE)));
      if (steps >= 2)
        CHECK_STATUS(client_step(client, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
      if (steps >= 3)
        CHECK_STATUS(client_step(client, VECTOR_SERVER_FIRST, &out, &out_len),
                     SCRAMTOKEN_CONTINUE);
      if (steps >= 3) check_gone(reversed_password); /* hashed, so no longer needed */
      scramtoken_client_free(client);
      check_gone(reversed_password);
    }
  }
}

static void an_hmac_goes_with_its_client_and_cache(void) {
  const uint8_t *out;
  size_t out_len;
  scramtoken_key_cache *cache = NULL;
  CHECK_OK(scramtoken_key_cache_new(1, &cache));
  scramtoken_client *client = new_client(SHA_512);
  CHECK_OK(scramtoken_client_set_key_cache(client, cache));
  CHECK_OK(scramtoken_client_set_nonce(client, BYTES(VECTOR_CLIENT_NONCE)));
  CHECK_OK(scramtoken_client_set_token(client, BYTES(TOKEN_ID), lay_out(reversed_hmac), LEN));
  CHECK_STATUS(client_step(client, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
  CHECK_STATUS(client_step(client, VECTOR_SERVER_FIRST, &out, &out_len), SCRAMTOKEN_CONTINUE);
  scramtoken_client_free(client);
  check_gone(reversed_hmac); /* a cache holds keys, and never the secret itself */
  scramtoken_key_cache_free(cache);
}

/* A file whose text is `before`, the secret and `after`; it is gone when a source has read it. */
static void write_secret(char *path, const char *before, const char *reversed, const char *after) {
  strcpy(path, "/tmp/scramtoken-XXXXXX");
  int file = mkstemp(path);
  CHECK(file >= 0);
  CHECK(write(file, before, strlen(before)) == (ssize_t)strlen(before));
  CHECK(write(file, lay_out(reversed), LEN) == LEN);
  CHECK(write(file, after, strlen(after)) == (ssize_t)strlen(after));
  CHECK(close(file) == 0);
  wipe();
}

static void a_secret_goes_with_its_source(void) {
  static const struct {
    const char *before, *reversed, *after;
  } rows[] = {
      {"{\"token_id\": \"id\", \"hmac\": \"", reversed_hmac, "\"}"},
      {"{\"token_id\": \"id\", \"hmac\": \"\\u0041", reversed_hmac, "\\/\"}"},
      {"{\"username\": \"user\", \"password\": \"", reversed_password, "\"}"},
      {"{\"token_id\": \"id\", \"hmac\": \"", reversed_hmac, "\", \"hmac\": 1}"},
      {"{\"token_id\": 1, \"hmac\": \"", reversed_hmac, "\"}"},
      {"sasl.jaas.config=x.ScramLoginModule required username=id tokenauth=true password=\"",
       reversed_hmac, "\";"},
      {"{\"token_id\": \"id\", \"hmac\": \"", reversed_hmac, ""},
  };
  char where[512] = "", path[32], uri[64];
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const bool good = i < 3 || i == 5;
    write_secret(path, rows[i].before, rows[i].reversed, rows[i].after);
    sprintf(uri, "file:%s", path);
    scramtoken_source *source = NULL;
    scramtoken_token *token = NULL;
    const uint8_t *out;
    size_t out_len;
    CHECK_OK(scramtoken_source_open(uri, &source));
    scramtoken_client *client = new_client(SHA_256);
    CHECK_OK(scramtoken_client_set_source(client, source));
    CHECK_INT(client_step(client, NULL, &out, &out_len) == SCRAMTOKEN_CONTINUE, good);
    if (i != 2) CHECK_INT(scramtoken_source_token(source, &token) == SCRAMTOKEN_OK, good);
    if (good) CHECK(copies(rows[i].reversed, where) > 0);
    scramtoken_token_free(token);
    scramtoken_client_free(client);
    scramtoken_source_free(source);
    CHECK(unlink(path) == 0);
    check_gone(rows[i].reversed);
  }
}

static void a_derivation_leaves_nothing(void) {
  uint8_t stored_key[64], server_key[64];
  for (size_t i = 0; i < MECHANISMS_LEN; i++) {
    CHECK_OK(scramtoken_derive(MECHANISMS[i], lay_out(reversed_password), LEN, BYTES("salt"), 4096,
                               stored_key, server_key, key_len(MECHANISMS[i])));
    check_gone(reversed_password);
  }
}

static void a_mock_secret_goes_with_its_config(void) {
  scramtoken_server_config *config = NULL;
  CHECK_OK(scramtoken_server_config_new(&config));
  CHECK_OK(scramtoken_server_config_set_mock_secret(config, lay_out(reversed_password), LEN));
  scramtoken_server *server = new_server(config, SHA_256);
  const uint8_t *out;
  size_t out_len;
  CHECK_STATUS(server_step(server, VECTOR_CLIENT_FIRST, &out, &out_len),
               SCRAMTOKEN_NEED_CREDENTIAL);
  CHECK_OK(scramtoken_server_supply_unknown(server));
  CHECK_STATUS(server_step(server, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
  scramtoken_server_free(server);
  scramtoken_server_config_free(config);
  check_gone(reversed_password);
}

int main(void) {
  RUN(the_search_finds_a_copy);
  RUN(a_password_goes_with_its_client);
  RUN(an_hmac_goes_with_its_client_and_cache);
  RUN(a_secret_goes_with_its_source);
  RUN(a_derivation_leaves_nothing);
  RUN(a_mock_secret_goes_with_its_config);
  return 0;
}
