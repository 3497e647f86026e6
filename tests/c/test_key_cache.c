/* scramtoken_key_cache: what it saves, and that it never mistakes one secret for another. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */

#include <time.h>

#include "exchange.h"

/* Slow enough to tell a hash (some 50 ms) from none (far below 1 ms). */
#define SLOW 50000

static scramtoken_key_cache *new_cache(size_t capacity) {
  scramtoken_key_cache *cache = NULL;
  CHECK_OK(scramtoken_key_cache_new(capacity, &cache));
  CHECK(cache != NULL);
  return cache;
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* How long a client hashes at this challenge; `proof` becomes its answer. */
static double answer(scramtoken_key_cache *cache, const char *mechanism, const char *password,
                     const char *salt, unsigned iterations, char *proof) {
  scramtoken_client *client = password_client(mechanism, VECTOR_USER, password);
  CHECK_OK(scramtoken_client_set_nonce(client, BYTES(VECTOR_CLIENT_NONCE)));
  if (cache != NULL) CHECK_OK(scramtoken_client_set_key_cache(client, cache));
  const uint8_t *out;
  size_t out_len;
  char challenge[256];
  sprintf(challenge, "r=%s,s=%s,i=%u", VECTOR_NONCE, salt, iterations);
  CHECK_STATUS(client_step(client, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
  double before = seconds();
  CHECK_STATUS(client_step(client, challenge, &out, &out_len), SCRAMTOKEN_CONTINUE);
  double took = seconds() - before;
  sprintf(proof, "%.*s", (int)out_len, (const char *)out);
  scramtoken_client_free(client);
  return took;
}

static void needs_room_for_one(void) {
  scramtoken_key_cache *cache = (scramtoken_key_cache *)(uintptr_t)UNTOUCHED;
  CHECK_STATUS(scramtoken_key_cache_new(0, &cache), BAD);
  CHECK_CONTAINS(scramtoken_last_error(), "capacity");
  CHECK((const uint8_t *)cache == UNTOUCHED);
  scramtoken_key_cache_free(new_cache(1));
  scramtoken_key_cache_free(new_cache(SIZE_MAX)); /* a bound, and not yet memory */
  scramtoken_key_cache_free(NULL);
}

static void a_reconnect_costs_no_hashing(void) {
  char without[256], first[256], second[256];
  scramtoken_key_cache *cache = new_cache(1);
  double slow = answer(NULL, SHA_512, "pencil", VECTOR_SALT, SLOW, without);
  double filling = answer(cache, SHA_512, "pencil", VECTOR_SALT, SLOW, first);
  double cached = answer(cache, SHA_512, "pencil", VECTOR_SALT, SLOW, second);
  CHECK(filling > slow / 4);
  CHECK(cached < slow / 20);
  CHECK_TEXT(first, without); /* and gives the same proof */
  CHECK_TEXT(second, without);
  scramtoken_key_cache_free(cache);
}

/* Each of these differs from the first in one thing, and must be hashed on its own. */
static void only_the_same_challenge_and_secret_hit(void) {
  static const struct {
    const char *mechanism, *password, *salt;
    unsigned iterations;
  } rows[] = {{SHA_256, "pencil", VECTOR_SALT, 4096},
              {SHA_256, "pencil2", VECTOR_SALT, 4096},
              {SHA_256, "pencil", "W22ZaJ0SNY7soEsUEjb6gA==", 4096},
              {SHA_256, "pencil", VECTOR_SALT, 4097},
              {SHA_512, "pencil", VECTOR_SALT, 4096}};
  char with[256], without[256];
  scramtoken_key_cache *cache = new_cache(100);
  for (int round = 0; round < 2; round++) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
      answer(cache, rows[i].mechanism, rows[i].password, rows[i].salt, rows[i].iterations, with);
      answer(NULL, rows[i].mechanism, rows[i].password, rows[i].salt, rows[i].iterations, without);
      CHECK_TEXT(with, without);
    }
  }
  scramtoken_key_cache_free(cache);
}

static void a_wrong_password_stays_wrong(void) {
  struct accounts accounts;
  make_accounts(&accounts, SHA_256);
  scramtoken_server_config *config = config_with(&accounts);
  scramtoken_key_cache *cache = new_cache(10);
  static const char *const passwords[] = {VECTOR_PASSWORD, "wrong", VECTOR_PASSWORD, "wrong"};
  for (int i = 0; i < 4; i++) {
    scramtoken_client *client = password_client(SHA_256, VECTOR_USER, passwords[i]);
    CHECK_OK(scramtoken_client_set_key_cache(client, cache));
    bool right = i % 2 == 0;
    CHECK_ENDING(log_in(config, SHA_256, client),
                 right ? SCRAMTOKEN_OK : SCRAMTOKEN_ERR_SERVER_REFUSED,
                 right ? SCRAMTOKEN_OK : SCRAMTOKEN_ERR_INVALID_PROOF);
  }
  scramtoken_key_cache_free(cache);
  scramtoken_server_config_free(config);
}

static void a_full_cache_forgets_what_was_used_longest_ago(void) {
  char proof[256];
  scramtoken_key_cache *cache = new_cache(1);
  double slow = answer(cache, SHA_512, "one", VECTOR_SALT, SLOW, proof);
  answer(cache, SHA_512, "two", VECTOR_SALT, 4096, proof); /* which takes the only place */
  CHECK(answer(cache, SHA_512, "one", VECTOR_SALT, SLOW, proof) > slow / 4);
  CHECK(answer(cache, SHA_512, "one", VECTOR_SALT, SLOW, proof) < slow / 20);
  scramtoken_key_cache_free(cache);
}

static void may_be_freed_while_a_client_lives(void) {
  struct accounts accounts;
  make_accounts(&accounts, SHA_256);
  scramtoken_server_config *config = config_with(&accounts);
  scramtoken_key_cache *cache = new_cache(1);
  scramtoken_client *client = password_client(SHA_256, VECTOR_USER, VECTOR_PASSWORD);
  CHECK_OK(scramtoken_client_set_key_cache(client, cache));
  scramtoken_key_cache_free(cache);
  CHECK_ENDING(log_in(config, SHA_256, client), SCRAMTOKEN_OK, SCRAMTOKEN_OK);
  scramtoken_server_config_free(config);
}

int main(void) {
  RUN(needs_room_for_one);
  RUN(a_reconnect_costs_no_hashing);
  RUN(only_the_same_challenge_and_secret_hit);
  RUN(a_wrong_password_stays_wrong);
  RUN(a_full_cache_forgets_what_was_used_longest_ago);
  RUN(may_be_freed_while_a_client_lives);
  return 0;
}
