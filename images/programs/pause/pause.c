/*
 * Does nothing, until it is told to stop.
 *
 * It is the first process of a group of containers that share namespaces: they
 * live as long as it does. When it is process 1 of a process namespace, the
 * orphans of the other containers become its children, so it reaps them.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

int main(void)
{
	sigset_t awaited;

	sigemptyset(&awaited);
	sigaddset(&awaited, SIGINT);
	sigaddset(&awaited, SIGTERM);
	sigaddset(&awaited, SIGCHLD);

	/* Blocked signals stay pending until sigwaitinfo takes them: no handler,
	 * and no moment in which one could be missed. */
	if (sigprocmask(SIG_BLOCK, &awaited, NULL) < 0) {
		perror("pause: sigprocmask");
		return EXIT_FAILURE;
	}

	/* Children that ended before the mask was set. */
	reap();

	for (;;) {
		int got = sigwaitinfo(&awaited, NULL);

		if (got == SIGCHLD) {
			reap();
		} else if (got > 0) {
			return EXIT_SUCCESS;
		} else if (errno != EINTR) {
			perror("pause: sigwaitinfo");
			return EXIT_FAILURE;
		}
	}
}
