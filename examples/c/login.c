/*
 * Logs in to a Kafka broker by SCRAM, with a password or a delegation token, through
 * libscramtoken loaded at run time. See server.c for a program that is linked with it.
 *
 *   cc -std=c11 -o login login.c $(pkg-config --cflags scramtoken) -ldl
 *   SCRAMTOKEN_SECRET=$(cat hmac) ./login --port 9092 --token-id 5qE...
 *
 * From top to bottom: the library's functions, the secret, the connection, the login itself
 * (read log_in first), and the command line.
 */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <scramtoken.h>

#include "kafka_frames.h"

enum exit_code {
  OK = 0,         /* logged in */
  REFUSED = 1,    /* the broker says no: a wrong secret, an unknown name, a mechanism it lacks */
  USAGE = 2,      /* options, or a secret that cannot be read */
  EXPIRED = 3,    /* the token has expired */
  NETWORK = 4,    /* no connection, no answer in time, or no Kafka frames */
  NO_LIBRARY = 5, /* libscramtoken cannot be loaded */
  UNTRUSTED = 6   /* the broker breaks SCRAM, or has not proved that it knows the credential */
};

struct options {
  const char *host, *port, *mechanism, *user, *token_id, *secret_file, *library;
  long timeout_s;
};

static enum exit_code fail(enum exit_code code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("login: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  return code;
}

/* ---- the library ---- */

#define FUNCTIONS(X) \
  X(client_new) X(client_set_password) X(client_set_token) X(client_step) X(client_error) \
  X(client_free) X(last_error) X(abi_version)

static struct {
#define DECLARE(name) __typeof__(&scramtoken_##name) name;
  FUNCTIONS(DECLARE)
} scram;

static enum exit_code load_library(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL); /* never closed: it stays mapped anyway */
  if (library == NULL) return fail(NO_LIBRARY, "%s (give its path by --library)", dlerror());
  void *symbol;
#define LOAD(name) \
  symbol = dlsym(library, "scramtoken_" #name); \
  if (symbol == NULL) return fail(NO_LIBRARY, "%s", dlerror()); \
  memcpy(&scram.name, &symbol, sizeof symbol); /* C casts no data pointer to a function's */
  FUNCTIONS(LOAD)
  if (scram.abi_version() != SCRAMTOKEN_ABI_VERSION) return fail(NO_LIBRARY, "%s: has another C API", path);
  return OK;
}

/* ---- the secret ---- */

struct secret {
  uint8_t bytes[1024];
  size_t len;
};

static enum exit_code read_file(const char *path, struct secret *secret) {
  int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) != 0) return fail(USAGE, "%s: %s", path, strerror(errno));
  enum exit_code code = OK;
  if (S_ISREG(st.st_mode) && (st.st_mode & 077) != 0)
    code = fail(USAGE, "%s: others may read it; chmod 600 it", path);
  ssize_t n = 1;
  while (code == OK && n > 0 && secret->len < sizeof secret->bytes) {
    n = read(fd, secret->bytes + secret->len, sizeof secret->bytes - secret->len);
    if (n < 0) code = fail(USAGE, "%s: %s", path, strerror(errno));
    if (n > 0) secret->len += (size_t)n;
  }
  if (fd != STDIN_FILENO) close(fd);
  return code;
}

/* From the file, else from the environment; never from the command line, which every user of the
 * machine can see. */
static enum exit_code read_secret(const char *path, struct secret *secret) {
  if (path != NULL) {
    enum exit_code code = read_file(path, secret);
    if (code != OK) return code;
  } else {
    char *value = getenv("SCRAMTOKEN_SECRET");
    if (value == NULL) return fail(USAGE, "set SCRAMTOKEN_SECRET, or give --secret-file FILE");
    size_t len = strlen(value);
    secret->len = len < sizeof secret->bytes ? len : sizeof secret->bytes;
    memcpy(secret->bytes, value, secret->len);
    explicit_bzero(value, len);
  }
  if (secret->len == sizeof secret->bytes) return fail(USAGE, "the secret is too long");
  if (secret->len > 0 && secret->bytes[secret->len - 1] == '\n') secret->len--;
  if (secret->len == 0) return fail(USAGE, "the secret is empty");
  return OK;
}

/* Makes a client that holds the credential; the copy in this program is wiped again. */
static enum exit_code new_client(const struct options *options, scramtoken_client **client) {
  if (scram.client_new(options->mechanism, client) != SCRAMTOKEN_OK)
    return fail(USAGE, "%s", scram.last_error());
  struct secret secret;
  secret.len = 0;
  enum exit_code code = read_secret(options->secret_file, &secret);
  if (code == OK) {
    const char *name = options->token_id != NULL ? options->token_id : options->user;
    scramtoken_status status =
        (options->token_id != NULL ? scram.client_set_token : scram.client_set_password)(
            *client, (const uint8_t *)name, strlen(name), secret.bytes, secret.len);
    if (status != SCRAMTOKEN_OK) code = fail(USAGE, "%s", scram.client_error(*client));
  }
  explicit_bzero(&secret, sizeof secret);
  return code;
}

/* ---- the connection ---- */

/* Returns a socket that waits at most timeout_s for anything, or -1. */
static int dial(const struct options *options) {
  struct addrinfo hints, *addresses;
  memset(&hints, 0, sizeof hints);
  hints.ai_family = AF_UNSPEC; /* IPv6 and IPv4 */
  hints.ai_socktype = SOCK_STREAM;
  int error = getaddrinfo(options->host, options->port, &hints, &addresses);
  if (error != 0) {
    fail(NETWORK, "%s port %s: %s", options->host, options->port, gai_strerror(error));
    return -1;
  }
  struct timeval timeout;
  timeout.tv_sec = options->timeout_s;
  timeout.tv_usec = 0;
  int fd = -1;
  for (struct addrinfo *a = addresses; a != NULL && fd < 0; a = a->ai_next) {
    fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0) continue;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout); /* of connect, too */
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0) continue;
    error = errno == EINPROGRESS ? ETIMEDOUT : errno;
    close(fd);
    fd = -1;
  }
  freeaddrinfo(addresses);
  if (fd < 0) fail(NETWORK, "%s port %s: %s", options->host, options->port, strerror(error));
  return fd;
}

/* ---- the login ---- */

/* The broker's text, fit for a terminal. */
static const char *printable(const uint8_t *text, size_t len) {
  static char line[512];
  if (text == NULL || len == 0) return "no reason given";
  if (len >= sizeof line) len = sizeof line - 1;
  for (size_t i = 0; i < len; i++) line[i] = text[i] < 0x20 || text[i] > 0x7e ? '?' : (char)text[i];
  line[len] = '\0';
  return line;
}

/* SaslHandshake v1: names the mechanism. */
static enum exit_code handshake(int fd, const char *mechanism) {
  kafka_frame frame;
  kafka_begin(&frame, 17, 1, 0, false);
  kafka_put_string(&frame, mechanism);
  const char *error = kafka_call(fd, &frame);
  if (error != NULL) return fail(NETWORK, "SaslHandshake: %s", error);
  int64_t error_code = kafka_get_int(&frame, 2);
  if (frame.broken) return fail(NETWORK, "SaslHandshake: the answer is cut off");
  if (error_code == 33) return fail(REFUSED, "the broker does not offer %s here", mechanism);
  if (error_code != 0) return fail(REFUSED, "SaslHandshake: Kafka error %" PRId64, error_code);
  return OK;
}

/* SaslAuthenticate v2, once for each message that the client has to send. */
static enum exit_code authenticate(int fd, scramtoken_client *client, int64_t *lifetime_ms) {
  kafka_frame frame;
  const uint8_t *in = NULL, *out;
  size_t in_len = 0, out_len;
  int32_t correlation_id = 1;
  scramtoken_status status;
  while ((status = scram.client_step(client, in, in_len, &out, &out_len)) == SCRAMTOKEN_CONTINUE) {
    kafka_begin(&frame, 36, 2, correlation_id++, true);
    kafka_put_compact_bytes(&frame, out, out_len);
    kafka_put_no_tagged_fields(&frame);
    const char *error = kafka_call(fd, &frame);
    if (error != NULL) return fail(NETWORK, "SaslAuthenticate: %s", error);

    kafka_skip_tagged_fields(&frame); /* the header's */
    int64_t error_code = kafka_get_int(&frame, 2);
    size_t text_len;
    const uint8_t *text = kafka_get_compact(&frame, &text_len);
    in = kafka_get_compact(&frame, &in_len);
    *lifetime_ms = kafka_get_int(&frame, 8);
    kafka_skip_tagged_fields(&frame);
    if (frame.broken) return fail(NETWORK, "SaslAuthenticate: the answer is cut off");
    if (error_code != 0)
      return fail(REFUSED, "the broker refused the login: %s (Kafka error %" PRId64 ")",
                  printable(text, text_len), error_code);
  }
  if (status == SCRAMTOKEN_OK) return OK; /* only now has the broker proved itself */
  enum exit_code code = status == SCRAMTOKEN_ERR_SERVER_REFUSED ? REFUSED : UNTRUSTED;
  return fail(in == NULL ? USAGE : code, "%s", scram.client_error(client)); /* NULL: nothing sent */
}

static enum exit_code log_in(int fd, scramtoken_client *client, const struct options *options) {
  enum exit_code code = handshake(fd, options->mechanism);
  if (code != OK) return code;
  int64_t lifetime_ms = 0;
  code = authenticate(fd, client, &lifetime_ms);
  if (code != OK) return code;

  /* Until it sweeps an expired token, Kafka lets it in with a session lifetime of 0. For a
   * password 0 only means that the session has no end. */
  if (options->token_id != NULL && lifetime_ms <= 0)
    return fail(EXPIRED, "the token %s has expired", options->token_id);
  printf("logged in as %s by %s with a %s; session ",
         options->token_id != NULL ? options->token_id : options->user, options->mechanism,
         options->token_id != NULL ? "token" : "password");
  if (lifetime_ms > 0) printf("ends in %" PRId64 " s\n", lifetime_ms / 1000);
  else puts("has no end");
  return OK;
}

/* ---- the command line ---- */

static void print_help(void) {
  puts("usage: login [options] --user NAME | --token-id ID\n"
       "Logs in to a Kafka broker (listener SASL_PLAINTEXT) by SCRAM.\n\n"
       "  --host HOST          the broker's host (localhost)\n"
       "  --port PORT          the broker's port (9092)\n"
       "  --mechanism NAME     SCRAM-SHA-256 or SCRAM-SHA-512 (SCRAM-SHA-512)\n"
       "  --user NAME          log in as this user, with a password\n"
       "  --token-id ID        log in with this delegation token and its HMAC\n"
       "  --secret-file FILE   holds the password or HMAC ('-': standard input);\n"
       "                       without it, the environment's SCRAMTOKEN_SECRET\n"
       "  --timeout SECONDS    for each wait for the broker (10)\n"
       "  --library PATH       libscramtoken (SCRAMTOKEN_LIBRARY, else libscramtoken.so.0)\n\n"
       "exit: 0 logged in, 1 refused, 2 usage or secret, 3 token expired, 4 network,\n"
       "      5 no libscramtoken, 6 the broker is not to be trusted");
}

static enum exit_code usage(const char *problem) {
  return fail(USAGE, "%s; see --help", problem);
}

/* 0 for what is no number. */
static long seconds(const char *text) {
  char *end;
  long value = strtol(text, &end, 10);
  return *end == '\0' ? value : 0;
}

int main(int argc, char **argv) {
  static const struct option long_options[] = {
      {"host", required_argument, NULL, 'h'},     {"port", required_argument, NULL, 'p'},
      {"mechanism", required_argument, NULL, 'm'}, {"user", required_argument, NULL, 'u'},
      {"token-id", required_argument, NULL, 'i'}, {"secret-file", required_argument, NULL, 's'},
      {"timeout", required_argument, NULL, 't'},  {"library", required_argument, NULL, 'l'},
      {"help", no_argument, NULL, 'H'},           {NULL, 0, NULL, 0}};
  const char *library = getenv("SCRAMTOKEN_LIBRARY");
  if (library == NULL) library = "libscramtoken.so.0";
  struct options options = {"localhost", "9092", "SCRAM-SHA-512", NULL, NULL, NULL, library, 10};
  for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
    switch (c) {
      case 'h': options.host = optarg; break;
      case 'p': options.port = optarg; break;
      case 'm': options.mechanism = optarg; break;
      case 'u': options.user = optarg; break;
      case 'i': options.token_id = optarg; break;
      case 's': options.secret_file = optarg; break;
      case 't': options.timeout_s = seconds(optarg); break;
      case 'l': options.library = optarg; break;
      case 'H': print_help(); return OK;
      default: return usage("unknown option, or one without its value");
    }
  }
  if (optind < argc) return usage("takes options only (and never a secret)");
  if ((options.user == NULL) == (options.token_id == NULL))
    return usage("give one of --user and --token-id");
  if (options.timeout_s < 1 || options.timeout_s > 3600) return usage("--timeout takes 1 to 3600");

  enum exit_code code = load_library(options.library);
  if (code != OK) return code;
  scramtoken_client *client = NULL;
  code = new_client(&options, &client);
  if (code == OK) {
    int fd = dial(&options);
    code = fd < 0 ? NETWORK : log_in(fd, client, &options);
    if (fd >= 0) close(fd);
  }
  scram.client_free(client); /* which wipes the library's copy of the secret */
  return code;
}
