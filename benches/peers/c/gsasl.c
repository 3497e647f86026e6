/* GNU SASL. It has SCRAM by SHA-256 and none by SHA-512. From a callback a server gets its keys as base64,
 * and a client that is warm its salted password as hexadecimal: there is no other way. */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gsasl.h>

/* What the callback knows, as text. */
struct known {
  const char *mechanism;
  Gsasl *gsasl;
  char *salt, *stored_key, *server_key, salted[129];
  bool is_server, is_warm;
};

static void hex(const uint8_t *bytes, size_t len, char *text) {
  for (size_t i = 0; i < len; i++) {
    sprintf(text + 2 * i, "%02x", bytes[i]);
  }
}

static int answer(Gsasl *gsasl, Gsasl_session *session, Gsasl_property property) {
  const struct known *known = gsasl_callback_hook_get(gsasl);
  switch (property) {
  case GSASL_AUTHID:
    return gsasl_property_set(session, GSASL_AUTHID, USER);
  case GSASL_PASSWORD:
    if (known->is_server || known->is_warm) {
      return GSASL_NO_CALLBACK;
    }
    return gsasl_property_set(session, GSASL_PASSWORD, PASSWORD);
  case GSASL_SCRAM_SALTED_PASSWORD:
    if (!known->is_warm) {
      return GSASL_NO_CALLBACK;
    }
    return gsasl_property_set(session, GSASL_SCRAM_SALTED_PASSWORD, known->salted);
  case GSASL_SCRAM_ITER:
    return gsasl_property_set(session, GSASL_SCRAM_ITER, "4096");
  case GSASL_SCRAM_SALT:
    return gsasl_property_set(session, GSASL_SCRAM_SALT, known->salt);
  case GSASL_SCRAM_STOREDKEY:
    return gsasl_property_set(session, GSASL_SCRAM_STOREDKEY, known->stored_key);
  case GSASL_SCRAM_SERVERKEY:
    return gsasl_property_set(session, GSASL_SCRAM_SERVERKEY, known->server_key);
  default:
    return GSASL_NO_CALLBACK;
  }
}

static void *begin(const void *context) {
  const struct known *known = context;
  Gsasl_session *session;
  int status = known->is_server ? gsasl_server_start(known->gsasl, known->mechanism, &session)
                                : gsasl_client_start(known->gsasl, known->mechanism, &session);
  require(status == GSASL_OK, "gsasl begins no login");
  return session;
}

static enum outcome step(void *session, const struct message *in, struct message *out) {
  char *bytes = NULL;
  size_t len = 0;
  int status = gsasl_step(session, (const char *)in->bytes, in->len, &bytes, &len);
  if (status != GSASL_OK && status != GSASL_NEEDS_MORE) {
    return REFUSED;
  }
  require(len <= sizeof out->bytes, "a long message");
  out->len = len;
  if (len > 0) {
    memcpy(out->bytes, bytes, len);
  }
  gsasl_free(bytes);
  if (status == GSASL_NEEDS_MORE) {
    return GOES_ON;
  }
  const char *name = gsasl_property_fast(session, GSASL_AUTHID);
  return name != NULL && strcmp(name, USER) == 0 ? AUTHENTICATED : REFUSED;
}

static void end(void *session) { gsasl_finish(session); }

static struct peer peer(const struct keys *keys, bool is_server, bool is_warm) {
  struct known *known = calloc(1, sizeof *known);
  require(known != NULL, "no memory");
  known->mechanism = keys->mechanism;
  known->salt = base64((const uint8_t *)SALT, strlen(SALT));
  known->is_server = is_server;
  known->is_warm = is_warm;
  known->stored_key = base64(keys->stored_key, keys->len);
  known->server_key = base64(keys->server_key, keys->len);
  hex(keys->salted, keys->len, known->salted);
  require(gsasl_init(&known->gsasl) == GSASL_OK, "gsasl");
  gsasl_callback_set(known->gsasl, answer);
  gsasl_callback_hook_set(known->gsasl, known);
  return (struct peer){begin, step, end, known};
}

void add_gsasl(const struct keys *keys) {
  if (keys->len != 32) {
    return;
  }
  struct subject subject = {"server", "GNU SASL", keys->mechanism, gsasl_check_version(NULL)};
  add_server(subject, peer(keys, true, false));
  subject.benchmark = "client, cold";
  add_client(subject, peer(keys, false, false));
  subject.benchmark = "client, warm";
  add_client(subject, peer(keys, false, true));
}
