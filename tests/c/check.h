/*
 * What a C test needs: RUN runs a test function, CHECK and its kin end the program with the place
 * and the values when they do not hold. The same sources compile as C11 and as C++17.
 */
#ifndef CHECK_H
#define CHECK_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <scramtoken.h>

#define CHECK_FAIL(...) \
  (fprintf(stderr, "%s:%d: ", __FILE__, __LINE__), fprintf(stderr, __VA_ARGS__), \
   fputc('\n', stderr), exit(1))

#define CHECK(condition) \
  do { \
    if (!(condition)) CHECK_FAIL("not so: %s", #condition); \
  } while (0)

#define CHECK_INT(expression, expected) \
  do { \
    int64_t check_got = (int64_t)(expression), check_want = (int64_t)(expected); \
    if (check_got != check_want) \
      CHECK_FAIL("%s is %" PRId64 ", not %" PRId64, #expression, check_got, check_want); \
  } while (0)

#define CHECK_STATUS(expression, expected) \
  do { \
    scramtoken_status check_got = (expression); \
    if (check_got != (expected)) \
      CHECK_FAIL("%s is %s, not %s (last error: %s)", #expression, \
                 scramtoken_status_name(check_got), #expected, scramtoken_last_error()); \
  } while (0)

#define CHECK_OK(expression) CHECK_STATUS(expression, SCRAMTOKEN_OK)

#define CHECK_TEXT(expression, expected) \
  do { \
    const char *check_got = (expression), *check_want = (expected); \
    if (check_got == NULL || strcmp(check_got, check_want) != 0) \
      CHECK_FAIL("%s is \"%s\", not \"%s\"", #expression, check_got ? check_got : "(null)", \
                 check_want); \
  } while (0)

#define CHECK_CONTAINS(expression, part) \
  do { \
    const char *check_got = (expression), *check_part = (part); \
    if (check_got == NULL || strstr(check_got, check_part) == NULL) \
      CHECK_FAIL("%s is \"%s\", without \"%s\"", #expression, check_got ? check_got : "(null)", \
                 check_part); \
  } while (0)

/* Bytes against a text. */
#define CHECK_BYTES(bytes, len, expected) \
  do { \
    const char *check_want = (expected); \
    if ((len) != strlen(check_want) || memcmp((bytes), check_want, (len)) != 0) \
      CHECK_FAIL("%s is \"%.*s\", not \"%s\"", #bytes, (int)(len), (const char *)(bytes), \
                 check_want); \
  } while (0)

/* The two that come up most. */
#define BAD SCRAMTOKEN_ERR_INVALID_ARGUMENT
#define STATE SCRAMTOKEN_ERR_INVALID_STATE

#define RUN(test) (printf("%s\n", #test), fflush(stdout), test())

/* A text as the two arguments that bytes travel as. */
#define BYTES(text) (const uint8_t *)(text), strlen(text)

/* Where an output must stay untouched, it points here before and after. */
#define UNTOUCHED ((const uint8_t *)(uintptr_t)0x5ca1ab1e)
#define UNTOUCHED_LEN ((size_t)0x5ca1ab1e)

#endif
