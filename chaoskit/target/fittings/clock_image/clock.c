/* Tells a program another time of day than the kernel's, for as long as a fault asks for it.
 *
 * Preloaded into a service's processes. The offset is eight bytes in a file of the instance that is
 * mapped into each of them, so a change is seen at once and asking costs nothing. Only the time of
 * day is touched: the monotonic clock, and with it sleeps and time-outs, goes on as it is. Whoever
 * waits until a time of day means the one he was told, so such deadlines are put right.
 *
 * libfaketime was tried first. Its 0.9.10 (Debian 12) takes absolute deadlines of the monotonic clock
 * for times of day, so that they fail or end at once, and leaves others an offset too far away.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define CONTROL "/run/chaoskit-clock/offset"
#define NS 1000000000LL
/* A deadline beyond this is a time of day; no machine has been up for sixteen years. */
#define TIME_OF_DAY 500000000L

static volatile const long long *control;
static long long looked_at_ns;

/* The function of this name that we stand in for. */
#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) real = dlsym(RTLD_NEXT, #name)

static int real_clock(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    return real(clock, now);
}

/* The first who asks makes the file, because later it may have another root or another user. */
static void make(void) {
    int file = open(CONTROL, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0) return;
    long long none = 0;
    if (write(file, &none, sizeof none) != sizeof none) unlink(CONTROL);
    close(file);
}

/* Map the file; without one, look again a hundredth of a second later. */
static void look(void) {
    struct timespec now;
    struct stat found;
    real_clock(CLOCK_MONOTONIC, &now);
    long long now_ns = now.tv_sec * NS + now.tv_nsec;
    if (!looked_at_ns) make();
    else if (now_ns - looked_at_ns < NS / 100) return;
    looked_at_ns = now_ns;
    int file = open(CONTROL, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    if (fstat(file, &found) == 0 && found.st_size >= (off_t)sizeof *control) {
        void *mapped = mmap(0, sizeof *control, PROT_READ, MAP_SHARED, file, 0);
        if (mapped != MAP_FAILED) control = mapped;
    }
    close(file);
}

static long long offset_ns(void) {
    if (!control) look();
    return control ? *control : 0;
}

static int is_time_of_day(clockid_t clock) {
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ||
           clock == CLOCK_REALTIME_ALARM || clock == CLOCK_TAI;
}

static void add(struct timespec *time, long long ns) {
    long long sum = time->tv_nsec + ns % NS;
    time->tv_sec += ns / NS + (sum >= NS) - (sum < 0);
    time->tv_nsec = sum + (sum < 0 ? NS : 0) - (sum >= NS ? NS : 0);
}

/* A deadline as the kernel must be told it. */
static const struct timespec *truly(const struct timespec *told, struct timespec *room) {
    if (!told || told->tv_sec < TIME_OF_DAY) return told;
    *room = *told;
    add(room, -offset_ns());
    return room;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = real_clock(clock, now);
    if (!failed && is_time_of_day(clock)) add(now, offset_ns());
    return failed;
}

int gettimeofday(struct timeval *now, void *zone) {
    REAL(gettimeofday);
    int failed = real(now, zone);
    if (!failed) {
        struct timespec told = {now->tv_sec, now->tv_usec * 1000};
        add(&told, offset_ns());
        now->tv_sec = told.tv_sec;
        now->tv_usec = told.tv_nsec / 1000;
    }
    return failed;
}

time_t time(time_t *kept) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (kept) *kept = now.tv_sec;
    return now.tv_sec;
}

int timespec_get(struct timespec *now, int base) {
    REAL(timespec_get);
    int known = real(now, base);
    if (known == TIME_UTC) add(now, offset_ns());
    return known;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *left) {
    REAL(clock_nanosleep);
    struct timespec room;
    return real(clock, flags, flags & TIMER_ABSTIME ? truly(time, &room) : time, left);
}

int pthread_cond_timedwait(pthread_cond_t *one, pthread_mutex_t *mutex, const struct timespec *end) {
    REAL(pthread_cond_timedwait);
    struct timespec room;
    return real(one, mutex, truly(end, &room));
}

int pthread_cond_clockwait(
    pthread_cond_t *one, pthread_mutex_t *mutex, clockid_t clock, const struct timespec *end) {
    REAL(pthread_cond_clockwait);
    struct timespec room;
    return real(one, mutex, clock, truly(end, &room));
}

int pthread_mutex_timedlock(pthread_mutex_t *one, const struct timespec *end) {
    REAL(pthread_mutex_timedlock);
    struct timespec room;
    return real(one, truly(end, &room));
}

int pthread_mutex_clocklock(pthread_mutex_t *one, clockid_t clock, const struct timespec *end) {
    REAL(pthread_mutex_clocklock);
    struct timespec room;
    return real(one, clock, truly(end, &room));
}

int pthread_rwlock_timedrdlock(pthread_rwlock_t *one, const struct timespec *end) {
    REAL(pthread_rwlock_timedrdlock);
    struct timespec room;
    return real(one, truly(end, &room));
}

int pthread_rwlock_timedwrlock(pthread_rwlock_t *one, const struct timespec *end) {
    REAL(pthread_rwlock_timedwrlock);
    struct timespec room;
    return real(one, truly(end, &room));
}

int sem_timedwait(sem_t *one, const struct timespec *end) {
    REAL(sem_timedwait);
    struct timespec room;
    return real(one, truly(end, &room));
}

int sem_clockwait(sem_t *one, clockid_t clock, const struct timespec *end) {
    REAL(sem_clockwait);
    struct timespec room;
    return real(one, clock, truly(end, &room));
}

int timerfd_settime(
    int timer, int flags, const struct itimerspec *next, struct itimerspec *before) {
    REAL(timerfd_settime);
    struct itimerspec room = *next;
    if (flags & TFD_TIMER_ABSTIME) truly(&next->it_value, &room.it_value);
    return real(timer, flags, &room, before);
}

int timer_settime(
    timer_t timer, int flags, const struct itimerspec *next, struct itimerspec *before) {
    REAL(timer_settime);
    struct itimerspec room = *next;
    if (flags & TIMER_ABSTIME) truly(&next->it_value, &room.it_value);
    return real(timer, flags, &room, before);
}
