/* libscramtoken, as a program in C uses it; and the other side of every login here. */
#include "worker.h"

#include <stdlib.h>
#include <string.h>

#include <scramtoken.h>

/* Of a server: whom it knows, and how they are looked up. */
struct listener {
  const char *mechanism;
  struct scramtoken_server_config *config;
  struct scramtoken_credential credential;
  bool is_token;
};

/* Of a client: what it logs in with. Its keys are in a cache, if it has one. */
struct account {
  const char *mechanism;
  const char *name, *secret;
  bool is_token;
  struct scramtoken_key_cache *cache;
};

struct server {
  struct scramtoken_server *server;
  const struct listener *listener;
};

static void succeed(scramtoken_status status, const char *what) {
  require(status == SCRAMTOKEN_OK, what);
}

static void give(struct message *out, const uint8_t *bytes, size_t len) {
  require(len <= sizeof out->bytes, "a long message");
  out->len = len;
  if (len > 0) {
    memcpy(out->bytes, bytes, len);
  }
}

static void *begin_server(const void *context) {
  const struct listener *listener = context;
  struct server *login = malloc(sizeof *login);
  require(login != NULL, "no memory");
  login->listener = listener;
  succeed(scramtoken_server_new(listener->config, listener->mechanism, &login->server), "server");
  return login;
}

static void supply(const struct server *login) {
  const struct listener *listener = login->listener;
  const uint8_t *name;
  size_t len;
  int32_t kind;
  succeed(scramtoken_server_identity(login->server, &name, &len, &kind), "identity");
  if (listener->is_token) {
    succeed(scramtoken_server_supply_token(login->server, &listener->credential,
                                           (const uint8_t *)USER, strlen(USER), -1),
            "token");
  } else {
    require(len == strlen(USER) && memcmp(name, USER, len) == 0, "somebody else");
    succeed(scramtoken_server_supply_user(login->server, &listener->credential), "user");
  }
}

static enum outcome step_server(void *context, const struct message *in, struct message *out) {
  struct server *login = context;
  const uint8_t *answer;
  size_t len;
  scramtoken_status status = scramtoken_server_step(login->server, in->bytes, in->len, &answer, &len);
  if (status == SCRAMTOKEN_NEED_CREDENTIAL) {
    supply(login);
    status = scramtoken_server_step(login->server, NULL, 0, &answer, &len);
  }
  give(out, answer, len);
  if (status == SCRAMTOKEN_CONTINUE) {
    return GOES_ON;
  }
  struct scramtoken_verdict verdict;
  succeed(scramtoken_server_verdict(login->server, &verdict), "verdict");
  bool let_in = status == SCRAMTOKEN_OK && verdict.outcome == SCRAMTOKEN_AUTHENTICATED &&
                verdict.name_len == strlen(USER) && memcmp(verdict.name, USER, strlen(USER)) == 0;
  return let_in ? AUTHENTICATED : REFUSED;
}

static void end_server(void *context) {
  struct server *login = context;
  scramtoken_server_free(login->server);
  free(login);
}

static void *begin_client(const void *context) {
  const struct account *account = context;
  struct scramtoken_client *client;
  succeed(scramtoken_client_new(account->mechanism, &client), "client");
  const uint8_t *name = (const uint8_t *)account->name, *secret = (const uint8_t *)account->secret;
  size_t name_len = strlen(account->name), secret_len = strlen(account->secret);
  succeed(account->is_token
              ? scramtoken_client_set_token(client, name, name_len, secret, secret_len)
              : scramtoken_client_set_password(client, name, name_len, secret, secret_len),
          "credential");
  if (account->cache != NULL) {
    succeed(scramtoken_client_set_key_cache(client, account->cache), "cache");
  }
  return client;
}

static enum outcome step_client(void *client, const struct message *in, struct message *out) {
  const uint8_t *answer;
  size_t len;
  scramtoken_status status =
      scramtoken_client_step(client, in->len > 0 ? in->bytes : NULL, in->len, &answer, &len);
  give(out, answer, len);
  switch (status) {
  case SCRAMTOKEN_CONTINUE:
    return GOES_ON;
  case SCRAMTOKEN_OK:
    return AUTHENTICATED;
  default:
    return REFUSED;
  }
}

static void end_client(void *client) { scramtoken_client_free(client); }

static scramtoken_status look_up(void *userdata, const char *mechanism, const uint8_t *name,
                                 size_t len, int32_t kind, struct scramtoken_lookup_reply *reply) {
  const struct listener *listener = userdata;
  (void)mechanism;
  (void)kind;
  if (listener->is_token) {
    return scramtoken_lookup_reply_token(reply, &listener->credential, (const uint8_t *)USER,
                                         strlen(USER), -1);
  }
  if (len != strlen(USER) || memcmp(name, USER, len) != 0) {
    return scramtoken_lookup_reply_unknown(reply);
  }
  return scramtoken_lookup_reply_user(reply, &listener->credential);
}

static struct peer listener(const struct keys *keys, const uint8_t *stored_key,
                            const uint8_t *server_key, bool calls_back, bool is_token) {
  struct listener *listener = calloc(1, sizeof *listener);
  require(listener != NULL, "no memory");
  listener->mechanism = keys->mechanism;
  listener->is_token = is_token;
  listener->credential = (struct scramtoken_credential){
      .salt = (const uint8_t *)SALT,
      .salt_len = strlen(SALT),
      .stored_key = stored_key,
      .stored_key_len = keys->len,
      .server_key = server_key,
      .server_key_len = keys->len,
      .iterations = ITERATIONS,
  };
  succeed(scramtoken_server_config_new(&listener->config), "config");
  if (calls_back) {
    succeed(scramtoken_server_config_set_lookup(listener->config, look_up, listener, NULL),
            "lookup");
  }
  return (struct peer){begin_server, step_server, end_server, listener};
}

static struct peer client(const struct keys *keys, const char *name, const char *secret,
                          bool is_token, bool is_warm) {
  struct account account = {keys->mechanism, name, secret, is_token, NULL};
  if (is_warm) {
    succeed(scramtoken_key_cache_new(4, &account.cache), "cache");
  }
  return (struct peer){begin_client, step_client, end_client, copied(&account, sizeof account)};
}

struct peer other_client(const struct keys *keys, bool is_token, bool knows_password) {
  const char *name = is_token ? TOKEN_ID : USER;
  return client(keys, name, knows_password ? PASSWORD : WRONG, is_token, true);
}

struct peer other_server(const struct keys *keys, bool has_keys) {
  /* With the server's key exchanged for the client's, it lets the client in and cannot answer. */
  const uint8_t *server_key = has_keys ? keys->server_key : keys->stored_key;
  return listener(keys, keys->stored_key, server_key, false, false);
}

static void hash(const void *context) {
  const struct keys *keys = context;
  uint8_t stored_key[64], server_key[64];
  succeed(scramtoken_derive(keys->mechanism, (const uint8_t *)PASSWORD, strlen(PASSWORD),
                            (const uint8_t *)SALT, strlen(SALT), ITERATIONS, stored_key, server_key,
                            keys->len),
          "derive");
  require(memcmp(stored_key, keys->stored_key, keys->len) == 0, "another hash");
}

void add_scramtoken(const struct keys *keys) {
  struct subject subject = {"server", "scramtoken, C", keys->mechanism, scramtoken_version()};
  add_server(subject, listener(keys, keys->stored_key, keys->server_key, false, false));
  subject.name = "scramtoken, C, callback";
  add_server(subject, listener(keys, keys->stored_key, keys->server_key, true, false));
  subject = (struct subject){"server, token", "scramtoken, C", keys->mechanism, subject.version};
  add_token_server(subject, listener(keys, keys->stored_key, keys->server_key, false, true));

  subject = (struct subject){"client, cold", "scramtoken, C", keys->mechanism, subject.version};
  add_client(subject, client(keys, USER, PASSWORD, false, false));
  subject.benchmark = "client, warm";
  add_client(subject, client(keys, USER, PASSWORD, false, true));
  subject.benchmark = "hashing";
  hash(keys);
  add_work(subject, hash, keys);
}
