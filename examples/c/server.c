/*
 * A small server that authenticates its peers by SCRAM, users and delegation tokens alike. It is
 * linked with libscramtoken; login.c loads it at run time instead.
 *
 *   cc -std=c11 -o server server.c $(pkg-config --cflags --libs scramtoken) -lpthread
 *   ./server --credentials FILE
 *   ./server --store lmdb:/PATH
 *
 * A store is shared by all processes of the host: tokens are made by the program scramtoken, or by
 * anybody's token manager, and known here at once. FILE, in place of a store, which no other user
 * may read, has one credential a line; an expiry of -1 means never:
 *
 *   user:NAME:PASSWORD
 *   token:ID:OWNER:EXPIRY_MS:HMAC
 *
 * A peer sends frames (four bytes of length, big-endian, then the content): the mechanism's name,
 * then its SCRAM messages; each of these is answered with one frame. Verdicts and audit events are
 * printed. SIGTERM and SIGINT end the server.
 *
 * From top to bottom: the table of credentials, the callbacks, one connection, and main.
 */
#define _DEFAULT_SOURCE /* explicit_bzero, getentropy, strsep */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <scramtoken.h>

/* ---- the table of credentials: never a password or an HMAC ---- */

#define ITERATIONS 4096
#define NAME_BYTES 256 /* with the NUL */

struct keys {
  uint8_t salt[16], stored_key[64], server_key[64];
};

static const struct {
  const char *name;
  size_t key_len;
} mechanisms[] = {{"SCRAM-SHA-256", 32}, {"SCRAM-SHA-512", 64}};
enum { MECHANISMS = sizeof mechanisms / sizeof mechanisms[0] };

static struct entry {
  int32_t kind; /* SCRAMTOKEN_IDENTITY_USER or _TOKEN */
  char name[NAME_BYTES], owner[NAME_BYTES];
  int64_t expiry_ms;
  struct keys keys[MECHANISMS];
} entries[256];
static size_t entries_len;

/* Reads a line of the file, of which it makes pieces. Returns what is wrong with it, or NULL. */
static const char *add_entry(char *line) {
  if (entries_len == sizeof entries / sizeof entries[0]) return "too many lines";
  struct entry *entry = &entries[entries_len];
  const char *kind = strsep(&line, ":"), *name = strsep(&line, ":"), *owner = "", *expiry = "-1";
  if (strcmp(kind, "token") == 0) {
    owner = strsep(&line, ":");
    expiry = strsep(&line, ":");
  } else if (strcmp(kind, "user") != 0) {
    return "begins with neither user: nor token:";
  }
  if (line == NULL) return "has too few fields";
  if (strlen(name) >= NAME_BYTES || strlen(owner) >= NAME_BYTES) return "has too long a name";
  char *end;
  entry->kind = *kind == 'u' ? SCRAMTOKEN_IDENTITY_USER : SCRAMTOKEN_IDENTITY_TOKEN;
  entry->expiry_ms = strtoll(expiry, &end, 10);
  if (end == expiry || *end != '\0') return "has an expiry that is no number of milliseconds";
  strcpy(entry->name, name);
  strcpy(entry->owner, owner);
  for (size_t m = 0; m < MECHANISMS; m++) {
    struct keys *keys = &entry->keys[m];
    if (getentropy(keys->salt, sizeof keys->salt) != 0) return strerror(errno);
    if (scramtoken_derive(mechanisms[m].name, (const uint8_t *)line, strlen(line), keys->salt,
                          sizeof keys->salt, ITERATIONS, keys->stored_key, keys->server_key,
                          mechanisms[m].key_len) != SCRAMTOKEN_OK)
      return scramtoken_last_error();
  }
  entries_len++;
  return NULL;
}

static bool load_entries(const char *path) {
  static char text[65536];
  struct stat st;
  const char *error = NULL;
  int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), number = 0;
  ssize_t len = fd < 0 || fstat(fd, &st) != 0 ? -1 : read(fd, text, sizeof text);
  if (len < 0) error = strerror(errno);
  else if ((st.st_mode & 077) != 0) error = "others may read it; chmod 600 it";
  else if (len == (ssize_t)sizeof text) error = "too long";
  else text[len] = '\0';
  for (char *rest = text, *line; error == NULL && (line = strsep(&rest, "\n")) != NULL;) {
    number++;
    if (*line != '\0' && *line != '#') error = add_entry(line);
  }
  explicit_bzero(text, sizeof text);
  if (fd >= 0) close(fd);
  if (error != NULL && number == 0) fprintf(stderr, "server: %s: %s\n", path, error);
  if (error != NULL && number > 0)
    fprintf(stderr, "server: %s, line %d: %s\n", path, number, error);
  return error == NULL;
}

/* ---- the callbacks; each may run on several threads at once ---- */

static scramtoken_status look_up(void *userdata, const char *mechanism, const uint8_t *name,
                                 size_t name_len, int32_t kind, scramtoken_lookup_reply *reply) {
  (void)userdata;
  size_t m = strcmp(mechanism, mechanisms[0].name) == 0 ? 0 : 1;
  for (const struct entry *entry = entries; entry < entries + entries_len; entry++) {
    if (entry->kind != kind || strlen(entry->name) != name_len ||
        memcmp(entry->name, name, name_len) != 0)
      continue;
    const struct keys *keys = &entry->keys[m];
    scramtoken_credential credential = {keys->salt,       sizeof keys->salt,
                                        keys->stored_key, mechanisms[m].key_len,
                                        keys->server_key, mechanisms[m].key_len,
                                        ITERATIONS};
    if (kind == SCRAMTOKEN_IDENTITY_USER) return scramtoken_lookup_reply_user(reply, &credential);
    return scramtoken_lookup_reply_token(reply, &credential, (const uint8_t *)entry->owner,
                                         strlen(entry->owner), entry->expiry_ms);
  }
  return scramtoken_lookup_reply_unknown(reply);
}

static const char *or_dash(const char *text) { return text != NULL ? text : "-"; }

static void audit(void *userdata, const scramtoken_audit_event *event) {
  (void)userdata;
  printf("audit: %" PRId64 " %s %s mechanism=%s requester=%s owner=%s token_id=%s\n",
         scramtoken_audit_time_ms(event), or_dash(scramtoken_audit_operation(event)),
         scramtoken_status_name(scramtoken_audit_status(event)),
         or_dash(scramtoken_audit_mechanism(event)), or_dash(scramtoken_audit_requester(event)),
         or_dash(scramtoken_audit_owner(event)), or_dash(scramtoken_audit_token_id(event)));
}

/* ---- one connection ---- */

static scramtoken_server_config *config; /* what all logins share */

/* Returns the content's length, or -1. MSG_WAITALL: the timeout bounds the whole, not each byte. */
static ssize_t receive(int fd, void *bytes, size_t max) {
  uint32_t len;
  if (recv(fd, &len, sizeof len, MSG_WAITALL) != (ssize_t)sizeof len) return -1;
  len = ntohl(len);
  if (len == 0 || len > max || recv(fd, bytes, len, MSG_WAITALL) != (ssize_t)len) return -1;
  return (ssize_t)len;
}

static bool reply(int fd, const uint8_t *bytes, size_t len) {
  uint8_t frame[4 + SCRAMTOKEN_MAX_MESSAGE];
  uint32_t big_endian = htonl((uint32_t)len);
  memcpy(frame, &big_endian, 4);
  memcpy(frame + 4, bytes, len);
  return send(fd, frame, 4 + len, MSG_NOSIGNAL) == (ssize_t)(4 + len);
}

static void print_verdict(const scramtoken_server *login) {
  scramtoken_verdict verdict;
  if (scramtoken_server_verdict(login, &verdict) != SCRAMTOKEN_OK) return;
  if (verdict.outcome == SCRAMTOKEN_AUTHENTICATED) /* anything else is a no */
    printf("verdict: authenticated %.*s by %s%.*s, until %" PRId64 "\n", (int)verdict.name_len,
           (const char *)verdict.name, verdict.is_token ? "token " : "password",
           (int)verdict.token_id_len, (const char *)verdict.token_id, verdict.expiry_ms);
  else if (verdict.outcome == SCRAMTOKEN_REJECTED)
    printf("verdict: rejected, %s: %s\n", scramtoken_status_name(verdict.reason),
           scramtoken_server_error(login));
  else
    puts("verdict: undecided, the peer went away");
}

static void authenticate(int fd) {
  uint8_t message[SCRAMTOKEN_MAX_MESSAGE];
  char mechanism[32];
  ssize_t len = receive(fd, mechanism, sizeof mechanism - 1);
  if (len < 0) return;
  mechanism[len] = '\0';
  scramtoken_server *login = NULL;
  scramtoken_status status = scramtoken_server_new(config, mechanism, &login);
  if (status != SCRAMTOKEN_OK) {
    printf("verdict: rejected, %s\n", scramtoken_status_name(status));
    return;
  }
  do {
    if ((len = receive(fd, message, sizeof message)) < 0) break;
    const uint8_t *out = NULL; /* stays so when a refusal has no message */
    size_t out_len = 0;
    status = scramtoken_server_step(login, message, (size_t)len, &out, &out_len);
    if (out != NULL && !reply(fd, out, out_len)) break;
  } while (status == SCRAMTOKEN_CONTINUE);
  print_verdict(login);
  scramtoken_server_free(login);
}

/* ---- all connections, each on a thread of its own ---- */

static struct connection {
  bool open;
  int fd;
} connections[64];
enum { CONNECTIONS = sizeof connections / sizeof connections[0] };
static size_t connections_open;
static bool stopping;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the three above */
static pthread_cond_t one_closed = PTHREAD_COND_INITIALIZER;

static void *serve(void *argument) {
  struct connection *connection = (struct connection *)argument;
  authenticate(connection->fd);
  pthread_mutex_lock(&lock);
  close(connection->fd);
  connection->open = false;
  connections_open--;
  pthread_cond_signal(&one_closed);
  pthread_mutex_unlock(&lock);
  return NULL;
}

static void start(int fd) {
  static const struct timeval patience = {10, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  pthread_mutex_lock(&lock);
  struct connection *free_one = NULL;
  for (size_t i = 0; i < CONNECTIONS && !stopping; i++)
    if (!connections[i].open) free_one = &connections[i];
  pthread_t thread;
  if (free_one != NULL) free_one->fd = fd;
  if (free_one == NULL || pthread_create(&thread, NULL, serve, free_one) != 0) {
    close(fd);
  } else {
    pthread_detach(thread);
    free_one->open = true;
    connections_open++;
  }
  pthread_mutex_unlock(&lock);
}

static void *accept_all(void *argument) {
  const int *listener = (const int *)argument;
  for (int fd; (fd = accept(*listener, NULL, NULL)) >= 0 || errno != EINVAL;) /* shut down */
    if (fd >= 0) start(fd);
  return NULL;
}

static void hang_up(void) {
  pthread_mutex_lock(&lock);
  stopping = true;
  for (size_t i = 0; i < CONNECTIONS; i++)
    if (connections[i].open) shutdown(connections[i].fd, SHUT_RDWR);
  while (connections_open > 0) pthread_cond_wait(&one_closed, &lock);
  pthread_mutex_unlock(&lock);
}

/* Listens on a free port of the loopback address. Returns the socket, or -1. */
static int listen_locally(void) {
  struct sockaddr_in address;
  socklen_t len = sizeof address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 64) != 0 ||
      getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
    perror("server: listen");
    return -1;
  }
  printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  return fd;
}

/* Made-up challenges for unknown names need a secret: the servers of a cluster share one, so that
 * all give the same answer. This server is alone. */
static bool look_up_in_table(void) {
  uint8_t mock_secret[32];
  return getentropy(mock_secret, sizeof mock_secret) == 0 &&
         scramtoken_server_config_set_lookup(config, look_up, NULL, NULL) == SCRAMTOKEN_OK &&
         scramtoken_server_config_set_mock_secret(config, mock_secret, sizeof mock_secret) ==
             SCRAMTOKEN_OK;
}

/* A store has a mock secret of its own, which all of its servers share. */
static bool look_up_in_store(const char *uri) {
  scramtoken_store *store = NULL;
  bool done = scramtoken_store_open(uri, &store) == SCRAMTOKEN_OK &&
              scramtoken_server_config_set_store(config, store) == SCRAMTOKEN_OK;
  scramtoken_store_free(store); /* the config keeps it alive */
  return done;
}

static bool configure(const char *store) {
  if (scramtoken_server_config_new(&config) == SCRAMTOKEN_OK &&
      scramtoken_server_config_set_audit(config, audit, NULL, NULL) == SCRAMTOKEN_OK &&
      (store != NULL ? look_up_in_store(store) : look_up_in_table()))
    return true;
  fprintf(stderr, "server: %s\n", scramtoken_last_error());
  return false;
}

int main(int argc, char **argv) {
  static const struct option long_options[] = {{"credentials", required_argument, NULL, 'c'},
                                               {"store", required_argument, NULL, 's'},
                                               {"help", no_argument, NULL, 'H'},
                                               {NULL, 0, NULL, 0}};
  static const char usage[] =
      "usage: server --credentials FILE | --store URI\n\n"
      "Listens on 127.0.0.1, on a port that it prints, and authenticates peers by SCRAM. FILE, which\n"
      "no other user may read, has one credential a line; an expiry of -1 means never:\n\n"
      "  user:NAME:PASSWORD\n"
      "  token:ID:OWNER:EXPIRY_MS:HMAC\n\n"
      "URI is a store of users and tokens, lmdb:/PATH, that other processes may change meanwhile.\n\n"
      "A peer sends frames, four bytes of length (big-endian) and the content: the mechanism's name,\n"
      "then its SCRAM messages; each of these is answered with one. That is not Kafka's protocol; the\n"
      "client in docs/c-api.md speaks it.\n";
  const char *path = NULL, *store = NULL;
  for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
    if (c == 'H') return fputs(usage, stdout), 0;
    if (c == 'c') path = optarg;
    if (c == 's') store = optarg;
    if (c == '?') return fputs(usage, stderr), 2;
  }
  if ((path == NULL) == (store == NULL) || optind < argc) return fputs(usage, stderr), 2;
  setvbuf(stdout, NULL, _IOLBF, 0); /* whole lines, also into a pipe */
  if ((path != NULL && !load_entries(path)) || !configure(store)) return 1;

  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, NULL); /* all threads inherit this; sigwait takes them */
  int listener = listen_locally(), signal_number;
  pthread_t acceptor;
  if (listener < 0 || pthread_create(&acceptor, NULL, accept_all, &listener) != 0) return 1;

  sigwait(&ends, &signal_number);
  shutdown(listener, SHUT_RDWR); /* accept returns EINVAL */
  pthread_join(acceptor, NULL);
  hang_up();
  close(listener);
  scramtoken_server_config_free(config);
  explicit_bzero(entries, sizeof entries);
  puts("stopped");
  return 0;
}
