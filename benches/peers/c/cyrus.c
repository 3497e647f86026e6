/* Cyrus SASL. Servers find the keys (RFC 5803) by an auxiliary property plugin, which here has them in
 * memory; a client hashes at each login, for it has no cache. */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sasl/sasl.h>
#include <sasl/saslplug.h>

/* Callbacks of every type are kept as one. */
#define PROC(callback) ((int (*)(void))(void (*)(void))(callback))

/* Of both mechanisms, as a directory would have them. */
static char *auth_passwords[3];

struct login {
  sasl_conn_t *connection;
  const char *mechanism;
  bool has_begun;
  sasl_callback_t callbacks[4];
};

static int option(void *context, const char *plugin, const char *name, const char **value,
                  unsigned *len) {
  (void)context;
  (void)plugin;
  if (strcmp(name, "auxprop_plugin") == 0) {
    *value = "memory";
  } else if (strcmp(name, "log_level") == 0) {
    *value = "0";
  } else {
    return SASL_FAIL;
  }
  if (len != NULL) {
    *len = (unsigned)strlen(*value);
  }
  return SASL_OK;
}

static int plugins(void *context, const char **path) {
  (void)context;
  *path = SASL_PLUGINS;
  return SASL_OK;
}

static int no_log(void *context, int level, const char *message) {
  (void)context;
  (void)level;
  (void)message;
  return SASL_OK;
}

static int simple(void *context, int id, const char **result, unsigned *len) {
  (void)context;
  (void)id;
  *result = USER;
  if (len != NULL) {
    *len = (unsigned)strlen(USER);
  }
  return SASL_OK;
}

static int secret(sasl_conn_t *connection, void *context, int id, sasl_secret_t **result) {
  static sasl_secret_t *secret;
  (void)connection;
  (void)context;
  (void)id;
  if (secret == NULL) {
    secret = calloc(1, sizeof *secret + strlen(PASSWORD));
    require(secret != NULL, "no memory");
    secret->len = strlen(PASSWORD);
    memcpy(secret->data, PASSWORD, strlen(PASSWORD));
  }
  *result = secret;
  return SASL_OK;
}

/* Fills in the one property that the mechanism asks for and we have. */
static int look_up(void *context, sasl_server_params_t *params, unsigned flags, const char *user,
                   unsigned len) {
  (void)context;
  if (len != strlen(USER) || memcmp(user, USER, len) != 0) {
    return SASL_NOUSER;
  }
  const struct propval *wanted = params->utils->prop_get(params->propctx);
  for (; wanted != NULL && wanted->name != NULL; wanted++) {
    const char *name = wanted->name;
    bool is_authid = name[0] == '*';
    if (is_authid == ((flags & SASL_AUXPROP_AUTHZID) != 0)) {
      continue;
    }
    if (strcmp(name + is_authid, "authPassword") == 0 && wanted->values == NULL) {
      for (char **value = auth_passwords; *value != NULL; value++) {
        params->utils->prop_set(params->propctx, value == auth_passwords ? name : NULL, *value, -1);
      }
    }
  }
  return SASL_OK;
}

static int init_plugin(const sasl_utils_t *utils, int max_version, int *out_version,
                       sasl_auxprop_plug_t **plug, const char *name) {
  static char memory[] = "memory";
  static sasl_auxprop_plug_t plugin = {0, 0, NULL, NULL, look_up, memory, NULL};
  (void)utils;
  (void)max_version;
  (void)name;
  *out_version = SASL_AUXPROP_PLUG_VERSION;
  *plug = &plugin;
  return SASL_OK;
}

static sasl_callback_t for_all[] = {
    {SASL_CB_GETOPT, PROC(option), NULL},
    {SASL_CB_GETPATH, PROC(plugins), NULL},
    {SASL_CB_LOG, PROC(no_log), NULL},
    {SASL_CB_LIST_END, NULL, NULL},
};
static sasl_callback_t for_clients[] = {
    {SASL_CB_USER, PROC(simple), NULL},
    {SASL_CB_AUTHNAME, PROC(simple), NULL},
    {SASL_CB_PASS, PROC(secret), NULL},
    {SASL_CB_LIST_END, NULL, NULL},
};

static struct login *login(const char *mechanism) {
  struct login *login = calloc(1, sizeof *login);
  require(login != NULL, "no memory");
  login->mechanism = mechanism;
  return login;
}

static void *begin_server(const void *mechanism) {
  struct login *made = login(mechanism);
  require(sasl_server_new("kafka", "localhost", NULL, NULL, NULL, NULL, SASL_SUCCESS_DATA,
                          &made->connection) == SASL_OK,
          "Cyrus begins no server");
  return made;
}

static void *begin_client(const void *mechanism) {
  struct login *made = login(mechanism);
  require(sasl_client_new("kafka", "localhost", NULL, NULL, for_clients, SASL_SUCCESS_DATA,
                          &made->connection) == SASL_OK,
          "Cyrus begins no client");
  return made;
}

static enum outcome outcome(int status, struct message *out, const char *bytes, unsigned len) {
  if (status != SASL_OK && status != SASL_CONTINUE) {
    return REFUSED;
  }
  require(len <= sizeof out->bytes, "a long message");
  out->len = len;
  if (len > 0) {
    memcpy(out->bytes, bytes, len);
  }
  return status == SASL_CONTINUE ? GOES_ON : AUTHENTICATED;
}

static enum outcome step_server(void *context, const struct message *in, struct message *out) {
  struct login *login = context;
  const char *bytes = NULL, *message = (const char *)in->bytes;
  unsigned len = 0, in_len = (unsigned)in->len;
  int status = login->has_begun
                   ? sasl_server_step(login->connection, message, in_len, &bytes, &len)
                   : sasl_server_start(login->connection, login->mechanism, message, in_len, &bytes,
                                       &len);
  login->has_begun = true;
  enum outcome result = outcome(status, out, bytes, len);
  if (result != AUTHENTICATED) {
    return result;
  }
  const void *name = NULL;
  sasl_getprop(login->connection, SASL_USERNAME, &name);
  return name != NULL && strcmp(name, USER) == 0 ? AUTHENTICATED : REFUSED;
}

static enum outcome step_client(void *context, const struct message *in, struct message *out) {
  struct login *login = context;
  const char *bytes = NULL, *chosen;
  unsigned len = 0;
  if (!login->has_begun) {
    login->has_begun = true;
    int status = sasl_client_start(login->connection, login->mechanism, NULL, &bytes, &len, &chosen);
    return outcome(status, out, bytes, len);
  }
  int status = sasl_client_step(login->connection, (const char *)in->bytes, (unsigned)in->len, NULL,
                                &bytes, &len);
  return outcome(status, out, bytes, len);
}

static void end(void *context) {
  struct login *login = context;
  sasl_dispose(&login->connection);
  free(login);
}

/* SCRAM-SHA-256$4096:salt$StoredKey:ServerKey */
static char *auth_password(const struct keys *keys) {
  char text[512];
  char *salt = base64((const uint8_t *)SALT, strlen(SALT));
  char *stored_key = base64(keys->stored_key, keys->len);
  char *server_key = base64(keys->server_key, keys->len);
  snprintf(text, sizeof text, "%s$%d:%s$%s:%s", keys->mechanism, ITERATIONS, salt, stored_key,
           server_key);
  free(salt);
  free(stored_key);
  free(server_key);
  return copied(text, strlen(text) + 1);
}

static const char *version(void) {
  static char text[32];
  const char *implementation;
  int number;
  sasl_version(&implementation, &number);
  snprintf(text, sizeof text, "%d.%d.%d", number >> 24, (number >> 16) & 0xff, number & 0xffff);
  return text;
}

void add_cyrus(const struct keys *keys) {
  if (auth_passwords[0] == NULL) {
    require(sasl_auxprop_add_plugin("memory", init_plugin) == SASL_OK, "Cyrus's plugin");
    require(sasl_server_init(for_all, "scramtoken-peers") == SASL_OK, "Cyrus's servers");
    require(sasl_client_init(for_all) == SASL_OK, "Cyrus's clients");
  }
  auth_passwords[keys->len == 32 ? 0 : 1] = auth_password(keys);
  struct subject subject = {"server", "Cyrus SASL", keys->mechanism, version()};
  add_server(subject, (struct peer){begin_server, step_server, end, keys->mechanism});
  subject.benchmark = "client, cold";
  add_client(subject, (struct peer){begin_client, step_client, end, keys->mechanism});
}
