/* Runs a program and writes its wall time in microseconds and its peak memory in KB to a file.
 *
 * usage: peak FILE PROGRAM [ARGUMENT]...
 *
 * A process inherits the peak of who forked it, across exec; so who measures must itself be small,
 * which Python is not. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: peak FILE PROGRAM [ARGUMENT]...\n");
		return 2;
	}
	long long start = now_us();
	pid_t child = fork();
	if (child == 0) {
		execv(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	int status;
	struct rusage usage;
	if (child < 0 || wait4(child, &status, 0, &usage) != child) {
		perror("peak");
		return 2;
	}
	long long end = now_us();
	FILE *file = fopen(argv[1], "w");
	if (!file || fprintf(file, "%lld %ld\n", end - start, usage.ru_maxrss) < 0 || fclose(file)) {
		perror(argv[1]);
		return 2;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
