/*
 * usage: operations OPERATION
 *
 * Does one operation of the library 100 times under callgrind, after ten that do not count. What the other
 * side does, and what prepares it, does not count either. Nonces are chosen, so that every run is like
 * the others.
 */
#include <valgrind/callgrind.h>

#include "../c/exchange.h"

enum { WARM_UP = 10, TIMES = 100 };

static bool counts;

#define COUNT(statement) \
  do { \
    if (counts) CALLGRIND_TOGGLE_COLLECT; \
    statement; \
    if (counts) CALLGRIND_TOGGLE_COLLECT; \
  } while (0)

/* A client's two messages and, between them, a server's challenge. */
struct transcript {
  uint8_t first[256], challenge[256], last[512];
  size_t first_len, challenge_len, last_len;
};

static void copy(uint8_t *to, size_t *to_len, const uint8_t *out, size_t out_len) {
  memcpy(to, out, out_len);
  *to_len = out_len;
}

/* A login of the server; `client` writes the transcript as far as it is missing. */
static void serve(const scramtoken_server_config *config, const char *mechanism,
                  const struct accounts *supplied, scramtoken_client *client,
                  struct transcript *transcript) {
  const uint8_t *out;
  size_t out_len;
  scramtoken_server *server = NULL;
  if (client != NULL) {
    CHECK_OK(scramtoken_client_set_nonce(client, BYTES(VECTOR_CLIENT_NONCE)));
    CHECK_STATUS(client_step(client, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
    copy(transcript->first, &transcript->first_len, out, out_len);
  }
  COUNT(scramtoken_server_new(config, mechanism, &server));
  CHECK_OK(scramtoken_server_set_nonce(server, BYTES(VECTOR_SERVER_NONCE)));
  scramtoken_status status;
  COUNT(status = scramtoken_server_step(server, transcript->first, transcript->first_len, &out,
                                        &out_len));
  if (status == SCRAMTOKEN_NEED_CREDENTIAL) {
    const uint8_t *name;
    size_t name_len;
    int32_t kind;
    COUNT(status = scramtoken_server_identity(server, &name, &name_len, &kind));
    CHECK_OK(status);
    COUNT(status = scramtoken_server_supply_user(server, &supplied->user.credential));
    CHECK_OK(status);
    COUNT(status = scramtoken_server_step(server, NULL, 0, &out, &out_len));
  }
  CHECK_STATUS(status, SCRAMTOKEN_CONTINUE);
  if (client != NULL) {
    copy(transcript->challenge, &transcript->challenge_len, out, out_len);
    CHECK_STATUS(scramtoken_client_step(client, transcript->challenge, transcript->challenge_len,
                                        &out, &out_len),
                 SCRAMTOKEN_CONTINUE);
    copy(transcript->last, &transcript->last_len, out, out_len);
  }
  COUNT(status = scramtoken_server_step(server, transcript->last, transcript->last_len, &out,
                                        &out_len));
  scramtoken_verdict verdict;
  COUNT(CHECK_OK(scramtoken_server_verdict(server, &verdict)));
  CHECK((status == SCRAMTOKEN_OK) == (verdict.outcome == SCRAMTOKEN_AUTHENTICATED));
  COUNT(scramtoken_server_free(server));
}

/* Logins of which the client's part is computed once. */
static void serve_often(scramtoken_server_config *config, const char *mechanism,
                        const struct accounts *supplied, scramtoken_client *client) {
  struct transcript transcript;
  serve(config, mechanism, supplied, client, &transcript);
  scramtoken_client_free(client);
  for (int number = 0; number < WARM_UP + TIMES; number++) {
    counts = number >= WARM_UP;
    serve(config, mechanism, supplied, NULL, &transcript);
  }
  counts = false;
  scramtoken_server_config_free(config);
}

static void with_supply(const char *mechanism) {
  struct accounts accounts;
  make_accounts(&accounts, mechanism);
  scramtoken_server_config *config = NULL;
  CHECK_OK(scramtoken_server_config_new(&config));
  CHECK_OK(scramtoken_server_config_set_mock_secret(config, BYTES("a secret of this test alone")));
  serve_often(config, mechanism, &accounts,
              password_client(mechanism, VECTOR_USER, VECTOR_PASSWORD));
}

static void with_callback(const char *mechanism, scramtoken_client *client) {
  struct accounts accounts;
  make_accounts(&accounts, mechanism);
  scramtoken_server_config *config = config_with(&accounts);
  CHECK_OK(scramtoken_server_config_set_mock_secret(config, BYTES("a secret of this test alone")));
  serve_often(config, mechanism, NULL, client);
}

static void with_store(const char *mechanism, const char *uri) {
  scramtoken_store *store = NULL;
  CHECK_OK(scramtoken_store_open(uri, &store));
  struct kept kept;
  keep(&kept, mechanism, VECTOR_PASSWORD, VECTOR_ITERATIONS);
  CHECK_OK(scramtoken_store_put_credential(store, mechanism, BYTES(VECTOR_USER), &kept.credential));
  scramtoken_server_config *config = NULL;
  CHECK_OK(scramtoken_server_config_new(&config));
  CHECK_OK(scramtoken_server_config_set_store(config, store));
  CHECK_OK(scramtoken_server_config_set_mock_secret(config, BYTES("a secret of this test alone")));
  serve_often(config, mechanism, NULL,
              password_client(mechanism, VECTOR_USER, VECTOR_PASSWORD));
  scramtoken_store_free(store);
}

/* A client that has its keys in a cache, at the known answers' challenge. */
static void warm_client(const char *mechanism, const char *server_final) {
  scramtoken_key_cache *cache = NULL;
  CHECK_OK(scramtoken_key_cache_new(4, &cache));
  for (int number = 0; number < WARM_UP + TIMES; number++) {
    counts = number >= WARM_UP;
    const uint8_t *out;
    size_t out_len;
    scramtoken_status status;
    scramtoken_client *client = NULL;
    COUNT(scramtoken_client_new(mechanism, &client));
    COUNT(scramtoken_client_set_password(client, BYTES(VECTOR_USER), BYTES(VECTOR_PASSWORD)));
    COUNT(scramtoken_client_set_key_cache(client, cache));
    CHECK_OK(scramtoken_client_set_nonce(client, BYTES(VECTOR_CLIENT_NONCE)));
    COUNT(status = scramtoken_client_step(client, NULL, 0, &out, &out_len));
    CHECK_STATUS(status, SCRAMTOKEN_CONTINUE);
    COUNT(status = scramtoken_client_step(client, BYTES(VECTOR_SERVER_FIRST), &out, &out_len));
    CHECK_STATUS(status, SCRAMTOKEN_CONTINUE);
    COUNT(status = scramtoken_client_step(client, BYTES(server_final), &out, &out_len));
    CHECK_OK(status);
    COUNT(scramtoken_client_free(client));
  }
  counts = false;
  scramtoken_key_cache_free(cache);
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  const char *operation = argv[1], *directory = argv[2];
  char lmdb[512];
  snprintf(lmdb, sizeof lmdb, "lmdb:%s/store", directory);
  if (strcmp(operation, "server, supply, SCRAM-SHA-256") == 0) {
    with_supply(SHA_256);
  } else if (strcmp(operation, "server, supply, SCRAM-SHA-512") == 0) {
    with_supply(SHA_512);
  } else if (strcmp(operation, "server, callback, user") == 0) {
    with_callback(SHA_256, password_client(SHA_256, VECTOR_USER, VECTOR_PASSWORD));
  } else if (strcmp(operation, "server, callback, token") == 0) {
    with_callback(SHA_256, token_client(SHA_256, TOKEN_ID, TOKEN_HMAC));
  } else if (strcmp(operation, "server, callback, stranger") == 0) {
    with_callback(SHA_256, password_client(SHA_256, "stranger", VECTOR_PASSWORD));
  } else if (strcmp(operation, "server, store in memory") == 0) {
    with_store(SHA_256, "memory:");
  } else if (strcmp(operation, "server, store in LMDB") == 0) {
    with_store(SHA_256, lmdb);
  } else if (strcmp(operation, "client, warm, SCRAM-SHA-256") == 0) {
    warm_client(SHA_256, "v=" SHA_256_SIGNATURE);
  } else if (strcmp(operation, "client, warm, SCRAM-SHA-512") == 0) {
    warm_client(SHA_512, "v=" SHA_512_SIGNATURE);
  } else {
    CHECK_FAIL("no operation: %s", operation);
  }
  return 0;
}
