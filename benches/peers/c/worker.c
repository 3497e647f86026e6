/* The worker of `make bench-peers` in C: libscramtoken, GNU SASL, Cyrus SASL and OpenSSL, each as a
 * program loads it. */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

enum {
  AT_A_TIME = 64, /* logins that wait while their other side computes off the clock */
  MOST = 64,      /* lines that a worker has */
};

/* A line of what can be timed: a server or a client, beside its other side, or work. */
struct line {
  struct subject subject;
  struct peer peer, other;
  enum { SERVER, CLIENT, WORK } kind;
  void (*work)(const void *);
  const void *context;
};

static struct line lines[MOST];
static size_t line_count;
static struct keys keys_256 = {"SCRAM-SHA-256", 32, {0}, {0}, {0}};
static struct keys keys_512 = {"SCRAM-SHA-512", 64, {0}, {0}, {0}};

void require(bool condition, const char *what) {
  if (!condition) {
    fprintf(stderr, "worker: %s\n", what);
    exit(1);
  }
}

void *copied(const void *bytes, size_t len) {
  void *copy = malloc(len);
  require(copy != NULL, "no memory");
  return memcpy(copy, bytes, len);
}

char *base64(const uint8_t *bytes, size_t len) {
  char *text = malloc(len / 3 * 4 + 5);
  require(text != NULL, "no memory");
  EVP_EncodeBlock((unsigned char *)text, bytes, (int)len);
  return text;
}

/* Nanoseconds of the thread's processor time. */
static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static const struct message NOTHING;
static struct message firsts[AT_A_TIME], challenges[AT_A_TIME], lasts[AT_A_TIME], ends[AT_A_TIME];

static const struct keys *keys_of(const char *mechanism) {
  return strcmp(mechanism, keys_256.mechanism) == 0 ? &keys_256 : &keys_512;
}

static void must(enum outcome outcome, enum outcome wanted, const struct subject *subject) {
  if (outcome != wanted) {
    fprintf(stderr, "worker: %s, %s, %s: %d and not %d\n", subject->benchmark, subject->name,
            subject->mechanism, outcome, wanted);
    exit(1);
  }
}

static double time_servers(const struct line *line, int64_t budget) {
  const struct peer *server = &line->peer, *client = &line->other;
  const struct subject *subject = &line->subject;
  void *servers[AT_A_TIME], *clients[AT_A_TIME];
  int64_t elapsed = 0, done = 0;
  do {
    for (int i = 0; i < AT_A_TIME; i++) {
      clients[i] = client->begin(client->context);
      must(client->step(clients[i], &NOTHING, &firsts[i]), GOES_ON, subject);
    }
    int64_t start = now();
    for (int i = 0; i < AT_A_TIME; i++) {
      servers[i] = server->begin(server->context);
      must(server->step(servers[i], &firsts[i], &challenges[i]), GOES_ON, subject);
    }
    elapsed += now() - start;
    for (int i = 0; i < AT_A_TIME; i++) {
      must(client->step(clients[i], &challenges[i], &lasts[i]), GOES_ON, subject);
    }
    start = now();
    for (int i = 0; i < AT_A_TIME; i++) {
      must(server->step(servers[i], &lasts[i], &ends[i]), AUTHENTICATED, subject);
      server->end(servers[i]);
    }
    elapsed += now() - start;
    for (int i = 0; i < AT_A_TIME; i++) {
      must(client->step(clients[i], &ends[i], &lasts[i]), AUTHENTICATED, subject);
      client->end(clients[i]);
    }
    done += AT_A_TIME;
  } while (elapsed < budget);
  return (double)elapsed / 1e3 / (double)done;
}

static double time_clients(const struct line *line, int64_t budget) {
  const struct peer *client = &line->peer, *server = &line->other;
  const struct subject *subject = &line->subject;
  void *servers[AT_A_TIME], *clients[AT_A_TIME];
  int64_t elapsed = 0, done = 0;
  int number = 1; /* what hashes takes milliseconds each: fewer at a time */
  do {
    int64_t start = now();
    for (int i = 0; i < number; i++) {
      clients[i] = client->begin(client->context);
      must(client->step(clients[i], &NOTHING, &firsts[i]), GOES_ON, subject);
    }
    int64_t batch = now() - start;
    for (int i = 0; i < number; i++) {
      servers[i] = server->begin(server->context);
      must(server->step(servers[i], &firsts[i], &challenges[i]), GOES_ON, subject);
    }
    start = now();
    for (int i = 0; i < number; i++) {
      must(client->step(clients[i], &challenges[i], &lasts[i]), GOES_ON, subject);
    }
    batch += now() - start;
    for (int i = 0; i < number; i++) {
      must(server->step(servers[i], &lasts[i], &ends[i]), AUTHENTICATED, subject);
      server->end(servers[i]);
    }
    start = now();
    for (int i = 0; i < number; i++) {
      must(client->step(clients[i], &ends[i], &lasts[i]), AUTHENTICATED, subject);
      client->end(clients[i]);
    }
    batch += now() - start;
    elapsed += batch;
    done += number;
    if (batch < 1000000) {
      number = AT_A_TIME;
    }
  } while (elapsed < budget);
  return (double)elapsed / 1e3 / (double)done;
}

static double time_work(const struct line *line, int64_t budget) {
  int64_t elapsed = 0, done = 0;
  do {
    int64_t start = now();
    line->work(line->context);
    elapsed += now() - start;
    done++;
  } while (elapsed < budget);
  return (double)elapsed / 1e3 / (double)done;
}

static double measure(const struct line *line, int64_t budget) {
  switch (line->kind) {
  case SERVER:
    return time_servers(line, budget);
  case CLIENT:
    return time_clients(line, budget);
  default:
    return time_work(line, budget);
  }
}

static void add(struct line line) {
  require(line_count < MOST, "too many lines");
  lines[line_count++] = line;
}

/* One login, which has to end so for the peer whose line it is. */
static enum outcome log_in(const struct peer *server, const struct peer *client, bool of_server) {
  struct message message = {0}, answer;
  void *at_server = server->begin(server->context), *at_client = client->begin(client->context);
  enum outcome to_server = GOES_ON, to_client = GOES_ON;
  while (to_server == GOES_ON || to_client == GOES_ON) {
    to_client = client->step(at_client, &message, &answer);
    if (to_client != GOES_ON) {
      break;
    }
    to_server = server->step(at_server, &answer, &message);
    if (to_server == REFUSED) {
      break;
    }
  }
  server->end(at_server);
  client->end(at_client);
  return of_server ? to_server : to_client;
}

static void add_any_server(struct subject subject, struct peer server, bool is_token) {
  const struct keys *keys = keys_of(subject.mechanism);
  struct peer client = other_client(keys, is_token, true);
  struct peer stranger = other_client(keys, is_token, false);
  must(log_in(&server, &client, true), AUTHENTICATED, &subject);
  must(log_in(&server, &stranger, true), REFUSED, &subject);
  add((struct line){subject, server, client, SERVER, NULL, NULL});
}

void add_server(struct subject subject, struct peer server) {
  add_any_server(subject, server, false);
}

void add_token_server(struct subject subject, struct peer server) {
  add_any_server(subject, server, true);
}

void add_client(struct subject subject, struct peer client) {
  const struct keys *keys = keys_of(subject.mechanism);
  struct peer server = other_server(keys, true), stranger = other_server(keys, false);
  must(log_in(&server, &client, false), AUTHENTICATED, &subject);
  must(log_in(&stranger, &client, false), REFUSED, &subject);
  add((struct line){subject, client, server, CLIENT, NULL, NULL});
}

void add_work(struct subject subject, void (*work)(const void *), const void *context) {
  struct peer nobody = {NULL, NULL, NULL, NULL};
  add((struct line){subject, nobody, nobody, WORK, work, context});
}

/* RFC 5802, section 3, by OpenSSL: what everybody has to come to. */
static void derive(struct keys *keys) {
  const EVP_MD *digest = keys->len == 32 ? EVP_sha256() : EVP_sha512();
  int len = (int)keys->len;
  uint8_t client_key[64];
  require(PKCS5_PBKDF2_HMAC(PASSWORD, (int)strlen(PASSWORD), (const uint8_t *)SALT,
                            (int)strlen(SALT), ITERATIONS, digest, len, keys->salted) == 1,
          "PBKDF2");
  HMAC(digest, keys->salted, len, (const uint8_t *)"Client Key", 10, client_key, NULL);
  HMAC(digest, keys->salted, len, (const uint8_t *)"Server Key", 10, keys->server_key, NULL);
  require(EVP_Digest(client_key, keys->len, keys->stored_key, NULL, digest, NULL) == 1, "hash");
}

int main(void) {
  struct keys *all[] = {&keys_256, &keys_512};
  for (size_t i = 0; i < 2; i++) {
    derive(all[i]);
    add_scramtoken(all[i]);
    add_gsasl(all[i]);
    add_cyrus(all[i]);
    add_openssl(all[i]);
  }
  for (size_t i = 0; i < line_count; i++) {
    const struct subject *subject = &lines[i].subject;
    printf("{\"benchmark\": \"%s\", \"subject\": \"%s\", \"mechanism\": \"%s\", \"version\": \"%s\"}\n",
           subject->benchmark, subject->name, subject->mechanism, subject->version);
  }
  printf("\n");
  fflush(stdout);
  size_t which;
  long milliseconds;
  while (scanf("%zu %ld", &which, &milliseconds) == 2) {
    require(which < line_count, "no such line");
    printf("%.6f\n", measure(&lines[which], milliseconds * INT64_C(1000000)));
    fflush(stdout);
  }
  return 0;
}
