// SPDX-License-Identifier: BSD-2-Clause
/* shunt explain: the rule that decides a connection, and why. */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/dial.h"
#include "cli/greet.h"
#include "cli/lately.h"
#include "cli/marks.h"
#include "cli/policy.h"
#include "cli/preload.h"
#include "rdma/rdma.h"

/* What is asked. */
struct question {
	struct policy_query query;
	const char *program;	/* or NULL */
	const char *conf;
	bool conf_given;
	bool dial;
	bool porcelain;
	struct environment environment;
};

/* What is answered. */
struct answer {
	struct policy_decision decision;
	bool for_programs;	/* `other` is what some program would get */
	struct policy_decision other;
	enum reason host;	/* REASON_none: this host can use RDMA now */
	struct listener_mark listener;	/* of role listen */
	struct syn_mark syn;	/* of role connect */
	struct dialled dialled;	/* with --dial */
	struct greeted greeted;	/* with --dial, if a program would greet */
	struct lately lately;
};

static const char *role_name(const struct question *question)
{
	return question->query.role == POLICY_CONNECT ? "connect" : "listen";
}

static void set_role(struct question *question, const char *text)
{
	if (!strcmp(text, "listen"))
		question->query.role = POLICY_LISTEN;
	else if (strcmp(text, "connect"))
		cli_fail(STATUS_USAGE, "--role %s: not connect or listen",
			 text);
}

static void set_address(struct question *question, const char *text)
{
	if (addr_parse(text, &question->query.remote))
		cli_fail(STATUS_USAGE, "%s: not ADDRESS:PORT (a numeric "
			 "address; IPv6 in brackets)", text);
	question->query.port = addr_port(&question->query.remote);
}

static void parse(int argc, char **argv, struct question *question)
{
	static const struct option long_options[] = {
		{ "program", required_argument, NULL, 'p' },
		{ "role", required_argument, NULL, 'r' },
		{ "conf", required_argument, NULL, 'c' },
		{ "dial", no_argument, NULL, 'd' },
		{ "porcelain", no_argument, NULL, 'P' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	question->conf = cli_policy_path(&question->environment,
					 &question->conf_given);
	while ((option = getopt_long(argc, argv, "p:r:c:d", long_options,
				     NULL)) >= 0) {
		if (option == 'p') {
			question->program = optarg;
		} else if (option == 'r') {
			set_role(question, optarg);
		} else if (option == 'c') {
			question->conf = optarg;
			question->conf_given = true;
		} else if (option == 'd') {
			question->dial = true;
		} else if (option == 'P') {
			question->porcelain = true;
		} else {
			cli_usage("explain", STATUS_USAGE);
		}
	}
	if (argc - optind != 1)
		cli_usage("explain", STATUS_USAGE);
	set_address(question, argv[optind]);
	if (question->dial && question->query.role != POLICY_CONNECT)
		cli_fail(STATUS_USAGE,
			 "--dial: a listener is not dialled (no --role listen with it)");
}

/* No client has it: the question is of any client. */
static bool of_any_client(const struct question *question)
{
	return question->query.role == POLICY_LISTEN &&
	       addr_is_any(&question->query.remote);
}

/*
 * Load for one program and decide; of a listener, `any` is about any client.
 * False: refused, and the decisions say so.
 */
static bool decide(const struct question *question,
		   const struct program *program, struct problems *problems,
		   struct policy_decision *decision,
		   struct policy_decision *any)
{
	struct load_request request = {
		.path = question->conf,
		.may_miss = !question->conf_given,
		.environment = &question->environment,
		.program = program,
	};
	struct load_result result;
	bool fine;

	fine = load_policy(&request, &result, problems) != NULL;
	if (!fine)
		result.policy = table_refusing(REASON_bad_policy);
	if (!result.policy)
		cli_fail(STATUS_OWN_FAILURE, "there is no memory");
	if (result.note[0] && problems->put)
		cli_warn("%s", result.note);
	policy_decide_listener(result.policy, question->query.port, any);
	policy_decide(result.policy, &question->query, decision);
	if (of_any_client(question))
		*decision = *any;
	table_free(result.policy);
	load_done(&result);
	return fine;
}

/* The program's names: of a bare name, the path that would be run. */
static struct program *name_program(const char *name)
{
	struct program *program = cli_alloc(sizeof(*program));
	char *path = preload_find_program(name);

	program_named(program, path ? path : name);
	free(path);
	return program;
}

/* Without --program: would a rule for certain programs have been first? */
static void decide_every(const struct question *question,
			 struct answer *answer)
{
	struct program *every = cli_alloc(sizeof(*every));
	struct problems silent = { .put = NULL };
	struct policy_decision any;

	every->every = true;
	decide(question, every, &silent, &answer->other, &any);
	answer->for_programs = strcmp(answer->decision.source,
				      answer->other.source) != 0;
	free(every);
}

static void find_marks(const struct question *question,
		       const struct policy_decision *any,
		       struct answer *answer)
{
	if (question->query.role == POLICY_LISTEN)
		marks_of_listener(&question->query.remote, any,
				  &answer->listener);
	else
		marks_of_syn(&question->query.remote, &answer->syn);
}

static const char *host_sentence(const struct answer *answer)
{
	return answer->host == REASON_none ? "this host can use RDMA now" :
	       reason_sentence(answer->host);
}

/* Why this host would not greet a server that is marked, or NULL. */
static const char *unable(const struct answer *answer)
{
	if (answer->decision.mode == POLICY_TCP)
		return "the policy here says tcp";
	return answer->host == REASON_none ? NULL : host_sentence(answer);
}

static bool is_greeted(const struct question *question,
		       const struct answer *answer)
{
	return question->dial && answer->dialled.result == DIAL_READ &&
	       answer->dialled.finding == MARK_SEEN && !unable(answer);
}

static bool find_answer(const struct question *question,
			struct answer *answer)
{
	struct problems problems = { .put = cli_put_problem, .arg = stderr };
	struct program *program = NULL;
	struct policy_decision any;
	bool fine;

	if (question->program)
		program = name_program(question->program);
	fine = decide(question, program, &problems, &answer->decision, &any);
	if (!program && fine)
		decide_every(question, answer);
	free(program);
	find_marks(question, &any, answer);
	if (answer->decision.mode != POLICY_TCP)
		answer->host = rdma_open();
	if (question->dial)
		dial_server(&question->query.remote, &answer->dialled);
	if (is_greeted(question, answer))
		greet_server(&question->query.remote, question->conf,
			     &answer->greeted);
	lately_find(&question->query, &answer->lately);
	return fine;
}

static const char *sentence(const struct policy_decision *decision)
{
	switch (decision->mode) {
	case POLICY_PREFER:
		return "RDMA if both ends and the network can, otherwise TCP";
	case POLICY_REQUIRE:
		return "RDMA, or the connection fails";
	default:
		return reason_sentence(decision->reason);
	}
}

static void print_greeting(const struct question *question,
			   const struct policy_decision *decision)
{
	if (question->query.role != POLICY_CONNECT)
		return;
	if (decision->greeting == POLICY_GREETING_PROBE)
		puts("  greets  any server, also one whose mark is not seen");
	else if (decision->greeting == POLICY_GREETING_TRUSTED)
		puts("  greets  any server, trusted to run shunt");
}

static void print_lane_remote(const struct policy_lane_remote *where)
{
	char text[INET6_ADDRSTRLEN];

	if (!where->peer && where->count == 0)
		return;
	printf("  lane    its other end is at%s",
	       where->peer ? " TCP's" : "");
	for (unsigned i = 0; i < where->count; i++) {
		if (where->prefixes[i].family == AF_UNSPEC) {
			printf(" *");
			continue;
		}
		inet_ntop(where->prefixes[i].family, where->prefixes[i].bytes,
			  text, sizeof(text));
		printf(" %s/%u", text, where->prefixes[i].length);
	}
	puts("");
}

static void print_flags(const struct policy_decision *decision)
{
	if (decision->nat)
		puts("  nat     a proxy or source NAT between is accepted");
	if (decision->auth)
		puts(decision->auth_required ?
		     "  auth    a lane is for who has the rule's key" :
		     "  auth    who has the rule's key proves it; others may have lanes, too");
	print_lane_remote(&decision->lane_remote);
	if (decision->any_path)
		puts("  path    the program's choice of one is no matter");
	if (decision->drain)
		puts("  drain   a reload to tcp moves it back");
}

/* Would the SYN of a program under shunt be marked? */
static bool marks_syn(const struct question *question,
		      const struct answer *answer)
{
	return question->dial || (answer->decision.mode != POLICY_TCP &&
				  answer->host == REASON_none);
}

/* What the two ends' SYNs say, and what this end can see of the other's. */
static void print_marks(const struct question *question,
			const struct answer *answer)
{
	bool porcelain = question->porcelain;

	if (question->query.role == POLICY_LISTEN)
		marks_put_listener(&answer->listener, porcelain);
	else if (marks_syn(question, answer))
		marks_put_syn(&answer->syn, porcelain);
	if (question->dial)
		dial_put(&answer->dialled, unable(answer), porcelain);
	if (is_greeted(question, answer))
		greet_put(&answer->greeted, porcelain);
	lately_put(&answer->lately, porcelain);
}

static void print_human(const struct question *question,
			const struct answer *answer)
{
	const struct policy_decision *decision = &answer->decision;
	const struct policy_decision *other = &answer->other;
	char address[ADDR_TEXT_MAX];

	printf("%s %s: %s\n", role_name(question),
	       addr_format(&question->query.remote, address),
	       value_mode_name(decision->mode));
	printf("  rule    %s%s%s%s%s\n", decision->rule,
	       decision->source[0] ? " (" : "", decision->source,
	       decision->source[0] ? ")" : "",
	       !of_any_client(question) ? "" :
	       decision->mode == POLICY_TCP ? ", for every client"
					    : ", for some clients at least");
	printf("  policy  %s\n", question->conf);
	printf("  reason  %s\n", sentence(decision));
	if (decision->mode != POLICY_TCP) {
		print_greeting(question, decision);
		print_flags(decision);
		printf("  here    %s\n", host_sentence(answer));
		if (*rdma_trouble())
			printf("  but     %s\n", rdma_trouble());
	}
	if (answer->for_programs)
		printf("  but     for certain programs %s (%s) says %s: "
		       "use --program\n", other->rule, other->source,
		       value_mode_name(other->mode));
	print_marks(question, answer);
}

static void print_pair(const char *key, const char *value)
{
	printf("%s\t%s\n", key, value);
}

static void print_porcelain(const struct question *question,
			    const struct answer *answer)
{
	const struct policy_decision *decision = &answer->decision;
	char address[ADDR_TEXT_MAX];

	print_pair("role", role_name(question));
	print_pair("address", addr_format(&question->query.remote, address));
	print_pair("program", question->program ? question->program : "");
	print_pair("policy", question->conf);
	print_pair("mode", value_mode_name(decision->mode));
	print_pair("rule", decision->rule);
	print_pair("source", decision->source);
	print_pair("reason", reason_name(decision->reason));
	print_pair("sentence", sentence(decision));
	if (decision->mode != POLICY_TCP) {
		print_pair("host", reason_name(answer->host));
		print_pair("trouble", rdma_trouble());
	}
	print_marks(question, answer);
}

int command_explain(int argc, char **argv)
{
	struct question question = { .program = NULL };
	struct answer answer = { .for_programs = false };
	bool fine;

	cli_environment(&question.environment);
	parse(argc, argv, &question);
	fine = find_answer(&question, &answer);
	if (question.porcelain)
		print_porcelain(&question, &answer);
	else
		print_human(&question, &answer);
	environment_free(&question.environment);
	if (question.dial && answer.dialled.result == DIAL_UNREACHED)
		return STATUS_PROBLEM;
	return fine ? STATUS_FINE : STATUS_PROBLEM;
}
