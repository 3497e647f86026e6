/* OpenSSL's PBKDF2, which is all of the time of a login without cached keys. */
#include "worker.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

static void hash(const void *context) {
  const struct keys *keys = context;
  uint8_t salted[64];
  require(PKCS5_PBKDF2_HMAC(PASSWORD, (int)strlen(PASSWORD), (const uint8_t *)SALT,
                            (int)strlen(SALT), ITERATIONS,
                            keys->len == 32 ? EVP_sha256() : EVP_sha512(), (int)keys->len,
                            salted) == 1,
          "PBKDF2");
  require(memcmp(salted, keys->salted, keys->len) == 0, "another hash");
}

void add_openssl(const struct keys *keys) {
  const char *version = OpenSSL_version(OPENSSL_VERSION_STRING);
  add_work((struct subject){"hashing", "OpenSSL", keys->mechanism, version}, hash, keys);
}
