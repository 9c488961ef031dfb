/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/test_policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/log.h"
#include "common/names.h"
#include "supervisor/explain.h"
#include "supervisor/explain_view.h"
#include "supervisor/helper.h"
#include "supervisor/policy_data.h"
#include "supervisor/view.h"

#define ANSWER_MS 5000
#define SET_MS 60000
#define NOBODY 65534		/* for an advisor that root starts */

/* What a test works with. */
struct test {
	const struct test_policy *o;
	struct programs programs;
	struct privileges privileges;
	struct conf *conf;
	struct conf_listener listener;
	struct policy_data *data;
	struct helper advisor, librarian;
	char name[NAME_BYTES];
	struct explain_question question;
	json_t *problems;	/* what stood in the way of an answer */
};

/* data is the test. */
static void report(void *data, const char *text)
{
	struct test *t = data;

	fprintf(stderr, "tlsward: %s\n", text);
	json_array_append_new(t->problems, view_text(text));
}

static int broken(struct test *t, const char *what, const char *why)
{
	char text[2 * MSG_PATH_MAX];

	snprintf(text, sizeof text, "%s: %s", what, why);
	report(t, text);
	return TEST_POLICY_BROKEN;
}

static int script_error(struct test *t, const char *what)
{
	char text[2 * MSG_PATH_MAX];

	policy_script_error(&t->data->scripts[0], t->o->script, what, text, sizeof text);
	report(t, text);
	return TEST_POLICY_BROKEN;
}

static int usage(const char *what, const char *why)
{
	fprintf(stderr, "tlsward: %s: %s\n", what, why);
	return TEST_POLICY_USAGE;
}

/* --- what is asked --- */

static void default_listener(struct test *t, const char *name)
{
	static char nothing[] = "", *none[] = { NULL };

	t->listener = (struct conf_listener){ .name = (char *)(uintptr_t)name, .backend = nothing, .alpn = none };
	for (int d = 0; d < DEADLINE_COUNT; d++)
		t->listener.deadlines.ms[d] = deadline_default_ms(d);
}

static int choose_listener(struct test *t)
{
	const char *wanted = t->o->listener;

	for (int i = 0; t->conf && i < t->conf->listeners_n; i++) {
		if (wanted && strcmp(t->conf->listeners[i].name, wanted) != 0)
			continue;
		t->question.listener = &t->conf->listeners[i];
		return 0;
	}
	if (t->conf)
		return usage("--listener", "the configuration has no listener of that name");
	if (wanted && strlen(wanted) > CONF_NAME_MAX)
		return usage("--listener", "the name is too long");
	default_listener(t, wanted ? wanted : "https");
	t->question.listener = &t->listener;
	return 0;
}

static int read_options(struct test *t)
{
	const char *sni = t->o->sni ? t->o->sni : "";
	struct addr peer;

	t->question.host = t->name;
	t->question.from = t->o->from ? t->o->from : EXPLAIN_FROM;
	if (*sni && !name_is_ip(sni) && !name_normalize(sni, strlen(sni), false, t->name))
		return usage("--sni", "that is no host name");
	if (addr_from_ip(&peer, t->question.from, 0) < 0)
		return usage("--from", "that is no IPv4 or IPv6 address");
	if (t->o->alpn && explain_alpn(&t->question, t->o->alpn) < 0)
		return usage("--alpn", "must be names of protocols with commas between, such as h2,http/1.1");
	if (t->o->conf) {
		t->conf = conf_read(t->o->conf, report, t);
		if (!t->conf)
			return TEST_POLICY_BROKEN;
	}
	return choose_listener(t);
}

/* --- the script --- */

static int open_script(struct test *t)
{
	char *path = realpath(t->o->script, NULL);
	struct conf conf = { .policy = { .budget_ms = 10, .memory = 1 << 20 } };
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0) {
		int rc = broken(t, t->o->script, strerror(errno));
		free(path);
		return rc;
	}
	if (t->conf)
		conf.policy = t->conf->policy;
	/* Its host sets lie beside it, whatever the configuration says. */
	char *folder = strdup(path);
	if (folder)
		*strrchr(folder, '/') = '\0';
	conf.policy.scripts = folder && *folder ? folder : (char[]){ "/" };
	t->data = policy_data_new(&conf);
	int rc = t->data ? policy_data_add_script(t->data, path, fd) : -ENOMEM;
	free(folder);
	free(path);
	return rc < 0 ? broken(t, t->o->script, strerror(-rc)) : 0;
}

static int add_sets(struct test *t, struct bytes names)
{
	for (size_t at = 0; at < names.size;) {
		const char *name = (const char *)names.data + at;
		size_t n = strnlen(name, names.size - at);
		int rc = n < names.size - at ? policy_data_add_set(t->data, name) : -EBADMSG;
		if (rc < 0)
			return broken(t, t->o->script, strerror(-rc));
		at += n + 1;
	}
	return 0;
}

static int wrong_settings(struct test *t, struct bytes wrong)
{
	char text[MSG_PATH_MAX + MSG_TEXT_MAX];
	struct buf in;

	buf_init_read(&in, wrong.data, wrong.size);
	while (policy_script_wrong(&t->data->scripts[0], &in, text, sizeof text))
		report(t, text);
	return TEST_POLICY_BROKEN;
}

static int check_script(struct test *t)
{
	struct policy_script *script = &t->data->scripts[0];
	struct msg_script m = policy_script_message(script);
	struct msg q = { .type = MSG_SCRIPT_REQ, .script_req = { .name = m.name, .path = m.path, .settings = m.settings,
		.budget_us = t->data->budget_us, .memory = t->data->memory } };
	int rc = helper_send(&t->advisor, &q, &script->file, 1);

	if (rc == 0)
		rc = helper_wait(&t->advisor, MSG_SCRIPT_ANS, ANSWER_MS);
	if (rc < 0)
		return broken(t, "the advisor does not answer", strerror(-rc));
	const struct msg_script_ans *a = &t->advisor.answer.script_ans;
	if (a->wrong.size > 0)
		return wrong_settings(t, a->wrong);
	if (*a->error)
		return script_error(t, a->error);
	script->text = packet_take_fd(&t->advisor.packet, 0);
	return add_sets(t, a->sets);
}

/* --- its host sets --- */

static int make_set(struct test *t, struct policy_set *set)
{
	struct msg q = { .type = MSG_SET_REQ, .set_req = { .path = set->path } };
	int file = open(set->path, O_RDONLY | O_CLOEXEC), rc;
	unsigned line;
	int n = 0;

	if (file < 0)
		return broken(t, set->path, strerror(errno));
	rc = helper_send(&t->librarian, &q, &file, 1);
	close(file);
	if (rc == 0)
		rc = helper_wait(&t->librarian, MSG_SET_ANS, SET_MS);
	if (rc < 0)
		return broken(t, "the librarian does not answer", strerror(-rc));
	const char *error = t->librarian.answer.set_ans.error;
	if (sscanf(error, "line %u: %n", &line, &n) == 1 && n > 0) {
		char where[MSG_PATH_MAX + 16];
		snprintf(where, sizeof where, "%s:%u", set->path, line);
		return broken(t, where, error + n);
	}
	if (*error)
		return broken(t, set->path, error);
	set->fd = packet_take_fd(&t->librarian.packet, 0);
	return 0;
}

static int make_sets(struct test *t)
{
	int rc = 0;

	if (t->data->sets_n == 0)
		return 0;
	int started = helper_start(&t->librarian, ROLE_LIBRARIAN, &t->programs, &t->privileges, LOG_LEVEL_ERROR);
	if (started < 0)
		return broken(t, "the librarian cannot be started", strerror(-started));
	for (int i = 0; i < t->data->sets_n && rc == 0; i++)
		rc = make_set(t, &t->data->sets[i]);
	return rc;
}

/* --- asking --- */

static int load(struct test *t)
{
	struct policy_script *script = &t->data->scripts[0];
	struct msg m = { .type = MSG_POLICY, .policy = { .generation = 1, .scripts_n = 1, .sets_n = (uint16_t)t->data->sets_n,
		.budget_us = t->data->budget_us, .memory = t->data->memory } };
	int rc = helper_send(&t->advisor, &m, NULL, 0);

	for (int i = 0; i < t->data->sets_n && rc == 0; i++) {
		struct msg set = { .type = MSG_SET, .set = { .name = t->data->sets[i].name } };
		rc = helper_send(&t->advisor, &set, &t->data->sets[i].fd, 1);
	}
	struct msg last = { .type = MSG_SCRIPT, .script = policy_script_message(script) };
	if (rc == 0)
		rc = helper_send(&t->advisor, &last, &script->text, 1);
	if (rc == 0)
		rc = helper_wait(&t->advisor, MSG_POLICY_ANS, ANSWER_MS);
	if (rc < 0)
		return broken(t, "the advisor does not answer", strerror(-rc));
	const char *error = t->advisor.answer.policy_ans.error;
	return *error ? script_error(t, error) : 0;
}

static void print_line(const char *question, const char *answer, const char *where)
{
	printf("%-9s %s", question, *where ? answer : "no opinion");
	if (*where)
		printf("   (%s)", where);
	putchar('\n');
}

static void print_answers(const struct msg_explain_ans *a, const struct deadlines *before)
{
	char text[512];
	size_t n = 0;

	snprintf(text, sizeof text, "no, alert %s", explain_alert(a->alert));
	print_line("allow", a->allowed ? "yes" : text, a->allow_where);
	*text = '\0';
	for (int d = 0; d < DEADLINE_COUNT; d++)
		if (a->deadlines.ms[d] != before->ms[d])
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%s=%.10g", n ? " " : "", deadline_name(d), a->deadlines.ms[d] / 1e3);
	print_line("timeouts", n ? text : "as configured", a->timeouts_where);
	print_line("chain", a->chain, a->chain_where);
	print_line("route", a->backend, a->route_where);
}

/* Takes o. */
static void print_json(json_t *o)
{
	json_dumpf(o, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(o);
}

static void print_problems(const char *problems)
{
	for (const char *p = problems; *p;) {
		size_t n = strcspn(p, "\n");
		fprintf(stderr, "tlsward: %.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
}

static int print(struct test *t, const struct msg_explain_ans *a)
{
	if (t->o->json) {
		print_json(explain_view(NULL, a, t->name, t->question.from, t->question.listener->name));
	} else {
		print_answers(a, &t->question.listener->deadlines);
	}
	print_problems(a->problems);
	return *a->problems ? TEST_POLICY_BROKEN : a->allowed ? TEST_POLICY_FINE : TEST_POLICY_REFUSES;
}

static int ask(struct test *t)
{
	struct msg q = { .type = MSG_EXPLAIN_REQ, .explain_req = explain_message(&t->question) };

	q.explain_req.scripts_only = true;
	int rc = helper_send(&t->advisor, &q, NULL, 0);
	if (rc == 0)
		rc = helper_wait(&t->advisor, MSG_EXPLAIN_ANS, ANSWER_MS);
	if (rc < 0)
		return broken(t, "the advisor does not answer", strerror(-rc));
	const struct msg_explain_ans *a = &t->advisor.answer.explain_ans;
	return *a->error ? broken(t, "the advisor", a->error) : print(t, a);
}

static int start(struct test *t)
{
	char err[512];
	int rc = programs_open(&t->programs, err, sizeof err);

	if (rc < 0) {
		report(t, err);
		return TEST_POLICY_BROKEN;
	}
	log_init(STDERR_FILENO, "tlsward", LOG_LEVEL_WARNING);
	t->privileges.switches = geteuid() == 0;
	for (int i = 0; i < ROLE_COUNT; i++)
		t->privileges.roles[i] = t->privileges.switches ? (struct identity){ NOBODY, NOBODY } : (struct identity){ geteuid(), getegid() };
	rc = helper_start(&t->advisor, ROLE_ADVISOR, &t->programs, &t->privileges, LOG_LEVEL_DEBUG);
	return rc < 0 ? broken(t, "the advisor cannot be started", strerror(-rc)) : 0;
}

int test_policy(const struct test_policy *o)
{
	static struct test t;

	t = (struct test){ .o = o, .problems = json_array() };
	for (int i = 0; i < ROLE_COUNT; i++)
		t.programs.fds[i] = -1;
	int rc = read_options(&t);
	if (rc == 0)
		rc = open_script(&t);
	if (rc == 0)
		rc = start(&t);
	if (rc == 0)
		rc = check_script(&t);
	if (rc == 0)
		rc = make_sets(&t);
	if (rc == 0)
		rc = load(&t);
	if (rc == 0)
		rc = ask(&t);
	/* Whoever reads JSON gets some, whatever has happened. */
	if (o->json && json_array_size(t.problems) > 0)
		print_json(json_pack("{s:O}", "problems", t.problems));
	if (fflush(stdout) != 0 || ferror(stdout))
		rc = broken(&t, "standard output", strerror(errno));
	json_decref(t.problems);
	helper_end(&t.librarian);
	helper_end(&t.advisor);
	policy_data_free(t.data);
	programs_close(&t.programs);
	conf_free(t.conf);
	return rc;
}
