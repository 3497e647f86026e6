/* What the worker in C does: says what it can time, then times what it is asked to. The protocol is
 * in benches/peers/worker.py. */
#ifndef WORKER_H
#define WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USER "alice"
#define TOKEN_ID "FCQa_HgWR6q2lWyPN9lSLg"
/* Of the user, and as the HMAC of the token. */
#define PASSWORD "correct horse battery staple"
#define WRONG "incorrect horse"
#define SALT "sixteen bytes..."
#define ITERATIONS 4096

/* What everybody derives alike: RFC 5802, section 3. */
struct keys {
  const char *mechanism;
  size_t len;
  uint8_t salted[64], stored_key[64], server_key[64];
};

struct message {
  size_t len;
  uint8_t bytes[504];
};

enum outcome { GOES_ON, AUTHENTICATED, REFUSED };

/* One side of a login. `begin` gives a new one; `step` takes a message, writes the answer, which may
 * be empty, and says whether the other side has proved itself; `end` frees the login. */
struct peer {
  void *(*begin)(const void *context);
  enum outcome (*step)(void *login, const struct message *in, struct message *out);
  void (*end)(void *login);
  const void *context;
};

/* What is timed, under a name, by whom, and by which version. */
struct subject {
  const char *benchmark, *name, *mechanism, *version;
};

/* A server, beside the client that knows the password (or the token's HMAC) and one that does not; a
 * client, beside a server that has its keys and one that has others. */
void add_server(struct subject, struct peer server);
void add_token_server(struct subject, struct peer server);
void add_client(struct subject, struct peer client);
/* Anything else, once. */
void add_work(struct subject, void (*work)(const void *context), const void *context);

/* The other side of what is timed: our own client and server. */
struct peer other_client(const struct keys *, bool is_token, bool knows_password);
struct peer other_server(const struct keys *, bool has_keys);

/* Each adds what a library can do, once it has checked that it comes to the same keys. */
void add_scramtoken(const struct keys *);
void add_gsasl(const struct keys *);
void add_cyrus(const struct keys *);
void add_openssl(const struct keys *);

void *copied(const void *, size_t);
char *base64(const uint8_t *, size_t);
/* Ends the run, for what cannot be. */
void require(bool, const char *what);

#endif
