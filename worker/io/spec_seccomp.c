/*
 * The default seccomp profile, deny by default: what podman's and Docker's allow, as a table. A
 * call that matters for the host alone comes with the capability that it needs anyway. Names that
 * a host's libseccomp does not know are skipped by the runtimes.
 */
#include "worker/io/spec_seccomp.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "worker/io/capabilities.h"
#include "worker/io/spec_json.h"

/* CLONE_NEW* of all namespaces but time: what clone() must not ask for. */
#define CLONE_NAMESPACES 0x7e020000U
#define AF_VSOCK_NUMBER  40
#define WORDS_SEPARATOR  " "

/* Names with a space between them. */
static const char always[] =
    "accept accept4 access adjtimex alarm arch_prctl bind brk cachestat capget capset chdir chmod "
    "chown chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
    "clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect "
    "copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old "
    "epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit "
    "exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod "
    "fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr "
    "flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate "
    "ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake futimesat "
    "get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid getegid32 geteuid "
    "geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid "
    "getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage "
    "getsid getsockname getsockopt gettid gettimeofday getuid getuid32 getxattr inotify_add_watch "
    "inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents "
    "io_pgetevents_time64 io_setup io_submit ioctl ioprio_get ioprio_set ipc kill "
    "landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr "
    "link linkat listen listxattr llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 "
    "madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod "
    "mknodat mlock mlock2 mlockall mmap mmap2 modify_ldt mprotect mq_getsetattr mq_notify mq_open "
    "mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap "
    "msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep "
    "newfstatat _newselect open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 "
    "pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 "
    "prlimit64 process_mrelease pselect6 pselect6_time64 ptrace pwrite64 pwritev pwritev2 read "
    "readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg "
    "remap_file_pages removexattr rename renameat renameat2 restart_syscall rmdir rseq "
    "rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend "
    "rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max "
    "sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler "
    "sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr "
    "sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop "
    "semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list "
    "set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 "
    "setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid setresgid32 "
    "setresuid setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 "
    "setxattr shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 sigpending "
    "sigprocmask sigreturn sigsuspend socketcall socketpair splice stat stat64 statfs statfs64 "
    "statx symlink symlinkat sync sync_file_range sync_file_range2 syncfs sysinfo tee tgkill time "
    "timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime "
    "timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime "
    "timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat "
    "utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev";

struct capability_calls {
    const char *capability;
    const char *names;
};

static const struct capability_calls with_capability[] = {
    { "CAP_DAC_READ_SEARCH", "open_by_handle_at" },
    { "CAP_SYS_ADMIN",
      "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount "
      "mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname "
      "sethostname setns syslog umount umount2 unshare" },
    { "CAP_SYS_BOOT", "reboot" },
    { "CAP_SYS_CHROOT", "chroot" },
    { "CAP_SYS_MODULE", "delete_module finit_module init_module" },
    { "CAP_SYS_PACCT", "acct" },
    { "CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev" },
    { "CAP_SYS_RAWIO", "ioperm iopl" },
    { "CAP_SYS_TIME", "clock_settime clock_settime64 settimeofday stime" },
    { "CAP_SYS_TTY_CONFIG", "vhangup" },
    { "CAP_SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node" },
    { "CAP_SYSLOG", "syslog" },
    { "CAP_BPF", "bpf" },
    { "CAP_PERFMON", "perf_event_open" },
};

/* personality() may ask for these and nothing else; the last only asks what it is. */
static const uint32_t personalities[] = { 0x0, 0x8, 0x20000, 0x20008, 0xffffffff };

static json_t *make_names(const char *words)
{
    json_t *names = json_array();

    while (*words != '\0') {
        size_t size = strcspn(words, WORDS_SEPARATOR);

        (void)json_array_append_new(names, json_stringn_nocheck(words, size));
        words += size + (words[size] != '\0');
    }
    return names;
}

static json_t *add_rule(json_t *rules, const char *words, const char *action)
{
    json_t *rule = json_object();

    spec_put(rule, "names", make_names(words));
    spec_put_text(rule, "action", action);
    (void)json_array_append_new(rules, rule);
    return rule;
}

/* The rule holds when argument 0 compares so. */
static void put_argument(json_t *rule, const char *op, uint64_t value, uint64_t value_two)
{
    json_t *argument = json_object();
    json_t *arguments = json_array();

    spec_put_number(argument, "index", 0);
    spec_put_number(argument, "value", value);
    spec_put_number(argument, "valueTwo", value_two);
    spec_put_text(argument, "op", op);
    (void)json_array_append_new(arguments, argument);
    spec_put(rule, "args", arguments);
}

static void add_argument_rules(json_t *rules)
{
    for (size_t i = 0; i < sizeof(personalities) / sizeof(*personalities); i++)
        put_argument(add_rule(rules, "personality", "SCMP_ACT_ALLOW"), "SCMP_CMP_EQ",
                     personalities[i], 0);
    /* VSOCK reaches past every network namespace. */
    put_argument(add_rule(rules, "socket", "SCMP_ACT_ALLOW"), "SCMP_CMP_NE", AF_VSOCK_NUMBER, 0);
}

static bool has_capability(uint64_t bits, const char *name)
{
    for (unsigned i = 0; i < CAPABILITY_COUNT; i++) {
        if (strcmp(capability_name(i), name) == 0)
            return (bits & (UINT64_C(1) << i)) != 0;
    }
    return false;
}

static void add_capability_rules(json_t *rules, uint64_t bounding)
{
    for (size_t i = 0; i < sizeof(with_capability) / sizeof(*with_capability); i++) {
        if (has_capability(bounding, with_capability[i].capability))
            (void)add_rule(rules, with_capability[i].names, "SCMP_ACT_ALLOW");
    }
    if (has_capability(bounding, "CAP_SYS_ADMIN"))
        return;

    put_argument(add_rule(rules, "clone", "SCMP_ACT_ALLOW"), "SCMP_CMP_MASKED_EQ", CLONE_NAMESPACES,
                 0);
    /* Its flags lie in memory, where a filter cannot look; libc falls back to clone(). */
    spec_put_number(add_rule(rules, "clone3", "SCMP_ACT_ERRNO"), "errnoRet", ENOSYS);
}

static json_t *make_architectures(void)
{
#if defined(__x86_64__)
    static const char *const names[] = { "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32" };
#elif defined(__aarch64__)
    static const char *const names[] = { "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM" };
#else
    static const char *const names[] = { NULL };
#endif
    size_t count = names[0] == NULL ? 0 : sizeof(names) / sizeof(*names);

    return spec_texts(names, count);
}

struct json_t *spec_seccomp(uint64_t bounding)
{
    json_t *profile = json_object();
    json_t *rules = json_array();

    (void)add_rule(rules, always, "SCMP_ACT_ALLOW");
    add_argument_rules(rules);
    add_capability_rules(rules, bounding);
    spec_put_text(profile, "defaultAction", "SCMP_ACT_ERRNO");
    spec_put_number(profile, "defaultErrnoRet", EPERM);
    spec_put(profile, "architectures", make_architectures());
    spec_put(profile, "syscalls", rules);
    return profile;
}
