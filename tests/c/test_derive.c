/* scramtoken_derive, and the functions that belong to no type. */
#include "check.h"
#include "vectors.h"

static void to_hex(const uint8_t *bytes, size_t len, char *hex) {
  for (size_t i = 0; i < len; i++) sprintf(hex + 2 * i, "%02x", bytes[i]);
}

static void derives_the_known_keys(void) {
  static const struct {
    const char *mechanism, *stored_key, *server_key;
    size_t len;
  } rows[] = {{"SCRAM-SHA-256", SHA_256_STORED_KEY, SHA_256_SERVER_KEY, 32},
              {"SCRAM-SHA-512", SHA_512_STORED_KEY, SHA_512_SERVER_KEY, 64}};
  for (size_t i = 0; i < 2; i++) {
    uint8_t stored_key[64], server_key[64];
    char hex[129];
    CHECK_OK(scramtoken_derive(rows[i].mechanism, BYTES(VECTOR_PASSWORD), BYTES(VECTOR_SALT_BYTES),
                               VECTOR_ITERATIONS, stored_key, server_key, rows[i].len));
    to_hex(stored_key, rows[i].len, hex);
    CHECK_TEXT(hex, rows[i].stored_key);
    to_hex(server_key, rows[i].len, hex);
    CHECK_TEXT(hex, rows[i].server_key);
  }
}

static void wrong_arguments_leave_the_buffers_alone(void) {
  uint8_t stored_key[64], server_key[64], before[64];
  memset(before, 0x5a, sizeof before);
  memset(stored_key, 0x5a, sizeof stored_key);
  memset(server_key, 0x5a, sizeof server_key);
  static uint8_t long_salt[1 << 20];
  memset(long_salt, 's', sizeof long_salt);
#define DERIVE(mechanism, password, password_len, salt, salt_len, iterations, stored, server, len) \
  scramtoken_derive(mechanism, (const uint8_t *)(password), password_len, \
                    (const uint8_t *)(salt), salt_len, iterations, stored, server, len)
  CHECK_STATUS(DERIVE(NULL, "p", 1, "s", 1, 4096, stored_key, server_key, 32), BAD);
  CHECK_STATUS(DERIVE("SCRAM-SHA-1", "p", 1, "s", 1, 4096, stored_key, server_key, 20),
               SCRAMTOKEN_ERR_UNSUPPORTED_MECHANISM);
  CHECK_STATUS(DERIVE("scram-sha-256", "p", 1, "s", 1, 4096, stored_key, server_key, 32),
               SCRAMTOKEN_ERR_UNSUPPORTED_MECHANISM);
  CHECK_STATUS(DERIVE("SCRAM-SHA-256", NULL, 1, "s", 1, 4096, stored_key, server_key, 32), BAD);
  CHECK_STATUS(DERIVE("SCRAM-SHA-256", "", 0, "s", 1, 4096, stored_key, server_key, 32), BAD);
  CHECK_STATUS(DERIVE("SCRAM-SHA-256", "p", 1, NULL, 1, 4096, stored_key, server_key, 32), BAD);
  CHECK_STATUS(DERIVE("SCRAM-SHA-256", "p", 1, "s", 0, 4096, stored_key, server_key, 32), BAD);
  CHECK_STATUS(DERIVE("SCRAM-SHA-256", "p", 1, long_salt, sizeof long_salt, 4096, stored_key,
                      server_key, 32), BAD);
  CHECK_STATUS(DERIVE("SCRAM-SHA-256", "p", 1, "s", 1, 0, stored_key, server_key, 32), BAD);
  CHECK_CONTAINS(scramtoken_last_error(), "iteration");
  CHECK_STATUS(DERIVE("SCRAM-SHA-256", "p", 1, "s", 1, 4096, NULL, server_key, 32), BAD);
  CHECK_STATUS(DERIVE("SCRAM-SHA-256", "p", 1, "s", 1, 4096, stored_key, NULL, 32), BAD);
  CHECK_STATUS(DERIVE("SCRAM-SHA-256", "p", 1, "s", 1, 4096, stored_key, server_key, 0), BAD);
  CHECK_STATUS(DERIVE("SCRAM-SHA-256", "p", 1, "s", 1, 4096, stored_key, server_key, 31), BAD);
  CHECK_STATUS(DERIVE("SCRAM-SHA-256", "p", 1, "s", 1, 4096, stored_key, server_key, 64), BAD);
  CHECK_STATUS(DERIVE("SCRAM-SHA-512", "p", 1, "s", 1, 4096, stored_key, server_key, 32), BAD);
  CHECK(memcmp(stored_key, before, sizeof before) == 0);
  CHECK(memcmp(server_key, before, sizeof before) == 0);
  /* One iteration is a count, too. */
  CHECK_OK(DERIVE("SCRAM-SHA-256", "p", 1, "s", 1, 1, stored_key, server_key, 32));
  CHECK(memcmp(stored_key, before, 32) != 0 && memcmp(stored_key + 32, before, 32) == 0);
}

static void versions_are_told(void) {
  const char *version = scramtoken_version();
  int major, minor, patch;
  CHECK(sscanf(version, "%d.%d.%d", &major, &minor, &patch) == 3);
  CHECK_INT(scramtoken_abi_version(), SCRAMTOKEN_ABI_VERSION);
}

static void every_status_has_its_name(void) {
  static const struct {
    scramtoken_status status;
    const char *name;
  } rows[] = {
#define ROW(name) {SCRAMTOKEN_##name, #name}
#define ERROR_ROW(name) {SCRAMTOKEN_ERR_##name, #name}
      ROW(OK), ROW(CONTINUE), ROW(NEED_CREDENTIAL), ERROR_ROW(INVALID_ARGUMENT),
      ERROR_ROW(INVALID_STATE), ERROR_ROW(INTERNAL), ERROR_ROW(CANCELLED), ERROR_ROW(IO),
      ERROR_ROW(CORRUPT), ERROR_ROW(PERMISSIONS), ERROR_ROW(UNSUPPORTED_MECHANISM),
      ERROR_ROW(MALFORMED), ERROR_ROW(TOO_LONG), ERROR_ROW(NONCE), ERROR_ROW(CHANNEL_BINDING),
      ERROR_ROW(ITERATIONS), ERROR_ROW(EXTENSION), ERROR_ROW(AUTHZID), ERROR_ROW(INVALID_PROOF),
      ERROR_ROW(SERVER_SIGNATURE), ERROR_ROW(SERVER_REFUSED), ERROR_ROW(UNKNOWN_USER), ERROR_ROW(TOKENS_STALE), ERROR_ROW(TOKEN_AUTH_DISABLED),
      ERROR_ROW(TOKEN_NOT_FOUND), ERROR_ROW(TOKEN_OWNER_MISMATCH),
      ERROR_ROW(TOKEN_REQUEST_NOT_ALLOWED), ERROR_ROW(TOKEN_AUTHORIZATION_FAILED),
      ERROR_ROW(TOKEN_EXPIRED), ERROR_ROW(INVALID_PRINCIPAL_TYPE), ERROR_ROW(USER_NOT_FOUND)};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    CHECK_TEXT(scramtoken_status_name(rows[i].status), rows[i].name);
  CHECK(SCRAMTOKEN_OK == 0 && SCRAMTOKEN_CONTINUE == 1 && SCRAMTOKEN_NEED_CREDENTIAL == 2);
  CHECK(SCRAMTOKEN_ERR_TOKEN_EXPIRED == -1066); /* Kafka's own codes, negated, moved by 1000 */
  CHECK(scramtoken_status_name(3) != NULL);
  CHECK(scramtoken_status_name(INT32_MIN) != NULL);
  CHECK(scramtoken_status_name(INT32_MAX) != NULL);
}

int main(void) {
  CHECK(scramtoken_last_error() != NULL); /* before anything has failed, too */
  RUN(derives_the_known_keys);
  RUN(wrong_arguments_leave_the_buffers_alone);
  RUN(versions_are_told);
  RUN(every_status_has_its_name);
  return 0;
}
