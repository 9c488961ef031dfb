/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "config.h"

/* What the supervisor works with after its start. */
static const unsigned kept[] = {
	CAP_NET_BIND_SERVICE,	/* a listener that a reload adds */
	CAP_KILL,		/* end processes of other users */
	CAP_SETUID, CAP_SETGID,	/* start processes as other users */
	CAP_SYS_PTRACE,		/* look at processes of other users */
	CAP_DAC_READ_SEARCH,	/* the opener reads keys that only root may */
};

static void add_missing(struct privileges *p, const char *text)
{
	size_t n = strlen(p->missing);

	snprintf(p->missing + n, sizeof p->missing - n, "%s%s", n > 0 ? ", " : "", text);
}

static int look_up(const char *user, struct identity *id)
{
	char *end;
	errno = 0;
	unsigned long number = strtoul(user, &end, 10);
	bool numeric = *user >= '0' && *user <= '9' && *end == '\0' && errno == 0 && number < (uid_t)-1;
	struct passwd *pw = numeric ? getpwuid((uid_t)number) : getpwnam(user);

	if (!pw && !numeric)
		return -ENOENT;
	id->uid = pw ? pw->pw_uid : (uid_t)number;
	id->gid = pw ? pw->pw_gid : (gid_t)number;
	return 0;
}

static int resolve_one(struct identity *id, const char *setting, const char *user, conf_report *report, void *data)
{
	char text[512];

	if (look_up(user, id) < 0)
		snprintf(text, sizeof text, "%s: there is no user \"%s\"; make it (adduser --system --group --no-create-home %s) or name another", setting, user, user);
	else if (id->uid == 0)
		snprintf(text, sizeof text, "%s: \"%s\" is root, which no role may run as; name another user", setting, user);
	else
		return 0;
	report(data, text);
	return -EINVAL;
}

static int resolve_users(struct privileges *p, const struct conf *conf, conf_report *report, void *data)
{
	struct identity *roles = p->roles;
	int rc = resolve_one(&roles[ROLE_WORKER], "user", conf->user, report, data);

	rc |= resolve_one(&roles[ROLE_KEEPER], "keeper_user", conf->keeper_user, report, data);
	rc |= resolve_one(&roles[ROLE_LIBRARIAN], "librarian_user", conf->librarian_user, report, data);
	roles[ROLE_LOGGER] = roles[ROLE_ADVISOR] = roles[ROLE_WORKER];
	if (rc != 0)
		return -EINVAL;
	uid_t worker = roles[ROLE_WORKER].uid, keeper = roles[ROLE_KEEPER].uid, librarian = roles[ROLE_LIBRARIAN].uid;
	if (worker == keeper || keeper == librarian)
		add_missing(p, "the keeper shares its user with another role");
	else if (worker == librarian)
		add_missing(p, "workers and librarian share a user");
	return 0;
}

int privilege_resolve(struct privileges *p, const struct conf *conf, bool insecure, conf_report *report, void *data)
{
	*p = (struct privileges){ 0 };
	capng_get_caps_process();
	p->switches = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETUID) && capng_have_capability(CAPNG_EFFECTIVE, CAP_SETGID);
	if (!p->switches) {
		for (int i = 0; i < ROLE_COUNT; i++)
			p->roles[i] = (struct identity){ geteuid(), getegid() };
		add_missing(p, "all processes share one user, because tlsward was not started as root");
	} else if (resolve_users(p, conf, report, data) < 0) {
		return -EINVAL;
	}
	if (!conf->sandbox)
		add_missing(p, "no system call filters (sandbox = \"off\")");
#ifdef WITH_SANITIZERS
	else
		add_missing(p, "no system call filters (built with sanitizers)");
#endif
	if (!conf->sandbox && geteuid() == 0 && !insecure) {
		report(data, "sandbox = \"off\" is refused when started as root; use sandbox = \"on\", start as another user, or add --insecure if you mean it");
		return -EINVAL;
	}
	return 0;
}

/* Keeps those of the wanted that the process has; -EPERM if it cannot. */
static int keep(const unsigned *caps, size_t n, capng_select_t what)
{
	bool have[CAP_LAST_CAP + 1] = { false };

	capng_get_caps_process();
	for (size_t i = 0; i < n; i++)
		have[caps[i]] = capng_have_capability(CAPNG_PERMITTED, caps[i]);
	capng_clear(what);
	for (size_t i = 0; i < n; i++) {
		if (!have[caps[i]])
			continue;
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, caps[i]);
		if (what == CAPNG_SELECT_BOTH)
			capng_update(CAPNG_ADD, CAPNG_BOUNDING_SET, caps[i]);
	}
	return capng_apply(what) == 0 ? 0 : -EPERM;
}

int privilege_reduce(void)
{
	capng_get_caps_process();
	bool bounds = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return keep(kept, sizeof kept / sizeof kept[0], bounds ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS);
}

static const char *change_user(const struct identity *id)
{
	if (setgroups(0, NULL) < 0)
		return "setgroups";
	if (setresgid(id->gid, id->gid, id->gid) < 0)
		return "setresgid";
	if (setresuid(id->uid, id->uid, id->uid) < 0)
		return "setresuid";
	return NULL;
}

/* Those that have any stay the supervisor's user. */
static const unsigned *caps_of(enum role role, size_t *n)
{
	static const unsigned looking[] = { CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE };

	*n = role == ROLE_WITNESS ? 2 : role == ROLE_OPENER ? 1 : 0;
	return looking;
}

const char *privilege_become(const struct privileges *p, enum role role)
{
	size_t n;
	const unsigned *caps = caps_of(role, &n);
	const char *failed = NULL;

	if (p->switches && n == 0)
		failed = change_user(&p->roles[role]);
	if (failed)
		return failed;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return "no_new_privs";
	if (keep(caps, n, CAPNG_SELECT_CAPS) < 0)
		return "dropping capabilities";
	return NULL;
}
