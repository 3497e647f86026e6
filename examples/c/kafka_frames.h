/*
 * Kafka's frames, as far as a SASL login needs them (https://kafka.apache.org/protocol):
 * a four-byte length, a header, and big-endian integers, strings and bytes. Every length
 * from the broker is checked against the frame before it is used.
 */
#ifndef KAFKA_FRAMES_H
#define KAFKA_FRAMES_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define KAFKA_FRAME_MAX 16384 /* bytes; a SCRAM message has at most 4096 */

typedef struct kafka_frame {
  uint8_t bytes[KAFKA_FRAME_MAX];
  size_t len;  /* bytes in use */
  size_t at;   /* where the next read begins */
  bool broken; /* an item went past the end: nothing in the frame can be trusted */
} kafka_frame;

/* ---- writing ---- */

static inline void kafka_put(kafka_frame *frame, const void *bytes, size_t len) {
  if (len > KAFKA_FRAME_MAX - frame->len) {
    frame->broken = true;
    return;
  }
  if (len > 0) memcpy(frame->bytes + frame->len, bytes, len);
  frame->len += len;
}

static inline void kafka_put_int(kafka_frame *frame, int64_t value, size_t width) {
  uint8_t big_endian[8];
  for (size_t i = 0; i < width; i++)
    big_endian[i] = (uint8_t)((uint64_t)value >> (8 * (width - 1 - i)));
  kafka_put(frame, big_endian, width);
}

static inline void kafka_put_uvarint(kafka_frame *frame, uint64_t value) {
  for (; value >= 0x80; value >>= 7) kafka_put_int(frame, (int64_t)(value & 0x7f) | 0x80, 1);
  kafka_put_int(frame, (int64_t)value, 1);
}

static inline void kafka_put_string(kafka_frame *frame, const char *text) {
  kafka_put_int(frame, (int64_t)strlen(text), 2);
  kafka_put(frame, text, strlen(text));
}

static inline void kafka_put_compact_bytes(kafka_frame *frame, const uint8_t *bytes, size_t len) {
  kafka_put_uvarint(frame, (uint64_t)len + 1); /* 0 would mean null */
  kafka_put(frame, bytes, len);
}

/* Tagged fields end each part of a flexible message; a login sends none. */
static inline void kafka_put_no_tagged_fields(kafka_frame *frame) { kafka_put_uvarint(frame, 0); }

/* ---- reading ---- */

static inline const uint8_t *kafka_get(kafka_frame *frame, size_t len) {
  if (frame->broken || len > frame->len - frame->at) {
    frame->broken = true;
    return NULL;
  }
  frame->at += len;
  return frame->bytes + (frame->at - len);
}

static inline int64_t kafka_get_int(kafka_frame *frame, size_t width) {
  const uint8_t *bytes = kafka_get(frame, width);
  if (bytes == NULL) return 0;
  uint64_t value = bytes[0] & 0x80 ? UINT64_MAX : 0; /* the sign reaches all the way up */
  for (size_t i = 0; i < width; i++) value = value << 8 | bytes[i];
  return (int64_t)value;
}

static inline size_t kafka_get_uvarint(kafka_frame *frame) {
  size_t value = 0;
  for (unsigned shift = 0; shift < 32; shift += 7) {
    const uint8_t *byte = kafka_get(frame, 1);
    if (byte == NULL) return 0;
    value |= (size_t)(*byte & 0x7f) << shift;
    if (*byte < 0x80) return value;
  }
  frame->broken = true;
  return 0;
}

/* Compact bytes or a compact string; null reads as empty. */
static inline const uint8_t *kafka_get_compact(kafka_frame *frame, size_t *len) {
  size_t len_plus_one = kafka_get_uvarint(frame);
  *len = len_plus_one == 0 ? 0 : len_plus_one - 1;
  return kafka_get(frame, *len);
}

static inline void kafka_skip_tagged_fields(kafka_frame *frame) {
  for (size_t left = kafka_get_uvarint(frame); left > 0 && !frame->broken; left--) {
    kafka_get_uvarint(frame); /* the tag */
    kafka_get(frame, kafka_get_uvarint(frame));
  }
}

/* ---- requests ---- */

/* Starts a request; the header of a flexible one ends with tagged fields. */
static inline void kafka_begin(kafka_frame *frame, int16_t key, int16_t version,
                               int32_t correlation_id, bool flexible) {
  frame->len = frame->at = 0;
  frame->broken = false;
  kafka_put_int(frame, 0, 4); /* the length, set by kafka_call */
  kafka_put_int(frame, key, 2);
  kafka_put_int(frame, version, 2);
  kafka_put_int(frame, correlation_id, 4);
  kafka_put_string(frame, "scramtoken-login"); /* client id */
  if (flexible) kafka_put_no_tagged_fields(frame);
}

/* With MSG_WAITALL the socket's timeout bounds the whole of it, not each byte. */
static inline const char *kafka_receive(int fd, uint8_t *bytes, size_t len) {
  ssize_t got = recv(fd, bytes, len, MSG_WAITALL);
  if (got == (ssize_t)len) return NULL;
  if (got == 0) return "the broker closed the connection";
  if (got > 0) return "the broker stopped in the middle of a frame";
  return errno == EAGAIN || errno == EWOULDBLOCK ? "the broker did not answer in time"
                                                 : strerror(errno);
}

/* Sends the request in `frame` and reads the answer to it into `frame`, up to what follows its
 * correlation id. Returns NULL, or what went wrong. */
static inline const char *kafka_call(int fd, kafka_frame *frame) {
  uint8_t correlation_id[4], length[4];
  if (frame->broken) return "the request does not fit into a frame";
  memcpy(correlation_id, frame->bytes + 8, 4);
  size_t request_len = frame->len;
  frame->len = 0;
  kafka_put_int(frame, (int64_t)request_len - 4, 4);
  for (size_t sent = 0; sent < request_len;) {
    ssize_t n = send(fd, frame->bytes + sent, request_len - sent, MSG_NOSIGNAL);
    if (n <= 0) return strerror(errno);
    sent += (size_t)n;
  }

  const char *error = kafka_receive(fd, length, sizeof length);
  if (error != NULL) return error;
  frame->len = (size_t)length[0] << 24 | (size_t)length[1] << 16 | (size_t)length[2] << 8;
  frame->len |= length[3];
  frame->at = 0;
  if (frame->len < 4 || frame->len > KAFKA_FRAME_MAX)
    return "the answer is no Kafka frame (is this listener SASL_SSL, or no broker at all?)";
  error = kafka_receive(fd, frame->bytes, frame->len);
  if (error != NULL) return error;
  if (memcmp(kafka_get(frame, 4), correlation_id, 4) != 0)
    return "the answer is to another request";
  return NULL;
}

#endif
