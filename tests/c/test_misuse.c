/* The table of misuse that all doors share, through the C API. */
#include "exchange.h"

#define LINE_LEN 128
#define LINES_LEN 32

struct call {
  bool within;
  char name[LINE_LEN], status[LINE_LEN];
};

static struct case_of_table {
  char title[LINE_LEN];
  struct call calls[LINES_LEN];
  size_t calls_len;
} current;

/* What a server's calls need: the login, a client of its own, and the messages between them. */
struct peer {
  scramtoken_server *server;
  scramtoken_client *client;
  const uint8_t *challenge;
  size_t challenge_len;
};

static struct accounts accounts;
static size_t calls_within;

static scramtoken_status server_bytes(struct peer *peer, const uint8_t *in, size_t in_len) {
  const uint8_t *out = NULL;
  size_t out_len = 0;
  scramtoken_status status = scramtoken_server_step(peer->server, in, in_len, &out, &out_len);
  if (status == SCRAMTOKEN_CONTINUE) {
    peer->challenge = out;
    peer->challenge_len = out_len;
  }
  return status;
}

static scramtoken_status first(struct peer *peer, bool is_token) {
  const uint8_t *message = NULL;
  size_t message_len = 0;
  scramtoken_client *client = is_token ? token_client(SHA_512, TOKEN_ID, TOKEN_HMAC)
                                       : password_client(SHA_512, VECTOR_USER, VECTOR_PASSWORD);
  CHECK_STATUS(client_step(client, NULL, &message, &message_len), SCRAMTOKEN_CONTINUE);
  scramtoken_status status = server_bytes(peer, message, message_len);
  if (status < 0) {
    scramtoken_client_free(client);
    return status;
  }
  scramtoken_client_free(peer->client);
  peer->client = client;
  return status;
}

static scramtoken_status final(struct peer *peer) {
  const uint8_t *message = NULL;
  size_t message_len = 0;
  CHECK_STATUS(scramtoken_client_step(peer->client, peer->challenge, peer->challenge_len, &message,
                                      &message_len),
               SCRAMTOKEN_CONTINUE);
  return server_bytes(peer, message, message_len);
}

static const char *verdict_of(const struct peer *peer) {
  static const char *const NAMES[] = {"UNDECIDED", "AUTHENTICATED", "REJECTED"};
  scramtoken_verdict verdict;
  CHECK_OK(scramtoken_server_verdict(peer->server, &verdict));
  CHECK(verdict.outcome >= 0 && verdict.outcome <= 2);
  return NAMES[verdict.outcome];
}

static const char *call_server(struct peer *peer, const char *name) {
  scramtoken_status status;
  if (strcmp(name, "verdict") == 0) return verdict_of(peer);
  if (strcmp(name, "first") == 0)
    status = first(peer, false);
  else if (strcmp(name, "first-token") == 0)
    status = first(peer, true);
  else if (strcmp(name, "rubbish") == 0)
    status = server_bytes(peer, BYTES("rubbish"));
  else if (strcmp(name, "resume") == 0)
    status = server_bytes(peer, NULL, 0);
  else if (strcmp(name, "final") == 0)
    status = final(peer);
  else if (strcmp(name, "user") == 0)
    status = scramtoken_server_supply_user(peer->server, &accounts.user.credential);
  else if (strcmp(name, "token") == 0)
    status = scramtoken_server_supply_token(peer->server, &accounts.token.credential,
                                            BYTES(TOKEN_OWNER), -1);
  else if (strcmp(name, "nobody") == 0)
    status = scramtoken_server_supply_unknown(peer->server);
  else
    CHECK_FAIL("no such call: %s", name);
  return scramtoken_status_name(status);
}

static void check_call(const char *got, const struct call *call) {
  if (strcmp(got, call->status) != 0)
    CHECK_FAIL("%s: %s is %s, not %s", current.title, call->name, got, call->status);
}

static scramtoken_status look_up(void *userdata, const char *mechanism, const uint8_t *name,
                                 size_t name_len, int32_t kind, scramtoken_lookup_reply *reply) {
  struct peer within = {((struct peer *)userdata)->server, NULL, NULL, 0};
  for (size_t i = 0; i < current.calls_len; i++) {
    if (!current.calls[i].within) continue;
    check_call(call_server(&within, current.calls[i].name), &current.calls[i]);
    calls_within++;
  }
  scramtoken_client_free(within.client);
  return look_up_accounts(&accounts, mechanism, name, name_len, kind, reply);
}

static void on_server(bool with_callback) {
  struct peer peer = {NULL, NULL, NULL, 0};
  scramtoken_server_config *config = NULL;
  CHECK_OK(scramtoken_server_config_new(&config));
  if (with_callback)
    CHECK_OK(scramtoken_server_config_set_lookup(config, look_up, &peer, NULL));
  peer.server = new_server(config, SHA_512);
  for (size_t i = 0; i < current.calls_len; i++)
    if (!current.calls[i].within)
      check_call(call_server(&peer, current.calls[i].name), &current.calls[i]);
  CHECK((calls_within > 0) == with_callback);
  scramtoken_client_free(peer.client);
  scramtoken_server_free(peer.server);
  scramtoken_server_config_free(config);
}

static scramtoken_status client_challenge(scramtoken_client *client, const char *nonce) {
  const uint8_t *out = NULL;
  size_t out_len = 0;
  char challenge[LINE_LEN];
  snprintf(challenge, sizeof challenge, "r=%stheirs,s=%s,i=4096", nonce, VECTOR_SALT);
  return client_step(client, challenge, &out, &out_len);
}

static void on_client(void) {
  scramtoken_client *client = new_client(SHA_512);
  char nonce[64] = "none";
  for (size_t i = 0; i < current.calls_len; i++) {
    const char *name = current.calls[i].name;
    const uint8_t *out = NULL;
    size_t out_len = 0;
    scramtoken_status status = SCRAMTOKEN_OK;
    if (strcmp(name, "credential") == 0) {
      status = scramtoken_client_set_password(client, BYTES(VECTOR_USER), BYTES(VECTOR_PASSWORD));
    } else if (strcmp(name, "nonce") == 0) {
      status = scramtoken_client_set_nonce(client, BYTES("nonce"));
    } else if (strcmp(name, "limits") == 0) {
      status = scramtoken_client_set_iteration_limits(client, 4096, 8192);
    } else if (strcmp(name, "start") == 0) {
      status = client_step(client, NULL, &out, &out_len);
      if (status == SCRAMTOKEN_CONTINUE) {
        const char *begin = strstr((const char *)out, ",r=") + 3;
        size_t len = out_len - (size_t)(begin - (const char *)out);
        CHECK(len < sizeof nonce);
        memcpy(nonce, begin, len);
        nonce[len] = '\0';
      }
    } else if (strcmp(name, "rubbish") == 0 || strcmp(name, "message") == 0) {
      status = client_step(client, "rubbish", &out, &out_len);
    } else if (strcmp(name, "challenge") == 0) {
      status = client_challenge(client, nonce);
    } else if (strcmp(name, "cancel") == 0) {
      scramtoken_client_cancel(client);
    } else {
      CHECK_FAIL("no such call: %s", name);
    }
    check_call(scramtoken_status_name(status), &current.calls[i]);
  }
  scramtoken_client_free(client);
}

static void run_case(void) {
  printf("%s\n", current.title);
  calls_within = 0;
  if (strncmp(current.title, "client:", 7) == 0)
    on_client();
  else
    on_server(strncmp(current.title, "server-callback:", 16) == 0);
}

int main(void) {
  FILE *table = fopen("tests/misuse/table.txt", "r");
  CHECK(table != NULL);
  make_accounts(&accounts, SHA_512);
  char line[256];
  size_t cases = 0;
  while (fgets(line, sizeof line, table) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '\0' || line[0] == '#' || line[0] == ' ') continue;
    if (strncmp(line, "case ", 5) == 0) {
      if (cases++ > 0) run_case();
      snprintf(current.title, sizeof current.title, "%.120s", line + 5);
      current.calls_len = 0;
      continue;
    }
    CHECK(current.calls_len < LINES_LEN);
    struct call *call = &current.calls[current.calls_len++];
    call->within = strncmp(line, "within ", 7) == 0;
    CHECK_INT(sscanf(line + (call->within ? 7 : 0), "%100s %100s", call->name, call->status), 2);
  }
  run_case();
  fclose(table);
  CHECK(cases >= 18);
  return 0;
}
