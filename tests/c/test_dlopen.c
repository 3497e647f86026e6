/*
 * A host may dlclose the library at any time: it stays mapped, since thread-locals do not survive
 * an unmapping. This program is not linked with it.
 */
#define _POSIX_C_SOURCE 200809L /* pthreads */

#include <dlfcn.h>
#include <pthread.h>

#include "check.h"

static __typeof__(&scramtoken_client_new) client_new;
static __typeof__(&scramtoken_last_error) last_error;
static pthread_barrier_t failed, closed;

static void *open_library(void) {
  const char *path = getenv("SCRAMTOKEN_LIBRARY");
  CHECK(path != NULL);
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  CHECK(library != NULL);
  return library;
}

static void find(void *library, const char *name, void *function) {
  void *symbol = dlsym(library, name);
  CHECK(symbol != NULL);
  memcpy(function, &symbol, sizeof symbol);
}

static void fail(void) {
  scramtoken_client *client = NULL;
  CHECK(client_new("PLAIN", &client) == SCRAMTOKEN_ERR_UNSUPPORTED_MECHANISM);
  CHECK(strstr(last_error(), "mechanism") != NULL);
}

/* Ends, and so drops its last error, after the library was closed. */
static void *fail_and_outlive(void *unused) {
  fail();
  pthread_barrier_wait(&failed);
  pthread_barrier_wait(&closed);
  return unused;
}

/* First without thread-locals, which would keep the library mapped for as long as their thread. */
static void it_stays_mapped_after_dlclose(void) {
  void *library = open_library();
  __typeof__(&scramtoken_version) version, again;
  find(library, "scramtoken_version", &version);
  const char *text = version();
  CHECK(dlclose(library) == 0);
  CHECK_TEXT(version(), text);
  library = open_library();
  find(library, "scramtoken_version", &again);
  CHECK(again == version);
  CHECK(dlclose(library) == 0);
}

static void a_thread_may_outlive_the_dlclose(void) {
  CHECK(pthread_barrier_init(&failed, NULL, 2) == 0 && pthread_barrier_init(&closed, NULL, 2) == 0);
  void *library = open_library();
  find(library, "scramtoken_client_new", &client_new);
  find(library, "scramtoken_last_error", &last_error);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, fail_and_outlive, NULL) == 0);
  pthread_barrier_wait(&failed);
  fail();
  CHECK(dlclose(library) == 0);
  fail();
  pthread_barrier_wait(&closed);
  pthread_join(thread, NULL);
}

int main(void) {
  RUN(it_stays_mapped_after_dlclose);
  RUN(a_thread_may_outlive_the_dlclose);
  return 0;
}
