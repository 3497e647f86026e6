/* What a program of someone else's is: one source file that knows the library by its installed
 * header. Logs in to itself with a delegation token, and prints the library's version. */
#include <scramtoken.h>
#include <stdio.h>
#include <string.h>

#define BYTES(text) (const uint8_t *)(text), strlen(text)

static const char HMAC[] = "bm90IGEgcmVhbCBITUFD", SALT[] = "0123456789abcdef";

int main(void) {
  uint8_t stored_key[32], server_key[32];
  scramtoken_derive("SCRAM-SHA-256", BYTES(HMAC), BYTES(SALT), 4096, stored_key, server_key, 32);
  const scramtoken_credential credential = {BYTES(SALT), stored_key, 32, server_key, 32, 4096};

  scramtoken_client *client = NULL;
  scramtoken_server_config *config = NULL;
  scramtoken_server *server = NULL;
  if (scramtoken_client_new("SCRAM-SHA-256", &client) != SCRAMTOKEN_OK ||
      scramtoken_client_set_token(client, BYTES("token-1"), BYTES(HMAC)) != SCRAMTOKEN_OK ||
      scramtoken_server_config_new(&config) != SCRAMTOKEN_OK ||
      scramtoken_server_new(config, "SCRAM-SHA-256", &server) != SCRAMTOKEN_OK)
    return fprintf(stderr, "%s\n", scramtoken_last_error()), 1;

  const uint8_t *to_server, *to_client = NULL;
  size_t to_server_len, to_client_len = 0;
  scramtoken_status status;
  while ((status = scramtoken_client_step(client, to_client, to_client_len, &to_server,
                                          &to_server_len)) == SCRAMTOKEN_CONTINUE) {
    status = scramtoken_server_step(server, to_server, to_server_len, &to_client, &to_client_len);
    if (status == SCRAMTOKEN_NEED_CREDENTIAL) {
      scramtoken_server_supply_token(server, &credential, BYTES("alice"), -1);
      status = scramtoken_server_step(server, NULL, 0, &to_client, &to_client_len);
    }
    if (status < 0) return fprintf(stderr, "%s\n", scramtoken_server_error(server)), 1;
  }
  if (status != SCRAMTOKEN_OK) return fprintf(stderr, "%s\n", scramtoken_client_error(client)), 1;

  scramtoken_verdict verdict;
  scramtoken_server_verdict(server, &verdict);
  printf("%s %.*s\n", scramtoken_version(), (int)verdict.name_len, (const char *)verdict.name);
  scramtoken_server_free(server);
  scramtoken_server_config_free(config);
  scramtoken_client_free(client);
  return 0;
}
