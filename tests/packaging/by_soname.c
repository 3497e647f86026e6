/* Finds the library as a host does that is not linked with it: by SONAME. */
#include <dlfcn.h>
#include <scramtoken.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  void *library = dlopen("libscramtoken.so.0", RTLD_NOW | RTLD_LOCAL);
  void *symbol = library == NULL ? NULL : dlsym(library, "scramtoken_version");
  if (symbol == NULL) return fprintf(stderr, "%s\n", dlerror()), 1;
  const char *(*version)(void);
  memcpy(&version, &symbol, sizeof version); /* C casts no data pointer to a function's */
  puts(version());
  return 0;
}
