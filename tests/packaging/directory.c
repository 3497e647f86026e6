/* Puts the manual's callbacks.c, reconnect.c and rotated.c to use: a directory with a user, a token of
 * the same name, another token, and one name for which it is broken. Says what came of each login.
 *
 *   directory SOURCE-URI TOKEN-FILE NEXT-TOKEN-FILE      the source reads TOKEN-FILE, which is rotated
 */
#include "callbacks.c"
#include "reconnect.c"
#include "rotated.c"

#include <string.h>

#define BYTES(text) (const uint8_t *)(text), strlen(text)

static const char SALT[] = "0123456789abcdef", HMAC[] = "aG1hYw==", PASSWORD[] = "pencil";
static const char MECHANISM[] = "SCRAM-SHA-512";

struct directory {
  struct keys {
    uint8_t stored_key[64], server_key[64];
  } user, token;
};

static bool is(const uint8_t *name, size_t name_len, const char *text) {
  return name_len == strlen(text) && memcmp(name, text, name_len) == 0;
}

bool directory_has_user(struct directory *directory, const uint8_t *name, size_t name_len) {
  (void)directory;
  return is(name, name_len, "alice");
}

enum found directory_find(struct directory *directory, int32_t kind, const char *mechanism,
                          const uint8_t *name, size_t name_len, struct entry *entry) {
  const bool user = kind == SCRAMTOKEN_IDENTITY_USER;
  if (strcmp(mechanism, MECHANISM) != 0 || is(name, name_len, "broken")) return BROKEN;
  if (!is(name, name_len, "alice") && !(is(name, name_len, "token-1") && !user)) return NOBODY;
  const struct keys *keys = user ? &directory->user : &directory->token;
  const struct entry found = {{BYTES(SALT), keys->stored_key, 64, keys->server_key, 64, 4096},
                              "bob", 3, -1};
  *entry = found;
  return FOUND;
}

void directory_close(void *directory) {
  (void)directory;
  puts("closed");
}

static void derive(const char *secret, struct keys *keys) {
  scramtoken_derive(MECHANISM, BYTES(secret), BYTES(SALT), 4096, keys->stored_key,
                    keys->server_key, 64);
}

static void log_in(scramtoken_client *client, const scramtoken_server_config *config,
                   const char *what) {
  scramtoken_server *server = NULL;
  scramtoken_server_new(config, MECHANISM, &server);
  const uint8_t *to_server, *to_client = NULL;
  size_t to_server_len, to_client_len = 0;
  scramtoken_status status = SCRAMTOKEN_CONTINUE;
  while (status == SCRAMTOKEN_CONTINUE &&
         scramtoken_client_step(client, to_client, to_client_len, &to_server, &to_server_len) ==
             SCRAMTOKEN_CONTINUE)
    status = scramtoken_server_step(server, to_server, to_server_len, &to_client, &to_client_len);
  scramtoken_verdict verdict;
  scramtoken_server_verdict(server, &verdict);
  printf("%s: %s %.*s\n", what, scramtoken_status_name(status), (int)verdict.name_len,
         (const char *)verdict.name);
  warn(client);
  scramtoken_server_free(server);
  scramtoken_client_free(client);
}

static void log_in_by_password(const scramtoken_server_config *config, const char *name,
                               const char *password) {
  scramtoken_client *client = NULL;
  scramtoken_client_new(MECHANISM, &client);
  scramtoken_client_set_password(client, BYTES(name), BYTES(password));
  log_in(client, config, name);
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  struct directory directory;
  derive(PASSWORD, &directory.user);
  derive(HMAC, &directory.token);
  scramtoken_server_config *config = new_config(&directory);
  scramtoken_key_cache *cache = NULL;
  scramtoken_source *source = NULL;
  scramtoken_client *client = NULL;
  if (config == NULL || scramtoken_key_cache_new(100, &cache) != SCRAMTOKEN_OK ||
      scramtoken_source_open(argv[1], &source) != SCRAMTOKEN_OK)
    return 1;

  log_in_by_password(config, "alice", PASSWORD);
  log_in_by_password(config, "alice", HMAC); /* the user goes before the token of that name */
  log_in_by_password(config, "token-1", HMAC);
  log_in_by_password(config, "nobody", PASSWORD);
  log_in_by_password(config, "broken", PASSWORD);
  for (int i = 0; i < 2; i++) {
    if (new_token_client(cache, BYTES("alice"), BYTES(HMAC), &client) != SCRAMTOKEN_OK) return 1;
    log_in(client, config, "token alice");
  }
  if (new_token_client(cache, BYTES(""), BYTES(HMAC), &client) != SCRAMTOKEN_OK)
    printf("%s\n", scramtoken_last_error());

  for (int i = 0; i < 3; i++) {
    if (new_client(source, &client) != SCRAMTOKEN_OK) return 1;
    log_in(client, config, "source");
    if (i == 0 && rename(argv[3], argv[2]) != 0) return 1; /* rotated */
    if (i == 1 && remove(argv[2]) != 0) return 1;          /* its last token serves */
  }

  scramtoken_source_free(source);
  scramtoken_key_cache_free(cache);
  puts("free the config");
  scramtoken_server_config_free(config);
  return 0;
}
