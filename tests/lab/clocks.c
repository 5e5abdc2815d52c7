/* Preloaded: the clocks of one process, set by another. Two numbers in the file that CLOCKS names,
   nanoseconds each, are added to the clock on the wall and to the one that goes on in a sleep. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { WALL, BOOT, CLOCKS };

static volatile const long long *added;
static int (*told)(clockid_t, struct timespec *);

__attribute__((constructor)) static void open_clocks(void)
{
	const char *path = getenv("CLOCKS");
	int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map = file < 0 ? MAP_FAILED : mmap(NULL, CLOCKS * sizeof *added, PROT_READ, MAP_SHARED, file, 0);

	added = map == MAP_FAILED ? NULL : map;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	if (!told)
		told = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	int status = told(clock, now);

	if (status || !added || (clock != CLOCK_REALTIME && clock != CLOCK_BOOTTIME))
		return status;
	long long ns = now->tv_nsec + added[clock == CLOCK_REALTIME ? WALL : BOOT];
	now->tv_sec += ns / 1000000000;
	now->tv_nsec = ns % 1000000000;
	if (now->tv_nsec < 0) {
		now->tv_nsec += 1000000000;
		now->tv_sec--;
	}
	return 0;
}
