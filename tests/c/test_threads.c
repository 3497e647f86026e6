/* Many threads on one config, a cancel from outside, secret keys that rotate amid creations, and whose
 * last error it is. */
#define _POSIX_C_SOURCE 200809L /* pthread_barrier_t, nanosleep */

#include <pthread.h>
#include <time.h>

#include "exchange.h"

enum { THREADS = 16, ROUNDS = 30 };

struct crowd {
  struct accounts accounts;
  scramtoken_server_config *config;
  scramtoken_key_cache *cache;
  pthread_barrier_t all_begun, config_freed;
  int finalized, events; /* atomic */
};

static scramtoken_status look_up_crowd(void *userdata, const char *mechanism, const uint8_t *name,
                                       size_t name_len, int32_t kind,
                                       scramtoken_lookup_reply *reply) {
  return look_up_accounts(&((struct crowd *)userdata)->accounts, mechanism, name, name_len, kind,
                          reply);
}
static void count_event(void *userdata, const scramtoken_audit_event *event) {
  CHECK_TEXT(scramtoken_audit_operation(event), "login");
  __atomic_add_fetch(&((struct crowd *)userdata)->events, 1, __ATOMIC_RELAXED);
}
static void count_finalized(void *userdata) {
  __atomic_add_fetch(&((struct crowd *)userdata)->finalized, 1, __ATOMIC_RELAXED);
}

/* A user, a token and a wrong password in turn. */
static void log_in_as(struct crowd *crowd, scramtoken_server *server, int who) {
  bool is_token = who % 3 == 0, right = who % 3 != 1;
  scramtoken_client *client =
      is_token ? token_client(SHA_512, TOKEN_ID, TOKEN_HMAC)
               : password_client(SHA_512, VECTOR_USER, right ? VECTOR_PASSWORD : "wrong");
  CHECK_OK(scramtoken_client_set_key_cache(client, crowd->cache));
  CHECK_ENDING(exchange(client, server), right ? SCRAMTOKEN_OK : SCRAMTOKEN_ERR_SERVER_REFUSED,
               right ? SCRAMTOKEN_OK : SCRAMTOKEN_ERR_INVALID_PROOF);
  scramtoken_client_free(client);
  scramtoken_server_free(server);
}

static void *one_of_the_crowd(void *argument) {
  struct crowd *crowd = (struct crowd *)argument;
  for (int i = 0; i < ROUNDS; i++) log_in_as(crowd, new_server(crowd->config, SHA_512), i);
  scramtoken_server *last = new_server(crowd->config, SHA_512);
  pthread_barrier_wait(&crowd->all_begun);
  pthread_barrier_wait(&crowd->config_freed);
  log_in_as(crowd, last, 0);
  return NULL;
}

static void many_threads_share_one_config(void) {
  static struct crowd crowd;
  make_accounts(&crowd.accounts, SHA_512);
  CHECK_OK(scramtoken_key_cache_new(4, &crowd.cache));
  CHECK_OK(scramtoken_server_config_new(&crowd.config));
  CHECK_OK(scramtoken_server_config_set_lookup(crowd.config, look_up_crowd, &crowd,
                                               count_finalized));
  CHECK_OK(scramtoken_server_config_set_audit(crowd.config, count_event, &crowd, NULL));
  CHECK_INT(pthread_barrier_init(&crowd.all_begun, NULL, THREADS + 1), 0);
  CHECK_INT(pthread_barrier_init(&crowd.config_freed, NULL, THREADS + 1), 0);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    CHECK_INT(pthread_create(&threads[i], NULL, one_of_the_crowd, &crowd), 0);
  pthread_barrier_wait(&crowd.all_begun);
  scramtoken_server_config_free(crowd.config); /* each thread has a login of it left */
  CHECK_INT(crowd.finalized, 0);
  pthread_barrier_wait(&crowd.config_freed);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK_INT(crowd.finalized, 1);
  CHECK_INT(crowd.events, THREADS * (ROUNDS + 1));
  scramtoken_key_cache_free(crowd.cache);
  pthread_barrier_destroy(&crowd.all_begun);
  pthread_barrier_destroy(&crowd.config_freed);
}

struct hashing {
  scramtoken_client *client;
  scramtoken_status status;
  int begun; /* atomic */
};

static void *hash(void *argument) {
  struct hashing *hashing = (struct hashing *)argument;
  const uint8_t *out = UNTOUCHED;
  size_t out_len = UNTOUCHED_LEN;
  __atomic_store_n(&hashing->begun, 1, __ATOMIC_RELEASE);
  hashing->status = client_step(
      hashing->client, "r=" VECTOR_NONCE ",s=" VECTOR_SALT ",i=4000000000", &out, &out_len);
  CHECK(out == UNTOUCHED && out_len == UNTOUCHED_LEN);
  return NULL;
}

static void pause_ms(long ms) {
  struct timespec time;
  time.tv_sec = 0;
  time.tv_nsec = ms * 1000000;
  nanosleep(&time, NULL);
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The hash would take half an hour, with a key cache or without one. */
static void another_thread_cancels_a_hash(void) {
  for (int cached = 0; cached < 2; cached++) {
    struct hashing hashing = {password_client(SHA_512, VECTOR_USER, VECTOR_PASSWORD), 77, 0};
    scramtoken_key_cache *cache = NULL;
    const uint8_t *out;
    size_t out_len;
    pthread_t thread;
    CHECK_OK(scramtoken_key_cache_new(1, &cache));
    if (cached) CHECK_OK(scramtoken_client_set_key_cache(hashing.client, cache));
    CHECK_OK(scramtoken_client_set_nonce(hashing.client, BYTES(VECTOR_CLIENT_NONCE)));
    CHECK_OK(scramtoken_client_set_iteration_limits(hashing.client, 1, UINT32_MAX));
    CHECK_STATUS(client_step(hashing.client, NULL, &out, &out_len), SCRAMTOKEN_CONTINUE);
    CHECK_INT(pthread_create(&thread, NULL, hash, &hashing), 0);
    while (__atomic_load_n(&hashing.begun, __ATOMIC_ACQUIRE) == 0) pause_ms(1);
    pause_ms(50);
    double before = seconds();
    scramtoken_client_cancel(hashing.client);
    pthread_join(thread, NULL);
    CHECK(seconds() - before < 2);
    CHECK_STATUS(hashing.status, SCRAMTOKEN_ERR_CANCELLED);
    CHECK_STATUS(client_step(hashing.client, VECTOR_SERVER_FIRST, &out, &out_len), STATE);
    scramtoken_client_free(hashing.client);
    scramtoken_key_cache_free(cache);
  }
}

struct creator {
  const scramtoken_token_manager *manager;
  int is_done; /* atomic */
};

static void *create_tokens(void *argument) {
  struct creator *creator = (struct creator *)argument;
  for (int i = 0; i < 20; i++) {
    scramtoken_token *token = NULL;
    CHECK_OK(scramtoken_token_create(creator->manager, "User:alice", SCRAMTOKEN_IDENTITY_USER, NULL,
                                     NULL, 0, -1, &token));
    CHECK_INT(strlen(scramtoken_token_hmac(token)), 88);
    scramtoken_token_free(token);
  }
  __atomic_store_n(&creator->is_done, 1, __ATOMIC_RELEASE);
  return NULL;
}

static void add_key(scramtoken_token_manager *manager, char *name, int number) {
  char secret[32];
  sprintf(name, "key-%d", number);
  sprintf(secret, "a secret key, number %d", number);
  CHECK_OK(scramtoken_token_manager_add_secret_key(manager, name, BYTES(secret)));
}

static void secret_keys_rotate_amid_creations(void) {
  scramtoken_store *store = NULL;
  scramtoken_token_manager *manager = NULL;
  CHECK_OK(scramtoken_store_open("memory:", &store));
  CHECK_OK(scramtoken_token_manager_new(store, &manager));
  CHECK_OK(scramtoken_token_manager_set_iterations(manager, SHA_512, 0));
  char old[16], fresh[16];
  add_key(manager, old, 0);
  struct creator creators[2] = {{manager, 0}, {manager, 0}};
  pthread_t threads[2];
  for (int i = 0; i < 2; i++)
    CHECK_INT(pthread_create(&threads[i], NULL, create_tokens, &creators[i]), 0);
  for (int i = 0; i < 2; i++) {
    for (int number = 1 + 1000 * i; __atomic_load_n(&creators[i].is_done, __ATOMIC_ACQUIRE) == 0;
         number++) {
      add_key(manager, fresh, number);
      CHECK_OK(scramtoken_token_manager_set_signing_key(manager, fresh));
      CHECK_OK(scramtoken_token_manager_remove_secret_key(manager, old, NULL));
      strcpy(old, fresh);
    }
  }
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  scramtoken_token_manager_free(manager);
  scramtoken_store_free(store);
}

static void *fail_elsewhere(void *unused) {
  (void)unused;
  CHECK_TEXT(scramtoken_last_error(), ""); /* nothing has failed on this thread */
  CHECK_STATUS(scramtoken_server_config_new(NULL), BAD);
  CHECK(scramtoken_last_error()[0] != '\0');
  return NULL;
}

static void each_thread_has_a_last_error_of_its_own(void) {
  scramtoken_client *client = NULL;
  CHECK_STATUS(scramtoken_client_new("PLAIN", &client), SCRAMTOKEN_ERR_UNSUPPORTED_MECHANISM);
  const char *error = scramtoken_last_error();
  CHECK_CONTAINS(error, "mechanism");
  pthread_t thread;
  CHECK_INT(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
  pthread_join(thread, NULL);
  CHECK_CONTAINS(error, "mechanism"); /* valid until this thread's next failing call */
  CHECK(scramtoken_last_error() == error);
  client = new_client(SHA_256);
  CHECK_TEXT(scramtoken_client_error(client), "");
  CHECK(scramtoken_last_error() == error);
  scramtoken_client_free(client);
}

int main(void) {
  RUN(many_threads_share_one_config);
  RUN(another_thread_cancels_a_hash);
  RUN(secret_keys_rotate_amid_creations);
  RUN(each_thread_has_a_last_error_of_its_own);
  return 0;
}
