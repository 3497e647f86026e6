/* An application with interceptors and callbacks of its own, which the plugin must leave working.
 *
 * usage: application BOOTSTRAP TOPIC [PROPERTY=VALUE]...
 *
 * Produces a message and prints how often each callback was called, one `name count` a line. A call
 * with another opaque pointer than the application's ends the program.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  SOCKET,
  CONNECT,
  CLOSE,
  STATS,
  DELIVERED,
  ON_NEW,
  ON_SEND,
  ON_ACKNOWLEDGEMENT,
  ON_REQUEST,
  ON_RESPONSE,
  ON_STATE,
  ON_DESTROY,
  COUNTERS
};
static const char *const names[COUNTERS] = {
    "socket_cb",         "connect_cb",          "closesocket_cb",          "stats_cb",
    "dr_msg_cb",         "on_new",              "on_send",                 "on_acknowledgement",
    "on_request_sent",   "on_response_received", "on_broker_state_change", "on_destroy",
};
static int counts[COUNTERS];
static int applications; /* its address is the application's opaque pointer */
static int interceptors; /* and this one the interceptors' */

static void count(int what, const void *opaque, const void *expected) {
  if (opaque != expected) {
    fprintf(stderr, "%s got another opaque pointer\n", names[what]);
    abort();
  }
  __atomic_fetch_add(&counts[what], 1, __ATOMIC_RELAXED);
}

static int socket_cb(int domain, int type, int protocol, void *opaque) {
  count(SOCKET, opaque, &applications);
  return socket(domain, type, protocol);
}

static int connect_cb(int fd, const struct sockaddr *address, int length, const char *id,
                      void *opaque) {
  count(CONNECT, opaque, &applications);
  int domain = 0;
  socklen_t size = sizeof domain;
  getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
  if (domain != AF_INET || address->sa_family != AF_INET || !strchr(id, ':')) {
    fprintf(stderr, "connect_cb got no socket of the network's\n");
    abort();
  }
  return connect(fd, address, (socklen_t)length) == 0 || errno == EINPROGRESS ? 0 : errno;
}

static int closesocket_cb(int fd, void *opaque) {
  count(CLOSE, opaque, &applications);
  return close(fd);
}

static int stats_cb(rd_kafka_t *client, char *json, size_t length, void *opaque) {
  (void)client, (void)json, (void)length;
  count(STATS, opaque, &applications);
  return 0;
}

static void dr_msg_cb(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
  (void)client;
  if (message->err) {
    fprintf(stderr, "not delivered: %s\n", rd_kafka_err2str(message->err));
    exit(1);
  }
  count(DELIVERED, opaque, &applications);
}

static void error_cb(rd_kafka_t *client, int error, const char *reason, void *opaque) {
  (void)client, (void)opaque;
  fprintf(stderr, "%s: %s\n", rd_kafka_err2name(error), reason);
}

static rd_kafka_resp_err_t on_send(rd_kafka_t *client, rd_kafka_message_t *message, void *opaque) {
  (void)client, (void)message;
  count(ON_SEND, opaque, &interceptors);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_acknowledgement(rd_kafka_t *client, rd_kafka_message_t *message,
                                              void *opaque) {
  (void)client, (void)message;
  count(ON_ACKNOWLEDGEMENT, opaque, &interceptors);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_request_sent(rd_kafka_t *client, int fd, const char *name, int32_t id,
                                           int16_t key, int16_t version, int32_t correlation,
                                           size_t size, void *opaque) {
  (void)client, (void)fd, (void)name, (void)id, (void)key, (void)version, (void)correlation;
  (void)size;
  count(ON_REQUEST, opaque, &interceptors);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_response_received(rd_kafka_t *client, int fd, const char *name,
                                                int32_t id, int16_t key, int16_t version,
                                                int32_t correlation, size_t size, int64_t rtt,
                                                rd_kafka_resp_err_t error, void *opaque) {
  (void)client, (void)fd, (void)name, (void)id, (void)key, (void)version, (void)correlation;
  (void)size, (void)rtt, (void)error;
  count(ON_RESPONSE, opaque, &interceptors);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_state(rd_kafka_t *client, int32_t id, const char *protocol,
                                    const char *name, int port, const char *state, void *opaque) {
  (void)client, (void)id, (void)protocol, (void)name, (void)port, (void)state;
  count(ON_STATE, opaque, &interceptors);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_destroy(rd_kafka_t *client, void *opaque) {
  (void)client;
  count(ON_DESTROY, opaque, &interceptors);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *client, const rd_kafka_conf_t *conf, void *opaque,
                                  char *why, size_t size) {
  (void)conf, (void)why, (void)size;
  count(ON_NEW, opaque, &interceptors);
  rd_kafka_interceptor_add_on_send(client, "application", on_send, &interceptors);
  rd_kafka_interceptor_add_on_acknowledgement(client, "application", on_acknowledgement,
                                              &interceptors);
  rd_kafka_interceptor_add_on_request_sent(client, "application", on_request_sent, &interceptors);
  rd_kafka_interceptor_add_on_response_received(client, "application", on_response_received,
                                                &interceptors);
  rd_kafka_interceptor_add_on_broker_state_change(client, "application", on_state, &interceptors);
  rd_kafka_interceptor_add_on_destroy(client, "application", on_destroy, &interceptors);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

int main(int argc, char **argv) {
  char why[512];
  if (argc < 3) return 2;
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", argv[1], NULL, 0);
  rd_kafka_conf_set(conf, "statistics.interval.ms", "10", NULL, 0);
  for (int i = 3; i < argc; i++) {
    char *value = strchr(argv[i], '=');
    if (!value) return 2;
    *value++ = '\0';
    if (rd_kafka_conf_set(conf, argv[i], value, why, sizeof why) != RD_KAFKA_CONF_OK) {
      fprintf(stderr, "%s\n", why);
      return 2;
    }
  }
  rd_kafka_conf_set_opaque(conf, &applications);
  rd_kafka_conf_set_socket_cb(conf, socket_cb);
  rd_kafka_conf_set_connect_cb(conf, connect_cb);
  rd_kafka_conf_set_closesocket_cb(conf, closesocket_cb);
  rd_kafka_conf_set_stats_cb(conf, stats_cb);
  rd_kafka_conf_set_dr_msg_cb(conf, dr_msg_cb);
  rd_kafka_conf_set_error_cb(conf, error_cb);
  rd_kafka_conf_interceptor_add_on_new(conf, "application", on_new, &interceptors);

  rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
  if (!client) {
    fprintf(stderr, "%s\n", why);
    return 2;
  }
  rd_kafka_producev(client, RD_KAFKA_V_TOPIC(argv[2]), RD_KAFKA_V_VALUE((void *)"message", 7),
                    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
  rd_kafka_resp_err_t left = rd_kafka_flush(client, 30000);
  rd_kafka_poll(client, 100);
  rd_kafka_destroy(client);
  for (int i = 0; i < COUNTERS; i++) printf("%s %d\n", names[i], counts[i]);
  return left ? 1 : 0;
}
