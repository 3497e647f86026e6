/* Every object is freed within every callback and every finalizer: the call that is running goes on to
 * its end, and nobody touches what is gone, which valgrind watches. */
#include "exchange.h"

#define ALICE "User:alice"
#define BOB "User:bob"
#define USERS 300 /* more than are read at once */

enum object { STORE, MANAGER, CONFIG, SERVER, SOURCE, CACHE, CLIENT, TOKEN, OBJECTS };

enum callback {
  /* of a login */
  ASK_SOURCE, LOOK_UP, CONFIG_CLOCK, CONFIG_AUDIT,
  /* of a token manager */
  MANAGER_CLOCK, MANAGER_AUDIT, AUTHORIZE, VISIT_TOKEN,
  VISIT_USER, CALLBACKS
};

/* The objects, and when which of them is to be freed. */
static struct {
  scramtoken_store *store;
  scramtoken_token_manager *manager;
  scramtoken_server_config *config;
  scramtoken_server *server;
  scramtoken_source *source;
  scramtoken_key_cache *cache;
  scramtoken_client *client;
  scramtoken_token *token;
  enum callback where;
  bool in_finalizer, is_done;
  enum object victim;
  int userdata_made, userdata_freed;
} world;

/* Frees an object unless that was done before. */
#define FREE(member, function) \
  do { \
    __typeof__(world.member) object = world.member; \
    world.member = NULL; \
    function(object); \
  } while (0)

static void free_object(enum object object) {
  switch (object) {
    case STORE: FREE(store, scramtoken_store_free); break;
    case MANAGER: FREE(manager, scramtoken_token_manager_free); break;
    case CONFIG: FREE(config, scramtoken_server_config_free); break;
    case SERVER: FREE(server, scramtoken_server_free); break;
    case SOURCE: FREE(source, scramtoken_source_free); break;
    case CACHE: FREE(cache, scramtoken_key_cache_free); break;
    case CLIENT: FREE(client, scramtoken_client_free); break;
    default: FREE(token, scramtoken_token_free);
  }
}

/* ---- callbacks ---- */

struct userdata {
  enum callback of;
  int running;
};

static struct userdata *userdata_of(enum callback callback) {
  struct userdata *data = (struct userdata *)malloc(sizeof *data);
  CHECK(data != NULL);
  data->of = callback;
  data->running = 0;
  world.userdata_made++;
  return data;
}

static void free_victim(enum callback callback, bool in_finalizer) {
  if (world.is_done || world.where != callback || world.in_finalizer != in_finalizer) return;
  world.is_done = true;
  free_object(world.victim);
}

static void run_callback(void *userdata) {
  struct userdata *data = (struct userdata *)userdata;
  data->running++;
  free_victim(data->of, false);
  CHECK_INT(data->running--, 1); /* still there */
}

static void finalize(void *userdata) {
  struct userdata *data = (struct userdata *)userdata;
  CHECK_INT(data->running, 0); /* never under its callback */
  free_victim(data->of, true);
  free(data);
  world.userdata_freed++;
}

static scramtoken_status ask_source(void *userdata, scramtoken_source_reply *reply) {
  run_callback(userdata);
  return scramtoken_source_reply_token(reply, BYTES(TOKEN_ID), BYTES(TOKEN_HMAC), -1);
}

static struct accounts accounts;

static scramtoken_status look_up(void *userdata, const char *mechanism, const uint8_t *name,
                                 size_t name_len, int32_t kind, scramtoken_lookup_reply *reply) {
  run_callback(userdata);
  return look_up_accounts(&accounts, mechanism, name, name_len, kind, reply);
}

static int64_t tell_time(void *userdata) {
  run_callback(userdata);
  return INT64_C(1700000000000);
}

static void hear(void *userdata, const scramtoken_audit_event *event) {
  run_callback(userdata);
  CHECK_STATUS(scramtoken_audit_status(event), SCRAMTOKEN_OK);
}

static int32_t authorize(void *userdata, const char *requester, int32_t operation,
                         const char *owner, const char *token_id) {
  run_callback(userdata);
  CHECK_TEXT(requester, ALICE);
  CHECK_TEXT(owner, BOB);
  return (operation == SCRAMTOKEN_OPERATION_CREATE) == (token_id == NULL);
}

struct visitor {
  enum callback of;
  int count;
};

static int32_t visit_token(void *userdata, const scramtoken_token *token) {
  struct visitor *visitor = (struct visitor *)userdata;
  visitor->count++;
  free_victim(visitor->of, false);
  scramtoken_token_free((scramtoken_token *)(uintptr_t)token); /* lent, so that nothing happens */
  CHECK_TEXT(scramtoken_token_owner(token), BOB);
  return 0;
}

static int32_t visit_user(void *userdata, const char *mechanism, const uint8_t *name,
                          size_t name_len, uint32_t iterations) {
  struct visitor *visitor = (struct visitor *)userdata;
  visitor->count++;
  free_victim(visitor->of, false);
  CHECK_TEXT(mechanism, SHA_256);
  CHECK(name_len > 0 && name[0] == 'u');
  CHECK_INT(iterations, 1);
  return 0;
}

/* ---- the calls ---- */

static void set_config_callbacks(void) {
  CHECK_OK(scramtoken_server_config_set_lookup(world.config, look_up, userdata_of(LOOK_UP),
                                               finalize));
  CHECK_OK(scramtoken_server_config_set_clock(world.config, tell_time, userdata_of(CONFIG_CLOCK),
                                              finalize));
  CHECK_OK(
      scramtoken_server_config_set_audit(world.config, hear, userdata_of(CONFIG_AUDIT), finalize));
}

static void make_source(void) {
  CHECK_OK(scramtoken_source_from_callback(ask_source, userdata_of(ASK_SOURCE), finalize,
                                           &world.source));
}

/* Both sides, for as long as both are there. */
static void log_in_as_long_as_both_live(void) {
  const uint8_t *to_client = NULL, *to_server = NULL;
  size_t to_client_len = 0, to_server_len = 0;
  for (;;) {
    scramtoken_status status = scramtoken_client_step(world.client, to_client, to_client_len,
                                                      &to_server, &to_server_len);
    if (world.client == NULL) {
      CHECK_STATUS(status, STATE);
      CHECK_CONTAINS(scramtoken_last_error(), "the client was freed");
      return;
    }
    if (status == SCRAMTOKEN_OK) return;
    CHECK_STATUS(status, SCRAMTOKEN_CONTINUE);
    if (world.server == NULL) return;
    to_client = UNTOUCHED;
    status = scramtoken_server_step(world.server, to_server, to_server_len, &to_client,
                                    &to_client_len);
    if (world.server == NULL) {
      CHECK_STATUS(status, STATE);
      CHECK_CONTAINS(scramtoken_last_error(), "the server was freed");
      CHECK(to_client == UNTOUCHED);
      return;
    }
    CHECK(status == SCRAMTOKEN_CONTINUE || status == SCRAMTOKEN_OK);
    if (world.client == NULL) return;
  }
}

static void log_in_once(void) {
  CHECK_OK(scramtoken_server_config_new(&world.config));
  set_config_callbacks();
  world.server = new_server(world.config, SHA_256);
  make_source();
  CHECK_OK(scramtoken_key_cache_new(2, &world.cache));
  world.client = new_client(SHA_256);
  CHECK_OK(scramtoken_client_set_iteration_limits(world.client, 1, 4096));
  CHECK_OK(scramtoken_client_set_key_cache(world.client, world.cache));
  CHECK_OK(scramtoken_client_set_source(world.client, world.source));
  log_in_as_long_as_both_live();
  if (world.source != NULL) {
    scramtoken_token *token = NULL;
    CHECK_OK(scramtoken_source_token(world.source, &token));
    CHECK_TEXT(scramtoken_token_id(token), TOKEN_ID);
    scramtoken_token_free(token);
  }
}

/* The last user of a callback is a setter that replaces it. */
static void replace_callbacks(void) {
  CHECK_OK(scramtoken_server_config_new(&world.config));
  set_config_callbacks();
  if (world.config != NULL)
    CHECK_OK(scramtoken_server_config_set_lookup(world.config, look_up, userdata_of(LOOK_UP),
                                                 finalize));
  if (world.config != NULL)
    CHECK_OK(scramtoken_server_config_set_clock(world.config, tell_time, userdata_of(CONFIG_CLOCK),
                                                finalize));
  if (world.config != NULL)
    CHECK_OK(scramtoken_server_config_set_audit(world.config, hear, userdata_of(CONFIG_AUDIT),
                                                finalize));
  make_source();
  world.client = new_client(SHA_256);
  CHECK_OK(scramtoken_client_set_source(world.client, world.source));
  free_object(SOURCE);
  CHECK_OK(scramtoken_client_set_password(world.client, BYTES("user"), BYTES("pencil")));
}

static void set_manager_callbacks(void) {
  CHECK_OK(scramtoken_token_manager_set_clock(world.manager, tell_time,
                                              userdata_of(MANAGER_CLOCK), finalize));
  if (world.manager == NULL) return;
  CHECK_OK(scramtoken_token_manager_set_audit(world.manager, hear, userdata_of(MANAGER_AUDIT),
                                              finalize));
  if (world.manager == NULL) return;
  CHECK_OK(scramtoken_token_manager_set_authorizer(world.manager, authorize,
                                                   userdata_of(AUTHORIZE), finalize));
}

static void manage_tokens(void) {
  CHECK_OK(scramtoken_token_manager_new(world.store, &world.manager));
  CHECK_OK(scramtoken_token_manager_set_iterations(world.manager, SHA_512, 0));
  CHECK_OK(scramtoken_token_manager_add_secret_key(world.manager, "first",
                                                   BYTES("a secret key of the tests")));
  set_manager_callbacks();
  for (int i = 0; i < 2 && world.manager != NULL; i++) {
    free_object(TOKEN);
    CHECK_OK(scramtoken_token_create(world.manager, ALICE, SCRAMTOKEN_IDENTITY_USER, BOB, NULL, 0,
                                     -1, &world.token));
    CHECK_INT(strlen(scramtoken_token_hmac(world.token)), 88);
  }
  if (world.manager != NULL) {
    struct visitor visitor = {VISIT_TOKEN, 0};
    CHECK_OK(scramtoken_token_describe(world.manager, ALICE, SCRAMTOKEN_IDENTITY_USER, NULL, 0,
                                       visit_token, &visitor));
    CHECK_INT(visitor.count, 2);
  }
  if (world.manager != NULL && world.token != NULL) {
    const char *hmac = scramtoken_token_hmac(world.token);
    CHECK_OK(scramtoken_token_renew(world.manager, BOB, SCRAMTOKEN_IDENTITY_USER, BYTES(hmac), -1,
                                    NULL));
  }
  if (world.manager != NULL) CHECK_OK(scramtoken_token_sweep(world.manager, NULL));
  if (world.manager != NULL) set_manager_callbacks();
}

static void visit_users(void) {
  struct kept kept;
  keep(&kept, SHA_256, "pencil", 1);
  for (int i = 0; i < USERS; i++) {
    char name[32];
    snprintf(name, sizeof name, "user-%d", i);
    CHECK_OK(scramtoken_store_put_credential(world.store, SHA_256, BYTES(name), &kept.credential));
  }
  struct visitor visitor = {VISIT_USER, 0};
  CHECK_OK(scramtoken_store_visit_users(world.store, visit_user, &visitor));
  CHECK_INT(visitor.count, USERS);
}

/* Makes all there is and runs the calls that the callback belongs to. */
static void free_within(enum callback where, bool in_finalizer, enum object victim) {
  memset(&world, 0, sizeof world);
  world.where = where;
  world.in_finalizer = in_finalizer;
  world.victim = victim;
  CHECK_OK(scramtoken_store_open("memory:", &world.store));
  if (where == VISIT_USER) {
    visit_users();
  } else if (where >= MANAGER_CLOCK) {
    manage_tokens();
  } else if (in_finalizer) {
    replace_callbacks();
  } else {
    log_in_once();
  }
  for (int object = 0; object < OBJECTS; object++) free_object((enum object)object);
  CHECK(world.is_done);
  CHECK_INT(world.userdata_freed, world.userdata_made);
}

static void objects_are_freed_within_callbacks(void) {
  for (int where = 0; where < CALLBACKS; where++)
    for (int victim = 0; victim < OBJECTS; victim++)
      free_within((enum callback)where, false, (enum object)victim);
}

static void objects_are_freed_within_finalizers(void) {
  for (int where = 0; where < VISIT_TOKEN; where++)
    for (int victim = 0; victim < OBJECTS; victim++)
      free_within((enum callback)where, true, (enum object)victim);
}

int main(void) {
  make_accounts(&accounts, SHA_256);
  RUN(objects_are_freed_within_callbacks);
  RUN(objects_are_freed_within_finalizers);
  return 0;
}
